"""What a lane hands out, and when."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from parcelhook.delivery.lanes import (
    BREAKER_AFTER_WAITS,
    BREAKER_FAILURES,
    CAPACITY,
    SMALL_CAPACITY,
    Budget,
    Ended,
    Lane,
)
from parcelhook.shipping.events import EventKind
from parcelhook.webhooks.delivery import Delivery, StoredEvent
from parcelhook.webhooks.endpoint import Endpoint, EndpointState, Ordering

NOW = 1_000_000


def delivery(number: int, shipment: str = "") -> Delivery:
    event = StoredEvent(
        id=number,
        account_id=1,
        name=f"evt_{number}",
        given_id=None,
        kind=EventKind.TRACKING_UPDATE,
        order_id="",
        transaction_id=shipment,
        carrier="",
        is_return=False,
        accepted_ms=0,
        body=b"{}",
    )
    return Delivery(id=number, endpoint_id=1, event=event)


def lane(budget: Budget | None = None, **fields: object) -> Lane:
    endpoint = Endpoint(id=1, account_id=1, url="https://shop.example/", events=frozenset(EventKind))
    made = Lane(replace(endpoint, **fields), first_wait_ms=5_000, budget=budget or Budget())
    made.claimed((), more=False, next_due_ms=None)  # nothing waits in the store
    return made


def taken(from_lane: Lane, now: int = NOW) -> list[int]:
    found = []
    while (one := from_lane.take(now)) is not None:
        found.append(one.id)
    return found


def test_hands_out_in_the_order_of_arrival_up_to_the_concurrency() -> None:
    some = lane(concurrency=3)
    for number in range(5):
        assert some.offer(delivery(number))
    assert taken(some) == [0, 1, 2]
    some.ended(delivery(1), Ended.WELL, NOW)
    assert taken(some) == [3]


def test_one_event_of_a_shipment_at_a_time_while_other_shipments_go_on() -> None:
    some = lane()
    for number, shipment in enumerate(["a", "a", "b", "a", ""]):
        some.offer(delivery(number, shipment))
    assert taken(some) == [0, 2, 4]
    some.ended(delivery(0, "a"), Ended.WELL, NOW)
    assert taken(some) == [1]
    some.ended(delivery(1, "a"), Ended.BADLY, NOW)
    assert taken(some) == [3]


@given(st.lists(st.sampled_from("abc"), max_size=40), st.integers(1, 8), st.randoms(use_true_random=False))
def test_each_shipment_keeps_its_order_whatever_ends_first(shipments: list[str], limit: int, chance: object) -> None:
    some = lane(concurrency=limit)
    for number, shipment in enumerate(shipments):
        some.offer(delivery(number, shipment))
    order: list[Delivery] = []
    flying: list[Delivery] = []
    while True:
        while (one := some.take(NOW)) is not None:
            flying.append(one)
            order.append(one)
        assert len(flying) <= limit
        assert len({one.shipment for one in flying}) == len(flying)
        if not flying:
            break
        one = flying.pop(chance.randrange(len(flying)))  # type: ignore[attr-defined]
        some.ended(one, Ended.WELL, NOW)
        some.recorded(one.id)
    assert len(order) == len(shipments)
    for shipment in set(shipments):
        numbers = [one.id for one in order if one.shipment == shipment]
        assert numbers == sorted(numbers)
    assert some.idle


def test_newer_ones_do_not_overtake_older_ones_that_wait_in_the_store() -> None:
    some = lane()
    some.backlog = True
    assert not some.offer(delivery(2))
    assert some.wants_claim(NOW)
    some.claiming = True
    some.claimed((delivery(1), delivery(2)), more=False, next_due_ms=None)
    assert taken(some) == [1, 2]
    assert some.offer(delivery(3))


def test_a_claim_that_brings_what_is_in_hand_adds_nothing() -> None:
    some = lane()
    some.offer(delivery(1))
    some.claimed((delivery(1), delivery(2)), more=False, next_due_ms=None)
    assert taken(some) == [1, 2]


def test_a_full_lane_leaves_the_rest_to_the_store() -> None:
    some = lane()
    results = [some.offer(delivery(number)) for number in range(CAPACITY + 5)]
    assert results.count(True) == CAPACITY
    assert some.backlog
    assert not some.wants_claim(NOW)  # not before there is room


def test_when_all_lanes_together_hold_too_much_each_keeps_a_small_share() -> None:
    budget = Budget(deliveries=100)
    first, second = lane(budget), lane(budget)
    for number in range(200):
        first.offer(delivery(number))
    assert len(first.held) == 100
    for number in range(200):
        second.offer(delivery(1_000 + number))
    assert len(second.held) == SMALL_CAPACITY
    first.close()
    second.close()
    assert not budget.spent


def test_a_strict_lane_goes_by_the_store_alone() -> None:
    some = lane(ordering=Ordering.STRICT)
    assert not some.offer(delivery(1, "a"))
    assert some.wants_claim(NOW)


def test_a_disabled_lane_hands_out_nothing_and_goes_on_when_enabled() -> None:
    some = lane()
    some.offer(delivery(1))
    some.update(replace(some.endpoint, state=EndpointState.DISABLED))
    assert taken(some) == []
    assert not some.offer(delivery(2))
    assert not some.wants_claim(NOW)
    some.update(replace(some.endpoint, state=EndpointState.ACTIVE))
    assert taken(some) == [1]
    assert some.wants_claim(NOW)


def test_a_slowed_lane_pauses_as_a_whole_and_comes_back_step_by_step() -> None:
    some = lane(concurrency=8)
    for number in range(40):
        some.offer(delivery(number))
    assert len(taken(some)) == 8
    some.ended(delivery(0), Ended.BADLY, NOW, slow_ms=2_000)
    for number in range(1, 8):
        some.ended(delivery(number), Ended.WELL, NOW)
    assert taken(some, NOW + 1_999) == []
    assert some.wakes_at(NOW) == NOW + 2_000
    assert 4 < len(taken(some, NOW + 2_000)) <= 8


def fail(some: Lane, times: int, now: int) -> None:
    for _ in range(times):
        one = some.take(now)
        assert one is not None
        some.ended(one, Ended.BADLY, now)


def test_an_endpoint_that_keeps_failing_gets_one_at_a_time_with_growing_pauses() -> None:
    some = lane(concurrency=16)
    for number in range(80):
        some.offer(delivery(number))
    fail(some, BREAKER_FAILURES, NOW)
    now = NOW + BREAKER_AFTER_WAITS * 5_000
    fail(some, 1, now)
    assert some.take(now + 4_999) is None
    now += 5_000
    one = some.take(now)
    assert one is not None
    assert some.take(now) is None, "one at a time"
    some.ended(one, Ended.BADLY, now)
    assert some.take(now + 9_999) is None
    one = some.take(now + 10_000)
    assert one is not None
    some.ended(one, Ended.WELL, now + 10_000)
    assert len(taken(some, now + 10_000)) == 2


def test_an_endpoint_that_fails_much_but_not_for_long_is_not_held_back() -> None:
    some = lane(concurrency=16)
    for number in range(200):
        some.offer(delivery(number))
    now = NOW
    for _ in range(3):
        fail(some, 40, now)
        one = some.take(now)
        assert one is not None
        some.ended(one, Ended.WELL, now)
        now += BREAKER_AFTER_WAITS * 5_000
    assert some.take(now) is not None


def test_a_failing_proxy_of_ours_does_not_count_against_the_endpoint() -> None:
    some = lane()
    for number in range(60):
        some.offer(delivery(number))
    for _ in range(BREAKER_FAILURES + 5):
        one = some.take(NOW)
        assert one is not None
        some.ended(one, Ended.NEUTRAL, NOW)
    assert some.take(NOW) is not None


@given(st.integers(1, 200), st.lists(st.integers(0, 400), min_size=1, max_size=200))
def test_the_rate_is_kept_over_every_second(rate: int, steps: list[int]) -> None:
    some = lane(rate_limit=rate, concurrency=100)
    now, sent = NOW, []
    for number, step in enumerate(steps * 3):
        some.offer(delivery(number))
        now += step
        while (one := some.take(now)) is not None:
            sent.append(now)
            some.ended(one, Ended.WELL, now)
            some.recorded(one.id)
    for start in sent:
        in_a_second = sum(start <= when < start + 1_000 for when in sent)
        assert in_a_second <= rate + max(1, rate / 10) + 1


def test_it_wakes_for_the_next_delivery_that_falls_due() -> None:
    some = lane()
    assert some.wakes_at(NOW) is None
    some.due_at(NOW + 5_000)
    some.due_at(NOW + 9_000)
    assert some.wakes_at(NOW) == NOW + 5_000
    assert not some.wants_claim(NOW + 4_999)
    assert some.wants_claim(NOW + 5_000)
