"""Shipments: where each stands, and everything that was ever said of it."""

from __future__ import annotations

from typing import Annotated, Any

from litestar import Request, Router, get
from litestar.params import QueryParameter
from msgspec import Struct

from parcelhook import times
from parcelhook.api.auth import require_key
from parcelhook.api.given import PathId, TheAccount, ThePlatform
from parcelhook.api.reading import known_parameters
from parcelhook.edge import shipment_views
from parcelhook.edge.asking import filter_id, filter_number
from parcelhook.edge.shipment_views import ShipmentView, WholeShipmentView, view, whole
from parcelhook.errors import NotFound
from parcelhook.store import ids, shipments

PAGE = 50
LONGEST_PAGE = 200

Text = str | None
_KNOWN = shipment_views.NAMES | {"cursor", "limit"}


class ShipmentPage(Struct, frozen=True, kw_only=True):
    """A page of shipments, newest first."""

    items: list[ShipmentView]
    next_cursor: str | None


@get("/", summary="Shipments by filter")
async def list_all(
    request: Request[Any, Any, Any],
    platform: ThePlatform,
    account_id: TheAccount,
    search: Annotated[Text, QueryParameter(description="An Order ID, a Transaction ID or a tracking number")] = None,
    status: Annotated[
        Text, QueryParameter(description=", ".join(f"`{one}`" for one in shipment_views.STATUSES))
    ] = None,
    carrier: Annotated[Text, QueryParameter(description="Carrier, as it was told")] = None,
    is_return: Annotated[Text, QueryParameter(name="return", description="`true`: returns only, `false`: none")] = None,
    silent_days: Annotated[Text, QueryParameter(description="On the way, and not scanned for so many days")] = None,
    late: Annotated[Text, QueryParameter(description="`true`: on the way, and late by now")] = None,
    cursor: Annotated[Text, QueryParameter(description="`next_cursor` of the page before")] = None,
    limit: Annotated[Text, QueryParameter(description=f"1 to {LONGEST_PAGE}, default {PAGE}")] = None,
) -> ShipmentPage:
    """Where shipments stand. The filters `silent_days` and `late` find those that deserve a look."""
    known_parameters(request.query_params, _KNOWN)
    now_s = times.now_ms() // 1_000
    wanted = shipment_views.read(request.query_params, now_s)
    before = filter_id("cursor", ids.Prefix.SHIPMENT, cursor)
    count = filter_number("limit", limit, 1, LONGEST_PAGE) or PAGE
    lines = await platform.database.read(
        lambda connection: shipments.page(connection, account_id, wanted, before=before, limit=count + 1)
    )
    return ShipmentPage(
        items=[view(line, now_s) for line in lines[:count]],
        next_cursor=ids.public(ids.Prefix.SHIPMENT, lines[count - 1].id) if len(lines) > count else None,
    )


@get("/{transaction_id:path}", summary="One shipment with its scans")
async def show(platform: ThePlatform, account_id: TheAccount, transaction_id: PathId) -> WholeShipmentView:
    """Its state, its parcels, and its whole history: what came late or said nothing of a place is in it too."""
    transaction_id = transaction_id.removeprefix("/")  # one of its own may stand within it
    line = await platform.database.read(lambda connection: shipments.one(connection, account_id, transaction_id))
    if line is None:
        raise NotFound(f'There is no shipment "{transaction_id[:100]}".')
    scans = await platform.database.read(lambda connection: shipments.scans_of(connection, line))
    return whole(line, scans, times.now_ms() // 1_000)


router = Router(path="/v1/shipments", guards=[require_key], route_handlers=[list_all, show], tags=["Shipments"])
