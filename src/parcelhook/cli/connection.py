"""Which server a command talks to, and as whom."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from parcelhook.client import ApiError, Client

URL = "PARCELHOOK_URL"
KEY = "PARCELHOOK_API_KEY"
DEFAULT_URL = "http://127.0.0.1:8080"


@contextmanager
def connected() -> Iterator[Client]:
    """A client by the environment: PARCELHOOK_URL and PARCELHOOK_API_KEY."""
    key = os.environ.get(KEY, "")
    if not key:
        raise ApiError(
            f"No API key: set {KEY} to the one that `parcelhook serve` showed at its first start, "
            "or make one with `parcelhook keys create`."
        )
    with Client(os.environ.get(URL, DEFAULT_URL), key) as client:
        yield client
