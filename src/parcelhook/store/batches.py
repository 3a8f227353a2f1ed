"""The hot statements, by hand for SQLite: accept events, record attempts, claim what is due; each for a whole batch.

One statement carries many rows in and one JSON array carries many rows out. `executemany` and `fetchall` would let go
of the interpreter's lock at every row, and while the sender's thread is busy each time would cost a wait.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, Final

import msgspec
from msgspec import Struct

from parcelhook.errors import IdempotencyMismatch
from parcelhook.shipping.events import EventKind
from parcelhook.store import ids
from parcelhook.store.database import Transaction
from parcelhook.store.schema import DeliveryState
from parcelhook.webhooks.delivery import Attempt as FinishedAttempt
from parcelhook.webhooks.delivery import Delivery, Outcome, StoredEvent

KIND_NUMBERS: Final = {EventKind.ORDER_SHIPPED: 1, EventKind.ORDER_ERROR: 2, EventKind.TRACKING_UPDATE: 3}
KINDS: Final = {number: kind for kind, number in KIND_NUMBERS.items()}

_CHUNKS: Final = (50, 10, 1)  # rows a statement; few sizes, so that every statement stays prepared
_EVENT_COLUMNS: Final = (
    "id, account_id, kind, given_id, order_id, transaction_id, carrier, is_return, accepted_ms, body"
)
_DELIVERY_COLUMNS: Final = "id, account_id, endpoint_id, event_id, state, attempts, retries, due_ms, manual, strict_key"
_ATTEMPT_COLUMNS: Final = (
    "id, account_id, endpoint_id, event_id, delivery_id, kind, order_id, transaction_id, carrier, is_return, date_ms, "
    "date_end_ms, passed, retry, manual, test, time_spent_ms, http_code, cause"
)
_EXCHANGE_COLUMNS: Final = (
    "attempt_id, request_head, request_body, response_head, response_body, truncated, reason, hint, address, dns_ms, "
    "connect_ms, tls_ms, first_byte_ms"
)


class Offer(Struct, frozen=True, kw_only=True):
    """One event that was fed in, with the deliveries it would make."""

    event: StoredEvent
    deliveries: tuple[Delivery, ...]


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


class Want(Struct, frozen=True, kw_only=True):
    """What a lane asks for: at most `room` deliveries that it does not hold yet."""

    endpoint_id: int
    room: int
    held: frozenset[int]
    strict: bool = False


class Claim(Struct, frozen=True, kw_only=True):
    """What is due for one endpoint, oldest first; `more` is due beside it, and the next after that at `next_due_ms`."""

    endpoint_id: int
    deliveries: tuple[Delivery, ...]
    more: bool
    next_due_ms: int | None


def accept(transaction: Transaction, feeds: Sequence[Feed]) -> list[Acceptance]:
    """Record the events and deliveries of several requests; an event that is known already adds nothing."""
    raw = transaction.raw
    known = _known_ids(raw, feeds)
    used: dict[tuple[int, str], tuple[bytes, tuple[Accepted, ...]]] = {}
    events: list[StoredEvent] = []
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
    _insert(raw, "events", _EVENT_COLUMNS, [_event_row(event) for event in events])
    _insert(raw, "deliveries", _DELIVERY_COLUMNS, [_delivery_row(delivery) for delivery in deliveries])
    return acceptances


def record(transaction: Transaction, outcomes: Sequence[Outcome], maker: ids.IdMaker) -> list[int]:
    """Record attempts and what became of their deliveries; the log ids, in the order of `outcomes`.

    Ids are made here, in the writer's thread, so that the log's order is the order of commits and a reader who goes on
    from the last id it saw misses nothing.
    """
    first = maker.block(len(outcomes))
    log_ids = list(range(first, first + len(outcomes)))
    finished = [outcome.attempt for outcome in outcomes]
    insert_attempts(transaction, finished, log_ids)
    delivered: dict[int, list[int]] = {}
    others: list[tuple[Any, ...]] = []
    for outcome in outcomes:
        if outcome.ended:
            delivered.setdefault(outcome.attempt.date_end_ms, []).append(outcome.delivery.id)
        else:
            others.append(_outcome_row(outcome))
    raw = transaction.raw
    done = [delivery_id for group in delivered.values() for delivery_id in group]
    when = max(delivered, default=0)
    for chunk in _chunks(done):
        raw.execute(_delivered_statement(len(chunk)), (when, *chunk))
    for rows in _chunks(others):
        raw.execute(_outcome_statement(len(rows)), [value for row in rows for value in row])
    return log_ids


def insert_attempts(transaction: Transaction, finished: Sequence[FinishedAttempt], log_ids: Sequence[int]) -> None:
    """Write lines of the log under the ids given."""
    pairs = list(zip(log_ids, finished, strict=True))
    _insert(transaction.raw, "attempts", _ATTEMPT_COLUMNS, [_attempt_row(*pair) for pair in pairs])
    _insert(transaction.raw, "exchanges", _EXCHANGE_COLUMNS, [_exchange_row(*pair) for pair in pairs])


def claim(transaction: Transaction, wants: Sequence[Want], now_ms: int) -> list[Claim]:
    """What is due now for each of several endpoints. Nothing is written: the caller alone owns these endpoints, and it
    says in `held` what it has in hand.
    """
    raw = transaction.raw
    claims = []
    for want in wants:
        looked_at = want.room + len(want.held)
        due = _first_column(raw, _DUE_STRICT if want.strict else _DUE, (want.endpoint_id, now_ms, looked_at))
        new = [delivery_id for delivery_id in due if delivery_id not in want.held]
        taken = new[: want.room]
        row = raw.execute(_NEXT_DUE, (want.endpoint_id, now_ms)).fetchone()
        claims.append(
            Claim(
                endpoint_id=want.endpoint_id,
                deliveries=_load(raw, taken),
                more=len(new) > want.room or len(due) >= looked_at,
                next_due_ms=row[0],
            )
        )
    return claims


def pending_endpoints(transaction: Transaction) -> list[tuple[int, int]]:
    """Every endpoint with something pending, and when the first of it is due.

    Steps from endpoint to endpoint in the index, so a million rows of one cost no more than ten of another.
    """
    return [(endpoint_id, due_ms) for endpoint_id, due_ms in transaction.raw.execute(_PENDING_ENDPOINTS)]


_DUE: Final = """
    SELECT json_group_array(id) FROM (
        SELECT id FROM deliveries WHERE endpoint_id = ? AND state = 0 AND due_ms <= ? ORDER BY due_ms, id LIMIT ?)
