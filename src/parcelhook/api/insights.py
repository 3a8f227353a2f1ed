"""Insights: figures of deliveries and of tracking over any range."""

from __future__ import annotations

from typing import Annotated, Any

from litestar import Request, Router, get
from litestar.params import QueryParameter

from parcelhook import times
from parcelhook.api.auth import require_key
from parcelhook.api.given import TheAccount, ThePlatform
from parcelhook.api.reading import known_parameters
from parcelhook.edge import delivery_figures, insight_questions, tracking_figures
from parcelhook.edge.delivery_figures import DeliveriesView
from parcelhook.edge.tracking_figures import TrackingView

Text = str | None
Since = Annotated[
    Text, QueryParameter(description="From this time on: ISO 8601, or Unix seconds; default seven days before `until`")
]
Until = Annotated[Text, QueryParameter(description="Before this time; default now")]


@get("/deliveries", summary="Insights on deliveries")
async def deliveries(
    request: Request[Any, Any, Any],
    platform: ThePlatform,
    account_id: TheAccount,
    since: Since = None,
    until: Until = None,
    endpoint: Annotated[Text, QueryParameter(description="Endpoint id; default all")] = None,
) -> DeliveriesView:
    """What was sent, what became of it and how long it took, in whole hours: the range is rounded outwards. Tests are left out."""
    known_parameters(request.query_params, insight_questions.DELIVERY_NAMES)
    asked = insight_questions.read_deliveries(request.query_params, times.now_ms())
    endpoints = platform.registry.endpoints(account_id)
    return await platform.database.read(
        lambda connection: delivery_figures.deliveries(connection, account_id, asked, endpoints)
    )


@get("/tracking", summary="Insights on tracking")
async def tracking(
    request: Request[Any, Any, Any],
    platform: ThePlatform,
    account_id: TheAccount,
    since: Since = None,
    until: Until = None,
    carrier: Annotated[Text, QueryParameter(description="Carrier, as it was told; default all")] = None,
    is_return: Annotated[
        Text, QueryParameter(name="return", description="`true`: returns only, `false`: none; days and receipts stay")
    ] = None,
    silent_days: Annotated[
        Text, QueryParameter(description="After so many days without a scan a shipment is silent, default 3")
    ] = None,
) -> TrackingView:
    """How shipments stand now, and what happened to them in a range, by when it happened to the parcel."""
    known_parameters(request.query_params, insight_questions.TRACKING_NAMES)
    asked = insight_questions.read_tracking(request.query_params, times.now_ms())
    return await platform.database.read(lambda connection: tracking_figures.tracking(connection, account_id, asked))


router = Router(path="/v1/insights", guards=[require_key], route_handlers=[deliveries, tracking], tags=["Insights"])
