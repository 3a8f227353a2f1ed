"""Claiming: what is due now for each of several endpoints."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from parcelhook.store import ids, rows
from parcelhook.store.database import Transaction
from parcelhook.store.hot import Hot, Loaded
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
    hot = transaction.hot
    claims = []
    for want in wants:
        looked_at = want.room + len(want.held)
        due = hot.due(want.endpoint_id, now_ms, looked_at, strict=want.strict)
        new = [delivery_id for delivery_id in due if delivery_id not in want.held]
        claims.append(
            Claim(
                endpoint_id=want.endpoint_id,
                deliveries=_load(hot, new[: want.room]),
                more=len(new) > want.room or len(due) >= looked_at,
                next_due_ms=hot.next_due(want.endpoint_id, now_ms),
            )
        )
    return claims


def pending_endpoints(transaction: Transaction) -> list[tuple[int, int]]:
    """Every endpoint with something pending, and when the first of it is due."""
    return transaction.hot.pending_endpoints()


def _load(hot: Hot, wanted: list[int]) -> tuple[Delivery, ...]:
    if not wanted:
        return ()
    by_id = {row.id: _delivery(row) for row in hot.load(wanted)}
    return tuple(by_id[delivery_id] for delivery_id in wanted if delivery_id in by_id)


def _delivery(row: Loaded) -> Delivery:
    event = StoredEvent(
        id=row.event_id,
        account_id=row.account_id,
        name=ids.event_name(row.given_id, row.event_id),
        given_id=row.given_id,
        kind=rows.KINDS[row.kind],
        order_id=row.order_id,
        transaction_id=row.transaction_id,
        carrier=row.carrier,
        is_return=row.is_return,
        accepted_ms=row.accepted_ms,
        body=row.body,
    )
    return Delivery(
        id=row.id,
        endpoint_id=row.endpoint_id,
        event=event,
        attempts=row.attempts,
        retries=row.retries,
        manual=row.manual,
        resume_ms=row.resume_ms,
        strict_key=row.strict_key,
    )
