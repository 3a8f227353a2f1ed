"""The tables: one schema for SQLite and PostgreSQL. Times are Unix milliseconds UTC; ids come from `store.ids`.

In PostgreSQL events, attempts and what went over the wire lie in a table for each day (see `store.days`).
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    literal_column,
    text,
)

# SQLite makes a column the row id, and so the order on disk, only if its type is spelled INTEGER.
BigId = BigInteger().with_variant(Integer, "sqlite")

metadata = MetaData()


class DeliveryState(IntEnum):
    """Where a delivery stands; `pending` until it has ended in one of the other three."""

    PENDING = 0
    DELIVERED = 1
    FAILED = 2
    CANCELLED = 3


accounts = Table(
    "accounts",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False, unique=True),
    Column("created_ms", BigInteger, nullable=False),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=False),
    Column("account_id", BigInteger, nullable=False),
    Column("name", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False, unique=True),  # SHA-256 of the key: it has 160 bits of chance
    Column("hint", Text, nullable=False),  # its first letters, to tell keys apart in a list
    Column("created_ms", BigInteger, nullable=False),
    Column("revoked_ms", BigInteger),
    Column("scope", Text, nullable=False, server_default="full"),  # what it may do: see accounts.Scope
)

# People who use the dashboard, their sessions, and the one-time links that let a person in.
users = Table(
    "users",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=False),
    Column("account_id", BigInteger, nullable=False),
    Column("email", Text, nullable=False, unique=True),  # in lower case
    Column("password_hash", Text, nullable=False),  # argon2id
    Column("role", Text, nullable=False),
    Column("time_zone", Text, nullable=False),  # an IANA name; empty: the browser's own
    Column("created_ms", BigInteger, nullable=False),
    Column("removed_ms", BigInteger),
    Index("users_of_account", "account_id", "id"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("digest", LargeBinary, primary_key=True),  # SHA-256 of the token in the cookie
    Column("user_id", BigInteger, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("seen_ms", BigInteger, nullable=False),
    Index("sessions_of_user", "user_id"),
)

login_links = Table(
    "login_links",
    metadata,
    Column("digest", LargeBinary, primary_key=True),  # SHA-256 of the token in the link
    Column("account_id", BigInteger, nullable=False),
    Column("user_id", BigInteger),  # whom it logs in; NULL: it makes a user
    Column("email", Text, nullable=False),  # of the user to be made; empty: they choose
    Column("role", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Index("login_links_of_account", "account_id"),
)

endpoints = Table(
    "endpoints",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=False),
    Column("account_id", BigInteger, nullable=False),
    Column("url", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("events", Text, nullable=False),  # the chosen events, comma-separated
    Column("sealed", LargeBinary, nullable=False),  # username, password, custom headers, signing secrets
    Column("retry_count", SmallInteger, nullable=False),
    Column("retry_schedule", Text, nullable=False),  # seconds, comma-separated; empty: the server's
    Column("response_rule", Text, nullable=False),
    Column("ordering", Text, nullable=False),
    Column("timeout_ms", Integer, nullable=False),
    Column("rate_limit", Integer, nullable=False),
    Column("concurrency", Integer, nullable=False),
    Column("filters", Text, nullable=False, server_default="{}"),  # JSON: see webhooks.filters
    Column("format", Text, nullable=False, server_default="page"),  # see webhooks.formats
    Column("state", Text, nullable=False),
    Column("state_reason", Text, nullable=False),
    Column("verified", Boolean, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
    Column("deleted_ms", BigInteger),  # kept so that the log can still say where an attempt went
    Column(
        "version", BigInteger, nullable=False, server_default="0"
    ),  # of all endpoints, when this one was changed last
    Index("endpoints_of_account", "account_id", "id"),
)

# One row: it grows with every change of any endpoint, so that a node knows whether what it holds is the newest.
endpoints_version = Table(
    "endpoints_version",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("version", BigInteger, nullable=False),
)

events = Table(
    "events",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=False),
    Column("account_id", BigInteger, nullable=False),
    Column("kind", SmallInteger, nullable=False),
    Column("given_id", Text),  # the id that the feeder gave, if any: see `given_ids`
    Column("order_id", Text, nullable=False),
    Column("transaction_id", Text, nullable=False),
    Column("carrier", Text, nullable=False),
    Column("is_return", Boolean, nullable=False),
    Column("accepted_ms", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("events_of_account", "account_id", "id", "kind"),
    Index("events_by_order", "account_id", "order_id"),
    Index("events_by_transaction", "account_id", "transaction_id"),
    postgresql_partition_by="RANGE (id)",
)

# The ids that feeders gave, each once: apart from `events`, which PostgreSQL keeps in a table for each day.
given_ids = Table(
    "given_ids",
    metadata,
    Column("account_id", BigInteger, primary_key=True, autoincrement=False),
    Column("given_id", Text, primary_key=True),
    Column("event_id", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

# Which shipments a tracking number belongs to: a row a shipment and not one an event, so it stays small beside the events.
tracking_numbers = Table(
    "tracking_numbers",
    metadata,
    Column("id", BigId, primary_key=True),  # given by the database, so they grow with time
    Column("event_id", BigInteger, nullable=False),  # that named it first
    Column("account_id", BigInteger, nullable=False),
    Column("number", Text, nullable=False),
    Column("transaction_id", Text, nullable=False),
    Index("tracking_numbers_by_number", "account_id", "number", "transaction_id", unique=True),
)

_PENDING = text("state = 0")
_PENDING_STRICT = text("state = 0 AND strict_key IS NOT NULL")

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=False),
    Column("account_id", BigInteger, nullable=False),
    Column("endpoint_id", BigInteger, nullable=False),
    Column("event_id", BigInteger, nullable=False),
    Column("state", SmallInteger, nullable=False),
    Column("attempts", Integer, nullable=False),  # exchanges so far, by hand or by schedule
    Column("retries", Integer, nullable=False),  # automatic retries so far, at most the endpoint's Count of Retry
    Column("due_ms", BigInteger, nullable=False),
    Column("manual", Boolean, nullable=False),  # the next attempt was asked for by hand
    Column("resume_ms", BigInteger),  # where the schedule goes on if that attempt fails; NULL: it had ended
    Column("strict_key", Text),  # the TransactionID where the endpoint keeps strict order, else NULL
    Column("ended_ms", BigInteger),
    # Only what is still on its way stands in these, so they stay small however long the history grows.
    Index("deliveries_due", "endpoint_id", "due_ms", sqlite_where=_PENDING, postgresql_where=_PENDING),
    Index(
        "deliveries_strict",
        "endpoint_id",
        "strict_key",
        "id",
        sqlite_where=_PENDING_STRICT,
        postgresql_where=_PENDING_STRICT,
    ),
    Index("deliveries_of_event", "event_id"),
)

# Written out, not bound: only then can the database use the index that holds pending deliveries alone.
PENDING: Final = deliveries.c.state == literal_column(str(int(DeliveryState.PENDING)))

_FILTERED = ("kind", "carrier", "passed", "http_code", "retry", "test", "is_return")


def _rare(name: str, sqlite: str, postgresql: str) -> Index:
    columns = ("account_id", "id", "endpoint_id", *_FILTERED)
    return Index(name, *columns, sqlite_where=text(sqlite), postgresql_where=text(postgresql))


attempts = Table(
    "attempts",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=False),
    Column("account_id", BigInteger, nullable=False),
    Column("endpoint_id", BigInteger, nullable=False),
    Column("event_id", BigInteger),  # NULL for a test: its sample is not an event
    Column("delivery_id", BigInteger),
    Column("kind", SmallInteger, nullable=False),
    Column("order_id", Text, nullable=False),
    Column("transaction_id", Text, nullable=False),
    Column("carrier", Text, nullable=False),
    Column("is_return", Boolean, nullable=False),
    Column("date_ms", BigInteger, nullable=False),
    Column("date_end_ms", BigInteger, nullable=False),
    Column("passed", Boolean, nullable=False),
    Column("retry", Integer, nullable=False),
    Column("manual", Boolean, nullable=False),
    Column("test", Boolean, nullable=False),
    Column("time_spent_ms", Float, nullable=False),
    Column("http_code", SmallInteger, nullable=False),  # 0: no answer came
    Column("cause", Text, nullable=False),
    # These two answer every filter of the log by themselves, without a look at the rows that are left out.
    Index("attempts_of_account", "account_id", "id", *_FILTERED),
    Index("attempts_of_endpoint", "endpoint_id", "id", "account_id", *_FILTERED),
    Index("attempts_of_event", "event_id", sqlite_where=text("event_id IS NOT NULL"), postgresql_where=text("event_id IS NOT NULL")),
    # What people look for is rare, and a full index on a rare thing would cost every passing delivery.
    _rare("attempts_of_tests", "test = 1", "test = true"),
    _rare("attempts_failed", "passed = 0", "passed = false"),
    _rare("attempts_retried", "retry > 0", "retry > 0"),
    _rare("attempts_untracked", "kind <> 3", "kind <> 3"),
    postgresql_partition_by="RANGE (id)",
)  # fmt: skip

# What went over the wire, apart from `attempts` so that listing and filtering the log never reads it.
exchanges = Table(
    "exchanges",
    metadata,
    Column("attempt_id", BigId, primary_key=True, autoincrement=False),
    Column("request_head", Text, nullable=False),  # request line and headers, secrets masked
    Column("request_body", LargeBinary),  # NULL: the event's own body, in that format
    Column("format", Text),  # NULL: the page's
    Column("response_head", Text),  # status line and headers; NULL: no answer came
    Column("response_body", LargeBinary),
    Column("truncated", Boolean, nullable=False),
    Column("reason", Text),  # NULL where it passed
    Column("hint", Text),
    Column("address", Text, nullable=False),
    Column("dns_ms", Float, nullable=False),
    Column("connect_ms", Float, nullable=False),
    Column("tls_ms", Float, nullable=False),
    Column("first_byte_ms", Float, nullable=False),
    postgresql_partition_by="RANGE (attempt_id)",
)

# Counted in the batch that records, so that figures over any range cost rows of hours and not rows of attempts. Each
# attempt is counted twice: for its endpoint, and for all of the account (endpoint 0), whose rows stay few however many
# endpoints there are. Everything that the log filters by stands in the key, and why it failed; figures leave tests out.
counters = Table(
    "counters",
    metadata,
    Column("account_id", BigInteger, primary_key=True, autoincrement=False),
    Column("endpoint_id", BigInteger, primary_key=True, autoincrement=False),  # 0: all of them
    Column("hour", Integer, primary_key=True, autoincrement=False),  # Unix time in whole hours
    Column("kind", SmallInteger, primary_key=True, autoincrement=False),
    Column("carrier", Text, primary_key=True),
    Column("http_code", SmallInteger, primary_key=True, autoincrement=False),
    Column("cause", Text, primary_key=True),
    Column("passed", Boolean, primary_key=True, autoincrement=False),
    Column("retried", Boolean, primary_key=True, autoincrement=False),  # whether the Retry number is above 0
    Column("is_return", Boolean, primary_key=True, autoincrement=False),
    Column("test", Boolean, primary_key=True, autoincrement=False),
    Column("attempts", Integer, nullable=False),
    Column("delivered", Integer, nullable=False),  # deliveries that ended well with one of these attempts
    Column("gave_up", Integer, nullable=False),  # deliveries that ended badly with one
    sqlite_with_rowid=False,
)

# Time Spent as a histogram: bucket n holds the times about 1.1 to the power of n milliseconds (see store.counting).
time_counters = Table(
    "time_counters",
    metadata,
    Column("account_id", BigInteger, primary_key=True, autoincrement=False),
    Column("endpoint_id", BigInteger, primary_key=True, autoincrement=False),  # 0: all of them
    Column("hour", Integer, primary_key=True, autoincrement=False),
    Column("bucket", SmallInteger, primary_key=True, autoincrement=False),
    Column("attempts", Integer, nullable=False),
    sqlite_with_rowid=False,
)


# From the carrier's scan to the receipt of its webhook, as a histogram like Time Spent; by the hour of the receipt.
receipt_counters = Table(
    "receipt_counters",
    metadata,
    Column("account_id", BigInteger, primary_key=True, autoincrement=False),
    Column("hour", Integer, primary_key=True, autoincrement=False),
    Column("carrier", Text, primary_key=True),
    Column("bucket", SmallInteger, primary_key=True, autoincrement=False),
    Column("deliveries", Integer, nullable=False),
    sqlite_with_rowid=False,
)

event_counters = Table(
    "event_counters",
    metadata,
    Column("account_id", BigInteger, primary_key=True, autoincrement=False),
    Column("hour", Integer, primary_key=True, autoincrement=False),
    Column("kind", SmallInteger, primary_key=True, autoincrement=False),
    Column("events", Integer, nullable=False),
    sqlite_with_rowid=False,
)


def _span() -> tuple[Column[int], Column[int]]:
    """So many hours, and which of such spans since 1970 (see store.spans)."""
    return (
        Column("span", SmallInteger, primary_key=True, autoincrement=False),
        Column("start", Integer, primary_key=True, autoincrement=False),
    )


# The same by the day and by four weeks, without tests and by less: what a year is read from. Hours are summed up when they are
# over, so that recording pays for one table of each and not for three.
counter_sums = Table(
    "counter_sums",
    metadata,
    Column("account_id", BigInteger, primary_key=True, autoincrement=False),
    *_span(),
    Column("endpoint_id", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", SmallInteger, primary_key=True, autoincrement=False),
    Column("http_code", SmallInteger, primary_key=True, autoincrement=False),
    Column("cause", Text, primary_key=True),
    Column("passed", Boolean, primary_key=True, autoincrement=False),
    Column("retried", Boolean, primary_key=True, autoincrement=False),
    Column("attempts", Integer, nullable=False),
    Column("delivered", Integer, nullable=False),
    Column("gave_up", Integer, nullable=False),
    sqlite_with_rowid=False,
)

time_sums = Table(
    "time_sums",
    metadata,
    Column("account_id", BigInteger, primary_key=True, autoincrement=False),
    *_span(),
    Column("endpoint_id", BigInteger, primary_key=True, autoincrement=False),
    Column("bucket", SmallInteger, primary_key=True, autoincrement=False),
    Column("attempts", Integer, nullable=False),
    sqlite_with_rowid=False,
)

receipt_sums = Table(
    "receipt_sums",
    metadata,
    Column("account_id", BigInteger, primary_key=True, autoincrement=False),
    *_span(),
    Column("carrier", Text, primary_key=True),
    Column("bucket", SmallInteger, primary_key=True, autoincrement=False),
    Column("deliveries", Integer, nullable=False),
    sqlite_with_rowid=False,
)

# Until which hour (not included) they hold all there is: one row.
summed_up = Table(
    "summed_up",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("until_hour", Integer, nullable=False),
)

# One row, sealed with the key of the vault: whoever cannot open it has another key.
vault_check = Table(
    "vault_check",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("sealed", LargeBinary, nullable=False),
)

# The processes that share a PostgreSQL store. A number is part of every id that its node makes, so no two nodes make the same.
nodes = Table(
    "nodes",
    metadata,
    Column("number", SmallInteger, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False, unique=True),  # a process's own, new at every start
    Column("host", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("started_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),  # by the database's clock, as with leases
)

# Who delivers for which partition of endpoints, and one more who does the upkeep. The fence grows with every new owner.
leases = Table(
    "leases",
    metadata,
    Column("partition", SmallInteger, primary_key=True, autoincrement=False),
    Column("owner", Text),  # the node's name; NULL: nobody
    Column("fence", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
)

# Up to where the stream was taken into the store: one row, changed in the transaction that accepts. `created` tells one stream
# from another of the same name.
stream_position = Table(
    "stream_position",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("created", Text, nullable=False),
    Column("sequence", BigInteger, nullable=False),
)

# What was accepted into the stream and could not be taken into the store, each with its reason; account 0 where it cannot be
# read whose it is. It stays until somebody tries it again or discards it.
set_aside = Table(
    "set_aside",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=False),
    Column("account_id", BigInteger, nullable=False),
    Column("received_ms", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("events", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),  # the events as an array; what cannot be read as it came
    Index("set_aside_of_account", "account_id", "id"),
)

# What is known of each shipment. `known` is the whole of it (shipping.shipment), the other columns are what is asked by.
_ON_THE_WAY = text("on_the_way = 1")
_ON_THE_WAY_PG = text("on_the_way")


def _on_the_way(name: str, date: str) -> Index:
    columns = ("account_id", date, "carrier", "is_return")  # enough to count by, without a look at the shipments
    return Index(name, *columns, sqlite_where=_ON_THE_WAY, postgresql_where=_ON_THE_WAY_PG)


shipments = Table(
    "shipments",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=False),
    Column("account_id", BigInteger, nullable=False),
    Column("transaction_id", Text, nullable=False),
    Column("order_id", Text, nullable=False),
    Column("carrier", Text, nullable=False),
    Column("from_country", Text, nullable=False),
    Column("to_country", Text, nullable=False),
    Column("is_return", Boolean, nullable=False),  # a return, or on its way back
    Column("status", Text, nullable=False),
    Column("first_status_date", BigInteger, nullable=False),  # this and the dates below: Unix seconds, 0 for none
    Column("deadline", BigInteger, nullable=False),  # the last second that is in time
    Column("last_scan_date", BigInteger, nullable=False),
    Column("on_the_way", Boolean, nullable=False),  # scanned, and not ended
    Column("known", LargeBinary, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
    Index("shipments_by_transaction", "account_id", "transaction_id", unique=True),
    # The silent and the late are looked for among those on their way, which stay few beside the delivered.
    _on_the_way("shipments_silent", "last_scan_date"),
    _on_the_way("shipments_overdue", "deadline"),
)

# What hubs said, each scan once, the late ones too; `event_id` is the event that tells of it, NULL if none does. What the
# platform fed in is its event, and stands here only if nobody was told of it.
scans = Table(
    "scans",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=False),
    Column("account_id", BigInteger, nullable=False),
    Column("shipment_id", BigInteger, nullable=False),
    Column("event_id", BigInteger),
    Column("said", SmallInteger, nullable=False),
    Column("scan", LargeBinary, nullable=False),
    Index("scans_of_shipment", "shipment_id", "id"),
)

# Counted as shipments change, by when it happened to the parcel and not by when it was told.
tracking_counters = Table(
    "tracking_counters",
    metadata,
    Column("account_id", BigInteger, primary_key=True, autoincrement=False),
    *_span(),  # an hour, a day
    Column("carrier", Text, primary_key=True),
    Column("is_return", Boolean, primary_key=True, autoincrement=False),  # a return, or on its way back
    Column("started", Integer, nullable=False),  # shipments by their first scan beyond Info Received
    Column("delivered", Integer, nullable=False),
    Column("promised", Integer, nullable=False),  # delivered ones that had a date to be late by
    Column("delivered_late", Integer, nullable=False),
    Column("failed_attempts", Integer, nullable=False),  # scans
    Column("exceptions", Integer, nullable=False),  # scans
    Column("scans", Integer, nullable=False),
    sqlite_with_rowid=False,
)

# From the first status to the delivery as a histogram: so many outbound shipments took so many whole hours. Whole, and once
# more without the route and without the carrier: of a year, what is asked most would else be read from too many rows.
transit_counters = Table(
    "transit_counters",
    metadata,
    Column("account_id", BigInteger, primary_key=True, autoincrement=False),
    Column("view", SmallInteger, primary_key=True, autoincrement=False),  # see store.tallies.View
    *_span(),  # an hour (whole alone), a day, four weeks; of the delivery
    Column("carrier", Text, primary_key=True),
    Column("from_country", Text, primary_key=True),
    Column("to_country", Text, primary_key=True),
    Column("took_hours", Integer, primary_key=True, autoincrement=False),
    Column("shipments", Integer, nullable=False),
    sqlite_with_rowid=False,
)

# How many shipments stand where, now.
status_counters = Table(
    "status_counters",
    metadata,
    Column("account_id", BigInteger, primary_key=True, autoincrement=False),
    Column("status", Text, primary_key=True),
    Column("carrier", Text, primary_key=True),
    Column("is_return", Boolean, primary_key=True, autoincrement=False),
    Column("shipments", Integer, nullable=False),
    sqlite_with_rowid=False,
)

# A carrier hub that an account has connected, and the last that came from it.
hubs = Table(
    "hubs",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=False),
    Column("account_id", BigInteger, nullable=False),
    Column("hub", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("token_digest", LargeBinary, nullable=False, unique=True),  # SHA-256 of the token in its address
    Column("sealed", LargeBinary, nullable=False),  # the token and the secret
    Column("created_ms", BigInteger, nullable=False),
    Column("deleted_ms", BigInteger),
    Column("verified_total", BigInteger, nullable=False),
    Column("refused_total", BigInteger, nullable=False),
    Column("last_ms", BigInteger),  # when it was last heard of, by a verified request
    Index("hubs_of_account", "account_id", "id"),
)

hub_requests = Table(
    "hub_requests",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=False),
    Column("hub_id", BigInteger, nullable=False),
    Column("received_ms", BigInteger, nullable=False),
    Column("result", Text, nullable=False),  # accepted, refused, not_understood
    Column("note", Text, nullable=False),
    Column("event_id", Text, nullable=False),  # the hub's own id of the event, empty if it has none
    Column("head", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),  # the beginning; `length` is the whole's
    Column("length", Integer, nullable=False),
    Column("scans", Integer, nullable=False),
    Column("told", Integer, nullable=False),  # how many of them said something new
    Column("became", Text, nullable=False),  # what became of each, as JSON
    Index("hub_requests_of_hub", "hub_id", "id"),
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("account_id", BigInteger, primary_key=True, autoincrement=False),
    Column("key", Text, primary_key=True),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("answer", LargeBinary, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Index("idempotency_age", "created_ms"),
)
