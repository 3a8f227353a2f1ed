"""Acceptance: events from many requests into the store by one commit, and straight on to the worker.

Requests that arrive while a commit is under way share the next one, so the more there are, the less each costs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial

import structlog

from parcelhook import times
from parcelhook.delivery.registry import Registry
from parcelhook.delivery.worker import Worker
from parcelhook.errors import Busy
from parcelhook.shipping.events import Event, EventKind, TrackingUpdate, encode, kind_of
from parcelhook.shipping.scan import Scan, of_update
from parcelhook.store import accepting, ids
from parcelhook.store.accepting import Acceptance, Accepted, Feed, Offer
from parcelhook.store.database import Database, Transaction
from parcelhook.webhooks.delivery import Delivery

MOST_WAITING = 50_000  # events in memory and not yet committed; beyond that the feeder is asked to come back
EVENTS_PER_COMMIT = 2_000
COMMIT_SPACING_S = 0.003  # under load, from one commit's begin to the next one's: fewer and larger ones cost less

log = structlog.get_logger(__name__)

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
        told: Callable[[Sequence[Delivery]], None] | None = None,
    ) -> None:
        """`told` is called on the writer's thread with what other workers may have to deliver."""
        self._told = told
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
        feed = Feed(
            account_id=account_id,
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
                first_id=self._maker.block(1 + len(endpoints)),
                account_id=account_id,
                accepted_ms=now_ms,
                endpoints=endpoints,
                scan=scan,
            )
            for scan in scans
        )
        return await self._take(Feed(account_id=account_id, offers=offers, finish=finish))

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

    def _offer(self, account_id: int, event: Event, now_ms: int, *, deliver: bool) -> Offer:
        endpoints = self._registry.matching(account_id, kind_of(event)) if deliver else ()
        # An update is filled in from its shipment, so its body is made where the shipment is read.
        scan = of_update(event) if isinstance(event, TrackingUpdate) else None
        return Offer(
            first_id=self._maker.block(1 + len(endpoints)),
            account_id=account_id,
            accepted_ms=now_ms,
            endpoints=endpoints,
            event=event,
            body=encode(event) if scan is None else b"",
            scan=scan,
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
        feeds = [feed for feed, _ in batch]

        def job(transaction: Transaction) -> list[Acceptance]:
            return accepting.accept(transaction, feeds, self._maker)

        def report(acceptances: list[Acceptance] | None, error: Exception | None) -> None:
            # On the writer's thread: the worker learns of them before anybody else does anything.
            if acceptances is not None:
                fresh = [delivery for acceptance in acceptances for delivery in acceptance.fresh]
                if fresh:
                    self._worker.offer(fresh)
                    if self._told is not None:
                        self._told(fresh)
            self._loop.call_soon_threadsafe(partial(self._committed, batch, acceptances, error))

        self._database.submit(job, report)

    def _committed(self, batch: list[Waiting], acceptances: list[Acceptance] | None, error: Exception | None) -> None:
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
