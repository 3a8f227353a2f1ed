"""The open database: one thread that writes, a few connections that read, migrations at start.

Everything that changes data is a job for the writer. It takes all jobs that wait, runs them in one transaction,
commits once (`synchronous=FULL`: the commit is on disk when it returns) and only then reports back: group commit. Since
every write passes through this one thread, what jobs see and the order in which their reports arrive agree; the claim
of due deliveries relies on that (see `delivery.worker`).
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeVar

import structlog
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import SQLAlchemyError

from parcelhook.errors import Busy, SettingsError

T = TypeVar("T")
Job = Callable[["Transaction"], T]
Report = Callable[[T | None, Exception | None], None]

CHECKPOINT_PAUSE_S = 4.0  # between two checkpoints of the write-ahead log
WAL_LIMIT_BYTES = 256 * 1024 * 1024  # beyond this the writer itself checkpoints, so that the log cannot grow for ever
READERS = 4
_JOBS_PER_COMMIT = 64  # bounds how long one transaction can keep the others waiting
_COMMITS_PER_LOOK = 256  # how often the size of the log is looked at

log = structlog.get_logger(__name__)


class Transaction:
    """What a job works with: `sql` for SQLAlchemy Core, `raw` for the few statements written by hand."""

    __slots__ = ("raw", "sql")

    def __init__(self, sql: Connection, raw: sqlite3.Connection) -> None:
        self.sql = sql
        self.raw = raw


class Database:
    """The embedded store: a SQLite file that one server owns.

    With `beside=True` it may be opened next to a running server, for the few small things an operator does.
    """

    def __init__(self, folder: Path, *, beside: bool = False) -> None:
        self.path = folder / "parcelhook.db"
        self._lock = _own(folder, beside=beside)
        self._engine = _engine(self.path)
        self.migrated = migrate(self._engine)
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="reader")
        self._jobs: SimpleQueue[tuple[Job[Any], Report[Any]] | None] = SimpleQueue()
        self._closing = threading.Event()
        self._commits = 0
        self._threads = [
            threading.Thread(target=self._write, name="writer", daemon=True),
            threading.Thread(target=self._checkpoint, name="checkpointer", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, job: Job[T], report: Report[T]) -> None:
        """Run `job` in the next transaction; `report` is called on the writer's thread once it is committed, or with
        the error that kept it from being so. A job may run twice if a neighbour in its transaction failed, so it must
        change nothing but the database.
        """
        self._jobs.put((job, report))

    async def write(self, job: Job[T]) -> T:
        """The result of `job`, committed."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        def report(result: T | None, error: Exception | None) -> None:
            loop.call_soon_threadsafe(_settle, future, result, error)

        self.submit(job, report)
        return await future

    def write_now(self, job: Job[T]) -> T:
        """The same for a caller that has no event loop: waits for the commit."""
        done = threading.Event()
        found: list[tuple[T | None, Exception | None]] = []

        def report(result: T | None, error: Exception | None) -> None:
            found.append((result, error))
            done.set()

        self.submit(job, report)
        done.wait()
        result, error = found[0]
        if error is not None:
            raise error
        return result  # type: ignore[return-value]  # no error: it is the job's own result

    async def read(self, question: Callable[[Connection], T]) -> T:
        """The answer to `question`, from a snapshot; never waits for the writer, never blocks it."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self.read_now, question)

    def read_now(self, question: Callable[[Connection], T]) -> T:
        """The same, on the caller's thread."""
        with self._engine.connect() as connection:
            connection.exec_driver_sql("BEGIN")  # several statements of one question see the same snapshot
            try:
                return question(connection)
            finally:
                connection.exec_driver_sql("ROLLBACK")

    def check(self) -> None:
        """Raise if the database does not answer."""
        self.read_now(lambda connection: connection.exec_driver_sql("SELECT 1").scalar_one())

    def close(self) -> None:
        """Finish what was submitted, then let go of the file."""
        self._jobs.put(None)
        self._closing.set()
        for thread in self._threads:
            thread.join()
        self._readers.shutdown()
        self._engine.dispose()
        os.close(self._lock)

    def _write(self) -> None:
        with self._engine.connect() as connection:
            raw = connection.connection.driver_connection
            assert isinstance(raw, sqlite3.Connection)  # noqa: S101  (for the type checker: the engine is ours)
            transaction = Transaction(connection, raw)
            while True:
                batch, closing = self._next_batch()
                if batch:
                    self._commit_together(transaction, batch)
                    self._bound_the_log(raw)
                if closing:
                    return

    def _next_batch(self) -> tuple[list[tuple[Job[Any], Report[Any]]], bool]:
        first = self._jobs.get()
        batch = []
        while first is not None:
            batch.append(first)
            if len(batch) >= _JOBS_PER_COMMIT or self._jobs.empty():
                return batch, False
            first = self._jobs.get()
        return batch, True

    def _commit_together(self, transaction: Transaction, batch: list[tuple[Job[Any], Report[Any]]]) -> None:
        results: list[Any] = []
        try:
            transaction.raw.execute("BEGIN IMMEDIATE")
            results.extend(job(transaction) for job, _ in batch)
            transaction.raw.execute("COMMIT")
        except Exception as error:
            _roll_back(transaction.raw)
            if len(batch) == 1:
                if isinstance(error, (sqlite3.Error, SQLAlchemyError)):
                    log.error("store.write_failed", error=str(error))
                    error = Busy(f"The store did not take it: {error}.", retry_after_s=5)
                batch[0][1](None, error)
                return
            for single in batch:
                self._commit_together(transaction, [single])
            return
        for (_, report), result in zip(batch, results, strict=True):
            report(result, None)

    def _checkpoint(self) -> None:
        """Moves the log into the file beside the writer, whose commits so never pay for it."""
        connection = sqlite3.connect(self.path, isolation_level=None)
        while not self._closing.wait(CHECKPOINT_PAUSE_S):
            try:
                connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
            except sqlite3.Error as error:
                log.warning("store.checkpoint_failed", error=str(error))
        connection.close()

    def _bound_the_log(self, raw: sqlite3.Connection) -> None:
        self._commits += 1
        if self._commits % _COMMITS_PER_LOOK:
            return
        wal = Path(f"{self.path}-wal")
        if wal.exists() and wal.stat().st_size > WAL_LIMIT_BYTES:
            raw.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()


def _settle(future: asyncio.Future[T], result: T | None, error: Exception | None) -> None:
    if future.cancelled():
        return
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(result)  # type: ignore[arg-type]  # no error: it is the job's own result


def _roll_back(raw: sqlite3.Connection) -> None:
    if raw.in_transaction:
        raw.execute("ROLLBACK")


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
        pool_size=READERS + 4,
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


def migrate(engine: Engine) -> list[str]:
    """Bring the schema up to this version; the revisions that were applied, oldest first."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with engine.connect() as connection:
        before = MigrationContext.configure(connection).get_current_revision()
        script = ScriptDirectory.from_config(config)
        wanted = script.get_current_head()
        if before == wanted:
            return []
        applied = [revision.revision for revision in script.iterate_revisions(wanted, before)]
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return applied[::-1]
