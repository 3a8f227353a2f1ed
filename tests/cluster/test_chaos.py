"""Whatever is killed, paused or cut off, in any order, under load: nothing accepted is lost. `make chaos` does it for long."""

from __future__ import annotations

import os
import random
import signal
from pathlib import Path

from cluster.nodes import HAND_OVER_S, Cluster, Feeders, all_arrived, cluster, connect, nothing_waits
from cluster.proxy import Proxy
from nats_server import Nats, NatsCluster
from postgres import Postgres
from receiver import Receiver, fails_then_heals, slow
from server import wait_until

ROUNDS = int(os.environ.get("PARCELHOOK_TEST_CHAOS", "4"))
ENDPOINTS = 6
WORKERS = ("worker1", "worker2", "worker3")


class Faults:
    """What may happen. Each leaves the system as it has to find its way back by itself, but for what only an operator starts."""

    def __init__(
        self, nodes: Cluster, postgres: Postgres, servers: NatsCluster, proxy: Proxy, chance: random.Random
    ) -> None:
        self._nodes = nodes
        self._postgres = postgres
        self._servers = servers
        self._proxy = proxy
        self._chance = chance

    def happen(self, feeders: Feeders) -> str:
        """One of them, while events are fed in; its name."""
        what = self._chance.choice(
            [self.kill_worker, self.pause_worker, self.kill_database, self.kill_stream, self.restart_api, self.cut_off]
        )
        what(feeders)
        return what.__name__.replace("_", " ")

    def kill_worker(self, feeders: Feeders) -> None:
        name = self._chance.choice(WORKERS)
        self._nodes.nodes[name].kill()
        feeders.wait(1)
        self._nodes.nodes[name].start()

    def pause_worker(self, feeders: Feeders) -> None:
        name = self._chance.choice(WORKERS)
        self._nodes.signal(name, signal.SIGSTOP)
        feeders.wait(self._chance.choice((2, 12)))
        self._nodes.signal(name, signal.SIGCONT)

    def kill_database(self, feeders: Feeders) -> None:
        self._postgres.kill()
        feeders.wait(1)
        self._postgres.start()

    def kill_stream(self, feeders: Feeders) -> None:
        server: Nats = self._chance.choice(list(self._servers.servers.values()))
        server.kill()
        feeders.wait(2)
        server.start().wait()

    def restart_api(self, feeders: Feeders) -> None:
        name = self._chance.choice(("api1", "api2"))
        self._nodes.nodes[name].kill()
        feeders.wait(0.5)
        self._nodes.nodes[name].start()

    def cut_off(self, feeders: Feeders) -> None:
        """The network between one worker and the database."""
        self._proxy.cut()
        feeders.wait(self._chance.choice((2, 12)))
        self._proxy.heal()


def test_nothing_accepted_is_lost_whatever_happens(tmp_path: Path, receiver: Receiver) -> None:
    seed = random.randrange(1_000_000)
    chance = random.Random(seed)
    receiver.behave(slow(0.01))
    receiver.behave(fails_then_heals(1), "/0")  # and one that takes nothing at the first attempt
    with (
        Postgres(tmp_path / "pg") as postgres,
        NatsCluster(tmp_path / "nats") as servers,
        Proxy(postgres.port) as proxy,
        cluster(
            tmp_path, url := postgres.url(postgres.new_database()), NATS_URL=servers.url, NATS_REPLICAS="3"
        ) as nodes,
    ):
        nodes.start("api1", "api2", "worker1", "worker2")
        nodes.start("worker3", DATABASE_URL=url.replace(str(postgres.port), str(proxy.port)))
        wait_until(lambda: sorted(nodes.partitions().get(name, 0) for name in WORKERS) == [21, 21, 22], HAND_OVER_S)
        faults, happened = Faults(nodes, postgres, servers, proxy, chance), []
        with nodes.client("api1") as client:
            made = connect(client, receiver, ENDPOINTS)
        with Feeders(nodes, ["api1", "api2"], pause_s=0.03) as feeders:
            for _ in range(ROUNDS):
                feeders.wait(1)
                happened.append(faults.happen(feeders))
            feeders.wait(1)
        twice = all_arrived(receiver, feeders.accepted, ENDPOINTS, 120, ordered_from=1)
        with nodes.client("api1") as client:
            nothing_waits(client, made, 60)
        print(  # noqa: T201  (what a long run is for)
            f"seed {seed}: {', '.join(happened)}\naccepted {len(feeders.accepted)}, delivered {ENDPOINTS * len(feeders.accepted)} to "
            f"{ENDPOINTS} webhooks, duplicated {twice}, lost 0; {feeders.refused} requests refused and sent again"
        )
