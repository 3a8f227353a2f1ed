"""`make bench-insights`: every question of the insights over 400 days, beside ten million attempts and two million shipments.

Counters are written as recording and accepting would have written them: attempts are drawn at random and added up, shipments go
through the store's own tallies, hours are summed up by the store's own step.
"""

from __future__ import annotations

import argparse
import random
import shutil
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Final

import msgspec
from sqlalchemy import Connection

from parcelhook.edge import delivery_figures, tracking_figures
from parcelhook.edge.insight_questions import DeliveryQuestion, TrackingQuestion
from parcelhook.shipping import shipment as shipping
from parcelhook.shipping.scan import Scan
from parcelhook.shipping.shipment import Estimate, Leg, Mark, Shipment, standing
from parcelhook.shipping.status import Status
from parcelhook.store import delivery_insights, ids, summing
from parcelhook.store import tracking_insights as tracking
from parcelhook.store.counting import ALL, bucket
from parcelhook.store.database import Database, Transaction, open_store
from parcelhook.store.insights import Range
from parcelhook.store.spans import DAY, HOUR
from parcelhook.store.tallies import Tallies
from parcelhook.store.tracking_insights import Whose
from shop import CARRIERS, parcels

ACCOUNT: Final = 1
DAYS: Final = 400
ENDPOINTS: Final = 40
ROUNDS: Final = 7
BEGIN, END = "<!-- Written by make bench-insights -->", "<!-- to here, bench-insights -->"
ANSWERS: Final = {
    (200, "passed"): 955, (500, "http_500"): 12, (0, "timed_out"): 10, (403, "http_403"): 7, (429, "http_429"): 6,
    (502, "http_502"): 4, (404, "http_404"): 3, (200, "not_json_body"): 3,
}  # fmt: skip


