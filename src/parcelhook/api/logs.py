"""Webhooks Logs: pages by filter, one attempt whole, the live stream, the export."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from typing import Annotated, Any

import msgspec
from litestar import Request, Router, get
from litestar.di import NamedDependency, Provide
from litestar.params import QueryParameter
from litestar.response import Stream
from msgspec import Struct

from parcelhook.api.auth import require_key
from parcelhook.api.given import PathId, TheAccount, ThePlatform
from parcelhook.api.log_items import COLUMNS, LogItem, WholeLogItem, csv_row, csv_rows, item, whole_item
from parcelhook.api.reading import filter_choice, filter_id, filter_number, filter_time, known_parameters, public_id
from parcelhook.delivery.news import News
from parcelhook.errors import NotFound
from parcelhook.shipping.events import EventKind
from parcelhook.store import ids, log
from parcelhook.store.database import Database
from parcelhook.store.log import LogFilter

PAGE = 50
LONGEST_PAGE = 200
EXPORT_STEP = 500  # lines read at a time, so that an export of any size takes little memory
HEARTBEAT_S = 15.0  # a live stream that is silent says so, or proxies cut it

EVENTS = {kind.choice: kind for kind in EventKind} | {kind.value: kind for kind in EventKind}
RESULTS = {"passed": True, "failed": False}
YES_NO = {"true": True, "false": False}

Text = str | None
Endpoint = Annotated[Text, QueryParameter(description="Endpoint id")]
EventName = Annotated[Text, QueryParameter(description="`order_shipped`, `order_error` or `tracking_update`")]
Result = Annotated[Text, QueryParameter(description="`passed` or `failed`")]
Retry = Annotated[Text, QueryParameter(description="Retry number, 0 for the first attempt; `any` for 1 and more")]
Order = Annotated[Text, QueryParameter(description="Order ID")]
Transaction = Annotated[Text, QueryParameter(description="Transaction ID")]
Carrier = Annotated[Text, QueryParameter(description="Carrier, as in the event")]
Since = Annotated[Text, QueryParameter(description="From this time on: ISO 8601, or Unix seconds")]
Until = Annotated[Text, QueryParameter(description="Before this time")]
Test = Annotated[Text, QueryParameter(description="`true`: tests only, `false`: none")]
Cursor = Annotated[Text, QueryParameter(description="`next_cursor` of the page before")]
Limit = Annotated[Text, QueryParameter(description=f"1 to {LONGEST_PAGE}, default {PAGE}")]

_FILTERS = frozenset({
    "endpoint", "event", "result", "retry", "order_id", "transaction_id", "carrier", "since", "until", "test",
})  # fmt: skip


class LogPage(Struct, frozen=True, kw_only=True):
    """A page of attempts, newest first."""

    items: list[LogItem]
    next_cursor: str | None


def wanted(
    endpoint: Endpoint = None,
    event: EventName = None,
    result: Result = None,
    retry: Retry = None,
    order_id: Order = None,
    transaction_id: Transaction = None,
    carrier: Carrier = None,
    since: Since = None,
    until: Until = None,
    test: Test = None,
) -> LogFilter:
    """The filter that the query parameters ask for; an empty one counts as not given, as forms send it."""
    return LogFilter(
        endpoint_id=filter_id("endpoint", ids.Prefix.ENDPOINT, endpoint or None),
        kind=filter_choice("event", event or None, EVENTS),
        passed=filter_choice("result", result or None, RESULTS),
        retry="any" if retry == "any" else filter_number("retry", retry or None, 0, 10),
        order_id=order_id or None,
        transaction_id=transaction_id or None,
        carrier=carrier or None,
        since_ms=filter_time("since", since or None),
        until_ms=filter_time("until", until or None),
        test=filter_choice("test", test or None, YES_NO),
    )


Wanted = NamedDependency[LogFilter]


@get("/", summary="View Webhooks Logs")
async def page(
    request: Request[Any, Any, Any],
    platform: ThePlatform,
    account_id: TheAccount,
    wanted: Wanted,
    cursor: Cursor = None,
    limit: Limit = None,
) -> LogPage:
    """Attempts, newest first. Lines that are added meanwhile never shift a page. Bodies are cut to 500 bytes."""
    known_parameters(request.query_params, _FILTERS | {"cursor", "limit"})
    before = filter_id("cursor", ids.Prefix.ATTEMPT, cursor)
    size = filter_number("limit", limit, 1, LONGEST_PAGE) or PAGE
    lines = await platform.database.read(
        lambda connection: log.page(connection, account_id, wanted, before=before, limit=size + 1)
    )
    items = [item(line) for line in lines[:size]]
    return LogPage(items=items, next_cursor=items[-1].id if len(lines) > size else None)


@get("/export", summary="Export the log")
async def export(
    request: Request[Any, Any, Any],
    platform: ThePlatform,
    account_id: TheAccount,
    wanted: Wanted,
    format: Annotated[str, QueryParameter(description="`csv` or `ndjson`")] = "csv",  # noqa: A002  (the API's word)
) -> Stream:
    """Everything that the filters let through, newest first: as CSV with the page's columns, or a JSON object a line."""
    known_parameters(request.query_params, _FILTERS | {"format"})
    form = filter_choice("format", format, {"csv": "csv", "ndjson": "ndjson"})

    async def parts() -> AsyncIterator[bytes]:
        if form == "csv":
            yield csv_rows([COLUMNS])
        before: int | None = None
        while True:
            older = partial(log.page, account_id=account_id, wanted=wanted, before=before, limit=EXPORT_STEP)
            lines = await platform.database.read(older)
            if form == "csv":
                yield csv_rows([csv_row(line) for line in lines])
            else:
                yield b"".join(msgspec.json.encode(item(line)) + b"\n" for line in lines)
            if len(lines) < EXPORT_STEP:
                return
            before = lines[-1].id

    return Stream(
        parts(),
        media_type="text/csv; charset=utf-8" if form == "csv" else "application/x-ndjson",
        headers={"Content-Disposition": f'attachment; filename="webhooks-logs.{form}"'},
    )


