"""The webhooks log: pages of attempts by filter, one attempt whole, and what came after a given one."""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import Any

from msgspec import Struct
from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Row,
    Select,
    case,
    false,
    func,
    literal_column,
    or_,
    select,
    true,
    union,
)

from parcelhook.shipping.events import EventKind
from parcelhook.store import ids, log_hours
from parcelhook.store.log_filter import LogFilter
from parcelhook.store.rows import KIND_NUMBERS, KINDS
from parcelhook.store.schema import attempts, endpoints, events, exchanges, tracking_numbers
from parcelhook.webhooks.delivery import StoredEvent
from parcelhook.webhooks.formats import Envelope, Format, envelope

GLANCE_BYTES = 500  # of a body, in a list; the whole is shown with the attempt itself
_NO_END = (1 << 63) - 1


class LogLine(Struct, frozen=True, kw_only=True):
    """One attempt as the log shows it. Bodies may be cut (`GLANCE_BYTES`); their lengths are whole."""

    id: int
    endpoint_id: int
    endpoint_url: str
    event_id: int | None
    event_name: str | None
    delivery_id: int | None
    kind: EventKind
    order_id: str
    transaction_id: str
    carrier: str
    is_return: bool
    date_ms: int
    date_end_ms: int
    passed: bool
    retry: int
    manual: bool
    test: bool
    time_spent_ms: float
    http_code: int
    cause: str
    reason: str
    hint: str
    request_head: str
    request_body: bytes
    request_length: int
    response_head: str | None
    response_body: bytes
    response_length: int
    truncated: bool
    address: str
    dns_ms: float
    connect_ms: float
    tls_ms: float
    first_byte_ms: float


def page(
    connection: Connection, account_id: int, wanted: LogFilter, *, before: int | None, limit: int
) -> list[LogLine]:
    """The newest `limit` lines before that id (None: from the newest on), newest first.

    Ids only grow, so lines that are added meanwhile never shift a page.
    """
    return _lines(connection, _found(connection, account_id, wanted, before=before, limit=limit))[::-1]


def after(
    connection: Connection,
    account_id: int,
    wanted: LogFilter,
    *,
    after: int,
    limit: int,
    known: Set[int] = frozenset(),
) -> list[LogLine]:
    """The oldest `limit` lines after that id, oldest first: what a live follower has not seen. Without those `known`."""
    found = _found(connection, account_id, wanted, after=after, limit=limit + len(known))
    return _lines(connection, [number for number in found if number not in known][:limit])


def between(connection: Connection, account_id: int, wanted: LogFilter, *, after: int, until: int) -> set[int]:
    """The ids of the lines after one id and up to another."""
    return set(_found(connection, account_id, wanted, after=after, before=until + 1, limit=_NO_END))


def one(connection: Connection, account_id: int, log_id: int) -> LogLine | None:
    """A line with its bodies whole, None if the account has no such line."""
    query = select(attempts.c.id).where(attempts.c.id == log_id, attempts.c.account_id == account_id)
    found = _lines(connection, list(connection.execute(query).scalars()), whole=True)
    return found[0] if found else None


def neighbours(
    connection: Connection, account_id: int, wanted: LogFilter, log_id: int
) -> tuple[int | None, int | None]:
    """The ids of the next newer and the next older line of the same filter."""
    newer = _found(connection, account_id, wanted, after=log_id, limit=1)
    older = _found(connection, account_id, wanted, before=log_id, limit=1)
    return next(iter(newer), None), next(iter(older), None)


def _found(
    connection: Connection,
    account_id: int,
    wanted: LogFilter,
    *,
    before: int | None = None,
    after: int | None = None,
    limit: int,
) -> list[int]:
    """The ids of the first `limit` lines before an id and downwards, or after an id and upwards."""
    query = _ids(account_id, wanted).order_by(attempts.c.id.desc() if after is None else attempts.c.id)
    first, end = _bounds(wanted, before, after)
    if not log_hours.tells_of(wanted):
        return _walked(connection, query, first, end, limit)
    found: list[int] = []
    for span in log_hours.spans(connection, account_id, wanted, before=before, after=after, limit=limit):
        within = max(first, span.first_id), min(end, span.end_id)
        found += _walked(connection, query, *within, limit - len(found))
        if len(found) >= limit:
            break
    return found


