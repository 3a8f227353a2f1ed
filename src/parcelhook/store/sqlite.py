"""The embedded store: a SQLite file that one server owns."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
from pathlib import Path
from typing import Final

import structlog
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from parcelhook.errors import SettingsError
from parcelhook.store.hot_sqlite import HotSqlite

CHECKPOINT_PAUSE_S: Final = 4.0  # between two checkpoints of the write-ahead log
WAL_LIMIT_BYTES: Final = (
    256 * 1024 * 1024
)  # beyond this the writer itself checkpoints, so that the log cannot grow for ever
CONNECTIONS: Final = 8
_COMMITS_PER_LOOK: Final = 256  # how often the size of the log is looked at

log = structlog.get_logger(__name__)


class SqliteStore:
    """See `engines.StoreEngine`. With `beside` it may be opened next to a running server, for the few small things that an
    operator does.
    """

    shared = False
    snapshot = "BEGIN"

    def __init__(self, folder: Path, *, beside: bool = False) -> None:
        self._path = folder / "parcelhook.db"
        self.place = str(folder)
        self._lock = _own(folder, beside=beside)
        self.engine = _engine(self._path)
        self._commits = 0
        self._closing = threading.Event()
        self._checkpointer = threading.Thread(target=self._checkpoint, name="checkpointer", daemon=True)

    def raw(self, connection: Connection) -> sqlite3.Connection:
        """The driver's connection."""
        raw = connection.connection.driver_connection
        assert isinstance(raw, sqlite3.Connection)  # noqa: S101  (for the type checker: the engine is ours)
        return raw

    def hot(self, raw: sqlite3.Connection) -> HotSqlite:
        """The statements by hand."""
        return HotSqlite(raw)

    def begin(self, raw: sqlite3.Connection) -> None:
        """As the writer."""
        raw.execute("BEGIN IMMEDIATE")

    def commit(self, raw: sqlite3.Connection) -> None:
        """With `synchronous=FULL`."""
        raw.execute("COMMIT")
        self._commits += 1
        if self._commits % _COMMITS_PER_LOOK == 0:
            self._bound_the_log(raw)

    def roll_back(self, raw: sqlite3.Connection) -> None:
        """If a transaction is under way."""
        if raw.in_transaction:
            raw.execute("ROLLBACK")

    def is_ours(self, error: Exception) -> bool:
        """SQLite's errors."""
        return isinstance(error, (sqlite3.Error, SQLAlchemyError))

    def may_go_again(self, error: Exception) -> bool:
        """There is one writer: nobody stands in its way."""
        return False

    def refuses(self, error: Exception) -> bool:
        """A value that does not fit, and the like."""
        cause = error.orig if isinstance(error, DBAPIError) else error
        return isinstance(cause, (sqlite3.DataError, sqlite3.IntegrityError, sqlite3.ProgrammingError))

    def is_gone(self, error: Exception) -> bool:
        """A file does not go away."""
        return False

    def open(self) -> None:
        """Begin to checkpoint."""
        self._checkpointer.start()

    def close(self) -> None:
        """Let go of the file."""
        self._closing.set()
        if self._checkpointer.ident is not None:
            self._checkpointer.join()
        self.engine.dispose()
        os.close(self._lock)

    def _checkpoint(self) -> None:
        """Moves the log into the file beside the writer, whose commits so never pay for it."""
        connection = sqlite3.connect(self._path, isolation_level=None)
        while not self._closing.wait(CHECKPOINT_PAUSE_S):
            try:
                connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
            except sqlite3.Error as error:
                log.warning("store.checkpoint_failed", error=str(error))
        connection.close()

    def _bound_the_log(self, raw: sqlite3.Connection) -> None:
        wal = Path(f"{self._path}-wal")
        if wal.exists() and wal.stat().st_size > WAL_LIMIT_BYTES:
            raw.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()


def _own(folder: Path, *, beside: bool) -> int:
    """Make the folder for the owner alone and hold a lock on it for as long as the process lives; the lock's file."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as fault:
        raise SettingsError(f"PARCELHOOK_DATA: the folder {folder} cannot be used: {fault.strerror}.") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        if beside:
            return lock
        os.close(lock)
        raise SettingsError(
            f"Another Parcelhook is running on the data folder {folder}. Stop it first, or set PARCELHOOK_DATA."
        ) from None
    return lock


def _engine(path: Path) -> Engine:
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    engine = create_engine(
        f"sqlite:///{path}",
        isolation_level="AUTOCOMMIT",  # the writer begins and commits itself
        connect_args={"check_same_thread": False, "timeout": 15, "cached_statements": 256},
        pool_size=CONNECTIONS,
        max_overflow=16,
    )
    event.listen(engine, "connect", _prepare)
    return engine


def _prepare(connection: sqlite3.Connection, _record: object) -> None:
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "wal_autocheckpoint=0",
        "temp_store=MEMORY",
        "cache_size=-16000",
        "mmap_size=268435456",
    ):
        connection.execute(f"PRAGMA {pragma}").fetchall()
