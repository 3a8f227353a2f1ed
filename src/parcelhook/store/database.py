"""The open database: one thread that writes, a few connections that read, migrations at start.

Everything that changes data is a job for the writer. It takes all jobs that wait, runs them in one transaction, commits
once (the commit is on disk when it returns) and only then reports back: group commit. Since every write of this process
passes through this one thread, what jobs see and the order in which their reports arrive agree; the claim of due
deliveries relies on that (see `delivery.worker`). Other processes may write beside it only where the engine is PostgreSQL.
"""

from __future__ import annotations

import asyncio
import random
import threading
import time
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
from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.exc import DBAPIError

from parcelhook.errors import Busy, NotStorable
from parcelhook.store.engines import StoreEngine
from parcelhook.store.hot import Hot, Rows
from parcelhook.store.postgresql import PostgresqlStore
from parcelhook.store.sqlite import SqliteStore

T = TypeVar("T")
Job = Callable[["Transaction"], T]
Report = Callable[[T | None, Exception | None], None]

READERS = 4
_JOBS_PER_COMMIT = 64  # bounds how long one transaction can keep the others waiting
_MOST_TRIES = 12  # of a transaction that others stand in the way of
_LONGEST_PAUSE_S = 0.2  # between two of them
_MIGRATING = 0x70617263656C  # the advisory lock of migrations

log = structlog.get_logger(__name__)


class Transaction:
    """What a job works with: `sql` for SQLAlchemy Core, `hot` for the few statements written by hand."""

    __slots__ = ("_added", "hot", "sql")

    def __init__(self, sql: Connection, hot: Hot) -> None:
        self.sql = sql
        self.hot = hot
        self._added: dict[tuple[str, str, str], list[Rows]] = {}

    def count(self, table: str, key: str, figures: str, rows: Rows) -> None:
        """Add `figures` to what stands under `key` as the transaction ends; each key stands once in `rows`.

        All jobs of the transaction count together and in one order. So what many nodes count in is locked for no longer than
        the commit takes, and never by two that wait for each other.
        """
        if rows:
            self._added.setdefault((table, key, figures), []).append(rows)

    def begin(self) -> None:
        """Forget what was counted: a transaction begins, or the same again."""
        self._added.clear()

    def end(self) -> None:
        """Put what was counted into the store."""
        for (table, key, figures), parts in sorted(self._added.items()):
            self.hot.add(table, key, figures, parts[0] if len(parts) == 1 else _sums(parts, key.count(",") + 1))


