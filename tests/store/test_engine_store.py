"""Accept, claim, record: what the engine asks of any store."""

from __future__ import annotations

from msgspec.structs import replace

from parcelhook.store import accepting, claiming, deliveries, events
from parcelhook.store.database import Database
from parcelhook.store.schema import DeliveryState
from store.seeds import MAKER, NOW, accept, claim, event, feed, offer, outcome, record


def states(database: Database, event_id: int) -> list[DeliveryState]:
    return [one.state for one in database.read_now(lambda connection: events.deliveries_of(connection, event_id))]


def test_what_was_accepted_is_claimed_byte_for_byte_oldest_first(database: Database) -> None:
    fed = [event(shipment=str(n), at=NOW - 200 + n) for n in range(123)]
    accept(database, feed(1, *(offer(one, 7) for one in fed)))
    found = claim(database, 7, room=1_000)
    assert [one.event for one in found.deliveries] == fed
    assert (found.more, found.next_due_ms) == (False, None)


def test_a_claim_takes_no_more_than_there_is_room_for_and_not_what_is_held(database: Database) -> None:
    fed = [offer(event(), 7) for _ in range(10)]
    accept(database, feed(1, *fed))
    numbers = [one.deliveries[0].id for one in fed]
    first = claim(database, 7, room=4)
    assert ([one.id for one in first.deliveries], first.more) == (numbers[:4], True)
    second = claim(database, 7, room=4, held=numbers[:4])
    assert ([one.id for one in second.deliveries], second.more) == (numbers[4:8], True)
    third = claim(database, 7, room=4, held=numbers[:8])
    assert ([one.id for one in third.deliveries], third.more) == (numbers[8:], False)


def test_one_endpoints_backlog_does_not_hide_anothers(database: Database) -> None:
    accept(database, feed(1, *(offer(event(), 7) for _ in range(500)), offer(event(), 8)))
    assert len(claim(database, 8).deliveries) == 1
    assert database.write_now(claiming.pending_endpoints) == [(7, NOW), (8, NOW)]


def test_a_delivered_one_is_not_claimed_again_and_a_failed_one_when_it_is_due(database: Database) -> None:
    one, two, three = (offer(event(), 7).deliveries[0] for _ in range(3))
    accept(database, feed(1, *(offer(delivery.event, 7) for delivery in (one, two, three))))
    record(
        database,
        outcome(one, ended=True),
        outcome(two, ended=False),
        outcome(three, ended=None, due=NOW + 5_000, retries=1),
    )
    early = claim(database, 7, now=NOW + 4_999)
    assert (early.deliveries, early.next_due_ms) == ((), NOW + 5_000)
    (due,) = claim(database, 7, now=NOW + 5_000).deliveries
    assert (due.id, due.attempts, due.retries) == (three.id, 1, 1)
    assert [states(database, delivery.event.id) for delivery in (one, two, three)] == [
        [DeliveryState.DELIVERED], [DeliveryState.FAILED], [DeliveryState.PENDING],
    ]  # fmt: skip


def test_a_strict_claim_brings_only_the_first_pending_event_of_each_shipment(database: Database) -> None:
    fed = [offer(event(shipment=shipment), 7, strict=True) for shipment in "aabab"]
    accept(database, feed(1, *fed))
    numbers = [one.deliveries[0] for one in fed]
    assert [one.id for one in claim(database, 7, strict=True).deliveries] == [numbers[0].id, numbers[2].id]
    record(database, outcome(numbers[0], ended=None, due=NOW + 9_000, retries=1))
    assert [one.id for one in claim(database, 7, strict=True).deliveries] == [numbers[2].id]
    record(database, outcome(numbers[0], ended=False), outcome(numbers[2], ended=True))
    assert [one.id for one in claim(database, 7, strict=True).deliveries] == [numbers[1].id, numbers[4].id]


def test_a_known_id_adds_nothing_within_a_batch_across_batches_and_per_account(database: Database) -> None:
    one, same, again, other = event(given="x"), event(given="x"), event(given="x"), event(2, given="x")
    (first, foreign) = accept(database, feed(1, offer(one, 7), offer(same, 7)), feed(2, offer(other, 9)))
    assert [line.duplicate for line in first.accepted] == [False, True]
    assert [line.duplicate for line in foreign.accepted] == [False]
    (second,) = accept(database, feed(1, offer(again, 7)))
    assert ([line.duplicate for line in second.accepted], second.fresh) == ([True], ())
    assert len(claim(database, 7).deliveries) == 1


