"""One lane an endpoint: what may be sent next, and when. Pure: time comes in as milliseconds, nothing is sent here.

A lane holds a bounded number of deliveries in order. It hands one out when the endpoint's concurrency, its rate, its
pause and the order of the shipment allow. What does not fit stays in the store and is claimed when there is room, so
one endpoint's backlog never takes memory or attention from another's.
"""

from __future__ import annotations

from collections import deque
from enum import Enum

from msgspec import Struct

from parcelhook.webhooks.delivery import Delivery
from parcelhook.webhooks.endpoint import Endpoint, EndpointState, Ordering

CAPACITY = 16_384  # deliveries a lane holds, in flight included
SMALL_CAPACITY = 64  # what it holds while the endpoint is failing, or all lanes together hold too much
CLAIM_BELOW = 256  # a claim looks past what is held, so it waits until that is little
BREAKER_FAILURES = 20  # in a row, and
BREAKER_AFTER_WAITS = 4  # so many first retry waits without one that passed; then the lane lets one through at a time
BREAKER_LONGEST_MS = 60_000


class Ended(Enum):
    """How an exchange ended, as far as the lane's pace is concerned."""

    WELL = "well"
    BADLY = "badly"  # counts towards the breaker
    NEUTRAL = "neutral"  # says nothing about the endpoint: our own proxy failed


class Budget:
    """What all lanes together hold in memory; what is beyond it stays in the store."""

    def __init__(self, deliveries: int = 50_000, body_bytes: int = 64 * 1024 * 1024) -> None:
        self._deliveries = deliveries
        self._body_bytes = body_bytes

    def take(self, delivery: Delivery) -> None:
        """Count a delivery that a lane holds from now on."""
        self._deliveries -= 1
        self._body_bytes -= len(delivery.event.body)

    def give_back(self, deliveries: int, body_bytes: int) -> None:
        """Count deliveries that are held no more."""
        self._deliveries += deliveries
        self._body_bytes += body_bytes

    @property
    def spent(self) -> bool:
        """Whether no more than the smallest share of each lane should be held."""
        return self._deliveries <= 0 or self._body_bytes <= 0


class Pace(Struct, frozen=True, kw_only=True):
    """How a lane goes at the moment. `paused_until_ms` lies in the past where it is not paused."""

    failing: bool
    paused_until_ms: int
    in_flight: int


