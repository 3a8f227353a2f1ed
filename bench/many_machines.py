"""`make bench-many`: what a delivery costs on PostgreSQL, and with JetStream before it, beside the embedded store in the same
run; how long each fault keeps events waiting; whether a million due deliveries slow a claim. All on loopback, all bounded.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import sys
import tempfile
import threading
import time
import urllib.error
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psycopg

import processes
from nats_server import Nats, NatsCluster
from parcelhook.store import claiming
from parcelhook.store.claiming import Want
from parcelhook.store.database import Database, open_store
from parcelhook.store.vault import new_key
from postgres import Postgres
from processes import Parcelhook, Receiver, cpu_s
from run import feed_and_wait, load

BEGIN, END = "<!-- Written by make bench-many -->", "<!-- to here, of many machines -->"
KINDS = ("embedded store", "PostgreSQL", "PostgreSQL and JetStream")
SETTLE_S = 3.0  # until a node has its partitions


def main() -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="smaller counts, one round")
    parser.add_argument(
        "--only", default="cprl", help="which parts: c costs, p what one node can do, r recoveries, l claims"
    )
    parser.add_argument("--write", type=Path, help="the Markdown page whose table is replaced")
    args = parser.parse_args()
    parts = {
        "c": lambda: costs(rounds=1 if args.quick else 3, count=6_000 if args.quick else 30_000),
        "p": lambda: capacities(rounds=1 if args.quick else 3, count=6_000 if args.quick else 30_000),
        "r": lambda: recoveries(rounds=1 if args.quick else 3),
        "l": lambda: claims(count=50_000 if args.quick else 1_000_000),
    }
    lines = [line for part in args.only for line in parts[part]()]
    text = "\n".join(lines)
    print(text)
    if args.write:
        page = args.write.read_text(encoding="utf-8")
        head, _, rest = page.partition(BEGIN)
        args.write.write_text(f"{head}{BEGIN}\n{text}\n{END}{rest.partition(END)[2]}", encoding="utf-8")
    return 0


def costs(*, rounds: int, count: int) -> list[str]:
    """Rate and processor time a delivery, of all processes together, in turn."""
    found: dict[tuple[str, int], list[tuple[float, float]]] = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        receiver = stack.enter_context(processes.receiver())
        postgres = stack.enter_context(Postgres(folder / "pg"))
        for number in range(rounds):
            for batch, connections in ((100, 8), (1, 128)):
                for kind in KINDS:
                    say(f"round {number + 1} of {rounds}: {kind}, {batch} a request")
                    settings = {} if kind == KINDS[0] else shared(postgres)
                    beside = [] if kind == KINDS[0] else [postgres.pid]
                    with ExitStack() as own:
                        if kind == KINDS[2]:
                            nats = own.enter_context(Nats(folder / f"nats-{number}-{batch}"))
                            settings["NATS_URL"] = nats.url
                            beside.append(nats.pid)
                        some = count if batch > 1 else count // 2
                        cost = one_cost(receiver, settings, beside, count=some, batch=batch, connections=connections)
                    found.setdefault((kind, batch), []).append(cost)
    lines = [
        "| on one machine, all processes together | deliveries | processor time each | of the embedded store |",
        "| --- | --- | --- | --- |",
    ]
    for (kind, batch), costs_of in found.items():
        rate = statistics.median(rate for rate, _ in costs_of)
        cpu = statistics.median(cpu for _, cpu in costs_of)
        base = statistics.median(cpu for _, cpu in found[KINDS[0], batch])
        fed = "100 events a request" if batch > 1 else "one event a request"
        ratio = "" if kind == KINDS[0] else f"{cpu / base:.1f}x"
        lines.append(f"| {kind}, {fed} | {rate:,.0f}/s | {cpu:.0f} µs | {ratio} |")
    return [*lines, ""]


def one_cost(
    receiver: Receiver, settings: dict[str, str], beside: list[int], *, count: int, batch: int, connections: int
) -> tuple[float, float]:
    """Deliveries a second, and microseconds of processor time each."""
    with processes.parcelhook(**settings) as server:
        server.connect(receiver.url + "/fast", "tracking_update", concurrency=64)
        time.sleep(SETTLE_S if settings else 0)
        feed_and_wait(receiver, server, 500, batch=batch, connections=4)  # warm
        before = server.cpu_s() + sum(map(cpu_s, beside))
        rate = feed_and_wait(receiver, server, count, batch=batch, connections=connections)
        return rate, (server.cpu_s() + sum(map(cpu_s, beside)) - before) / count * 1e6


def capacities(*, rounds: int, count: int) -> list[str]:
    """What one node can do of each thing alone, and what it writes: what an estimate for many is made from."""
    found: dict[str, list[float]] = {}

    def note(name: str, value: float) -> None:
        found.setdefault(name, []).append(value)

    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        receiver = stack.enter_context(processes.receiver())
        postgres = stack.enter_context(Postgres(folder / "pg"))
        for number in range(rounds):
            say(f"what one node can do, {number + 1} of {rounds}")
            settings = shared(postgres)
            with processes.parcelhook(**settings) as server, open_database(settings) as database:
                time.sleep(SETTLE_S)
                before, node, store = now(database), server.cpu_s(), cpu_s(postgres.pid)
                note("accepted into PostgreSQL", count / fed(server, count))
                note("accepted: node µs", (server.cpu_s() - node) / count * 1e6)
                note("accepted: PostgreSQL µs", (cpu_s(postgres.pid) - store) / count * 1e6)
                note("accepted: WAL bytes", (now(database)[0] - before[0]) / count)
                server.connect(receiver.url + "/fast", "tracking_update", concurrency=64)
                feed_and_wait(receiver, server, 500, batch=100, connections=4)
                before, node, store = now(database), server.cpu_s(), cpu_s(postgres.pid)
                feed_and_wait(receiver, server, count, batch=100, connections=8)
                time.sleep(1)
                after = now(database)
                note("accepted and delivered: node µs", (server.cpu_s() - node) / count * 1e6)
                note("accepted and delivered: PostgreSQL µs", (cpu_s(postgres.pid) - store) / count * 1e6)
                note("accepted and delivered: WAL bytes", (after[0] - before[0]) / count)
                note("accepted and delivered: bytes on disk", (after[1] - before[1]) / count)
            settings = shared(postgres)
            with (
                Nats(folder / f"nats-{number}") as nats,
                processes.parcelhook(**settings, NATS_URL=nats.url) as server,
                open_database(settings) as database,
            ):
                time.sleep(SETTLE_S)
                began = time.monotonic()
                note("accepted into JetStream", count / fed(server, count))
                while database.execute("SELECT count(*) FROM events").fetchone() != (count,):
                    time.sleep(0.05)
                note("accepted and taken on by the same node", count / (time.monotonic() - began))
    units = {
        "accepted into PostgreSQL": "/s",
        "accepted into JetStream": "/s",
        "accepted and taken on by the same node": "/s",
    }
    lines = ["| one node, 100 events a request | |", "| --- | --- |"]
    for name, values in found.items():
        words, _, unit = name.rpartition(" ") if name.endswith("µs") else (name, "", units.get(name, " bytes"))
        words = words.replace(" bytes", "").replace("bytes on disk", "on disk")
        lines.append(
            f"| {words} | {statistics.median(values):,.0f}{' µs an event' if unit == 'µs' else unit if unit == '/s' else ' bytes an event'} |"
        )
    return [*lines, ""]


def fed(server: Parcelhook, count: int) -> float:
    """Seconds until so many events are accepted."""
    told = load(server, events=count, batch=100, connections=8)
    return (int(str(told["accepted_ns"])) - int(str(told["started_ns"]))) / 1e9


@contextmanager
def open_database(settings: dict[str, str]) -> Iterator[psycopg.Connection[Any]]:
    """The node's database, to look at."""
    with psycopg.connect(settings["DATABASE_URL"], autocommit=True) as connection:
        yield connection


