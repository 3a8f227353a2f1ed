"""A line of the log as it is shown: in an answer of the API, on a page, in a row of the export."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from parcelhook import times
from parcelhook.store import ids
from parcelhook.store.log import LogLine
from parcelhook.webhooks.catalogue import status as status_of


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


def item(line: LogLine) -> LogItem:
    """A line of a list; its bodies may be cut."""
    return LogItem(**_fields(line))


def whole_item(line: LogLine) -> WholeLogItem:
    """A line with its bodies whole."""
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
    """A body as text; a character that the cut went through is left out, bytes that are none are marked."""
    return codecs.getincrementaldecoder("utf-8")("replace").decode(body)
