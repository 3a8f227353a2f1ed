"""Insights equal a recount of everything that happened, whatever happened and whichever range is asked for."""

from __future__ import annotations

import itertools
import math
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Connection, insert, select

from parcelhook import times
from parcelhook.shipping.events import EventKind
from parcelhook.shipping.scan import Scan
from parcelhook.shipping.shipment import Shipment, Standing, is_late, standing
from parcelhook.shipping.status import Status
from parcelhook.store import (
    delivery_insights,
    endpoints,
    ids,
    recording,
    retention,
    schema,
    spans,
    summing,
    tracking_insights,
)
from parcelhook.store.accepting import Offer
from parcelhook.store.counting import HOUR_MS, bucket, middle_ms
from parcelhook.store.database import Database, open_store
from parcelhook.store.delivery_insights import Sent
from parcelhook.store.insights import Range
from parcelhook.store.tracking import decode_scan, decode_shipment
from parcelhook.store.tracking_insights import Moved, Whose
from parcelhook.store.vault import Vault, new_key
from parcelhook.webhooks.delivery import Delivery, Outcome
from parcelhook.webhooks.endpoint import Endpoint
from store.seeds import MAKER, NOW, accept, event, feed, offer, outcome

BASE = NOW // HOUR_MS // spans.FOUR_WEEKS * spans.FOUR_WEEKS  # an hour with which four weeks begin
HOURS = 3 * spans.FOUR_WEEKS
VAULT = Vault((new_key(),))
ACCOUNTS = itertools.count(1_000)
# Close together around few days: so that ranges begin and end amid what happened, and spans are added and taken away.
hours = st.builds(
    lambda day, hour: day * 24 + hour, st.sampled_from([0, 1, 27, 28, 40, 55, 56, 83]), st.integers(0, 23)
)
ranges = st.tuples(hours, hours).map(lambda pair: Range(BASE + min(pair), BASE + max(pair)))


class Happened(Struct, frozen=True, kw_only=True):
    """An attempt of a history."""

    hour: int
    endpoint: int
    kind: EventKind
    code: int
    ended: bool | None
    retry: int
    manual: bool
    spent_ms: float
    took_s: int  # from the scan to the receipt

    @property
    def passed(self) -> bool:
        return self.code == 200


attempts = st.builds(
    Happened,
    hour=hours,
    endpoint=st.sampled_from([7, 8, 9]),
    kind=st.sampled_from(EventKind),
    code=st.sampled_from([200, 500, 0]),
    ended=st.sampled_from([True, False, None]),
    retry=st.integers(0, 2),
    manual=st.booleans(),
    spent_ms=st.sampled_from([1.0, 20.0, 300.0]),
    took_s=st.sampled_from([-5, 0, 60, 7_200]),
)


class Clock(ids.IdMaker):
    """Makes ids at the hour that a history has come to."""

    hour = 0

    def __init__(self) -> None:
        super().__init__()
        self._made = itertools.count()

    def block(self, count: int) -> int:
        return ids.first_id_at(self.hour * HOUR_MS) + next(self._made) * 100


def outcome_of(one: Happened, at_ms: int) -> Outcome:
    stored = replace(event(), kind=one.kind, body=b'{"Event":"x","date":%d}' % ((at_ms + 5) // 1_000 - one.took_s))
    delivery = Delivery(id=1, endpoint_id=one.endpoint, event=stored, retries=one.retry, manual=one.manual)
    made = outcome(delivery, ended=one.ended, at=at_ms, passed=one.passed)
    cause = "passed" if one.passed else f"http_{one.code}"
    return replace(
        made, attempt=replace(made.attempt, http_code=one.code, cause=cause, time_spent_ms=one.spent_ms)
    )  # fmt: skip


def know_endpoints(database: Database) -> None:
    """An account with the endpoints of all histories: by them its hours are found."""
    database.write_now(lambda t: t.sql.exec_driver_sql("INSERT INTO accounts VALUES (1, 'one', 0)"))
    for number in (7, 8, 9):
        known = Endpoint(id=number, account_id=1, url="https://shop.example/", events=frozenset(EventKind))
        database.write_now(lambda t, known=known: endpoints.insert(t.sql, known, VAULT))  # type: ignore[misc]


def sent(found: list[Happened]) -> Sent:
    return Sent(
        passed=sum(one.passed for one in found),
        failed=sum(not one.passed for one in found),
        retries=sum(one.retry > 0 for one in found),
        delivered=sum(one.ended is True for one in found),
        gave_up=sum(one.ended is False and not one.manual for one in found),
    )


def grouped(found: list[Happened], name: str) -> dict[Any, Sent]:
    return {
        value: sent([one for one in found if getattr(one, name) == value])
        for value in {getattr(one, name) for one in found}
    }


def nearest(values: list[float], share: float) -> float | None:
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)] if values else None


