"""Figures of tracking over any range of whole hours: what moves, what came late, how long it took, what nobody scans any more.

A shipment is counted by when things happened to its parcels, not by when that was told; what is asked of now (by status, on
the way, late, silent) is of no range.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeVar

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, Label, func, select, true

from parcelhook.shipping.status import Status
from parcelhook.store import spans, summing
from parcelhook.store.insights import Range, percentiles, together
from parcelhook.store.schema import (
    receipt_counters,
    receipt_sums,
    shipments,
    status_counters,
    tracking_counters,
    transit_counters,
)
from parcelhook.store.shipments import ShipmentLine, line_of
from parcelhook.store.spans import DAY, HOUR, Piece
from parcelhook.store.tallies import View

Key = TypeVar("Key")

SHORT_RANGE_HOURS: Final = 48  # up to so many hours the trend is by the hour, beyond it by the day
SILENT_SHOWN: Final = 50
DAY_S: Final = 86_400

_FIGURES: Final = ("started", "delivered", "promised", "delivered_late", "failed_attempts", "exceptions", "scans")


class Question(Struct, frozen=True, kw_only=True):
    """What is asked for; None is any. Transit times are of outbound shipments and receipts of all, whatever `is_return` is."""

    when: Range
    now_s: int
    carrier: str | None = None
    is_return: bool | None = None
    silent_days: int = 3


class Flow(Struct, frozen=True, kw_only=True):
    """What happened. `promised` are the delivered ones that had a date to be late by; attempts and exceptions are scans."""

    started: int = 0
    returns: int = 0  # of the started
    delivered: int = 0
    promised: int = 0
    delivered_late: int = 0
    failed_attempts: int = 0
    exceptions: int = 0
    scans: int = 0

    @property
    def late_share(self) -> float | None:
        """Of those that were promised; None if none was."""
        return self.delivered_late / self.promised if self.promised else None

    @property
    def returns_share(self) -> float | None:
        """Of those that started; None if none did."""
        return self.returns / self.started if self.started else None


class Transit(Struct, frozen=True, kw_only=True):
    """Whole hours from the first status to the delivery: half of the shipments took no longer, and nine of ten."""

    shipments: int = 0
    median_hours: int | None = None
    p90_hours: int | None = None


class Receipts(Struct, frozen=True, kw_only=True):
    """From the carrier's scan to the receipt of its webhook: so many deliveries, and percentiles within 5 %."""

    deliveries: int = 0
    p50_ms: float | None = None
    p95_ms: float | None = None


class Now(Struct, frozen=True, kw_only=True):
    """Where shipments stand now. `silent_first` are those that nobody has scanned for the longest."""

    by_status: dict[Status, int]
    on_the_way: int
    late: int
    silent: int
    silent_first: tuple[ShipmentLine, ...]


class TrackingInsights(Struct, frozen=True, kw_only=True):
    """All figures of tracking over a range. Whoever is the busiest stands first."""

    asked: Question
    now: Now
    total: Flow
    trend: dict[int, Flow]
    by_carrier: dict[str, Flow]
    transit: Transit
    transit_by_carrier: dict[str, Transit]
    transit_by_route: dict[tuple[str, str], Transit]
    receipts: Receipts
    receipts_by_carrier: dict[str, Receipts]


def insights(connection: Connection, account_id: int, asked: Question) -> TrackingInsights:
    """The figures of a range."""
    by_carrier = flows_by_carrier(connection, account_id, asked)
    transit, carriers = transit_by_carrier(connection, account_id, asked)
    received, received_by_carrier = receipts(connection, account_id, asked)
    return TrackingInsights(
        asked=asked,
        now=now(connection, account_id, asked),
        total=total(by_carrier),
        trend=trend(connection, account_id, asked),
        by_carrier=by_carrier,
        transit=transit,
        transit_by_carrier=carriers,
        transit_by_route=transit_by_route(connection, account_id, asked),
        receipts=received,
        receipts_by_carrier=received_by_carrier,
    )


