"""Both stores for the tests: a folder, or a database of its own on one PostgreSQL server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from parcelhook.store.database import open_store
from postgres import Postgres

BOTH = ("sqlite", "postgresql")


class Databases:
    """One PostgreSQL server, started when the first database is asked for; most are copies of a migrated, empty one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._server: Postgres | None = None
        self._template: str | None = None

    @contextmanager
    def one(self) -> Iterator[str]:
        """The address of a store of one's own, which is dropped at the end."""
        if self._template is None:
            self._template = self._running().new_database()
            open_store(self._folder, self._running().url(self._template)).close()
        with self._copy(self._template) as url:
            yield url

    @contextmanager
    def empty(self) -> Iterator[str]:
        """The same without any schema."""
        with self._copy("template1") as url:
            yield url

    @contextmanager
    def _copy(self, template: str) -> Iterator[str]:
        name = self._running().new_database(template)
        try:
            yield self._running().url(name)
        finally:
            self._running().drop_database(name)

    def _running(self) -> Postgres:
        if self._server is None:
            self._server = Postgres(self._folder / "postgres", "fsync=off").start()  # a kill of it is tested elsewhere
        return self._server

    def stop(self) -> None:
        """Stop the server, if it was started."""
        if self._server is not None:
            self._server.stop()
            self._server.remove()


@contextmanager
def store_url(engine: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """What PARCELHOOK_DATABASE_URL is set to for that engine."""
    if engine == "sqlite":
        yield ""
        return
    databases: Databases = request.getfixturevalue("databases")
    with databases.one() as url:
        yield url
