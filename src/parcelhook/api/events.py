"""Events as accepted, and where their deliveries stand. Feeding them in is the business of `api.feed`."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Router, get
from msgspec import Struct

from parcelhook import times
from parcelhook.api.auth import require_key
from parcelhook.api.given import PathId, TheAccount, ThePlatform
from parcelhook.errors import NotFound
from parcelhook.store import events, ids
from parcelhook.store.events import DeliveryView as StoredDelivery


class DeliveryView(Struct, frozen=True, kw_only=True):
    """Where an event stands on its way to one endpoint."""

    id: str
    endpoint_id: str
    endpoint_url: str
    state: str
    attempts: int
    due_at: str | None
    ended_at: str | None


class EventView(Struct, frozen=True, kw_only=True):
    """An event as it was accepted."""

    id: str
    event: str
    order_id: str
    transaction_id: str
    carrier: str
    is_return: bool
    accepted_at: str
    body: dict[str, Any]
    deliveries: list[DeliveryView]


@get("/{event_id:str}", summary="One event with its deliveries")
async def show(platform: ThePlatform, account_id: TheAccount, event_id: PathId) -> EventView:
    """What was accepted under this id (yours, if you gave one), and how far it has got to each endpoint."""
    event = await platform.database.read(lambda connection: events.one(connection, account_id, event_id))
    if event is None:
        raise NotFound(f'There is no event "{event_id[:100]}".')
    found = await platform.database.read(lambda connection: events.deliveries_of(connection, event.id))
    return EventView(
        id=event.name,
        event=event.kind.value,
        order_id=event.order_id,
        transaction_id=event.transaction_id,
        carrier=event.carrier,
        is_return=event.is_return,
        accepted_at=times.iso(event.accepted_ms),
        body=msgspec.json.decode(event.body),
        deliveries=[_view(delivery) for delivery in found],
    )


router = Router(path="/v1/events", guards=[require_key], route_handlers=[show], tags=["Events"])


def _view(delivery: StoredDelivery) -> DeliveryView:
    return DeliveryView(
        id=ids.public(ids.Prefix.DELIVERY, delivery.id),
        endpoint_id=ids.public(ids.Prefix.ENDPOINT, delivery.endpoint_id),
        endpoint_url=delivery.endpoint_url,
        state=delivery.state.name.lower(),
        attempts=delivery.attempts,
        due_at=None if delivery.due_ms is None else times.iso(delivery.due_ms),
        ended_at=None if delivery.ended_ms is None else times.iso(delivery.ended_ms),
    )