def _bounds(wanted: LogFilter, before: int | None, after: int | None) -> tuple[int, int]:
    """The smallest id that may be, and the one before which all must lie."""
    first = max(0 if after is None else after + 1, ids.first_id_at(wanted.since_ms or 0))
    until = _NO_END if wanted.until_ms is None else ids.first_id_at(wanted.until_ms)
    return first, until if before is None else min(before, until)


def _walked(connection: Connection, query: Select[tuple[int]], first: int, end: int, limit: int) -> list[int]:
    """What a walk from one end to the other finds. Each end is named once: of two, the database may begin at the farther."""
    if first:
        query = query.where(attempts.c.id >= first)
    if end != _NO_END:
        query = query.where(attempts.c.id < end)
    return [row.id for row in connection.execute(query.limit(limit))]


def _ids(account_id: int, wanted: LogFilter) -> Select[tuple[int]]:
    """Only ids: what went over the wire lies in another table and is read for the lines of one page alone."""
    by_event = _by_event(account_id, wanted)
    if by_event is not None:
        # The account stands in `by_event` already; named here again it would make the planner walk the whole account.
        return select(attempts.c.id).where(by_event, *_conditions(wanted))
    return select(attempts.c.id).where(attempts.c.account_id == account_id, *_conditions(wanted))


