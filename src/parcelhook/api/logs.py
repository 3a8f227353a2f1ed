"""Webhooks Logs: pages by filter, one attempt whole, the live stream, the export."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Annotated, Any

import msgspec
from litestar import Request, Router, get
from litestar.di import NamedDependency, Provide
from litestar.params import QueryParameter
from litestar.response import Stream
from msgspec import Struct

from parcelhook.api.auth import require_key, still_opens
from parcelhook.api.given import PathId, TheAccount, ThePlatform
from parcelhook.api.reading import known_parameters
from parcelhook.delivery.following import follow
from parcelhook.edge import log_query
from parcelhook.edge.asking import filter_choice, filter_id, filter_number, public_id
from parcelhook.edge.export import Form
from parcelhook.edge.export import export as exporting
from parcelhook.edge.log_items import LogItem, WholeLogItem, item, whole_item
from parcelhook.errors import NotFound
from parcelhook.store import ids, log
from parcelhook.store.log import LogLine
from parcelhook.store.log_filter import LogFilter

PAGE = 50
LONGEST_PAGE = 200

Text = str | None
Endpoint = Annotated[Text, QueryParameter(description="Endpoint id")]
EventName = Annotated[Text, QueryParameter(description="`order_shipped`, `order_error` or `tracking_update`")]
Result = Annotated[Text, QueryParameter(description="`passed` or `failed`")]
Retry = Annotated[Text, QueryParameter(description="Retry number, 0 for the first attempt; `any` for 1 and more")]
Code = Annotated[Text, QueryParameter(description="HTTP code, or `2xx`, `3xx`, `4xx`, `5xx`, `none` (no answer)")]
Order = Annotated[Text, QueryParameter(description="Order ID")]
Transaction = Annotated[Text, QueryParameter(description="Transaction ID")]
Tracking = Annotated[Text, QueryParameter(description="Tracking number")]
Search = Annotated[Text, QueryParameter(description="An Order ID, a Transaction ID or a tracking number")]
Carrier = Annotated[Text, QueryParameter(description="Carrier, as in the event")]
Since = Annotated[Text, QueryParameter(description="From this time on: ISO 8601, or Unix seconds")]
Until = Annotated[Text, QueryParameter(description="Before this time")]
Test = Annotated[Text, QueryParameter(description="`true`: tests only, `false`: none")]
Cursor = Annotated[Text, QueryParameter(description="`next_cursor` of the page before")]
Limit = Annotated[Text, QueryParameter(description=f"1 to {LONGEST_PAGE}, default {PAGE}")]


class LogPage(Struct, frozen=True, kw_only=True):
    """A page of attempts, newest first."""

    items: list[LogItem]
    next_cursor: str | None


def wanted(
    request: Request[Any, Any, Any],
    endpoint: Endpoint = None,
    event: EventName = None,
    result: Result = None,
    retry: Retry = None,
    code: Code = None,
    order_id: Order = None,
    transaction_id: Transaction = None,
    tracking: Tracking = None,
    search: Search = None,
    carrier: Carrier = None,
    is_return: Annotated[Text, QueryParameter(name="return", description="`true`: returns only, `false`: none")] = None,
    since: Since = None,
    until: Until = None,
    test: Test = None,
) -> LogFilter:
    """The filter that the query parameters ask for; they stand in the signature for the reference's sake."""
    return log_query.read(request.query_params)


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
    known_parameters(request.query_params, log_query.NAMES | {"cursor", "limit"})
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
    known_parameters(request.query_params, log_query.NAMES | {"format"})
    form = filter_choice("format", format, {form.value: form for form in Form}) or Form.CSV
    return Stream(
        exporting(platform.database, account_id, wanted, form), media_type=form.media_type, headers=form.headers
    )


@get("/stream", summary="Follow the log")
async def stream(
    request: Request[Any, Any, Any],
    platform: ThePlatform,
    account_id: TheAccount,
    wanted: Wanted,
) -> Stream:
    """New attempts as they are recorded, as server-sent events (`event: attempt`). `Last-Event-ID` resumes after it."""
    known_parameters(request.query_params, log_query.NAMES)
    last = filter_id("Last-Event-ID", ids.Prefix.ATTEMPT, request.headers.get("last-event-id"))
    start = platform.news.latest if last is None else last
    return Stream(
        as_events(follow(platform.database, platform.news, account_id, wanted, start), partial(still_opens, request)),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def as_events(
    steps: AsyncIterator[list[LogLine]], may_go_on: Callable[[], Awaitable[bool]]
) -> AsyncIterator[bytes]:
    """Each line as a server-sent event; a comment where there is nothing new. Ends when the key opens nothing any more."""
    yield b": following\n\n"
    async for lines in steps:
        if not await may_go_on():
            return
        if not lines:
            yield b": nothing new\n\n"
        for line in lines:
            shown = item(line)
            yield b"event: attempt\nid: %s\ndata: %s\n\n" % (shown.id.encode(), msgspec.json.encode(shown))


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
