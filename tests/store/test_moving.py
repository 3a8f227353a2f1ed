"""From the embedded store into PostgreSQL: everything, once, whatever breaks it off."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import Table, func, select, text

from parcelhook import times
from parcelhook.errors import Conflict
from parcelhook.store import accounts, leases, moving
from parcelhook.store.database import Database, open_store
from parcelhook.store.leases import Node
from parcelhook.store.schema import attempts, deliveries, events, exchanges, given_ids, metadata
from store.seeds import MAKER, accept, claim, event, feed, offer, outcome, record
from stores import Databases

EVENTS = 12_000


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A store with more events than are moved at once, in all states."""
    opened = open_store(tmp_path_factory.mktemp("source"))
    opened.write_now(lambda t: accounts.ensure_account(t.sql, "shop", MAKER, times.now_ms()))
    for start in range(0, EVENTS, 1_000):
        made = [
            offer(
                event(given=f"g{n}" if n % 3 else None, shipment=f"{n % 700}_1", at=times.now_ms()),
                7,
                number=f"T{n % 700}",
            )
            for n in range(start, start + 1_000)
        ]
        accept(opened, feed(1, *made))
        record(
            opened,
            *(
                outcome(one.deliveries[0], ended=(True, False, None)[n % 3], due=5, retries=1)
                for n, one in enumerate(made[:700])
            ),
        )
    yield opened
    opened.close()


@pytest.fixture
def target(databases: Databases, tmp_path: Path) -> Iterator[Database]:
    with ExitStack() as stack:
        opened = open_store(tmp_path, stack.enter_context(databases.one()))
        stack.callback(opened.close)
        yield opened


def count(database: Database, table: Table) -> int:
    return int(database.read_now(lambda c: c.execute(select(func.count()).select_from(table)).scalar_one()))


def test_everything_is_there_afterwards_and_goes_on(source: Database, target: Database) -> None:
    moving.check_target(source, target)
    steps = list(moving.move(source, target))
    assert {step.table for step in steps if step.compared} == {table.name for table in moving.TABLES}
    assert [count(target, table) for table in (events, deliveries)] == [EVENTS, EVENTS]
    assert count(target, given_ids) == EVENTS * 2 // 3
    for table in metadata.sorted_tables:
        if table.name not in {"nodes", "leases", "stream_position"}:
            assert count(target, table) == count(source, table), table.name
    due = claim(target, 7, now=times.now_ms() + 10_000, room=20_000).deliveries
    assert [one.id for one in due] == [
        one.id for one in claim(source, 7, now=times.now_ms() + 10_000, room=20_000).deliveries
    ]
    accept(target, feed(1, offer(event(given="new", shipment="new", at=times.now_ms()), 7, number="NEW")))
    (again,) = accept(target, feed(1, offer(event(given="g1"), 7)))
    assert again.accepted[0].duplicate
    rest = target.read_now(lambda c: c.execute(text("SELECT count(*) FROM events_rest")).scalar_one())
    assert rest == 0, "events of a day lie in that day's table"


def test_a_move_that_was_broken_off_goes_on(source: Database, target: Database) -> None:
    for broken_off_at in ("events", "attempts", "counters"):
        for step in moving.move(source, target):
            if step.table == broken_off_at and not step.compared:
                break
    moved = count(target, attempts)
    assert moved > 0
    for step in moving.move(source, target):
        assert step.rows <= step.of
    assert count(target, exchanges) == count(source, exchanges)


def test_what_is_not_alike_is_told(source: Database, target: Database) -> None:
    list(moving.move(source, target))
    target.write_now(
        lambda t: t.sql.execute(text("UPDATE deliveries SET retries = 9 WHERE id = (SELECT min(id) FROM deliveries)"))
    )
    with pytest.raises(moving.Unequal, match="deliveries has as many rows in the target, and not the same"):
        list(moving.move(source, target))


def test_it_does_not_move_into_what_others_use(source: Database, target: Database) -> None:
    node = Node(name="n", host="hooks-1", role="all", version="0", delivers=True)
    target.apart(lambda connection: leases.join(connection, node))
    with pytest.raises(Conflict, match=r"1 nodes run on the target \(hooks-1\)"):
        moving.check_target(source, target)
    target.apart(lambda connection: leases.leave(connection, node))
    target.write_now(lambda t: accounts.ensure_account(t.sql, "another", MAKER, 0))
    with pytest.raises(Conflict, match="accounts that the source does not have"):
        moving.check_target(source, target)
