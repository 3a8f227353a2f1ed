"""Forgetting shipments: one that nothing was said of for the whole retention goes, with its scans and its tracking numbers."""

from __future__ import annotations

from sqlalchemy import delete, exists, select

from parcelhook.shipping.shipment import standing
from parcelhook.store import ids
from parcelhook.store.database import Transaction
from parcelhook.store.retention import ROWS_A_STEP, Step
from parcelhook.store.schema import events, scans, shipments, tracking_numbers
from parcelhook.store.tallies import Tallies
from parcelhook.store.tracking import decode_shipment


def forget_shipments_step(transaction: Transaction, before_ms: int, position: int) -> Step:
    """Delete shipments that were last told of before that and have no event left.

    They are no longer among those that stand somewhere. What they counted for in the past stays counted: a figure of last
    year does not shrink as its parcels are forgotten.
    """
    rows = transaction.sql.execute(
        select(shipments.c.id, shipments.c.updated_ms)
        .where(shipments.c.id > position, shipments.c.id < ids.first_id_at(before_ms))
        .order_by(shipments.c.id)
        .limit(ROWS_A_STEP)
    ).all()
    step = rows[-1].id if len(rows) == ROWS_A_STEP else None
    silent = [row.id for row in rows if row.updated_ms < before_ms]
    if not silent:
        return Step(0, step)
    told_of = exists().where(
        events.c.account_id == shipments.c.account_id, events.c.transaction_id == shipments.c.transaction_id
    )
    gone = transaction.sql.execute(
        select(shipments.c.id, shipments.c.account_id, shipments.c.known).where(shipments.c.id.in_(silent), ~told_of)
    ).all()
    tallies = Tallies()
    for row in gone:
        shipment = decode_shipment(row.known)
        tallies.stand(row.account_id, shipment, standing(shipment), -1)
    tallies.save(transaction)
    forgotten = [row.id for row in gone]
    transaction.sql.execute(delete(scans).where(scans.c.shipment_id.in_(forgotten)))
    transaction.sql.execute(delete(shipments).where(shipments.c.id.in_(forgotten)))
    return Step(len(forgotten), step)


def forget_numbers_step(transaction: Transaction, before_ms: int, position: int) -> Step:
    """Forget tracking numbers that were first heard of before that, and whose shipment is known no more."""
    rows = transaction.sql.execute(
        select(tracking_numbers.c.id)
        .where(tracking_numbers.c.id > position, tracking_numbers.c.event_id < ids.first_id_at(before_ms))
        .order_by(tracking_numbers.c.id)
        .limit(ROWS_A_STEP)
    ).all()
    if not rows:
        return Step(0, None)
    known = [
        exists().where(
            table.c.account_id == tracking_numbers.c.account_id,
            table.c.transaction_id == tracking_numbers.c.transaction_id,
        )
        for table in (events, shipments)
    ]
    numbers = tracking_numbers.c.id.in_([row.id for row in rows])
    gone = transaction.sql.execute(delete(tracking_numbers).where(numbers, *(~one for one in known)))
    return Step(gone.rowcount, rows[-1].id if len(rows) == ROWS_A_STEP else None)
