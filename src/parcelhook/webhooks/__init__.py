"""What a webhook is: its endpoint, its request, its verdict, its retries. Pure: no I/O, no clock, no framework."""
