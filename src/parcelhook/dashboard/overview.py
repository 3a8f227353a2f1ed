"""The first page: four figures of the last day, the charts, and what needs attention."""

from __future__ import annotations

from typing import Any

from litestar import Response, Router, get
from msgspec import Struct
from sqlalchemy import Connection

from parcelhook import times
from parcelhook.dashboard import figures
from parcelhook.dashboard.given import Asked, ThePlatform, Who
from parcelhook.dashboard.pages import ago, number, page, percent, spent
from parcelhook.dashboard.visitors import check_form, require_user
from parcelhook.dashboard.webhooks import Row, rows_of
from parcelhook.store import insights, set_aside
from parcelhook.store.insights import Range, Tally, TimeSpent

OVERDUE_MS = 15 * 60_000  # a delivery that is due for so long deserves a look


class Figure(Struct, frozen=True, kw_only=True):
    """One of the four figures, and how it was the day before."""

    title: str
    value: str
    before: str


class Concern(Struct, frozen=True, kw_only=True):
    """Something that needs attention, and where to look."""

    kind: str
    sentence: str
    href: str
    action: str


@get("/")
async def show(request: Asked, platform: ThePlatform, who: Who) -> Response[Any]:
    """The overview; while there is no webhook yet, the first steps."""
    account_id = who.user.account_id
    hours = figures.chosen_range(request.query_params.get("range"))
    rows = await rows_of(platform, account_id)
    known = any(row.latest is not None or row.endpoint.verified for row in rows)
    now_ms = times.now_ms()

    def look(connection: Connection) -> tuple[Any, ...]:
        day = Range.last(24, now_ms)
        return (
            figures.charts(connection, account_id, hours),
            known or insights.ever_passed(connection, account_id),
            set_aside.count(connection, account_id),
            *(
                (
                    insights.events_in(connection, account_id, when),
                    insights.total(insights.by_hour(connection, account_id, when)),
                    insights.time_spent(connection, account_id, when),
                )
                for when in (day, day.before)
            ),
        )

    drawn, tested, aside, today, yesterday = await platform.database.read(look)
    context = {
        "rows": rows,
        "four": _four(rows, *today, *yesterday),
        "charts_shown": drawn,
        "hours": hours,
        "ranges": figures.RANGES,
        "concerns": [*_aside(aside), *_concerns(rows, now_ms)],
        "tested": tested,
        "fed": today[0] + yesterday[0] > 0,
    }
    return page(request, "overview.html", context)


def _four(
    rows: list[Row],
    events: int,
    tally: Tally,
    time: TimeSpent,
    events_before: int,
    before: Tally,
    time_before: TimeSpent,
) -> list[Figure]:
    waiting = sum(row.waiting for row in rows)
    more = "more than " if any(row.more_waiting for row in rows) else ""
    return [
        Figure(
            title="Events in",
            value=number(events),
            before=f"{number(events_before) if events_before else 'none'} the day before",
        ),
        Figure(
            title="Deliveries succeeded",
            value=percent(_share(tally)),
            before=f"{'none' if _share(before) is None else percent(_share(before))} the day before",
        ),
        Figure(title="Waiting", value=more + number(waiting), before="now, for their turn or for a retry"),
        Figure(
            title="Time Spent",
            value=spent(time.p50),
            before=_slowest(time, time_before),
        ),
    ]


def _slowest(time: TimeSpent, before: TimeSpent) -> str:
    if time.p95 is None:
        return "nothing was sent"
    then = "" if before.p95 is None else f"; {spent(before.p95)} the day before"
    return f"the median; 95 % within {spent(time.p95)}{then}"


def _share(tally: Tally) -> float | None:
    ended = tally.delivered + tally.gave_up
    return tally.delivered / ended if ended else None


def _aside(count: int) -> list[Concern]:
    """Requests that were accepted and are not in the store."""
    if not count:
        return []
    words = "A request was" if count == 1 else f"{number(count)} requests were"
    sentence = f"{words} accepted and could not be taken into the store."
    return [Concern(kind="failing", sentence=sentence, href="/set-aside", action="See why")]


def _concerns(rows: list[Row], now_ms: int) -> list[Concern]:
    found = []
    for row in rows:
        name = row.endpoint.label or row.endpoint.url
        if row.state == "paused":
            waits = f" {number(row.waiting)} deliveries wait for it." if row.waiting else ""
            found.append(
                Concern(
                    kind="paused", sentence=f"{name} is paused. {row.endpoint.state_reason}{waits}",
                    href=f"/webhooks/{row.id}", action="Look",
                )
            )  # fmt: skip
        elif row.state == "failing" and row.latest is not None:
            said = f"last answered {row.latest.http_code}" if row.latest.http_code else "gave no answer last"
            found.append(
                Concern(
                    kind="failing", sentence=f"{name} is failing: it {said}, {ago(row.latest.date_ms, now_ms)}.",
                    href=f"/logs?endpoint={row.id}&result=failed", action="See why",
                )
            )  # fmt: skip
        elif row.due_ms is not None and row.due_ms < now_ms - OVERDUE_MS:
            found.append(
                Concern(
                    kind="late", sentence=f"A delivery to {name} has been due since {ago(row.due_ms, now_ms)}.",
                    href=f"/webhooks/{row.id}", action="Look",
                )
            )  # fmt: skip
    return found


router = Router(path="/", guards=[require_user], before_request=check_form, route_handlers=[show])