def now(connection: Connection, account_id: int, asked: Question) -> Now:
    """Where shipments stand now, whatever the range."""
    stands = status_counters.c
    query = select(stands.status, func.sum(stands.shipments).label("shipments")).where(
        stands.account_id == account_id, *_only(stands, asked)
    )
    found = {row.status: int(row.shipments) for row in connection.execute(query.group_by(stands.status))}
    by_status = {status: found.get(status.value, 0) for status in Status}
    # `on_the_way` as the partial indexes have it: they alone are read.
    moving = (shipments.c.account_id == account_id, shipments.c.on_the_way == true(), *_only(shipments.c, asked))
    late = (*moving, shipments.c.deadline > 0, shipments.c.deadline < asked.now_s)
    silent = (*moving, shipments.c.last_scan_date < asked.now_s - asked.silent_days * DAY_S)
    first = select(shipments).where(*silent).order_by(shipments.c.last_scan_date, shipments.c.id).limit(SILENT_SHOWN)
    return Now(
        by_status=by_status,
        on_the_way=sum(
            number for status, number in by_status.items() if status is not Status.PENDING and not status.ended
        ),
        late=connection.execute(select(func.count()).select_from(shipments).where(*late)).scalar_one(),
        silent=connection.execute(select(func.count()).select_from(shipments).where(*silent)).scalar_one(),
        silent_first=tuple(line_of(row) for row in connection.execute(first)),
    )


def flows_by_carrier(connection: Connection, account_id: int, asked: Question) -> dict[str, Flow]:
    """What happened, by carrier; the busiest first."""
    found = _flows(connection, account_id, asked, "carrier", DAY)
    return dict(sorted(found.items(), key=lambda pair: (-pair[1].started, pair[0])))


