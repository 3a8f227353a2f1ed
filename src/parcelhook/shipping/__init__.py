"""What the messages of a shipping platform are. Pure: no I/O, no clock, no framework."""
