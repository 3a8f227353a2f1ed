"""Moving a store from one engine to another: every table, a few thousand rows at a time, then compared row by row.

What was moved before is not moved again. Tables whose ids grow go on where they were left; the others, which are small beside
them, begin anew unless they are whole.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, Table, delete, func, select, text, tuple_

from parcelhook.errors import Conflict
from parcelhook.store import days, ids, leases
from parcelhook.store.database import Database, Transaction
from parcelhook.store.postgresql import kept
from parcelhook.store.schema import accounts, endpoints_version, events, metadata, summed_up, tracking_numbers

ROWS_AT_ONCE: Final = 5_000
_OF_THE_PROCESSES: Final = {"nodes", "leases", "stream_position"}  # which say nothing of the data
_GIVEN: Final = (summed_up, endpoints_version)  # rows that every new store has
TABLES: Final = tuple(table for table in metadata.sorted_tables if table.name not in _OF_THE_PROCESSES)


class Progress(Struct, frozen=True, kw_only=True):
    """How far one table is; `compared` is False while it is being moved."""

    table: str
    rows: int
    of: int
    compared: bool


class Unequal(Conflict):
    """After the move a table of the target is not what the source has."""


def check_target(source: Database, target: Database) -> None:
    """Conflict if nodes run on the target, or it holds what is not the source's."""
    running = target.read_now(leases.living)
    if running:
        raise Conflict(f"{len(running)} nodes run on the target ({running[0].host}). Stop them first.")
    query = select(accounts.c.id)
    strangers = set(target.read_now(lambda c: c.execute(query).scalars().all())) - set(
        source.read_now(lambda c: c.execute(query).scalars().all())
    )
    if strangers:
        raise Conflict("The target holds accounts that the source does not have. Move into an empty database.")


def move(source: Database, target: Database) -> Iterator[Progress]:
    """Move everything, then compare. Raises Unequal naming the table that is not alike."""
    target.write_now(lambda transaction: _make_room(transaction, source))
    for table in TABLES:
        yield from _move_table(source, target, table)
    target.write_now(_go_on_counting)
    for table in TABLES:
        yield from _compare(source, target, table)


def _make_room(transaction: Transaction, source: Database) -> None:
    """Tables for the days there are events of; nothing where a row of the source is to stand."""
    oldest = source.read_now(lambda connection: connection.execute(select(func.min(events.c.id))).scalar())
    newest = source.read_now(lambda connection: connection.execute(select(func.max(events.c.id))).scalar())
    if oldest is not None and newest is not None:
        for when in range(ids.made_at(oldest), ids.made_at(newest) + days.DAY_MS, days.DAY_MS):
            days.prepare(transaction, when)
    for table in _GIVEN:
        transaction.sql.execute(delete(table))


def _go_on_counting(transaction: Transaction) -> None:
    """The numbers that the database gives by itself go on behind those that were moved."""
    if transaction.sql.dialect.name == "postgresql":
        sequence = "pg_get_serial_sequence('tracking_numbers', 'id')"
        newest = transaction.sql.execute(select(func.max(tracking_numbers.c.id))).scalar()
        if newest is not None:
            transaction.sql.execute(text(f"SELECT setval({sequence}, :newest)"), {"newest": newest})


def _move_table(source: Database, target: Database, table: Table) -> Iterator[Progress]:
    of, there = _count(source, table), _count(target, table)
    if there == of:
        yield Progress(table=table.name, rows=of, of=of, compared=False)
        return
    key = _growing(table)
    last: Any = None
    if key is not None:
        last = target.read_now(lambda connection: connection.execute(select(func.max(key))).scalar())
    else:
        there = 0
        target.write_now(lambda transaction: transaction.sql.execute(delete(table)))
    columns = ", ".join(column.name for column in table.columns)
    for rows in _read(source, table, last):
        target.write_now(lambda transaction, rows=rows: transaction.hot.insert(table.name, columns, rows))  # type: ignore[misc]
        there += len(rows)
        yield Progress(table=table.name, rows=there, of=of, compared=False)


def _compare(source: Database, target: Database, table: Table) -> Iterator[Progress]:
    of = _count(source, table)
    sums = [0, 0]
    counts = [0, 0]
    for index, database in enumerate((source, target)):
        for rows in _read(database, table, None):
            counts[index] += len(rows)
            sums[index] = (sums[index] + sum(map(_digest, rows))) % (1 << 64)
            yield Progress(table=table.name, rows=counts[index] // 2 + index * of // 2, of=of, compared=True)
    if counts[0] != counts[1]:
        raise Unequal(f"The table {table.name} has {counts[0]:,} rows in the source and {counts[1]:,} in the target.")
    if sums[0] != sums[1]:
        raise Unequal(f"The table {table.name} has as many rows in the target, and not the same.")
    yield Progress(table=table.name, rows=of, of=of, compared=True)


def _read(database: Database, table: Table, after: Any) -> Iterator[Sequence[tuple[Any, ...]]]:
    """The rows in the order of their key, from after that one on."""
    key = list(table.primary_key.columns)
    last: tuple[Any, ...] | None = None if after is None else (after,)
    while True:
        query = select(table).order_by(*key).limit(ROWS_AT_ONCE)
        if last is not None:
            query = query.where(tuple_(*key) > tuple_(*last) if len(key) > 1 else key[0] > last[0])
        rows = database.read_now(lambda c, query=query: [tuple(row) for row in c.execute(query)])  # type: ignore[misc]
        if rows:
            yield rows
        if len(rows) < ROWS_AT_ONCE:
            return
        places = [list(table.columns).index(column) for column in key]
        last = tuple(rows[-1][place] for place in places)


def _growing(table: Table) -> Any:
    """The one column of its key, if that is a number which grows with time."""
    key = list(table.primary_key.columns)
    return key[0] if len(key) == 1 and key[0].name in {"id", "attempt_id"} else None


def _count(database: Database, table: Table) -> int:
    def question(connection: Connection) -> int:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())

    return database.read_now(question)


def _digest(row: tuple[Any, ...]) -> int:
    """A number for a row, the same on both engines: a NUL in a text becomes what PostgreSQL keeps for it."""
    plain = [kept(value) if isinstance(value, str) else value for value in row]
    return int.from_bytes(hashlib.blake2b(msgspec.msgpack.encode(plain), digest_size=8).digest(), "big")
