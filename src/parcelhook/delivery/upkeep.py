"""Upkeep: retention, the counters of hours that are over, and cancelling what was left of deleted endpoints.

All in small steps that deliveries never wait for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial

import structlog

from parcelhook import times
from parcelhook.errors import Busy
from parcelhook.store import days, forgetting, retention, summing
from parcelhook.store.database import Database, Transaction

STEP_PAUSE_S = 0.05  # between two steps, so that the writer is free most of the time
PRUNE_EVERY_S = 600.0
PAUSE_AFTER_FAULT_S = 5.0
TURN_PAUSE_S = 1.0
DAY_MS = 86_400_000

log = structlog.get_logger(__name__)


class Upkeep:
    """Runs beside everything else, on the event loop."""

    def __init__(self, database: Database, *, retention_days: int, ours: Callable[[], bool]) -> None:
        """`ours` says whether this node does it: where many share a store, one of them does."""
        self._ours = ours
        self._database = database
        self._retention_days = retention_days
        self._deleted: asyncio.Queue[int] = asyncio.Queue()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin."""
        self._tasks = [
            asyncio.create_task(task()) for task in (self._cancel_for_ever, self._prune_for_ever, self._sum_up_for_ever)
        ]

    async def stop(self) -> None:
        """End; a step that was begun ends first."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task

    def cancel(self, endpoint_id: int) -> None:
        """Mark what is pending for a deleted endpoint as cancelled."""
        self._deleted.put_nowait(endpoint_id)

    async def _our_turn(self) -> None:
        while not self._ours():  # noqa: ASYNC110  (it changes on another thread, seldom)
            await asyncio.sleep(TURN_PAUSE_S)

    async def _cancel_for_ever(self) -> None:
        while True:
            endpoint_id = await self._deleted.get()
            count, done = 0, False
            with _going_on("deliveries.not_cancelled"):
                while step := await self._database.write(partial(_cancel, endpoint_id)):
                    count += step
                    await asyncio.sleep(STEP_PAUSE_S)
                log.info("deliveries.cancelled", count=count)
                done = True
            if not done:
                await asyncio.sleep(PAUSE_AFTER_FAULT_S)
                self.cancel(endpoint_id)

    async def _prune_for_ever(self) -> None:
        while True:
            await self._our_turn()
            with _going_on("retention.failed"):
                for endpoint_id in await self._database.read(retention.deleted_with_pending):
                    self.cancel(endpoint_id)
                await self._database.write(lambda transaction: days.prepare(transaction, times.now_ms()))
                await prune(self._database, retention_days=self._retention_days)
            await asyncio.sleep(PRUNE_EVERY_S)

    async def _sum_up_for_ever(self) -> None:
        while True:
            more = False
            await self._our_turn()
            with _going_on("counters.not_summed_up"):
                more = await self._database.write(lambda transaction: summing.sum_up_step(transaction, times.now_ms()))
            await asyncio.sleep(STEP_PAUSE_S if more else PRUNE_EVERY_S)


@contextmanager
def _going_on(what: str) -> Iterator[None]:
    """A store that is away for a while does not end the upkeep: what was left undone is done the next time."""
    try:
        yield
    except Busy as error:
        log.warning(what, error=str(error))


def _cancel(endpoint_id: int, transaction: Transaction) -> int:
    return retention.cancel_step(transaction, endpoint_id, times.now_ms())


async def prune(database: Database, *, retention_days: int) -> int:
    """Delete what is older than the retention; how many rows. 0 days keeps all but old Idempotency-Keys and counters."""
    now_ms = times.now_ms()
    gone = 0
    while step := await database.write(lambda transaction: retention.forget_keys_step(transaction, now_ms)):
        gone += step
        await asyncio.sleep(STEP_PAUSE_S)
    while step := await database.write(lambda transaction: retention.prune_counters_step(transaction, now_ms)):
        gone += step
        await asyncio.sleep(STEP_PAUSE_S)
    if not retention_days:
        return gone
    before_ms = now_ms - retention_days * DAY_MS
    while step := await database.write(lambda transaction: days.drop_step(transaction, before_ms)):
        gone += step
        await asyncio.sleep(STEP_PAUSE_S)
    gone += await _walk(database, lambda t, at: retention.cancel_pending_step(t, before_ms, at, now_ms))
    gone += await _walk(database, lambda t, at: retention.prune_log_step(t, before_ms, at))
    gone += await _walk(database, lambda t, at: retention.prune_deliveries_step(t, before_ms, at))
    gone += await _walk(database, lambda t, at: retention.prune_events_step(t, before_ms, at))
    gone += await _walk(database, lambda t, at: forgetting.forget_shipments_step(t, before_ms, at))
    gone += await _walk(database, lambda t, at: forgetting.forget_numbers_step(t, before_ms, at))
    if gone:
        log.info("retention.pruned", rows=gone)
    return gone


async def _walk(database: Database, step: Callable[[Transaction, int], retention.Step]) -> int:
    """Run one kind of step from the oldest row on; how many rows are gone."""
    gone, position = 0, 0
    while True:
        done = await database.write(partial(_at, step, position))
        gone += done.rows
        if done.position is None:
            return gone
        position = done.position
        await asyncio.sleep(STEP_PAUSE_S)


def _at(step: Callable[[Transaction, int], retention.Step], position: int, transaction: Transaction) -> retention.Step:
    return step(transaction, position)
