"""The days of events, attempts and what went over the wire: in PostgreSQL each lies in a table of its own.

An id begins with the time it was made at, so a day is a range of ids. What is older than the retention goes by dropping its
table, which costs nothing however many rows it has. What falls into no day lies in the table that ends in `_rest`, and in
the embedded store all is one table: there the rows go step by step (`store.retention`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Final

from msgspec import Struct
from sqlalchemy import Connection, Table, delete, exists, func, select, text

from parcelhook.store import ids
from parcelhook.store.database import Transaction
from parcelhook.store.schema import attempts, deliveries, events, exchanges, given_ids

DAY_MS: Final = 86_400_000
AHEAD: Final = 3  # days that are made before they begin
_PARTED: Final = (events, attempts, exchanges)


class Day(Struct, frozen=True):
    """A day of a table: from the first id to the one before `end_id`."""

    name: str
    first_id: int
    end_id: int


def prepare(transaction: Transaction, now_ms: int) -> None:
    """Make the tables of today and of the next days, where they are not there yet."""
    connection = transaction.sql
    if connection.dialect.name == "sqlite":
        return
    for table in _PARTED:
        made = {day.name for day in _days(connection, table)}
        for ahead in range(AHEAD + 1):
            day = _day(table, now_ms + ahead * DAY_MS)
            if day.name in made or _holds_any(connection, f"{table.name}_rest", day):
                continue
            connection.exec_driver_sql(
                f"CREATE TABLE IF NOT EXISTS {day.name} PARTITION OF {table.name} FOR VALUES FROM ({day.first_id}) TO ({day.end_id})"
            )


def drop_step(transaction: Transaction, before_ms: int) -> int:
    """Drop the oldest day that ended before that and is needed no more; how many rows it had, 0 if there is none.

    An event is needed as long as a delivery or a line of the log is there that tells of it.
    """
    connection = transaction.sql
    if connection.dialect.name == "sqlite":
        return 0
    before = ids.first_id_at(before_ms)
    for table in (exchanges, attempts, events):
        for day in _days(connection, table):
            if day.end_id > before or (table is events and _is_needed(connection, day)):
                continue
            rows = connection.execute(select(func.count()).select_from(text(day.name))).scalar_one()
            if table is events:
                _forget_given_ids(connection, day)
            # Whoever reads the table holds the drop up, and a drop that waits holds everybody up: it comes again.
            connection.exec_driver_sql("SET LOCAL lock_timeout = '1s'")
            connection.exec_driver_sql(f"DROP TABLE {day.name}")
            return max(1, rows)
    return 0


def _days(connection: Connection, table: Table) -> Iterator[Day]:
    """The days that are there, oldest first."""
    found = connection.execute(
        text(
            "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
            "WHERE i.inhparent = CAST(:parent AS regclass) AND c.relname ~ '_[0-9]{8}$' ORDER BY c.relname"
        ),
        {"parent": table.name},
    )
    for name in found.scalars().all():
        begin = dt.datetime.strptime(name[-8:], "%Y%m%d").replace(tzinfo=dt.UTC)
        yield _day(table, int(begin.timestamp()) * 1_000)


def _day(table: Table, when_ms: int) -> Day:
    begin = when_ms // DAY_MS * DAY_MS
    written = dt.datetime.fromtimestamp(begin / 1_000, dt.UTC).strftime("%Y%m%d")
    return Day(f"{table.name}_{written}", ids.first_id_at(begin), ids.first_id_at(begin + DAY_MS))


def _holds_any(connection: Connection, rest: str, day: Day) -> bool:
    column = "attempt_id" if rest.startswith(exchanges.name) else "id"
    found = connection.exec_driver_sql(
        f"SELECT EXISTS (SELECT 1 FROM {rest} WHERE {column} >= {day.first_id} AND {column} < {day.end_id})"  # noqa: S608
    )
    return bool(found.scalar_one())


def _is_needed(connection: Connection, day: Day) -> bool:
    return any(
        connection.execute(
            select(exists().where(table.c.event_id >= day.first_id, table.c.event_id < day.end_id))
        ).scalar_one()
        for table in (deliveries, attempts)
    )


def _forget_given_ids(connection: Connection, day: Day) -> None:
    of_day = (events.c.id >= day.first_id, events.c.id < day.end_id, events.c.given_id.is_not(None))
    connection.execute(
        delete(given_ids).where(
            exists().where(
                *of_day, events.c.account_id == given_ids.c.account_id, events.c.given_id == given_ids.c.given_id
            )
        )
    )
