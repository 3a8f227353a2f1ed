"""The worker: claims what is due, feeds the lanes, sends, judges, plans and records. One thread, one loop.

It alone owns every delivery of its endpoints, so nothing has to be written to claim one: what it holds it knows, and
what it held when it was killed is still pending in the store. The store's writer runs claims and records in one order
and reports in that order, so a claim can never bring back a delivery whose end was recorded before it.

Alone it owns all partitions of endpoints. Where nodes share a store it owns what `delivery.membership` says, and for no
longer than its lease: then it sends nothing, and what it records changes no delivery that another has taken over.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any, Final

import structlog
from msgspec import Struct

from parcelhook import times
from parcelhook.delivery.alarms import Alarms
from parcelhook.delivery.conclude import conclude
from parcelhook.delivery.lanes import Budget, Lane, Pace
from parcelhook.delivery.ownership import Ownership
from parcelhook.delivery.recorder import Recorder
from parcelhook.delivery.registry import Registry
from parcelhook.delivery.request import Outgoing
from parcelhook.delivery.sender import Sender, Sent
from parcelhook.store import claiming
from parcelhook.store.claiming import Claim, Want
from parcelhook.store.database import Database, Transaction
from parcelhook.store.ids import IdMaker
from parcelhook.webhooks.delivery import Delivery, Outcome
from parcelhook.webhooks.endpoint import Endpoint
from parcelhook.webhooks.partitions import partition_of

LONGEST_WAIT_MS: Final = 1_000
SWEEP_MS: Final = 60_000  # the net below the signals: everything pending is looked at this often
SHARED_SWEEP_MS: Final = 5_000  # the same where signals come from other nodes, and may be lost
MOST_IN_FLIGHT: Final = 2_048
MOST_UNRECORDED: Final = 20_000  # a store that falls behind slows the sending, not the memory's growth
CLAIM_ROOM: Final = 512  # deliveries a claim brings at most, so that it never keeps the writer for long

log = structlog.get_logger(__name__)


class _Flight(Struct, frozen=True):
    """What the sender carries through an exchange for us."""

    lane: Lane
    fence: int
    delivery: Delivery
    outgoing: Outgoing
    changing: list[str]


class _Trial(Struct, frozen=True):
    """An exchange outside all lanes: a test, or the first connection."""

    done: Callable[[Sent], None]


class Worker:
    """The engine's thread. Its public methods may be called from any thread; they only leave a message."""

    def __init__(
        self,
        database: Database,
        registry: Registry,
        sender: Sender,
        maker: IdMaker,
        *,
        schedule: Sequence[float],
        recorded: Callable[[Sequence[Outcome], Sequence[int]], None],
        gone: Callable[[Endpoint], None],
        crashed: Callable[[BaseException], None],
        node: str | None = None,
    ) -> None:
        """`node` is our name among those that share the store; None where we are alone."""
        self._database = database
        self._registry = registry
        self._sender = sender
        self._schedule = schedule
        self._announce = recorded
        self._gone = gone
        self._crashed = crashed
        self._recorder = Recorder(database, maker, self._on_recorded, self._on_record_failed, node)
        self._alone = node is None
        self._owned = Ownership(alone=self._alone)
        self._inbox: deque[Callable[[], None]] = deque()
        self._budget = Budget()
        self._lanes: dict[int, Lane] = {}
        self._outgoing: dict[int, Outgoing] = {}
        self._look_at: dict[int, None] = {}  # lanes that something happened to, in the order it did
        self._alarms = Alarms()
        self._sweep_at = 0
        self._sweeping = False
        self._stop_at: int | None = None
        self._thread = threading.Thread(target=self._run, name="worker", daemon=True)

    def start(self) -> None:
        """Begin; what is pending in the store goes on where it stood."""
        self._thread.start()

    def stop(self, grace_s: float) -> None:
        """Send nothing more, give what is in flight `grace_s` to end, record it, and return.

        What is cut off or was never begun is pending in the store, and due.
        """
        if self._thread.ident is None:  # it was never started
            self._sender.close()
            return
        self._tell(partial(self._begin_stop, times.now_ms() + int(grace_s * 1_000)))
        self._thread.join(grace_s + 30)

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    @property
    def in_flight(self) -> int:
        """How many requests are open."""
        return len(self._sender)

    @property
    def unrecorded(self) -> int:
        """How many outcomes are not in the store yet."""
        return len(self._recorder)

    def pace(self, endpoint_id: int) -> Pace | None:
        """How an endpoint's lane goes at the moment, None if it has none: nothing was sent lately and nothing waits."""
        lane = self._lanes.get(endpoint_id)
        return None if lane is None else lane.pace

    def offer(self, deliveries: Sequence[Delivery]) -> None:
        """Deliveries that were just committed, and need not be claimed."""
        self._tell(partial(self._on_offer, deliveries))

    def endpoint_changed(self, endpoint_id: int) -> None:
        """The registry has a new version of this endpoint, or none any more."""
        self._tell(partial(self._on_endpoint, endpoint_id))

    def due_now(self, endpoint_id: int) -> None:
        """Something of this endpoint was made due in the store."""
        self._tell(partial(self._on_due, endpoint_id))

    def look_again(self) -> None:
        """Anything may be due in the store."""
        self._tell(self._look_again)

    def own(self, fences: Mapping[int, int], until_s: float) -> None:
        """Deliver for these partitions and no others, until then (on the monotonic clock); each with its fence."""
        self._tell(partial(self._on_own, fences, until_s))

    def hand_over(self, given_up: Collection[int], settled: Callable[[int], None]) -> None:
        """Begin nothing more for these partitions; `settled` is called on the worker's thread for each of which nothing is
        in flight and all is recorded.
        """
        self._tell(partial(self._on_hand_over, given_up, settled))

    def send_now(self, outgoing: Outgoing, changing: list[str], body: bytes, done: Callable[[Sent], None]) -> None:
        """One exchange at once, past all lanes; `done` is called on the worker's thread."""
        self._tell(lambda: self._sender.start(_Trial(done), outgoing, outgoing.lines(changing), body))

    def _tell(self, message: Callable[[], None]) -> None:
        self._inbox.append(message)
        self._sender.wake()

    def _run(self) -> None:
        try:
            while not self._finished():
                self._read_inbox()
                now_ms = times.now_ms()
                self._sweep(now_ms)
                self._feed(now_ms)
                self._recorder.flush()  # before the wait: what the inbox settled may have made way for the next batch
                for sent in self._sender.wait(self._pause_ms(now_ms)):
                    self._on_sent(sent)
        except BaseException as error:
            log.exception("worker.crashed")
            self._crashed(error)
            raise
        finally:
            self._sender.close()

    def _finished(self) -> bool:
        if self._stop_at is None:
            return False
        in_time = times.now_ms() < self._stop_at
        return not self._recorder and not (in_time and len(self._sender))

    def _begin_stop(self, stop_at_ms: int) -> None:
        self._stop_at = stop_at_ms

    def _read_inbox(self) -> None:
        while self._inbox:
            self._inbox.popleft()()

    def _pause_ms(self, now_ms: int) -> int:
        if self._inbox or (self._look_at and self._may_send()):
            return 0
        return min(max(self._alarms.first_ms(self._sweep_at) - now_ms, 0), LONGEST_WAIT_MS)

    def _may_send(self) -> bool:
        return (
            self._stop_at is None
            and len(self._sender) < MOST_IN_FLIGHT
            and len(self._recorder) < MOST_UNRECORDED
            and self._owned.holds(time.monotonic())
        )

    def _feed(self, now_ms: int) -> None:
        """Let every lane that something happened to, or whose time has come, send what it may and claim what it can."""
        self._look_at |= dict.fromkeys(self._alarms.ringing(now_ms))
        if self._stop_at is not None:
            return
        wants: list[Want] = []
        for endpoint_id in list(self._look_at):
            lane = self._lanes.get(endpoint_id)
            if lane is not None:
                while True:
                    if not self._may_send():
                        self._claim(wants, now_ms)
                        return
                    delivery = lane.take(now_ms)
                    if delivery is None:
                        break
                    self._send(lane, delivery, now_ms)
                if lane.wants_claim(now_ms):
                    wants.append(self._want(lane))
                self._alarms.set(endpoint_id, lane.wakes_at(now_ms))
            del self._look_at[endpoint_id]
        self._claim(wants, now_ms)

    def _send(self, lane: Lane, delivery: Delivery, now_ms: int) -> None:
        outgoing = self._outgoing_of(lane.endpoint, now_ms)
        body = outgoing.body(delivery.event)
        changing = outgoing.changing(
            delivery.event, body, attempt=delivery.attempts + 1, now_s=now_ms // 1_000, test=False
        )  # fmt: skip
        flight = _Flight(lane, self._owned.sent(lane.partition), delivery, outgoing, changing)
        self._sender.start(flight, outgoing, outgoing.lines(changing), body)

    def _outgoing_of(self, endpoint: Endpoint, now_ms: int) -> Outgoing:
        known = self._outgoing.get(endpoint.id)
        if known is None or known.endpoint is not endpoint or (known.stale_ms is not None and known.stale_ms <= now_ms):
            known = self._outgoing[endpoint.id] = Outgoing(endpoint, now_ms)
        return known

    def _on_sent(self, sent: Sent) -> None:
        flight: Any = sent.tag
        if isinstance(flight, _Trial):
            flight.done(sent)
            return
        lane, delivery = flight.lane, flight.delivery
        concluded = conclude(
            delivery,
            sent,
            outgoing=flight.outgoing,
            changing=flight.changing,
            schedule=self._schedule,
            chance=random.random(),  # noqa: S311  (spreads retries; nobody gains by guessing it)
        )
        self._recorder.add(concluded.outcome, lane.partition, flight.fence)
        lane.ended(delivery, concluded.how, sent.ended_ms, concluded.slow_ms)
        self._look_at[delivery.endpoint_id] = None
        if concluded.gone and lane.active:
            self._gone(lane.endpoint)

    def _on_offer(self, deliveries: Sequence[Delivery]) -> None:
        if not self._alone:
            # Another node may have accepted what goes first and told of it later: the store knows the order.
            for endpoint_id in {delivery.endpoint_id for delivery in deliveries}:
                self._on_due(endpoint_id)
            return
        for delivery in deliveries:
            lane = self._lane(delivery.endpoint_id)
            if lane is not None:
                lane.offer(delivery)
                self._look_at[delivery.endpoint_id] = None

    def _look_again(self) -> None:
        self._sweep_at = 0

    def _on_own(self, fences: Mapping[int, int], until_s: float) -> None:
        lost, gained = self._owned.take(fences, until_s)
        self._close_lanes(lost)
        if gained:
            self._sweep_at = 0

    def _on_hand_over(self, given_up: Collection[int], settled: Callable[[int], None]) -> None:
        self._close_lanes(given_up)
        self._owned.give_up(given_up, settled)

    def _close_lanes(self, numbers: Collection[int]) -> None:
        for endpoint_id in [key for key, lane in self._lanes.items() if lane.partition in numbers]:
            self._lanes.pop(endpoint_id).close()

    def _on_endpoint(self, endpoint_id: int) -> None:
        endpoint = self._registry.get(endpoint_id)
        lane = self._lanes.get(endpoint_id)
        if endpoint is None:
            if lane is not None:
                del self._lanes[endpoint_id]
                lane.close()
            self._outgoing.pop(endpoint_id, None)
        elif lane is not None:
            lane.update(endpoint)
            self._on_due(endpoint_id)

    def _on_due(self, endpoint_id: int) -> None:
        lane = self._lane(endpoint_id)
        if lane is not None:
            lane.backlog = True
            self._look_at[endpoint_id] = None

    def _lane(self, endpoint_id: int) -> Lane | None:
        lane = self._lanes.get(endpoint_id)
        if lane is None:
            endpoint = self._registry.get(endpoint_id)
            number = partition_of(endpoint_id)
            if endpoint is None or number not in self._owned:
                return None
            first_wait_s = (endpoint.retry_schedule or self._schedule or (1.0,))[0]
            lane = self._lanes[endpoint_id] = Lane(endpoint, int(first_wait_s * 1_000), self._budget, number)
        return lane

    def _want(self, lane: Lane) -> Want:
        lane.claiming = True
        return Want(endpoint_id=lane.endpoint.id, room=min(lane.room, CLAIM_ROOM), held=lane.held, strict=lane.strict)

    def _claim(self, wants: list[Want], now_ms: int) -> None:
        if not wants:
            return

        def job(transaction: Transaction) -> list[Claim]:
            return claiming.claim(transaction, wants, now_ms)

        def report(claims: list[Claim] | None, error: Exception | None) -> None:
            if claims is None:
                log.error("deliveries.not_claimed", endpoints=len(wants), error=str(error))
            self._tell(partial(self._on_claims, wants, claims))

        self._database.submit(job, report)

    def _on_claims(self, wants: list[Want], claims: list[Claim] | None) -> None:
        if claims is None:
            for want in wants:
                lane = self._lanes.get(want.endpoint_id)
                if lane is not None:
                    lane.claiming = False
                    self._alarms.set(want.endpoint_id, times.now_ms() + LONGEST_WAIT_MS)
            return
        for claimed in claims:
            lane = self._lanes.get(claimed.endpoint_id)
            if lane is not None:
                lane.claimed(claimed.deliveries, more=claimed.more, next_due_ms=claimed.next_due_ms)
                self._look_at[claimed.endpoint_id] = None

    def _on_recorded(self, outcomes: Sequence[Outcome], log_ids: Sequence[int]) -> None:
        self._tell(partial(self._let_go, outcomes))
        self._announce(outcomes, log_ids)

    def _let_go(self, outcomes: Sequence[Outcome]) -> None:
        self._recorder.settled(committed=True)
        self._owned.recorded(Counter(partition_of(outcome.delivery.endpoint_id) for outcome in outcomes))
        for outcome in outcomes:
            delivery = outcome.delivery
            lane = self._lanes.get(delivery.endpoint_id)
            if lane is None:
                continue
            lane.recorded(delivery.id)
            if outcome.ended is None:
                lane.due_at(outcome.due_ms)
            elif lane.strict:
                lane.backlog = True  # the next event of the shipment may go now
            self._look_at[delivery.endpoint_id] = None

    def _on_record_failed(self) -> None:
        self._tell(lambda: self._recorder.settled(committed=False))

    def _sweep(self, now_ms: int) -> None:
        """Ask the store which endpoints have anything pending: at the start, and now and then for safety."""
        if now_ms < self._sweep_at or self._sweeping or self._stop_at is not None:
            return
        self._sweeping = True
        self._sweep_at = now_ms + (SWEEP_MS if self._alone else SHARED_SWEEP_MS)
        for endpoint_id in [key for key, lane in self._lanes.items() if lane.idle]:
            del self._lanes[endpoint_id]

        def report(found: list[tuple[int, int]] | None, error: Exception | None) -> None:
            if found is None:
                log.error("deliveries.not_swept", error=str(error))
            self._tell(partial(self._on_swept, found or []))

        self._database.submit(claiming.pending_endpoints, report)

    def _on_swept(self, found: list[tuple[int, int]]) -> None:
        self._sweeping = False
        now_ms = times.now_ms()
        for endpoint_id, due_ms in found:
            if due_ms <= now_ms:
                self._on_due(endpoint_id)
            else:
                lane = self._lane(endpoint_id)
                if lane is not None:
                    lane.due_at(due_ms)
                    self._look_at[endpoint_id] = None
