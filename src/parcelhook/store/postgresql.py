"""The store on a PostgreSQL server, which many nodes may share."""

from __future__ import annotations

import random
import time
from typing import Any, Final

import psycopg
from psycopg import errors
from psycopg.abc import Buffer
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import TransactionStatus
from psycopg.types.string import StrBinaryDumper, StrDumper
from sqlalchemy import Connection, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from parcelhook.errors import SettingsError
from parcelhook.store.hot_postgresql import HotPostgresql

CONNECTIONS: Final = 8
CONNECT_LIMIT_S: Final = 5
CUT_AFTER_MS: Final = 10_000  # without an acknowledgement from the server's machine the connection counts as cut
IDLE_LIMIT_MS: Final = 5_000  # that a transaction may stand still
DOUBT_LIMIT_S: Final = 30.0  # how long a commit may be in doubt before it counts as failed
OLDEST_VERSION: Final = 14
_IN_THE_WAY: Final = (
    errors.SerializationFailure, errors.DeadlockDetected, errors.LockNotAvailable, errors.UniqueViolation,
)  # fmt: skip


class PostgresqlStore:
    """See `engines.StoreEngine`."""

    shared = True
    snapshot = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

    def __init__(self, url: str) -> None:
        try:
            address = make_url(url).set(drivername="postgresql+psycopg")
        except ArgumentError:
            raise SettingsError("PARCELHOOK_DATABASE_URL cannot be read as an address.") from None
        self.place = f"PostgreSQL at {address.host or 'the local socket'}, database {address.database}"
        self._url = url
        self.engine = create_engine(
            address,
            isolation_level="AUTOCOMMIT",  # the writer begins and commits itself
            connect_args=connecting(url),
            pool_size=CONNECTIONS,
            max_overflow=16,
            pool_pre_ping=True,
        )
        event.listen(self.engine, "connect", _prepare)
        self._check()

    def raw(self, connection: Connection) -> psycopg.Connection[Any]:
        """The driver's connection."""
        raw = connection.connection.driver_connection
        assert isinstance(raw, psycopg.Connection)  # noqa: S101  (for the type checker: the engine is ours)
        return raw

    def hot(self, raw: psycopg.Connection[Any]) -> HotPostgresql:
        """The statements by hand. All of them go by an index, also where a table was still small when its plan was made."""
        raw.execute("SET enable_seqscan = off")
        return HotPostgresql(raw)

    def begin(self, raw: psycopg.Connection[Any]) -> None:
        """Each statement sees what was committed before it: what others changed meanwhile is waited for, not undone."""
        raw.execute("BEGIN ISOLATION LEVEL READ COMMITTED")

    def commit(self, raw: psycopg.Connection[Any]) -> None:
        """If the connection breaks meanwhile, it is found out whether the server had committed."""
        found = raw.execute("SELECT pg_current_xact_id_if_assigned()::text").fetchone()
        try:
            raw.execute("COMMIT")
        except psycopg.OperationalError:
            number = found[0] if found else None
            if number is None or not raw.closed or not self._was_committed(number):
                raise

    def roll_back(self, raw: psycopg.Connection[Any]) -> None:
        """If a transaction is under way."""
        if not raw.closed and raw.info.transaction_status != TransactionStatus.IDLE:
            raw.execute("ROLLBACK")

    def is_ours(self, error: Exception) -> bool:
        """PostgreSQL's errors."""
        return isinstance(error, (psycopg.Error, SQLAlchemyError))

    def may_go_again(self, error: Exception) -> bool:
        """Another node took the same lock or brought the same key first."""
        return isinstance(_cause(error), _IN_THE_WAY)

    def refuses(self, error: Exception) -> bool:
        """A value that does not fit, and the like."""
        return isinstance(
            _cause(error),
            (psycopg.DataError, psycopg.IntegrityError, psycopg.ProgrammingError, errors.ProgramLimitExceeded),
        )

    def is_gone(self, error: Exception) -> bool:
        """The server went away, or the way to it."""
        cause = _cause(error)
        return isinstance(cause, (psycopg.OperationalError, psycopg.InterfaceError)) and not self.refuses(error)

    def open(self) -> None:
        """Nothing goes on beside."""

    def close(self) -> None:
        """Let go of the connections."""
        self.engine.dispose()

    def _check(self) -> None:
        try:
            with psycopg.connect(self._url, autocommit=True, **connecting(self._url)) as connection:
                version = connection.info.server_version // 10_000
        except psycopg.Error as fault:
            self.engine.dispose()
            raise SettingsError(
                f"PARCELHOOK_DATABASE_URL: {self.place} cannot be reached: {str(fault).strip()}"
            ) from None
        if version < OLDEST_VERSION:
            self.engine.dispose()
            raise SettingsError(
                f"PARCELHOOK_DATABASE_URL: {self.place} is version {version}; {OLDEST_VERSION} or newer is needed."
            )

    def _was_committed(self, number: str) -> bool:
        """What became of a transaction whose connection broke as it was being committed."""
        deadline = time.monotonic() + DOUBT_LIMIT_S
        while time.monotonic() < deadline:
            try:
                with psycopg.connect(self._url, autocommit=True, **connecting(self._url)) as connection:
                    found = connection.execute("SELECT pg_xact_status(%s::xid8)", (number,)).fetchone()
            except psycopg.Error:
                found = None
            if found is not None and found[0] != "in progress":
                return bool(found[0] == "committed")
            time.sleep(0.2 + random.random() / 5)  # noqa: S311  (spreads the nodes)
        return False


def kept(text: str) -> str:
    """PostgreSQL keeps no NUL in a text; it is kept, and looked for, as the sign for what cannot be shown."""
    return text.replace("\0", "\ufffd")


class _TextDumper(StrBinaryDumper):
    """A text as it is kept."""

    def dump(self, obj: str) -> Buffer | None:
        """The text's bytes."""
        return super().dump(kept(obj))


class _PlainTextDumper(StrDumper):
    """The same where values go as text."""

    def dump(self, obj: str) -> Buffer | None:
        """The text's bytes."""
        return super().dump(kept(obj))


def _prepare(connection: psycopg.Connection[Any], _record: object) -> None:
    for dumper in (_TextDumper, _PlainTextDumper):
        connection.adapters.register_dumper(str, dumper)


def connecting(url: str) -> dict[str, Any]:
    """How every connection is made: a server that is silent is given up, not waited for; and so does the server with us.

    What a node has locked that is cut off, or stands still, in the middle of a transaction, others get within seconds.
    """
    given = conninfo_to_dict(url).get("options") or ""
    ours = {
        "idle_in_transaction_session_timeout": IDLE_LIMIT_MS,
        "tcp_user_timeout": CUT_AFTER_MS,
        "tcp_keepalives_idle": 5,
        "tcp_keepalives_interval": 2,
        "tcp_keepalives_count": 3,
    }
    return {
        "options": f"{given} {' '.join(f'-c {name}={value}' for name, value in ours.items())}".strip(),
        "connect_timeout": CONNECT_LIMIT_S,
        "tcp_user_timeout": CUT_AFTER_MS,
        "keepalives_idle": 5,
        "keepalives_interval": 2,
        "keepalives_count": 3,
        "application_name": "parcelhook",
    }


def _cause(error: Exception) -> BaseException:
    """The driver's own error, where SQLAlchemy has wrapped it."""
    return error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
