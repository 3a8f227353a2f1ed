"""Several nodes on one PostgreSQL, as processes of this machine; feeders that know what was accepted; what then arrived."""

from __future__ import annotations

import os
import random
import secrets
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from parcelhook.store.vault import new_key
from receiver import Received, Receiver
from server import Server, tracking_update, wait_until

HAND_OVER_S = (
    45.0  # a worker that died is stood in for within 15 seconds; a machine that does much else may take longer
)


class Cluster:
    """Nodes of one store. They start together and know each other by the store alone."""

    def __init__(self, folder: Path, url: str, **settings: str) -> None:
        self._folder = folder
        self._shared = {
            "DATABASE_URL": url, "API_KEY": "phk_" + secrets.token_hex(20), "SECRET_KEY": new_key(), **settings,
        }  # fmt: skip
        self.nodes: dict[str, Server] = {}

    @property
    def key(self) -> str:
        """The first account's."""
        return self._shared["API_KEY"]

    def start(self, *names: str, **settings: str) -> None:
        """Start nodes; a name begins with the role, such as worker2."""
        for name in names:
            own = {**self._shared, "ROLE": name.rstrip("0123456789"), **settings}
            self.nodes[name] = Server(self._folder / name, **own)
        with ThreadPoolExecutor(len(names)) as pool:
            list(pool.map(lambda name: self.nodes[name].start(), names))
        for name in names:  # where it is, it is to be found again
            self.nodes[name].set(PORT=self.nodes[name].url.rpartition(":")[2])

    def client(self, name: str) -> httpx.Client:
        """An HTTP client of a node, with the first account's key."""
        return self.nodes[name].client(self.key)

    def ready(self, name: str) -> dict[str, Any]:
        """What a node says of itself."""
        found: dict[str, Any] = httpx.get(self.nodes[name].url + "/readyz", timeout=10).json()
        return found

    def partitions(self) -> dict[str, int]:
        """How many each node owns that answers."""
        found = {}
        for name in self.nodes:
            try:
                found[name] = self.ready(name)["node"]["partitions"]
            except httpx.HTTPError:
                continue
        return found

    def wait_for_shares(self, limit_s: float = HAND_OVER_S, **wanted: int) -> None:
        """Until every node named owns so many partitions."""
        wait_until(lambda: {name: self.partitions().get(name) for name in wanted} == wanted, limit_s)

    def signal(self, name: str, number: signal.Signals) -> None:
        """A signal to a node's process."""
        os.kill(self.nodes[name].pid, number)

    def command(self, name: str, *words: str) -> str:
        """What `parcelhook` prints on the machine of a node."""
        done = subprocess.run(
            [sys.executable, "-m", "parcelhook.cli.main", *words],
            env=self.nodes[name].environment | {"COLUMNS": "200"},
            capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    def metrics(self, name: str) -> str:
        """What a node counts."""
        return httpx.get(self.nodes[name].url + "/metrics", timeout=10).text

    def does(self, name: str, duty: str) -> bool:
        """Whether a node has a duty: upkeep, ingest."""
        return duty in self.ready(name)["node"]["duties"]

    def setting(self, name: str) -> str:
        """One that all nodes share."""
        return self._shared[name]

    def close(self) -> None:
        """Kill whatever runs."""
        for node in self.nodes.values():
            node.__exit__(None, None, None)


@contextmanager
def cluster(folder: Path, url: str, **settings: str) -> Iterator[Cluster]:
    """A cluster that ends with the test."""
    found = Cluster(folder, url, **settings)
    try:
        yield found
    finally:
        found.close()


def connect(client: httpx.Client, receiver: Receiver, count: int, **fields: Any) -> list[str]:
    """That many webhooks of one account, each at a path of its own; their ids."""
    made = []
    for number in range(count):
        wanted = {
            "url": receiver.url(f"/{number}"), "events": ["tracking_update"], "verify": False, "retry_count": 10,
            **fields,
        }  # fmt: skip
        answer = client.post("/v1/endpoints", json=wanted)
        assert answer.status_code == 201, answer.text
        made.append(answer.json()["id"])
    return made


class Feeders:
    """Threads that feed scans of a few shipments through all API nodes, in order within a shipment, each batch until it is
    accepted.
    """

    def __init__(self, cluster: Cluster, apis: list[str], count: int = 3, pause_s: float = 0.01) -> None:
        self._cluster = cluster
        self._apis = apis
        self._pause_s = pause_s
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self.refused = 0  # answers that asked to come again
        self.accepted: dict[str, tuple[str, int]] = {}  # event id: the shipment and the place within it
        self._threads = [threading.Thread(target=self._feed, args=(number,), daemon=True) for number in range(count)]

    def __enter__(self) -> Feeders:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Feed no more."""
        self._ended.set()
        for thread in self._threads:
            thread.join(60)

    def wait(self, seconds: float) -> None:
        """Feed on for so long."""
        self._ended.wait(seconds)

    def _feed(self, number: int) -> None:
        chance = random.Random(number)
        made = 0
        while not self._ended.is_set():
            shipment, many = f"{number}-{made // 40}_1", chance.randrange(1, 5)
            batch = [
                tracking_update(shipment, id=f"{number}:{made + n}", date=1_700_000_000 + made + n, message=str(made + n), code=3)
                for n in range(many)
            ]  # fmt: skip
            if self._accepted(chance, batch):
                with self._lock:
                    self.accepted |= {one["id"]: (shipment, made + n) for n, one in enumerate(batch)}
            made += many
            self._ended.wait(self._pause_s)

    def _accepted(self, chance: random.Random, batch: list[dict[str, Any]]) -> bool:
        """Until it was accepted, by whichever node; False if we are to end."""
        while not self._ended.is_set():
            try:
                with self._cluster.client(chance.choice(self._apis)) as client:
                    answer = client.post("/v1/events", json=batch, timeout=20)
            except httpx.HTTPError:
                self._ended.wait(0.05)
                continue
            if answer.status_code == 202:
                return True
            assert answer.status_code == 503, answer.text
            self.refused += 1
            self._ended.wait(0.05)
        return False


def all_arrived(
    receiver: Receiver,
    accepted: Mapping[str, tuple[str, int]],
    endpoints: int,
    limit_s: float,
    *,
    ordered_from: int = 0,
) -> int:
    """Wait until every accepted event has reached every endpoint; how many came twice. In order within its shipment, at the
    endpoints from that number on: those before fail first, so what waits for its retry comes twice and is overtaken.
    """
    wanted = {(f"/{number}", name) for number in range(endpoints) for name in accepted}

    def missing() -> set[tuple[str, str]]:
        return wanted - {(one.path, one.id) for one in receiver.events()}

    wait_until(lambda: not missing(), limit_s)
    firsts: dict[tuple[str, str], Received] = {}
    order: dict[tuple[str, str], list[int]] = {}
    for one in receiver.events():
        if one.id in accepted and (one.path, one.id) not in firsts:
            firsts[one.path, one.id] = one
            shipment, place = accepted[one.id]
            order.setdefault((one.path, shipment), []).append(place)
    for which, places in order.items():
        if int(which[0][1:]) < ordered_from:
            continue
        assert places == sorted(places), f"out of order: {which}"
    calm = [one for one in receiver.events() if one.id in accepted and int(one.path[1:]) >= ordered_from]
    return len(calm) - sum(int(path[1:]) >= ordered_from for path, _ in firsts)


def nothing_waits(client: httpx.Client, endpoints: list[str], limit_s: float = 30) -> None:
    """Until no delivery of these endpoints is pending."""
    wait_until(lambda: all(client.get(f"/v1/endpoints/{name}").json()["waiting"] == 0 for name in endpoints), limit_s)
