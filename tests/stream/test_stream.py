"""Events by way of JetStream: accepted without the database, in the store once and in order, set aside if they cannot be."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import nats
import pytest

from cluster.nodes import HAND_OVER_S, Cluster, Feeders, all_arrived, cluster, connect, nothing_waits
from nats_server import Nats, NatsCluster
from parcelhook.stream.jetstream import STREAM, SUBJECT
from postgres import Postgres
from receiver import Receiver, slow
from server import tracking_update, wait_until
from stores import Databases

ENDPOINTS = 4


@pytest.fixture
def nodes(databases: Databases, tmp_path: Path) -> Iterator[Cluster]:
    """A node for requests and one that delivers, with one NATS server between."""
    with (
        databases.one() as url,
        Nats(tmp_path / "nats") as server,
        cluster(tmp_path, url, NATS_URL=server.url) as found,
    ):
        found.start("api1", "worker1")
        found.wait_for_shares(worker1=64)
        yield found


def error(order: str, **fields: object) -> dict[str, object]:
    return {"Event": "ORDER_ERROR", "OrderID": order, "TransactionID": f"{order}_1", "Message": "No.", **fields}


def test_events_come_through_in_order_and_each_once(nodes: Cluster, receiver: Receiver) -> None:
    with nodes.client("api1") as client:
        made = connect(client, receiver, ENDPOINTS)
        with Feeders(nodes, ["api1"]) as feeders:
            feeders.wait(2)
        assert all_arrived(receiver, feeders.accepted, ENDPOINTS, 30) == 0
        nothing_waits(client, made)
        name = next(iter(feeders.accepted))
        assert client.get(f"/v1/events/{name}").json()["deliveries"]


def test_the_same_again_is_accepted_and_adds_nothing(nodes: Cluster, receiver: Receiver) -> None:
    with nodes.client("api1") as client:
        made = connect(client, receiver, 1, events=["order_error"])
        for _ in range(3):
            answer = client.post("/v1/events", json=error("1", id="same"))
            assert answer.json() == {"accepted": [{"id": "same", "duplicate": False}]}
            keyed = client.post("/v1/events", json=error("2"), headers={"Idempotency-Key": "k"})
            assert keyed.status_code == 202
        last = client.post("/v1/events", json=error("3")).json()["accepted"][0]["id"]
        wait_until(lambda: len(receiver.events()) >= 3)
        nothing_waits(client, made)
        assert len(receiver.events()) == 3
        assert client.get(f"/v1/events/{last}").json()["deliveries"][0]["state"] in {"pending", "delivered"}


def test_a_request_larger_than_a_message_arrives_whole(nodes: Cluster, receiver: Receiver) -> None:
    label = "A" * 900_000
    shipped = [
        {"Event": "ORDER_SHIPPED", "OrderID": f"{n}", "TransactionID": f"{n}_1", "TrackingCarrier": "GLS",
         "TrackingNumber": f"T{n}", "PDF": [label]}
        for n in range(6)
    ]  # fmt: skip
    with nodes.client("api1") as client:
        connect(client, receiver, 1, events=["order_shipped", "order_error"])
        answer = client.post("/v1/events", json=shipped)
        assert answer.status_code == 202, answer.text
        after = client.post("/v1/events", json=error("after")).json()["accepted"][0]["id"]
        names = [line["id"] for line in answer.json()["accepted"]]
        wait_until(lambda: {*names, after} <= {one.id for one in receiver.events()}, 30)
        assert min(len(one.body) for one in receiver.events() if one.id in names) > len(label)


def test_events_are_accepted_while_the_database_is_away_and_arrive_when_it_is_back(
    tmp_path: Path, receiver: Receiver
) -> None:
    with (
        Postgres(tmp_path / "pg") as postgres,
        Nats(tmp_path / "nats") as server,
        cluster(tmp_path, postgres.url(postgres.new_database()), NATS_URL=server.url) as nodes,
    ):
        nodes.start("api1", "worker1")
        nodes.wait_for_shares(worker1=64)
        with nodes.client("api1") as client:
            made = connect(client, receiver, ENDPOINTS)
            with Feeders(nodes, ["api1"]) as feeders:
                feeders.wait(1)
                postgres.kill()
                feeders.wait(0.5)
                refused, before = feeders.refused, len(feeders.accepted)
                feeders.wait(4)
                assert feeders.refused == refused, "an event was refused while the database was away"
                assert len(feeders.accepted) > before + 50
                ready = httpx.get(nodes.nodes["api1"].url + "/readyz", timeout=30)
                assert (ready.status_code, ready.json()["status"]) == (200, "accepting")
                assert ready.json()["checks"]["store"] != "ok"
                postgres.start()
                feeders.wait(1)
            all_arrived(receiver, feeders.accepted, ENDPOINTS, 40)
            nothing_waits(client, made)
            wait_until(lambda: nodes.ready("api1")["status"] == "ok", HAND_OVER_S)
            counted = client.get("/v1/insights/deliveries").json()["total"]
            assert counted["delivered"] == ENDPOINTS * len(feeders.accepted)


def test_a_worker_that_is_killed_while_it_takes_events_on(
    databases: Databases, tmp_path: Path, receiver: Receiver
) -> None:
    receiver.behave(slow(0.01))
    with (
        databases.one() as url,
        Nats(tmp_path / "nats") as server,
        cluster(tmp_path, url, NATS_URL=server.url) as nodes,
    ):
        nodes.start("api1", "worker1", "worker2")
        nodes.wait_for_shares(worker1=32, worker2=32)
        with nodes.client("api1") as client:
            made = connect(client, receiver, ENDPOINTS)
            with Feeders(nodes, ["api1"]) as feeders:
                for _ in range(2):
                    feeders.wait(1)
                    victim = ingesting(nodes, "worker1", "worker2")
                    nodes.nodes[victim].kill()
                    nodes.nodes[victim].start()
                feeders.wait(1)
            all_arrived(receiver, feeders.accepted, ENDPOINTS, 40)
            nothing_waits(client, made)
            page = client.get("/v1/insights/deliveries").json()["total"]
            assert page["delivered"] == ENDPOINTS * len(feeders.accepted), "an event was taken into the store twice"


def ingesting(nodes: Cluster, *names: str) -> str:
    """Which of them takes events on; after one was killed, once another does."""
    found: list[str] = []

    def any_does() -> bool:
        found.extend(name for name in names if nodes.does(name, "ingest"))
        return bool(found)

    wait_until(any_does, HAND_OVER_S)
    return found[0]


def test_the_leader_of_three_servers_is_killed(databases: Databases, tmp_path: Path, receiver: Receiver) -> None:
    with (
        databases.one() as url,
        NatsCluster(tmp_path / "nats") as servers,
        cluster(tmp_path, url, NATS_URL=servers.url, NATS_REPLICAS="3") as nodes,
    ):
        nodes.start("api1", "worker1")
        nodes.wait_for_shares(worker1=64)
        with nodes.client("api1") as client:
            made = connect(client, receiver, ENDPOINTS)
            with Feeders(nodes, ["api1"]) as feeders:
                feeders.wait(1)
                leader = asyncio.run(leader_of(servers.url))
                servers.servers[leader].kill()
                before = len(feeders.accepted)
                deadline = time.monotonic() + 30
                while len(feeders.accepted) < before + 20:
                    assert time.monotonic() < deadline, "nothing is accepted without the leader"
                    feeders.wait(0.2)
                servers.servers[leader].start().wait()
                feeders.wait(1)
            all_arrived(receiver, feeders.accepted, ENDPOINTS, 40)
            nothing_waits(client, made)


def test_a_node_waits_for_servers_that_have_not_chosen_a_leader_yet(databases: Databases, tmp_path: Path) -> None:
    servers = NatsCluster(tmp_path / "nats")
    first, *others = servers.servers.values()
    late = [threading.Timer(7, other.start) for other in others]
    with databases.one() as url, cluster(tmp_path, url, NATS_URL=first.url, NATS_REPLICAS="3") as nodes:
        try:
            first.start()
            for timer in late:
                timer.start()
            nodes.start("all1")
            assert nodes.ready("all1")["checks"]["stream"] == "ok"
        finally:
            for timer in late:
                timer.join()
            for server in servers.servers.values():
                server.stop()


async def leader_of(url: str) -> str:
    client = await nats.connect(url.split(","))
    try:
        info = await client.jetstream().stream_info(STREAM)
        assert info.cluster is not None
        return info.cluster.leader or ""
    finally:
        await client.close()


def test_what_cannot_be_taken_is_set_aside_with_its_reason_and_the_rest_goes_on(
    nodes: Cluster, receiver: Receiver, tmp_path: Path
) -> None:
    with nodes.client("api1") as client:
        connect(client, receiver, 1, events=["order_error"])
        client.post("/v1/events", json=error("1"), headers={"Idempotency-Key": "k"}).raise_for_status()
        answer = client.post("/v1/events", json=[error("2"), error("3")], headers={"Idempotency-Key": "k"})
        assert answer.status_code == 202, "that its key was used with another body turns out later"
        asyncio.run(publish_junk(nodes))
        last = client.post("/v1/events", json=error("4")).json()["accepted"][0]["id"]
        wait_until(lambda: last in {one.id for one in receiver.events()})
        assert len(receiver.events()) == 2
        (one,) = client.get("/v1/set-aside").json()["items"]
        assert one["reason"].startswith("This Idempotency-Key was used before")
        assert [event["OrderID"] for event in one["events"]] == ["2", "3"]
        lines = json.loads(nodes.command("api1", "set-aside", "--json", "--write", str(tmp_path / "aside")))
        assert [line["account"] for line in sorted(lines, key=lambda line: line["account"])] == ["", "default"]
        assert b"none of ours" in b"".join(path.read_bytes() for path in (tmp_path / "aside").iterdir())

        again = client.post(f"/v1/set-aside/{one['id']}/feed")
        assert again.status_code == 202, again.text
        wait_until(lambda: len(receiver.events()) == 4)
        assert client.get("/v1/set-aside").json()["items"] == []
        assert client.post(f"/v1/set-aside/{one['id']}/feed").status_code == 404


def test_a_stream_that_was_made_anew_is_taken_from_its_beginning(nodes: Cluster, receiver: Receiver) -> None:
    """As after the loss of all NATS servers: what is in the store stays, and what comes then has small numbers again."""
    with nodes.client("api1") as client:
        made = connect(client, receiver, 1, events=["order_error"])
        for order in ("1", "2", "3"):
            client.post("/v1/events", json=error(order)).raise_for_status()
            wait_until(lambda order=order: len(receiver.events()) == int(order))  # type: ignore[misc]
        asyncio.run(delete_stream(nodes))
        assert nodes.nodes["api1"].stop() == 0
        nodes.nodes["api1"].start()  # it makes the stream
        client.post("/v1/events", json=error("4")).raise_for_status()
        wait_until(lambda: len(receiver.events()) == 4)
        nothing_waits(client, made)


async def delete_stream(nodes: Cluster) -> None:
    client = await nats.connect(nodes.setting("NATS_URL"))
    try:
        await client.jetstream().delete_stream(STREAM)
    finally:
        await client.close()


async def publish_junk(nodes: Cluster) -> None:
    """What some other program might publish there."""
    client = await nats.connect(nodes.setting("NATS_URL"))
    try:
        await client.jetstream().publish(SUBJECT, b"\xc1 this is none of ours")
    finally:
        await client.close()


def test_a_stream_that_does_not_answer_refuses(tmp_path: Path, databases: Databases, receiver: Receiver) -> None:
    with (
        databases.one() as url,
        Nats(tmp_path / "nats") as server,
        cluster(tmp_path, url, NATS_URL=server.url) as nodes,
    ):
        nodes.start("all1")
        with nodes.client("all1") as client:
            connect(client, receiver, 1)
            server.kill()
            refused = client.post("/v1/events", json=tracking_update("1_1"))
            assert (refused.status_code, refused.json()["code"]) == (503, "busy")
            assert refused.headers["retry-after"]
            assert httpx.get(nodes.nodes["all1"].url + "/readyz", timeout=30).status_code == 503
            server.start().wait()
            wait_until(lambda: client.post("/v1/events", json=tracking_update("2_1")).status_code == 202)
            receiver.wait_for(1)
