"""The store of a test: a real one of each kind, empty and the test's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from parcelhook.store.database import Database, open_store
from stores import BOTH, store_url


@pytest.fixture(params=BOTH)
def engine(request: pytest.FixtureRequest) -> str:
    """Which of the stores; a test of one alone names it by `@pytest.mark.parametrize("engine", [...], indirect=True)`."""
    name: str = request.param
    return name


@pytest.fixture
def database(engine: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Database]:
    """An empty store."""
    with store_url(engine, request) as url:
        opened = open_store(tmp_path / "data", url)
        yield opened
        opened.close()
