"""Many rows in one statement, by hand for SQLite; what accepting, claiming and recording are made of.

One statement carries many rows in and one JSON array carries many rows out. `executemany` and `fetchall` would let go
of the interpreter's lock at every row, and while the sender's thread is busy each time would cost a wait.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, Final

from parcelhook.shipping.events import EventKind

KIND_NUMBERS: Final = {EventKind.ORDER_SHIPPED: 1, EventKind.ORDER_ERROR: 2, EventKind.TRACKING_UPDATE: 3}
KINDS: Final = {number: kind for kind, number in KIND_NUMBERS.items()}


_CHUNKS: Final = (50, 10, 1)  # rows a statement


def insert(raw: sqlite3.Connection, table: str, columns: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert rows whose values stand in the order of `columns` (comma-separated names)."""
    for chunk in chunks(rows):
        raw.execute(_insert_statement(table, columns, len(chunk)), [value for row in chunk for value in row])


def add(raw: sqlite3.Connection, table: str, key: str, figures: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Add `figures` to what stands under `key`; rows hold the values of `key` and `figures` in that order."""
    for chunk in chunks(rows):
        raw.execute(_add_statement(table, key, figures, len(chunk)), [value for row in chunk for value in row])


def chunks(rows: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """The rows in pieces of a few fixed sizes, so that every statement stays prepared."""
    start = 0
    for size in _CHUNKS:
        while len(rows) - start >= size:
            yield rows[start : start + size]
            start += size


@cache
def _insert_statement(table: str, columns: str, rows: int) -> str:
    places = "(" + ", ".join("?" * (columns.count(",") + 1)) + ")"
    return f"INSERT INTO {table} ({columns}) VALUES {', '.join([places] * rows)}"  # noqa: S608  (all our own words)


@cache
def _add_statement(table: str, key: str, figures: str, rows: int) -> str:
    sums = ", ".join(f"{name} = {name} + excluded.{name}" for name in figures.split(", "))
    return f"{_insert_statement(table, key + ', ' + figures, rows)} ON CONFLICT ({key}) DO UPDATE SET {sums}"
