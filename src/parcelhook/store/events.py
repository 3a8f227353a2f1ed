"""Single events, and where their deliveries stand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from msgspec import Struct
from sqlalchemy import Connection, Row, Select, case, func, select, union

from parcelhook.shipping.events import EventKind
from parcelhook.store import ids
from parcelhook.store.rows import KIND_NUMBERS, KINDS
from parcelhook.store.schema import DeliveryState, deliveries, endpoints, events, given_ids, tracking_numbers
from parcelhook.webhooks.delivery import StoredEvent

_READ_AT_ONCE: Final = 100


class DeliveryView(Struct, frozen=True, kw_only=True):
    """Where one event stands on its way to one endpoint. Times in Unix ms; `due_ms` only while it is pending."""

    id: int
    endpoint_id: int
    endpoint_url: str
    state: DeliveryState
    attempts: int
    due_ms: int | None
    ended_ms: int | None


def one(connection: Connection, account_id: int, name: str) -> StoredEvent | None:
    """The account's event of that id, given or ours; None if it has none."""
    mine = events.c.account_id == account_id
    given = select(given_ids.c.event_id).where(given_ids.c.account_id == account_id, given_ids.c.given_id == name)
    row = connection.execute(select(events).where(mine, events.c.id == given.scalar_subquery())).first()
    number = ids.parse(ids.Prefix.EVENT, name)
    if row is None and number is not None:
        row = connection.execute(select(events).where(mine, events.c.id == number, events.c.given_id.is_(None))).first()
    if row is None:
        return None
    return _stored(row)


def any_of(connection: Connection, numbers: Sequence[int]) -> bool:
    """Whether any event of these numbers is there."""
    return connection.execute(select(events.c.id).where(events.c.id.in_(numbers)).limit(1)).first() is not None


def newest(connection: Connection, account_id: int, since_ms: int, limit: int) -> Iterator[StoredEvent]:
    """The account's newest events since then, newest first, read a few at a time: whoever stops early reads no more."""
    query = select(events).where(events.c.account_id == account_id, events.c.id >= ids.first_id_at(since_ms))
    some, left = query, limit
    while left > 0:
        rows = connection.execute(some.order_by(events.c.id.desc()).limit(min(left, _READ_AT_ONCE))).all()
        for row in rows:
            yield _stored(row)
        if len(rows) < min(left, _READ_AT_ONCE):
            return
        left -= len(rows)
        some = query.where(events.c.id < rows[-1].id)


class EventLine(Struct, frozen=True, kw_only=True):
    """An event in a list, with how many deliveries it made and how many of them stand where."""

    id: int
    name: str
    kind: EventKind
    order_id: str
    transaction_id: str
    carrier: str
    is_return: bool
    accepted_ms: int
    pending: int
    delivered: int
    failed: int
    cancelled: int


def page(
    connection: Connection,
    account_id: int,
    *,
    kind: EventKind | None,
    search: str | None,
    before: int | None,
    limit: int,
) -> list[EventLine]:
    """The newest `limit` events before that id, newest first; `search` is an order, a shipment or a tracking number."""
    query = _ids(account_id, search)
    if kind is not None:
        query = query.where(events.c.kind == KIND_NUMBERS[kind])
    if before is not None:
        query = query.where(events.c.id < before)
    found = list(connection.execute(query.order_by(events.c.id.desc()).limit(limit)).scalars())
    stands = {
        state: func.coalesce(func.sum(case((deliveries.c.state == int(state), 1), else_=0)), 0).label(
            state.name.lower()
        )
        for state in DeliveryState
    }
    rows = connection.execute(
        select(events, *stands.values())
        .outerjoin(deliveries, deliveries.c.event_id == events.c.id)
        .where(events.c.id.in_(found))
        .group_by(events.c.id)
        .order_by(events.c.id.desc())
    )
    return [
        EventLine(
            id=row.id,
            name=ids.event_name(row.given_id, row.id),
            kind=KINDS[row.kind],
            order_id=row.order_id,
            transaction_id=row.transaction_id,
            carrier=row.carrier,
            is_return=row.is_return,
            accepted_ms=row.accepted_ms,
            pending=row.pending,
            delivered=row.delivered,
            failed=row.failed,
            cancelled=row.cancelled,
        )
        for row in rows
    ]


def _ids(account_id: int, search: str | None) -> Select[tuple[int]]:
    mine = events.c.account_id == account_id
    if search is None:
        return select(events.c.id).where(mine)
    shipments = select(tracking_numbers.c.transaction_id).where(
        tracking_numbers.c.account_id == account_id, tracking_numbers.c.number == search
    )
    ways = (
        select(events.c.id).where(mine, events.c.order_id == search),
        select(events.c.id).where(mine, events.c.transaction_id == search),
        select(events.c.id).where(mine, events.c.transaction_id.in_(shipments)),
    )
    # The account stands in each way; named once more it would make the planner walk the whole account.
    return select(events.c.id).where(events.c.id.in_(union(*ways)))


def deliveries_of(connection: Connection, event_id: int) -> list[DeliveryView]:
    """A line for each endpoint that the event went, or goes, to."""
    rows = connection.execute(
        select(deliveries, endpoints.c.url)
        .outerjoin(endpoints, endpoints.c.id == deliveries.c.endpoint_id)
        .where(deliveries.c.event_id == event_id)
        .order_by(deliveries.c.id)
    )
    return [
        DeliveryView(
            id=row.id,
            endpoint_id=row.endpoint_id,
            endpoint_url=row.url or "",
            state=DeliveryState(row.state),
            attempts=row.attempts,
            due_ms=row.due_ms if row.state == DeliveryState.PENDING else None,
            ended_ms=row.ended_ms,
        )
        for row in rows
    ]


def _stored(row: Row[Any]) -> StoredEvent:
    return StoredEvent(
        id=row.id,
        account_id=row.account_id,
        name=ids.event_name(row.given_id, row.id),
        given_id=row.given_id,
        kind=KINDS[row.kind],
        order_id=row.order_id,
        transaction_id=row.transaction_id,
        carrier=row.carrier,
        is_return=row.is_return,
        accepted_ms=row.accepted_ms,
        body=row.body,
    )
