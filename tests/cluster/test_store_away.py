"""The store goes away, or the way to it, or its disk is full: nothing accepted is lost, and everything recovers by itself."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from cluster.nodes import HAND_OVER_S, Feeders, all_arrived, cluster, connect, nothing_waits
from cluster.proxy import Proxy
from postgres import Postgres
from receiver import Receiver, slow
from server import Server, tracking_update, wait_until

ENDPOINTS = 6


def test_a_database_that_is_killed_and_started_again(tmp_path: Path, receiver: Receiver) -> None:
    receiver.behave(slow(0.01))
    with Postgres(tmp_path / "pg") as postgres, cluster(tmp_path, postgres.url(postgres.new_database())) as nodes:
        nodes.start("api1", "worker1", "worker2")
        nodes.wait_for_shares(worker1=32, worker2=32)
        with nodes.client("api1") as client:
            made = connect(client, receiver, ENDPOINTS)
            with Feeders(nodes, ["api1"]) as feeders:
                for _ in range(2):
                    feeders.wait(1.5)
                    postgres.kill()
                    assert httpx.get(nodes.nodes["api1"].url + "/readyz", timeout=30).status_code == 503
                    feeders.wait(0.5)
                    postgres.start()
                feeders.wait(1.5)
            all_arrived(receiver, feeders.accepted, ENDPOINTS, 60)
            nothing_waits(client, made)
            assert feeders.refused
            assert len(feeders.accepted) > 50
            counted = client.get("/v1/insights/deliveries").json()["total"]
            assert counted["delivered"] == ENDPOINTS * len(feeders.accepted), (
                "counted once, whatever had to be done again"
            )


def test_a_worker_that_is_cut_off_stops_in_time_and_comes_back(tmp_path: Path, receiver: Receiver) -> None:
    receiver.behave(slow(0.02))
    with (
        Postgres(tmp_path / "pg") as postgres,
        Proxy(postgres.port) as proxy,
        cluster(tmp_path, url := postgres.url(postgres.new_database())) as nodes,
    ):
        nodes.start("api1", "worker1")
        nodes.start("worker2", DATABASE_URL=url.replace(str(postgres.port), str(proxy.port)))
        nodes.wait_for_shares(worker1=32, worker2=32)
        with nodes.client("api1") as client:
            made = connect(client, receiver, ENDPOINTS)
            with Feeders(nodes, ["api1"], pause_s=0.03) as feeders:
                feeders.wait(1)
                proxy.cut()
                wait_until(lambda: nodes.ready("worker1")["node"]["partitions"] == 64, HAND_OVER_S)
                feeders.wait(1)
                proxy.heal()
                nodes.wait_for_shares(worker1=32, worker2=32, limit_s=30)
                feeders.wait(1)
            all_arrived(receiver, feeders.accepted, ENDPOINTS, 30)
            nothing_waits(client, made)


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """A file system of that size."""
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("a small file system can be mounted by root alone")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """A file that takes all the room there is."""
    path = folder / "fills"
    with path.open("wb") as file:
        block = b"\0" * 65_536
        try:
            while True:
                os.write(file.fileno(), block)
                if os.statvfs(folder).f_bavail == 0:
                    return path
        except OSError:
            return path


def test_the_embedded_store_on_a_full_disk_refuses_and_goes_on_when_there_is_room(
    tmp_path: Path, receiver: Receiver
) -> None:
    with (
        small_disk(tmp_path / "disk", 48) as disk,
        Server(disk / "data") as server,
        server.client(server.first_key) as client,
    ):
        made = connect(client, receiver, 1)
        assert client.post("/v1/events", json=[tracking_update(f"{n}_1") for n in range(20)]).status_code == 202
        receiver.wait_for(20)
        receiver.behave(slow(0.5))
        assert client.post("/v1/events", json=tracking_update("slow_1")).status_code == 202
        filler = fill(disk)
        refused = [client.post("/v1/events", json=tracking_update(f"r{n}_1")) for n in range(40)]
        assert {answer.status_code for answer in refused} <= {202, 503}
        assert refused[-1].status_code == 503
        assert refused[-1].headers["retry-after"]
        filler.unlink()
        wait_until(lambda: client.post("/v1/events", json=tracking_update("after_1")).status_code == 202)
        accepted = 22 + sum(answer.status_code == 202 for answer in refused)
        wait_until(lambda: len({one.id for one in receiver.events()}) >= accepted, 40)
        nothing_waits(client, made)


def test_a_database_on_a_full_disk(tmp_path: Path, receiver: Receiver) -> None:
    with (
        small_disk(tmp_path / "disk", 400) as disk,
        Postgres(disk / "pg", "max_wal_size=64MB", "min_wal_size=32MB", here=True) as postgres,
        cluster(tmp_path, postgres.url(postgres.new_database())) as nodes,
    ):
        nodes.start("all1")
        with nodes.client("all1") as client:
            made = connect(client, receiver, 2)
            with Feeders(nodes, ["all1"], pause_s=0.05) as feeders:
                feeders.wait(1)
                filler = fill(disk)
                feeders.wait(3)
                filler.unlink()
                if not postgres.runs:  # without room for its log it stops, as it should; an operator starts it again
                    postgres.start()
                feeders.wait(3)
            assert feeders.refused
            all_arrived(receiver, feeders.accepted, 2, 40)
            nothing_waits(client, made)