@get("/stream", summary="Follow the log")
async def stream(
    request: Request[Any, Any, Any],
    platform: ThePlatform,
    account_id: TheAccount,
    wanted: Wanted,
) -> Stream:
    """New attempts as they are recorded, as server-sent events (`event: attempt`). `Last-Event-ID` resumes after it."""
    known_parameters(request.query_params, _FILTERS)
    last = filter_id("Last-Event-ID", ids.Prefix.ATTEMPT, request.headers.get("last-event-id"))
    start = platform.news.latest if last is None else last
    return Stream(
        follow(platform.database, platform.news, account_id, wanted, start),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def follow(
    database: Database, news: News, account_id: int, wanted: LogFilter, seen: int, *, heartbeat_s: float = HEARTBEAT_S
) -> AsyncIterator[bytes]:
    """Each attempt after the id `seen` as a server-sent event, once; a comment after `heartbeat_s` without any."""
    clock = asyncio.get_running_loop().time
    yield b": following\n\n"
    spoke = clock()
    while not news.closed:
        newest = await news.wait(seen, max(0.0, spoke + heartbeat_s - clock()))
        newer = partial(log.after, account_id=account_id, wanted=wanted, after=seen, limit=EXPORT_STEP)
        lines = await database.read(newer) if newest > seen else []
        for line in lines:
            shown = item(line)
            yield b"event: attempt\nid: %s\ndata: %s\n\n" % (shown.id.encode(), msgspec.json.encode(shown))
        # The log may have grown between the news and the reading: what was shown then must not be shown again.
        last = lines[-1].id if lines else 0
        seen = last if len(lines) == EXPORT_STEP else max(seen, newest, last)
        # News of lines that the filter holds back is silence to the follower.
        if lines:
            spoke = clock()
        elif clock() >= spoke + heartbeat_s:
            yield b": nothing new\n\n"
            spoke = clock()


@get("/{log_id:str}", summary="One attempt")
async def one(platform: ThePlatform, account_id: TheAccount, log_id: PathId) -> WholeLogItem:
    """An attempt with all the information transmitted, its timing, and the address that was connected to."""
    number = public_id(ids.Prefix.ATTEMPT, log_id)
    line = await platform.database.read(lambda connection: log.one(connection, account_id, number))
    if line is None:
        raise NotFound(f'There is no line "{log_id[:100]}" in the log.')
    return whole_item(line)


router = Router(
    path="/v1/logs",
    guards=[require_key],
    dependencies={"wanted": Provide(wanted, sync_to_thread=False)},
    route_handlers=[page, export, stream, one],
    tags=["Webhooks Logs"],
)
