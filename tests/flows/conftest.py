"""What happens on the way of an event is the same on both stores."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from server import Server
from stores import BOTH, store_url


@pytest.fixture(scope="session", params=BOTH)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A running server on each of the stores."""
    with (
        store_url(request.param, request) as url,
        Server(tmp_path_factory.mktemp("server"), DATABASE_URL=url) as running,
    ):
        yield running


@pytest.fixture(params=BOTH)
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """For a server of one's own: the setting, for each of the stores."""
    with store_url(request.param, request) as url:
        yield url
