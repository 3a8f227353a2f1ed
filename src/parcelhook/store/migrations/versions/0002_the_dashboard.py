"""The dashboard: users, scopes of keys, tracking numbers to search by, counters to draw from"""

from __future__ import annotations

import math
import sqlite3

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_FILTERED = ["kind", "carrier", "passed", "http_code", "retry", "test", "is_return"]


def upgrade() -> None:
    """Forward only. What was recorded before is counted and made findable, so that nothing older looks as if it were not there."""
    op.add_column("api_keys", sa.Column("scope", sa.Text(), nullable=False, server_default="full"))
    _people()
    _tracking_numbers()
    _indexes()
    _counters()


def _begins_empty() -> bool:
    """There was no store on PostgreSQL before, so there is nothing to count."""
    return op.get_bind().dialect.name == "postgresql"


def _people() -> None:
    op.create_table(
        "users",
        sa.Column("id", _BIG_ID, primary_key=True, autoincrement=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False, unique=True),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("removed_ms", sa.BigInteger()),
    )
    op.create_index("users_of_account", "users", ["account_id", "id"])
    op.create_table(
        "sessions",
        sa.Column("digest", sa.LargeBinary(), primary_key=True),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("seen_ms", sa.BigInteger(), nullable=False),
    )
    op.create_index("sessions_of_user", "sessions", ["user_id"])
    op.create_table(
        "login_links",
        sa.Column("digest", sa.LargeBinary(), primary_key=True),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger()),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
    )
    op.create_index("login_links_of_account", "login_links", ["account_id"])


def _tracking_numbers() -> None:
    op.create_table(
        "tracking_numbers",
        sa.Column("id", _BIG_ID, primary_key=True),
        sa.Column("event_id", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("transaction_id", sa.Text(), nullable=False),
    )
    op.create_index(
        "tracking_numbers_by_number", "tracking_numbers", ["account_id", "number", "transaction_id"], unique=True
    )
    if _begins_empty():
        return
    op.execute("""
        INSERT INTO tracking_numbers (event_id, account_id, number, transaction_id)
        SELECT min(id), account_id, number, transaction_id FROM (
            SELECT id, account_id, transaction_id,
                json_extract(CAST(body AS TEXT), CASE kind WHEN 1 THEN '$.TrackingNumber' ELSE '$.tracking' END) AS number
            FROM events WHERE kind <> 2 AND transaction_id <> ''
        ) WHERE number <> '' GROUP BY account_id, number, transaction_id ORDER BY 1
    """)


def _indexes() -> None:
    op.create_index("events_of_account", "events", ["account_id", "id", "kind"])
    op.drop_index("attempts_of_account", "attempts")
    op.drop_index("attempts_of_endpoint", "attempts")
    op.create_index("attempts_of_account", "attempts", ["account_id", "id", *_FILTERED])
    op.create_index("attempts_of_endpoint", "attempts", ["endpoint_id", "id", "account_id", *_FILTERED])
    rare = {
        "attempts_of_tests": "test = 1",
        "attempts_failed": "passed = 0",
        "attempts_retried": "retry > 0",
        "attempts_untracked": "kind <> 3",
    }
    for name, where in rare.items():
        op.drop_index(name, "attempts")
        op.create_index(
            name, "attempts", ["account_id", "id", "endpoint_id", *_FILTERED],
            sqlite_where=sa.text(where), postgresql_where=sa.text(where.replace("test = 1", "test").replace("passed = 0", "NOT passed")),
        )  # fmt: skip


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), primary_key=True, autoincrement=False)


def _small(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.SmallInteger(), primary_key=True, autoincrement=False)


def _hour() -> sa.Column[int]:
    return sa.Column("hour", sa.Integer(), primary_key=True, autoincrement=False)


def _flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean(), primary_key=True, autoincrement=False)


def _figure(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=False)


def _counters() -> None:
    op.create_table(
        "counters",
        _number("account_id"), _number("endpoint_id"), _hour(), _small("kind"), sa.Column("carrier", sa.Text(), primary_key=True),
        _small("http_code"), sa.Column("cause", sa.Text(), primary_key=True), _flag("passed"), _flag("retried"), _flag("is_return"), _flag("test"),
        _figure("attempts"), _figure("delivered"), _figure("gave_up"),
        sqlite_with_rowid=False,
    )  # fmt: skip
    op.create_table(
        "time_counters",
        _number("account_id"), _number("endpoint_id"), _hour(), _small("bucket"), _figure("attempts"),
        sqlite_with_rowid=False,
    )  # fmt: skip
    op.create_table(
        "event_counters",
        _number("account_id"), _hour(), _small("kind"), _figure("events"),
        sqlite_with_rowid=False,
    )  # fmt: skip
    if _begins_empty():
        return
    # The hour is that of the id, as when counting goes on: an id begins with the time it was made at (store.ids).
    hour = "((id >> 22) + 1704067200000) / 3600000"
    # A delivery ended well with the first attempt that passed. It ended badly with its last one by schedule, if nothing
    # has passed since; which of those before a resend was such an end is not known any more.
    op.execute(f"""
        INSERT INTO counters
        SELECT account_id, endpoint_id, {hour}, kind, carrier, http_code, cause, passed, retry > 0, is_return, test, count(*),
            sum(id IN (SELECT min(id) FROM attempts WHERE passed AND NOT test GROUP BY delivery_id)),
            sum(id IN (SELECT max(id) FROM attempts WHERE NOT passed AND NOT manual AND NOT test GROUP BY delivery_id)
                AND EXISTS (SELECT 1 FROM deliveries d WHERE d.id = delivery_id AND d.state = 2))
        FROM attempts GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
    """)  # noqa: S608  (all our own words)
    op.execute("""
        INSERT INTO counters
        SELECT account_id, 0, hour, kind, carrier, http_code, cause, passed, retried, is_return, test, sum(attempts),
            sum(delivered), sum(gave_up)
        FROM counters GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
    """)
    steps = math.log(1.1)
    connection = op.get_bind().connection.driver_connection
    assert isinstance(connection, sqlite3.Connection)  # noqa: S101  (for the type checker: the embedded store)
    connection.create_function("ln", 1, math.log, deterministic=True)  # not every SQLite is built with it
    op.execute(f"""
        INSERT INTO time_counters
        SELECT account_id, endpoint_id, {hour}, CAST(round(ln(max(time_spent_ms, 0.1)) / {steps}) AS INTEGER), count(*)
        FROM attempts WHERE NOT test GROUP BY 1, 2, 3, 4
    """)  # noqa: S608
    op.execute("""
        INSERT INTO time_counters
        SELECT account_id, 0, hour, bucket, sum(attempts) FROM time_counters GROUP BY 1, 2, 3, 4
    """)
    op.execute("""
        INSERT INTO event_counters
        SELECT account_id, accepted_ms / 3600000, kind, count(*) FROM events GROUP BY 1, 2, 3
    """)
