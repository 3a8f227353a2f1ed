"""Carrier hubs: how each signs its webhooks, and what each of them says. Pure: no I/O, no clock, no framework."""
