"""Migrations: they end in the schema that the code knows, and what was there before lives on."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext

from parcelhook.store import endpoints, migrations
from parcelhook.store.database import Database
from parcelhook.store.schema import metadata
from parcelhook.store.vault import Vault, new_key
from parcelhook.webhooks.filters import NO_FILTERS
from parcelhook.webhooks.formats import Format


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
    options = {"compare_type": True, "compare_server_default": True}
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
    opened = Database(tmp_path / "data")
    try:
        (found,) = opened.read_now(lambda c: endpoints.load_all(c, vault))
    finally:
        opened.close()
    assert "0003" in opened.migrated
    assert (found.filters, found.format) == (NO_FILTERS, Format.PAGE)
