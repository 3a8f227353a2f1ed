"""Acceptance: events from many requests into the store by one commit, and straight on to the worker.

Requests that arrive while a commit is under way share the next one, so the more there are, the less each costs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Protocol

import structlog
from msgspec import UNSET, Struct
from msgspec.structs import replace

from parcelhook import times
from parcelhook.delivery.registry import Registry
from parcelhook.delivery.worker import Worker
from parcelhook.errors import Busy
from parcelhook.shipping.events import Event, EventKind, TrackingUpdate, encode, kind_of
from parcelhook.shipping.scan import Scan, of_update
from parcelhook.store import accepting, ids
from parcelhook.store.accepting import Acceptance, Accepted, Feed, Offer, Outdated
from parcelhook.store.database import Database, Transaction
from parcelhook.webhooks.delivery import Delivery

MOST_WAITING = 50_000  # events in memory and not yet committed; beyond that the feeder is asked to come back
EVENTS_PER_COMMIT = 2_000
COMMIT_SPACING_S = 0.003  # under load, from one commit's begin to the next one's: fewer and larger ones cost less

log = structlog.get_logger(__name__)


class Given(Struct, frozen=True, kw_only=True, array_like=True):
    """The events of one request, each with the number that it was given, on their way through a stream."""

    account_id: int
    accepted_ms: int
    numbers: tuple[int, ...]
    events: tuple[Event, ...]
    key: str | None = None
    fingerprint: bytes = b""
    deliver: bool = True


class Through(Protocol):
    """A stream that events go through before they come into the store."""

    async def take(self, given: Given) -> None:
        """Durable when this returns. Busy if the stream does not take it."""


Waiting = tuple[Feed, "asyncio.Future[Acceptance]"]
Finish = Callable[[Transaction, Acceptance], None]


class Intake:
    """Accepts events. Belongs to the event loop's thread."""

    def __init__(
        self,
        database: Database,
        registry: Registry,
        maker: ids.IdMaker,
        worker: Worker,
        told: Callable[[Sequence[Delivery]], None],
        refresh: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """`told` is called on the writer's thread with what was committed. Where nodes share the store `refresh` takes in what
        others changed of endpoints.
        """
        self._told = told
        self._refresh = refresh
        self._refreshing: set[asyncio.Task[None]] = set()
        self._database = database
        self._registry = registry
        self._maker = maker
        self._worker = worker
        self._waiting: list[Waiting] = []
        self._waiting_events = 0
        self._committing = False
        self._began = 0.0  # of the latest commit, on the loop's clock
        self._loop = asyncio.get_running_loop()
        self.accepted_total = 0
        self.through: Through | None = None  # where events are accepted into a stream first

    async def accept(
        self,
        account_id: int,
        events: Sequence[Event],
        *,
        key: str | None = None,
        fingerprint: bytes = b"",
        deliver: bool = True,
    ) -> tuple[Accepted, ...]:
        """Record events and their deliveries; what comes back is on disk. A line for each event, in order.

        `key` is the request's Idempotency-Key and `fingerprint` a hash of its body: the same pair again adds nothing.
        With `deliver` false they are history: kept, their shipments follow them, and no endpoint is told.
        Raises Busy if too much is waiting, IdempotencyMismatch if the key came with another body before.
        """
        now_ms = times.now_ms()
        if self.through is not None:
            return await self._pass_on(self.through, account_id, events, now_ms, key, fingerprint, deliver=deliver)
        feed = Feed(
            account_id=account_id,
            version=self._version,
            offers=tuple(self._offer(account_id, event, now_ms, deliver=deliver) for event in events),
            key=key,
            fingerprint=fingerprint,
        )
        return (await self._take(feed)).accepted

    async def accept_scans(self, account_id: int, scans: Sequence[Scan], finish: Finish | None = None) -> Acceptance:
        """Record what a hub told, oldest first, each scan once; what each was worth. Raises Busy as `accept` does.

        `finish` is run in the same transaction with what became of it.
        """
        now_ms = times.now_ms()
        endpoints = self._registry.matching(account_id, EventKind.TRACKING_UPDATE)
        offers = tuple(
            Offer(
                first_id=first,
                deliveries_from=first + 1,
                account_id=account_id,
                accepted_ms=now_ms,
                endpoints=endpoints,
                scan=scan,
            )
            for scan in scans
            for first in (self._maker.block(1 + len(endpoints)),)
        )
        return await self._take(Feed(account_id=account_id, version=self._version, offers=offers, finish=finish))

    async def ingest(
        self, found: Sequence[Given], finish: Callable[[Transaction, Sequence[Acceptance]], None]
    ) -> list[Acceptance]:
        """Record what came through a stream, in its order; `finish` is run in the same transaction."""
        while True:
            feeds = [self._feed_of(given) for given in found]

            def job(transaction: Transaction, feeds: list[Feed] = feeds) -> list[Acceptance]:
                acceptances = accepting.accept(transaction, feeds, self._maker)
                finish(transaction, acceptances)
                return acceptances

            try:
                return await self._run(job)
            except Outdated:
                if self._refresh is not None:
                    await self._refresh()

    async def _run(self, job: Callable[[Transaction], list[Acceptance]]) -> list[Acceptance]:
        """What the writer made of it, and the worker knows of."""
        future: asyncio.Future[list[Acceptance]] = self._loop.create_future()

        def settle(acceptances: list[Acceptance] | None, error: Exception | None) -> None:
            if future.done():
                return
            if acceptances is None:
                future.set_exception(error or Busy("The store did not take it."))
            else:
                future.set_result(acceptances)

        def report(acceptances: list[Acceptance] | None, error: Exception | None) -> None:
            self._hand_on(acceptances)
            self._loop.call_soon_threadsafe(settle, acceptances, error)

        self._database.submit(job, report)
        return await future

    async def _pass_on(
        self,
        through: Through,
        account_id: int,
        events: Sequence[Event],
        now_ms: int,
        key: str | None,
        fingerprint: bytes,
        *,
        deliver: bool,
    ) -> tuple[Accepted, ...]:
        """Into the stream. Whether one is known already turns out when it comes into the store."""
        first = self._maker.block(len(events))
        numbers = tuple(range(first, first + len(events)))
        given = Given(
            account_id=account_id, accepted_ms=now_ms, numbers=numbers, events=tuple(events), key=key,
            fingerprint=fingerprint, deliver=deliver,
        )  # fmt: skip
        await through.take(given)
        self.accepted_total += len(events)
        return tuple(
            Accepted(ids.event_name(None if event.id is UNSET else event.id, number), duplicate=False)
            for event, number in zip(events, numbers, strict=True)
        )

    def _feed_of(self, given: Given) -> Feed:
        offers = tuple(
            self._offer(given.account_id, event, given.accepted_ms, deliver=given.deliver, number=number)
            for event, number in zip(given.events, given.numbers, strict=True)
        )
        return Feed(
            account_id=given.account_id,
            version=self._version,
            offers=offers,
            key=given.key,
            fingerprint=given.fingerprint,
        )

    async def _take(self, feed: Feed) -> Acceptance:
        if self._waiting_events >= MOST_WAITING:
            raise Busy("More events are arriving than can be stored. Nothing of this request was accepted.")
        future: asyncio.Future[Acceptance] = self._loop.create_future()
        self._waiting.append((feed, future))
        self._waiting_events += len(feed.offers)
        if not self._committing:
            self._committing = True
            # After this turn of the loop: what other connections brought in the same turn goes along.
            self._loop.call_soon(self._commit)
        return await future

    def _offer(self, account_id: int, event: Event, now_ms: int, *, deliver: bool, number: int | None = None) -> Offer:
        """`number` is the event's where it has one already."""
        endpoints = self._registry.matching(account_id, kind_of(event)) if deliver else ()
        # An update is filled in from its shipment, so its body is made where the shipment is read.
        scan = of_update(event) if isinstance(event, TrackingUpdate) else None
        first = self._maker.block(1 + len(endpoints))
        return Offer(
            first_id=first if number is None else number,
            deliveries_from=first + 1,
            account_id=account_id,
            accepted_ms=now_ms,
            endpoints=endpoints,
            event=event,
            body=encode(event) if scan is None else b"",
            scan=scan,
            deliver=deliver,
        )

    def _commit(self) -> None:
        self._began = self._loop.time()
        batch: list[Waiting] = []
        events = 0
        for waiting in self._waiting:
            if batch and events >= EVENTS_PER_COMMIT:
                break
            batch.append(waiting)
            events += len(waiting[0].offers)
        del self._waiting[: len(batch)]
        self._waiting_events -= events
        self._submit(batch)

    def _submit(self, batch: list[Waiting]) -> None:
        feeds = [feed for feed, _ in batch]

        def job(transaction: Transaction) -> list[Acceptance]:
            return accepting.accept(transaction, feeds, self._maker)

        def report(acceptances: list[Acceptance] | None, error: Exception | None) -> None:
            self._hand_on(acceptances)
            self._loop.call_soon_threadsafe(partial(self._committed, batch, acceptances, error))

        self._database.submit(job, report)

    def _hand_on(self, acceptances: list[Acceptance] | None) -> None:
        """On the writer's thread: the worker learns of them before anybody else does anything."""
        fresh = [delivery for acceptance in acceptances or () for delivery in acceptance.fresh]
        if fresh:
            self._worker.offer(fresh)
            self._told(fresh)

    async def _match_again(self, batch: list[Waiting]) -> None:
        """Against the endpoints as they are now. Until then nothing else is committed, so nothing overtakes it."""
        assert self._refresh is not None  # noqa: S101  (only where nodes share the store is anything outdated)
        try:
            await self._refresh()
        except Busy as error:
            self._committed(batch, None, error)
            return
        version = self._version
        self._submit(
            [
                (replace(feed, version=version, offers=tuple(map(self._matched, feed.offers))), future)
                for feed, future in batch
            ]
        )

    def _matched(self, offer: Offer) -> Offer:
        kind = EventKind.TRACKING_UPDATE if offer.event is None else kind_of(offer.event)
        endpoints = self._registry.matching(offer.account_id, kind) if offer.deliver else ()
        return replace(offer, endpoints=endpoints, deliveries_from=self._maker.block(1 + len(endpoints)))

    @property
    def _version(self) -> int | None:
        """Of the endpoints that are matched against; None where nobody else changes them."""
        return None if self._refresh is None else self._registry.version

    def _committed(self, batch: list[Waiting], acceptances: list[Acceptance] | None, error: Exception | None) -> None:
        if isinstance(error, Outdated):
            task = asyncio.create_task(self._match_again(batch))
            self._refreshing.add(task)
            task.add_done_callback(self._refreshing.discard)
            return
        if self._waiting:
            self._loop.call_at(max(self._loop.time(), self._began + COMMIT_SPACING_S), self._commit)
        else:
            self._committing = False
        if acceptances is None:
            fault = error or Busy("The store did not take it.")
            for _, future in batch:
                if not future.done():
                    future.set_exception(fault)
            return
        for (_, future), acceptance in zip(batch, acceptances, strict=True):
            self.accepted_total += len(acceptance.accepted)
            if future.done():
                continue
            if acceptance.error is not None:
                future.set_exception(acceptance.error)
            else:
                future.set_result(acceptance)
