"""Claiming: what is due now for each of several endpoints."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import Struct

from parcelhook.store import ids, rows
from parcelhook.store.database import Transaction
from parcelhook.webhooks.delivery import Delivery, StoredEvent


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
        name=ids.event_name(row[10], row[7]),
        given_id=row[10],
        kind=rows.KINDS[row[9]],
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
