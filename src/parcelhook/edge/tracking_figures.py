"""Insights on tracking as they are shown: the same for API and dashboard."""

from __future__ import annotations

from typing import Any, Final

from msgspec import Struct
from sqlalchemy import Connection

from parcelhook import times
from parcelhook.edge.insight_questions import TrackingQuestion
from parcelhook.edge.shipment_views import ShipmentView, view
from parcelhook.shipping.shipment import DAY_S
from parcelhook.store import spans, tracking_insights
from parcelhook.store.counting import HOUR_MS
from parcelhook.store.tracking_insights import Moved, Receipt, Standing, Transit

MOST_SILENT: Final = 50  # that are listed
MOST_ROUTES: Final = 100  # that are listed, the most used
HOURLY: Final = 48  # hours: so long a range is told by the hour, a longer one by the day


class StatusView(Struct, frozen=True, kw_only=True):
    """How many shipments stand there, now. `code` is the page's."""

    status: str
    code: int | None
    shipments: int


class NowView(Struct, frozen=True, kw_only=True):
    """How shipments stand now. `on_the_way` were scanned and have not ended; `late` and `silent` ones are among them."""

    by_status: list[StatusView]
    on_the_way: int
    late: int
    silent: int
    silent_days: int
    longest_silent: list[ShipmentView]


class MovedView(Struct, frozen=True, kw_only=True):
    """What happened to shipments. `late_share` is of those delivered that had a promise; failed attempts and exceptions are scans."""

    started: int
    delivered: int
    promised: int
    delivered_late: int
    late_share: float | None
    failed_attempts: int
    exceptions: int
    scans: int


class StepView(MovedView, frozen=True, kw_only=True):
    """Of one day, or of one hour where the range has at most 48, that begins at `since` (UTC)."""

    since: str


class TransitView(Struct, frozen=True, kw_only=True):
    """From the first status to the delivery: half of the outbound shipments, and nine of ten, took no more whole hours."""

    shipments: int
    median_hours: int | None
    p90_hours: int | None


class ReceiptView(Struct, frozen=True, kw_only=True):
    """From the carrier's scan to the receipt of its webhook, in seconds, each within 5 %."""

    deliveries: int
    p50_s: float | None
    p95_s: float | None


class CarrierView(MovedView, frozen=True, kw_only=True):
    """Of one carrier."""

    carrier: str
    transit: TransitView
    receipt: ReceiptView


class RouteView(TransitView, frozen=True, kw_only=True):
    """From one country to another; empty where it was not told."""

    from_country: str
    to_country: str


class ReturnsView(Struct, frozen=True, kw_only=True):
    """Shipments that began as a return, or turned into one; `share` is of all that started."""

    started: int
    delivered: int
    share: float | None


class TrackingView(Struct, frozen=True, kw_only=True):
    """What happened from `since` until `until`, the whole hours that were used; `before` is as long, just before;
    null if not all of that is kept.
    """

    since: str
    until: str
    now: NowView
    total: MovedView
    before: MovedView | None
    returns: ReturnsView
    transit: TransitView
    receipt: ReceiptView
    steps: list[StepView]
    by_carrier: list[CarrierView]
    by_route: list[RouteView]


def tracking(connection: Connection, account_id: int, asked: TrackingQuestion) -> TrackingView:
    """The answer."""
    when, whose = asked.when, asked.whose
    standing = tracking_insights.standing(
        connection,
        account_id,
        whose,
        now_s=asked.now_s,
        silent_since_s=asked.now_s - asked.silent_days * DAY_S,
        most=MOST_SILENT,
    )
    movement = tracking_insights.movement(connection, account_id, when, whose)
    transits = tracking_insights.transits(connection, account_id, when, whose.carrier)
    routes = tracking_insights.transits_by_route(connection, account_id, when, whose.carrier)
    receipts = tracking_insights.receipts(connection, account_id, when, whose.carrier)
    started = movement.total.started
    return TrackingView(
        since=times.iso(when.first * HOUR_MS),
        until=times.iso(when.end * HOUR_MS),
        now=_now(standing, asked),
        total=MovedView(**_figures(movement.total)),
        before=_before(connection, account_id, asked),
        returns=ReturnsView(
            started=movement.returns.started,
            delivered=movement.returns.delivered,
            share=round(movement.returns.started / started, 6) if started else None,
        ),
        transit=TransitView(**_transit(transits.whole)),
        receipt=_receipt(receipts.whole),
        steps=_steps(connection, account_id, asked),
        by_carrier=[
            CarrierView(
                carrier=name,
                transit=TransitView(**_transit(transits.by_carrier.get(name, Transit()))),
                receipt=_receipt(receipts.by_carrier.get(name, Receipt())),
                **_figures(movement.by_carrier.get(name, Moved())),
            )
            for name in sorted(movement.by_carrier.keys() | transits.by_carrier.keys() | receipts.by_carrier.keys())
        ],
        by_route=[
            RouteView(from_country=origin, to_country=target, **_transit(one))
            for (origin, target), one in list(routes.items())[:MOST_ROUTES]
        ],
    )


def _before(connection: Connection, account_id: int, asked: TrackingQuestion) -> MovedView | None:
    if asked.before is None:
        return None
    return MovedView(**_figures(tracking_insights.movement(connection, account_id, asked.before, asked.whose).total))


def _now(standing: Standing, asked: TrackingQuestion) -> NowView:
    return NowView(
        by_status=[
            StatusView(status=status.value, code=status.code, shipments=number)
            for status, number in standing.by_status.items()
        ],
        on_the_way=standing.on_the_way,
        late=standing.late,
        silent=standing.silent,
        silent_days=asked.silent_days,
        longest_silent=[view(line, asked.now_s) for line in standing.longest_silent],
    )


def _steps(connection: Connection, account_id: int, asked: TrackingQuestion) -> list[StepView]:
    """Each step of the range, also where nothing happened. A day that the range cuts is told as far as it lies in it."""
    when = asked.when
    step = spans.HOUR if when.end - when.first <= HOURLY else spans.DAY
    found = tracking_insights.movement_by(connection, account_id, when, asked.whose, step)
    last = min(when.end, max([*found, asked.now_s // 3_600]) + 1)  # not the empty days to come
    return [
        StepView(since=times.iso(start * HOUR_MS), **_figures(found.get(start, Moved())))
        for start in range(when.first // step * step, last, step)
    ]


def _figures(moved: Moved) -> dict[str, Any]:
    return {
        "started": moved.started, "delivered": moved.delivered, "promised": moved.promised,
        "delivered_late": moved.delivered_late,
        "late_share": None if moved.late_share is None else round(moved.late_share, 6),
        "failed_attempts": moved.failed_attempts, "exceptions": moved.exceptions, "scans": moved.scans,
    }  # fmt: skip


def _transit(found: Transit) -> dict[str, Any]:
    return {"shipments": found.shipments, "median_hours": found.median_hours, "p90_hours": found.p90_hours}


def _receipt(found: Receipt) -> ReceiptView:
    return ReceiptView(deliveries=found.deliveries, p50_s=_round(found.p50_s), p95_s=_round(found.p95_s))


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
