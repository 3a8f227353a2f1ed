"""Shipments: where each stands, and one with everything that was ever said of it."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlencode

from litestar import Response, Router, get
from sqlalchemy import Connection

from parcelhook import times
from parcelhook.dashboard.given import Asked, PathId, ThePlatform, Who
from parcelhook.dashboard.pages import page
from parcelhook.dashboard.visitors import check_form, require_user
from parcelhook.edge import shipment_views
from parcelhook.edge.asking import filter_id
from parcelhook.errors import InvalidInput, NotFound
from parcelhook.shipping.status import Status
from parcelhook.store import ids, shipments
from parcelhook.store.shipments import ScanLine, ShipmentFilter, ShipmentLine

PAGE: Final = 50
TONES: Final = {
    Status.DELIVERED: "passed",
    Status.FAILED_ATTEMPT: "failed",
    Status.EXCEPTION: "failed",
    Status.EXPIRED: "failed",
    Status.RETURNING: "failed",
    Status.PENDING: "paused",
    Status.UNKNOWN: "paused",
    Status.CANCELLED: "paused",
    Status.RETURNED: "paused",
}


@get("/shipments")
async def show(request: Asked, platform: ThePlatform, who: Who) -> Response[Any]:
    """A page of shipments under its filters."""
    texts = {name: text for name, text in request.query_params.items() if name in shipment_views.NAMES and text.strip()}
    now_s = times.now_ms() // 1_000
    wrong: InvalidInput | None = None
    try:
        wanted = shipment_views.read(texts, now_s)
        before = filter_id("cursor", ids.Prefix.SHIPMENT, request.query_params.get("cursor") or None)
    except InvalidInput as flaw:
        wrong, wanted, before = flaw, ShipmentFilter(), None

    def look(connection: Connection) -> list[ShipmentLine]:
        account_id = who.user.account_id
        return [] if wrong else shipments.page(connection, account_id, wanted, before=before, limit=PAGE + 1)

    lines = await platform.database.read(look)
    older = ids.public(ids.Prefix.SHIPMENT, lines[PAGE - 1].id) if len(lines) > PAGE else None
    context = {
        "shipments": [shipment_views.view(line, now_s) for line in lines[:PAGE]],
        "texts": texts,
        "wrong": wrong,
        "statuses": [(status.value, status.label) for status in Status],
        "older": "/shipments?" + urlencode({**texts, "cursor": older}) if older else None,
        "first_page": before is None,
        **words_of_statuses(),
    }
    return page(request, "shipments.html", context)


@get("/shipments/{transaction_id:path}")
async def one(request: Asked, platform: ThePlatform, who: Who, transaction_id: PathId) -> Response[Any]:
    """One shipment: its parcels, and its scans as a way from the first to the last."""
    transaction_id = transaction_id.removeprefix("/")  # one of its own may stand within it

    def look(connection: Connection) -> tuple[ShipmentLine, list[ScanLine]] | None:
        line = shipments.one(connection, who.user.account_id, transaction_id)
        return None if line is None else (line, shipments.scans_of(connection, line))

    found = await platform.database.read(look)
    if found is None:
        raise NotFound(f'There is no shipment "{transaction_id[:100]}".')
    shown = shipment_views.whole(*found, times.now_ms() // 1_000)
    return page(request, "shipment.html", {"shipment": shown, **words_of_statuses()})


def words_of_statuses() -> dict[str, Any]:
    """How a page names a status and colours it."""
    return {
        "tones": {status.value: TONES.get(status, "waiting") for status in Status},
        "labels": {status.value: status.label for status in Status},
    }


router = Router(path="/", guards=[require_user], before_request=check_form, route_handlers=[show, one])
