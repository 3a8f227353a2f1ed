"""Parcelhook: the webhook system of a shipping platform, for anyone to host."""

from importlib.metadata import version

__version__ = version("parcelhook")
