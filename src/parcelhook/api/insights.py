"""Insights: figures of deliveries and of tracking over any range."""

from __future__ import annotations

from typing import Annotated, Any

from litestar import Request, Router, get
from litestar.params import QueryParameter

from parcelhook import times
from parcelhook.api.auth import require_key
from parcelhook.api.given import TheAccount, ThePlatform
from parcelhook.api.reading import known_parameters
from parcelhook.edge import insight_query
from parcelhook.edge.insight_views import DeliveryInsightsView, TrackingInsightsView, of_deliveries, of_tracking
from parcelhook.store import delivery_insights, tracking_insights

Text = str | None
Since = Annotated[Text, QueryParameter(description="From this time on, to the hour; default 30 days before `until`")]
Until = Annotated[Text, QueryParameter(description="Before this time, to the hour; default now")]


@get("/deliveries", summary="Figures of deliveries")
async def deliveries(
    request: Request[Any, Any, Any],
    platform: ThePlatform,
    account_id: TheAccount,
    since: Since = None,
    until: Until = None,
    endpoint: Annotated[Text, QueryParameter(description="Endpoint id")] = None,
) -> DeliveryInsightsView:
    """Sent, passed, failed, retries, Time Spent, by endpoint, event, code and cause, and what waits. Tests are left out."""
    known_parameters(request.query_params, insight_query.OF_DELIVERIES)
    when = insight_query.read_range(request.query_params, times.now_ms())
    endpoint_id = insight_query.read_endpoint(request.query_params)
    found = await platform.database.read(
        lambda connection: delivery_insights.insights(connection, account_id, when, endpoint_id)
    )
    return of_deliveries(found)


@get("/tracking", summary="Figures of tracking")
async def tracking(
    request: Request[Any, Any, Any],
    platform: ThePlatform,
    account_id: TheAccount,
    since: Since = None,
    until: Until = None,
    carrier: Annotated[Text, QueryParameter(description="Carrier, as it was told")] = None,
    is_return: Annotated[Text, QueryParameter(name="return", description="`true`: returns only, `false`: none")] = None,
    silent_days: Annotated[Text, QueryParameter(description="How long a shipment is silent without a scan; 3")] = None,
) -> TrackingInsightsView:
    """Shipments by status, on the way, late, silent; delivered and late over time; days to delivery; scan to receipt."""
    known_parameters(request.query_params, insight_query.OF_TRACKING)
    asked = insight_query.read_tracking(request.query_params, times.now_ms())
    found = await platform.database.read(lambda connection: tracking_insights.insights(connection, account_id, asked))
    return of_tracking(found)


router = Router(path="/v1/insights", guards=[require_key], route_handlers=[deliveries, tracking], tags=["Insights"])