def _conditions(wanted: LogFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [*_outcome(wanted), *_retry(wanted.retry)]
    if wanted.endpoint_id is not None:
        found.append(attempts.c.endpoint_id == wanted.endpoint_id)
    if wanted.kind is not None:
        found.append(attempts.c.kind == KIND_NUMBERS[wanted.kind])
        if wanted.kind is not EventKind.TRACKING_UPDATE:
            found.append(literal_column("kind", Integer) != 3)  # names the partial index
    if wanted.carrier is not None:
        found.append(attempts.c.carrier == wanted.carrier)
    if wanted.is_return is not None:
        found.append(attempts.c.is_return.is_(true() if wanted.is_return else false()))
    if wanted.test is not None:
        found.append(attempts.c.test == (true() if wanted.test else false()))
    return found


def _outcome(wanted: LogFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.code is not None:
        found.append(log_hours.code_is(attempts.c.http_code, wanted.code))
    # Written out, not bound, so that the index on failed attempts can serve.
    if wanted.passed:
        found.append(attempts.c.passed == true())
    if wanted.passed is False or log_hours.only_failed(wanted.code):
        found.append(attempts.c.passed == false())
    return found


def _retry(retry: int | str | None) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if retry == "any" or retry:
        found.append(attempts.c.retry > literal_column("0", Integer))  # names the partial index
    if isinstance(retry, int):
        found.append(attempts.c.retry == retry)
    return found


def _by_event(account_id: int, wanted: LogFilter) -> ColumnElement[bool] | None:
    """Order, shipment and tracking number are indexed with the events; tests have no event and an index of their own."""
    mine = events.c.account_id == account_id

    def numbered(number: str) -> Select[tuple[int]]:
        shipments = select(tracking_numbers.c.transaction_id).where(
            tracking_numbers.c.account_id == account_id, tracking_numbers.c.number == number
        )
        return select(events.c.id).where(mine, events.c.transaction_id.in_(shipments))

    found: list[Select[tuple[int]]] = []
    of_test: list[ColumnElement[bool]] = []
    other = attempts.alias("other")
    if wanted.order_id is not None or wanted.transaction_id is not None:
        asked = ((events.c.order_id, wanted.order_id), (events.c.transaction_id, wanted.transaction_id))
        given = [(column, value) for column, value in asked if value is not None]
        found.append(select(events.c.id).where(mine, *(column == value for column, value in given)))
        of_test = [other.c[column.key] == value for column, value in given]
    if wanted.tracking is not None:
        of_number = numbered(wanted.tracking)
        found = [query.where(events.c.id.in_(of_number)) for query in found] or [of_number]
        of_test = [false()]
    if wanted.search is not None:
        text = wanted.search
        ways = [
            select(events.c.id).where(mine, events.c.order_id == text),
            select(events.c.id).where(mine, events.c.transaction_id == text),
            numbered(text),
        ]
        found = [query.where(events.c.id.in_(union(*ways))) for query in found] or ways
        of_test = [*of_test, or_(other.c.order_id == text, other.c.transaction_id == text)]
    if not found:
        return None
    return attempts.c.id.in_(
        union(
            *(select(other.c.id).where(other.c.event_id.in_(of_event)) for of_event in found),
            select(other.c.id).where(other.c.account_id == account_id, other.c.test == true(), *of_test),
        )
    )


def _lines(connection: Connection, wanted: Sequence[int], *, whole: bool = False) -> list[LogLine]:
    """These lines, oldest first."""
    if not wanted:
        return []
    sent = func.coalesce(exchanges.c.request_body, events.c.body)
    shown = (sent, exchanges.c.response_body) if whole else (
        func.substr(sent, 1, GLANCE_BYTES), func.substr(exchanges.c.response_body, 1, GLANCE_BYTES)
    )  # fmt: skip
    rows = connection.execute(
        select(
            attempts,
            exchanges,
            endpoints.c.url,
            events.c.given_id,
            events.c.accepted_ms,
            shown[0].label("sent"),
            func.length(sent).label("sent_length"),
            shown[1].label("answered"),
            func.coalesce(func.length(exchanges.c.response_body), 0).label("answered_length"),
            case((endpoints.c.id.is_(None), 1), else_=0).label("orphan"),
        )
        .join(exchanges, exchanges.c.attempt_id == attempts.c.id)
        .outerjoin(endpoints, endpoints.c.id == attempts.c.endpoint_id)
        .outerjoin(events, events.c.id == attempts.c.event_id)
        .where(attempts.c.id.in_(wanted))
        .order_by(attempts.c.id)
    )
    return [_line(row, None if whole else GLANCE_BYTES) for row in rows]


def _line(row: Row[Any], most_bytes: int | None) -> LogLine:
    name = None if row.event_id is None else ids.event_name(row.given_id, row.event_id)
    sent_in = _envelope(row, name)
    return LogLine(
        id=row.id,
        endpoint_id=row.endpoint_id,
        endpoint_url=row.url or "",
        event_id=row.event_id,
        event_name=name,
        delivery_id=row.delivery_id,
        kind=KINDS[row.kind],
        order_id=row.order_id,
        transaction_id=row.transaction_id,
        carrier=row.carrier,
        is_return=row.is_return,
        date_ms=row.date_ms,
        date_end_ms=row.date_end_ms,
        passed=row.passed,
        retry=row.retry,
        manual=row.manual,
        test=row.test,
        time_spent_ms=row.time_spent_ms,
        http_code=row.http_code,
        cause=row.cause,
        reason=row.reason or "Passed",
        hint=row.hint or "",
        request_head=row.request_head,
        request_body=sent_in.around(row.sent or b"")[:most_bytes],
        request_length=len(sent_in.around(b"")) + (row.sent_length or 0),
        response_head=row.response_head,
        response_body=row.answered or b"",
        response_length=row.answered_length,
        truncated=row.truncated,
        address=row.address,
        dns_ms=row.dns_ms,
        connect_ms=row.connect_ms,
        tls_ms=row.tls_ms,
        first_byte_ms=row.first_byte_ms,
    )


def _envelope(row: Row[Any], name: str | None) -> Envelope:
    """What the event's own body was sent in. A body that is stored with the attempt is whole as it is."""
    if name is None or row.format is None or row.request_body is not None or row.accepted_ms is None:
        return Envelope()
    event = StoredEvent(
        id=row.event_id,
        account_id=row.account_id,
        name=name,
        given_id=row.given_id,
        kind=KINDS[row.kind],
        order_id=row.order_id,
        transaction_id=row.transaction_id,
        carrier=row.carrier,
        is_return=row.is_return,
        accepted_ms=row.accepted_ms,
        body=b"",  # beside the envelope, and perhaps cut
    )
    return envelope(Format(row.format), event)
