"""Figures as they are shown by the API. Lists have the busiest first; shares are 0 to 1, and null where nothing can be shared."""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from msgspec.structs import asdict

from parcelhook import times
from parcelhook.edge.shipment_views import ShipmentView, view
from parcelhook.store import ids
from parcelhook.store.counting import HOUR_MS
from parcelhook.store.delivery_insights import Counts, DeliveryInsights
from parcelhook.store.insights import TimeSpent
from parcelhook.store.spans import HOUR
from parcelhook.store.tracking_insights import Flow, Receipts, TrackingInsights, Transit, trend_step
from parcelhook.webhooks import catalogue


class TimeSpentView(Struct, frozen=True, kw_only=True):
    """Half, 95 % and 99 % of the attempts took no longer, in milliseconds, each within 5 %; null if there was none."""

    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None


class CountsView(Struct, frozen=True, kw_only=True):
    """Attempts sent, and the deliveries that ended with them. `retries` are attempts whose Retry number is above 0."""

    attempts: int
    passed: int
    failed: int
    retries: int
    delivered: int
    gave_up: int


class EndpointFigures(CountsView, frozen=True, kw_only=True):
    """What went to an endpoint; a deleted one is shown too."""

    endpoint_id: str
    endpoint_url: str
    label: str
    deleted: bool
    time_spent: TimeSpentView
    waiting: int
    oldest_waiting: str | None


class EventFigures(CountsView, frozen=True, kw_only=True):
    """Of one kind of event."""

    event: str


class CodeFigures(CountsView, frozen=True, kw_only=True):
    """Of one HTTP code; 0 if no answer came."""

    http_code: int
    name: str


class CauseFigures(Struct, frozen=True, kw_only=True):
    """Failed attempts of one cause."""

    cause: str
    title: str
    attempts: int


class DeliveryInsightsView(CountsView, frozen=True, kw_only=True):
    """`since` and `until` are the whole hours that were counted. `waiting` is now, whatever the range."""

    since: str
    until: str
    time_spent: TimeSpentView
    waiting: int
    oldest_waiting: str | None
    by_endpoint: list[EndpointFigures]
    by_event: list[EventFigures]
    by_code: list[CodeFigures]
    by_cause: list[CauseFigures]


class FlowView(Struct, frozen=True, kw_only=True):
    """What happened to shipments. `late_share` is of those that were promised, `returns_share` of those that started."""

    started: int
    returns: int
    returns_share: float | None
    delivered: int
    promised: int
    delivered_late: int
    late_share: float | None
    failed_attempts: int
    exceptions: int
    scans: int


class FlowStep(FlowView, frozen=True, kw_only=True):
    """Of the hour or day that begins there (UTC)."""

    since: str


class CarrierFlow(FlowView, frozen=True, kw_only=True):
    """Of one carrier."""

    carrier: str


class TransitView(Struct, frozen=True, kw_only=True):
    """From first status to delivery, exact to the hour: half of the shipments took no longer, and nine of ten."""

    shipments: int
    median_days: float | None
    p90_days: float | None


class CarrierTransit(TransitView, frozen=True, kw_only=True):
    """Of one carrier."""

    carrier: str


class RouteTransit(TransitView, frozen=True, kw_only=True):
    """From one country to another."""

    from_country: str
    to_country: str


class ReceiptsView(Struct, frozen=True, kw_only=True):
    """From the carrier's scan to the receipt of its webhook, in seconds, each within 5 %."""

    deliveries: int
    p50_s: float | None
    p95_s: float | None


class CarrierReceipts(ReceiptsView, frozen=True, kw_only=True):
    """Of one carrier."""

    carrier: str


class StatusCount(Struct, frozen=True, kw_only=True):
    """Shipments that stand there."""

    status: str
    code: int | None
    shipments: int


class NowView(Struct, frozen=True, kw_only=True):
    """Where shipments stand now, whatever the range. `late` and `silent` are of those on the way; the most silent are listed."""

    by_status: list[StatusCount]
    on_the_way: int
    late: int
    silent_days: int
    silent: int
    silent_shipments: list[ShipmentView]


class TrackingInsightsView(Struct, frozen=True, kw_only=True):
    """`since` and `until` are the whole hours that were counted; `trend_step` is `hour` or `day`."""

    since: str
    until: str
    now: NowView
    total: FlowView
    trend_step: str
    trend: list[FlowStep]
    by_carrier: list[CarrierFlow]
    transit: TransitView
    transit_by_carrier: list[CarrierTransit]
    transit_by_route: list[RouteTransit]
    receipts: ReceiptsView
    receipts_by_carrier: list[CarrierReceipts]