class Lane:
    """The deliveries of one endpoint that this worker holds."""

    def __init__(self, endpoint: Endpoint, first_wait_ms: int, budget: Budget, partition: int = 0) -> None:
        self.endpoint = endpoint
        self.partition = partition
        self._budget = budget
        self.claiming = False  # a claim is under way
        self.backlog = True  # the store may hold due deliveries that are not here
        self.next_due_ms: int | None = None  # the earliest delivery in the store that is not due yet
        self._queue: deque[Delivery] = deque()
        self._behind: dict[str, deque[Delivery] | None] = {}  # by shipment: what waits for the one of it in flight
        self._released: deque[Delivery] = deque()  # whose turn within their shipment has come
        self._held: dict[int, int] = {}  # delivery id to the length of its body
        self._in_flight = 0
        self._limit = endpoint.concurrency
        self._paused_until_ms = 0
        self._first_wait_ms = max(first_wait_ms, 1)
        self._failures = 0
        self._failing_since_ms = 0
        self._breaker_wait_ms = 0
        self._tokens = 1.0
        self._tokens_at_ms = 0

    def update(self, endpoint: Endpoint) -> None:
        """Go on with a new version of the endpoint; a paused or slowed lane starts afresh."""
        self.endpoint = endpoint
        self._limit = endpoint.concurrency
        self._paused_until_ms = 0
        self._failures = 0
        self._breaker_wait_ms = 0
        self._tokens = 1.0

    @property
    def active(self) -> bool:
        """Whether the endpoint receives at all."""
        return self.endpoint.state is EndpointState.ACTIVE

    @property
    def pace(self) -> Pace:
        """How it goes; may be asked from another thread, which then sees a moment's picture."""
        return Pace(failing=self._breaker_wait_ms > 0, paused_until_ms=self._paused_until_ms, in_flight=self._in_flight)

    @property
    def strict(self) -> bool:
        """Whether later events of a shipment wait until an earlier one has ended."""
        return self.endpoint.ordering is Ordering.STRICT

    @property
    def held(self) -> frozenset[int]:
        """The deliveries in hand: queued, in flight, or ended but not yet recorded."""
        return frozenset(self._held)

    @property
    def room(self) -> int:
        """How many more deliveries it takes."""
        return max(0, self._capacity - len(self._held))

    @property
    def idle(self) -> bool:
        """Whether it holds nothing and waits for nothing."""
        return not self._held and not self.claiming and not self.backlog and self.next_due_ms is None

    def offer(self, delivery: Delivery) -> bool:
        """Take a delivery straight from acceptance; False leaves it to the store.

        While older ones wait in the store, newer ones must not overtake them. A strict lane always goes by the store,
        which alone knows whether an earlier event of the shipment is still on its way.
        """
        if not self.active or self.backlog or self.strict or not self.room:
            self.backlog = True
            return False
        self._enqueue(delivery)
        return True

    def claimed(self, deliveries: tuple[Delivery, ...], *, more: bool, next_due_ms: int | None) -> None:
        """Take what a claim brought.

        Offers that were refused meanwhile are no reason to claim again: they were committed before the claim looked,
        so it brought them, or says that there is more.
        """
        self.claiming = False
        self.backlog = more
        self.next_due_ms = next_due_ms
        for delivery in deliveries:
            if delivery.id not in self._held:
                self._enqueue(delivery)

    def wants_claim(self, now_ms: int) -> bool:
        """Whether the store should be asked now."""
        if not self.active or self.claiming or len(self._held) >= min(CLAIM_BELOW, self._capacity):
            return False
        return self.backlog or (self.next_due_ms is not None and self.next_due_ms <= now_ms)

    def due_at(self, due_ms: int) -> None:
        """Note that a delivery in the store falls due then."""
        if self.next_due_ms is None or due_ms < self.next_due_ms:
            self.next_due_ms = due_ms

    def take(self, now_ms: int) -> Delivery | None:
        """The next delivery to send now, if any; it counts as in flight from here on."""
        if self._in_flight >= self._limit or not (self._queue or self._released):
            return None
        if not self.active or now_ms < self._paused_until_ms:
            return None
        if self.endpoint.rate_limit and not self._has_token(now_ms):
            return None
        delivery = self._next_in_order()
        if delivery is not None:
            self._tokens -= 1
            self._in_flight += 1
        return delivery

    def ended(self, delivery: Delivery, how: Ended, now_ms: int, slow_ms: int = 0) -> None:
        """Note the end of an exchange. The delivery stays in hand until `recorded`. `slow_ms` pauses the whole lane."""
        self._in_flight -= 1
        shipment = delivery.shipment
        if shipment:
            behind = self._behind.get(shipment)
            if behind:
                self._released.append(behind.popleft())
            else:
                self._behind.pop(shipment, None)
        if slow_ms:
            self._limit = max(1, self._limit // 2)
            self._pause(now_ms + slow_ms)
        if how is Ended.WELL:
            self._failures = 0
            self._breaker_wait_ms = 0
            if self._limit < self.endpoint.concurrency:
                self._limit += 1
        elif how is Ended.BADLY:
            if not self._failures:
                self._failing_since_ms = now_ms
            self._failures += 1
            # Both: a receiver that fails many at first but takes their retries is slow to no one's harm but by a breaker's.
            long_enough = now_ms - self._failing_since_ms >= BREAKER_AFTER_WAITS * self._first_wait_ms
            if self._failures >= BREAKER_FAILURES and long_enough and now_ms >= self._paused_until_ms:
                self._open_breaker(now_ms)

    def recorded(self, delivery_id: int) -> None:
        """Let go of a delivery whose outcome is in the store."""
        size = self._held.pop(delivery_id, None)
        if size is not None:
            self._budget.give_back(1, size)

    def close(self) -> None:
        """Let go of everything: the endpoint is gone, or nothing is held."""
        self._budget.give_back(len(self._held), sum(self._held.values()))
        self._held.clear()
        self._queue.clear()
        self._released.clear()
        self._behind.clear()

    def wakes_at(self, now_ms: int) -> int | None:
        """When to look at it again if nothing else happens, None if only an event can change it."""
        if not self.active:
            return None
        times = []
        if (self._queue or self._released) and self._in_flight < self._limit:
            if now_ms < self._paused_until_ms:
                times.append(self._paused_until_ms)
            elif self.endpoint.rate_limit:
                times.append(now_ms + int(1_000 / self.endpoint.rate_limit) + 1)
        if self.next_due_ms is not None and not self.claiming and len(self._held) < min(CLAIM_BELOW, self._capacity):
            times.append(max(now_ms, self.next_due_ms))
        return min(times, default=None)

    def _enqueue(self, delivery: Delivery) -> None:
        self._held[delivery.id] = len(delivery.event.body)
        self._budget.take(delivery)
        self._queue.append(delivery)

    @property
    def _capacity(self) -> int:
        return SMALL_CAPACITY if self._breaker_wait_ms or self._budget.spent else CAPACITY

    def _pause(self, until_ms: int) -> None:
        self._paused_until_ms = max(self._paused_until_ms, until_ms)

    def _open_breaker(self, now_ms: int) -> None:
        """One delivery at a time, with growing pauses between, until one gets through."""
        self._limit = 1
        longest = min(BREAKER_LONGEST_MS, 12 * self._first_wait_ms)
        self._breaker_wait_ms = min(longest, 2 * self._breaker_wait_ms or self._first_wait_ms)
        self._pause(now_ms + self._breaker_wait_ms)

    def _next_in_order(self) -> Delivery | None:
        if self._released:
            return self._released.popleft()
        while self._queue:
            delivery = self._queue.popleft()
            shipment = delivery.shipment
            if not shipment:
                return delivery
            if shipment not in self._behind:
                self._behind[shipment] = None
                return delivery
            behind = self._behind[shipment]
            if behind is None:
                self._behind[shipment] = deque((delivery,))
            else:
                behind.append(delivery)
        return None

    def _has_token(self, now_ms: int) -> bool:
        rate = self.endpoint.rate_limit
        passed_ms = max(0, now_ms - self._tokens_at_ms)
        self._tokens_at_ms = now_ms
        self._tokens = min(self._burst, self._tokens + passed_ms * rate / 1_000)
        return self._tokens >= 1

    @property
    def _burst(self) -> float:
        """A tenth of a second's worth may go at once, so that a second never sees much more than its rate."""
        return max(1.0, self.endpoint.rate_limit / 10)
