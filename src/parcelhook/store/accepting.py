"""Accepting: the events of many requests and their deliveries into the store by one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import UNSET, Struct

from parcelhook.errors import IdempotencyMismatch
from parcelhook.shipping.events import (
    Event,
    EventKind,
    OrderShipped,
    TrackingUpdate,
    decode_update,
    encode,
    is_return,
    kind_of,
)
from parcelhook.shipping.scan import API, Scan, of_update
from parcelhook.shipping.shipment import Applied, Said
from parcelhook.shipping.telling import event_of
from parcelhook.store import counting, endpoints, ids, rows
from parcelhook.store.database import Transaction
from parcelhook.store.hot import Hot
from parcelhook.store.tracking import Shipments
from parcelhook.webhooks.delivery import Delivery, StoredEvent
from parcelhook.webhooks.endpoint import Endpoint, Ordering
from parcelhook.webhooks.filters import wants

_EVENT_COLUMNS: Final = (
    "id, account_id, kind, given_id, order_id, transaction_id, carrier, is_return, accepted_ms, body"
)
_KEY_COLUMNS: Final = "account_id, key, fingerprint, answer, created_ms"
_DELIVERY_COLUMNS: Final = "id, account_id, endpoint_id, event_id, state, attempts, retries, due_ms, manual, strict_key"


class Offer(Struct, frozen=True, kw_only=True):
    """One event that was fed in, or one scan of a hub, and the endpoints that chose such events: their filters are asked here.

    `first_id` is the event's; from `deliveries_from` on as many are reserved for its deliveries. `scan` is what an update tells of its
    shipment; with it, the body is made here, filled in from the shipment. Without one, `body` is encoded already.
    """

    first_id: int
    deliveries_from: int
    account_id: int
    accepted_ms: int
    endpoints: tuple[Endpoint, ...]
    event: Event | None = None
    body: bytes = b""
    scan: Scan | None = None
    deliver: bool = True

    @property
    def given_id(self) -> str | None:
        """The id that the feeder gave, if any."""
        return None if self.event is None or self.event.id is UNSET else self.event.id


class Feed(Struct, frozen=True, kw_only=True):
    """What one request fed in. `key` and `fingerprint` are its Idempotency-Key and the hash of its body, if any.

    `finish` is run in the same transaction with what became of it; it may change nothing but the store. `version` is that of
    the endpoints which the offers were matched against, where other nodes may change them.
    """

    account_id: int
    version: int | None = None
    offers: tuple[Offer, ...]
    key: str | None = None
    fingerprint: bytes = b""
    finish: Callable[[Transaction, Acceptance], None] | None = None


class Accepted(Struct, frozen=True):
    """What became of one event: its id, and whether it was known already."""

    id: str
    duplicate: bool


class Acceptance(Struct, frozen=True, kw_only=True):
    """What became of one request: a line an event, or the error that it alone is refused with.

    `said` has, in the order of the offers, what each scan was worth; None for what is none, or was known by its id.
    """

    accepted: tuple[Accepted, ...] = ()
    said: tuple[Said | None, ...] = ()
    fresh: tuple[Delivery, ...] = ()
    error: IdempotencyMismatch | None = None

    @property
    def told(self) -> int:
        """How many scans said something new."""
        return sum(said is Said.NEW for said in self.said)


class Outdated(Exception):
    """Endpoints were changed since the offers were matched against them: they are to be matched again."""


def accept(transaction: Transaction, feeds: Sequence[Feed], maker: ids.IdMaker) -> list[Acceptance]:
    """Record the events and deliveries of several requests; what is known already adds nothing. May raise Outdated."""
    versions = {feed.version for feed in feeds if feed.version is not None}
    if versions and versions != {endpoints.current_version(transaction.sql)}:
        raise Outdated
    batch = _Batch(transaction, feeds, maker)
    acceptances = [batch.take(feed) for feed in feeds]
    batch.save()
    return acceptances


class _Batch:
    """What several requests add, gathered so that it is written in few statements."""

    def __init__(self, transaction: Transaction, feeds: Sequence[Feed], maker: ids.IdMaker) -> None:
        self._transaction = transaction
        self._used = _earlier_answers(transaction.hot, feeds)
        given = _given_ids(feeds, self._used)
        self._known = {
            (account_id, name)
            for account_id, names in sorted(given.items())
            for name in transaction.hot.known_ids(account_id, names)
        }
        self._noted = {(account_id, name) for account_id, names in given.items() for name in names} - self._known
        self._events: list[StoredEvent] = []
        self._deliveries: list[Delivery] = []
        self._due: dict[int, int] = {}  # by event, when its deliveries are
        self._tellers: dict[tuple[int, str], dict[bytes, str]] = {}  # of a shipment: which event told of which scan
        now_ms = max((offer.accepted_ms for feed in feeds for offer in feed.offers), default=0)
        self._shipments = Shipments(transaction, maker, now_ms)
        self._shipments.load(_named(feeds))

    def take(self, feed: Feed) -> Acceptance:
        """One request."""
        hot = self._transaction.hot
        if feed.key is not None:
            earlier = self._used.get((feed.account_id, feed.key))
            if earlier is not None:
                return _repeated(feed, *earlier)
        lines: list[Accepted] = []
        said: list[Said | None] = []
        fresh: list[Delivery] = []
        for offer in feed.offers:
            line, worth = self._take(offer, fresh)
            lines.append(line)
            said.append(worth)
        self._deliveries.extend(fresh)
        acceptance = Acceptance(accepted=tuple(lines), said=tuple(said), fresh=tuple(fresh))
        if feed.key is not None:
            self._used[feed.account_id, feed.key] = (feed.fingerprint, acceptance.accepted)
            accepted_ms = feed.offers[0].accepted_ms if feed.offers else 0
            answer = msgspec.json.encode(acceptance.accepted)
            hot.insert(
                "idempotency", _KEY_COLUMNS, [(feed.account_id, feed.key, feed.fingerprint, answer, accepted_ms)]
            )
        if feed.finish is not None:
            feed.finish(self._transaction, acceptance)
        return acceptance

    def save(self) -> None:
        """Everything that was taken, into the store."""
        hot = self._transaction.hot
        for account_id, name in self._noted:  # of what became no event: a scan that was known
            hot.forget_id(account_id, name)
        hot.insert("events", _EVENT_COLUMNS, [_event_row(event) for event in self._events])
        self._shipments.save()
        counting.count_events(self._transaction, self._events)
        due = [_delivery_row(delivery, self._due[delivery.event.id]) for delivery in self._deliveries]
        hot.insert("deliveries", _DELIVERY_COLUMNS, due)

    def _take(self, offer: Offer, fresh: list[Delivery]) -> tuple[Accepted, Said | None]:
        given_id = offer.given_id
        if given_id is not None:
            if (offer.account_id, given_id) in self._known:
                return Accepted(given_id, duplicate=True), None
            self._known.add((offer.account_id, given_id))
        if offer.scan is not None:
            return self._take_scan(offer, offer.scan, fresh)
        assert offer.event is not None  # noqa: S101  (an offer has an event or a scan)
        if isinstance(offer.event, OrderShipped):
            self._shipments.order(offer.account_id, offer.event, offer.first_id)
        return self._add(offer, offer.event, offer.body, fresh), None

    def _take_scan(self, offer: Offer, scan: Scan, fresh: list[Delivery]) -> tuple[Accepted, Said]:
        given = offer.event if isinstance(offer.event, TrackingUpdate) else None
        applied = self._shipments.scan(offer.account_id, scan, given, offer.first_id)
        if applied.said is Said.KNOWN:
            return Accepted(self._told_by(offer, applied, scan), duplicate=True), applied.said
        new = applied.said is Said.NEW
        # What a platform feeds in is an event in any case; a hub's scan only if there is something to tell.
        is_event = new or given is not None
        self._shipments.keep(offer.account_id, applied, scan, offer.first_id if is_event else None)
        if not is_event:
            return Accepted(ids.public(ids.Prefix.EVENT, offer.first_id), duplicate=False), applied.said
        event = event_of(applied, scan, given)
        accepted = self._add(offer, event, encode(event), fresh if new else None)
        tellers = self._tellers.get((offer.account_id, event.TransactionID))
        if tellers is not None:
            tellers[scan.identity] = accepted.id
        return accepted, applied.said

    def _add(self, offer: Offer, event: Event, body: bytes, fresh: list[Delivery] | None) -> Accepted:
        """The event, and a delivery to each endpoint that wants it; none where `fresh` is None."""
        given_id = offer.given_id
        if given_id is not None:
            self._noted.discard((offer.account_id, given_id))
        stored = StoredEvent(
            id=offer.first_id,
            account_id=offer.account_id,
            name=ids.event_name(given_id, offer.first_id),
            given_id=given_id,
            kind=kind_of(event),
            order_id=event.OrderID,
            transaction_id=event.TransactionID,
            carrier=event.TrackingCarrier,
            is_return=is_return(event),
            accepted_ms=offer.accepted_ms,
            body=body,
        )
        self._events.append(stored)
        if fresh is not None:
            self._due[stored.id] = self._shipments.turn(stored.account_id, stored.transaction_id, stored.accepted_ms)
            fresh.extend(
                Delivery(
                    id=offer.deliveries_from + number,
                    endpoint_id=endpoint.id,
                    event=stored,
                    strict_key=(stored.transaction_id or None) if endpoint.ordering is Ordering.STRICT else None,
                )
                for number, endpoint in enumerate(offer.endpoints)
                if not endpoint.filters or wants(endpoint.filters, event)
            )
        return Accepted(stored.name, duplicate=False)

    def _told_by(self, offer: Offer, applied: Applied, scan: Scan) -> str:
        """The name of the event that told of a scan before; asked only where a feeder is to be answered with it."""
        unheard = ids.public(ids.Prefix.EVENT, offer.first_id)
        if offer.event is None:
            return unheard
        key = (offer.account_id, applied.shipment.transaction_id)
        tellers = self._tellers.get(key)
        if tellers is None:
            stored = self._transaction.hot.updates_of(*key)
            tellers = {_identity(body): ids.event_name(given_id, event_id) for event_id, given_id, body in stored}
            mine = (event for event in self._events if (event.account_id, event.transaction_id) == key)
            tellers |= {_identity(event.body): event.name for event in mine if event.kind is EventKind.TRACKING_UPDATE}
            self._tellers[key] = tellers
        return tellers.get(scan.identity, unheard)


def _identity(body: bytes) -> bytes:
    return of_update(decode_update(body)).identity


def _named(feeds: Sequence[Feed]) -> Iterator[tuple[int, str, tuple[str, ...]]]:
    """Which shipments the offers name, and by which tracking numbers those are to be looked for that have no name here."""
    for feed in feeds:
        for offer in feed.offers:
            scan = offer.scan
            if scan is not None:
                by_number = scan.tracking and (scan.source != API or not scan.transaction_id)
                yield offer.account_id, scan.transaction_id, (scan.tracking,) if by_number else ()
            elif isinstance(offer.event, OrderShipped):
                numbers = (offer.event.TrackingNumber,) if offer.event.TrackingNumber else ()
                yield offer.account_id, offer.event.TransactionID, numbers


def _earlier_answers(hot: Hot, feeds: Sequence[Feed]) -> dict[tuple[int, str], tuple[bytes, tuple[Accepted, ...]]]:
    """What is kept under the Idempotency-Keys of these requests: the fingerprint, and the answer."""
    found = {}
    for account_id, key in {(feed.account_id, feed.key) for feed in feeds if feed.key is not None}:
        kept = hot.earlier_answer(account_id, key)
        if kept is not None:
            found[account_id, key] = kept[0], msgspec.json.decode(kept[1], type=tuple[Accepted, ...])
    return found


def _given_ids(feeds: Sequence[Feed], used: Mapping[tuple[int, str], object]) -> dict[int, dict[str, int]]:
    """By account, the ids that feeders gave, each with the number of the first event that brings it. Of a request whose
    Idempotency-Key was used before nothing is taken, so it brings none.
    """
    found: dict[int, dict[str, int]] = {}
    keys = set(used)
    for feed in feeds:
        if feed.key is not None:
            if (feed.account_id, feed.key) in keys:
                continue
            keys.add((feed.account_id, feed.key))
        for offer in feed.offers:
            if offer.given_id is not None:
                found.setdefault(feed.account_id, {}).setdefault(offer.given_id, offer.first_id)
    return found


def _repeated(feed: Feed, fingerprint: bytes, accepted: tuple[Accepted, ...]) -> Acceptance:
    if fingerprint != feed.fingerprint:
        return Acceptance(
            error=IdempotencyMismatch(
                "This Idempotency-Key was used before with another body.",
                field="Idempotency-Key",
                value=feed.key,
                remedy="Use a new key for a new request; repeat a request with the very same body.",
            )
        )
    return Acceptance(accepted=tuple(Accepted(line.id, duplicate=True) for line in accepted))


def _event_row(event: StoredEvent) -> tuple[Any, ...]:
    return (
        event.id,
        event.account_id,
        rows.KIND_NUMBERS[event.kind],
        event.given_id,
        event.order_id,
        event.transaction_id,
        event.carrier,
        event.is_return,
        event.accepted_ms,
        event.body,
    )


def _delivery_row(delivery: Delivery, due_ms: int) -> tuple[Any, ...]:
    event = delivery.event
    return (
        delivery.id,
        event.account_id,
        delivery.endpoint_id,
        event.id,
        0,
        0,
        0,
        due_ms,
        False,
        delivery.strict_key,
    )
