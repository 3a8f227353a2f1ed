"""What the database asks of the engine beneath it: SQLite in a file of our own, or a PostgreSQL server."""

from __future__ import annotations

from typing import Any, Protocol

from sqlalchemy import Connection, Engine

from parcelhook.store.hot import Hot


class StoreEngine(Protocol):
    """One of the two. `raw` is the driver's own connection."""

    engine: Engine
    place: str  # where the data lies, as people are told; without a password
    shared: bool  # whether other processes may write beside this one
    snapshot: str  # the statement that begins a transaction which only reads, and sees one state throughout

    def raw(self, connection: Connection) -> Any:
        """The driver's connection beneath SQLAlchemy's."""

    def hot(self, raw: Any) -> Hot:
        """The statements by hand."""

    def begin(self, raw: Any) -> None:
        """Begin a transaction that writes."""

    def commit(self, raw: Any) -> None:
        """Commit: it is on disk when this returns."""

    def roll_back(self, raw: Any) -> None:
        """Undo what was begun, if anything was."""

    def is_ours(self, error: Exception) -> bool:
        """Whether the engine failed, and not the job."""

    def may_go_again(self, error: Exception) -> bool:
        """Whether another transaction stood in the way, so that the same may well succeed now."""

    def refuses(self, error: Exception) -> bool:
        """Whether it would refuse the same again: the fault lies in what it was given."""

    def is_gone(self, error: Exception) -> bool:
        """Whether the connection is of no more use."""

    def open(self) -> None:
        """Begin whatever goes on beside the writer."""

    def close(self) -> None:
        """Let go of everything."""
