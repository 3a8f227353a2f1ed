"""Figures over a range, from the counters: what overview, charts and the list of webhooks show. Tests are left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, Row, Table, false, func, literal_column, select, true

from parcelhook.shipping.events import EventKind
from parcelhook.store import ids
from parcelhook.store.counting import ALL, HOUR_MS, at_share, middle_ms
from parcelhook.store.rows import KINDS
from parcelhook.store.schema import PENDING, attempts, counters, deliveries, event_counters, time_counters

MOST_COUNTED = 10_000  # beyond this the waiting are "more than": an exact count would read every one of them


class Range(Struct, frozen=True):
    """From hour to hour, the last one not included; hours are Unix time in whole hours."""

    first: int
    end: int

    @classmethod
    def last(cls, hours: int, now_ms: int) -> Range:
        """The last so many hours, the one under way included."""
        end = now_ms // HOUR_MS + 1
        return cls(end - hours, end)

    @property
    def before(self) -> Range:
        """As long, just before."""
        return Range(2 * self.first - self.end, self.first)


class Tally(Struct, frozen=True, kw_only=True):
    """Attempts and the deliveries that ended with them."""

    passed: int = 0
    failed: int = 0
    delivered: int = 0
    gave_up: int = 0

    @property
    def success(self) -> float | None:
        """The share of attempts that passed, 0 to 1; None if there were none."""
        total = self.passed + self.failed
        return self.passed / total if total else None


class TimeSpent(Struct, frozen=True, kw_only=True):
    """Percentiles of Time Spent in milliseconds, each within 5 %; None if there was no attempt."""

    p50: float | None = None
    p95: float | None = None
    p99: float | None = None


class Latest(Struct, frozen=True, kw_only=True):
    """The newest attempt to an endpoint."""

    id: int
    passed: bool
    http_code: int
    date_ms: int


def by_hour(connection: Connection, account_id: int, when: Range, endpoint_id: int | None = None) -> dict[int, Tally]:
    """A tally for each hour that had any attempt."""
    return _tallies(connection, counters.c.hour, account_id, when, endpoint_id)


def by_endpoint(
    connection: Connection, account_id: int, when: Range, endpoint_ids: Sequence[int]
) -> dict[int, dict[int, Tally]]:
    """For each of these endpoints a tally for each hour that had any attempt."""
    found: dict[int, dict[int, Tally]] = {endpoint_id: {} for endpoint_id in endpoint_ids}
    query = (
        select(counters.c.endpoint_id, counters.c.hour, *_sums())
        .where(
            counters.c.account_id == account_id,
            counters.c.endpoint_id.in_(endpoint_ids),
            *_hours(counters.c.hour, when),
            counters.c.test.is_(false()),
        )
        .group_by(counters.c.endpoint_id, counters.c.hour)
    )
    for row in connection.execute(query):
        found[row.endpoint_id][row.hour] = _tally(row)
    return found


def by_code(connection: Connection, account_id: int, when: Range, endpoint_id: int | None = None) -> dict[int, Tally]:
    """A tally for each HTTP code, 0 for no answer."""
    return _tallies(connection, counters.c.http_code, account_id, when, endpoint_id)


def by_event(
    connection: Connection, account_id: int, when: Range, endpoint_id: int | None = None
) -> dict[EventKind, Tally]:
    """A tally for each of the three events."""
    found = _tallies(connection, counters.c.kind, account_id, when, endpoint_id)
    return {KINDS[number]: tally for number, tally in found.items()}


def total(tallies: Mapping[int, Tally]) -> Tally:
    """All of them together."""
    found = list(tallies.values())
    return Tally(
        passed=sum(tally.passed for tally in found),
        failed=sum(tally.failed for tally in found),
        delivered=sum(tally.delivered for tally in found),
        gave_up=sum(tally.gave_up for tally in found),
    )


def events_in(connection: Connection, account_id: int, when: Range) -> int:
    """How many events were accepted."""
    mine = (event_counters.c.account_id == account_id, *_hours(event_counters.c.hour, when))
    return int(
        connection.execute(select(func.coalesce(func.sum(event_counters.c.events), 0)).where(*mine)).scalar_one()
    )


def time_spent(connection: Connection, account_id: int, when: Range, endpoint_id: int | None = None) -> TimeSpent:
    """Percentiles over the whole range."""
    return time_spent_of(_buckets(connection, account_id, when, endpoint_id).get(0, {}))


def time_spent_by_hour(
    connection: Connection, account_id: int, when: Range, endpoint_id: int | None = None
) -> dict[int, TimeSpent]:
    """Percentiles for each hour that had any attempt."""
    found = _buckets(connection, account_id, when, endpoint_id, hourly=True)
    return {hour: time_spent_of(buckets) for hour, buckets in found.items()}


def waiting(connection: Connection, endpoint_id: int) -> tuple[int, int | None]:
    """How many deliveries are pending for an endpoint, at most MOST_COUNTED + 1, and when the first of them is due (ms)."""
    pending = (deliveries.c.endpoint_id == endpoint_id, PENDING)
    some = select(deliveries.c.due_ms).where(*pending).limit(MOST_COUNTED + 1).subquery()
    count = connection.execute(select(func.count()).select_from(some)).scalar_one()
    query = select(deliveries.c.due_ms).where(*pending).order_by(deliveries.c.due_ms).limit(1)
    return count, connection.execute(query).scalars().first()


def latest(connection: Connection, endpoint_id: int) -> Latest | None:
    """The newest attempt to an endpoint that was not a test."""
    row = connection.execute(
        select(attempts.c.id, attempts.c.passed, attempts.c.http_code)
        .where(attempts.c.endpoint_id == endpoint_id, attempts.c.test == false())
        .order_by(attempts.c.id.desc())
        .limit(1)
    ).first()
    if row is None:
        return None
    return Latest(id=row.id, passed=row.passed, http_code=row.http_code, date_ms=ids.made_at(row.id))


def ever_passed(connection: Connection, account_id: int) -> bool:
    """Whether any attempt of an account ever passed, tests too."""
    query = select(attempts.c.id).where(attempts.c.account_id == account_id, attempts.c.passed == true()).limit(1)
    return connection.execute(query).first() is not None


def carriers(connection: Connection, account_id: int, when: Range, most: int = 100) -> list[str]:
    """The carriers that were written about, in the order of the alphabet."""
    query = (
        select(counters.c.carrier)
        .where(*_mine(counters, account_id, None), *_hours(counters.c.hour, when), counters.c.carrier != "")
        .distinct()
        .order_by(counters.c.carrier)
        .limit(most)
    )
    return list(connection.execute(query).scalars())


def _tallies(
    connection: Connection, by: ColumnElement[int], account_id: int, when: Range, endpoint_id: int | None
) -> dict[int, Tally]:
    query = (
        select(by.label("by"), *_sums())
        .where(*_mine(counters, account_id, endpoint_id), *_hours(counters.c.hour, when), counters.c.test.is_(false()))
        .group_by(by)
    )
    return {row.by: _tally(row) for row in connection.execute(query)}


def _tally(row: Row[*tuple[Any, ...]]) -> Tally:
    return Tally(passed=row.passed, failed=row.failed, delivered=row.delivered, gave_up=row.gave_up)


def _sums() -> tuple[ColumnElement[int], ...]:
    passed = func.sum(counters.c.attempts).filter(counters.c.passed)
    failed = func.sum(counters.c.attempts).filter(~counters.c.passed)
    return (
        func.coalesce(passed, 0).label("passed"),
        func.coalesce(failed, 0).label("failed"),
        func.sum(counters.c.delivered).label("delivered"),
        func.sum(counters.c.gave_up).label("gave_up"),
    )


def _mine(table: Table, account_id: int, endpoint_id: int | None) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return table.c.account_id == account_id, table.c.endpoint_id == (ALL if endpoint_id is None else endpoint_id)


def _hours(column: ColumnElement[int], when: Range) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return column >= when.first, column < when.end


def _buckets(
    connection: Connection, account_id: int, when: Range, endpoint_id: int | None, *, hourly: bool = False
) -> dict[int, dict[int, int]]:
    """By hour (0 for all together), how many attempts fell into each bucket."""
    hour = time_counters.c.hour if hourly else literal_column("0")
    query = select(hour.label("at"), time_counters.c.bucket, func.sum(time_counters.c.attempts).label("count")).where(
        *_mine(time_counters, account_id, endpoint_id), *_hours(time_counters.c.hour, when)
    )
    found: dict[int, dict[int, int]] = {}
    for row in connection.execute(query.group_by("at", time_counters.c.bucket)):
        found.setdefault(row.at, {})[row.bucket] = row[2]
    return found


def time_spent_of(buckets: Mapping[int, int]) -> TimeSpent:
    """The percentiles of a histogram of Time Spent."""
    p50, p95, p99 = (at_share(buckets, share) for share in (0.5, 0.95, 0.99))
    return TimeSpent(
        p50=None if p50 is None else middle_ms(p50),
        p95=None if p95 is None else middle_ms(p95),
        p99=None if p99 is None else middle_ms(p99),
    )
