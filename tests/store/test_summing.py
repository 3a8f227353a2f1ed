"""Summing up an hour reads the counters of that hour alone, however many years of them there are."""

from __future__ import annotations

import re
from typing import Any

import pytest
import sqlalchemy as sa

from parcelhook.store import summing
from parcelhook.store.counting import HOUR_MS
from parcelhook.store.database import Database, Transaction


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_no_hour_is_looked_for_by_walking_all_counters(database: Database) -> None:
    plans = database.write_now(_plans)
    assert len(plans) == 2 * 3, "two spans of three tables"
    for plan in plans:
        assert not [step for step in plan if re.match(r"SCAN \w*counters", step)], plan
        assert [step for step in plan if re.match(r"SEARCH \w*counters USING PRIMARY KEY .*hour=\?", step)], plan


def _plans(transaction: Transaction) -> list[list[str]]:
    """How SQLite goes about each statement that sums up."""
    execute, run = transaction.sql.exec_driver_sql, []
    execute("INSERT INTO accounts VALUES (1, 'one', 0)")
    execute("INSERT INTO counters VALUES (1, 0, 5, 1, '', 200, '', 1, 0, 0, 0, 1, 1, 0)")

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: Any) -> None:
        run.append((statement, parameters))

    sa.event.listen(transaction.sql.engine, "before_cursor_execute", note)
    try:
        assert summing.sum_up_step(transaction, 100 * HOUR_MS)
    finally:
        sa.event.remove(transaction.sql.engine, "before_cursor_execute", note)
    return [
        [step[3] for step in execute("EXPLAIN QUERY PLAN " + statement, parameters)]
        for statement, parameters in run
        if statement.startswith("INSERT")
    ]
