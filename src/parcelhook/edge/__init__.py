"""What API, dashboard and commands share: how events and questions are read, how lines of the log are shown and exported."""
