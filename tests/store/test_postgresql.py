"""What is PostgreSQL's own: nodes that write side by side, tables for days, a server that goes away."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TypeVar

import psycopg
import pytest
from msgspec.structs import replace
from sqlalchemy import Table, func, select

from parcelhook import times
from parcelhook.errors import Busy, SettingsError
from parcelhook.store import accounts, days, ids, insights
from parcelhook.store.accepting import Accepted
from parcelhook.store.counting import HOUR_MS
from parcelhook.store.database import Database, Transaction, open_store
from parcelhook.store.schema import accounts as accounts_table
from parcelhook.store.schema import deliveries, events, given_ids, shipments
from parcelhook.webhooks.delivery import Delivery, StoredEvent
from postgres import Postgres
from store.seeds import MAKER, NOW, accept, claim, event, feed, offer, outcome, record
from stores import Databases

DAY = days.DAY_MS
T = TypeVar("T")


@pytest.fixture
def url(databases: Databases) -> Iterator[str]:
    with databases.one() as found:
        yield found


@pytest.fixture
def nodes(url: str, tmp_path: Path) -> Iterator[list[Database]]:
    """Two nodes on one database."""
    with ExitStack() as opened:
        found = [open_store(tmp_path, url) for _ in range(2)]
        for one in found:
            opened.callback(one.close)
        yield found


def together(*tasks: Callable[[], T]) -> list[T]:
    """Run them at the same time."""
    with ThreadPoolExecutor(len(tasks)) as pool:
        return [one.result() for one in [pool.submit(task) for task in tasks]]


def count(database: Database, table: Table) -> int:
    return int(database.read_now(lambda c: c.execute(select(func.count()).select_from(table)).scalar_one()))


def test_nodes_that_start_at_once_make_the_schema_once(databases: Databases, tmp_path: Path) -> None:
    with databases.empty() as url:
        opened = together(*[partial(open_store, tmp_path, url)] * 4)
        for one in opened:
            one.close()
        applied = [one.migrated for one in opened if one.migrated]
        assert applied == [["0001", "0002", "0003", "0004", "0005"]]


def bring(database: Database, fed: Sequence[StoredEvent]) -> list[Accepted]:
    return list(accept(database, feed(1, *(offer(one, 7) for one in fed)))[0].accepted)


def test_an_id_that_two_nodes_bring_at_once_is_one_event(nodes: list[Database]) -> None:
    for number in range(30):
        chosen = ((1, 2, 3), (3, 2, 4))
        fed = [[event(given=f"{number}-{n}", shipment=f"{number}") for n in some] for some in chosen]
        lines = together(*(partial(bring, node, some) for node, some in zip(nodes, fed, strict=True)))
        assert sum(line.duplicate for some in lines for line in some) == 2, lines
    assert count(nodes[0], events) == count(nodes[0], deliveries) == count(nodes[0], given_ids) == 4 * 30
    assert count(nodes[0], shipments) == 30


def test_a_key_that_two_nodes_bring_at_once_is_answered_alike(nodes: list[Database]) -> None:
    for number in range(20):
        feeds = [feed(1, offer(event(), 7), key=f"k{number}") for _ in nodes]
        found = together(*(partial(accept, node, one) for node, one in zip(nodes, feeds, strict=True)))
        first, second = (acceptance.accepted[0] for (acceptance,) in found)
        assert first.id == second.id
        assert first.duplicate != second.duplicate


def live(database: Database, mine: Sequence[Delivery]) -> None:
    """Accept and deliver, a few at a time."""
    for at in range(0, len(mine), 10):
        some = mine[at : at + 10]
        accept(database, feed(1, *(offer(one.event, 7) for one in some)))
        record(database, *(outcome(one, ended=True) for one in some))


def test_what_many_nodes_count_at_once_adds_up(nodes: list[Database]) -> None:
    made = [[offer(event(shipment=f"{node}-{n}"), 7).deliveries[0] for n in range(120)] for node in range(2)]
    together(*(partial(live, node, mine) for node, mine in zip(nodes, made, strict=True)))
    when = insights.Range.last(2, times.now_ms() + HOUR_MS)
    assert nodes[0].read_now(lambda c: insights.total(insights.by_hour(c, 1, when))).passed == 240
    assert claim(nodes[0], 7).deliveries == ()


def test_old_days_go_as_whole_tables_with_the_ids_that_were_given(nodes: list[Database]) -> None:
    database, today = nodes[0], times.now_ms()
    for when in (today - 4 * DAY, today):
        database.write_now(partial(days.prepare, now_ms=when))
    at = [today - 3 * DAY + n for n in range(5)] + [today]
    fed = [replace(event(given=f"g{when}", at=when), id=ids.first_id_at(when)) for when in at]
    bring(database, fed)
    assert days_of(database, "events")[:2] == [named("events", today - 4 * DAY), named("events", today - 3 * DAY)]

    drop = partial(days.drop_step, before_ms=today - DAY)
    while database.write_now(drop):
        pass
    assert count(database, events) == 6, "an event that is still on its way is needed"
    database.write_now(lambda t: t.sql.execute(deliveries.delete()))
    assert database.write_now(drop) == 5
    while database.write_now(drop):
        pass
    assert [count(database, table) for table in (events, given_ids)] == [1, 1]
    assert named("events", today) in days_of(database, "events")
    assert min(days_of(database, "attempts")) >= named("attempts", today - DAY)


def named(table: str, when_ms: int) -> str:
    return f"{table}_{times.iso(when_ms)[:10].replace('-', '')}"


def days_of(database: Database, table: str) -> list[str]:
    query = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relname ~ %(name)s ORDER BY relname"
    return [
        row[0] for row in database.read_now(lambda c: c.exec_driver_sql(query, {"name": f"^{table}_[0-9]+$"}).all())
    ]


def test_a_server_that_dies_is_busy_and_what_it_had_committed_is_there(tmp_path: Path) -> None:
    with Postgres(tmp_path / "pg") as server:
        database = open_store(tmp_path, server.url(server.new_database()))
        try:
            accept(database, feed(1, offer(event(shipment="before"), 7)))
            server.kill()
            with pytest.raises(Busy, match="store"):
                accept(database, feed(1, offer(event(shipment="lost"), 7)))
            with pytest.raises(Busy, match="does not answer"):
                database.read_now(lambda c: c.execute(select(func.count()).select_from(events)).scalar_one())
            server.start()
            accept(database, feed(1, offer(event(shipment="after"), 7)))
            assert [one.event.transaction_id for one in claim(database, 7).deliveries] == ["before", "after"]
        finally:
            database.close()


def test_a_commit_whose_answer_was_lost_is_found_to_have_been_one(nodes: list[Database], url: str) -> None:
    """The connection is cut just after the commit: the job was done, and must not be done again."""
    database = nodes[0]
    store = database._store
    ran = 0

    def add(transaction: Transaction) -> None:
        nonlocal ran
        ran += 1
        transaction.sql.execute(accounts_table.insert().values(id=MAKER.next(), name=f"shop {ran}", created_ms=0))

    class CutAfterCommit:
        """A connection whose COMMIT succeeds, and whose answer to it never comes."""

        def __init__(self, raw: psycopg.Connection[object]) -> None:
            self._raw = raw

        closed = True

        def execute(self, statement: str) -> object:
            found = self._raw.execute(statement)
            if statement == "COMMIT":
                raise psycopg.OperationalError("the connection is lost")
            return found

    committing = store.commit
    store.commit = lambda raw: committing(CutAfterCommit(raw))  # type: ignore[method-assign]
    database.write_now(add)
    assert (ran, count(nodes[1], accounts_table)) == (1, 1)


def test_an_address_that_leads_nowhere_is_told_without_its_password(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"PARCELHOOK_DATABASE_URL: PostgreSQL at 127\.0\.0\.1") as refused:
        open_store(tmp_path, "postgresql://nobody:pl4in@127.0.0.1:1/none")
    assert "pl4in" not in str(refused.value)


def test_text_with_a_nul_is_kept_and_found(nodes: list[Database]) -> None:
    database = nodes[0]
    database.write_now(lambda t: accounts.ensure_account(t.sql, "a\0b", MAKER, 0))
    fed = offer(event(given="x\0y", order="1\0"), 7)
    accept(database, feed(1, fed))
    (again,) = accept(database, feed(1, offer(event(given="x\0y"), 7)))
    assert [line.duplicate for line in again.accepted] == [True]
    assert claim(database, 7).deliveries[0].event.body == fed.stored.body


def test_of_two_nodes_whose_clocks_differ_the_later_event_of_a_shipment_is_due_later(nodes: list[Database]) -> None:
    ahead, behind = nodes
    for at, node in ((NOW + 900, ahead), (NOW, behind), (NOW + 1, behind)):
        accept(node, feed(1, offer(event(shipment="s", order=str(at), at=at), 7)))
    due = claim(behind, 7, now=NOW + 2_000).deliveries
    assert [one.event.order_id for one in due] == [str(NOW + 900), str(NOW), str(NOW + 1)]


def test_a_node_goes_on_where_a_newer_one_has_changed_the_schema(url: str, tmp_path: Path) -> None:
    """As in a rolling deploy: an old node that starts again finds a revision that it does not know."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    opened = open_store(tmp_path, url)
    try:
        assert opened.migrated == []
        accept(opened, feed(1, offer(event(), 7)))
        assert len(claim(opened, 7).deliveries) == 1
    finally:
        opened.close()
