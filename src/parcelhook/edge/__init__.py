"""What API and dashboard share: how questions are read, and how lines of the log are shown and exported."""
