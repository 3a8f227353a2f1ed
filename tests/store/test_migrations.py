"""Migrations: they end in the schema that the code knows, and what was there before lives on."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from msgspec.structs import replace

from parcelhook.shipping.events import EventKind, OrderShipped, encode
from parcelhook.store import accepting, endpoints, ids, migrations, recording
from parcelhook.store.counting import HOUR_MS
from parcelhook.store.database import Database, Transaction, open_store
from parcelhook.store.schema import metadata
from parcelhook.store.vault import Vault, new_key
from parcelhook.webhooks.delivery import WAS_DELIVERED, Delivery, Outcome
from parcelhook.webhooks.filters import NO_FILTERS
from parcelhook.webhooks.formats import Format
from store.seeds import MAKER, NOW, IdsFrom, Seed, event, feed, offer, outcome


def at_revision(folder: Path, revision: str) -> sa.Engine:
    """An empty store as that revision left it."""
    folder.mkdir(parents=True)
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    engine = sa.create_engine(f"sqlite:///{folder / 'parcelhook.db'}", isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    return engine


def test_the_migrations_end_in_the_schema(database: Database) -> None:
    def is_whole(_object: object, name: str | None, *_rest: object) -> bool:
        return not (name or "").startswith(("attempts_rest", "events_rest", "exchanges_rest"))

    options = {"compare_type": True, "compare_server_default": True, "include_object": is_whole}
    differences = database.read_now(lambda c: compare_metadata(MigrationContext.configure(c, opts=options), metadata))
    assert differences == []


def test_an_endpoint_from_before_filters_and_formats_wants_everything_as_the_pages_body(tmp_path: Path) -> None:
    vault = Vault((new_key(),))
    engine = at_revision(tmp_path / "data", "0002")
    with engine.connect() as connection:
        table = sa.Table("endpoints", sa.MetaData(), autoload_with=connection)
        connection.execute(
            table.insert().values(
                id=1, account_id=1, url="https://shop.example/", label="", events="ORDER_ERROR", sealed=vault.seal(b"{}"),
                retry_count=0, retry_schedule="", response_rule="json", ordering="relaxed", timeout_ms=15_000, rate_limit=0,
                concurrency=16, state="active", state_reason="", verified=True, created_ms=1, updated_ms=1,
            )
        )  # fmt: skip
    engine.dispose()
    opened = open_store(tmp_path / "data")
    try:
        (found,) = opened.read_now(lambda c: endpoints.load_all(c, vault))
    finally:
        opened.close()
    assert "0003" in opened.migrated
    assert (found.filters, found.format) == (NO_FILTERS, Format.PAGE)


def seed(number: int) -> Seed:
    """An event to two webhooks, each of another sort; some without a tracking number, some with one that others have too."""
    account = 1 + number % 2
    one = event(account, given=f"g{number}" if number % 3 else None, shipment=f"{number % 7}_1", order=f"o{number}",
                at=NOW + number * HOUR_MS // 5)  # fmt: skip
    tracking = f"T{number % 5}" if number % 4 else ""
    fed = replace(msgspec.json.decode(one.body, type=OrderShipped), TrackingNumber=tracking)
    return offer(
        replace(one, body=encode(fed), is_return=number % 6 == 0), account * 10, account * 10 + 1, number=tracking
    )


def attempts_of(delivery: Delivery, chance: random.Random) -> list[Outcome]:
    """One of the ways that a delivery may go; but none that was sent again by hand and got through after it had failed."""
    by_hand = replace(delivery, manual=True, attempts=1)
    failed, waits = outcome(delivery, ended=False), outcome(delivery, ended=None, retries=1, due=NOW)
    retried = replace(delivery, attempts=1, retries=1)
    passed = outcome(delivery, ended=True)
    found = chance.choice(
        [
            [],
            [passed],
            [failed],
            [waits],
            [waits, outcome(retried, ended=True)],
            [waits, outcome(retried, ended=False)],
            [waits, outcome(replace(by_hand, resume_ms=NOW), ended=True)],
            [failed, outcome(by_hand, ended=False)],
            [passed, outcome(replace(by_hand, resume_ms=WAS_DELIVERED), ended=True, passed=False)],
            [passed, outcome(replace(by_hand, resume_ms=WAS_DELIVERED), ended=True)],
        ]
    )
    return [
        replace(
            one,
            attempt=replace(
                one.attempt, http_code=chance.choice([0, 200, 500]), time_spent_ms=chance.choice([0.0, 3.7, 15_000.0])
            ),
        )
        for one in found
    ]


def lived(database: Database) -> None:
    """Hours of a server's life: events, attempts of all sorts, tests."""
    chance = random.Random(20)

    def live(transaction: Transaction) -> None:
        seeds = [seed(number) for number in range(60)]
        accepting.accept(transaction, [feed(one.account_id, one) for one in seeds], MAKER)
        for hour, some in enumerate(seeds[at : at + 10] for at in range(0, 60, 10)):
            maker = IdsFrom(ids.first_id_at(NOW + hour * HOUR_MS))
            for delivery in (delivery for one in some for delivery in one.deliveries):
                for one in attempts_of(delivery, chance):
                    recording.record(transaction, [one], maker)
            tested = replace(outcome(some[0].deliveries[0], ended=True).attempt, event_id=None, delivery_id=None)
            recording.record_test(transaction, replace(tested, kind=EventKind.ORDER_ERROR), maker.next())

    database.write_now(live)


def contents(engine: sa.Engine, table: str, columns: str = "*") -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        return sorted(tuple(row) for row in connection.exec_driver_sql(f"SELECT {columns} FROM {table}"))


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_store_of_the_first_schema_loses_nothing_and_counts_as_if_it_always_had(
    database: Database, tmp_path: Path
) -> None:
    lived(database)
    new = sa.create_engine(f"sqlite:///{tmp_path / 'data' / 'parcelhook.db'}")
    old = at_revision(tmp_path / "old", "0001")
    before = {}
    for table, columns in columns_of(old).items():
        names = ", ".join(columns)
        rows = contents(new, table, names)
        before[table] = (names, rows)
        if rows:
            with old.connect() as connection:
                marks = ", ".join("?" * len(columns))
                connection.exec_driver_sql(f"INSERT INTO {table} ({names}) VALUES ({marks})", rows)
    assert min(len(before[table][1]) for table in ("events", "deliveries", "attempts", "exchanges")) > 50
    old.dispose()
    opened = open_store(tmp_path / "old")
    opened.close()
    migrated = sa.create_engine(f"sqlite:///{tmp_path / 'old' / 'parcelhook.db'}")
    for table, (names, rows) in before.items():
        assert contents(migrated, table, names) == rows, table
    for table in ("counters", "time_counters", "event_counters"):
        assert contents(migrated, table) == contents(new, table), table
        assert contents(new, table)
    numbers = "event_id, account_id, number, transaction_id"
    assert contents(migrated, "tracking_numbers", numbers) == contents(new, "tracking_numbers", numbers) != []
    for engine in (new, migrated):
        engine.dispose()


def columns_of(engine: sa.Engine) -> dict[str, list[str]]:
    looked = sa.inspect(engine)
    tables = [name for name in looked.get_table_names() if name != "alembic_version"]
    return {name: [column["name"] for column in looked.get_columns(name)] for name in tables}
