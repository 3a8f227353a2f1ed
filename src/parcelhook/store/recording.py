"""Recording: attempts that have ended, and what became of their deliveries, by one transaction."""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import Any, Final

from msgspec.structs import replace

from parcelhook.store import counting, ids, rows
from parcelhook.store.database import Transaction
from parcelhook.store.hot import Ended
from parcelhook.store.schema import DeliveryState
from parcelhook.webhooks.delivery import Attempt, Outcome
from parcelhook.webhooks.formats import Format

_ATTEMPT_COLUMNS: Final = (
    "id, account_id, endpoint_id, event_id, delivery_id, kind, order_id, transaction_id, carrier, is_return, date_ms, "
    "date_end_ms, passed, retry, manual, test, time_spent_ms, http_code, cause"
)
_EXCHANGE_COLUMNS: Final = (
    "attempt_id, request_head, request_body, format, response_head, response_body, truncated, reason, hint, address, "
    "dns_ms, connect_ms, tls_ms, first_byte_ms"
)


def record(
    transaction: Transaction, outcomes: Sequence[Outcome], maker: ids.IdMaker, lost: Set[int] = frozenset()
) -> list[int]:
    """Record attempts and what became of their deliveries; the log ids, in the order of `outcomes`.

    Ids are made here, in the writer's thread, so that the log's order is the order of commits and a reader who goes on
    from the last id it saw misses nothing. Of deliveries that are `lost` to another worker only the attempt is recorded,
    which was made; what becomes of them is no more ours to say.
    """
    outcomes = [replace(one, ended=None) if one.delivery.id in lost else one for one in outcomes] if lost else outcomes
    first = maker.block(len(outcomes))
    log_ids = list(range(first, first + len(outcomes)))
    finished = [outcome.attempt for outcome in outcomes]
    insert_attempts(transaction, finished, log_ids)
    counting.count(transaction, outcomes, log_ids)
    passed = [outcome for outcome in outcomes if outcome.ended]
    last_ms = max((outcome.attempt.date_end_ms for outcome in passed), default=0)
    transaction.hot.delivered([outcome.delivery.id for outcome in passed], last_ms)
    others = [outcome for outcome in outcomes if not outcome.ended and outcome.delivery.id not in lost]
    transaction.hot.ended([_ended(outcome) for outcome in others])
    return log_ids


def record_test(transaction: Transaction, attempt: Attempt, log_id: int) -> None:
    """Write the line of a test: it ends no delivery, and the figures leave it out."""
    insert_attempts(transaction, [attempt], [log_id])
    counting.count_test(transaction, attempt, log_id)


def insert_attempts(transaction: Transaction, finished: Sequence[Attempt], log_ids: Sequence[int]) -> None:
    """Write lines of the log under the ids given."""
    pairs = list(zip(log_ids, finished, strict=True))
    transaction.hot.insert("attempts", _ATTEMPT_COLUMNS, [_attempt_row(*pair) for pair in pairs])
    transaction.hot.insert("exchanges", _EXCHANGE_COLUMNS, [_exchange_row(*pair) for pair in pairs])


def _attempt_row(log_id: int, attempt: Attempt) -> tuple[Any, ...]:
    return (
        log_id,
        attempt.account_id,
        attempt.endpoint_id,
        attempt.event_id,
        attempt.delivery_id,
        rows.KIND_NUMBERS[attempt.kind],
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


def _exchange_row(log_id: int, attempt: Attempt) -> tuple[Any, ...]:
    return (
        log_id,
        attempt.request_head,
        attempt.request_body,
        None if attempt.format is Format.PAGE else attempt.format.value,
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


def _ended(outcome: Outcome) -> Ended:
    pending = outcome.ended is None
    return Ended(
        id=outcome.delivery.id,
        state=int(DeliveryState.PENDING if pending else DeliveryState.FAILED),
        attempts=outcome.attempts,
        retries=outcome.retries,
        due_ms=outcome.due_ms,
        ended_ms=None if pending else outcome.attempt.date_end_ms,
    )
