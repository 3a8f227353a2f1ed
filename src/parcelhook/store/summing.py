"""Summing up: the counters of hours that are over, once more by the day and by four weeks.

Attempts are counted for the hour in which they are recorded, so an hour that is over does not change, and recording need not
pay for the longer spans. Whoever reads adds the hours that are not summed up yet (`spans.pieces_until`).
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, ColumnElement, Connection, Table, func, literal_column, select, update
from sqlalchemy.dialects import postgresql, sqlite

from parcelhook.store.counting import ALL, HOUR_MS
from parcelhook.store.database import Transaction
from parcelhook.store.schema import (
    accounts,
    counter_sums,
    counters,
    endpoints,
    receipt_counters,
    receipt_sums,
    summed_up,
    time_counters,
    time_sums,
)
from parcelhook.store.spans import COARSE

# An hour is left alone for so long after its end: a clock that was set back may still count for it.
GRACE_HOURS: Final = 1

_SUMS: Final = ((counters, counter_sums), (time_counters, time_sums), (receipt_counters, receipt_sums))
_OWN: Final = ("account_id", "span", "start")  # of a row of sums, beside what it tells apart as the hour does


def until(connection: Connection) -> int:
    """The hour until which (not included) all is summed up."""
    return int(connection.execute(select(summed_up.c.until_hour)).scalar_one())


def sum_up_step(transaction: Transaction, now_ms: int) -> bool:
    """Sum up the next hour that is over; whether there was one."""
    connection = transaction.sql
    over = now_ms // HOUR_MS - GRACE_HOURS
    begin = until(connection)
    hour = _next(connection, begin)
    if hour is None or hour >= over:
        if over > begin:
            connection.execute(update(summed_up).values(until_hour=over))
        return False
    for table, sums in _SUMS:
        for span in COARSE:
            _add(connection, table, sums, hour, span)
    connection.execute(update(summed_up).values(until_hour=hour + 1))
    return True


def _next(connection: Connection, begin: int) -> int | None:
    """The next hour that has any counters; every account's own, for their rows lie together."""
    owners = connection.execute(select(accounts.c.id)).scalars().all()
    found = [
        connection.execute(
            select(func.min(counters.c.hour)).where(
                counters.c.account_id == owner, counters.c.endpoint_id == ALL, counters.c.hour >= begin
            )
        ).scalar()
        for owner in owners
    ]
    return min((hour for hour in found if hour is not None), default=None)


def _add(connection: Connection, table: Table, sums: Table, hour: int, span: int) -> None:
    keys = [column.name for column in sums.primary_key if column.name not in _OWN]
    figures = [column.name for column in sums.c if not column.primary_key]
    grouped = [table.c.account_id, *(table.c[key] for key in keys)]
    query = (
        select(
            table.c.account_id,
            func.max(span),
            func.max(hour // span),
            *(table.c[key] for key in keys),
            *(func.sum(table.c[name]) for name in figures),
        )
        .where(table.c.hour == hour)
        .group_by(*grouped)
    )
    # By the owners, endpoints or accounts, one by one: their counters lie apart. What stands for all endpoints is left out.
    # Named so that no owner can be looked up by its id: else the database would walk all counters and look up whose they are.
    if "endpoint_id" in table.c:
        mine = (table.c.account_id == _unindexed("endpoints.account_id")) & (
            table.c.endpoint_id == _unindexed("endpoints.id")
        )
        query = query.select_from(endpoints.join(table, mine))
    else:
        query = query.select_from(accounts.join(table, table.c.account_id == _unindexed("accounts.id")))
    if "test" in table.c:
        query = query.where(table.c.test.is_(False))
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    adding = insert(sums).from_select([*_OWN, *keys, *figures], query)
    connection.execute(
        adding.on_conflict_do_update(
            index_elements=list(sums.primary_key),
            set_={name: sums.c[name] + adding.excluded[name] for name in figures},
        )
    )


def _unindexed(column: str) -> ColumnElement[int]:
    return literal_column(f"+{column}", BigInteger)
