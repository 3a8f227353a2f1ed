"""What a worker owns, when it may send, and when it has let go; and how endpoints and ids are spread over nodes."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from parcelhook.delivery.ownership import Ownership
from parcelhook.store import ids
from parcelhook.store.ids import IdMaker
from parcelhook.webhooks.partitions import PARTITIONS, partition_of


def test_alone_it_owns_everything_for_ever() -> None:
    owned = Ownership(alone=True)
    assert all(number in owned for number in range(PARTITIONS))
    assert owned.holds(1e18)


def test_among_others_it_owns_what_it_was_given_until_its_lease_ends() -> None:
    owned = Ownership(alone=False)
    assert 3 not in owned
    assert owned.take({3: 7, 4: 1}, 100.0) == (set(), True)
    assert (3 in owned, owned.holds(99.9), owned.holds(100.0)) == (True, True, False)
    assert owned.take({3: 7}, 110.0) == ({4}, False)
    assert owned.take({3: 8}, 120.0) == ({3}, True), "lost and won again is not the same"


def test_a_partition_is_let_go_of_once_all_of_it_is_recorded() -> None:
    owned, gone = Ownership(alone=False), list[int]()
    owned.take({1: 5, 2: 5, 3: 5}, 100.0)
    assert [owned.sent(1), owned.sent(1), owned.sent(2)] == [5, 5, 5]
    owned.give_up({1, 3}, gone.append)
    assert (gone, 1 in owned, 2 in owned) == ([3], False, True)
    owned.recorded(Counter({1: 1, 2: 1}))
    assert gone == [3]
    owned.recorded(Counter({1: 1}))
    assert gone == [3, 1]


def test_endpoints_are_spread_evenly_however_their_ids_are_made() -> None:
    for step in (1, 1 << 14, 1 << 22, 3_600_000 << 22):
        counts = Counter(partition_of(n * step % (1 << 63)) for n in range(6_400))
        assert len(counts) == PARTITIONS
        assert max(counts.values()) < 250


@given(st.lists(st.tuples(st.integers(0, 255), st.integers(1, 2_000)), min_size=1, max_size=60))
def test_no_two_nodes_make_the_same_id_and_each_nodes_grow(blocks: list[tuple[int, int]]) -> None:
    makers = {node: IdMaker(node) for node, _ in blocks}
    made: set[int] = set()
    last = dict.fromkeys(makers, 0)
    for node, count in blocks:
        first = makers[node].block(count)
        assert first > last[node]
        last[node] = first + count - 1
        mine = set(range(first, first + count))
        assert not mine & made
        made |= mine


def test_a_node_that_becomes_another_goes_on_behind_what_it_made() -> None:
    maker = IdMaker(200)
    before = maker.block(16_000)
    maker.become(3)
    after = maker.block(5)
    assert after > before + 16_000
    assert ids.made_at(after) - ids.made_at(before) < 5_000