@settings(max_examples=25, deadline=None)
@given(
    st.lists(attempts, max_size=40),
    st.lists(st.sampled_from([30, 700, HOURS, HOURS + 50]), max_size=3),
    st.lists(ranges, min_size=1, max_size=8),
)
def test_deliveries_are_as_a_recount_of_the_history(
    history: list[Happened], summed_at: list[int], asked: list[Range]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        database = open_store(Path(folder) / "data")
        know_endpoints(database)
        clock = Clock()
        for step, one in sorted(
            [*((one.hour, one) for one in history), *((hour, None) for hour in summed_at)], key=lambda pair: pair[0]
        ):
            now_ms = (BASE + step) * HOUR_MS
            if one is None:
                while database.write_now(lambda t, now_ms=now_ms: summing.sum_up_step(t, now_ms)):  # type: ignore[misc]
                    pass
            else:
                clock.hour = BASE + step
                made = outcome_of(one, now_ms)
                database.write_now(lambda t, made=made: recording.record(t, [made], clock))  # type: ignore[misc]
        for when in [*asked, Range(BASE, BASE + HOURS)]:
            database.read_now(lambda connection, when=when: same_deliveries(connection, when, history))  # type: ignore[misc]
        database.close()


def same_deliveries(connection: Connection, when: Range, history: list[Happened]) -> None:
    found = [one for one in history if when.first <= BASE + one.hour < when.end]
    told = delivery_insights.sent(connection, 1, when)
    assert told.total == sent(found)
    assert told.by_endpoint == grouped(found, "endpoint")
    assert told.by_event == grouped(found, "kind")
    assert told.by_code == grouped(found, "code")
    failed = grouped([one for one in found if not one.passed], "code")
    assert told.by_cause == {f"http_{code}": figures for code, figures in failed.items()}
    for share, p in ((0.5, told.time_spent.p50), (0.95, told.time_spent.p95), (0.99, told.time_spent.p99)):
        exact = nearest([one.spent_ms for one in found], share)
        assert p == (None if exact is None else middle_ms(bucket(exact)))
    of_one = delivery_insights.sent(connection, 1, when, 7)
    assert of_one.total == sent([one for one in found if one.endpoint == 7])
    assert set(of_one.time_spent_by_endpoint) <= {7}
    waits = [
        1_000.0 * one.took_s for one in found if one.ended and one.kind is EventKind.TRACKING_UPDATE and not one.manual
    ]
    receipts = tracking_insights.receipts(connection, 1, when)
    receipt = receipts.whole
    assert receipts.by_carrier == ({"GLS": receipt} if waits else {})
    assert receipt.deliveries == len(waits)
    exact = nearest(waits, 0.5)
    assert receipt.p50_s == (None if exact is None else middle_ms(bucket(exact)) / 1_000)
    assert tracking_insights.receipts(connection, 1, when, "another carrier").whole.deliveries == 0
    assert delivery_insights.sent(connection, 2, when).total == Sent(), "another account sees nothing"


def test_what_waits_is_counted_with_its_oldest(database: Database) -> None:
    row = dict.fromkeys((column.name for column in schema.endpoints.c), 0) | {"account_id": 1, "sealed": b""}
    rows = [row | {"id": number} for number in (7, 8)]
    database.write_now(lambda t: t.sql.execute(insert(schema.endpoints), rows))
    waits = [offer(event(), 7) for _ in range(3)]
    done = offer(event(), 8)
    accept(database, feed(1, *waits, done))
    before = times.now_ms()
    database.write_now(lambda t: recording.record(t, [outcome(done.deliveries[0], ended=True)], MAKER))
    found = database.read_now(lambda c: delivery_insights.waiting(c, 1))
    assert [(endpoint, one.deliveries) for endpoint, one in found.items()] == [(7, 3)]
    assert found[7].oldest_ms == ids.made_at(waits[0].deliveries[0].id) <= before
    assert database.read_now(lambda c: delivery_insights.waiting(c, 1, 8)) == {}
    assert database.read_now(lambda c: delivery_insights.waiting(c, 2)) == {}


CARRIERS = {"A": "GLS", "B": "GLS", "C": "DHL", "D": "UPS", "E": "DHL"}
scans = st.builds(
    lambda tracking, **fields: Scan(
        source="hub", tracking=tracking, carrier=CARRIERS[tracking[0]], transaction_id=f"{tracking[0]}_1", **fields
    ),
    tracking=st.sampled_from([*CARRIERS, "A2"]),
    date=st.builds(lambda hour, quarter: (BASE + hour) * 3_600 + quarter * 900, hours, st.integers(0, 3)),
    status=st.sampled_from([*Status, Status.IN_TRANSIT, Status.DELIVERED, Status.DELIVERED]),
    est_delivery_date=st.sampled_from([None, (BASE + 240) * 3_600, (BASE + 480) * 3_600 + 7]),
    is_return=st.sampled_from([False, False, False, True]),
    from_country=st.sampled_from(["", "IT"]),
    to_country=st.sampled_from(["DE", "FR"]),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=st.lists(st.lists(scans, max_size=6), max_size=6), asked=st.lists(ranges, min_size=1, max_size=5))
def test_tracking_is_as_a_recount_of_the_shipments(
    history: list[list[Scan]], asked: list[Range], database: Database
) -> None:
    account = next(ACCOUNTS)
    for batch in history:
        offers = [
            Offer(
                first_id=MAKER.block(1), deliveries_from=0, account_id=account, accepted_ms=NOW, endpoints=(), scan=scan
            )
            for scan in batch
        ]
        accept(database, feed(account, *offers))

    def check(connection: Connection) -> None:
        rows = connection.execute(select(schema.shipments.c.known).where(schema.shipments.c.account_id == account))
        known = [decode_shipment(row.known) for row in rows]
        told = connection.execute(select(schema.scans.c.scan).where(schema.scans.c.account_id == account))
        all_scans = [decode_scan(row.scan) for row in told]
        for when in [*asked, Range(BASE, BASE + HOURS)]:
            same_tracking(connection, account, when, known, all_scans)
        same_standing(connection, account, known)

    database.read_now(check)


def same_tracking(connection: Connection, account: int, when: Range, known: list[Shipment], told: list[Scan]) -> None:
    def within(date: int) -> bool:
        return when.first <= date // 3_600 < when.end

    def moved(some: list[tuple[Shipment, Standing]], its_scans: list[Scan]) -> Moved:
        done = [stands for _, stands in some if stands.status is Status.DELIVERED and within(stands.date)]
        mine = [scan for scan in its_scans if within(scan.date)]
        return Moved(
            started=sum(bool(stands.first_status_date) and within(stands.first_status_date) for _, stands in some),
            delivered=len(done),
            promised=sum(bool(stands.est_delivery_date) for stands in done),
            delivered_late=sum(is_late(stands.est_delivery_date, stands.date) for stands in done),
            failed_attempts=sum(scan.status is Status.FAILED_ATTEMPT for scan in mine),
            exceptions=sum(scan.status is Status.EXCEPTION for scan in mine),
            scans=len(mine),
        )

    stand = [(shipment, standing(shipment)) for shipment in known]
    found = tracking_insights.movement(connection, account, when, Whose())
    assert found.total == moved(stand, told)
    for carrier in set(CARRIERS.values()):
        mine = [pair for pair in stand if pair[0].carrier == carrier]
        expected = moved(mine, [scan for scan in told if scan.carrier == carrier])
        assert found.by_carrier.get(carrier, Moved()) == expected
        assert tracking_insights.movement(connection, account, when, Whose(carrier=carrier)).total == expected
    returned = moved([pair for pair in stand if pair[1].returning], [])
    assert (found.returns.started, found.returns.delivered) == (returned.started, returned.delivered)
    for step in (spans.HOUR, spans.DAY):
        steps = tracking_insights.movement_by(connection, account, when, Whose(), step)
        assert sum(steps.values(), Moved()) == found.total
        days = Counter(scan.date // 3_600 // step * step for scan in told if within(scan.date))
        assert {start: one.scans for start, one in steps.items() if one.scans} == days

    outbound = [
        (shipment, (stands.date - stands.first_status_date) // 3_600)
        for shipment, stands in stand
        if stands.status is Status.DELIVERED
        and stands.first_status_date
        and not stands.returning
        and within(stands.date)
    ]
    took = tracking_insights.transits(connection, account, when)
    assert took.whole.shipments == len(outbound)
    assert took.whole.median_hours == nearest([max(0, hours) for _, hours in outbound], 0.5)
    assert took.whole.p90_hours == nearest([max(0, hours) for _, hours in outbound], 0.9)
    for carrier in (None, *set(CARRIERS.values())):
        some = [pair for pair in outbound if carrier in (None, pair[0].carrier)]
        routes = tracking_insights.transits_by_route(connection, account, when, carrier)
        counts = Counter((shipment.from_country, shipment.to_country) for shipment, _ in some)
        assert {route: one.shipments for route, one in routes.items()} == counts
        for route, one in routes.items():
            hours = [max(0, took) for shipment, took in some if (shipment.from_country, shipment.to_country) == route]
            assert (one.median_hours, one.p90_hours) == (nearest(hours, 0.5), nearest(hours, 0.9))
        if carrier is not None and some:
            assert took.by_carrier[carrier].shipments == len(some)


def same_standing(connection: Connection, account: int, known: list[Shipment]) -> None:
    now_s, silent_since = (BASE + 480) * 3_600, (BASE + 240) * 3_600
    for whose in (Whose(), Whose(carrier="DHL"), Whose(is_return=True), Whose(is_return=False, carrier="GLS")):
        stand = [
            (shipment, stands)
            for shipment in known
            if whose.carrier in (None, shipment.carrier)
            and whose.is_return in (None, (stands := standing(shipment)).returning)
            and (stands := standing(shipment))
        ]
        moving = [pair for pair in stand if pair[1].status is not Status.PENDING and not pair[1].status.ended]
        found = tracking_insights.standing(connection, account, whose, now_s=now_s, silent_since_s=silent_since, most=2)
        assert found.by_status == Counter(stands.status for _, stands in stand)
        assert found.on_the_way == len(moving)
        assert found.late == sum(is_late(stands.est_delivery_date, now_s) for _, stands in moving)
        silent = sorted(stands.last_scan_date for _, stands in moving if stands.last_scan_date < silent_since)
        assert found.silent == len(silent)
        assert [standing(line.shipment).last_scan_date for line in found.longest_silent] == silent[:2]


@pytest.mark.parametrize("until", [0, 5, 700, 1_344, 2_000])
def test_a_range_is_made_up_of_pieces_that_cover_each_hour_once(until: int) -> None:
    for first, end in ((0, 1), (3, 700), (650, 1_400), (671, 673), (0, 2_016), (100, 1_999)):
        hours = Counter[int]()
        for piece in spans.pieces_until(first, end, until):
            for hour in range(piece.first * piece.span, piece.end * piece.span):
                if piece.span == 1 or hour < until:
                    hours[hour] += piece.sign
        assert {hour: number for hour, number in hours.items() if number} == dict.fromkeys(range(first, end), 1)


def test_counters_are_let_go_of_together_when_they_are_too_old(database: Database) -> None:
    know_endpoints(database)
    clock = Clock()
    one = Happened(
        hour=0, endpoint=7, kind=EventKind.TRACKING_UPDATE, code=200, ended=True, retry=0, manual=False, spent_ms=1.0, took_s=5
    )  # fmt: skip
    for day in (0, 1, 30):
        clock.hour = BASE + day * 24
        made = outcome_of(one, clock.hour * HOUR_MS)
        database.write_now(lambda t, made=made: recording.record(t, [made], clock))  # type: ignore[misc]
    later = (BASE + 60 * 24) * HOUR_MS
    while database.write_now(lambda t: summing.sum_up_step(t, later)):
        pass
    much_later = (BASE + spans.KEPT_HOURS + spans.FOUR_WEEKS + 5) * HOUR_MS
    while database.write_now(lambda t: retention.prune_counters_step(t, much_later)):
        pass
    first = spans.kept_from(much_later)
    assert first == BASE + spans.FOUR_WEEKS
    for table in ("counters", "time_counters", "receipt_counters"):
        assert oldest(database, f"SELECT min(hour) FROM {table}") == clock.hour
    for table in ("counter_sums", "time_sums", "receipt_sums"):
        assert oldest(database, f"SELECT min(start * span) FROM {table}") == first
    told = database.read_now(lambda c: delivery_insights.sent(c, 1, Range(first, BASE + HOURS)))
    assert told.total.attempts == 1


def oldest(database: Database, query: str) -> object:
    return database.read_now(lambda connection: connection.exec_driver_sql(query).scalar())
