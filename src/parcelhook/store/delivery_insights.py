"""Figures of deliveries over any range of whole hours: how many, how long, where to, with what answer. Tests are left out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final, TypeVar

from msgspec import Struct
from sqlalchemy import Connection, Select, func, literal_column, select

from parcelhook.shipping.events import EventKind
from parcelhook.store import ids, spans, summing
from parcelhook.store.insights import Range, TimeSpent, percentiles, together
from parcelhook.store.rows import KINDS
from parcelhook.store.schema import (
    DeliveryState,
    counter_sums,
    counters,
    deliveries,
    endpoints,
    time_counters,
    time_sums,
)

Key = TypeVar("Key")

_KEYS: Final = ("endpoint_id", "kind", "http_code", "cause", "passed", "retried")
_FIGURES: Final = ("attempts", "delivered", "gave_up")

# Written out, not bound, so that the index that holds pending deliveries alone can serve.
_PENDING: Final = deliveries.c.state == literal_column(str(int(DeliveryState.PENDING)))


class Counts(Struct, frozen=True, kw_only=True):
    """Attempts, and the deliveries that ended with them. `retries` are the attempts whose Retry number is above 0."""

    attempts: int = 0
    passed: int = 0
    failed: int = 0
    retries: int = 0
    delivered: int = 0
    gave_up: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            attempts=self.attempts + other.attempts,
            passed=self.passed + other.passed,
            failed=self.failed + other.failed,
            retries=self.retries + other.retries,
            delivered=self.delivered + other.delivered,
            gave_up=self.gave_up + other.gave_up,
        )


class Waiting(Struct, frozen=True, kw_only=True):
    """Deliveries that are on their way now, and since when the oldest of them is (Unix milliseconds; None: there is none)."""

    deliveries: int = 0
    oldest_ms: int | None = None


class ToEndpoint(Struct, frozen=True, kw_only=True):
    """What went to one endpoint, a deleted one too."""

    id: int
    url: str
    label: str
    deleted: bool
    counts: Counts
    time_spent: TimeSpent
    waiting: Waiting


class DeliveryInsights(Struct, frozen=True, kw_only=True):
    """All figures of deliveries over a range; of what waits as it is now."""

    when: Range
    total: Counts
    time_spent: TimeSpent
    waiting: Waiting
    by_endpoint: tuple[ToEndpoint, ...]
    by_event: dict[EventKind, Counts]
    by_code: dict[int, Counts]  # 0: no answer
    by_cause: dict[str, Counts]  # of those that failed


class _Cell(Struct, frozen=True):
    """What was counted of one kind of attempt."""

    endpoint_id: int
    kind: EventKind
    http_code: int
    cause: str
    counts: Counts


def insights(connection: Connection, account_id: int, when: Range, endpoint_id: int | None = None) -> DeliveryInsights:
    """The figures of a range, of one endpoint or of all."""
    pieces = spans.pieces_until(when.first, when.end, summing.until(connection))
    counted = _counted(connection, account_id, pieces, endpoint_id)
    buckets = _buckets(connection, account_id, pieces, endpoint_id)
    waiting = _waiting(connection, account_id, endpoint_id)
    kinds = _by(counted, lambda cell: cell.kind)
    return DeliveryInsights(
        when=when,
        total=sum((cell.counts for cell in counted), Counts()),
        time_spent=percentiles(together(buckets.values())),
        waiting=_all_waiting(waiting.values()),
        by_endpoint=_by_endpoint(connection, account_id, counted, buckets, waiting),
        by_event={kind: counts for kind in EventKind if (counts := kinds.get(kind))},
        by_code=dict(sorted(_by(counted, lambda cell: cell.http_code).items())),
        by_cause=dict(_most_first(_by([cell for cell in counted if cell.counts.failed], lambda cell: cell.cause))),
    )


def _counted(
    connection: Connection, account_id: int, pieces: list[spans.Piece], endpoint_id: int | None
) -> list[_Cell]:
    whose = _each(account_id, endpoint_id)
    parts = spans.within(counters, counter_sums, account_id, pieces, _KEYS, _FIGURES, endpoint_id=whose, test=False)
    keys = [parts.c[name] for name in _KEYS]
    sums = [func.sum(parts.c[name]).label(name) for name in _FIGURES]
    return [
        _Cell(
            row.endpoint_id,
            KINDS[row.kind],
            row.http_code,
            row.cause,
            Counts(
                attempts=row.attempts,
                passed=row.attempts if row.passed else 0,
                failed=0 if row.passed else row.attempts,
                retries=row.attempts if row.retried else 0,
                delivered=row.delivered,
                gave_up=row.gave_up,
            ),
        )
        for row in connection.execute(select(*keys, *sums).group_by(*keys))
        if row.attempts
    ]


def _buckets(
    connection: Connection, account_id: int, pieces: list[spans.Piece], endpoint_id: int | None
) -> dict[int, dict[int, int]]:
    """By endpoint, how many attempts fell into each bucket of Time Spent."""
    keys = ("endpoint_id", "bucket")
    whose = _each(account_id, endpoint_id)
    parts = spans.within(time_counters, time_sums, account_id, pieces, keys, ("attempts",), endpoint_id=whose)
    query = select(parts.c.endpoint_id, parts.c.bucket, func.sum(parts.c.attempts).label("number"))
    found: dict[int, dict[int, int]] = {}
    for row in connection.execute(query.group_by(parts.c.endpoint_id, parts.c.bucket)):
        if row.number:
            found.setdefault(row.endpoint_id, {})[row.bucket] = row.number
    return found


def _each(account_id: int, endpoint_id: int | None) -> Select[int]:
    """One endpoint, or every one of the account's: the hours of each lie together, and those of all are counted apart."""
    owned = select(endpoints.c.id).where(endpoints.c.account_id == account_id)
    return owned if endpoint_id is None else owned.where(endpoints.c.id == endpoint_id)