def of_deliveries(found: DeliveryInsights) -> DeliveryInsightsView:
    """The figures of deliveries."""
    return DeliveryInsightsView(
        since=_iso(found.when.first),
        until=_iso(found.when.end),
        **_counts(found.total),
        time_spent=_time_spent(found.time_spent),
        waiting=found.waiting.deliveries,
        oldest_waiting=_since(found.waiting.oldest_ms),
        by_endpoint=[
            EndpointFigures(
                endpoint_id=ids.public(ids.Prefix.ENDPOINT, one.id),
                endpoint_url=one.url,
                label=one.label,
                deleted=one.deleted,
                **_counts(one.counts),
                time_spent=_time_spent(one.time_spent),
                waiting=one.waiting.deliveries,
                oldest_waiting=_since(one.waiting.oldest_ms),
            )
            for one in found.by_endpoint
        ],
        by_event=[EventFigures(event=kind.choice, **_counts(counts)) for kind, counts in found.by_event.items()],
        by_code=[
            CodeFigures(http_code=code, name=name_of_code(code), **_counts(counts))
            for code, counts in found.by_code.items()
        ],
        by_cause=[
            CauseFigures(cause=cause, title=title_of_cause(cause), attempts=counts.attempts)
            for cause, counts in found.by_cause.items()
        ],
    )


def of_tracking(found: TrackingInsights) -> TrackingInsightsView:
    """The figures of tracking."""
    asked, now = found.asked, found.now
    return TrackingInsightsView(
        since=_iso(asked.when.first),
        until=_iso(asked.when.end),
        now=NowView(
            by_status=[
                StatusCount(status=status.value, code=status.code, shipments=number)
                for status, number in now.by_status.items()
            ],
            on_the_way=now.on_the_way,
            late=now.late,
            silent_days=asked.silent_days,
            silent=now.silent,
            silent_shipments=[view(line, asked.now_s) for line in now.silent_first],
        ),
        total=FlowView(**_flow(found.total)),
        trend_step="hour" if trend_step(asked.when) == HOUR else "day",
        trend=[FlowStep(since=_iso(hour), **_flow(flow)) for hour, flow in found.trend.items()],
        by_carrier=[CarrierFlow(carrier=carrier, **_flow(flow)) for carrier, flow in found.by_carrier.items()],
        transit=TransitView(**_transit(found.transit)),
        transit_by_carrier=[
            CarrierTransit(carrier=carrier, **_transit(took)) for carrier, took in found.transit_by_carrier.items()
        ],
        transit_by_route=[
            RouteTransit(from_country=origin, to_country=target, **_transit(took))
            for (origin, target), took in found.transit_by_route.items()
        ],
        receipts=ReceiptsView(**_receipts(found.receipts)),
        receipts_by_carrier=[
            CarrierReceipts(carrier=carrier, **_receipts(took)) for carrier, took in found.receipts_by_carrier.items()
        ],
    )


def name_of_code(code: int) -> str:
    """An HTTP code's name."""
    return catalogue.status(code).name if code else "No answer"


def title_of_cause(code: str) -> str:
    """A cause's title, where the catalogue knows it."""
    known = catalogue.cause(code)
    return known.title if known else code


def _counts(counts: Counts) -> dict[str, Any]:
    return asdict(counts)


def _flow(flow: Flow) -> dict[str, Any]:
    return {
        **asdict(flow),
        "returns_share": _rounded(flow.returns_share, 4),
        "late_share": _rounded(flow.late_share, 4),
    }


def _transit(took: Transit) -> dict[str, Any]:
    return {
        "shipments": took.shipments,
        "median_days": _days(took.median_hours),
        "p90_days": _days(took.p90_hours),
    }


def _receipts(took: Receipts) -> dict[str, Any]:
    return {"deliveries": took.deliveries, "p50_s": _seconds(took.p50_ms), "p95_s": _seconds(took.p95_ms)}


def _time_spent(spent: TimeSpent) -> TimeSpentView:
    return TimeSpentView(p50_ms=_rounded(spent.p50, 1), p95_ms=_rounded(spent.p95, 1), p99_ms=_rounded(spent.p99, 1))


def _days(hours: int | None) -> float | None:
    return None if hours is None else round(hours / 24, 2)


def _seconds(ms: float | None) -> float | None:
    return None if ms is None else round(ms / 1_000, 1)


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def _since(ms: int | None) -> str | None:
    return None if ms is None else times.iso(ms)


def _iso(hour: int) -> str:
    return times.iso(hour * HOUR_MS)
