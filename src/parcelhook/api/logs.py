"""Webhooks Logs: pages by filter, one attempt whole, the live stream, the export."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Annotated, Any

import msgspec
from litestar import Request, Router, get
from litestar.params import QueryParameter
from litestar.response import Stream
from msgspec import Struct

from parcelhook import times
from parcelhook.api.auth import require_key
from parcelhook.api.given import PathId, TheAccount, ThePlatform
from parcelhook.api.reading import (
    filter_choice,
    filter_id,
    filter_number,
    filter_time,
    known_parameters,
    public_id,
)
from parcelhook.errors import NotFound
from parcelhook.shipping.events import EventKind
from parcelhook.store import ids, log
from parcelhook.store.log import LogFilter, LogLine
from parcelhook.webhooks.catalogue import status as status_of

PAGE = 50
LONGEST_PAGE = 200
EXPORT_STEP = 500  # lines read at a time, so that an export of any size takes little memory
HEARTBEAT_S = 15.0  # a live stream that is silent says so, or proxies cut it

EVENTS = {kind.choice: kind for kind in EventKind} | {kind.value: kind for kind in EventKind}
RESULTS = {"passed": True, "failed": False}
YES_NO = {"true": True, "false": False}

# The page's twelve columns in its order, then what stands beside them.
COLUMNS = (
    "Date", "Date End", "Order ID", "Transaction ID", "Carrier", "Endpoint", "Event", "Result", "Retry", "Time Spent",
    "Request", "Response", "HTTP code", "Reason", "Test", "Log ID",
)  # fmt: skip

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


class HeaderLine(Struct, frozen=True):
    """A header of a request or an answer."""

    name: str
    value: str


class RequestView(Struct, frozen=True, kw_only=True):
    """What was sent; credentials and custom header values are masked."""

    method: str
    url: str
    headers: list[HeaderLine]
    body: str
    body_truncated: bool


class ResponseView(Struct, frozen=True, kw_only=True):
    """What was answered."""

    status: int
    name: str
    headers: list[HeaderLine]
    body: str
    truncated: bool


class LogItem(Struct, frozen=True, kw_only=True):
    """One attempt."""

    id: str
    date: str
    date_end: str
    order_id: str
    transaction_id: str
    carrier: str
    endpoint_id: str
    endpoint_url: str
    event: str
    result: str
    retry: int
    manual: bool
    test: bool
    is_return: bool
    time_spent_ms: float
    http_code: int
    cause: str
    reason: str
    hint: str
    delivery_id: str | None
    event_id: str | None
    request: RequestView
    response: ResponseView | None


class TimingView(Struct, frozen=True, kw_only=True):
    """Milliseconds that each phase took."""

    dns_ms: float
    connect_ms: float
    tls_ms: float
    first_byte_ms: float
    total_ms: float


class WholeLogItem(LogItem, frozen=True, kw_only=True):
    """One attempt with its bodies whole."""

    timing: TimingView
    address: str


class LogPage(Struct, frozen=True, kw_only=True):
    """A page of attempts, newest first."""

    items: list[LogItem]
    next_cursor: str | None


@get("/", summary="View Webhooks Logs")
async def page(
    request: Request[Any, Any, Any],
    platform: ThePlatform,
    account_id: TheAccount,
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
    cursor: Cursor = None,
    limit: Limit = None,
) -> LogPage:
    """Attempts, newest first. Lines that are added meanwhile never shift a page. Bodies are cut to 500 bytes."""
    known_parameters(request.query_params, _FILTERS | {"cursor", "limit"})
    wanted = _wanted(request)
    before = filter_id("cursor", ids.Prefix.ATTEMPT, cursor)
    size = filter_number("limit", limit, 1, LONGEST_PAGE) or PAGE
    lines = await platform.database.read(
        lambda connection: log.page(connection, account_id, wanted, before=before, limit=size + 1)
    )
    items = [_item(line) for line in lines[:size]]
    return LogPage(items=items, next_cursor=items[-1].id if len(lines) > size else None)


@get("/export", summary="Export the log")
async def export(
    request: Request[Any, Any, Any],
    platform: ThePlatform,
    account_id: TheAccount,
    format: Annotated[str, QueryParameter(description="`csv` or `ndjson`")] = "csv",  # noqa: A002  (the API's word)
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
) -> Stream:
    """Everything that the filters let through, newest first: as CSV with the page's columns, or a JSON object a line."""
    known_parameters(request.query_params, _FILTERS | {"format"})
    form = filter_choice("format", format, {"csv": "csv", "ndjson": "ndjson"})
    wanted = _wanted(request)

    async def parts() -> AsyncIterator[bytes]:
        if form == "csv":
            yield _csv([COLUMNS])
        before: int | None = None
        while True:
            older = partial(log.page, account_id=account_id, wanted=wanted, before=before, limit=EXPORT_STEP)
            lines = await platform.database.read(older)
            if form == "csv":
                yield _csv([_columns(line) for line in lines])
            else:
                yield b"".join(msgspec.json.encode(_item(line)) + b"\n" for line in lines)
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
) -> Stream:
    """New attempts as they are recorded, as server-sent events (`event: attempt`). `Last-Event-ID` resumes after it."""
    known_parameters(request.query_params, _FILTERS)
    wanted = _wanted(request)
    last = filter_id("Last-Event-ID", ids.Prefix.ATTEMPT, request.headers.get("last-event-id"))
    start = platform.news.latest if last is None else last

    async def parts() -> AsyncIterator[bytes]:
        seen = start
        yield b": following\n\n"
        while not platform.news.closed:
            newest = await platform.news.wait(seen, HEARTBEAT_S)
            if newest <= seen:
                yield b": nothing new\n\n"
                continue
            newer = partial(log.after, account_id=account_id, wanted=wanted, after=seen, limit=EXPORT_STEP)
            lines = await platform.database.read(newer)
            for line in lines:
                item = _item(line)
                yield b"event: attempt\nid: %s\ndata: %s\n\n" % (item.id.encode(), msgspec.json.encode(item))
            seen = lines[-1].id if len(lines) == EXPORT_STEP else newest

    return Stream(
        parts(), media_type="text/event-stream", headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    )


