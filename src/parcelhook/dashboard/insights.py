"""Insights: figures of shipments and of webhooks over a range, as charts, tables and files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

from litestar import Response, Router, get
from msgspec import Struct
from sqlalchemy import Connection

from parcelhook import times
from parcelhook.dashboard import insight_charts
from parcelhook.dashboard.given import Asked, ThePlatform, Who
from parcelhook.dashboard.insight_charts import Chart
from parcelhook.dashboard.pages import number, page, percent
from parcelhook.dashboard.shipments import words_of_statuses
from parcelhook.dashboard.visitors import Visitor, check_form, require_user
from parcelhook.delivery.platform import Platform
from parcelhook.edge import delivery_figures, insight_questions, tracking_figures
from parcelhook.edge.asking import filter_choice, filter_time
from parcelhook.edge.tracking_figures import TrackingView
from parcelhook.errors import InvalidInput, NotFound
from parcelhook.store import tracking_insights
from parcelhook.store.counting import HOUR_MS

RANGES: Final = {"24h": 24, "7d": 168, "30d": 720, "90d": 2_160}
USUAL: Final = "7d"
NAMES: Final = ("range", "from", "to", "carrier", "return", "silent_days")
DAY_MS: Final = 24 * HOUR_MS
NOT_KEPT: Final = "the time before is not kept any more"


class Figure(Struct, frozen=True, kw_only=True):
    """One of the figures above the charts, and what goes with it."""

    title: str
    value: str
    beside: str


class Found(Struct, frozen=True, kw_only=True):
    """All that the page shows."""

    tracking: TrackingView
    of_tracking: list[Chart]
    of_deliveries: list[Chart]
    carriers: list[str]


@get("/insights")
async def show(request: Asked, platform: ThePlatform, who: Who) -> Response[Any]:
    """The figures under the filters that stand in the address."""
    texts, wrong = _texts(request), None
    try:
        found = await _find(platform, who, texts)
    except InvalidInput as flaw:
        texts, wrong = {}, flaw
        found = await _find(platform, who, texts)
    chosen = "" if "from" in texts or "to" in texts else texts.get("range", USUAL)
    kept = {name: text for name, text in texts.items() if name not in ("range", "from", "to")}
    context = {
        "texts": texts,
        "wrong": wrong,
        "ranges": [(word, "/insights?" + urlencode({**kept, "range": word}), word == chosen) for word in RANGES],
        "tracking": found.tracking,
        "since_ms": times.parse_iso(found.tracking.since),
        "until_ms": times.parse_iso(found.tracking.until),
        "figures": _figures(found.tracking),
        "of_tracking": found.of_tracking,
        "of_deliveries": found.of_deliveries,
        "carriers": [(name, name) for name in found.carriers],
        "export": "/insights/export?" + urlencode(texts),
        **words_of_statuses(),
    }
    return page(request, "insights.html", context)


@get("/insights/export")
async def export(request: Asked, platform: ThePlatform, who: Who) -> Response[bytes]:
    """One chart's table as CSV."""
    found = await _find(platform, who, _texts(request))
    name = request.query_params.get("chart", "")
    for chart in (*found.of_tracking, *found.of_deliveries):
        if chart.id == name:
            headers = {"Content-Disposition": f'attachment; filename="insights-{chart.id}.csv"'}
            return Response(chart.file, media_type="text/csv", headers=headers)
    raise NotFound(f'There is no chart "{name[:100]}".')


def _texts(request: Asked) -> dict[str, str]:
    return {name: text for name in NAMES if (text := request.query_params.get(name, "").strip())}


async def _find(platform: Platform, who: Visitor, texts: Mapping[str, str]) -> Found:
    account_id, now_ms = who.user.account_id, times.now_ms()
    given = {**_range(texts, now_ms), **{name: texts[name] for name in NAMES[3:] if name in texts}}
    asked = insight_questions.read_tracking(given, now_ms)
    endpoints = platform.registry.endpoints(account_id)

    def look(connection: Connection) -> Found:
        tracking = tracking_figures.tracking(connection, account_id, asked)
        of_all = insight_questions.DeliveryQuestion(when=asked.when)
        deliveries = delivery_figures.deliveries(connection, account_id, of_all, endpoints)
        return Found(
            tracking=tracking,
            of_tracking=insight_charts.of_tracking(tracking),
            of_deliveries=insight_charts.of_deliveries(deliveries),
            carriers=tracking_insights.carriers(connection, account_id),
        )

    return await platform.database.read(look)


def _range(texts: Mapping[str, str], now_ms: int) -> dict[str, str]:
    """`since` and `until` of the days chosen, the last one included, or of the range chosen."""
    first_ms, last_ms = filter_time("from", texts.get("from")), filter_time("to", texts.get("to"))
    if first_ms is None and last_ms is None:
        hours = filter_choice("range", texts.get("range", USUAL), RANGES) or RANGES[USUAL]
        return {"since": times.iso((now_ms // HOUR_MS + 1 - hours) * HOUR_MS)}
    since = {} if first_ms is None else {"since": times.iso(first_ms)}
    return since if last_ms is None else {**since, "until": times.iso(last_ms + DAY_MS)}


def _figures(found: TrackingView) -> list[Figure]:
    now, total, before, transit = found.now, found.total, found.before, found.transit
    days = "–" if transit.median_hours is None else f"{transit.median_hours / 24:.1f}"
    most = (
        "nothing was delivered"
        if transit.p90_hours is None
        else f"the median; 90 % within {transit.p90_hours / 24:.1f}"
    )
    return [
        Figure(title="On the way", value=number(now.on_the_way), beside=f"now; {number(now.late)} of them late"),
        Figure(title="Silent", value=number(now.silent), beside=f"now; no scan for {now.silent_days} days"),
        Figure(
            title="Delivered",
            value=number(total.delivered),
            beside=NOT_KEPT if before is None else f"{number(before.delivered)} in the time before",
        ),
        Figure(
            title="Late share",
            value=percent(total.late_share),
            beside=NOT_KEPT
            if before is None
            else f"{'none' if before.late_share is None else percent(before.late_share)} in the time before",
        ),
        Figure(title="Days to delivery", value=days, beside=most),
        Figure(
            title="Returns",
            value=percent(found.returns.share),
            beside=f"{number(found.returns.started)} of {number(total.started)} that started",
        ),
    ]


router = Router(path="/", guards=[require_user], before_request=check_form, route_handlers=[show, export])
