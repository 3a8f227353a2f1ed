"""Forgetting shipments: only what nobody speaks of any more goes, and whole."""

from __future__ import annotations

import pytest

from parcelhook.shipping.scan import Scan
from parcelhook.shipping.status import Status
from parcelhook.store import forgetting
from parcelhook.store.accepting import Offer
from parcelhook.store.database import Database
from parcelhook.store.shipments import one
from store.seeds import MAKER, NOW, accept, event, feed, offer

DAY = 86_400_000
LATER = NOW + 400 * DAY  # than every id that is made here


def scan(tracking: str, *, hour: int = 1, status: Status = Status.IN_TRANSIT) -> Scan:
    return Scan(
        source="easypost", tracking=tracking, carrier="GLS", date=NOW // 1_000 + hour * 3_600, status=status,
        message=f"hour {hour}",
    )  # fmt: skip


def tell(database: Database, told: Scan, at_ms: int) -> None:
    accept(
        database,
        feed(
            1,
            Offer(first_id=MAKER.block(1), deliveries_from=0, account_id=1, accepted_ms=at_ms, endpoints=(), scan=told),
        ),
    )


def forget(database: Database, before_ms: int) -> tuple[int, int]:
    gone = database.write_now(lambda t: forgetting.forget_shipments_step(t, before_ms, 0)).rows
    return gone, database.write_now(lambda t: forgetting.forget_numbers_step(t, before_ms, 0)).rows


def rows(database: Database, query: str) -> list[tuple[object, ...]]:
    return database.read_now(lambda c: [tuple(row) for row in c.exec_driver_sql(query)])


def drop_events(database: Database) -> None:
    database.write_now(lambda t: t.sql.exec_driver_sql("DELETE FROM events"))


def test_a_shipment_of_which_nothing_is_said_any_more_goes_whole(database: Database) -> None:
    tell(database, scan("OLD"), NOW)
    tell(database, scan("OLD", hour=2, status=Status.DELIVERED), NOW)
    tell(database, scan("LIVING"), NOW)
    tell(database, scan("LIVING", hour=2), LATER)
    drop_events(database)
    started = rows(database, "SELECT sum(started), sum(delivered) FROM tracking_counters")
    assert forget(database, LATER) == (1, 1)
    assert database.read_now(lambda c: one(c, 1, "OLD")) is None
    assert database.read_now(lambda c: one(c, 1, "LIVING")) is not None
    assert rows(database, "SELECT number FROM tracking_numbers") == [("LIVING",)]
    assert rows(database, "SELECT count(*) FROM scans") == [(2,)]
    assert rows(database, "SELECT status, shipments FROM status_counters WHERE shipments <> 0") == [("in_transit", 1)]
    assert rows(database, "SELECT sum(started), sum(delivered) FROM tracking_counters") == started, "the past stays"


def test_a_shipment_stays_for_as_long_as_an_event_tells_of_it(database: Database) -> None:
    tell(database, scan("TOLD"), NOW)
    accept(database, feed(1, offer(event(shipment="7_1"), number="N7")))
    assert forget(database, LATER) == (0, 0)
    drop_events(database)
    assert forget(database, LATER) == (2, 2)
    assert rows(database, "SELECT count(*) FROM shipments") == [(0,)]


def test_what_is_younger_is_not_even_looked_at(database: Database) -> None:
    tell(database, scan("YOUNG"), NOW)
    drop_events(database)
    assert forget(database, NOW - DAY) == (0, 0)


def test_it_goes_on_where_it_stopped(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(5):
        tell(database, scan(f"N{n}"), NOW)
    drop_events(database)
    monkeypatch.setattr(forgetting, "ROWS_A_STEP", 2)
    position: int | None = 0
    gone = []
    while position is not None:
        step = database.write_now(lambda t, at=position: forgetting.forget_shipments_step(t, LATER, at))
        gone.append(step.rows)
        position = step.position
    assert gone == [2, 2, 1]
