"""Events, deliveries and attempts to put into a store."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from parcelhook.shipping.events import EventKind, OrderShipped, encode
from parcelhook.store import accepting, claiming, ids, recording
from parcelhook.store.accepting import Acceptance, Feed, Offer
from parcelhook.store.database import Database
from parcelhook.webhooks.delivery import Attempt, Delivery, Outcome, StoredEvent
from parcelhook.webhooks.endpoint import Endpoint, Ordering

MAKER = ids.IdMaker()
NOW = 1_795_519_113_000


class IdsFrom(ids.IdMaker):
    """Makes ids from one of the test's choice on: at a time of its choice, and over the end of an hour if it wants."""

    def __init__(self, first: int) -> None:
        super().__init__()
        self._next = first

    def block(self, count: int) -> int:
        first, self._next = self._next, self._next + count
        return first


def event(
    account: int = 1, *, given: str | None = None, shipment: str = "1_1", at: int = NOW, order: str = "1"
) -> StoredEvent:
    """An event as it will lie in the store; `offer` makes of it what is accepted."""
    number = MAKER.block(10)
    fed = OrderShipped(
        OrderID=order,
        TransactionID=shipment,
        TrackingCarrier="GLS",
        TrackingNumber="",
        ToAddressCompany='\xe9 "quoted" \x00',
    )
    return StoredEvent(
        id=number,
        account_id=account,
        name=given or ids.public(ids.Prefix.EVENT, number),
        given_id=given,
        kind=EventKind.ORDER_SHIPPED,
        order_id=order,
        transaction_id=shipment,
        carrier="GLS",
        is_return=False,
        accepted_ms=at,
        body=encode(fed),
    )


class Seed(Offer, frozen=True, kw_only=True):
    """An offer, with what will lie in the store once it is accepted."""

    stored: StoredEvent

    @property
    def deliveries(self) -> tuple[Delivery, ...]:
        return tuple(
            Delivery(
                id=self.first_id + n,
                endpoint_id=endpoint.id,
                event=self.stored,
                strict_key=self.stored.transaction_id if endpoint.ordering is Ordering.STRICT else None,
            )
            for n, endpoint in enumerate(self.endpoints, 1)
        )


def offer(one: StoredEvent, *endpoints: int, strict: bool = False, number: str = "") -> Seed:
    fed = msgspec.json.decode(one.body, type=OrderShipped)
    return Seed(
        first_id=one.id,
        deliveries_from=one.id + 1,
        account_id=one.account_id,
        accepted_ms=one.accepted_ms,
        endpoints=tuple(
            Endpoint(
                id=endpoint,
                account_id=one.account_id,
                url="https://shop.example/",
                events=frozenset(EventKind),
                ordering=Ordering.STRICT if strict else Ordering.RELAXED,
            )
            for endpoint in endpoints
        ),
        event=msgspec.structs.replace(
            fed, id=msgspec.UNSET if one.given_id is None else one.given_id, TrackingNumber=number
        ),
        body=one.body,
        stored=one,
    )


def accept(database: Database, *feeds: Feed) -> list[Acceptance]:
    return database.write_now(lambda transaction: accepting.accept(transaction, feeds, MAKER))


def feed(account: int, *offers: Offer, key: str | None = None, fingerprint: bytes = b"") -> Feed:
    return Feed(account_id=account, offers=offers, key=key, fingerprint=fingerprint)


def claim(
    database: Database,
    endpoint: int,
    *,
    now: int = NOW,
    room: int = 100,
    held: Sequence[int] = (),
    strict: bool = False,
) -> claiming.Claim:
    want = claiming.Want(endpoint_id=endpoint, room=room, held=frozenset(held), strict=strict)
    return database.write_now(lambda transaction: claiming.claim(transaction, [want], now))[0]


def outcome(
    delivery: Delivery, *, ended: bool | None, due: int = 0, retries: int = 0, at: int = NOW, passed: bool | None = None
) -> Outcome:
    one = delivery.event
    attempt = Attempt(
        account_id=one.account_id, endpoint_id=delivery.endpoint_id, event_id=one.id, delivery_id=delivery.id, kind=one.kind,
        order_id=one.order_id, transaction_id=one.transaction_id, carrier=one.carrier, is_return=one.is_return, date_ms=at,
        date_end_ms=at + 5, passed=bool(ended) if passed is None else passed, retry=delivery.retries, manual=delivery.manual,
        time_spent_ms=5.0, http_code=200, cause="passed", reason=None, hint=None, request_head="POST / HTTP/1.1\nHost: x",
        request_body=None, response_head="HTTP/1.1 200 OK", response_body=b"{}", truncated=False, address="127.0.0.1",
        dns_ms=0.0, connect_ms=0.0, tls_ms=0.0, first_byte_ms=4.0,
    )  # fmt: skip
    return Outcome(
        delivery=delivery, attempt=attempt, attempts=delivery.attempts + 1, retries=retries, due_ms=due, ended=ended
    )


def record(database: Database, *outcomes: Outcome) -> list[int]:
    return database.write_now(lambda transaction: recording.record(transaction, outcomes, MAKER))
