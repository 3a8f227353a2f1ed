"""What may be asked of the webhooks log."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from parcelhook.shipping.events import EventKind

CodeClass = Literal["2xx", "3xx", "4xx", "5xx", "none"]  # "none": no answer came


class LogFilter(Struct, frozen=True, kw_only=True):
    """Which attempts; None is any. The page's filters are Endpoint, Event, Result and Retry; the others are ours.

    `retry` is an exact Retry number, or "any" for 1 and more; `code` an exact HTTP code or a class of them. `search` is an
    Order ID, a Transaction ID or a tracking number. Times are when the attempt was recorded, in Unix ms.
    """

    endpoint_id: int | None = None
    kind: EventKind | None = None
    passed: bool | None = None
    retry: int | Literal["any"] | None = None
    code: int | CodeClass | None = None
    order_id: str | None = None
    transaction_id: str | None = None
    tracking: str | None = None
    search: str | None = None
    carrier: str | None = None
    is_return: bool | None = None
    since_ms: int | None = None
    until_ms: int | None = None
    test: bool | None = None
