"""Counting, in the batch that records or accepts: what figures, charts and the log's filters are read from.

Everything is counted by the hour and by what people ask for, so a question over any range reads rows of hours.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
from msgspec import Struct

from parcelhook.shipping.events import EventKind
from parcelhook.store import ids, rows
from parcelhook.store.database import Transaction
from parcelhook.webhooks.delivery import WAS_DELIVERED, Attempt, Outcome, StoredEvent

HOUR_MS: Final = 3_600_000
ALL: Final = 0  # stands for all endpoints of the account
BUCKET_STEP: Final = 1.1  # a bucket's times lie within 5 % of its middle
SHORTEST_MS: Final = 0.1  # what is quicker counts as this

_KEY: Final = "account_id, endpoint_id, hour, kind, carrier, http_code, cause, passed, retried, is_return, test"
_FIGURES: Final = "attempts, delivered, gave_up"
_STEP_LOG: Final = math.log(BUCKET_STEP)

Key = tuple[int, int, int, int, str, int, str, bool, bool, bool, bool]


class _Told(Struct):
    """Of the body of a tracking update, when the carrier scanned (Unix seconds)."""

    date: int = 0


_told: Final = msgspec.json.Decoder(_Told).decode


def count(transaction: Transaction, outcomes: Sequence[Outcome], log_ids: Sequence[int]) -> None:
    """Count a batch of attempts."""
    found: dict[Key, list[int]] = {}
    times: Counter[tuple[int, int, int, int]] = Counter()
    receipts: dict[tuple[int, int, str, int], int] = {}  # by whole seconds: many of a batch are alike
    hour = ids.made_at(log_ids[0]) // HOUR_MS if log_ids else 0
    last = ids.made_at(log_ids[-1]) // HOUR_MS if log_ids else 0
    for outcome, log_id in zip(outcomes, log_ids, strict=True):
        attempt = outcome.attempt
        if hour != last:
            hour = ids.made_at(log_id) // HOUR_MS
        key = _key(attempt, hour, test=False)
        figures = found.get(key)
        if figures is None:
            figures = found[key] = [0, 0, 0]
        figures[0] += 1
        if outcome.ended is not None:
            figures[1] += outcome.ended and outcome.delivery.resume_ms != WAS_DELIVERED
            figures[2] += not outcome.ended and not outcome.delivery.manual
        times[attempt.account_id, attempt.endpoint_id, hour, bucket(attempt.time_spent_ms)] += 1
        if outcome.ended and attempt.kind is EventKind.TRACKING_UPDATE and not attempt.manual:
            scanned_s = _told(outcome.delivery.event.body).date
            if scanned_s:
                receipt = attempt.account_id, hour, attempt.carrier, attempt.date_end_ms // 1_000 - scanned_s
                receipts[receipt] = receipts.get(receipt, 0) + 1
    _add(transaction, found)
    for (account_id, _, hour, spent), number in list(times.items()):
        times[account_id, ALL, hour, spent] += number
    counted = [(*key, number) for key, number in times.items()]
    transaction.count("time_counters", "account_id, endpoint_id, hour, bucket", "attempts", counted)
    _add_receipts(transaction, receipts)


def count_test(transaction: Transaction, attempt: Attempt, log_id: int) -> None:
    """Count a test: the log's filters find it, the figures leave it out."""
    _add(transaction, {_key(attempt, ids.made_at(log_id) // HOUR_MS, test=True): [1, 0, 0]})


def count_events(transaction: Transaction, events: Sequence[StoredEvent]) -> None:
    """Count events as they are accepted."""
    found = Counter((event.account_id, event.accepted_ms // HOUR_MS, rows.KIND_NUMBERS[event.kind]) for event in events)
    counted = [(*key, number) for key, number in found.items()]
    transaction.count("event_counters", "account_id, hour, kind", "events", counted)


def bucket(time_spent_ms: float) -> int:
    """The number of the bucket that a Time Spent falls into."""
    return round(math.log(max(time_spent_ms, SHORTEST_MS)) / _STEP_LOG)


def middle_ms(number: int) -> float:
    """The time that stands for a bucket, in milliseconds."""
    return float(BUCKET_STEP**number)


def at_share(histogram: Mapping[int, int], share: float) -> int | None:
    """The value that so great a share (0 to 1) of all does not exceed; None of nothing."""
    count = sum(histogram.values())
    seen = 0
    for value, some in sorted(histogram.items()):
        seen += some
        if some and seen >= share * count:
            return value
    return None


def _key(attempt: Attempt, hour: int, *, test: bool) -> Key:
    return (
        attempt.account_id,
        attempt.endpoint_id,
        hour,
        rows.KIND_NUMBERS[attempt.kind],
        attempt.carrier,
        attempt.http_code,
        attempt.cause,
        attempt.passed,
        attempt.retry > 0,
        attempt.is_return,
        test,
    )


def _add(transaction: Transaction, found: dict[Key, list[int]]) -> None:
    of_all: dict[Key, list[int]] = {}
    for key, figures in found.items():
        sums = of_all.setdefault((key[0], ALL, *key[2:]), [0, 0, 0])
        for index, figure in enumerate(figures):
            sums[index] += figure
    counted = [(*key, *figures) for group in (found, of_all) for key, figures in group.items()]
    transaction.count("counters", _KEY, _FIGURES, counted)


def _add_receipts(transaction: Transaction, receipts: Mapping[tuple[int, int, str, int], int]) -> None:
    found: Counter[tuple[int, int, str, int]] = Counter()
    for (account_id, hour, carrier, seconds), number in receipts.items():
        found[account_id, hour, carrier, bucket(1_000 * seconds)] += number
    counted = [(*key, number) for key, number in found.items()]
    transaction.count("receipt_counters", "account_id, hour, carrier, bucket", "deliveries", counted)
