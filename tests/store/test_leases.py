"""Who delivers for what: shares, fences, hand-over; and what is recorded under a lease that another has by now."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import text

from parcelhook.store import events, leases, log, recording
from parcelhook.store.database import Database, open_store
from parcelhook.store.leases import INGEST, UPKEEP, Node, Standing
from parcelhook.store.log_filter import LogFilter
from parcelhook.store.schema import DeliveryState
from parcelhook.webhooks.partitions import PARTITIONS
from store.seeds import MAKER, accept, claim, event, feed, offer, outcome, record
from stores import Databases


@pytest.fixture
def shared(databases: Databases, tmp_path: Path) -> Iterator[Database]:
    with ExitStack() as stack:
        opened = open_store(tmp_path, stack.enter_context(databases.one()))
        stack.callback(opened.close)
        yield opened


def node(name: str, role: str = "worker") -> Node:
    return Node(name=name, host="here", role=role, version="0", delivers=role != "api")


def join(database: Database, *names: str) -> list[int]:
    return [database.apart(partial(leases.join, node=node(name))) for name in names]


def step(database: Database, name: str) -> Standing:
    return database.apart(partial(leases.step, node=node(name)))


def let_run_out(database: Database, name: str) -> None:
    """As if nothing had been heard of it for long."""
    for table, column in (("leases", "owner"), ("nodes", "name")):
        database.apart(
            lambda c, t=table, n=column: c.execute(
                text(f"UPDATE {t} SET expires_ms = 0 WHERE {n} = :name"), {"name": name}
            )
        )  # type: ignore[misc]


def test_one_worker_owns_all_and_a_second_gets_half_once_the_first_lets_go(shared: Database) -> None:
    assert join(shared, "a") == [0]
    first = step(shared, "a")
    assert (len(first.owned), first.surplus, first.duties) == (PARTITIONS, frozenset(), {UPKEEP, INGEST})
    assert join(shared, "b") == [1]
    assert step(shared, "b").owned == {}
    before = step(shared, "a")
    assert (len(before.owned), len(before.surplus)) == (64, 32)
    shared.apart(lambda c: leases.release(c, node("a"), before.surplus))
    taken = step(shared, "b").owned
    assert set(taken) == before.surplus
    assert all(fence == before.owned[number] + 1 for number, fence in taken.items())
    assert step(shared, "a").surplus == frozenset()


def test_who_is_not_heard_of_is_stood_in_for_under_a_new_fence(shared: Database) -> None:
    join(shared, "a")
    had = step(shared, "a").owned
    join(shared, "b")
    let_run_out(shared, "a")
    found = step(shared, "b")
    assert (len(found.owned), found.workers, found.duties) == (64, 1, {UPKEEP, INGEST})
    assert all(fence == had[number] + 1 for number, fence in found.owned.items())
    assert shared.apart(lambda c: leases.fences(c, "a", had)) == {}
    back = step(shared, "a")
    assert (back.owned, back.number, back.workers) == ({}, 0, 2)


def test_who_leaves_leaves_everything_at_once(shared: Database) -> None:
    join(shared, "a", "b")
    step(shared, "a")
    shared.apart(lambda c: leases.leave(c, node("a")))
    assert len(step(shared, "b").owned) == PARTITIONS
    assert [one.number for one in shared.read_now(leases.living)] == [1]


def test_a_node_that_answers_requests_owns_nothing(shared: Database) -> None:
    api = node("api", "api")
    shared.apart(partial(leases.join, node=api))
    assert shared.apart(partial(leases.step, node=api)) == Standing(
        number=0, owned={}, surplus=frozenset(), duties=frozenset(), workers=0
    )


def test_what_somebody_is_still_recording_for_is_left_for_later(shared: Database) -> None:
    join(shared, "a")
    step(shared, "a")
    join(shared, "b")
    let_run_out(shared, "a")

    def recording_for_three(connection: object) -> int:
        leases.fences(connection, "a", {1, 2, 3})  # type: ignore[arg-type]
        return len(step(shared, "b").owned)

    assert shared.apart(recording_for_three) == PARTITIONS - 3
    assert len(step(shared, "b").owned) == PARTITIONS


def test_an_attempt_under_a_lease_that_was_lost_is_in_the_log_and_changes_no_delivery(database: Database) -> None:
    mine, lost = (offer(event(shipment=name), 7).deliveries[0] for name in ("mine", "lost"))
    accept(database, feed(1, offer(mine.event, 7), offer(lost.event, 7)))
    both = [outcome(mine, ended=True), outcome(lost, ended=True)]
    database.write_now(lambda t: recording.record(t, both, MAKER, frozenset({lost.id})))
    states = [
        database.read_now(lambda c, n=one.event.id: events.deliveries_of(c, n))[0].state  # type: ignore[misc]
        for one in (mine, lost)
    ]
    assert states == [DeliveryState.DELIVERED, DeliveryState.PENDING]
    lines = database.read_now(lambda c: log.page(c, 1, LogFilter(), before=None, limit=10))
    assert sorted(line.transaction_id for line in lines) == ["lost", "mine"]
    delivered = database.read_now(
        lambda c: c.execute(text("SELECT sum(delivered), sum(attempts) FROM counters WHERE endpoint_id = 0")).one()
    )
    assert tuple(delivered) == (1, 2)
    assert [one.id for one in claim(database, 7).deliveries] == [lost.id]
    record(database, outcome(lost, ended=True))
    assert claim(database, 7).deliveries == ()
