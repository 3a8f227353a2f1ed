"""Retention: what is old goes, what is on its way stays, in steps."""

from __future__ import annotations

import asyncio

from parcelhook import times
from parcelhook.delivery.upkeep import prune
from parcelhook.store import ids, log, retention
from parcelhook.store.database import Database
from parcelhook.store.log_filter import LogFilter
from store.seeds import MAKER, accept, claim, event, feed, offer, outcome, record

DAY = 86_400_000


def count(database: Database, table: str) -> int:
    found: int = database.read_now(
        lambda connection: connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one()
    )
    return found


def test_everything_older_than_the_retention_goes_and_the_rest_stays(database: Database, monkeypatch: object) -> None:
    made = [offer(event(given=f"g{n}"), 7).deliveries[0] for n in range(1_200)]
    accept(database, feed(1, *(offer(one.event, 7) for one in made)))
    for start in range(0, 1_200, 400):
        record(database, *(outcome(one, ended=True) for one in made[start : start + 400]))
    database.write_now(lambda t: t.sql.exec_driver_sql("UPDATE events SET given_id = NULL"))
    assert asyncio.run(prune(database, retention_days=1)) == 0, "nothing is older than a day yet"

    class Later:
        now_ms = staticmethod(lambda: times.now_ms() + 2 * DAY)

    monkeypatch.setattr("parcelhook.delivery.upkeep.times", Later)  # type: ignore[attr-defined]
    kept = offer(event(), 7)
    gone = asyncio.run(prune(database, retention_days=1))
    assert gone == 3 * 1_200 + 1, "and the shipment that all were of"
    assert [count(database, table) for table in ("events", "deliveries", "attempts", "exchanges")] == [0, 0, 0, 0]
    accept(database, feed(1, kept))
    assert len(claim(database, 7).deliveries) == 1


def test_nothing_goes_that_is_still_on_its_way(database: Database) -> None:
    pending, done = offer(event(), 7), offer(event(), 7)
    accept(database, feed(1, pending, done))
    record(database, outcome(done.deliveries[0], ended=True))
    before = times.now_ms() + DAY
    database.write_now(lambda t: retention.prune_log_step(t, before, 0))
    assert database.write_now(lambda t: retention.prune_deliveries_step(t, before, 0)).rows == 1
    assert database.write_now(lambda t: retention.prune_events_step(t, before, 0)).rows == 1
    assert [one.id for one in claim(database, 7).deliveries] == [pending.deliveries[0].id]


def test_an_event_stays_for_as_long_as_a_line_of_the_log_shows_it(database: Database) -> None:
    fed = offer(event(order="77"), 7)
    accept(database, feed(1, fed))
    record(database, outcome(fed.deliveries[0], ended=True))
    before = times.now_ms() + DAY
    assert database.write_now(lambda t: retention.prune_deliveries_step(t, before, 0)).rows == 1
    assert database.write_now(lambda t: retention.prune_events_step(t, before, 0)).rows == 0
    (line,) = database.read_now(lambda c: log.page(c, 1, LogFilter(order_id="77"), before=None, limit=5))
    assert line.request_body == fed.stored.body
    assert database.write_now(lambda t: retention.prune_log_step(t, before, 0)).rows == 1
    assert database.write_now(lambda t: retention.prune_events_step(t, before, 0)).rows == 1


def test_what_waits_longer_than_the_retention_is_cancelled(database: Database) -> None:
    accept(database, feed(1, offer(event(), 7)))
    database.write_now(lambda t: retention.cancel_pending_step(t, times.now_ms() + DAY, 0, times.now_ms()))
    assert claim(database, 7).deliveries == ()


def test_a_walk_goes_on_where_the_step_before_ended(database: Database) -> None:
    accept(database, feed(1, *(offer(event(), 7) for _ in range(retention.ROWS_A_STEP + 1))))
    before = times.now_ms() + DAY
    first = database.write_now(lambda t: retention.prune_deliveries_step(t, before, 0))
    assert (first.rows, first.position is None) == (0, False), "all of them are pending"
    second = database.write_now(lambda t: retention.prune_deliveries_step(t, before, first.position or 0))
    assert second.position is None


def test_deleted_endpoints_are_cancelled_in_steps(database: Database) -> None:
    accept(database, feed(1, *(offer(event(), 7) for _ in range(700)), offer(event(), 8)))
    steps = [database.write_now(lambda t: retention.cancel_step(t, 7, 1)) for _ in range(3)]
    assert steps == [500, 200, 0]
    assert len(claim(database, 8).deliveries) == 1


def test_ids_turn_a_time_into_a_range(database: Database) -> None:
    accept(database, feed(1, offer(event(), 7)))
    now = times.now_ms()
    made = MAKER.next()
    assert ids.first_id_at(now) <= made < ids.first_id_at(now + 60_000)
    assert ids.parse(ids.Prefix.EVENT, ids.public(ids.Prefix.EVENT, made)) == made
    assert database.read_now(lambda c: log.page(c, 1, LogFilter(), before=None, limit=5)) == []