def now(database: psycopg.Connection[Any]) -> tuple[int, int]:
    """How much was ever written to its log, and how large it is."""
    query = "SELECT (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::bigint, pg_database_size(current_database())"
    row = database.execute(query).fetchone()
    assert row is not None
    return int(row[0]), int(row[1])


def shared(postgres: Postgres) -> dict[str, str]:
    """The settings of a node on a new database."""
    return {"DATABASE_URL": postgres.url(postgres.new_database()), "SECRET_KEY": new_key()}


class Stream:
    """Feeds an event every few milliseconds, and notes for how long at most none was accepted, and none arrived."""

    def __init__(self, server: Parcelhook, receiver: Receiver) -> None:
        self._server = server
        self._receiver = receiver
        self._ended = threading.Event()
        self._accepted: list[float] = []
        self._sent = 0
        self._thread = threading.Thread(target=self._feed, daemon=True)

    def __enter__(self) -> Stream:
        self._receiver.reset()
        self._thread.start()
        time.sleep(2)
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join(60)

    def gaps(self, happened: float) -> tuple[float, float]:
        """Seconds without an acceptance, and without a receipt, since then; once all that was accepted has arrived."""
        self._ended.set()
        self._thread.join(60)
        deadline = time.monotonic() + 90
        while self._receiver.stats()["distinct"] < len(self._accepted):
            if time.monotonic() > deadline:
                raise RuntimeError(
                    f"{len(self._accepted) - self._receiver.stats()['distinct']} were accepted and did not arrive"
                )
            time.sleep(0.05)
        arrived = sorted(when / 1e9 for when in self._receiver.times().values())
        return longest(self._accepted, happened), longest(arrived, happened)

    def _feed(self) -> None:
        while not self._ended.is_set():
            self._sent += 1
            event = {
                "Event": "TRACKING_UPDATE",
                "TransactionID": f"r{self._sent}_1",
                "date": 1_700_000_000,
                "code": 3,
                "message": "m",
                "id": f"r{self._sent}",
            }
            while not self._ended.is_set():
                try:
                    self._server.call("/v1/events", event)
                except (urllib.error.URLError, OSError):
                    time.sleep(0.01)
                else:
                    self._accepted.append(time.monotonic())
                    break
            time.sleep(0.004)


