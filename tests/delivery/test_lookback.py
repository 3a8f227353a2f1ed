"""The count of the last day's events: which are looked into, and where it stops."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from parcelhook.delivery import lookback
from parcelhook.shipping.events import EventKind, OrderError, encode
from parcelhook.store import ids
from parcelhook.store.accepting import Offer
from parcelhook.store.database import Database, open_store
from parcelhook.webhooks.filters import NO_FILTERS, Filters
from store.seeds import accept, feed

DAY_MS = 86_400_000
NOW = 1_795_519_113_000


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """An empty store."""
    opened = open_store(tmp_path / "data")
    yield opened
    opened.close()


def put(database: Database, at: int, *, account: int = 1, carrier: str = "GLS", message: str = "m") -> None:
    error = OrderError(OrderID="1", Message=message, TrackingCarrier=carrier)
    offer = Offer(
        first_id=ids.first_id_at(at),
        deliveries_from=0,
        account_id=account,
        accepted_ms=at,
        endpoints=(),
        event=error,
        body=encode(error),
    )
    accept(database, feed(account, offer))


def count(
    database: Database, filters: Filters = NO_FILTERS, kind: EventKind = EventKind.ORDER_ERROR
) -> lookback.Lookback:
    return database.read_now(lambda connection: lookback._count(connection, 1, frozenset({kind}), filters, NOW))


def test_only_the_accounts_events_of_the_last_day_are_counted(database: Database) -> None:
    put(database, NOW - DAY_MS - 1_000)
    put(database, NOW - DAY_MS + 1_000)
    put(database, NOW - 5_000, carrier="DHL")
    put(database, NOW - 4_000, account=2)
    expected = lookback.Lookback(since_ms=NOW - DAY_MS, events=2, matching=2, exact=True)
    assert count(database) == expected
    assert count(database, Filters(carriers=("dhl",))) == replace(expected, matching=1)
    assert count(database, kind=EventKind.ORDER_SHIPPED) == replace(expected, matching=0)


@pytest.mark.parametrize(("limit", "value"), [("MOST_EVENTS", 2), ("MOST_BYTES", 2_500)])
def test_where_it_stops_it_speaks_of_what_it_saw(
    database: Database, monkeypatch: pytest.MonkeyPatch, limit: str, value: int
) -> None:
    for n in range(5):
        put(database, NOW - 5_000 + n * 1_000, message="x" * 1_000)
    monkeypatch.setattr(lookback, limit, value)
    assert count(database) == lookback.Lookback(since_ms=NOW - 2_000, events=2, matching=2, exact=False)
    monkeypatch.setattr(lookback, limit, value * 4)
    assert count(database).exact is True


def test_one_body_beyond_the_bound_is_looked_into_all_the_same(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(database, NOW - 1_000, message="x" * 1_000)
    monkeypatch.setattr(lookback, "MOST_BYTES", 10)
    assert count(database).matching == 1
