"""Many machines: given ids apart from the events, and what PostgreSQL wants for itself"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

# A row of these changes often, so what it leaves behind is cleared away often.
_LIVELY = (
    "deliveries",
    "shipments",
    "counters",
    "time_counters",
    "event_counters",
    "tracking_counters",
    "status_counters",
)


def upgrade() -> None:
    """Forward only."""
    op.create_table(
        "given_ids",
        sa.Column("account_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("given_id", sa.Text(), primary_key=True),
        sa.Column("event_id", sa.BigInteger(), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "vault_check",
        sa.Column("id", sa.SmallInteger(), primary_key=True, autoincrement=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
    )
    op.add_column("endpoints", sa.Column("version", sa.BigInteger(), nullable=False, server_default="0"))
    version = op.create_table(
        "endpoints_version",
        sa.Column("id", sa.SmallInteger(), primary_key=True, autoincrement=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
    )
    op.bulk_insert(version, [{"id": 1, "version": 0}])
    _nodes()
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            "INSERT INTO given_ids SELECT account_id, given_id, id FROM events WHERE given_id IS NOT NULL ORDER BY 1, 2"
        )
        op.drop_index("events_given_id", "events")
    else:
        _postgresql()


def _nodes() -> None:
    op.create_table(
        "nodes",
        sa.Column("number", sa.SmallInteger(), primary_key=True, autoincrement=False),
        sa.Column("name", sa.Text(), nullable=False, unique=True),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("started_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
    )
    leases = op.create_table(
        "leases",
        sa.Column("partition", sa.SmallInteger(), primary_key=True, autoincrement=False),
        sa.Column("owner", sa.Text()),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
    )
    op.bulk_insert(leases, [{"partition": number, "owner": None, "fence": 0, "expires_ms": 0} for number in range(66)])
    op.create_table(
        "stream_position",
        sa.Column("id", sa.SmallInteger(), primary_key=True, autoincrement=False),
        sa.Column("created", sa.Text(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "set_aside",
        sa.Column("id", _BIG_ID, primary_key=True, autoincrement=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("received_ms", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("events", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
    )
    op.create_index("set_aside_of_account", "set_aside", ["account_id", "id"])


def _postgresql() -> None:
    for table in ("events", "attempts", "exchanges"):
        op.execute(f"CREATE TABLE {table}_rest PARTITION OF {table} DEFAULT")
    for table in _LIVELY:
        op.execute(
            f"ALTER TABLE {table} SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02)"
        )
