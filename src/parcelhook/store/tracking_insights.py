"""Insights on tracking over any range of hours, exact: read from what shipments count for (see store.tallies)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, Row, Subquery, func, select

from parcelhook.shipping.status import Status
from parcelhook.store import shipments, spans, summing
from parcelhook.store.counting import at_share, middle_ms
from parcelhook.store.insights import Range
from parcelhook.store.schema import (
    receipt_counters,
    receipt_sums,
    status_counters,
    tracking_counters,
    transit_counters,
)
from parcelhook.store.shipments import ShipmentFilter, ShipmentLine
from parcelhook.store.spans import DAY, HOUR, Piece
from parcelhook.store.tallies import View

_FIGURES: Final = ("started", "delivered", "promised", "delivered_late", "failed_attempts", "exceptions", "scans")

Route = tuple[str, str]  # from, to


class Whose(Struct, frozen=True, kw_only=True):
    """Whose shipments are asked for; None is any."""

    carrier: str | None = None
    is_return: bool | None = None


class Moved(Struct, frozen=True, kw_only=True):
    """What happened to shipments in a time. `promised` are the delivered ones that had a date to be late by."""

    started: int = 0
    delivered: int = 0
    promised: int = 0
    delivered_late: int = 0
    failed_attempts: int = 0
    exceptions: int = 0
    scans: int = 0

    @property
    def late_share(self) -> float | None:
        """Of the delivered ones that had a promise, how many came late, 0 to 1; None if none had one."""
        return self.delivered_late / self.promised if self.promised else None

    def __add__(self, other: Moved) -> Moved:
        """Both together."""
        return Moved(**{name: getattr(self, name) + getattr(other, name) for name in _FIGURES})


class Movement(Struct, frozen=True, kw_only=True):
    """What happened in a range: in all, of returns alone, and by carrier."""

    total: Moved
    returns: Moved
    by_carrier: Mapping[str, Moved]


class Transit(Struct, frozen=True, kw_only=True):
    """From the first status to the delivery, in whole hours: half of the shipments took no longer, and nine of ten."""

    shipments: int = 0
    median_hours: int | None = None
    p90_hours: int | None = None


class Transits(Struct, frozen=True, kw_only=True):
    """The same of all shipments, and by carrier."""

    whole: Transit
    by_carrier: Mapping[str, Transit]


class Standing(Struct, frozen=True, kw_only=True):
    """How many shipments stand where, now. `late` are on the way, and late by now."""

    by_status: Mapping[Status, int]
    on_the_way: int
    late: int
    silent: int
    longest_silent: Sequence[ShipmentLine]


class Receipt(Struct, frozen=True, kw_only=True):
    """From the carrier's scan to the receipt of its webhook, in seconds, each within 5 %."""

    deliveries: int = 0
    p50_s: float | None = None
    p95_s: float | None = None


class Receipts(Struct, frozen=True, kw_only=True):
    """The same of all deliveries, and by carrier."""

    whole: Receipt
    by_carrier: Mapping[str, Receipt]


def standing(
    connection: Connection, account_id: int, whose: Whose, *, now_s: int, silent_since_s: int, most: int
) -> Standing:
    """How shipments stand; of the silent ones the first `most`, the longest silent first."""
    query = select(status_counters.c.status, func.sum(status_counters.c.shipments).label("number")).where(
        status_counters.c.account_id == account_id
    )
    if whose.carrier is not None:
        query = query.where(status_counters.c.carrier == whose.carrier)
    if whose.is_return is not None:
        query = query.where(status_counters.c.is_return == whose.is_return)
    counted = {row.status: row.number for row in connection.execute(query.group_by(status_counters.c.status))}
    by_status = {status: counted[status.value] for status in Status if counted.get(status.value)}
    late = ShipmentFilter(carrier=whose.carrier, is_return=whose.is_return, overdue_at=now_s)
    silent = ShipmentFilter(carrier=whose.carrier, is_return=whose.is_return, silent_since=silent_since_s)
    return Standing(
        by_status=by_status,
        on_the_way=sum(number for status, number in by_status.items() if status.on_the_way),
        late=shipments.count(connection, account_id, late),
        silent=shipments.count(connection, account_id, silent),
        longest_silent=shipments.longest_silent(connection, account_id, silent, limit=most),
    )


def movement(connection: Connection, account_id: int, when: Range, whose: Whose) -> Movement:
    """What happened to shipments in a range."""
    within = _moved(account_id, whose, spans.pieces(when.first, when.end, (HOUR, DAY)))
    keys = within.c.carrier, within.c.is_return
    total, returns, by_carrier = Moved(), Moved(), dict[str, Moved]()
    for row in connection.execute(select(*keys, *_sums(within)).group_by(*keys)):
        moved = _of(row)
        if moved == Moved():  # what one span adds and another takes away
            continue
        total += moved
        if row.is_return:
            returns += moved
        by_carrier[row.carrier] = by_carrier.get(row.carrier, Moved()) + moved
    return Movement(total=total, returns=returns, by_carrier=by_carrier)