class Database:
    """The store, on one of the two engines."""

    def __init__(self, store: StoreEngine) -> None:
        self._store = store
        self.place = store.place
        self.migrated = migrate(store.engine)
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="reader")
        self._jobs: SimpleQueue[tuple[Job[Any], Report[Any]] | None] = SimpleQueue()
        self._open: tuple[Connection, Any, Transaction] | None = None
        self._writer = threading.Thread(target=self._write, name="writer", daemon=True)
        store.open()
        self._writer.start()

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
        """The answer to `question`, from a snapshot; never waits for the writer, never blocks it. Busy if the store is away."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self.read_now, question)

    def read_now(self, question: Callable[[Connection], T]) -> T:
        """The same, on the caller's thread."""
        # All statements of one question see the same.
        return self._beside(self._store.snapshot, question, "ROLLBACK")

    def apart(self, job: Callable[[Connection], T]) -> T:
        """The result of `job` in a transaction of its own, on the caller's thread; for what must not wait for the writer,
        where the engine lets more than one write. Busy if the store is away.
        """
        return self._beside("BEGIN", job, "COMMIT")

    @property
    def shared(self) -> bool:
        """Whether other nodes may use it too."""
        return self._store.shared

    def check(self) -> None:
        """Raise if the database does not answer."""
        self.read_now(lambda connection: connection.exec_driver_sql("SELECT 1").scalar_one())

    def close(self) -> None:
        """Finish what was submitted, then let go of the store."""
        self._jobs.put(None)
        self._writer.join()
        self._readers.shutdown()
        self._store.close()

    def _beside(self, begin: str, work: Callable[[Connection], T], end: str) -> T:
        """A transaction on a connection of its own."""
        try:
            with self._store.engine.connect() as connection:
                connection.exec_driver_sql(begin)
                try:
                    result = work(connection)
                    connection.exec_driver_sql(end)
                except BaseException:
                    if not connection.invalidated:
                        connection.exec_driver_sql("ROLLBACK")
                    raise
        except DBAPIError as error:
            if not self._store.is_gone(error):
                raise
            raise Busy(f"The store does not answer: {_words(error)}", retry_after_s=5) from None
        return result

    def _write(self) -> None:
        while True:
            batch, closing = self._next_batch()
            if batch:
                self._commit_together(batch)
            if closing:
                self._hang_up()
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

    def _commit_together(self, batch: list[tuple[Job[Any], Report[Any]]]) -> None:
        try:
            results = self._commit_in_the_end([job for job, _ in batch])
        except Exception as error:
            if len(batch) == 1:
                if self._store.is_ours(error):
                    log.error("store.write_failed", error=_words(error))
                    kind = NotStorable if self._store.refuses(error) else Busy
                    error = kind(f"The store did not take it: {_words(error)}.", retry_after_s=5)
                batch[0][1](None, error)
                return
            if self._store.is_gone(error):  # it will not come back between one job and the next
                error = Busy(f"The store does not answer: {_words(error)}.", retry_after_s=5)
                for _, report in batch:
                    report(None, error)
                return
            for single in batch:
                self._commit_together([single])
            return
        for (_, report), result in zip(batch, results, strict=True):
            report(result, None)

    def _commit_in_the_end(self, jobs: list[Job[Any]]) -> list[Any]:
        """Once more, and again, where another node stood in the way."""
        for tries in range(1, _MOST_TRIES + 1):
            try:
                return self._commit(jobs)
            except Exception as error:
                if tries == _MOST_TRIES or not self._store.may_go_again(error):
                    raise
                time.sleep(random.random() * min(_LONGEST_PAUSE_S, 0.002 * 2**tries))  # noqa: S311  (spreads the nodes)
        raise AssertionError

    def _commit(self, jobs: list[Job[Any]]) -> list[Any]:
        raw = None
        try:
            if self._open is None:
                connection = self._store.engine.connect()
                raw = self._store.raw(connection)
                self._open = connection, raw, Transaction(connection, self._store.hot(raw))
            _, raw, transaction = self._open
            transaction.begin()
            self._store.begin(raw)
            results = [job(transaction) for job in jobs]
            transaction.end()
            self._store.commit(raw)
        except Exception as error:
            if self._store.is_gone(error):
                self._hang_up()
            elif raw is not None:
                self._store.roll_back(raw)
            raise
        return results

    def _hang_up(self) -> None:
        if self._open is not None:
            connection = self._open[0]
            self._open = None
            connection.invalidate()
            connection.close()


def open_store(folder: Path, url: str = "", *, beside: bool = False) -> Database:
    """The store at that PostgreSQL address, or in that folder if there is none.

    With `beside` the folder's store may be opened next to a running server, for the few small things an operator does.
    """
    return Database(PostgresqlStore(url) if url else SqliteStore(folder, beside=beside))


def _sums(parts: list[Rows], key: int) -> list[tuple[Any, ...]]:
    """Rows whose first `key` values are alike become one, and the figures behind them their sums."""
    sums: dict[tuple[Any, ...], list[int]] = {}
    for rows in parts:
        for row in rows:
            found = sums.get(row[:key])
            if found is None:
                sums[row[:key]] = list(row[key:])
            else:
                for index, figure in enumerate(row[key:]):
                    found[index] += figure
    return [(*which, *figures) for which, figures in sums.items()]


def _words(error: Exception) -> str:
    """What the engine says, without the statement that SQLAlchemy shows with it."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    return str(cause).strip().replace("\n", " ").rstrip(".")


def _settle(future: asyncio.Future[T], result: T | None, error: Exception | None) -> None:
    if future.cancelled():
        return
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(result)  # type: ignore[arg-type]  # no error: it is the job's own result


def migrate(engine: Engine) -> list[str]:
    """Bring the schema up to this version; the revisions that were applied, oldest first."""
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection:
            return _migrate(connection)
    # All or nothing, and one node at a time: they may all start at once.
    with engine.connect().execution_options(isolation_level="READ COMMITTED") as connection, connection.begin():
        connection.execute(select(func.pg_advisory_xact_lock(_MIGRATING)))
        return _migrate(connection)


def _migrate(connection: Connection) -> list[str]:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    before = MigrationContext.configure(connection).get_current_revision()
    script = ScriptDirectory.from_config(config)
    wanted = script.get_current_head()
    known = {revision.revision for revision in script.walk_revisions()}
    if before == wanted:
        return []
    if before is not None and before not in known:
        # A newer node has been here. What it changes, this one can live with: see docs/many-machines.md.
        log.warning("store.newer", revision=before, known=wanted)
        return []
    applied = [revision.revision for revision in script.iterate_revisions(wanted, before)]
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    return applied[::-1]