def test_an_idempotency_key_answers_as_before_even_within_one_commit(database: Database) -> None:
    first, repeated, wrong = accept(
        database,
        feed(1, offer(event(), 7), key="k", fingerprint=b"a"),
        feed(1, offer(event(), 7), key="k", fingerprint=b"a"),
        feed(1, offer(event(), 7), key="k", fingerprint=b"b"),
    )
    assert [line.id for line in repeated.accepted] == [line.id for line in first.accepted]
    assert all(line.duplicate for line in repeated.accepted)
    assert wrong.error is not None
    (later,) = accept(database, feed(1, offer(event(), 7), key="k", fingerprint=b"a"))
    assert later.accepted == repeated.accepted
    assert len(claim(database, 7).deliveries) == 1


def test_what_a_refused_request_brought_is_not_known_and_may_be_fed_in_again(database: Database) -> None:
    accept(database, feed(1, offer(event(given="a"), 7), key="k", fingerprint=b"a"))
    wrong, right = accept(
        database,
        feed(1, offer(event(given="b", order="wrong"), 7), key="k", fingerprint=b"b"),
        feed(1, offer(event(given="b", order="right"), 7)),
    )
    assert wrong.error is not None
    assert [line.duplicate for line in right.accepted] == [False]
    (refused,) = accept(database, feed(1, offer(event(given="c"), 7), key="k", fingerprint=b"c"))
    assert refused.error is not None
    (again,) = accept(database, feed(1, offer(event(given="c"), 7)))
    assert [line.duplicate for line in again.accepted] == [False]
    found = database.read_now(lambda connection: [events.one(connection, 1, name) for name in ("a", "b", "c")])
    assert [one and one.order_id for one in found] == ["1", "right", "1"]
    assert len(claim(database, 7, now=NOW + 50).deliveries) == 3


def test_log_ids_grow_with_the_commits(database: Database) -> None:
    made = [offer(event(), 7).deliveries[0] for _ in range(75)]
    accept(database, feed(1, *(offer(one.event, 7) for one in made)))
    numbers = [number for one in made for number in record(database, outcome(one, ended=True))]
    assert numbers == sorted(set(numbers))


def test_due_by_hand_keeps_where_the_schedule_stood(database: Database) -> None:
    one = offer(event(), 7).deliveries[0]
    accept(database, feed(1, offer(one.event, 7)))
    record(database, outcome(one, ended=None, due=NOW + 60_000, retries=1))
    for _ in range(2):  # asked for twice is asked for once
        database.write_now(lambda transaction: deliveries.make_due(transaction.sql, one.id, NOW + 10))
    (due,) = claim(database, 7, now=NOW + 10).deliveries
    assert (due.manual, due.resume_ms, due.retries) == (True, NOW + 60_000, 1)
    record(database, outcome(due, ended=None, due=NOW + 60_000, retries=1))
    (later,) = claim(database, 7, now=NOW + 60_000).deliveries
    assert (later.manual, later.resume_ms) == (False, None)


def test_a_cancelled_delivery_stays_cancelled_whatever_was_in_flight(database: Database) -> None:
    one = offer(event(), 7).deliveries[0]
    accept(database, feed(1, offer(one.event, 7)))
    database.write_now(lambda transaction: transaction.sql.exec_driver_sql("UPDATE deliveries SET state = 3"))
    record(database, outcome(one, ended=None, due=NOW))
    assert states(database, one.event.id) == [DeliveryState.CANCELLED]
    record(database, outcome(replace(one), ended=True))
    assert states(database, one.event.id) == [DeliveryState.CANCELLED]


def test_a_job_that_fails_does_not_spoil_its_neighbours(database: Database) -> None:
    good = [feed(1, offer(event(), 7)) for _ in range(20)]
    reports: list[Exception | None] = []

    def report(_: object, error: Exception | None) -> None:
        reports.append(error)

    def bad(_: object) -> None:
        raise RuntimeError("mine alone")

    for one in good:
        database.submit(lambda transaction, one=one: accepting.accept(transaction, [one], MAKER), report)
        database.submit(bad, report)
    database.write_now(lambda _: None)
    assert [error is None for error in reports] == [True, False] * 20
    assert len(claim(database, 7, now=NOW + 50).deliveries) == 20  # all of one shipment, each due after the one before
