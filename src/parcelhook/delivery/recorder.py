"""Outcomes into the store, in batches: one transaction at a time, with everything that ended meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial

import structlog

from parcelhook.store import recording
from parcelhook.store.database import Database, Transaction
from parcelhook.store.ids import IdMaker
from parcelhook.webhooks.delivery import Outcome

LARGEST_BATCH = 500
FAILED_PAUSE_S = 1.0

log = structlog.get_logger(__name__)

Recorded = Callable[[Sequence[Outcome], Sequence[int]], None]


class Recorder:
    """Keeps outcomes until they are committed. An outcome is never dropped: a store that fails is asked again.

    `recorded` is called with the outcomes and their log ids, on the writer's thread. Everything else belongs to the
    worker's thread.
    """

    def __init__(self, database: Database, maker: IdMaker, recorded: Recorded, failed: Callable[[], None]) -> None:
        self._database = database
        self._maker = maker
        self._recorded = recorded
        self._failed = failed
        self._waiting: list[Outcome] = []
        self._writing: Sequence[Outcome] = ()
        self._not_before = 0.0  # on the monotonic clock

    def __len__(self) -> int:
        """How many outcomes are not in the store yet."""
        return len(self._waiting) + len(self._writing)

    def add(self, outcome: Outcome) -> None:
        """Record it with the next batch."""
        self._waiting.append(outcome)

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

    def _write(self, outcomes: Sequence[Outcome], transaction: Transaction) -> list[int]:
        return recording.record(transaction, outcomes, self._maker)

    def _report(self, log_ids: list[int] | None, error: Exception | None) -> None:
        if log_ids is None:
            log.error("attempts.not_recorded", count=len(self._writing), error=str(error))
            self._failed()
        else:
            self._recorded(self._writing, log_ids)
