"""In which hours a filter of the log finds anything: read from the counters, so that no search walks an empty day.

A filter that matches nothing is answered by the counters alone. One that matches little walks the few hours that hold it,
and not the whole log.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, Select, false, func, select, true

from parcelhook.store import ids
from parcelhook.store.counting import ALL, HOUR_MS
from parcelhook.store.log_filter import CodeClass, LogFilter
from parcelhook.store.rows import KIND_NUMBERS
from parcelhook.store.schema import attempts, counters


class Span(Struct, frozen=True):
    """A run of hours as ids: from the first to the one before `end_id`. `matches` is None where it cannot be known."""

    first_id: int
    end_id: int
    matches: int | None


def tells_of(wanted: LogFilter) -> bool:
    """Whether the counters know anything about the filter. Orders and shipments are not counted, they have indexes."""
    if any(value is not None for value in (wanted.order_id, wanted.transaction_id, wanted.tracking, wanted.search)):
        return False
    return any(
        value is not None
        for value in (
            wanted.endpoint_id, wanted.kind, wanted.passed, wanted.retry, wanted.code, wanted.carrier, wanted.is_return, wanted.test,
        )
    )  # fmt: skip


def spans(
    connection: Connection,
    account_id: int,
    wanted: LogFilter,
    *,
    before: int | None = None,
    after: int | None = None,
    limit: int,
) -> Iterator[Span]:
    """The hours that hold matches, newest first (with `after`, oldest first), neighbours together, up to about `limit` matches.

    They are read as they are asked for. The first may hold fewer matches than it says, for the page may begin within it.
    Where hours hold less than was thought each run is longer than the one before, so that runs stay few.
    """
    step = 1 if after is not None else -1
    run: list[int] = []
    counted, most = 0, limit
    for row in connection.execute(_hours(connection, account_id, wanted, before, after)):
        if run and (row.hour != run[-1] + step or counted >= most):
            yield _span(run, counted, wanted)
            run, counted, most = [], 0, 2 * most
        run.append(row.hour)
        counted += row.matches
    if run:
        yield _span(run, counted, wanted)


def _hours(
    connection: Connection, account_id: int, wanted: LogFilter, before: int | None, after: int | None
) -> Select[tuple[int, int]]:
    hour = counters.c.hour
    query = (
        select(hour, func.sum(counters.c.attempts).label("matches"))
        .where(*_conditions(account_id, wanted))
        .group_by(hour)
    )
    # Counters are kept for longer than the log.
    oldest = connection.execute(select(func.min(attempts.c.id)).where(attempts.c.account_id == account_id)).scalar()
    lowest = [ids.made_at(number) for number in (oldest, after) if number is not None]
    highest = [ids.made_at(number) for number in (before,) if number is not None]
    if wanted.since_ms is not None:
        lowest.append(wanted.since_ms)
    if wanted.until_ms is not None:
        highest.append(wanted.until_ms)
    if lowest:
        query = query.where(hour >= max(lowest) // HOUR_MS)
    if highest:
        query = query.where(hour <= min(highest) // HOUR_MS)
    return query.order_by(hour if after is not None else hour.desc())


def _span(run: list[int], counted: int, wanted: LogFilter) -> Span:
    first, last = min(run[0], run[-1]), max(run[0], run[-1])
    matches = counted if _exact(wanted) else None
    return Span(ids.first_id_at(first * HOUR_MS), ids.first_id_at((last + 1) * HOUR_MS), matches)


def only_failed(code: int | CodeClass | None) -> bool:
    """Whether all attempts with such a code have failed: only a 2xx can pass."""
    if code is None:
        return False
    return not 200 <= code < 300 if isinstance(code, int) else code != "2xx"


def code_is(column: ColumnElement[int], code: int | CodeClass) -> ColumnElement[bool]:
    """The condition for an exact HTTP code or a class of them."""
    if isinstance(code, int):
        return column == code
    if code == "none":
        return column == 0
    first = int(code[0]) * 100
    return column.between(first, first + 99)


def _conditions(account_id: int, wanted: LogFilter) -> list[ColumnElement[bool]]:
    endpoint_id = ALL if wanted.endpoint_id is None else wanted.endpoint_id
    found = [counters.c.account_id == account_id, counters.c.endpoint_id == endpoint_id]
    if wanted.kind is not None:
        found.append(counters.c.kind == KIND_NUMBERS[wanted.kind])
    if wanted.carrier is not None:
        found.append(counters.c.carrier == wanted.carrier)
    if wanted.code is not None:
        found.append(code_is(counters.c.http_code, wanted.code))
    flags = (
        (counters.c.passed, wanted.passed),
        (counters.c.retried, None if wanted.retry is None else bool(wanted.retry)),
        (counters.c.is_return, wanted.is_return),
        (counters.c.test, wanted.test),
    )
    found += [column.is_(true() if value else false()) for column, value in flags if value is not None]
    return found


def _exact(wanted: LogFilter) -> bool:
    """Whether the count is of the very attempts that match, and not of more: Retry numbers are not told apart."""
    return wanted.retry in {None, "any", 0}
