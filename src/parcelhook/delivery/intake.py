"""Acceptance: events from many requests into the store by one commit, and straight on to the worker.

Requests that arrive while a commit is under way share the next one, so the more there are, the less each costs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial

import structlog
from msgspec import UNSET

from parcelhook import times
from parcelhook.delivery.registry import Registry
from parcelhook.delivery.worker import Worker
from parcelhook.errors import Busy
from parcelhook.shipping.events import Event, encode, is_return, kind_of, tracking_numbers
from parcelhook.store import accepting, ids
from parcelhook.store.accepting import Acceptance, Accepted, Feed, Offer
from parcelhook.store.database import Database, Transaction
from parcelhook.webhooks.delivery import Delivery, StoredEvent
from parcelhook.webhooks.endpoint import Ordering
from parcelhook.webhooks.filters import wants

MOST_WAITING = 50_000  # events in memory and not yet committed; beyond that the feeder is asked to come back
EVENTS_PER_COMMIT = 2_000
COMMIT_SPACING_S = 0.003  # under load, from one commit's begin to the next one's: fewer and larger ones cost less

log = structlog.get_logger(__name__)

Waiting = tuple[Feed, "asyncio.Future[tuple[Accepted, ...]]"]


class Intake:
    """Accepts events. Belongs to the event loop's thread."""

    def __init__(self, database: Database, registry: Registry, maker: ids.IdMaker, worker: Worker) -> None:
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
        self, account_id: int, events: Sequence[Event], *, key: str | None = None, fingerprint: bytes = b""
    ) -> tuple[Accepted, ...]:
        """Record events and their deliveries; what comes back is on disk. A line for each event, in order.

        `key` is the request's Idempotency-Key and `fingerprint` a hash of its body: the same pair again adds nothing.
        Raises Busy if too much is waiting, IdempotencyMismatch if the key came with another body before.
        """
        if self._waiting_events >= MOST_WAITING:
            raise Busy("More events are arriving than can be stored. Nothing of this request was accepted.")
        feed = self._feed(account_id, events, key, fingerprint)
        future: asyncio.Future[tuple[Accepted, ...]] = self._loop.create_future()
        self._waiting.append((feed, future))
        self._waiting_events += len(events)
        if not self._committing:
            self._committing = True
            # After this turn of the loop: what other connections brought in the same turn goes along.
            self._loop.call_soon(self._commit)
        return await future

    def _feed(self, account_id: int, events: Sequence[Event], key: str | None, fingerprint: bytes) -> Feed:
        now_ms = times.now_ms()
        return Feed(
            account_id=account_id,
            offers=tuple(self._offer(account_id, event, now_ms) for event in events),
            key=key,
            fingerprint=fingerprint,
        )

    def _offer(self, account_id: int, event: Event, now_ms: int) -> Offer:
        kind = kind_of(event)
        endpoints = [
            endpoint
            for endpoint in self._registry.matching(account_id, kind)
            if not endpoint.filters or wants(endpoint.filters, event)
        ]
        first = self._maker.block(1 + len(endpoints))
        given = None if event.id is UNSET else event.id
        stored = StoredEvent(
            id=first,
            account_id=account_id,
            name=given or ids.public(ids.Prefix.EVENT, first),
            given_id=given,
            kind=kind,
            order_id=event.OrderID,
            transaction_id=event.TransactionID,
            carrier=event.TrackingCarrier,
            is_return=is_return(event),
            accepted_ms=now_ms,
            body=encode(event),
        )
        return Offer(
            event=stored,
            deliveries=tuple(
                Delivery(
                    id=first + number,
                    endpoint_id=endpoint.id,
                    event=stored,
                    strict_key=(stored.transaction_id or None) if endpoint.ordering is Ordering.STRICT else None,
                )
                for number, endpoint in enumerate(endpoints, start=1)
            ),
            tracking_numbers=tracking_numbers(event),
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
            return accepting.accept(transaction, feeds)

        def report(acceptances: list[Acceptance] | None, error: Exception | None) -> None:
            # On the writer's thread: the worker learns of them before anybody else does anything.
            if acceptances is not None:
                fresh = [delivery for acceptance in acceptances for delivery in acceptance.fresh]
                if fresh:
                    self._worker.offer(fresh)
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
                future.set_result(acceptance.accepted)
