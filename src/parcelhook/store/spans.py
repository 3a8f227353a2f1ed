"""The spans that counters are kept over, and how a range is read from few of them.

What happens is counted for its hour, for its day and for its four weeks. A year then is some dozen of the longest spans and a
few of the shorter at either end, which are added or taken away, whichever are fewer: exact all the same, and quick.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec import Struct
from sqlalchemy import ColumnElement, Subquery, Table, select, union_all

from parcelhook.store.counting import HOUR_MS
from parcelhook.store.schema import endpoints

HOUR: Final = 1
DAY: Final = 24
FOUR_WEEKS: Final = 672
SPANS: Final = (HOUR, DAY, FOUR_WEEKS)
COARSE: Final = (DAY, FOUR_WEEKS)
KEPT_HOURS: Final = 400 * DAY  # a year and a month, so that a month can be held against the same one a year ago


class Piece(Struct, frozen=True):
    """Spans that follow each other, `first` to `end` (not included), counted in spans since 1970; to add, or to take away."""

    span: int
    first: int
    end: int
    sign: int = 1


def pieces(first: int, end: int, spans: Sequence[int] = SPANS) -> list[Piece]:
    """What the hours from `first` to `end` (not included) are made up of; `spans` is what is counted by, shortest first."""
    return _between(first, end, tuple(spans), 1)


def pieces_until(first: int, end: int, until: int) -> list[Piece]:
    """The same where the longer spans hold what happened before the hour `until`, and later hours stand alone."""
    if first >= until:
        return [Piece(HOUR, first, end)] if first < end else []
    if end < until:
        return _clipped(pieces(first, end), until)
    whole = -(-until // FOUR_WEEKS) * FOUR_WEEKS  # nothing of these spans lies beyond, so they are taken as they are
    later = [Piece(HOUR, until, end)] if until < end else []
    return [*_clipped(pieces(first, whole), until), *later]


def kept_from(now_ms: int) -> int:
    """The first hour whose counters are kept. All spans are let go of together, or what is taken away would lack."""
    return (now_ms // HOUR_MS - KEPT_HOURS) // FOUR_WEEKS * FOUR_WEEKS


def within(
    hourly: Table,
    longer: Table,
    account_id: int,
    found: Sequence[Piece],
    keys: Sequence[str],
    figures: Sequence[str],
    **wanted: object,
) -> Subquery:
    """The counters of those pieces, hours and longer spans from their tables; to be summed up by `keys`.

    The figures of what is to be taken away are below zero. `wanted` are values that a column must have, None for any.
    """
    parts = []
    for piece in found or [Piece(HOUR, 0, 0)]:
        table = hourly if piece.span == HOUR else longer
        by_hour = "hour" in table.c
        start: ColumnElement[int] = table.c.hour if by_hour else table.c.start
        begins = (start * piece.span).label("begins")
        parts.append(
            select(
                begins, *(table.c[key] for key in keys), *((table.c[name] * piece.sign).label(name) for name in figures)
            )
            .where(table.c.account_id == account_id, start >= piece.first, start < piece.end)
            .where(*(() if by_hour else (table.c.span == piece.span,)))
            .where(*(table.c[name] == value for name, value in wanted.items() if value is not None and name in table.c))
            .where(*(_each_endpoint(table, account_id) if by_hour else ()))
        )
    return union_all(*parts).subquery()


def _each_endpoint(table: Table, account_id: int) -> list[ColumnElement[bool]]:
    """The hours of endpoints lie one endpoint after another, beside those of all together, which would count twice."""
    if "endpoint_id" not in table.c:
        return []
    return [table.c.endpoint_id.in_(select(endpoints.c.id).where(endpoints.c.account_id == account_id))]


def _clipped(found: list[Piece], until: int) -> list[Piece]:
    """Without the hours that the longer spans do not hold yet."""
    return [
        Piece(piece.span, piece.first, min(piece.end, until), piece.sign) if piece.span == HOUR else piece
        for piece in found
        if piece.span != HOUR or piece.first < until
    ]


def _between(first: int, end: int, spans: tuple[int, ...], sign: int) -> list[Piece]:
    if first > end:
        return _between(end, first, spans, -sign)
    if first == end:
        return []
    *shorter, span = spans
    if not shorter:
        return [Piece(span, first // span, end // span, sign)]
    low, high = _nearest(first, span), _nearest(end, span)
    if end - first < span or low >= high:
        return _between(first, end, tuple(shorter), sign)
    return [
        *_between(first, low * span, tuple(shorter), sign),
        Piece(span, low, high, sign),
        *_between(high * span, end, tuple(shorter), sign),
    ]


def _nearest(hour: int, span: int) -> int:
    return (hour + span // 2) // span