def longest(moments: list[float], since: float) -> float:
    """The longest time between two of them from then on."""
    later = [moment for moment in moments if moment >= since - 0.5]
    return max((after - before for before, after in itertools.pairwise(later)), default=0.0)


def recoveries(*, rounds: int) -> list[str]:
    """How long a fault is felt: by who feeds in, and by who receives."""
    words = {
        "a worker of two is killed (-9), its half waits": worker_killed,
        "a worker of two is stopped in order": worker_stopped,
        "PostgreSQL is killed and started again": postgres_killed,
        "the same, with JetStream before it": postgres_killed_behind_stream,
        "of three NATS servers the leader of the stream is killed": leader_killed,
    }
    lines = ["| fault, under load | longest without an acceptance | longest without a receipt |", "| --- | --- | --- |"]
    for name, fault in words.items():
        found = []
        for number in range(rounds):
            say(f"{name}, {number + 1} of {rounds}")
            with ExitStack() as stack:
                found.append(fault(stack))
        accepted, arrived = (max(figures) for figures in zip(*found, strict=True))
        lines.append(f"| {name} | {accepted:.1f} s | {arrived:.1f} s |")
    return [*lines, ""]


def started(stack: ExitStack, *roles: str, **more: str) -> tuple[Postgres, list[Parcelhook], Receiver]:
    """A database, nodes of these roles on it, a receiver connected to it at many paths."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    receiver = stack.enter_context(processes.receiver())
    postgres = stack.enter_context(Postgres(folder / "pg"))
    settings = {**shared(postgres), **more}
    nodes = [stack.enter_context(processes.parcelhook(**settings, ROLE=role)) for role in roles]
    return postgres, nodes, receiver


def felt(nodes: list[Parcelhook], receiver: Receiver, fault: Callable[[], None], rest_s: float) -> tuple[float, float]:
    """The gaps around a fault."""
    nodes[0].connect(receiver.url + "/fast", "tracking_update", concurrency=16)
    time.sleep(SETTLE_S)
    with Stream(nodes[0], receiver) as stream:
        happened = time.monotonic()
        fault()
        time.sleep(rest_s)
        return stream.gaps(happened)


def worker_killed(stack: ExitStack) -> tuple[float, float]:
    """The one that delivers for the endpoint."""
    _, nodes, receiver = started(stack, "api", "worker", "worker")
    return felt(nodes, receiver, lambda: busiest(nodes[1:]).kill(), 20)


def worker_stopped(stack: ExitStack) -> tuple[float, float]:
    """The same, by SIGTERM."""
    _, nodes, receiver = started(stack, "api", "worker", "worker")
    return felt(nodes, receiver, lambda: busiest(nodes[1:]).terminate(), 6)


def postgres_killed(stack: ExitStack) -> tuple[float, float]:
    """kill -9 of all of it, and up again after a second."""
    postgres, nodes, receiver = started(stack, "all")
    return felt(nodes, receiver, lambda: again(postgres), 12)


def postgres_killed_behind_stream(stack: ExitStack) -> tuple[float, float]:
    """Events are accepted all the while."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    nats = stack.enter_context(Nats(folder / "nats"))
    postgres, nodes, receiver = started(stack, "all", NATS_URL=nats.url)
    return felt(nodes, receiver, lambda: again(postgres), 12)


