"""Figures of tracking: after any history of scans they are what a recount of the shipments and their scans gives."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from parcelhook.shipping.events import OrderShipped
from parcelhook.shipping.scan import Scan
from parcelhook.shipping.shipment import Shipment, Standing, is_late, standing
from parcelhook.shipping.status import Status
from parcelhook.store import schema, tracking_insights
from parcelhook.store.accepting import Offer
from parcelhook.store.database import Database
from parcelhook.store.insights import Range
from parcelhook.store.tracking import decode_scan, decode_shipment
from parcelhook.store.tracking_insights import Flow, Question, TrackingInsights, Transit
from store.seeds import MAKER, NOW, accept, event, feed, fresh_store, offer

HOUR_S = 3_600
START = NOW // 1_000 // HOUR_S  # the hour in which the histories begin
ROUTES = [("IT", "IT"), ("IT", "DE"), ("", "")]

scans = st.builds(
    Scan,
    source=st.just("easypost"),
    tracking=st.sampled_from([f"N{number}" for number in range(6)]),
    carrier=st.sampled_from(["GLS", "UPS"]),
    date=st.integers(0, 900 * HOUR_S).map(lambda later: START * HOUR_S + later),
    status=st.sampled_from(list(Status)),
    est_delivery_date=st.sampled_from([None, (START + 30) * HOUR_S, (START + 400) // 24 * 24 * HOUR_S]),
    message=st.sampled_from(["", "hello"]),
)


def tell(database: Database, *told: Scan) -> None:
    offers = [Offer(first_id=MAKER.block(1), account_id=1, accepted_ms=NOW, endpoints=(), scan=one) for one in told]
    accept(database, feed(1, *offers))


def order(database: Database, number: int, route: tuple[str, str], *, back: bool) -> None:
    """The label of a shipment; those of the same number were known by their scans."""
    seed = offer(event(shipment=f"T{number}"), number=f"N{number}")
    fed = msgspec.structs.replace(
        seed.event, TrackingCarrier="", FromAddressCountry=route[0], ToAddressCountry=route[1], IsReturn=back
    )
    assert isinstance(fed, OrderShipped)
    accept(database, feed(1, msgspec.structs.replace(seed, event=fed)))


def ask(database: Database, **asked: Any) -> TrackingInsights:
    question = Question(**{"when": Range(START - 100, START + 1_000), "now_s": (START + 1_000) * HOUR_S} | asked)
    return database.read_now(lambda c: tracking_insights.insights(c, 1, question))


@settings(max_examples=50, deadline=None)
@given(
    history=st.lists(st.lists(scans, min_size=1, max_size=4), max_size=15),
    orders=st.dictionaries(
        st.integers(0, 5), st.tuples(st.sampled_from(ROUTES), st.booleans(), st.integers(0, 15)), max_size=6
    ),
    asked=st.tuples(st.integers(-30, 900), st.integers(1, 1_500)),
    carrier=st.sampled_from([None, "GLS"]),
    is_return=st.sampled_from([None, True, False]),
)
def test_the_figures_are_what_a_recount_gives(
    history: list[list[Scan]],
    orders: dict[int, tuple[tuple[str, str], bool, int]],
    asked: tuple[int, int],
    carrier: str | None,
    is_return: bool | None,
) -> None:
    with fresh_store() as database:
        for turn in range(16):
            for number, (route, back, when) in orders.items():
                if when == turn:
                    order(database, number, route, back=back)
            if turn < len(history):
                tell(database, *history[turn])
        when = Range(START + asked[0], START + asked[0] + asked[1])
        question = Question(when=when, now_s=(START + 500) * HOUR_S, carrier=carrier, is_return=is_return)
        check(database, question)


def check(database: Database, asked: Question) -> None:
    stored = [
        decode_shipment(row.known) for row in database.read_now(lambda c: c.execute(select(schema.shipments)).all())
    ]
    mine = [(one, standing(one)) for one in stored if fits(one, standing(one), asked)]
    found = database.read_now(lambda c: tracking_insights.insights(c, 1, asked))
    check_now(found, mine, asked)
    within = range(asked.when.first * HOUR_S, asked.when.end * HOUR_S)
    started = [stands for _, stands in mine if stands.first_status_date in within]
    arrived = [(one, stands) for one, stands in mine if stands.status is Status.DELIVERED and stands.date in within]
    promised = [stands for _, stands in arrived if stands.est_delivery_date]
    assert found.total == Flow(
        started=len(started),
        returns=sum(stands.returning for stands in started),
        delivered=len(arrived),
        promised=len(promised),
        delivered_late=sum(is_late(stands.est_delivery_date, stands.date) for stands in promised),
        failed_attempts=found.total.failed_attempts,
        exceptions=found.total.exceptions,
        scans=found.total.scans,
    )
    for name in Flow.__struct_fields__:
        whole = getattr(found.total, name)
        assert whole == sum(getattr(flow, name) for flow in found.trend.values()), name
        assert whole == sum(getattr(flow, name) for flow in found.by_carrier.values()), name
    check_scans(database, found, asked)
    check_transit(database, stored, asked, found)


def fits(shipment: Shipment, stands: Standing, asked: Question) -> bool:
    return asked.carrier in (None, shipment.carrier) and asked.is_return in (None, stands.returning)


def check_now(found: TrackingInsights, mine: list[tuple[Shipment, Standing]], asked: Question) -> None:
    for status, number in found.now.by_status.items():
        assert number == sum(stands.status is status for _, stands in mine), status
    moving = [(one, stands) for one, stands in mine if stands.status is not Status.PENDING and not stands.status.ended]
    assert found.now.on_the_way == len(moving)
    assert found.now.late == sum(is_late(stands.est_delivery_date, asked.now_s) for _, stands in moving)
    silent = [pair for pair in moving if pair[1].last_scan_date < asked.now_s - asked.silent_days * 86_400]
    assert found.now.silent == len(silent)
    assert [standing(line.shipment).last_scan_date for line in found.now.silent_first] == sorted(
        stands.last_scan_date for _, stands in silent
    )


def check_scans(database: Database, found: TrackingInsights, asked: Question) -> None:
    """Scans count for what their shipment was when they were told, so only what no filter asks for can be recounted."""
    if asked.carrier is not None or asked.is_return is not None:
        return
    kept = [decode_scan(row.scan) for row in database.read_now(lambda c: c.execute(select(schema.scans)).all())]
    dates = [scan for scan in kept if asked.when.first <= scan.date // HOUR_S < asked.when.end]
    assert found.total.scans == len(dates)
    assert found.total.failed_attempts == sum(scan.status is Status.FAILED_ATTEMPT for scan in dates)
    assert found.total.exceptions == sum(scan.status is Status.EXCEPTION for scan in dates)


def check_transit(database: Database, stored: list[Shipment], asked: Question, found: TrackingInsights) -> None:
    took: dict[Any, list[int]] = {}
    for one in stored:
        stands = standing(one)
        inside = asked.when.first <= stands.date // HOUR_S < asked.when.end
        if stands.status is not Status.DELIVERED or stands.returning or not inside or not stands.first_status_date:
            continue
        if asked.carrier not in (None, one.carrier):
            continue
        hours = max(0, stands.date - stands.first_status_date) // HOUR_S
        for key in (None, one.carrier, (one.from_country, one.to_country)):
            took.setdefault(key, []).append(hours)
    expected = {key: Transit(shipments=len(hours), **percentiles(hours)) for key, hours in took.items()}
    assert found.transit == expected.get(None, Transit())
    assert {**found.transit_by_carrier, **found.transit_by_route} == {
        key: transit for key, transit in expected.items() if key is not None
    }


def percentiles(hours: list[int]) -> dict[str, int]:
    ordered = sorted(hours)
    return {"median_hours": ordered[-(-len(hours) // 2) - 1], "p90_hours": ordered[-(-9 * len(hours) // 10) - 1]}


def scan(number: str, hour: int, status: Status, **more: Any) -> Scan:
    return Scan(source="easypost", tracking=number, carrier="GLS", date=(START + hour) * HOUR_S, status=status, **more)


def test_a_trend_has_every_step_of_its_range_also_the_empty_ones(database: Database) -> None:
    tell(database, scan("N1", 0, Status.IN_TRANSIT), scan("N1", 30, Status.DELIVERED))
    hourly = ask(database, when=Range(START, START + 48))
    assert list(hourly.trend) == list(range(START, START + 48))
    assert (hourly.trend[START].started, hourly.trend[START + 30].delivered) == (1, 1)
    daily = ask(database, when=Range(START, START + 49))
    assert len(daily.trend) == 3 or START % 24 == 0
    assert sum(flow.delivered for flow in daily.trend.values()) == 1


def test_a_scan_that_arrives_late_takes_away_what_was_counted_too_much(database: Database) -> None:
    tell(database, scan("N1", 50, Status.IN_TRANSIT))
    assert ask(database, when=Range(START + 50, START + 51)).total.started == 1
    tell(database, scan("N1", 10, Status.IN_TRANSIT))
    assert ask(database, when=Range(START + 50, START + 51)).total.started == 0
    assert ask(database, when=Range(START + 10, START + 11)).total.started == 1


def test_nobody_sees_what_belongs_to_another(database: Database) -> None:
    tell(database, scan("N1", 0, Status.IN_TRANSIT))
    question = Question(when=Range(START - 100, START + 1_000), now_s=(START + 1_000) * HOUR_S)
    other = database.read_now(lambda c: tracking_insights.insights(c, 2, question))
    assert (other.total, other.now.on_the_way, other.now.silent, other.transit) == (Flow(), 0, 0, Transit())


@pytest.mark.parametrize(("days", "silent"), [(1, ["N2", "N1"]), (3, ["N2"]), (30, [])])
def test_silent_are_those_on_the_way_without_a_scan_the_longest_first(
    database: Database, days: int, silent: list[str]
) -> None:
    tell(database, scan("N1", 40, Status.IN_TRANSIT), scan("N2", 5, Status.EXCEPTION), scan("N3", 6, Status.DELIVERED))
    now = ask(database, now_s=(START + 90) * HOUR_S, silent_days=days).now
    assert [line.shipment.transaction_id for line in now.silent_first] == silent
    assert now.silent == len(silent)
