"""JSON over HTTP, one module a subject."""
