"""The engine: an event's way from acceptance to the log."""
