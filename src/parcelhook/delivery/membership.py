"""Membership: this node among those that share a store. A thread of its own renews the node's leases, so that neither a long
transaction nor a busy loop lets them run out, and tells the worker what it owns and until when.

The worker stops sending before its lease has run out by the database's clock, so no two ever send for the same endpoint. A
partition that another is to have is given up once nothing of it is in flight and all is recorded.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial
from queue import SimpleQueue
from typing import Final

import structlog

from parcelhook.delivery.worker import Worker
from parcelhook.errors import Busy, Conflict
from parcelhook.store import leases
from parcelhook.store.database import Database
from parcelhook.store.ids import IdMaker
from parcelhook.store.leases import Node, Standing

BEAT_S: Final = 2.0
AFTER_FAULT_S: Final = 0.5
MARGIN_S: Final = (
    2.0  # by which the worker stops before the lease ends: the clocks' rates, and a request that begins late
)
PATIENCE_S: Final = 8.0  # for what is in flight of a partition that is given up; what ends later is fenced off

log = structlog.get_logger(__name__)


class Membership:
    """Joins at once; `start` begins to own. `changed` is called on its thread when others should look anew."""

    def __init__(
        self, database: Database, node: Node, worker: Worker, maker: IdMaker, changed: Callable[[], None]
    ) -> None:
        self._database = database
        self._node = node
        self._worker = worker
        self._maker = maker
        self._changed = changed
        self._look = threading.Event()
        self._closing = False
        self._handing_over: dict[int, float] = {}  # partition, and until when what is in flight is waited for
        self._settled_now: SimpleQueue[int] = SimpleQueue()
        self._standing: Standing | None = None
        self._faulty = False
        maker.become(database.apart(lambda connection: leases.join(connection, node)))
        self._thread = threading.Thread(target=self._run, name="membership", daemon=True)

    @property
    def standing(self) -> Standing | None:
        """Where the node stood at its last beat; None before the first, and while the store does not answer."""
        return None if self._faulty else self._standing

    def has(self, duty: int) -> bool:
        """Whether a duty is this node's: `leases.UPKEEP`, `leases.INGEST`."""
        standing = self.standing
        return standing is not None and duty in standing.duties

    def start(self) -> None:
        """Begin to own, and to say that we live."""
        self._thread.start()

    def look(self) -> None:
        """A node came or went: look now and not with the next beat. From any thread."""
        self._look.set()

    def stop(self) -> None:
        """Give everything up, once the worker has stopped."""
        self._closing = True
        self._look.set()
        if self._thread.ident is not None:
            self._thread.join(10)
        try:
            self._database.apart(lambda connection: leases.leave(connection, self._node))
        except Busy as error:
            log.warning("node.not_left", error=str(error))  # the lease runs out by itself
        else:
            self._changed()

    def _run(self) -> None:
        while not self._closing:
            pause = BEAT_S
            try:
                self._beat()
                self._faulty = False
            except Exception as error:
                # Whatever it is: without this thread the leases run out, and nobody would know why.
                if not self._faulty:
                    log.error("node.cut_off", error=str(error), exc_info=not isinstance(error, (Busy, Conflict)))
                self._faulty = True
                pause = AFTER_FAULT_S
            self._look.wait(pause)
            self._look.clear()

    def _beat(self) -> None:
        began = time.monotonic()
        before = self._standing
        standing = self._database.apart(partial(leases.step, node=self._node))
        self._standing = standing
        self._maker.become(standing.number)
        self._handing_over = {number: until for number, until in self._handing_over.items() if number in standing.owned}
        mine = {number: fence for number, fence in standing.owned.items() if number not in self._handing_over}
        self._worker.own(mine, began + leases.LEASE_MS / 1_000 - MARGIN_S)
        if before is None or before.owned != standing.owned or before.workers != standing.workers:
            log.info("node.owns", partitions=len(standing.owned), workers=standing.workers, duties=len(standing.duties))
            if before is None:
                self._changed()
        given_up = standing.surplus - self._handing_over.keys()
        if given_up:
            self._handing_over |= dict.fromkeys(given_up, began + PATIENCE_S)
            self._worker.hand_over(given_up, self._settled)
        while not self._settled_now.empty():
            number = self._settled_now.get()
            if number in self._handing_over:
                self._handing_over[number] = 0.0
        overdue = [number for number, until in self._handing_over.items() if until < began]
        if overdue:
            self._release(overdue)

    def _settled(self, partition: int) -> None:
        """On the worker's thread: it need not be waited for any longer."""
        self._settled_now.put(partition)
        self._look.set()

    def _release(self, partitions: list[int]) -> None:
        self._database.apart(lambda connection: leases.release(connection, self._node, partitions))
        for number in partitions:
            self._handing_over.pop(number, None)
        self._changed()
