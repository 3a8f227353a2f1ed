"""Signals between the nodes of a shared store, by LISTEN and NOTIFY: what to look at now, never what to believe.

A signal that is lost costs time and nothing else, for every node looks by itself now and then. Signals are sent beside the
commit and not within it, many as one: a transaction that notifies keeps all others that do from committing meanwhile.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Final

import msgspec
import psycopg
import structlog
from msgspec import Struct

from parcelhook.errors import Busy
from parcelhook.store.postgresql import connecting

CHANNEL: Final = "parcelhook"
GATHER_S: Final = 0.002  # how long a signal waits for company
PAUSE_S: Final = 1.0  # before a connection that broke is made anew
_MOST_IDS: Final = 300  # in one signal: PostgreSQL takes 8,000 bytes

log = structlog.get_logger(__name__)


class Signal(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is new. `sender` is the node that says so, which need not be told.

    `due`: endpoints that something is due for; `endpoints`: some were changed, added or deleted; `logged`: the
    newest line of the log; `keys`: an API key opens nothing any more; `leases`: a worker came or went; `missed`: the
    connection was broken meanwhile, so anything may be new.
    """

    sender: str = ""
    due: tuple[int, ...] = ()
    endpoints: bool = False
    logged: int = 0
    keys: bool = False
    leases: bool = False
    missed: bool = False


class Signals:
    """Two threads: one listens, one tells. `heard` is called on the first for every signal of another node."""

    def __init__(self, url: str, name: str, heard: Callable[[Signal], None]) -> None:
        self._url = url
        self._name = name
        self._heard = heard
        self._due: set[int] = set()
        self._endpoints = False
        self._logged = 0
        self._keys = False
        self._leases = False
        self._lock = threading.Lock()
        self._something = threading.Event()
        self._closing = threading.Event()
        self._threads = [
            threading.Thread(target=self._again_and_again, args=(self._listen,), name="listener", daemon=True),
            threading.Thread(target=self._again_and_again, args=(self._tell_all,), name="notifier", daemon=True),
        ]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def tell(
        self,
        *,
        due: Iterable[int] = (),
        endpoints: bool = False,
        logged: int = 0,
        keys: bool = False,
        leases: bool = False,
    ) -> None:
        """Let the other nodes know, soon; from any thread."""
        with self._lock:
            self._due.update(due)
            self._endpoints |= endpoints
            self._logged = max(self._logged, logged)
            self._keys |= keys
            self._leases |= leases
        self._something.set()

    def close(self) -> None:
        """Tell what is left to tell, and end."""
        self._closing.set()
        self._something.set()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(5)

    def _again_and_again(self, work: Callable[[psycopg.Connection[tuple[object, ...]]], None]) -> None:
        first = True
        while first or not self._closing.is_set():
            first = False
            try:
                with psycopg.connect(self._url, autocommit=True, **connecting(self._url)) as connection:
                    work(connection)
            except Exception as error:
                # Whatever it is: without these threads the node would be deaf or dumb, and nobody would know why.
                expected = isinstance(error, (psycopg.Error, Busy))
                log.warning("signals.broken", error=str(error).strip(), exc_info=not expected)
                self._closing.wait(PAUSE_S)

    def _listen(self, connection: psycopg.Connection[tuple[object, ...]]) -> None:
        connection.execute(f"LISTEN {CHANNEL}".encode())
        self._heard(Signal(missed=True))
        while not self._closing.is_set():
            for notice in connection.notifies(timeout=0.5):
                signal = msgspec.json.decode(notice.payload, type=Signal)
                if signal.sender != self._name:
                    self._heard(signal)

    def _tell_all(self, connection: psycopg.Connection[tuple[object, ...]]) -> None:
        while True:
            self._something.wait()
            self._closing.wait(GATHER_S)
            self._something.clear()
            for signal in self._gathered():
                payload = msgspec.json.encode(signal).decode()
                connection.execute(b"SELECT pg_notify(%s, %s)", (CHANNEL, payload))
            if self._closing.is_set():
                return

    def _gathered(self) -> list[Signal]:
        """All that is to be told, in signals of a size that fits."""
        with self._lock:
            due = sorted(self._due)
            rest = Signal(
                sender=self._name, endpoints=self._endpoints, logged=self._logged, keys=self._keys, leases=self._leases
            )
            self._due = set()
            self._endpoints, self._logged, self._keys, self._leases = False, 0, False, False
        parts = [tuple(due[at : at + _MOST_IDS]) for at in range(0, len(due), _MOST_IDS)]
        found = [Signal(sender=self._name, due=part) for part in parts]
        return found if rest == Signal(sender=self._name) else [*found, rest]
