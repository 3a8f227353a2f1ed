"""Figures of deliveries: whatever was recorded, and however much of it is summed up, they are what a recount gives."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from parcelhook.shipping.events import EventKind, TrackingUpdate, encode
from parcelhook.store import endpoints, ids, recording, retention, schema, spans, summing
from parcelhook.store.counting import HOUR_MS, bucket, middle_ms
from parcelhook.store.database import Database
from parcelhook.store.delivery_insights import Counts, DeliveryInsights, insights
from parcelhook.store.insights import Range
from parcelhook.store.tracking_insights import Question, Receipts
from parcelhook.store.tracking_insights import insights as tracking
from parcelhook.store.vault import Vault, new_key
from parcelhook.webhooks.delivery import Delivery, Outcome
from parcelhook.webhooks.endpoint import Endpoint
from store.seeds import NOW, accept, event, feed, fresh_store, offer, outcome

FIRST_HOUR = NOW // HOUR_MS
KINDS = list(EventKind)


class Clock(ids.IdMaker):
    """Makes ids of the hour that a test says."""

    hour = FIRST_HOUR

    def block(self, count: int) -> int:
        first = max(ids.first_id_at(self.hour * HOUR_MS), self._next)
        self._next = first + count
        return first


class Did(msgspec.Struct, frozen=True):
    """One attempt of a history."""

    hours_later: int
    endpoint: int
    kind: EventKind
    carrier: str
    answer: tuple[int, str, bool]
    retry: int
    ended: bool
    manual: bool
    spent_ms: float
    scanned_s: int  # before the receipt


dids = st.builds(
    Did,
    hours_later=st.sampled_from([0, 0, 0, 1, 5, 23, 100, 700]),
    endpoint=st.integers(1, 3),
    kind=st.sampled_from(KINDS),
    carrier=st.sampled_from(["GLS", "UPS"]),
    answer=st.sampled_from([(200, "passed", True), (500, "http_500", False), (0, "timed_out", False)]),
    retry=st.integers(0, 2),
    ended=st.booleans(),
    manual=st.booleans(),
    spent_ms=st.sampled_from([0.05, 3.0, 88.0, 15_000.0]),
    scanned_s=st.sampled_from([-5, 0, 1, 600, 90_000]),
)


def outcome_of(did: Did, now_ms: int) -> Outcome:
    passed = did.answer[2]
    base = outcome(
        Delivery(id=1, endpoint_id=did.endpoint, event=event()), ended=passed if did.ended or passed else None, at=now_ms,
        passed=passed,
    )  # fmt: skip
    date = base.attempt.date_end_ms // 1_000 - did.scanned_s
    told = TrackingUpdate(date=date, code=2, message='Delivered, she said: "date":1', TransactionID="1_1")
    delivery = msgspec.structs.replace(
        base.delivery, event=msgspec.structs.replace(base.delivery.event, body=encode(told), kind=did.kind)
    )
    attempt = msgspec.structs.replace(
        base.attempt, kind=did.kind, carrier=did.carrier, http_code=did.answer[0], cause=did.answer[1], retry=did.retry,
        manual=did.manual, time_spent_ms=did.spent_ms,
    )  # fmt: skip
    return msgspec.structs.replace(base, delivery=delivery, attempt=attempt)


def live(database: Database, history: list[Did], sum_up: bool) -> list[tuple[int, Outcome]]:
    """Record a history; every attempt with the hour that it was recorded in."""
    database.write_now(lambda t: t.sql.execute(schema.accounts.insert().values(id=1, name="shop", created_ms=NOW)))
    for number in (1, 2, 3):
        connect(database, number)
    clock = Clock()
    happened = []
    for did in history:
        clock.hour += did.hours_later
        now_ms = clock.hour * HOUR_MS
        one = outcome_of(did, now_ms)
        database.write_now(lambda t, one=one: recording.record(t, [one], clock))
        happened.append((clock.hour, one))
        if sum_up:
            while database.write_now(lambda t, now_ms=now_ms: summing.sum_up_step(t, now_ms)):
                pass
    return happened


def recount(happened: list[tuple[int, Outcome]], when: Range, endpoint: int | None) -> dict[Any, Counts]:
    """All that can be asked, by adding up attempt after attempt."""
    found: dict[Any, Counts] = {}
    for hour, one in happened:
        attempt = one.attempt
        if not when.first <= hour < when.end or endpoint not in (None, attempt.endpoint_id):
            continue
        counts = Counts(
            attempts=1,
            passed=int(attempt.passed),
            failed=int(not attempt.passed),
            retries=int(attempt.retry > 0),
            delivered=int(one.ended is True),
            gave_up=int(one.ended is False),
        )
        keys = ["total", ("endpoint", attempt.endpoint_id), attempt.kind, ("code", attempt.http_code)]
        if not attempt.passed:
            keys.append(("cause", attempt.cause))
        for key in keys:
            found[key] = found.get(key, Counts()) + counts
    return found


def answer(found: DeliveryInsights) -> dict[Any, Counts]:
    shown = {
        "total": found.total,
        **{("endpoint", one.id): one.counts for one in found.by_endpoint},
        **found.by_event,
        **{("code", code): counts for code, counts in found.by_code.items()},
        **{("cause", cause): counts for cause, counts in found.by_cause.items()},
    }
    return {key: counts for key, counts in shown.items() if counts.attempts}


@settings(max_examples=40, deadline=None)
@given(
    history=st.lists(dids, min_size=1, max_size=25),
    asked=st.tuples(st.integers(-30, 1_500), st.integers(1, 2_000)),
    endpoint=st.sampled_from([None, 1]),
    sum_up=st.booleans(),
)
def test_the_figures_are_what_a_recount_gives(
    history: list[Did], asked: tuple[int, int], endpoint: int | None, sum_up: bool
) -> None:
    with fresh_store() as database:
        check(database, history, Range(FIRST_HOUR + asked[0], FIRST_HOUR + asked[0] + asked[1]), endpoint, sum_up)


def check(database: Database, history: list[Did], when: Range, endpoint: int | None, sum_up: bool) -> None:
    happened = live(database, history, sum_up)
    found = database.read_now(lambda c: insights(c, 1, when, endpoint))
    assert answer(found) == recount(happened, when, endpoint)
    spent = sorted(
        one.attempt.time_spent_ms
        for hour, one in happened
        if when.first <= hour < when.end and endpoint in (None, one.attempt.endpoint_id)
    )
    if spent:
        assert found.time_spent.p50 == middle_ms(bucket(spent[-(-len(spent) // 2) - 1]))
    else:
        assert found.time_spent.p50 is None
    check_receipts(database, happened, when)
    assert database.read_now(lambda c: insights(c, 2, when, None)).total == Counts()


def check_receipts(database: Database, happened: list[tuple[int, Outcome]], when: Range) -> None:
    waited: dict[str, Counter[int]] = {}
    for hour, one in happened:
        attempt = one.attempt
        if (
            when.first <= hour < when.end
            and one.ended
            and attempt.kind is EventKind.TRACKING_UPDATE
            and not attempt.manual
        ):
            date = msgspec.json.decode(one.delivery.event.body)["date"]
            waited.setdefault(attempt.carrier, Counter())[bucket(1_000 * (attempt.date_end_ms // 1_000 - date))] += 1
    shown = database.read_now(lambda c: tracking(c, 1, Question(when=when, now_s=NOW // 1_000)))
    assert {carrier: found.deliveries for carrier, found in shown.receipts_by_carrier.items()} == {
        carrier: buckets.total() for carrier, buckets in waited.items()
    }
    assert shown.receipts.deliveries == sum(buckets.total() for buckets in waited.values())
    if not waited:
        assert shown.receipts == Receipts()


def test_summing_up_leaves_the_last_hour_and_goes_on_where_it_stopped(database: Database) -> None:
    did = Did(0, 1, EventKind.ORDER_SHIPPED, "GLS", (200, "passed", True), 0, True, False, 5.0, 0)
    live(
        database, [did, msgspec.structs.replace(did, hours_later=1), msgspec.structs.replace(did, hours_later=1)], False
    )
    now_ms = (FIRST_HOUR + 2) * HOUR_MS + 1
    steps = [database.write_now(lambda t: summing.sum_up_step(t, now_ms)) for _ in range(3)]
    assert steps == [True, False, False]
    assert database.read_now(summing.until) == FIRST_HOUR + 1
    later = now_ms + 5 * HOUR_MS
    assert [database.write_now(lambda t: summing.sum_up_step(t, later)) for _ in range(3)] == [True, True, False]
    assert database.read_now(summing.until) == FIRST_HOUR + 6


def test_tests_are_left_out(database: Database) -> None:
    one = outcome(Delivery(id=1, endpoint_id=1, event=event()), ended=True)
    test = msgspec.structs.replace(one.attempt, delivery_id=None, event_id=None)
    maker = ids.IdMaker()
    number = maker.next()
    database.write_now(lambda t: recording.record_test(t, test, number))
    now_ms = ids.made_at(number)
    when = Range.last(24, now_ms)
    for _ in range(2):
        assert database.read_now(lambda c: insights(c, 1, when)).total == Counts()
        database.write_now(lambda t: summing.sum_up_step(t, now_ms + 5 * HOUR_MS))


def connect(database: Database, number: int) -> None:
    endpoint = Endpoint(id=number, account_id=1, url=f"https://shop.example/{number}", events=frozenset(EventKind))
    database.write_now(lambda t: endpoints.insert(t.sql, endpoint, Vault((new_key(),))))


def test_what_waits_is_told_with_the_oldest(database: Database) -> None:
    for number in (1, 2):
        connect(database, number)
    first = event()
    accept(database, feed(1, offer(first, 1, 2)), feed(1, offer(event(), 1)))
    found = database.read_now(lambda c: insights(c, 1, Range.last(24, NOW)))
    assert (found.waiting.deliveries, found.waiting.oldest_ms) == (3, ids.made_at(first.id))
    assert {one.id: one.waiting.deliveries for one in found.by_endpoint} == {1: 2, 2: 1}


def test_counters_are_forgotten_a_day_at_a_time_and_all_spans_alike(database: Database) -> None:
    did = Did(30, 1, EventKind.TRACKING_UPDATE, "GLS", (200, "passed", True), 0, True, False, 5.0, 60)
    live(database, [did] * 60, True)
    kept = spans.kept_from((FIRST_HOUR + 420 * 24) * HOUR_MS)
    now_ms = (FIRST_HOUR + 420 * 24) * HOUR_MS
    steps = 0
    while database.write_now(lambda t: retention.prune_counters_step(t, now_ms)):
        steps += 1
    assert steps > 1 or kept <= FIRST_HOUR
    left = database.read_now(lambda c: insights(c, 1, Range(kept, FIRST_HOUR + 2_000)))
    expected = sum(1 for n in range(1, 61) if FIRST_HOUR + 30 * n >= kept)
    assert left.total.attempts == expected
    for table in ("counters", "time_counters", "receipt_counters"):
        oldest = database.read_now(lambda c, table=table: c.exec_driver_sql(f"SELECT min(hour) FROM {table}").scalar())
        assert oldest is None or oldest >= kept