def leader_killed(stack: ExitStack) -> tuple[float, float]:
    """kill -9; the two others choose a new one."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    servers = stack.enter_context(NatsCluster(folder / "nats"))
    _, nodes, receiver = started(stack, "all", NATS_URL=servers.url, NATS_REPLICAS="3")

    def fault() -> None:
        servers.servers[servers.leader("PARCELHOOK")].kill()

    return felt(nodes, receiver, fault, 15)


def again(postgres: Postgres) -> None:
    """Killed, and started after a second."""
    postgres.kill()
    time.sleep(1)
    postgres.start()


def busiest(workers: list[Parcelhook]) -> Parcelhook:
    """The one that has just delivered most: with one endpoint, its owner."""
    before = [worker.cpu_s() for worker in workers]
    time.sleep(1)
    used = [worker.cpu_s() - cpu for worker, cpu in zip(workers, before, strict=True)]
    return workers[used.index(max(used))]


def claims(*, count: int) -> list[str]:
    """How long a claim takes for an endpoint with ten due, alone and beside one with very many."""
    say(f"claims beside {count:,} due")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        postgres = stack.enter_context(Postgres(folder / "pg"))
        database = open_store(folder, postgres.url(postgres.new_database()))
        stack.callback(database.close)
        put(database, 1, 1, 10)
        few = claim_ms(database, 1)
        for start in range(0, count, 50_000):
            put(database, 2, 100 + start, 50_000)
        database.write_now(lambda transaction: None)
        beside, many = claim_ms(database, 1), claim_ms(database, 2)
        endpoints = timed(lambda: database.write_now(claiming.pending_endpoints))
    return [
        f"| claims on PostgreSQL, with {count:,} deliveries due | time |",
        "| --- | --- |",
        f"| for an endpoint with ten due, nothing else in the store | {few:.1f} ms |",
        f"| for the same, beside an endpoint with {count:,} due | {beside:.1f} ms |",
        f"| for that one, 512 at once with their events | {many:.1f} ms |",
        f"| which endpoints have anything due | {endpoints:.1f} ms |",
        "",
    ]


def put(database: Database, endpoint: int, first: int, count: int) -> None:
    """Deliveries that are due, each with its event."""
    numbers = range(first, first + count)
    body = b'{"Event":"TRACKING_UPDATE"}' + b" " * 400
    events = [(n, 1, 3, None, "1", f"{n}_1", "GLS", False, n, body) for n in numbers]
    due = [(n, 1, endpoint, n, 0, 0, 0, n, False, None) for n in numbers]
    columns = "id, account_id, kind, given_id, order_id, transaction_id, carrier, is_return, accepted_ms, body"
    database.write_now(lambda t: t.hot.insert("events", columns, events))
    waiting = "id, account_id, endpoint_id, event_id, state, attempts, retries, due_ms, manual, strict_key"
    database.write_now(lambda t: t.hot.insert("deliveries", waiting, due))


def claim_ms(database: Database, endpoint: int) -> float:
    """The median of some claims."""
    want = Want(endpoint_id=endpoint, room=512, held=frozenset())
    return statistics.median(
        timed(lambda: database.write_now(lambda t: claiming.claim(t, [want], 1 << 50))) for _ in range(15)
    )


def timed(what: Callable[[], object]) -> float:
    """Milliseconds."""
    began = time.perf_counter()
    what()
    return (time.perf_counter() - began) * 1_000


def say(text: str) -> None:
    """What is going on, to who watches."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
