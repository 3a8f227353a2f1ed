"""No filter of the log reads all of it, and no list of events all of them."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, Select, text

from parcelhook.shipping.events import EventKind
from parcelhook.store import events, log
from parcelhook.store.database import Database
from parcelhook.store.log_filter import LogFilter
from parcelhook.store.schema import attempts

pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)  # how SQLite goes about it


def plan_of(connection: Connection, query: Select[tuple[int]]) -> list[str]:
    """How the database would go about it."""
    sql = str(query.compile(connection.engine, compile_kwargs={"literal_binds": True}))
    return [row[-1] for row in connection.execute(text("EXPLAIN QUERY PLAN " + sql))]


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        (LogFilter(), "attempts_of_account"),
        (LogFilter(endpoint_id=7), "attempts_of_endpoint"),
        (LogFilter(passed=False), "attempts_failed"),
        (LogFilter(retry="any"), "attempts_retried"),
        (LogFilter(retry=3), "attempts_retried"),
        (LogFilter(kind=EventKind.ORDER_ERROR), "attempts_untracked"),
        (LogFilter(passed=False, endpoint_id=7, carrier="GLS", is_return=True), "attempts_failed"),
        (LogFilter(code="5xx"), "attempts_failed"),
        (LogFilter(code=204), "attempts_of_account"),
        (LogFilter(test=True), "attempts_of_tests"),
        (LogFilter(carrier="GLS", code="2xx", is_return=False), "attempts_of_account"),
        (LogFilter(tracking="1"), "tracking_numbers_by_number"),
        (LogFilter(search="1"), "tracking_numbers_by_number"),
        (LogFilter(order_id="1"), "events_by_order"),
        (LogFilter(transaction_id="1_1"), "events_by_transaction"),
    ],
    ids=str,
)
def test_filters_go_by_an_index(database: Database, wanted: LogFilter, index: str) -> None:
    query = log._ids(1, wanted).order_by(attempts.c.id.desc()).limit(50)

    steps = "\n".join(database.read_now(lambda connection: plan_of(connection, query)))
    assert index in steps
    assert "SCAN attempts" not in steps
    if not index.startswith("events"):
        assert f"USING COVERING INDEX {index}" in steps


@pytest.mark.parametrize(
    ("search", "index"), [(None, "events_of_account"), ("1", "events_by_order"), ("1", "tracking_numbers_by_number")]
)
def test_events_are_listed_by_an_index(database: Database, search: str | None, index: str) -> None:
    query = events._ids(1, search).order_by(events.events.c.id.desc()).limit(50)
    steps = "\n".join(database.read_now(lambda connection: plan_of(connection, query)))
    assert f"USING COVERING INDEX {index}" in steps
    assert "SCAN events" not in steps
    assert "TEMP B-TREE FOR ORDER BY" not in steps
