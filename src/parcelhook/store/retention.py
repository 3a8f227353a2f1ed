"""Retention: what is old leaves in small steps, each a short walk along a primary key that grows with time.

A step never scans: it begins where the one before ended, so ten million rows cost no more a step than ten thousand.
"""

from __future__ import annotations

import itertools

from msgspec import Struct
from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Table,
    delete,
    exists,
    func,
    select,
    true,
    update,
)

from parcelhook.store import ids, spans
from parcelhook.store.counting import ALL
from parcelhook.store.database import Transaction
from parcelhook.store.schema import (
    PENDING,
    DeliveryState,
    accounts,
    attempts,
    counter_sums,
    counters,
    deliveries,
    endpoints,
    event_counters,
    events,
    exchanges,
    given_ids,
    idempotency,
    receipt_counters,
    receipt_sums,
    time_counters,
    time_sums,
    tracking_counters,
    transit_counters,
)
from parcelhook.store.tallies import View

ROWS_A_STEP = 500
KEYS_KEPT_MS = 24 * 3_600_000  # an Idempotency-Key is remembered for a day


class Step(Struct, frozen=True):
    """What a step did: how many rows are gone, and the id to go on from, None when nothing older is left."""

    rows: int
    position: int | None


def cancel_pending_step(transaction: Transaction, before_ms: int, position: int, now_ms: int) -> Step:
    """Cancel deliveries that are pending for longer than the retention: their endpoint was disabled all that time."""
    found, step = _next(transaction.sql, deliveries, before_ms, position)
    if found:
        transaction.sql.execute(
            update(deliveries)
            .where(deliveries.c.id.in_(found), PENDING)
            .values(state=int(DeliveryState.CANCELLED), ended_ms=now_ms)
        )
    return Step(0, step)


def prune_log_step(transaction: Transaction, before_ms: int, position: int) -> Step:
    """Delete attempts older than that, with what went over the wire."""
    found, step = _next(transaction.sql, attempts, before_ms, position)
    if found:
        transaction.sql.execute(delete(exchanges).where(exchanges.c.attempt_id.in_(found)))
        transaction.sql.execute(delete(attempts).where(attempts.c.id.in_(found)))
    return Step(len(found), step)


def prune_deliveries_step(transaction: Transaction, before_ms: int, position: int) -> Step:
    """Delete deliveries older than that, but none that is still on its way."""
    found, step = _next(transaction.sql, deliveries, before_ms, position)
    if not found:
        return Step(0, step)
    gone = transaction.sql.execute(delete(deliveries).where(deliveries.c.id.in_(found), ~PENDING))
    return Step(gone.rowcount, step)


def prune_events_step(transaction: Transaction, before_ms: int, position: int) -> Step:
    """Delete events older than that which no delivery needs any more, and no line of the log.

    An attempt may be days younger than its event; the log shows the event's body with it, and finds it by its order.
    """
    found, step = _next(transaction.sql, events, before_ms, position)
    if not found:
        return Step(0, step)
    delivered = exists().where(deliveries.c.event_id == events.c.id)
    logged = exists().where(attempts.c.event_id == events.c.id)
    unneeded = select(events.c.id, events.c.account_id, events.c.given_id).where(
        events.c.id.in_(found), ~delivered, ~logged
    )
    gone = transaction.sql.execute(unneeded).all()
    for row in gone:
        if row.given_id is not None:
            mine = (given_ids.c.account_id == row.account_id, given_ids.c.given_id == row.given_id)
            transaction.sql.execute(delete(given_ids).where(*mine))
    transaction.sql.execute(delete(events).where(events.c.id.in_([row.id for row in gone])))
    return Step(len(gone), step)


def prune_counters_step(transaction: Transaction, now_ms: int) -> int:
    """Forget a day of counters that is older than any chart shows; how many rows. They are kept longer than the log."""
    gone = 0
    before = spans.kept_from(now_ms)
    for account_id in transaction.sql.execute(select(accounts.c.id)).scalars().all():
        each = select(endpoints.c.id).where(endpoints.c.account_id == account_id)
        for table in (counters, time_counters):  # their hours lie one endpoint after another
            of_endpoint = table.c.endpoint_id == ALL, table.c.endpoint_id.in_(each)
            for which in of_endpoint:
                mine = (table.c.account_id == account_id, which)
                gone += _prune_counters(transaction.sql, table.c.hour, before, 24, *mine)
        for table in (event_counters, receipt_counters):
            gone += _prune_counters(transaction.sql, table.c.hour, before, 24, table.c.account_id == account_id)
        for table in (counter_sums, time_sums, receipt_sums, tracking_counters, transit_counters):
            views = [table.c.view == view for view in View] if "view" in table.c else [true()]
            for span, view in itertools.product(spans.SPANS, views):
                of_span = (table.c.account_id == account_id, table.c.span == span, view)
                gone += _prune_counters(transaction.sql, table.c.start, before // span, max(1, 24 // span), *of_span)
    return gone


def _prune_counters(
    connection: Connection, start: Column[int], before: int, many: int, *mine: ColumnElement[bool]
) -> int:
    oldest = connection.execute(select(func.min(start)).where(*mine, start < before)).scalar()
    if oldest is None:
        return 0
    return connection.execute(delete(start.table).where(*mine, start < min(oldest + many, before))).rowcount


def forget_keys_step(transaction: Transaction, now_ms: int) -> int:
    """Forget Idempotency-Keys older than a day; how many."""
    old = (
        select(idempotency.c.account_id, idempotency.c.key)
        .where(idempotency.c.created_ms < now_ms - KEYS_KEPT_MS)
        .limit(ROWS_A_STEP)
    )
    rows = transaction.sql.execute(old).all()
    for row in rows:
        transaction.sql.execute(
            delete(idempotency).where(idempotency.c.account_id == row.account_id, idempotency.c.key == row.key)
        )
    return len(rows)


def deleted_with_pending(connection: Connection) -> list[int]:
    """Endpoints that were deleted while deliveries were pending, and the process ended before all were cancelled."""
    waiting = exists().where(deliveries.c.endpoint_id == endpoints.c.id, PENDING)
    return list(
        connection.execute(select(endpoints.c.id).where(endpoints.c.deleted_ms.is_not(None), waiting)).scalars()
    )


def cancel_step(transaction: Transaction, endpoint_id: int, now_ms: int) -> int:
    """Cancel some of what is pending for a deleted endpoint; how many, 0 when it is done."""
    found = list(
        transaction.sql.execute(
            select(deliveries.c.id).where(deliveries.c.endpoint_id == endpoint_id, PENDING).limit(ROWS_A_STEP)
        ).scalars()
    )
    if found:
        transaction.sql.execute(
            update(deliveries)
            .where(deliveries.c.id.in_(found))
            .values(state=int(DeliveryState.CANCELLED), ended_ms=now_ms)
        )
    return len(found)


def _next(connection: Connection, table: Table, before_ms: int, position: int) -> tuple[list[int], int | None]:
    """The next ids of a table that are older than that, and where to go on."""
    found = list(
        connection.execute(
            select(table.c.id)
            .where(table.c.id > position, table.c.id < ids.first_id_at(before_ms))
            .order_by(table.c.id)
            .limit(ROWS_A_STEP)
        ).scalars()
    )
    return found, found[-1] if len(found) == ROWS_A_STEP else None
