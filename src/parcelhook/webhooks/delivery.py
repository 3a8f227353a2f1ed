"""The values of a delivery: the event as it was accepted, its way to one endpoint, and each attempt made."""

from __future__ import annotations

# None of these can be part of a reference cycle, and there are many of them: gc=False spares the collector the walk.
from msgspec import Struct

from parcelhook.shipping.events import EventKind
from parcelhook.webhooks.formats import Format

WAS_DELIVERED = -1  # in `resume_ms`: the attempt by hand was asked for after the delivery had got through


class StoredEvent(Struct, frozen=True, kw_only=True, gc=False):
    """An event as accepted. `name` is its public id, sent as `webhook-id`; `body` is sent byte for byte."""

    id: int
    account_id: int
    name: str
    given_id: str | None
    kind: EventKind
    order_id: str
    transaction_id: str
    carrier: str
    is_return: bool
    accepted_ms: int
    body: bytes


class Delivery(Struct, frozen=True, kw_only=True, gc=False):
    """One event on its way to one endpoint.

    `attempts` counts the exchanges so far, `retries` the automatic ones among them beyond the first. `manual` says that
    the next attempt was asked for by hand; if that one fails, the schedule goes on at `resume_ms` (None: it had failed;
    WAS_DELIVERED: it had got through).
    """

    id: int
    endpoint_id: int
    event: StoredEvent
    attempts: int = 0
    retries: int = 0
    manual: bool = False
    resume_ms: int | None = None
    strict_key: str | None = None

    @property
    def shipment(self) -> str:
        """What order is kept by: the TransactionID, "" for none."""
        return self.event.transaction_id


class Attempt(Struct, frozen=True, kw_only=True, gc=False):
    """One exchange that has ended, as the log keeps it. Without a `delivery_id` it was a test.

    `request_body` is None where it is the event's own body in `format`; `response_head` is None where no answer came.
    """

    account_id: int
    endpoint_id: int
    event_id: int | None
    delivery_id: int | None
    kind: EventKind
    order_id: str
    transaction_id: str
    carrier: str
    is_return: bool
    date_ms: int
    date_end_ms: int
    passed: bool
    retry: int
    manual: bool
    time_spent_ms: float
    http_code: int
    cause: str
    reason: str | None
    hint: str | None
    request_head: str
    request_body: bytes | None
    format: Format = Format.PAGE
    response_head: str | None
    response_body: bytes | None
    truncated: bool
    address: str
    dns_ms: float
    connect_ms: float
    tls_ms: float
    first_byte_ms: float


class Outcome(Struct, frozen=True, kw_only=True, gc=False):
    """What becomes of a delivery after an attempt: still pending at `due_ms`, or ended.

    `ended` is None while it is pending, else whether it was delivered.
    """

    delivery: Delivery
    attempt: Attempt
    attempts: int
    retries: int
    due_ms: int
    ended: bool | None