"""
_DUE_STRICT: Final = """
    SELECT json_group_array(id) FROM (
        SELECT d.id FROM deliveries d
        WHERE d.endpoint_id = ? AND d.state = 0 AND d.due_ms <= ? AND NOT EXISTS (
            SELECT 1 FROM deliveries earlier
            WHERE earlier.endpoint_id = d.endpoint_id AND earlier.strict_key = d.strict_key
                AND earlier.state = 0 AND earlier.strict_key IS NOT NULL AND earlier.id < d.id)
        ORDER BY d.due_ms, d.id LIMIT ?)
"""
_NEXT_DUE: Final = "SELECT min(due_ms) FROM deliveries WHERE endpoint_id = ? AND state = 0 AND due_ms > ?"
_PENDING_ENDPOINTS: Final = """
    WITH RECURSIVE pending(endpoint_id) AS (
        SELECT min(endpoint_id) FROM deliveries WHERE state = 0
        UNION ALL
        SELECT (SELECT min(endpoint_id) FROM deliveries WHERE state = 0 AND endpoint_id > pending.endpoint_id)
        FROM pending WHERE pending.endpoint_id IS NOT NULL)
    SELECT endpoint_id, (SELECT min(due_ms) FROM deliveries d WHERE d.endpoint_id = pending.endpoint_id AND d.state = 0)
    FROM pending WHERE endpoint_id IS NOT NULL
"""
_LOAD: Final = """
    SELECT json_group_array(json_array(
        d.id, d.endpoint_id, d.attempts, d.retries, d.manual, d.resume_ms, d.strict_key, e.id, e.account_id, e.kind,
        e.given_id, e.order_id, e.transaction_id, e.carrier, e.is_return, e.accepted_ms, CAST(e.body AS TEXT)))
    FROM deliveries d JOIN events e ON e.id = d.event_id WHERE d.id IN (SELECT value FROM json_each(?))
