"""What many tests stand on: a server that runs for the whole session, a receiver of one's own, an account of one's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from receiver import Receiver
from server import Server
from stores import Databases


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    """PostgreSQL for whoever asks for it."""
    found = Databases(tmp_path_factory.mktemp("databases"))
    yield found
    found.stop()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A running server with short retries; tests do not see each other, for each takes an account of its own."""
    with Server(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver of one's own."""
    with Receiver() as listening:
        yield listening


@pytest.fixture
def account(server: Server) -> Iterator[httpx.Client]:
    """An account of one's own, by its HTTP client."""
    with server.account() as client:
        yield client


@pytest.fixture
def connect(account: httpx.Client, receiver: Receiver) -> Callable[..., dict[str, Any]]:
    """Connect a webhook to the receiver; without verification unless asked for."""

    def connect(path: str = "/webhooks", **fields: Any) -> dict[str, Any]:
        wanted = {
            "url": receiver.url(path),
            "events": ["order_shipped", "order_error", "tracking_update"],
            "verify": False,
            **fields,
        }
        answer = account.post("/v1/endpoints", json=wanted)
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    return connect
