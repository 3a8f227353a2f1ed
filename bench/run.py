"""`make bench`: the story of the measurements, a to d, and the table they end in. All on loopback, all bounded."""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import celery_baseline
import processes
from processes import BESIDE, HERE, MEASURED, Parcelhook, Receiver
from report import Figures, write

ARRIVE_LIMIT_S = 180.0
BEGIN, END = "<!-- Written by make bench -->", "<!-- to here -->"  # what of the page is replaced


def main() -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="smaller counts, one round")
    parser.add_argument("--only", default="abcd", help="which parts, such as ac")
    parser.add_argument("--write", type=Path, help="the Markdown page whose table is replaced")
    args = parser.parse_args()
    figures = Figures()
    with processes.receiver() as receiver:
        if {"a", "b", "c"} & set(args.only):
            throughput(
                receiver, figures, args.only, rounds=1 if args.quick else 3, count=20_000 if args.quick else 60_000
            )
        if "c" in args.only:
            latency(receiver, figures, seconds=5 if args.quick else 20)
            memory(receiver, figures, count=50_000 if args.quick else 1_000_000)
        if "d" in args.only:
            isolation(receiver, figures, seconds=5 if args.quick else 20, dead=10_000 if args.quick else 100_000)
    text = write(figures)
    print(text)
    if args.write:
        page = args.write.read_text(encoding="utf-8")
        head, _, rest = page.partition(BEGIN)
        args.write.write_text(f"{head}{BEGIN}\n{text}{END}{rest.partition(END)[2]}", encoding="utf-8")
    return 0


def throughput(receiver: Receiver, figures: Figures, only: str, *, rounds: int, count: int) -> None:
    """(a), (b) and (c) in turn, so that a machine whose speed drifts drifts for all."""
    missing = celery_baseline.missing()
    for number in range(rounds):
        say(f"throughput, round {number + 1} of {rounds}")
        if "a" in only:
            receiver.reset()
            command = [sys.executable, str(HERE / "bare_curl.py"), receiver.url + "/bare", str(count)]
            with processes.process(command, MEASURED) as bare:
                assert bare.stdout is not None
                figures.add("bare", float(bare.stdout.readline()))
        if "b" in only:
            if missing:
                figures.skip("celery", missing)
            else:
                figures.add("celery", celery_baseline.run(receiver, min(count, 5_000)))
        if "c" in only:
            for batch, name, connections in ((1, "singly", 128), (100, "hundreds", 8)):
                with processes.parcelhook() as server:
                    server.connect(receiver.url + "/fast", "tracking_update", concurrency=64)
                    feed_and_wait(receiver, server, 500, batch=batch, connections=4)  # warm
                    before = server.cpu_s()
                    rate = feed_and_wait(receiver, server, count, batch=batch, connections=connections)
                    figures.add(name, rate)
                    figures.add(f"{name}_cpu_us", (server.cpu_s() - before) / count * 1e6)


def feed_and_wait(receiver: Receiver, server: Parcelhook, count: int, *, batch: int, connections: int) -> float:
    """Deliveries per second, from the first request sent to the last receipt; every one counted by its id."""
    receiver.reset()
    fed = load(server, events=count, batch=batch, connections=connections)
    stats = wait_for(receiver, count)
    assert stats["distinct"] == count, stats
    if stats["requests"] != count:
        say(f"{stats['requests'] - count} of {count} were sent twice")
    return count / ((stats["last_ns"] - fed["started_ns"]) / 1e9)


def latency(receiver: Receiver, figures: Figures, *, seconds: int) -> None:
    """From the feeder's send to the receipt, at 50 events a second."""
    say("latency at 50 events a second")
    with processes.parcelhook() as server:
        server.connect(receiver.url + "/fast", "tracking_update")
        at_fifty(receiver, server, 2)  # warm
        figures.add_all("latency_ms", at_fifty(receiver, server, seconds))


def memory(receiver: Receiver, figures: Figures, *, count: int) -> None:
    """With that many deliveries due for an endpoint that never answers."""
    say(f"memory with {count:,} deliveries due")
    with processes.parcelhook() as server:
        server.connect(receiver.url + "/hang", "tracking_update")
        figures.add("memory_idle_mb", server.memory_mb())
        peak = 0.0
        for start in range(0, count, 50_000):
            load(server, events=min(50_000, count - start), batch=1_000, connections=4)
            peak = max(peak, server.memory_mb())
        figures.add("memory_mb", peak)
        figures.note("memory_count", count)


def isolation(receiver: Receiver, figures: Figures, *, seconds: int, dead: int) -> None:
    """(d) The latency of a healthy endpoint without and with a dead one beside it, in turn."""
    say(f"isolation from a dead endpoint with {dead:,} deliveries due")
    with contextlib.ExitStack() as stack:
        alone = stack.enter_context(processes.parcelhook())
        alone.connect(receiver.url + "/fast", "tracking_update")
        beside = stack.enter_context(processes.parcelhook())
        beside.connect(receiver.url + "/fast", "tracking_update")
        beside.connect(receiver.url + "/hang", "order_error")
        load(beside, events=dead, batch=1_000, connections=4, kind="ORDER_ERROR")
        for server in (alone, beside):
            at_fifty(receiver, server, 2)  # warm
        for _ in range(3):
            figures.add_all("alone_ms", at_fifty(receiver, alone, seconds))
            figures.add_all("beside_ms", at_fifty(receiver, beside, seconds))
        figures.note("dead_count", dead)


def at_fifty(receiver: Receiver, server: Parcelhook, seconds: int) -> list[float]:
    """Milliseconds from send to receipt of each event."""
    receiver.reset()
    fed = load(server, events=50 * seconds, pace=50)
    wait_for(receiver, 50 * seconds)
    arrived = receiver.times()
    return [(arrived[name] - at) / 1e6 for name, at in fed["sent"].items()]


def load(server: Parcelhook, *, events: int, **options: object) -> dict[str, object]:
    """Run the load generator beside, for so many shipments that the server has not heard of; what it says."""
    command = [sys.executable, str(HERE / "load.py"), "--port", server.url.rpartition(":")[2], "--key", server.key]
    command += ["--events", str(events), "--first", str(server.fed)]
    server.fed += events
    for name, value in options.items():
        command += [f"--{name}", str(value)]
    done = subprocess.run(
        ["taskset", "-c", str(BESIDE), *command], check=True, capture_output=True, text=True, timeout=ARRIVE_LIMIT_S
    )
    found: dict[str, object] = json.loads(done.stdout)
    return found


def wait_for(receiver: Receiver, count: int) -> dict[str, int]:
    """The receiver's counts once everything has arrived."""
    deadline = time.monotonic() + ARRIVE_LIMIT_S
    pause: Callable[[], None] = lambda: time.sleep(0.05)  # noqa: E731  (a poll of the receiver, not a test)
    while (stats := receiver.stats())["distinct"] < count:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{stats['distinct']} of {count} arrived")
        pause()
    return stats


def say(what: str) -> None:
    """Progress, to standard error."""
    print(what, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
