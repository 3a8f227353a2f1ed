"""Many nodes on one PostgreSQL: they share the work, hand it over, and lose nothing of it."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.nodes import HAND_OVER_S, Cluster, Feeders, all_arrived, cluster, connect, nothing_waits
from parcelhook.store.vault import new_key
from receiver import Receiver, slow
from server import Server, tracking_update, wait_until
from stores import Databases

ENDPOINTS = 12


@pytest.fixture
def nodes(databases: Databases, tmp_path: Path) -> Iterator[Cluster]:
    """Two nodes that answer requests, three that deliver."""
    with databases.one() as url, cluster(tmp_path, url) as found:
        found.start("api1", "api2", "worker1", "worker2", "worker3")
        wait_for_even(found)
        yield found


def wait_for_even(found: Cluster) -> None:
    """Until the three workers have their shares, whoever came first."""
    wait_until(lambda: sorted(found.partitions().get(f"worker{n}", 0) for n in (1, 2, 3)) == [21, 21, 22], HAND_OVER_S)


def test_the_work_is_shared_and_order_holds(nodes: Cluster, receiver: Receiver) -> None:
    with nodes.client("api1") as client:
        made = connect(client, receiver, ENDPOINTS)
        with Feeders(nodes, ["api1", "api2"]) as feeders:
            feeders.wait(3)
        twice = all_arrived(receiver, feeders.accepted, ENDPOINTS, 30)
        assert twice == 0
        assert len(feeders.accepted) > 50
        nothing_waits(client, made)
    delivered = [count_of(nodes, f"worker{n}") for n in (1, 2, 3)]
    assert sum(delivered) == ENDPOINTS * len(feeders.accepted)
    assert min(delivered) > 0, "one worker did nothing"


def count_of(nodes: Cluster, name: str) -> int:
    """How many attempts a node has recorded that passed."""
    lines = nodes.metrics(name).splitlines()
    line = next(line for line in lines if line.startswith('parcelhook_attempts_total{result="passed"}'))
    return int(float(line.rpartition(" ")[2]))


def test_a_worker_that_is_killed_is_stood_in_for(nodes: Cluster, receiver: Receiver) -> None:
    receiver.behave(slow(0.02))
    with nodes.client("api1") as client:
        made = connect(client, receiver, ENDPOINTS)
        with Feeders(nodes, ["api1", "api2"]) as feeders:
            feeders.wait(1.5)
            nodes.nodes["worker1"].kill()
            wait_until(lambda: sum(nodes.partitions().values()) == 64, HAND_OVER_S)
            feeders.wait(1)
        all_arrived(receiver, feeders.accepted, ENDPOINTS, 30)
        nothing_waits(client, made)
        nodes.start("worker1")
        wait_for_even(nodes)


def test_a_worker_that_was_paused_changes_nothing_that_others_took_over(nodes: Cluster, receiver: Receiver) -> None:
    receiver.behave(slow(0.05))
    with nodes.client("api2") as client:
        made = connect(client, receiver, ENDPOINTS)
        with Feeders(nodes, ["api1", "api2"], pause_s=0.05) as feeders:
            feeders.wait(1)
            nodes.signal("worker2", signal.SIGSTOP)
            wait_until(
                lambda: sum(nodes.ready(name)["node"]["partitions"] for name in ("worker1", "worker3")) == 64,
                HAND_OVER_S,
            )
            feeders.wait(1)
            nodes.signal("worker2", signal.SIGCONT)
            wait_for_even(nodes)
        all_arrived(receiver, feeders.accepted, ENDPOINTS, 30)
        nothing_waits(client, made)
        name = next(iter(feeders.accepted))
        assert {one["state"] for one in client.get(f"/v1/events/{name}").json()["deliveries"]} == {"delivered"}


def test_a_rolling_restart_under_load_sends_nothing_twice(nodes: Cluster, receiver: Receiver) -> None:
    receiver.behave(slow(0.02))
    with nodes.client("api1") as client:
        made = connect(client, receiver, ENDPOINTS)
    with Feeders(nodes, ["api1", "api2"]) as feeders:
        feeders.wait(0.5)
        for name in ("worker1", "api1", "worker2", "api2", "worker3"):
            assert nodes.nodes[name].stop() == 0
            nodes.nodes[name].start()
            feeders.wait(0.5)
    assert all_arrived(receiver, feeders.accepted, ENDPOINTS, 40) == 0
    with nodes.client("api1") as client:
        nothing_waits(client, made)


def test_a_change_of_settings_is_seen_on_every_node_within_a_second(nodes: Cluster, receiver: Receiver) -> None:
    with nodes.client("api1") as one, nodes.client("api2") as two:
        (name,) = connect(one, receiver, 1)
        wait_until(lambda: two.get(f"/v1/endpoints/{name}").status_code == 200, 1)
        two.patch(f"/v1/endpoints/{name}", json={"url": receiver.url("/elsewhere")}).raise_for_status()
        wait_until(lambda: one.get(f"/v1/endpoints/{name}").json()["url"].endswith("/elsewhere"), 1)
        one.post("/v1/events", json=tracking_update("1_1")).raise_for_status()
        assert receiver.wait_for(1, path="/elsewhere")
        two.post(f"/v1/endpoints/{name}/disable").raise_for_status()
        wait_until(lambda: one.get(f"/v1/endpoints/{name}").json()["state"] == "disabled", 1)
        time.sleep(1)
        one.post("/v1/events", json=tracking_update("2_1")).raise_for_status()
        time.sleep(0.5)
        assert len(receiver.events()) == 1
        one.post(f"/v1/endpoints/{name}/enable").raise_for_status()
        receiver.wait_for(2, path="/elsewhere")
        two.delete(f"/v1/endpoints/{name}").raise_for_status()
        wait_until(lambda: one.get(f"/v1/endpoints/{name}").status_code == 404, 1)


def test_a_worker_answers_those_who_watch_it_and_nobody_else(nodes: Cluster) -> None:
    with nodes.client("worker1") as client:
        assert client.get("/healthz").status_code == 200
        assert client.get("/readyz").json()["node"]["role"] == "worker"
        refused = client.post("/v1/events", json=tracking_update())
        assert (refused.status_code, refused.json()["code"]) == (421, "misdirected")
    assert nodes.ready("api1")["node"]["partitions"] == 0


def test_the_command_line_shows_the_nodes_and_works_beside_them(nodes: Cluster) -> None:
    shown = nodes.command("api1", "nodes", "--json")
    assert sorted((node["role"], node["partitions"] > 0) for node in json.loads(shown)) == [
        ("api", False), ("api", False), ("worker", True), ("worker", True), ("worker", True),
    ]  # fmt: skip
    assert "Partitions" in nodes.command("api1", "nodes")
    key = json.loads(nodes.command("worker1", "keys", "create", "--account", "shop", "--json"))["key"]
    with nodes.nodes["api2"].client(key) as client:
        assert client.get("/v1/endpoints").json()["items"] == []


@pytest.mark.parametrize(
    ("key", "words"), [("", r"every\s+node\s+needs\s+the\s+same\s+key"), (new_key(), r"sealed\s+with\s+another\s+key")]
)
def test_a_node_with_another_key_is_refused(databases: Databases, tmp_path: Path, key: str, words: str) -> None:
    with databases.one() as url, Server(tmp_path, DATABASE_URL=url):
        stranger = Server(tmp_path, DATABASE_URL=url, SECRET_KEY=key)
        with pytest.raises(AssertionError, match=words):
            stranger.start()
