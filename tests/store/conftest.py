"""The store of a test: a real one, on a file of its own. Another store may be put in its place here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from parcelhook.store.database import Database


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """An empty store."""
    opened = Database(tmp_path / "data")
    yield opened
    opened.close()
