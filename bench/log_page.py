"""Measures the dashboard on a long log: the log page under every filter, the overview, the list of webhooks.

    make bench-log                 a million attempts
    make bench-log LINES=10000000  ten million

A real server on the filled store is asked over HTTP on a connection that is kept open; what counts is from the request
sent to the last byte of the page. Each page is asked for several times, the first time included in the maximum. Beside it
stands the processor time that the server took for a page, which other work on the machine does not lengthen so much.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

import httpx
from msgspec import Struct

from log_store import ABSENT_CARRIER, DAYS, RARE_CARRIER, RARE_CODE, WEBHOOKS, fill
from parcelhook import times
from parcelhook.store import ids
from processes import MEASURED, process

ROUNDS = 7
MOST_MS = 50  # of a log page, by the median
MOST_BYTES = 100_000  # of its HTML
PASSWORD = "a long one for the bench"


class Page(Struct, frozen=True):
    """What a page took, several times over."""

    name: str
    took_ms: list[float]
    busy_ms: float  # of the server's processor, for one page
    size: int
    lines: int

    @property
    def median(self) -> float:
        return statistics.median(self.took_ms)


def main() -> None:
    """By the arguments."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--write", type=Path, help="the document whose table is written anew")
    args = parser.parse_args()
    now_ms = times.now_ms()
    with tempfile.TemporaryDirectory(prefix="parcelhook-log-") as folder:
        data = Path(folder) / "data"
        started = time.monotonic()
        webhooks, migrated_s = fill(data, args.lines, now_ms)
        size_mb = (data / "parcelhook.db").stat().st_size / 2**20
        print(
            f"filled in {time.monotonic() - started:.0f} s, {migrated_s:.0f} s of them the migration; {size_mb:,.0f} MB"
        )
        with visitor(data) as (client, server):
            found = [measure(client, server, name, path) for name, path in pages(client, webhooks, now_ms)]
    table = report(found, args.lines)
    print(table)
    if args.write:
        write(args.write, table, args.lines)
    slow = [page.name for page in found if page.name.startswith("log") and page.median > MOST_MS]
    if slow or max(page.size for page in found if page.name.startswith("log")) > MOST_BYTES:
        sys.exit(f"beyond {MOST_MS} ms or {MOST_BYTES:,} bytes: {', '.join(slow)}")


@contextmanager
def visitor(data: Path) -> Iterator[tuple[httpx.Client, int]]:
    """Somebody who is logged in to a server on that store, by the link that its first start prints; and the server's pid."""
    settings = {"PARCELHOOK_DATA": str(data), "PARCELHOOK_PORT": "0", "PARCELHOOK_RETENTION_DAYS": "0"}
    with process([sys.executable, "-m", "parcelhook.cli.main", "serve"], MEASURED, **settings) as running:
        assert running.stdout is not None
        link = running.stdout.readline().split()[-1]
        for line in running.stdout:
            if "ready at" in line:
                break
        with httpx.Client(base_url=link.partition("/welcome")[0], timeout=60) as client:
            token = re.search(r'name="_csrf" value="(\w+)"', client.get(link).text)
            assert token is not None
            client.post(link, data={"_csrf": token[1], "email": "bench@shop.example", "password": PASSWORD})
            yield client, running.pid