"""
_LoadedRow = tuple[
    int, int, int, int, int, int | None, str | None,
    int, int, int, str | None, str, str, str, int, int, str,
]  # fmt: skip
_loaded = msgspec.json.Decoder(list[_LoadedRow])
_numbers = msgspec.json.Decoder(list[int])


def _load(raw: sqlite3.Connection, wanted: list[int]) -> tuple[Delivery, ...]:
    if not wanted:
        return ()
    (text,) = raw.execute(_LOAD, (msgspec.json.encode(wanted).decode(),)).fetchone()
    by_id = {row[0]: _delivery(row) for row in _loaded.decode(text)}
    return tuple(by_id[delivery_id] for delivery_id in wanted if delivery_id in by_id)


def _delivery(row: _LoadedRow) -> Delivery:
    event = StoredEvent(
        id=row[7],
        account_id=row[8],
        name=row[10] or ids.public(ids.Prefix.EVENT, row[7]),
        given_id=row[10],
        kind=KINDS[row[9]],
        order_id=row[11],
        transaction_id=row[12],
        carrier=row[13],
        is_return=bool(row[14]),
        accepted_ms=row[15],
        body=row[16].encode(),
    )
    return Delivery(
        id=row[0],
        endpoint_id=row[1],
        event=event,
        attempts=row[2],
        retries=row[3],
        manual=bool(row[4]),
        resume_ms=row[5],
        strict_key=row[6],
    )


def _first_column(raw: sqlite3.Connection, statement: str, values: tuple[int, ...]) -> list[int]:
    (text,) = raw.execute(statement, values).fetchone()
    return _numbers.decode(text)


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
        KIND_NUMBERS[event.kind],
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


def _attempt_row(log_id: int, attempt: FinishedAttempt) -> tuple[Any, ...]:
    return (
        log_id,
        attempt.account_id,
        attempt.endpoint_id,
        attempt.event_id,
        attempt.delivery_id,
        KIND_NUMBERS[attempt.kind],
        attempt.order_id,
        attempt.transaction_id,
        attempt.carrier,
        attempt.is_return,
        attempt.date_ms,
        attempt.date_end_ms,
        attempt.passed,
        attempt.retry,
        attempt.manual,
        attempt.delivery_id is None,
        attempt.time_spent_ms,
        attempt.http_code,
        attempt.cause,
    )


def _exchange_row(log_id: int, attempt: FinishedAttempt) -> tuple[Any, ...]:
    return (
        log_id,
        attempt.request_head,
        attempt.request_body,
        attempt.response_head,
        attempt.response_body,
        attempt.truncated,
        attempt.reason,
        attempt.hint,
        attempt.address,
        attempt.dns_ms,
        attempt.connect_ms,
        attempt.tls_ms,
        attempt.first_byte_ms,
    )


def _outcome_row(outcome: Outcome) -> tuple[Any, ...]:
    pending = outcome.ended is None
    return (
        outcome.delivery.id,
        DeliveryState.PENDING if pending else DeliveryState.FAILED,
        outcome.attempts,
        outcome.retries,
        outcome.due_ms,
        None if pending else outcome.attempt.date_end_ms,
    )


def _insert(raw: sqlite3.Connection, table: str, columns: str, rows: Sequence[tuple[Any, ...]]) -> None:
    for chunk in _chunks(rows):
        raw.execute(_insert_statement(table, columns, len(chunk)), [value for row in chunk for value in row])


def _chunks(rows: Sequence[Any]) -> Iterator[Sequence[Any]]:
    start = 0
    for size in _CHUNKS:
        while len(rows) - start >= size:
            yield rows[start : start + size]
            start += size


@cache
def _insert_statement(table: str, columns: str, rows: int) -> str:
    places = "(" + ", ".join("?" * (columns.count(",") + 1)) + ")"
    return f"INSERT INTO {table} ({columns}) VALUES {', '.join([places] * rows)}"  # noqa: S608  (all our own words)


@cache
def _delivered_statement(rows: int) -> str:
    return f"""
        UPDATE deliveries SET state = 1, attempts = attempts + 1, manual = 0, resume_ms = NULL, ended_ms = ?
        WHERE state <> 3 AND id IN ({", ".join("?" * rows)})
    """  # noqa: S608  (all our own words)


@cache
def _outcome_statement(rows: int) -> str:
    return f"""
        UPDATE deliveries SET state = v.column2, attempts = v.column3, retries = v.column4, due_ms = v.column5,
            ended_ms = v.column6, manual = 0, resume_ms = NULL
        FROM (VALUES {", ".join(["(?, ?, ?, ?, ?, ?)"] * rows)}) AS v
        WHERE deliveries.id = v.column1 AND deliveries.state <> 3
    """  # noqa: S608  (all our own words)
