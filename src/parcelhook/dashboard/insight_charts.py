"""The insights as charts, each with its table and the same as a file. Pure: from the figures to what is shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final
from urllib.parse import urlencode

from markupsafe import Markup
from msgspec import Struct

from parcelhook import times
from parcelhook.dashboard import charts as draw
from parcelhook.dashboard.charts import Across, Bar, Line
from parcelhook.dashboard.figures import moment
from parcelhook.dashboard.pages import number, span
from parcelhook.edge.delivery_figures import DeliveriesView
from parcelhook.edge.export import as_csv, harmless
from parcelhook.edge.shipment_views import STATUSES
from parcelhook.edge.tracking_figures import CarrierView, TrackingView, TransitView
from parcelhook.store.counting import HOUR_MS

MOST_ROWS: Final = 12  # that are drawn; the table has all

Cell = str | int | float | None


class Chart(Struct, frozen=True, kw_only=True):
    """A drawing, and the same as a table of plain values."""

    id: str
    title: str
    note: str
    drawing: Markup
    columns: tuple[str, ...]
    values: tuple[tuple[Cell, ...], ...]

    @property
    def rows(self) -> list[list[str]]:
        """The table for people."""
        return [[_read(cell) for cell in row] for row in self.values]

    @property
    def file(self) -> bytes:
        """The table as CSV; times and names of others are text there, never a formula."""
        return as_csv([self.columns, *([_plain(cell) for cell in row] for row in self.values)])


def of_tracking(found: TrackingView) -> list[Chart]:
    """What a range has to say about shipments."""
    return [
        _by_status(found),
        _delivered(found),
        _late_share(found),
        _days_by_carrier(found),
        _days_by_route(found),
        _trouble(found),
        _receipt(found),
    ]


def of_deliveries(found: DeliveriesView) -> list[Chart]:
    """What a range has to say about webhooks."""
    return [_by_webhook(found), _by_cause(found)]


def _by_status(found: TrackingView) -> Chart:
    rows = [(STATUSES[one.status].label, one.code, one.shipments, one.status) for one in found.now.by_status]
    return Chart(
        id="status",
        title="Shipments by status",
        note="now",
        drawing=draw.across(
            [
                Across(
                    label=label, parts=(count,), value=number(count), href="/shipments?" + urlencode({"status": word})
                )
                for label, _, count, word in rows
            ],
            names=("shipments",),
            tones=("one",),
        ),
        columns=("Status", "Code", "Shipments"),
        values=tuple((label, code, count) for label, code, count, _ in rows),
    )


def _delivered(found: TrackingView) -> Chart:
    labels = _labels(found)
    bars = [
        Bar(label=label, passed=one.delivered - one.delivered_late, failed=one.delivered_late)
        for label, one in zip(labels, found.steps, strict=True)
    ]
    return Chart(
        id="delivered",
        title="Delivered",
        note=f"{number(found.total.delivered)} shipments; those that came late on top",
        drawing=draw.bars(
            bars, title="Shipments delivered over time, UTC", every=_every(labels), names=("in time", "late")
        ),
        columns=("From (UTC)", "Delivered", "Promised", "Late", "Late %"),
        values=tuple(
            (one.since, one.delivered, one.promised, one.delivered_late, _percent(one.late_share))
            for one in found.steps
        ),
    )


def _late_share(found: TrackingView) -> Chart:
    labels = _labels(found)
    return Chart(
        id="late",
        title="Late share",
        note="of the delivered that had a promised date",
        drawing=draw.lines(
            labels,
            [Line(name="late", values=tuple(_percent(one.late_share) for one in found.steps))],
            title="Share of late deliveries over time, UTC",
            unit="%",
            every=_every(labels),
        ),
        columns=("From (UTC)", "Promised", "Late", "Late %"),
        values=tuple((one.since, one.promised, one.delivered_late, _percent(one.late_share)) for one in found.steps),
    )


def _days_by_carrier(found: TrackingView) -> Chart:
    ranked = _most(found.by_carrier, lambda one: one.transit.shipments)
    return Chart(
        id="days-by-carrier",
        title="Days to delivery by carrier",
        note="from the first status; outbound shipments",
        drawing=_days([(one.carrier, one.transit) for one in ranked]),
        columns=("Carrier", "Shipments", "Median hours", "90 % within hours"),
        values=tuple(
            (_named(one.carrier), one.transit.shipments, one.transit.median_hours, one.transit.p90_hours)
            for one in ranked
        ),
    )


def _days_by_route(found: TrackingView) -> Chart:
    named = [(f"{one.from_country or '?'} → {one.to_country or '?'}", one) for one in found.by_route]
    return Chart(
        id="days-by-route",
        title="Days to delivery by route",
        note="from the first status; the most used routes first",
        drawing=_days(list(named)),
        columns=("Route", "Shipments", "Median hours", "90 % within hours"),
        values=tuple((route, one.shipments, one.median_hours, one.p90_hours) for route, one in named),
    )


def _days(rows: Sequence[tuple[str, TransitView]]) -> Markup:
    return draw.across(
        [
            Across(
                label=_named(name),
                parts=(one.median_hours, one.p90_hours - one.median_hours),
                value=f"{one.median_hours / 24:.1f} · {one.p90_hours / 24:.1f} d",
            )
            for name, one in rows[:MOST_ROWS]
            if one.median_hours is not None and one.p90_hours is not None
        ],
        names=("half of them within", "90 % within"),
        tones=("one", "soft"),
    )


def _trouble(found: TrackingView) -> Chart:
    ranked = _most(found.by_carrier, lambda one: one.failed_attempts + one.exceptions)
    return Chart(
        id="trouble",
        title="Failed attempts and exceptions by carrier",
        note="scans",
        drawing=draw.across(
            [
                Across(
                    label=_named(one.carrier),
                    parts=(one.failed_attempts, one.exceptions),
                    value=f"{number(one.failed_attempts)} · {number(one.exceptions)}",
                )
                for one in ranked[:MOST_ROWS]
            ],
            names=("failed attempts", "exceptions"),
            tones=("two", "failed"),
        ),
        columns=("Carrier", "Started", "Failed attempts", "Exceptions"),
        values=tuple((_named(one.carrier), one.started, one.failed_attempts, one.exceptions) for one in ranked),
    )


def _receipt(found: TrackingView) -> Chart:
    ranked = _most(found.by_carrier, lambda one: one.receipt.deliveries)
    return Chart(
        id="receipt",
        title="From the carrier's scan to the webhook",
        note="until your receiver had it; within 5 %",
        drawing=draw.across(
            [
                Across(
                    label=_named(one.carrier),
                    parts=(one.receipt.p50_s, one.receipt.p95_s - one.receipt.p50_s),
                    value=f"{span(one.receipt.p50_s)} · {span(one.receipt.p95_s)}",
                )
                for one in ranked[:MOST_ROWS]
                if one.receipt.p50_s is not None and one.receipt.p95_s is not None
            ],
            names=("half of them within", "95 % within"),
            tones=("one", "soft"),
        ),
        columns=("Carrier", "Deliveries", "Half within seconds", "95 % within seconds"),
        values=tuple(
            (_named(one.carrier), one.receipt.deliveries, one.receipt.p50_s, one.receipt.p95_s) for one in ranked
        ),
    )


def _by_webhook(found: DeliveriesView) -> Chart:
    ranked = sorted(found.by_endpoint, key=lambda one: -one.sent)
    return Chart(
        id="webhooks",
        title="Attempts by webhook",
        note=f"{number(found.total.sent)} sent, {number(found.total.retries)} of them retries; of all carriers",
        drawing=draw.across(
            [
                Across(
                    label=one.label or one.url or f"{one.endpoint} (deleted)",
                    parts=(one.passed, one.failed),
                    value=f"{number(one.passed)} · {number(one.failed)}",
                    href=f"/webhooks/{one.endpoint}" if one.url is not None else "",
                )
                for one in ranked[:MOST_ROWS]
            ],
            names=("passed", "failed"),
            tones=("passed", "failed"),
        ),
        columns=("Webhook", "Sent", "Passed", "Failed", "Retries", "Delivered", "Gave up", "Waiting", "p50 ms", "p95 ms", "p99 ms"),
        values=tuple(
            (
                one.label or one.url or one.endpoint, one.sent, one.passed, one.failed, one.retries, one.delivered,
                one.gave_up, one.waiting, one.time_spent.p50_ms, one.time_spent.p95_ms, one.time_spent.p99_ms,
            )
            for one in ranked
        ),
    )  # fmt: skip


def _by_cause(found: DeliveriesView) -> Chart:
    return Chart(
        id="causes",
        title="Why attempts failed",
        note=f"{number(found.total.failed)} failed, {number(found.total.gave_up)} deliveries given up; of all carriers",
        drawing=draw.across(
            [
                Across(label=one.title, parts=(one.failed,), value=number(one.failed))
                for one in found.by_cause[:MOST_ROWS]
            ],
            names=("failed",),
            tones=("failed",),
        ),
        columns=("Cause", "Failed attempts", "Deliveries given up"),
        values=tuple((one.title, one.failed, one.gave_up) for one in found.by_cause),
    )


def _most(carriers: Sequence[CarrierView], count: Callable[[CarrierView], int]) -> list[CarrierView]:
    return sorted((one for one in carriers if count(one)), key=count, reverse=True)


def _labels(found: TrackingView) -> list[str]:
    hours = [times.parse_iso(one.since) // HOUR_MS for one in found.steps]
    step = hours[1] - hours[0] if len(hours) > 1 else 24
    return [moment(hour, step) for hour in hours]


def _every(labels: Sequence[str]) -> int:
    return max(1, len(labels) // 6)


def _named(carrier: str) -> str:
    return carrier or "(no carrier)"


def _percent(share: float | None) -> float | None:
    return None if share is None else round(100 * share, 1)


def _read(cell: Cell) -> str:
    if cell is None:
        return "–"
    if isinstance(cell, str):
        return cell[:16].replace("T", " ") if cell.endswith("00.000Z") else cell
    return f"{cell:,}" if isinstance(cell, int) else f"{cell:,.1f}"


def _plain(cell: Cell) -> str:
    return "" if cell is None else harmless(cell) if isinstance(cell, str) else str(cell)
