"""Accepting: the events of many requests and their deliveries into the store by one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from functools import cache
from typing import Any, Final

import msgspec
from msgspec import Struct

from parcelhook.errors import IdempotencyMismatch
from parcelhook.store import counting, rows
from parcelhook.store.database import Transaction
from parcelhook.webhooks.delivery import Delivery, StoredEvent

_EVENT_COLUMNS: Final = (
    "id, account_id, kind, given_id, order_id, transaction_id, carrier, is_return, accepted_ms, body"
)
_DELIVERY_COLUMNS: Final = "id, account_id, endpoint_id, event_id, state, attempts, retries, due_ms, manual, strict_key"


class Offer(Struct, frozen=True, kw_only=True):
    """One event that was fed in, with the deliveries it would make."""

    event: StoredEvent
    deliveries: tuple[Delivery, ...]
    tracking_numbers: tuple[str, ...] = ()


class Feed(Struct, frozen=True, kw_only=True):
    """What one request fed in. `key` and `fingerprint` are its Idempotency-Key and the hash of its body, if any."""

    account_id: int
    offers: tuple[Offer, ...]
    key: str | None = None
    fingerprint: bytes = b""


class Accepted(Struct, frozen=True):
    """What became of one event: its id, and whether it was known already."""

    id: str
    duplicate: bool


class Acceptance(Struct, frozen=True, kw_only=True):
    """What became of one request: a line an event, or the error that it alone is refused with."""

    accepted: tuple[Accepted, ...] = ()
    fresh: tuple[Delivery, ...] = ()
    error: IdempotencyMismatch | None = None


def accept(transaction: Transaction, feeds: Sequence[Feed]) -> list[Acceptance]:
    """Record the events and deliveries of several requests; an event that is known already adds nothing."""
    raw = transaction.raw
    known = _known_ids(raw, feeds)
    used: dict[tuple[int, str], tuple[bytes, tuple[Accepted, ...]]] = {}
    events: list[StoredEvent] = []
    numbers: dict[tuple[int, str, str], int] = {}
    deliveries: list[Delivery] = []
    acceptances: list[Acceptance] = []
    for feed in feeds:
        if feed.key is not None:
            earlier = used.get((feed.account_id, feed.key)) or _earlier_answer(raw, feed.account_id, feed.key)
            if earlier is not None:
                acceptances.append(_repeated(feed, *earlier))
                continue
        lines: list[Accepted] = []
        fresh: list[Delivery] = []
        for offer in feed.offers:
            event = offer.event
            if event.given_id is not None:
                identity = (event.account_id, event.given_id)
                if identity in known:
                    lines.append(Accepted(event.name, duplicate=True))
                    continue
                known.add(identity)
            lines.append(Accepted(event.name, duplicate=False))
            events.append(event)
            if event.transaction_id:
                for number in offer.tracking_numbers:
                    numbers.setdefault((event.account_id, number, event.transaction_id), event.id)
            fresh.extend(offer.deliveries)
        deliveries.extend(fresh)
        acceptance = Acceptance(accepted=tuple(lines), fresh=tuple(fresh))
        acceptances.append(acceptance)
        if feed.key is not None:
            used[feed.account_id, feed.key] = (feed.fingerprint, acceptance.accepted)
            accepted_ms = feed.offers[0].event.accepted_ms if feed.offers else 0
            raw.execute(
                "INSERT INTO idempotency (account_id, key, fingerprint, answer, created_ms) VALUES (?, ?, ?, ?, ?)",
                (feed.account_id, feed.key, feed.fingerprint, msgspec.json.encode(acceptance.accepted), accepted_ms),
            )
    rows.insert(raw, "events", _EVENT_COLUMNS, [_event_row(event) for event in events])
    _add_tracking_numbers(raw, numbers)
    counting.count_events(transaction, events)
    rows.insert(raw, "deliveries", _DELIVERY_COLUMNS, [_delivery_row(delivery) for delivery in deliveries])
    return acceptances


def _add_tracking_numbers(raw: sqlite3.Connection, numbers: dict[tuple[int, str, str], int]) -> None:
    """Note which shipment a number belongs to, once."""
    found = [(event_id, *which) for which, event_id in numbers.items()]
    for chunk in rows.chunks(found):
        raw.execute(_numbers_statement(len(chunk)), [value for row in chunk for value in row])


@cache
def _numbers_statement(count: int) -> str:
    places = ", ".join(["(?, ?, ?, ?)"] * count)
    return f"INSERT OR IGNORE INTO tracking_numbers (event_id, account_id, number, transaction_id) VALUES {places}"  # noqa: S608


def _known_ids(raw: sqlite3.Connection, feeds: Sequence[Feed]) -> set[tuple[int, str]]:
    given: dict[int, list[str]] = {}
    for feed in feeds:
        for offer in feed.offers:
            if offer.event.given_id is not None:
                given.setdefault(feed.account_id, []).append(offer.event.given_id)
    known: set[tuple[int, str]] = set()
    for account_id, names in given.items():
        rows = raw.execute(
            "SELECT given_id FROM events WHERE account_id = ? AND given_id IN (SELECT value FROM json_each(?)) "
            "AND given_id IS NOT NULL",
            (account_id, msgspec.json.encode(names).decode()),
        )
        known.update((account_id, name) for (name,) in rows)
    return known


def _earlier_answer(raw: sqlite3.Connection, account_id: int, key: str) -> tuple[bytes, tuple[Accepted, ...]] | None:
    row = raw.execute(
        "SELECT fingerprint, answer FROM idempotency WHERE account_id = ? AND key = ?", (account_id, key)
    ).fetchone()
    return None if row is None else (row[0], msgspec.json.decode(row[1], type=tuple[Accepted, ...]))


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


def _delivery_row(delivery: Delivery) -> tuple[Any, ...]:
    event = delivery.event
    return (
        delivery.id,
        event.account_id,
        delivery.endpoint_id,
        event.id,
        0,
        0,
        0,
        event.accepted_ms,
        0,
        delivery.strict_key,
    )
