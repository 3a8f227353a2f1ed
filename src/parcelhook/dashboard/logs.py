"""Webhooks Logs: the twelve columns, the filters, live rows, export, one attempt with its whole story, Resend."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlencode

from litestar import Response, Router, get, post
from litestar.response import Stream
from msgspec import Struct
from sqlalchemy import Connection

from parcelhook import times
from parcelhook.dashboard import figures
from parcelhook.dashboard.curl import as_curl
from parcelhook.dashboard.given import Asked, PathId, ThePlatform, Who
from parcelhook.dashboard.pages import fragment, page, see
from parcelhook.dashboard.visitors import Visitor, check_form, require_user
from parcelhook.dashboard.webhook_form import CHOICES
from parcelhook.delivery import connecting
from parcelhook.delivery.following import follow
from parcelhook.delivery.platform import Platform
from parcelhook.delivery.waiting import waits_for
from parcelhook.edge import export as files
from parcelhook.edge import log_query
from parcelhook.edge.asking import filter_choice, filter_id, public_id
from parcelhook.edge.log_items import LogItem, item, whole_item
from parcelhook.errors import Busy, InvalidInput, NotFound
from parcelhook.store import deliveries, ids, insights, log, users
from parcelhook.store.counting import HOUR_MS
from parcelhook.store.insights import Range
from parcelhook.store.log import LogLine
from parcelhook.store.log_filter import LogFilter
from parcelhook.store.schema import DeliveryState

PAGE: Final = 50
MOST_STREAMS: Final = 20  # that one user may keep open
PERIODS: Final = {"1h": 1, "24h": 24, "7d": 168, "30d": 720}
CARRIERS_OF_HOURS: Final = 168  # those that the filter offers to choose from


class Row(Struct, frozen=True, kw_only=True):
    """A line of the log with what has become of its delivery since."""

    item: LogItem
    endpoint: str  # its label, or its URL without what all have in common
    date_ms: int
    date_end_ms: int
    of: int | None  # the webhook's Count of Retry, None if it is gone
    state: str | None  # where the delivery stands now: pending, delivered, failed, cancelled
    is_newest: bool  # no later attempt of its delivery has been made
    due_ms: int | None  # of the next attempt


@get("/logs")
async def show(request: Asked, platform: ThePlatform, who: Who) -> Response[Any]:
    """A page of the log under its filters."""
    account_id = who.user.account_id
    texts = _texts(request)
    wrong: InvalidInput | None = None
    try:
        wanted = _wanted(texts)
        before = filter_id("cursor", ids.Prefix.ATTEMPT, request.query_params.get("cursor") or None)
    except InvalidInput as flaw:
        wrong, wanted, before = flaw, LogFilter(), None
    newest = platform.news.latest

    def look(connection: Connection) -> tuple[list[LogLine], dict[int, Any], figures.Chart, list[str], bool]:
        lines = [] if wrong else log.page(connection, account_id, wanted, before=before, limit=PAGE + 1)
        stands = deliveries.standing(connection, [line.delivery_id for line in lines if line.delivery_id is not None])
        strip = figures.strip(connection, account_id, wanted.endpoint_id)
        carriers = insights.carriers(connection, account_id, Range.last(CARRIERS_OF_HOURS, times.now_ms()))
        nothing_yet = not lines and not log.page(connection, account_id, LogFilter(), before=None, limit=1)
        return lines, stands, strip, carriers, nothing_yet

    lines, stands, strip, carriers, nothing_yet = await platform.database.read(look)
    rows = _rows(platform, lines[:PAGE], stands)
    older = rows[-1].item.id if len(lines) > PAGE else None
    endpoints = platform.registry.endpoints(account_id)
    context = {
        "rows": rows,
        "texts": texts,
        "chips": _chips(platform, texts),
        "wrong": wrong,
        "strip": strip,
        "carriers": carriers,
        "endpoints": [(ids.public(ids.Prefix.ENDPOINT, one.id), one.label or one.url) for one in endpoints],
        "choices": CHOICES,
        "periods": PERIODS,
        "codes": log_query.CODES,
        "nothing_yet": nothing_yet,
        "older": _link(texts, cursor=older) if older else None,
        "first_page": before is None,
        "live": before is None and not wrong and "until" not in texts,
        "stream": "/logs/stream?" + urlencode({**texts, "after": ids.public(ids.Prefix.ATTEMPT, newest)}),
        "export": "/logs/export?" + urlencode(texts),
        "query": urlencode(texts),
    }
    return page(request, "logs.html", context)


@get("/logs/stream")
async def stream(request: Asked, platform: ThePlatform, who: Who) -> Stream:
    """New rows as they are recorded, each as the server would write it into the page (server-sent events)."""
    after = request.headers.get("last-event-id") or request.query_params.get("after")
    seen = filter_id("after", ids.Prefix.ATTEMPT, after) or platform.news.latest
    steps = follow(platform.database, platform.news, who.user.account_id, _wanted(_texts(request)), seen)
    if request.app.state.followers[who.user.id] >= MOST_STREAMS:
        raise Busy(f"You follow the log in {MOST_STREAMS} windows already. Close one of them.")
    return Stream(
        _counted(request.app.state.followers, who, _as_rows(request, platform, who, steps)),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _counted(followers: Counter[int], who: Visitor, rows: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    followers[who.user.id] += 1
    try:
        async for row in rows:
            yield row
    finally:
        followers[who.user.id] -= 1


async def _as_rows(
    request: Asked, platform: Platform, who: Visitor, steps: AsyncIterator[list[LogLine]]
) -> AsyncIterator[bytes]:
    """Until the session has ended: whoever logs out or is removed sees no more."""
    session = users.digest(who.token)
    yield b": following\n\n"
    async for lines in steps:
        numbers = [line.delivery_id for line in lines if line.delivery_id is not None]

        def look(connection: Connection) -> tuple[bool, dict[int, deliveries.Standing]]:
            there = users.of_session(connection, session, times.now_ms()) is not None
            return there, deliveries.standing(connection, numbers)  # noqa: B023  (awaited here)

        there, stands = await platform.database.read(look)
        if not there:
            return
        if not lines:
            yield b": nothing new\n\n"
        for row in _rows(platform, lines, stands):
            # Whatever ends a line would end the field of the event-stream too, and what follows would be read as another.
            html = " ".join(fragment(request, "log_rows.html", "log_row", row=row, query="").splitlines())
            yield b"event: row\nid: %s\ndata: %s\n\n" % (row.item.id.encode(), html.encode())


@get("/logs/export")
async def export(request: Asked, platform: ThePlatform, who: Who) -> Stream:
    """Everything that the filters let through, as a file."""
    form = filter_choice(
        "format", request.query_params.get("format") or "csv", {form.value: form for form in files.Form}
    )
    form = form or files.Form.CSV
    parts = files.export(platform.database, who.user.account_id, _wanted(_texts(request)), form)
    return Stream(parts, media_type=form.media_type, headers=form.headers)


@get("/logs/{log_id:str}")
async def attempt(request: Asked, platform: ThePlatform, who: Who, log_id: PathId) -> Response[Any]:
    """One attempt with all the information transmitted, and the story of its delivery."""
    account_id = who.user.account_id
    number = public_id(ids.Prefix.ATTEMPT, log_id)
    texts = _texts(request)
    wanted = _wanted(texts)

    def look(connection: Connection) -> tuple[LogLine, deliveries.Story | None, tuple[int | None, int | None]]:
        line = log.one(connection, account_id, number)
        if line is None:
            raise NotFound(f'There is no line "{log_id[:100]}" in the log.')
        story = None if line.delivery_id is None else deliveries.story(connection, account_id, line.delivery_id)
        return line, story, log.neighbours(connection, account_id, wanted, number)

    line, story, (newer, older) = await platform.database.read(look)
    shown = whole_item(line)
    endpoint = platform.registry.get(line.endpoint_id)
    waiting = None
    if story is not None:
        pace = platform.worker.pace(line.endpoint_id)
        waiting = waits_for(story, endpoint, pace, times.now_ms())
    query = urlencode(texts)

    def beside(other: int | None) -> str | None:
        path = None if other is None else "/logs/" + ids.public(ids.Prefix.ATTEMPT, other)
        return f"{path}?{query}" if path and query else path

    context = {
        "item": shown,
        "line": line,
        "endpoint": endpoint,
        "story": story,
        "waiting": waiting,
        "state": story.state.name.lower() if story else None,
        "curl": as_curl(shown.request.url, shown.request.headers, shown.request.body),
        "newer": beside(newer),
        "older": beside(older),
        "back": f"/logs?{query}" if query else "/logs",
        "resent": "resent" in request.query_params,
    }
    return page(request, "attempt.html", context)


@post("/deliveries/{delivery_id:str}/resend")
async def resend(request: Asked, platform: ThePlatform, who: Who, delivery_id: PathId) -> Response[Any]:
    """Send a delivery once more now: the same bytes under the same id."""
    form = await request.form()
    await connecting.retry_now(platform, who.user.account_id, public_id(ids.Prefix.DELIVERY, delivery_id))
    back = str(form.get("attempt", ""))
    number = ids.parse(ids.Prefix.ATTEMPT, back)
    return see("/logs" if number is None else f"/logs/{back}?resent=1")


def _texts(request: Asked) -> dict[str, str]:
    """The filters of the address that say anything; names that are none are the page's own (cursor, after, resent)."""
    known = log_query.NAMES | {"period"}
    return {name: text for name, text in request.query_params.items() if name in known and text.strip()}