def _waiting(connection: Connection, account_id: int, endpoint_id: int | None) -> dict[int, Waiting]:
    """By endpoint; one question each, which reads the index of what is pending and nothing else."""
    found = {}
    for one in connection.execute(_each(account_id, endpoint_id)).scalars().all():
        count, oldest = connection.execute(
            select(func.count(), func.min(deliveries.c.id)).where(deliveries.c.endpoint_id == one, _PENDING)
        ).one()
        if count:
            found[one] = Waiting(deliveries=count, oldest_ms=ids.made_at(oldest))
    return found


def _all_waiting(waiting: Iterable[Waiting]) -> Waiting:
    every = list(waiting)
    return Waiting(
        deliveries=sum(one.deliveries for one in every),
        oldest_ms=min((one.oldest_ms for one in every if one.oldest_ms is not None), default=None),
    )


def _by_endpoint(
    connection: Connection,
    account_id: int,
    counted: list[_Cell],
    buckets: Mapping[int, Mapping[int, int]],
    waiting: Mapping[int, Waiting],
) -> tuple[ToEndpoint, ...]:
    """The busiest first."""
    found: dict[int, Counts] = {one: Counts() for one in waiting} | _by(counted, lambda cell: cell.endpoint_id)
    mine = (endpoints.c.account_id == account_id, endpoints.c.id.in_(list(found)))
    rows = connection.execute(
        select(endpoints.c.id, endpoints.c.url, endpoints.c.label, endpoints.c.deleted_ms).where(*mine)
    )
    known = {row.id: row for row in rows}
    return tuple(
        ToEndpoint(
            id=number,
            url=known[number].url if number in known else "",
            label=known[number].label if number in known else "",
            deleted=number not in known or known[number].deleted_ms is not None,
            counts=counts,
            time_spent=percentiles(buckets.get(number, {})),
            waiting=waiting.get(number, Waiting()),
        )
        for number, counts in _most_first(found)
    )


def _by(counted: Iterable[_Cell], key: Callable[[_Cell], Key]) -> dict[Key, Counts]:
    found: dict[Key, Counts] = {}
    for cell in counted:
        found[key(cell)] = found.get(key(cell), Counts()) + cell.counts
    return found


def _most_first(found: Mapping[Key, Counts]) -> list[tuple[Key, Counts]]:
    return sorted(found.items(), key=lambda pair: -pair[1].attempts)
