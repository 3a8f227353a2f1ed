"""Insights on deliveries over any range of hours, exact: read from the counters, of which a long range needs few."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Final, TypeVar

from msgspec import Struct
from sqlalchemy import Connection, func, select

from parcelhook.shipping.events import EventKind
from parcelhook.store import ids, spans, summing
from parcelhook.store.insights import Range, TimeSpent, time_spent_of
from parcelhook.store.rows import KINDS
from parcelhook.store.schema import (
    PENDING,
    counter_sums,
    counters,
    deliveries,
    endpoints,
    time_counters,
    time_sums,
)

_KEYS: Final = ("endpoint_id", "kind", "http_code", "cause", "passed", "retried")
_FIGURES: Final = ("attempts", "delivered", "gave_up")

Key = TypeVar("Key", bound=Hashable)


class Sent(Struct, frozen=True, kw_only=True):
    """Attempts, and the deliveries that ended with them. `retries` are those whose Retry number is above 0."""

    passed: int = 0
    failed: int = 0
    retries: int = 0
    delivered: int = 0
    gave_up: int = 0

    @property
    def attempts(self) -> int:
        """All of them."""
        return self.passed + self.failed

    def __add__(self, other: Sent) -> Sent:
        """Both together."""
        return Sent(
            passed=self.passed + other.passed,
            failed=self.failed + other.failed,
            retries=self.retries + other.retries,
            delivered=self.delivered + other.delivered,
            gave_up=self.gave_up + other.gave_up,
        )


class Waiting(Struct, frozen=True, kw_only=True):
    """Deliveries that wait for their turn or for a retry, and since when the oldest of them does (Unix milliseconds)."""

    deliveries: int = 0
    oldest_ms: int | None = None


class Deliveries(Struct, frozen=True, kw_only=True):
    """What was sent in a range, in all and by what it can be told apart by; causes are those of failures."""

    total: Sent
    by_endpoint: Mapping[int, Sent]
    by_event: Mapping[EventKind, Sent]
    by_code: Mapping[int, Sent]  # 0: no answer
    by_cause: Mapping[str, Sent]
    time_spent: TimeSpent
    time_spent_by_endpoint: Mapping[int, TimeSpent]


def sent(connection: Connection, account_id: int, when: Range, endpoint_id: int | None = None) -> Deliveries:
    """The figures of a range; of one endpoint, or of all. Tests are left out."""
    pieces = spans.pieces_until(when.first, when.end, summing.until(connection))
    within = spans.within(
        counters, counter_sums, account_id, pieces, _KEYS, _FIGURES, test=False, endpoint_id=endpoint_id
    )
    keys = [within.c[name] for name in _KEYS]
    sums = [func.sum(within.c[name]).label(name) for name in _FIGURES]
    by_endpoint: dict[int, Sent] = {}
    by_event: dict[EventKind, Sent] = {}
    by_code: dict[int, Sent] = {}
    by_cause: dict[str, Sent] = {}
    total = Sent()
    for row in connection.execute(select(*keys, *sums).group_by(*keys)):
        if not row.attempts:  # what one span adds and another takes away
            continue
        found = Sent(
            passed=row.attempts if row.passed else 0,
            failed=0 if row.passed else row.attempts,
            retries=row.attempts if row.retried else 0,
            delivered=row.delivered,
            gave_up=row.gave_up,
        )
        total += found
        _add(by_endpoint, row.endpoint_id, found)
        _add(by_event, KINDS[row.kind], found)
        _add(by_code, row.http_code, found)
        if not row.passed:
            _add(by_cause, row.cause, found)
    times = _times(connection, account_id, pieces, endpoint_id)
    together: dict[int, int] = {}
    for buckets in times.values():
        for bucket, count in buckets.items():
            together[bucket] = together.get(bucket, 0) + count
    return Deliveries(
        total=total,
        by_endpoint=by_endpoint,
        by_event=by_event,
        by_code=by_code,
        by_cause=by_cause,
        time_spent=time_spent_of(together),
        time_spent_by_endpoint={endpoint: time_spent_of(buckets) for endpoint, buckets in times.items()},
    )


def waiting(connection: Connection, account_id: int, endpoint_id: int | None = None) -> dict[int, Waiting]:
    """What waits now, for each endpoint that anything waits for."""
    mine = select(endpoints.c.id).where(endpoints.c.account_id == account_id)
    if endpoint_id is not None:
        mine = mine.where(endpoints.c.id == endpoint_id)
    query = (
        select(deliveries.c.endpoint_id, func.count().label("number"), func.min(deliveries.c.id).label("oldest"))
        .where(deliveries.c.endpoint_id.in_(mine), PENDING)
        .group_by(deliveries.c.endpoint_id)
    )
    return {
        row.endpoint_id: Waiting(deliveries=row.number, oldest_ms=ids.made_at(row.oldest))
        for row in connection.execute(query)
    }


def _add(found: dict[Key, Sent], key: Key, more: Sent) -> None:
    found[key] = found[key] + more if key in found else more


def _times(
    connection: Connection, account_id: int, pieces: list[spans.Piece], endpoint_id: int | None
) -> dict[int, dict[int, int]]:
    """By endpoint, how many attempts fell into each bucket of Time Spent."""
    keys = ("endpoint_id", "bucket")
    within = spans.within(time_counters, time_sums, account_id, pieces, keys, ("attempts",), endpoint_id=endpoint_id)
    both = within.c.endpoint_id, within.c.bucket
    found: dict[int, dict[int, int]] = {}
    for row in connection.execute(select(*both, func.sum(within.c.attempts).label("attempts")).group_by(*both)):
        if row.attempts:
            found.setdefault(row.endpoint_id, {})[row.bucket] = row.attempts
    return found
