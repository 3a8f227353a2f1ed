"""Outcomes into the store, in batches: one transaction at a time, with everything that ended meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial

import structlog
from msgspec import Struct

from parcelhook.store import leases, recording
from parcelhook.store.database import Database, Transaction
from parcelhook.store.ids import IdMaker
from parcelhook.webhooks.delivery import Outcome

LARGEST_BATCH = 500
FAILED_PAUSE_S = 1.0

log = structlog.get_logger(__name__)

Recorded = Callable[[Sequence[Outcome], Sequence[int]], None]


class _Fenced(Struct, frozen=True):
    """An outcome, with the partition of its endpoint and the fence of the lease under which it was sent."""

    outcome: Outcome
    partition: int
    fence: int


class Recorder:
    """Keeps outcomes until they are committed. An outcome is never dropped: a store that fails is asked again.

    `recorded` is called with the outcomes and their log ids, on the writer's thread. Everything else belongs to the
    worker's thread.
    """

    def __init__(
        self,
        database: Database,
        maker: IdMaker,
        recorded: Recorded,
        failed: Callable[[], None],
        node: str | None = None,
    ) -> None:
        """`node` is our name among those that share the store; None where we are alone."""
        self._database = database
        self._node = node
        self._maker = maker
        self._recorded = recorded
        self._failed = failed
        self._waiting: list[_Fenced] = []
        self._writing: Sequence[_Fenced] = ()
        self._not_before = 0.0  # on the monotonic clock

    def __len__(self) -> int:
        """How many outcomes are not in the store yet."""
        return len(self._waiting) + len(self._writing)

    def add(self, outcome: Outcome, partition: int, fence: int) -> None:
        """Record it with the next batch. What was sent under a lease that another has by now changes no delivery."""
        self._waiting.append(_Fenced(outcome, partition, fence))

    def flush(self) -> None:
        """Begin the next batch, unless one is being written."""
        if self._writing or not self._waiting or time.monotonic() < self._not_before:
            return
        self._writing = self._waiting[:LARGEST_BATCH]
        del self._waiting[:LARGEST_BATCH]
        self._database.submit(partial(self._write, self._writing), self._report)

    def settled(self, *, committed: bool) -> None:
        """The batch has ended; to be called on the worker's thread after `recorded` or `failed`."""
        if not committed:
            self._waiting[:0] = self._writing
            self._not_before = time.monotonic() + FAILED_PAUSE_S
        self._writing = ()

    def _write(self, found: Sequence[_Fenced], transaction: Transaction) -> list[int]:
        lost = self._lost(found, transaction)
        return recording.record(transaction, [one.outcome for one in found], self._maker, lost)

    def _lost(self, found: Sequence[_Fenced], transaction: Transaction) -> frozenset[int]:
        """Which deliveries another worker has taken over since they were sent."""
        if self._node is None:
            return frozenset()
        held = leases.fences(transaction.sql, self._node, {one.partition for one in found})
        return frozenset(one.outcome.delivery.id for one in found if held.get(one.partition) != one.fence)

    def _report(self, log_ids: list[int] | None, error: Exception | None) -> None:
        if log_ids is None:
            log.error("attempts.not_recorded", count=len(self._writing), error=str(error))
            self._failed()
        else:
            self._recorded([one.outcome for one in self._writing], log_ids)
