"""Shipments: their state, every scan once, the figures of tracking, and the carrier hubs that tell of them"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Forward only. A shipment that was told of before becomes known with the next that is said of it."""
    _shipments()
    _figures()
    _hubs()


def _id() -> sa.Column[int]:
    return sa.Column("id", _BIG_ID, primary_key=True, autoincrement=False)


def _big(*names: str) -> tuple[sa.Column[int], ...]:
    return tuple(sa.Column(name, sa.BigInteger(), nullable=False) for name in names)


def _text(*names: str) -> tuple[sa.Column[str], ...]:
    return tuple(sa.Column(name, sa.Text(), nullable=False) for name in names)


def _shipments() -> None:
    op.create_table(
        "shipments",
        _id(),
        *_big("account_id"),
        *_text("transaction_id", "order_id", "carrier", "from_country", "to_country"),
        sa.Column("is_return", sa.Boolean(), nullable=False),
        *_text("status"),
        *_big("first_status_date", "deadline", "last_scan_date"),
        sa.Column("on_the_way", sa.Boolean(), nullable=False),
        sa.Column("known", sa.LargeBinary(), nullable=False),
        *_big("updated_ms"),
    )
    op.create_index("shipments_by_transaction", "shipments", ["account_id", "transaction_id"], unique=True)
    on_the_way = sa.text("on_the_way = 1")
    for name, date in (("shipments_silent", "last_scan_date"), ("shipments_overdue", "deadline")):
        op.create_index(
            name,
            "shipments",
            ["account_id", date, "carrier", "is_return"],
            sqlite_where=on_the_way,
            postgresql_where=sa.text("on_the_way"),
        )
    op.create_table(
        "scans",
        _id(),
        *_big("account_id", "shipment_id"),
        sa.Column("event_id", sa.BigInteger()),
        sa.Column("said", sa.SmallInteger(), nullable=False),
        sa.Column("scan", sa.LargeBinary(), nullable=False),
    )
    op.create_index("scans_of_shipment", "scans", ["shipment_id", "id"])


def _counters(name: str, keys: dict[str, type[sa.types.TypeEngine[Any]]], *figures: str) -> None:
    op.create_table(
        name,
        sa.Column("account_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        *(
            sa.Column(key, kind(), primary_key=True, autoincrement=False if kind is not sa.Text else "auto")
            for key, kind in keys.items()
        ),
        *(sa.Column(figure, sa.Integer(), nullable=False) for figure in figures),
        sqlite_with_rowid=False,
    )


def _figures() -> None:
    span = {"span": sa.SmallInteger, "start": sa.Integer}
    _counters(
        "tracking_counters", {**span, "carrier": sa.Text, "is_return": sa.Boolean},
        "started", "delivered", "promised", "delivered_late", "failed_attempts", "exceptions", "scans",
    )  # fmt: skip
    route = {"carrier": sa.Text, "from_country": sa.Text, "to_country": sa.Text}
    _counters("transit_counters", {"view": sa.SmallInteger, **span, **route, "took_hours": sa.Integer}, "shipments")
    _counters("status_counters", {"status": sa.Text, "carrier": sa.Text, "is_return": sa.Boolean}, "shipments")
    receipt = {"carrier": sa.Text, "bucket": sa.SmallInteger}
    _counters("receipt_counters", {"hour": sa.Integer, **receipt}, "deliveries")
    _counters("receipt_sums", {**span, **receipt}, "deliveries")
    told_apart = {"kind": sa.SmallInteger, "http_code": sa.SmallInteger, "cause": sa.Text}
    _counters(
        "counter_sums",
        {**span, "endpoint_id": sa.BigInteger, **told_apart, "passed": sa.Boolean, "retried": sa.Boolean},
        "attempts", "delivered", "gave_up",
    )  # fmt: skip
    _counters("time_sums", {**span, "endpoint_id": sa.BigInteger, "bucket": sa.SmallInteger}, "attempts")
    op.create_table(
        "summed_up",
        sa.Column("id", sa.SmallInteger(), primary_key=True, autoincrement=False),
        sa.Column("until_hour", sa.Integer(), nullable=False),
    )
    op.execute("INSERT INTO summed_up VALUES (1, 0)")


def _hubs() -> None:
    op.create_table(
        "hubs",
        _id(),
        *_big("account_id"),
        *_text("hub", "label"),
        sa.Column("token_digest", sa.LargeBinary(), nullable=False, unique=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        *_big("created_ms"),
        sa.Column("deleted_ms", sa.BigInteger()),
        *_big("verified_total", "refused_total"),
        sa.Column("last_ms", sa.BigInteger()),
    )
    op.create_index("hubs_of_account", "hubs", ["account_id", "id"])
    op.create_table(
        "hub_requests",
        _id(),
        *_big("hub_id", "received_ms"),
        *_text("result", "note", "event_id", "head"),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("length", sa.Integer(), nullable=False),
        sa.Column("scans", sa.Integer(), nullable=False),
        sa.Column("told", sa.Integer(), nullable=False),
        *_text("became"),
    )
    op.create_index("hub_requests_of_hub", "hub_requests", ["hub_id", "id"])
