"""Single events: found by their id within their account, and where their deliveries stand."""

from __future__ import annotations

import pytest

from parcelhook.store import events, ids
from parcelhook.store.database import Database
from parcelhook.store.schema import DeliveryState
from parcelhook.webhooks.delivery import StoredEvent
from store.seeds import NOW, accept, event, feed, offer, outcome, record


def one(database: Database, account: int, name: str) -> StoredEvent | None:
    return database.read_now(lambda connection: events.one(connection, account, name))


def test_an_event_is_found_by_the_id_that_was_given_or_by_ours(database: Database) -> None:
    given, ours = event(given="order-1:label"), event()
    accept(database, feed(1, offer(given, 7), offer(ours, 7)))
    assert one(database, 1, "order-1:label") == given
    assert one(database, 1, ours.name) == ours


def test_an_event_with_a_given_id_has_no_other(database: Database) -> None:
    given = event(given="mine")
    accept(database, feed(1, offer(given, 7)))
    assert one(database, 1, ids.public(ids.Prefix.EVENT, given.id)) is None


def test_a_given_id_that_looks_like_one_of_ours_wins(database: Database) -> None:
    ours = event()
    imitation = event(given=ours.name)
    accept(database, feed(1, offer(ours, 7), offer(imitation, 7)))
    assert one(database, 1, ours.name) == imitation


def test_accounts_may_give_the_same_id_and_see_only_their_own(database: Database) -> None:
    mine, theirs, unnamed = event(1, given="x"), event(2, given="x"), event(2)
    accept(database, feed(1, offer(mine, 7)), feed(2, offer(theirs, 9), offer(unnamed, 9)))
    assert one(database, 1, "x") == mine
    assert one(database, 2, "x") == theirs
    assert one(database, 1, unnamed.name) is None


@pytest.mark.parametrize(
    "name", ["", "x", "evt_", "evt_0000000000000", "evt_zzzzzzzzzzzzz", "ep_0000000000000", "\0", "é"]
)
def test_no_such_event_is_none(database: Database, name: str) -> None:
    assert one(database, 1, name) is None


def test_each_endpoint_has_its_line_and_is_due_only_while_pending(database: Database) -> None:
    fed = offer(event(), 7, 8, 9)
    passed, failed, waits = fed.deliveries
    accept(database, feed(1, fed))
    record(
        database,
        outcome(passed, ended=True),
        outcome(failed, ended=False),
        outcome(waits, ended=None, due=NOW + 5_000, retries=1),
    )
    found = database.read_now(lambda connection: events.deliveries_of(connection, fed.first_id))
    assert [(view.endpoint_id, view.state, view.attempts, view.due_ms, view.ended_ms) for view in found] == [
        (7, DeliveryState.DELIVERED, 1, None, NOW + 5),
        (8, DeliveryState.FAILED, 1, None, NOW + 5),
        (9, DeliveryState.PENDING, 1, NOW + 5_000, None),
    ]