def _wanted(texts: Mapping[str, str]) -> LogFilter:
    """The filter; `period` is a `since` that moves along."""
    asked = {name: text for name, text in texts.items() if name != "period"}
    hours = filter_choice("period", texts.get("period"), PERIODS)
    if hours is not None:
        asked["since"] = times.iso(times.now_ms() - hours * HOUR_MS)
    for name in ("since", "until"):
        if len(asked.get(name, "")) == len("2026-11-24T10:15"):
            asked[name] += ":00Z"  # as the browser's field for a time has it
    return log_query.read(asked)


def _rows(platform: Platform, lines: Sequence[LogLine], stands: Mapping[int, deliveries.Standing]) -> list[Row]:
    found = []
    for line in lines:
        endpoint = platform.registry.get(line.endpoint_id)
        standing = stands.get(line.delivery_id) if line.delivery_id is not None else None
        newest = standing is not None and standing.newest_attempt == line.id
        found.append(
            Row(
                item=item(line),
                endpoint=(endpoint.label if endpoint else "") or line.endpoint_url.partition("://")[2],
                date_ms=line.date_ms,
                date_end_ms=line.date_end_ms,
                of=None if endpoint is None else endpoint.retry_count,
                state=None if standing is None else standing.state.name.lower(),
                is_newest=newest,
                due_ms=standing.due_ms if standing and newest and standing.state is DeliveryState.PENDING else None,
            )
        )
    return found


