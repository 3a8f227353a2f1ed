"""In which hours a filter of the log finds anything: read from the counters, so that the search never walks an empty day.

A filter that matches nothing is answered by the counters alone. One that matches little walks the hours that hold a page's
worth, and not the whole log.
"""

from __future__ import annotations

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, false, func, select, true

from parcelhook.store import ids
from parcelhook.store.counting import HOUR_MS
from parcelhook.store.log_filter import CodeClass, LogFilter
from parcelhook.store.rows import KIND_NUMBERS
from parcelhook.store.schema import counters


class Span(Struct, frozen=True):
    """From the first id to the one before `end_id`."""

    first_id: int
    end_id: int


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


def span(connection: Connection, account_id: int, wanted: LogFilter, *, before: int | None, limit: int) -> Span | None:
    """The hours that hold the newest `limit` matches before that id, None if there are none at all."""
    ends = [value for value in (before and ids.made_at(before), wanted.until_ms) if value is not None]
    newest = min(ends) // HOUR_MS if ends else None
    query = select(counters.c.hour, func.sum(_matches(wanted)).label("matches")).where(
        counters.c.account_id == account_id, *_conditions(wanted)
    )
    if newest is not None:
        query = query.where(counters.c.hour <= newest)
    if wanted.since_ms is not None:
        query = query.where(counters.c.hour >= wanted.since_ms // HOUR_MS)
    query = query.group_by(counters.c.hour).having(func.sum(_matches(wanted)) > 0).order_by(counters.c.hour.desc())
    first = last = None
    found = 0
    for hour, matches in connection.execute(query):
        first, last = hour, last or hour
        # The newest hour may be asked for in part, and what is counted may be more than what matches.
        if hour != newest and _exact(wanted):
            found += matches
            if found >= limit:
                break
    if first is None or last is None:
        return None
    return Span(ids.first_id_at(first * HOUR_MS), ids.first_id_at((last + 1) * HOUR_MS))


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


def _conditions(wanted: LogFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.endpoint_id is not None:
        found.append(counters.c.endpoint_id == wanted.endpoint_id)
    if wanted.kind is not None:
        found.append(counters.c.kind == KIND_NUMBERS[wanted.kind])
    if wanted.passed is not None:
        found.append(counters.c.passed.is_(true() if wanted.passed else false()))
    if wanted.code is not None:
        found.append(code_is(counters.c.http_code, wanted.code))
    if wanted.carrier is not None:
        found.append(counters.c.carrier == wanted.carrier)
    if wanted.test is not None:
        found.append(counters.c.test.is_(true() if wanted.test else false()))
    return found


def _matches(wanted: LogFilter) -> ColumnElement[int]:
    if wanted.retry == "any" or wanted.retry:
        return counters.c.retries
    if wanted.retry == 0:
        return counters.c.attempts - counters.c.retries
    if wanted.is_return is not None:
        return counters.c.returns if wanted.is_return else counters.c.attempts - counters.c.returns
    return counters.c.attempts


def _exact(wanted: LogFilter) -> bool:
    """Whether the count is of the very attempts that match, and not of more."""
    return not (wanted.retry not in {None, "any", 0} or (wanted.retry is not None and wanted.is_return is not None))
