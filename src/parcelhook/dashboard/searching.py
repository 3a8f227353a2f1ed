"""The one field of the frame: an order, a transaction, a tracking number, or any id."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from litestar import Response, Router, get
from sqlalchemy import Connection

from parcelhook.dashboard.given import Asked, ThePlatform, Who
from parcelhook.dashboard.pages import see
from parcelhook.dashboard.visitors import require_user
from parcelhook.store import deliveries, events, ids, log, shipments
from parcelhook.store.log_filter import LogFilter
from parcelhook.store.shipments import ShipmentFilter


@get("/search")
async def search(request: Asked, platform: ThePlatform, who: Who) -> Response[Any]:
    """Straight to what an id names; else to the log, or to shipments and events where no webhook was told of them."""
    text = request.query_params.get("q", "").strip()[:200]
    if not text:
        return see("/logs")
    account_id = who.user.account_id
    if ids.parse(ids.Prefix.ATTEMPT, text) is not None:
        return see(f"/logs/{text}")
    if ids.parse(ids.Prefix.ENDPOINT, text) is not None:
        return see(f"/webhooks/{text}")

    def look(connection: Connection) -> str:
        number = ids.parse(ids.Prefix.DELIVERY, text)
        story = deliveries.story(connection, account_id, number) if number is not None else None
        if story is not None:
            return f"/events/{quote(story.event_name, safe='')}"
        if events.one(connection, account_id, text) is not None:
            return f"/events/{quote(text, safe='')}"
        if log.page(connection, account_id, LogFilter(search=text), before=None, limit=1):
            return f"/logs?search={quote(text)}"
        if shipments.page(connection, account_id, ShipmentFilter(search=text), before=None, limit=1):
            return f"/shipments?search={quote(text)}"
        if events.page(connection, account_id, kind=None, search=text, before=None, limit=1):
            return f"/events?search={quote(text)}"
        return f"/logs?search={quote(text)}"

    return see(await platform.database.read(look))


router = Router(path="/", guards=[require_user], route_handlers=[search])