def pages(client: httpx.Client, webhooks: list[str], now_ms: int) -> Iterator[tuple[str, str]]:
    """The pages to ask for, by name."""

    def logs(**filters: str) -> str:
        return "/logs?" + urlencode({name.rstrip("_"): value for name, value in filters.items()})

    def ago(days: float) -> str:
        return times.iso(now_ms - int(days * 86_400_000))

    def cursor(days: float) -> str:
        return ids.public(ids.Prefix.ATTEMPT, ids.first_id_at(now_ms - int(days * 86_400_000)))

    one, paused = webhooks[3], webhooks[-1]
    middle = re.search(r"/logs/(att_\w+)", client.get(logs(cursor=cursor(DAYS / 2))).text)
    assert middle is not None
    yield "log, no filter", "/logs"
    yield "log, one webhook", logs(endpoint=one)
    yield "log, a webhook that nothing was sent to", logs(endpoint=paused)
    yield "log, Order Shipped", logs(event="order_shipped")
    yield "log, Order Error", logs(event="order_error")
    yield "log, failed", logs(result="failed")
    yield "log, passed", logs(result="passed")
    yield "log, first attempts", logs(retry="0")
    yield "log, retries", logs(retry="any")
    yield "log, retry 3", logs(retry="3")
    yield "log, retry 9 (none)", logs(retry="9")
    yield "log, code 403", logs(code="403")
    yield "log, a rare code", logs(code=str(RARE_CODE))
    yield "log, a code that never came", logs(code="204")
    yield "log, 5xx", logs(code="5xx")
    yield "log, 3xx (none)", logs(code="3xx")
    yield "log, no answer", logs(code="none")
    yield "log, one carrier", logs(carrier="GLS")
    yield "log, a rare carrier", logs(carrier=RARE_CARRIER)
    yield "log, a carrier that never came", logs(carrier=ABSENT_CARRIER)
    yield "log, returns", logs(return_="true")
    yield "log, tests (none)", logs(test="true")
    yield "log, one order", logs(order_id="10000500")
    yield "log, one shipment", logs(transaction_id="10000500_1")
    yield "log, a tracking number", logs(tracking="WZ10000500")
    yield "log, search", logs(search="WZ10000500")
    yield "log, search for nothing", logs(search="nothing")
    yield "log, last hour", logs(period="1h")
    yield "log, an old day", logs(since=ago(20), until=ago(19))
    yield "log, one webhook and a rare carrier", logs(endpoint=one, carrier=RARE_CARRIER)
    yield "log, one carrier and a rare code", logs(carrier="GLS", code=str(RARE_CODE))
    yield "log, returns of a rare carrier", logs(return_="true", carrier=RARE_CARRIER)
    yield "log, retry 3 of returns", logs(retry="3", return_="true")
    yield "log, Order Error of a rare carrier, failed", logs(event="order_error", carrier=RARE_CARRIER, result="failed")
    yield "log, all filters at once", logs(
        endpoint=one, event="tracking_update", result="failed", retry="any", code="5xx", carrier="GLS", return_="true",
        since=ago(25), until=ago(1),
    )  # fmt: skip
    yield "log, 28 days deep", logs(cursor=cursor(28))
    yield "log, failed of one carrier, 28 days deep", logs(cursor=cursor(28), result="failed", carrier="GLS")
    yield "log, a rare carrier, 15 days deep", logs(cursor=cursor(15), carrier=RARE_CARRIER)
    yield "one attempt", f"/logs/{middle[1]}"
    yield "one attempt, its neighbours of a rare carrier", f"/logs/{middle[1]}?{urlencode({'carrier': RARE_CARRIER})}"
    yield "overview, a day", "/"
    yield "overview, a week", "/?range=7d"
    yield "overview, a month", "/?range=30d"
    yield f"{WEBHOOKS} webhooks", "/webhooks"
    yield "one webhook, a month", f"/webhooks/{one}?range=30d"
    yield "events", "/events"
    yield "events, a tracking number", "/events?search=WZ10000500"


def measure(client: httpx.Client, server: int, name: str, path: str) -> Page:
    """Ask for a page several times."""
    took = []
    before = busy_ms(server)
    for _ in range(ROUNDS):
        started = time.perf_counter()
        answer = client.get(path)
        took.append((time.perf_counter() - started) * 1_000)
        assert answer.status_code == 200, (path, answer.status_code)
    busy = (busy_ms(server) - before) / ROUNDS
    return Page(name, took, busy, len(answer.content), answer.text.count("<tr id="))


def busy_ms(pid: int) -> float:
    """The processor time of all threads of a process so far."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e6


def report(found: list[Page], lines: int) -> str:
    """The figures as a table."""
    rows = [f"| {lines:,} attempts | median | slowest of {ROUNDS} | processor | lines | HTML |"]
    rows.append("| --- | --- | --- | --- | --- | --- |")
    rows += [
        f"| {page.name} | {page.median:.0f} ms | {max(page.took_ms):.0f} ms | {page.busy_ms:.0f} ms | {page.lines or ''} | {page.size / 1_000:.0f} KB |"
        for page in found
    ]
    return "\n".join(rows) + f"\n\n{os.cpu_count()} processors; Python {platform.python_version()}.\n"


def write(path: Path, table: str, lines: int) -> None:
    """Put the table in its place."""
    begin, end = f"<!-- Written by make bench-log, {lines:,} lines -->\n", "<!-- to here, bench-log -->"
    before, found, rest = path.read_text().partition(begin)
    assert found, f"{path} has no place for {lines:,} lines"
    path.write_text(before + begin + table + rest[rest.index(end) :])


if __name__ == "__main__":
    main()
