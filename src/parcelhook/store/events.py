"""Single events, and where their deliveries stand."""

from __future__ import annotations

from msgspec import Struct
from sqlalchemy import Connection, select

from parcelhook.store import ids
from parcelhook.store.rows import KINDS
from parcelhook.store.schema import DeliveryState, deliveries, endpoints, events
from parcelhook.webhooks.delivery import StoredEvent


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
    row = connection.execute(select(events).where(mine, events.c.given_id == name)).first()
    number = ids.parse(ids.Prefix.EVENT, name)
    if row is None and number is not None:
        row = connection.execute(select(events).where(mine, events.c.id == number, events.c.given_id.is_(None))).first()
    if row is None:
        return None
    return StoredEvent(
        id=row.id,
        account_id=row.account_id,
        name=name,
        given_id=row.given_id,
        kind=KINDS[row.kind],
        order_id=row.order_id,
        transaction_id=row.transaction_id,
        carrier=row.carrier,
        is_return=row.is_return,
        accepted_ms=row.accepted_ms,
        body=row.body,
    )


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