@get("/{log_id:str}", summary="One attempt")
async def one(platform: ThePlatform, account_id: TheAccount, log_id: PathId) -> WholeLogItem:
    """An attempt with all the information transmitted, its timing, and the address that was connected to."""
    number = public_id(ids.Prefix.ATTEMPT, log_id)
    line = await platform.database.read(lambda connection: log.one(connection, account_id, number))
    if line is None:
        raise NotFound(f'There is no line "{log_id[:100]}" in the log.')
    return WholeLogItem(
        timing=TimingView(
            dns_ms=line.dns_ms,
            connect_ms=line.connect_ms,
            tls_ms=line.tls_ms,
            first_byte_ms=line.first_byte_ms,
            total_ms=line.time_spent_ms,
        ),
        address=line.address,
        **_fields(line),
    )


router = Router(
    path="/v1/logs", guards=[require_key], route_handlers=[page, export, stream, one], tags=["Webhooks Logs"]
)


def _wanted(request: Request[Any, Any, Any]) -> LogFilter:
    """The filter that the query parameters ask for; an empty one counts as not given, as forms send it."""
    given = {name: value for name, value in request.query_params.items() if value}
    retry = given.get("retry")
    return LogFilter(
        endpoint_id=filter_id("endpoint", ids.Prefix.ENDPOINT, given.get("endpoint")),
        kind=filter_choice("event", given.get("event"), EVENTS),
        passed=filter_choice("result", given.get("result"), RESULTS),
        retry="any" if retry == "any" else filter_number("retry", retry, 0, 10),
        order_id=given.get("order_id"),
        transaction_id=given.get("transaction_id"),
        carrier=given.get("carrier"),
        since_ms=filter_time("since", given.get("since")),
        until_ms=filter_time("until", given.get("until")),
        test=filter_choice("test", given.get("test"), YES_NO),
    )


def _item(line: LogLine) -> LogItem:
    return LogItem(**_fields(line))


def _fields(line: LogLine) -> dict[str, Any]:
    return {
        "id": ids.public(ids.Prefix.ATTEMPT, line.id),
        "date": times.iso(line.date_ms),
        "date_end": times.iso(line.date_end_ms),
        "order_id": line.order_id,
        "transaction_id": line.transaction_id,
        "carrier": line.carrier,
        "endpoint_id": ids.public(ids.Prefix.ENDPOINT, line.endpoint_id),
        "endpoint_url": line.endpoint_url,
        "event": line.kind.value,
        "result": "passed" if line.passed else "failed",
        "retry": line.retry,
        "manual": line.manual,
        "test": line.test,
        "is_return": line.is_return,
        "time_spent_ms": line.time_spent_ms,
        "http_code": line.http_code,
        "cause": line.cause,
        "reason": line.reason,
        "hint": line.hint,
        "delivery_id": None if line.delivery_id is None else ids.public(ids.Prefix.DELIVERY, line.delivery_id),
        "event_id": line.event_name,
        "request": _request(line),
        "response": _response(line),
    }


def _request(line: LogLine) -> RequestView:
    first, *rest = line.request_head.split("\n")
    return RequestView(
        method=first.partition(" ")[0],
        url=line.endpoint_url,
        headers=_headers(rest),
        body=_text(line.request_body),
        body_truncated=len(line.request_body) < line.request_length,
    )


def _response(line: LogLine) -> ResponseView | None:
    if line.response_head is None:
        return None
    return ResponseView(
        status=line.http_code,
        name=status_of(line.http_code).name,
        headers=_headers(line.response_head.split("\n")[1:]),
        body=_text(line.response_body),
        truncated=line.truncated or len(line.response_body) < line.response_length,
    )


def _headers(lines: Sequence[str]) -> list[HeaderLine]:
    return [HeaderLine(name, value.strip()) for name, _, value in (line.partition(":") for line in lines) if name]


def _text(body: bytes) -> str:
    return body.decode("utf-8", "replace")


def _columns(line: LogLine) -> tuple[str, ...]:
    item = _item(line)
    return tuple(_harmless(cell) for cell in (
        item.date, item.date_end, item.order_id, item.transaction_id, item.carrier, item.endpoint_url, item.event,
        item.result, str(item.retry), f"{item.time_spent_ms:.1f}", item.request.body,
        item.response.body if item.response else "", str(item.http_code), item.reason, str(item.test).lower(), item.id,
    ))  # fmt: skip


def _harmless(cell: str) -> str:
    """A cell that a spreadsheet would take for a formula is marked as text."""
    return "'" + cell if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell


def _csv(rows: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()