def movement_by(connection: Connection, account_id: int, when: Range, whose: Whose, step: int) -> dict[int, Moved]:
    """The same for each step of so many hours, an hour or a day, that holds anything; by the hour that it begins with."""
    within = _moved(account_id, whose, spans.pieces(when.first, when.end, (HOUR, DAY) if step == DAY else (HOUR,)))
    start = (within.c.begins - within.c.begins % step).label("step")
    rows = connection.execute(select(start, *_sums(within)).group_by(start).order_by(start))
    return {row.step: moved for row in rows if (moved := _of(row)) != Moved()}


def transits(connection: Connection, account_id: int, when: Range, carrier: str | None = None) -> Transits:
    """How long outbound shipments took that were delivered in a range."""
    histograms = _took(connection, account_id, when, View.BY_CARRIER, ("carrier",), carrier)
    together: Counter[int] = Counter()
    for histogram in histograms.values():
        together.update(histogram)
    return Transits(
        whole=_transit(together),
        by_carrier={name: _transit(histogram) for (name,), histogram in histograms.items()},
    )


def transits_by_route(
    connection: Connection, account_id: int, when: Range, carrier: str | None = None
) -> dict[Route, Transit]:
    """By where from and where to, the same; the most used first."""
    view = View.BY_ROUTE if carrier is None else View.WHOLE
    histograms = _took(connection, account_id, when, view, ("from_country", "to_country"), carrier)
    found = [((origin, target), _transit(histogram)) for (origin, target), histogram in histograms.items()]
    return dict(sorted(found, key=lambda pair: (-pair[1].shipments, pair[0])))


def receipts(connection: Connection, account_id: int, when: Range, carrier: str | None = None) -> Receipts:
    """How long it took from a scan to the receipt of its webhook, of deliveries that ended well in a range."""
    pieces = spans.pieces_until(when.first, when.end, summing.until(connection))
    keys = ("carrier", "bucket")
    within = spans.within(receipt_counters, receipt_sums, account_id, pieces, keys, ("deliveries",), carrier=carrier)
    both = within.c.carrier, within.c.bucket
    histograms: dict[str, dict[int, int]] = {}
    together: Counter[int] = Counter()
    for name, bucket, number in connection.execute(select(*both, func.sum(within.c.deliveries)).group_by(*both)):
        if number:
            histograms.setdefault(name, {})[bucket] = number
            together[bucket] += number
    by_carrier = {name: _receipt(histogram) for name, histogram in histograms.items()}
    return Receipts(whole=_receipt(together), by_carrier=by_carrier)


def carriers(connection: Connection, account_id: int, most: int = 100) -> list[str]:
    """The carriers that shipments are with, in the order of the alphabet."""
    query = (
        select(status_counters.c.carrier)
        .where(status_counters.c.account_id == account_id, status_counters.c.carrier != "")
        .distinct()
        .order_by(status_counters.c.carrier)
        .limit(most)
    )
    return list(connection.execute(query).scalars())


def _moved(account_id: int, whose: Whose, pieces: Sequence[Piece]) -> Subquery:
    table, keys = tracking_counters, ("carrier", "is_return")
    return spans.within(
        table, table, account_id, pieces, keys, _FIGURES, carrier=whose.carrier, is_return=whose.is_return
    )


def _sums(within: Subquery) -> list[ColumnElement[int]]:
    return [func.sum(within.c[name]).label(name) for name in _FIGURES]


def _of(row: Row[Any]) -> Moved:
    return Moved(**{name: getattr(row, name) for name in _FIGURES})


def _took(
    connection: Connection, account_id: int, when: Range, view: View, keys: Sequence[str], carrier: str | None
) -> dict[tuple[str, ...], dict[int, int]]:
    """By `keys`, how many shipments took how many hours. Of single hours there is the whole view alone."""
    pieces = spans.pieces(when.first, when.end)
    table, columns, found = transit_counters, (*keys, "took_hours"), dict[tuple[str, ...], dict[int, int]]()
    for seen, some in (
        (View.WHOLE, [piece for piece in pieces if piece.span == HOUR]),
        (view, [piece for piece in pieces if piece.span != HOUR]),
    ):
        if not some:
            continue
        within = spans.within(table, table, account_id, some, columns, ("shipments",), view=int(seen), carrier=carrier)
        grouped = [within.c[name] for name in columns]
        for *key, hours, number in connection.execute(
            select(*grouped, func.sum(within.c.shipments)).group_by(*grouped)
        ):
            histogram = found.setdefault(tuple(key), {})
            histogram[hours] = histogram.get(hours, 0) + number
    return {key: histogram for key, histogram in found.items() if any(histogram.values())}


def _transit(histogram: Mapping[int, int]) -> Transit:
    return Transit(
        shipments=sum(histogram.values()),
        median_hours=at_share(histogram, 0.5),
        p90_hours=at_share(histogram, 0.9),
    )


def _receipt(buckets: Mapping[int, int]) -> Receipt:
    p50, p95 = at_share(buckets, 0.5), at_share(buckets, 0.95)
    return Receipt(
        deliveries=sum(buckets.values()),
        p50_s=None if p50 is None else middle_ms(p50) / 1_000,
        p95_s=None if p95 is None else middle_ms(p95) / 1_000,
    )
