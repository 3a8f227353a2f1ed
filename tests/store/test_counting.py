"""Counters: whatever was recorded, in whatever batches, they equal a count of what lies in the log; and what is drawn from them."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import Struct
from msgspec.structs import replace

from parcelhook.shipping.events import EventKind
from parcelhook.store import counting, ids, insights, recording
from parcelhook.store.counting import ALL, HOUR_MS
from parcelhook.store.database import Database, Transaction
from parcelhook.store.insights import Range, Tally, TimeSpent
from parcelhook.webhooks.delivery import WAS_DELIVERED, Delivery, Outcome
from store.seeds import NOW, IdsFrom, accept, event, feed, offer, outcome

START = NOW - NOW % HOUR_MS
TABLES = ("attempts", "exchanges", "counters", "time_counters", "event_counters", "events", "deliveries")


class Step(Struct, frozen=True, kw_only=True):
    """What happens next to one of a few deliveries."""

    delivery: int
    passed: bool
    code: int
    spent_ms: float
    by_hand: bool
    last: bool  # no retry is left after this one
    test: bool


class Batch(Struct, frozen=True):
    """What is recorded by one transaction, so long after the start; ids may run over the end of an hour."""

    after_ms: int
    steps: list[Step]


class Life(Struct):
    """A delivery as the engine leads it: what it waits for decides what an attempt by hand leaves behind."""

    delivery: Delivery
    ended: bool | None = None

    def goes_on(self, step: Step) -> Outcome:
        """The outcome of one more attempt."""
        by_hand = step.by_hand or self.ended is not None
        waits = {None: NOW, True: WAS_DELIVERED, False: None}[self.ended] if by_hand else None
        delivery = replace(self.delivery, manual=by_hand, resume_ms=waits)
        if step.passed:
            self.ended = True
        elif not by_hand and step.last:
            self.ended = False
        made = outcome(delivery, ended=self.ended, passed=step.passed)
        spent = replace(made.attempt, http_code=step.code, time_spent_ms=step.spent_ms)
        retries = self.delivery.retries + (self.ended is None and not by_hand)
        self.delivery = replace(self.delivery, attempts=made.attempts, retries=retries)
        return replace(made, attempt=spent, retries=retries)


STEPS = st.builds(
    Step,
    delivery=st.integers(0, 5),
    passed=st.booleans(),
    code=st.sampled_from([0, 200, 204, 500]),
    spent_ms=st.one_of(st.sampled_from([0.0, 0.1, 15_000.0]), st.floats(0, 100_000)),
    by_hand=st.booleans(),
    last=st.booleans(),
    test=st.sampled_from([False, False, False, True]),
)
# Most batches begin at the edge of an hour.
BATCHES = st.lists(
    st.builds(Batch, st.sampled_from([0, HOUR_MS, 2 * HOUR_MS, 90 * 60_000]), st.lists(STEPS, max_size=8)), max_size=5
)


def lives() -> list[Life]:
    """Deliveries of two accounts, to three endpoints, of different kinds."""
    kinds = list(EventKind)
    found = []
    for number in range(6):
        account = 1 + number // 4
        fed = replace(
            event(account), kind=kinds[number % 3], carrier=("GLS", "UPS")[number % 2], is_return=number % 3 == 1
        )
        found.append(Life(offer(fed, account * 10 + number % 2).deliveries[0]))
    return found


def play(database: Database, batches: list[Batch]) -> None:
    """Record it all, oldest first as a log is."""
    known = lives()

    def clear(transaction: Transaction) -> None:
        for table in TABLES:
            transaction.sql.exec_driver_sql(f"DELETE FROM {table}")

    database.write_now(clear)
    used = 0
    for batch in sorted(batches, key=lambda one: one.after_ms):
        # Two before the millisecond: where that begins an hour, the batch lies in two.
        maker = IdsFrom(max(ids.first_id_at(START + batch.after_ms) - 2, used))
        outcomes = [known[step.delivery].goes_on(step) for step in batch.steps if not step.test]
        tested = [known[step.delivery].delivery for step in batch.steps if step.test]

        def write(transaction: Transaction, maker: IdsFrom = maker, outcomes: list[Outcome] = outcomes,
                  tested: list[Delivery] = tested) -> None:  # fmt: skip
            recording.record(transaction, outcomes, maker)
            for delivery in tested:
                attempt = replace(outcome(delivery, ended=True).attempt, event_id=None, delivery_id=None)
                recording.record_test(transaction, attempt, maker.next())

        database.write_now(write)
        used = maker.next()


def rows(database: Database, query: str) -> list[tuple[Any, ...]]:
    return database.read_now(lambda connection: [tuple(row) for row in connection.exec_driver_sql(query)])


def hour(number: int) -> int:
    return ids.made_at(number) // HOUR_MS


def recounted(database: Database) -> tuple[Counter[tuple[Any, ...]], Counter[tuple[Any, ...]]]:
    """From the log alone: attempts by everything that is told apart, and times by their bucket; tests have no time."""
    attempts: Counter[tuple[Any, ...]] = Counter()
    times: Counter[tuple[Any, ...]] = Counter()
    columns = "account_id, endpoint_id, id, kind, carrier, http_code, cause, passed, retry > 0, is_return, test, time_spent_ms"
    for account, endpoint, number, *key, spent in rows(database, f"SELECT {columns} FROM attempts"):
        for whose in (endpoint, ALL):
            attempts[account, whose, hour(number), *key] += 1
            if not key[-1]:
                times[account, whose, hour(number), counting.bucket(spent)] += 1
    return attempts, times


def first_passed(database: Database) -> Counter[tuple[Any, ...]]:
    """From the log alone, by endpoint and hour: the deliveries that got through then for the first time."""
    found: Counter[tuple[Any, ...]] = Counter()
    query = "SELECT account_id, endpoint_id, min(id) FROM attempts WHERE passed AND NOT test GROUP BY delivery_id, account_id, endpoint_id"
    for account, endpoint, number in rows(database, query):
        found[account, endpoint, hour(number)] += 1
        found[account, ALL, hour(number)] += 1
    return found


@given(BATCHES)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_counters_equal_a_count_of_the_log(database: Database, batches: list[Batch]) -> None:
    play(database, batches)
    attempts, times = recounted(database)
    key = "account_id, endpoint_id, hour, kind, carrier, http_code, cause, passed, retried, is_return, test"
    counted = {row[:-1]: row[-1] for row in rows(database, f"SELECT {key}, attempts FROM counters")}
    assert counted == attempts
    spent = "account_id, endpoint_id, hour, bucket, attempts"
    assert {row[:-1]: row[-1] for row in rows(database, f"SELECT {spent} FROM time_counters")} == times


@given(BATCHES)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_delivery_is_counted_as_delivered_once_and_as_given_up_once(database: Database, batches: list[Batch]) -> None:
    play(database, batches)
    query = (
        "SELECT account_id, endpoint_id, hour, sum(delivered) FROM counters GROUP BY 1, 2, 3 HAVING sum(delivered) > 0"
    )
    assert {row[:-1]: row[-1] for row in rows(database, query)} == first_passed(database)
    known = lives()
    gave_up = 0
    for batch in sorted(batches, key=lambda one: one.after_ms):
        for step in batch.steps:
            if not step.test:
                was = known[step.delivery].ended
                known[step.delivery].goes_on(step)
                gave_up += was is None and known[step.delivery].ended is False
    ((counted,),) = rows(database, f"SELECT coalesce(sum(gave_up), 0) FROM counters WHERE endpoint_id = {ALL}")
    assert counted == gave_up


@given(BATCHES)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_figures_leave_tests_out_and_are_those_of_the_log(database: Database, batches: list[Batch]) -> None:
    play(database, batches)
    everything = Range(START // HOUR_MS - 1, START // HOUR_MS + 4)
    log = rows(
        database, "SELECT endpoint_id, id, passed, http_code, kind FROM attempts WHERE account_id = 1 AND NOT test"
    )

    def look(connection: Any) -> None:
        for endpoint in (None, 10, 11, 99):
            mine = [line for line in log if endpoint in {None, line[0]}]
            for found, by in (
                (insights.by_hour(connection, 1, everything, endpoint), [hour(line[1]) for line in mine]),
                (insights.by_code(connection, 1, everything, endpoint), [line[3] for line in mine]),
            ):
                plain = {
                    one: (
                        sum(bool(line[2]) for line, at in zip(mine, by, strict=True) if at == one),
                        sum(not line[2] for line, at in zip(mine, by, strict=True) if at == one),
                    )
                    for one in set(by)
                }
                assert {one: (tally.passed, tally.failed) for one, tally in found.items()} == plain
            events = insights.by_event(connection, 1, everything, endpoint)
            assert sum(tally.passed + tally.failed for tally in events.values()) == len(mine)
        of_each = insights.by_endpoint(connection, 1, everything, [10, 11, 99])
        for endpoint in (10, 11, 99):
            assert of_each[endpoint] == insights.by_hour(connection, 1, everything, endpoint)
        first_hour = Range(everything.first, everything.first + 1)
        assert set(insights.by_hour(connection, 1, first_hour)) <= {everything.first}, "the end is not within"

    database.read_now(look)


@given(st.lists(st.floats(0.1, 60_000), min_size=1, max_size=60))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_percentiles_lie_within_five_percent(database: Database, spent: list[float]) -> None:
    steps = [
        Step(delivery=0, passed=True, code=200, spent_ms=ms, by_hand=False, last=False, test=False) for ms in spent
    ]
    play(database, [Batch(60_000, steps)])
    when = Range.last(1, START + 60_000)
    found = database.read_now(lambda connection: insights.time_spent(connection, 1, when))
    ordered = sorted(spent)
    for share, shown in ((0.5, found.p50), (0.95, found.p95), (0.99, found.p99)):
        exact = ordered[math.ceil(share * len(ordered)) - 1]
        assert shown is not None
        assert abs(shown - exact) <= 0.05 * exact
    by_hour = database.read_now(lambda connection: insights.time_spent_by_hour(connection, 1, when))
    assert by_hour == {START // HOUR_MS: found}


def test_where_nothing_was_sent_there_is_nothing_to_draw(database: Database) -> None:
    when = Range.last(24, NOW)
    assert when.before == Range(when.first - 24, when.first)

    def look(connection: Any) -> None:
        assert insights.by_hour(connection, 1, when) == insights.by_code(connection, 1, when) == {}
        assert insights.by_endpoint(connection, 1, when, [7]) == {7: {}}
        assert insights.total({}) == Tally()
        assert insights.time_spent(connection, 1, when) == TimeSpent()
        assert insights.time_spent_by_hour(connection, 1, when) == {}
        assert insights.events_in(connection, 1, when) == 0
        assert insights.latest(connection, 7) is None
        assert insights.waiting(connection, 7) == (0, None)

    database.read_now(look)
    assert Tally().success is None


def test_events_are_counted_as_they_are_accepted_and_again_is_not_counted(database: Database) -> None:
    fed = [
        offer(event(given=name, at=at), 7) for name, at in (("a", NOW), ("b", NOW), ("c", NOW + HOUR_MS), ("a", NOW))
    ]
    for one in fed:
        accept(database, feed(1, one))
    accept(database, feed(2, offer(event(2, given="a"), 7)), feed(2, offer(event(2, given="a"), 7)))
    when = Range.last(1, NOW)
    assert database.read_now(lambda connection: insights.events_in(connection, 1, when)) == 2
    assert database.read_now(lambda connection: insights.events_in(connection, 2, when)) == 1
    counted = rows(database, "SELECT account_id, hour, kind, events FROM event_counters ORDER BY 1, 2, 3")
    kept = f"SELECT account_id, accepted_ms / {HOUR_MS}, kind, count(*) FROM events GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
    assert counted == rows(database, kept)
