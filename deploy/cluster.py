"""`make cluster`: a small real cluster on this machine, from wheels alone, with the demo's merchant beside it.

PostgreSQL, three NATS servers, two nodes that answer requests and three that deliver, each a process of its own. It lives in
a folder that is removed at the end.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from nats_server import NatsCluster
from parcelhook.cli.demo.run import Server, State, environment, run
from parcelhook.store.vault import new_key
from postgres import Postgres

NODES = ("api", "api", "worker", "worker", "worker")


class Cluster:
    """All of it, as the demo wants what it started."""

    def __init__(self, data: Path, port: int, state: State) -> None:
        self._stack = ExitStack()
        self._nodes: list[Server] = []
        try:
            postgres = self._stack.enter_context(Postgres(data / "postgresql"))
            nats = self._stack.enter_context(NatsCluster(data / "nats"))
            shared = {
                "DATABASE_URL": postgres.url(postgres.new_database()), "NATS_URL": nats.url, "NATS_REPLICAS": "3",
                "SECRET_KEY": new_key(), "LOG_FORMAT": "text",
            }  # fmt: skip
            for number, role in enumerate(NODES):
                own = {"ROLE": role, "PORT": str(port) if number == 0 else "0"}
                node = Server(environment(state, **shared, **own))
                self._nodes.append(node)
                self._stack.callback(node.stop)
        except BaseException:
            self._stack.close()
            raise
        self.url = self._nodes[0].url
        # Each start of a node that answers requests makes a new link, and the one before ends.
        self.link = next((node.link for node in reversed(self._nodes) if node.link), None)
        print(f"PostgreSQL        process {postgres.pid}, {postgres.url('postgres').rpartition('/')[0]}")
        for server in nats.servers.values():
            print(f"NATS {server.name}           process {server.pid}, {server.url}")
        for role, node in zip(NODES, self._nodes, strict=True):
            print(f"Parcelhook {role:<6} process {node.process.pid}, {node.url}")
        print(
            "kill -9 any worker, or one of NATS, and see that nothing is lost: feed on by either of the two with role api.\n"
        )

    @property
    def alive(self) -> bool:
        """Whether any node runs; that some do not is what a cluster is for."""
        return any(node.alive for node in self._nodes)

    def stop(self) -> None:
        """The nodes first, then what they stand on."""
        self._stack.close()


def main() -> int:
    """Until Ctrl-C."""
    parser = argparse.ArgumentParser(description="A small real cluster on this machine.")
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--shipments", type=int, default=6)
    parser.add_argument("--pace", type=float, default=0.35)
    parser.add_argument("--exit-after", action="store_true", help="stop by itself when all has arrived")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="parcelhook-cluster-") as folder:
        return run(
            Path(folder), port=given.port, shipments=given.shipments, pace_s=given.pace, exit_after=given.exit_after,
            start=Cluster,
        )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