def _chips(platform: Platform, texts: Mapping[str, str]) -> list[tuple[str, str]]:
    """What filters are on, in words, each with the address without it."""
    titles = {
        "endpoint": "Endpoint", "event": "Event", "result": "Result", "retry": "Retry", "code": "Code", "order_id": "Order ID",
        "transaction_id": "Transaction ID", "tracking": "Tracking number", "search": "Search", "carrier": "Carrier",
        "return": "Returns", "since": "From", "until": "Until", "test": "Tests", "period": "Last",
    }  # fmt: skip
    found = []
    for name, text in texts.items():
        shown = text
        number = ids.parse(ids.Prefix.ENDPOINT, text) if name == "endpoint" else None
        endpoint = platform.registry.get(number) if number is not None else None
        if endpoint is not None:
            shown = endpoint.label or endpoint.url
        if name == "event" and text in CHOICES:
            shown = CHOICES[text].title
        rest = {other: value for other, value in texts.items() if other != name}
        found.append((f"{titles[name]}: {shown[:80]}", "/logs?" + urlencode(rest) if rest else "/logs"))
    return found


def _link(texts: Mapping[str, str], **more: str) -> str:
    return "/logs?" + urlencode({**texts, **more})


router = Router(
    path="/",
    guards=[require_user],
    before_request=check_form,
    route_handlers=[show, stream, export, attempt, resend],
)