def trend(connection: Connection, account_id: int, asked: Question) -> dict[int, Flow]:
    """What happened in every hour or day of the range (UTC), by the hour that it begins with; see `trend_step`."""
    step = trend_step(asked.when)
    found = _flows(connection, account_id, asked, "begins", step)
    starts = range(asked.when.first // step * step, asked.when.end, step)
    return {start: found.get(start, Flow()) for start in starts}


def trend_step(when: Range) -> int:
    """The hours of a step of the trend."""
    return HOUR if when.end - when.first <= SHORT_RANGE_HOURS else DAY


def total(flows: Mapping[Any, Flow]) -> Flow:
    """All of them together."""
    return Flow(**{name: sum(getattr(flow, name) for flow in flows.values()) for name in Flow.__struct_fields__})


def transit_by_carrier(connection: Connection, account_id: int, asked: Question) -> tuple[Transit, dict[str, Transit]]:
    """How long deliveries took: all of them, and by carrier; the busiest first."""
    found = _transit(connection, account_id, asked, View.BY_CARRIER)
    return _took(together(found.values())), _most_first({carrier: _took(hours) for (carrier,), hours in found.items()})


def transit_by_route(connection: Connection, account_id: int, asked: Question) -> dict[tuple[str, str], Transit]:
    """How long deliveries took by the countries from and to; the busiest first."""
    found = _transit(connection, account_id, asked, View.BY_ROUTE)
    return _most_first({(origin, target): _took(hours) for (origin, target), hours in found.items()})


def receipts(connection: Connection, account_id: int, asked: Question) -> tuple[Receipts, dict[str, Receipts]]:
    """From scan to receipt: all deliveries, and by carrier."""
    found = _receipts(connection, account_id, asked)
    return _received(together(found.values())), {name: _received(buckets) for name, buckets in sorted(found.items())}


def _flows(connection: Connection, account_id: int, asked: Question, by: str, step: int) -> dict[Any, Flow]:
    """By `carrier`, or by `begins`: the first hour of each step."""
    pieces = spans.pieces(asked.when.first, asked.when.end, (HOUR, DAY) if step == DAY else (HOUR,))
    wanted = {"carrier": asked.carrier, "is_return": asked.is_return}
    keys = ("carrier", "is_return")
    parts = spans.within(tracking_counters, tracking_counters, account_id, pieces, keys, _FIGURES, **wanted)
    key = parts.c.carrier if by == "carrier" else parts.c.begins - parts.c.begins % step
    sums: list[Label[int]] = [func.sum(parts.c[name]).label(name) for name in _FIGURES]
    returns = func.coalesce(func.sum(parts.c.started).filter(parts.c.is_return), 0).label("returns")
    found = {}
    for row in connection.execute(select(key.label("key"), *sums, returns).group_by("key")):
        flow = Flow(returns=row.returns, **{name: getattr(row, name) for name in _FIGURES})
        if flow != Flow():
            found[row.key] = flow
    return found


def _transit(
    connection: Connection, account_id: int, asked: Question, view: View
) -> dict[tuple[str, ...], dict[int, int]]:
    """By carrier or by route, how many shipments took how many hours."""
    keys = ("carrier",) if view is View.BY_CARRIER else ("from_country", "to_country")
    if asked.carrier is not None and view is View.BY_ROUTE:
        view = View.WHOLE  # the routes of one carrier are told apart nowhere else
    pieces = spans.pieces(asked.when.first, asked.when.end)
    found: dict[tuple[str, ...], dict[int, int]] = {}
    for some, which in (
        ([piece for piece in pieces if piece.span == HOUR], View.WHOLE),
        ([piece for piece in pieces if piece.span != HOUR], view),
    ):
        for key, took, number in _histogram(connection, account_id, some, keys, view=which, carrier=asked.carrier):
            hours = found.setdefault(key, {})
            hours[took] = hours.get(took, 0) + number
    return {key: hours for key, hours in found.items() if any(hours.values())}


def _histogram(
    connection: Connection, account_id: int, pieces: list[Piece], keys: tuple[str, ...], **wanted: object
) -> Iterator[tuple[tuple[str, ...], int, int]]:
    if not pieces:
        return
    by = (*keys, "took_hours")
    parts = spans.within(transit_counters, transit_counters, account_id, pieces, by, ("shipments",), **wanted)
    columns = [parts.c[name] for name in by]
    for row in connection.execute(select(*columns, func.sum(parts.c.shipments)).group_by(*columns)):
        *key, took, number = row
        if number:
            yield tuple(key), took, number


def _took(hours: Mapping[int, int]) -> Transit:
    ordered = sorted((took, number) for took, number in hours.items() if number)
    count = sum(number for _, number in ordered)

    def at(share: float) -> int | None:
        seen = 0
        for took, number in ordered:
            seen += number
            if seen >= share * count:
                return took
        return None

    return Transit(shipments=count, median_hours=at(0.5), p90_hours=at(0.9))


def _most_first(found: Mapping[Key, Transit]) -> dict[Key, Transit]:
    return dict(sorted(found.items(), key=lambda pair: -pair[1].shipments))


def _receipts(connection: Connection, account_id: int, asked: Question) -> dict[str, dict[int, int]]:
    """By carrier, how many deliveries fell into each bucket."""
    pieces = spans.pieces_until(asked.when.first, asked.when.end, summing.until(connection))
    keys = ("carrier", "bucket")
    parts = spans.within(
        receipt_counters, receipt_sums, account_id, pieces, keys, ("deliveries",), carrier=asked.carrier
    )
    query = select(parts.c.carrier, parts.c.bucket, func.sum(parts.c.deliveries).label("number"))
    found: dict[str, dict[int, int]] = {}
    for row in connection.execute(query.group_by(parts.c.carrier, parts.c.bucket)):
        if row.number:
            found.setdefault(row.carrier, {})[row.bucket] = row.number
    return found


def _received(buckets: Mapping[int, int]) -> Receipts:
    spent = percentiles(buckets)
    return Receipts(deliveries=sum(buckets.values()), p50_ms=spent.p50, p95_ms=spent.p95)


def _only(columns: Any, asked: Question) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if asked.carrier is not None:
        found.append(columns.carrier == asked.carrier)
    if asked.is_return is not None:
        found.append(columns.is_return == asked.is_return)
    return found