def main() -> int:
    """Fill, ask, print, write."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--attempts", type=int, default=10_000_000)
    parser.add_argument("--shipments", type=int, default=2_000_000)
    parser.add_argument("--data", type=Path, help="keep the store there, and use it again")
    parser.add_argument("--write", type=Path, help="the Markdown page whose table is replaced")
    args = parser.parse_args()
    folder = args.data or Path(mkdtemp(prefix="parcelhook-bench-"))
    now_s = int(time.time()) // 3_600 * 3_600
    fresh = not (folder / "parcelhook.db").exists()
    database = open_store(folder)
    try:
        if fresh:
            fill(database, args.attempts, args.shipments, now_s)
        text = ask(database, args.attempts, args.shipments, now_s)
    finally:
        database.close()
        if args.data is None:
            shutil.rmtree(folder)
    print(text)
    if args.write:
        page = args.write.read_text(encoding="utf-8")
        head, _, rest = page.partition(BEGIN)
        args.write.write_text(f"{head}{BEGIN}\n{text}{END}{rest.partition(END)[2]}", encoding="utf-8")
    return 0


def fill(database: Database, attempts: int, shipments: int, now_s: int) -> None:
    """Write the store."""
    database.write_now(lambda t: t.hot.insert("accounts", "id, name, created_ms", [(ACCOUNT, "shop", 0)]))
    fill_endpoints(database)
    say("attempts")
    fill_attempts(database, attempts, now_s // 3_600)
    say("hours summed up")
    started, steps = time.monotonic(), 0
    while done := database.write_now(lambda t: sum(summing.sum_up_step(t, now_s * 1_000) for _ in range(100))):
        steps += done
    say(f"{1_000 * (time.monotonic() - started) / max(1, steps):.1f} ms an hour of counters, beside its commit")
    say("shipments")
    fill_shipments(database, shipments, now_s)
    fill_waiting(database, 100_000)
    database.write_now(lambda t: None)


def fill_attempts(database: Database, attempts: int, end: int) -> None:
    """By the hour of the day as a shop has them, a few endpoints with most of them."""
    chance = random.Random(1)
    shape = [1, 1, 1, 1, 1, 2, 4, 7, 9, 10, 10, 9, 8, 9, 10, 10, 9, 8, 6, 4, 3, 2, 1, 1]
    endpoints, carriers = list(range(1, ENDPOINTS + 1)), list(CARRIERS)
    each = attempts // DAYS
    for day in range(DAYS):
        start = end - (DAYS - day) * 24
        drawn = zip(
            chance.choices(range(start, start + 24), shape, k=each),
            chance.choices(endpoints, [1 / number for number in endpoints], k=each),
            chance.choices((1, 2, 3), (15, 2, 83), k=each),
            chance.choices(carriers, [CARRIERS[name][0] for name in carriers], k=each),
            chance.choices(list(ANSWERS), list(ANSWERS.values()), k=each),
            strict=True,
        )
        counted: Counter[tuple[Any, ...]] = Counter()
        spent: Counter[tuple[int, ...]] = Counter()
        received: Counter[tuple[Any, ...]] = Counter()
        for hour, endpoint, kind, carrier, answer in drawn:
            counted[ACCOUNT, endpoint, hour, kind, carrier, *answer] += 1
            spent[ACCOUNT, endpoint, hour, bucket(chance.lognormvariate(4.5, 0.6))] += 1
            if kind == 3 and answer[1] == "passed":
                received[ACCOUNT, hour, carrier, bucket(1_000 * chance.lognormvariate(5, 1.2))] += 1
        database.write_now(lambda t, all_of=(counted, spent, received): _add(t, *all_of))


def _add(t: Transaction, counted: Counter[Any], spent: Counter[Any], received: Counter[Any]) -> None:
    key = "account_id, endpoint_id, hour, kind, carrier, http_code, cause, passed, retried, is_return, test"
    for which, number in list(counted.items()):
        counted[which[0], ALL, *which[2:]] += number
    found = [
        (*which, which[6] == "passed", False, False, False, number, number * (which[6] == "passed"), 0)
        for which, number in sorted(counted.items())
    ]
    t.hot.add("counters", key, "attempts, delivered, gave_up", found)
    for which, number in list(spent.items()):
        spent[which[0], ALL, *which[2:]] += number
    key = "account_id, endpoint_id, hour, bucket"
    t.hot.add("time_counters", key, "attempts", [(*which, number) for which, number in sorted(spent.items())])
    key = "account_id, hour, carrier, bucket"
    found = [(*which, number) for which, number in sorted(received.items())]
    t.hot.add("receipt_counters", key, "deliveries", found)


def fill_shipments(database: Database, count: int, now_s: int) -> None:
    """Each as its scans would have made it."""
    maker = ids.IdMaker()
    made = parcels(count, days=DAYS, until_s=now_s)
    while some := list(islice(made, 20_000)):
        database.write_now(lambda t, some=some: _add_shipments(t, some, maker, now_s))


_COLUMNS: Final = (
    "id, account_id, transaction_id, order_id, carrier, from_country, to_country, is_return, status, first_status_date, "
    "deadline, last_scan_date, on_the_way, known, updated_ms"
)


def _add_shipments(t: Transaction, some: Iterable[Any], maker: ids.IdMaker, now_s: int) -> None:
    tallies, found = Tallies(), []
    for parcel in some:
        shipment = _shipment(parcel)
        stands = standing(shipment)
        tallies.contribute(ACCOUNT, shipment, stands, 1)
        for date, status, message, city in parcel.scans:
            scan = Scan(source="easypost", date=date, status=status, message=message, city=city)
            tallies.scanned(ACCOUNT, shipment, scan)
        found.append((
            maker.next(), ACCOUNT, shipment.transaction_id, shipment.order_id, shipment.carrier, shipment.from_country,
            shipment.to_country, stands.returning, stands.status.value, stands.first_status_date,
            shipping.deadline(stands.est_delivery_date), stands.last_scan_date,
            stands.status is not Status.PENDING and not stands.status.ended, msgspec.msgpack.encode(shipment), now_s * 1_000,
        ))  # fmt: skip
    tallies.save(t)
    t.hot.insert("shipments", _COLUMNS, found)


def _shipment(parcel: Any) -> Shipment:
    marks = [Mark(date, status.rank, b"%08d" % date, status) for date, status, *_ in parcel.scans]
    moved = [mark for mark in marks if not mark.status.ended]
    ended = [mark for mark in marks if mark.status.ended]
    known = shipping.Parcel(
        f"{parcel.carrier[:2].upper()}{parcel.number:010d}",
        out=Leg(moved[-1] if moved else None, ended[-1] if ended else None),
        newest=marks[-1] if marks else None,
        first_status_date=next((date for date, status, *_ in parcel.scans if status is not Status.INFO_RECEIVED), 0),
        estimate=Estimate(marks[0].date, b"", parcel.promised_s) if parcel.promised_s and marks else None,
        seen=b"".join(mark.identity[:8] for mark in marks),
    )
    return Shipment(
        transaction_id=f"{parcel.number}_1", order_id=str(parcel.number), carrier=parcel.carrier, from_country=parcel.origin,
        to_country=parcel.target, is_return=parcel.is_return, from_order=True, parcels=(known,),
    )  # fmt: skip


def fill_waiting(database: Database, count: int) -> None:
    """Deliveries that wait, most of them for one endpoint."""
    maker = ids.IdMaker()
    chance = random.Random(2)
    columns = "id, account_id, endpoint_id, event_id, state, attempts, retries, due_ms, manual"
    first = maker.block(count)
    found = [
        (first + n, ACCOUNT, 1 if chance.random() < 0.6 else chance.randrange(1, ENDPOINTS + 1), n, 0, 1, 1, n, False)
        for n in range(count)
    ]

    database.write_now(lambda t: t.hot.insert("deliveries", columns, found))


def fill_endpoints(database: Database) -> None:
    """Their names are enough."""
    columns = (
        "id, account_id, url, label, events, sealed, retry_count, retry_schedule, response_rule, ordering, timeout_ms, "
        "rate_limit, concurrency, state, state_reason, verified, created_ms, updated_ms"
    )
    rest = ("https://shop.example/", "", "", b"", 0, "", "", "", 0, 0, 0, "", "", True, 0, 0)
    each = [(number, ACCOUNT, *rest) for number in range(1, ENDPOINTS + 1)]
    database.write_now(lambda t: t.hot.insert("endpoints", columns, each))


def questions(now_s: int) -> Iterator[tuple[str, Callable[[Connection], object]]]:
    """Every question, over ranges that begin and end in the middle of a day; and what a page asks, all at once."""
    end = now_s // 3_600 - 7
    for words, hours in {"a day": 24, "30 days": 30 * 24 + 5, "400 days": 399 * 24 + 11}.items():
        when = Range(end - hours, end)
        for name, question in _questions(when, now_s):
            yield f"{name}, {words}", question


def _questions(when: Range, now_s: int) -> Iterator[tuple[str, Callable[[Connection], object]]]:
    every, gls = Whose(), Whose(carrier="GLS")
    silent_s = now_s - 3 * 86_400
    yield "sent, by webhook, event, answer and cause", lambda c: delivery_insights.sent(c, ACCOUNT, when)
    yield "the same of one webhook", lambda c: delivery_insights.sent(c, ACCOUNT, when, 1)
    yield "waiting, and the oldest", lambda c: delivery_insights.waiting(c, ACCOUNT)
    yield (
        "where shipments stand; late, silent",
        lambda c: tracking.standing(c, ACCOUNT, every, now_s=now_s, silent_since_s=silent_s, most=50),
    )
    yield "delivered, late, exceptions, by carrier", lambda c: tracking.movement(c, ACCOUNT, when, every)
    step = DAY if when.end - when.first > 48 else HOUR
    yield "the same by the step, the trend", lambda c: tracking.movement_by(c, ACCOUNT, when, every, step)
    yield "days to delivery, by carrier", lambda c: tracking.transits(c, ACCOUNT, when)
    yield "days to delivery, by route", lambda c: tracking.transits_by_route(c, ACCOUNT, when)
    yield "the same of one carrier", lambda c: tracking.transits_by_route(c, ACCOUNT, when, gls.carrier)
    yield "scan to receipt, by carrier", lambda c: tracking.receipts(c, ACCOUNT, when)
    deliveries = DeliveryQuestion(when=when)
    asked = TrackingQuestion(when=when, before=None, whose=every, silent_days=3, now_s=now_s)
    yield "all of GET /v1/insights/deliveries", lambda c: delivery_figures.deliveries(c, ACCOUNT, deliveries, [])
    yield "all of GET /v1/insights/tracking", lambda c: tracking_figures.tracking(c, ACCOUNT, asked)


def ask(database: Database, attempts: int, shipments: int, now_s: int) -> str:
    """The table."""
    lines = ["| question | median | slowest | processor |", "| --- | ---: | ---: | ---: |"]
    for name, question in questions(now_s):
        took, used = [], []
        for _ in range(ROUNDS):
            started, begun = time.perf_counter(), time.thread_time()
            database.read_now(question)
            used.append(1_000 * (time.thread_time() - begun))
            took.append(1_000 * (time.perf_counter() - started))
        processor = statistics.median(used)
        lines.append(f"| {name} | {statistics.median(took):.0f} ms | {max(took):.0f} ms | {processor:.0f} ms |")
    size = (Path(database.place) / "parcelhook.db").stat().st_size / 1e9
    told = (
        f"{attempts:,} attempts and {shipments:,} shipments in {DAYS} days, {ENDPOINTS} endpoints, {len(CARRIERS)} carriers, "
        f"100,000 deliveries waiting; {size:.1f} GB. Python {sys.version.split()[0]}."
    )
    return "\n".join([*lines, "", told, ""])


def say(words: str) -> None:
    """Where it is."""
    print(f"[{time.strftime('%H:%M:%S')}] {words}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
