"""Fills a store with a long log, as a busy merchant's would be after a month: 40 webhooks, five carriers, nine in ten passed.

The rows go by bulk into the schema that knew no counters yet; opening the store then migrates it, which counts all of
them. So the counters are what recording would have left, and how long a migration of so much takes is measured too.
"""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

from parcelhook import store
from parcelhook.shipping.events import EventKind, encode, sample
from parcelhook.store import endpoints, ids
from parcelhook.store.database import Transaction, open_store
from parcelhook.store.rows import KINDS
from parcelhook.store.vault import Vault, key_in_file
from parcelhook.webhooks.endpoint import Endpoint, EndpointState, SigningSecret
from parcelhook.webhooks.signature import new_secret

DAYS = 30
WEBHOOKS = 40
WAITING = 20_000  # deliveries that wait for the last webhook, which is paused
CARRIERS = ("GLS", "UPS", "DHL", "FedEx", "BRT")
RARE_CARRIER = "Pony Express"  # one event in every hundred thousand
ABSENT_CARRIER = "Carrier Pigeon"
RARE_CODE = 418  # one attempt in every fifty thousand
FAULTS = ((500, "500"), (403, "403"), (404, "404"), (503, "503"), (0, "connect_timeout"), (0, "refused"))
ACCOUNT = 1
BULK = 20_000

Row = tuple[object, ...]


def fill(folder: Path, lines: int, now_ms: int) -> tuple[list[str], float]:
    """Make a store with so many lines of the log; the ids of its webhooks, and the seconds that the migration took."""
    folder.mkdir(parents=True)
    path = folder / "parcelhook.db"
    _schema_before(path)
    maker = ids.IdMaker()
    webhooks = [maker.next() for _ in range(WEBHOOKS)]
    raw = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=OFF", "cache_size=-200000"):
        raw.execute(f"PRAGMA {pragma}").fetchall()
    raw.execute("INSERT INTO accounts VALUES (?, 'default', 0)", (ACCOUNT,))
    made = _made(lines, webhooks, now_ms)
    while some := list(islice(made, BULK)):
        raw.execute("BEGIN")
        for table, places in (("events", 10), ("deliveries", 12), ("attempts", 19), ("exchanges", 13)):
            _insert(raw, table, places, [row for name, row in some if name == table])
        raw.execute("COMMIT")
    raw.close()
    started = time.monotonic()
    database = open_store(folder)
    took_s = time.monotonic() - started
    vault = Vault((key_in_file(folder / "secret.key"),))
    database.write_now(lambda transaction: _connect(transaction, webhooks, vault, now_ms))
    database.close()
    return [ids.public(ids.Prefix.ENDPOINT, number) for number in webhooks], took_s


def _schema_before(path: Path) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(store.__file__).parent / "migrations"))
    engine = create_engine(f"sqlite:///{path}", isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    engine.dispose()


def _insert(raw: sqlite3.Connection, table: str, places: int, rows: list[Row]) -> None:
    raw.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * places)})", rows)


def _connect(transaction: Transaction, webhooks: list[int], vault: Vault, now_ms: int) -> None:
    for order, number in enumerate(webhooks):
        paused = order == len(webhooks) - 1
        endpoint = Endpoint(
            id=number, account_id=ACCOUNT, url=f"https://shop-{order}.example/webhooks", label=f"Shop {order}",
            events=frozenset(EventKind), retry_count=3, secrets=(SigningSecret(new_secret(bytes(32))),), verified=True,
            state=EndpointState.DISABLED if paused else EndpointState.ACTIVE,
            state_reason="Paused by the bench." if paused else "", created_ms=now_ms, updated_ms=now_ms,
        )  # fmt: skip
        endpoints.insert(transaction.sql, endpoint, vault)


def _made(lines: int, webhooks: list[int], now_ms: int) -> Iterator[tuple[str, Row]]:
    """Rows of all tables in the order of time; an event goes to two webhooks, and one attempt in ten fails."""
    chance = random.Random(7)
    bodies = {number: encode(sample(kind)) for number, kind in KINDS.items()}
    start_ms, span_ms = now_ms - DAYS * 86_400_000, DAYS * 86_400_000
    active, paused = webhooks[:-1], webhooks[-1]
    event: Row = ()
    for line in range(lines):
        at = start_ms + span_ms * line // lines
        number = ids.first_id_at(at) + line % 1_000 * 4
        if line % 2 == 0:
            kind = 2 if line % 500 == 0 else 1 if line % 10 == 0 else 3
            carrier = RARE_CARRIER if line % 100_000 == 40_000 else chance.choice(CARRIERS)
            order = f"{10_000_000 + line // 6}"
            event = (number, ACCOUNT, kind, None, order, f"{order}_1", carrier, line % 34 == 0, at)
            yield "events", (*event, bodies[kind].replace(b"WZ116539070", f"WZ{order}".encode()))
        event_id, _, kind, _, order, transaction, carrier, is_return, _ = event
        webhook = chance.choice(active)
        passed = chance.random() < 0.9
        code, cause = (200, "passed") if passed else chance.choice(FAULTS)
        if line % 50_000 == 12_345:
            passed, code, cause = False, RARE_CODE, "418"
        retry = 0 if chance.random() < (0.98 if passed else 0.5) else chance.choice((1, 1, 1, 2, 2, 3))
        spent = chance.lognormvariate(4, 0.8)
        state = 1 if passed else 2
        ended = at + int(spent)
        yield "deliveries", (number + 1, ACCOUNT, webhook, event_id, state, 1, retry, at, False, None, None, ended)
        yield "attempts", (
            number + 2, ACCOUNT, webhook, event_id, number + 1, kind, order, transaction, carrier, is_return, at, ended, passed,
            retry, False, False, spent, code, cause,
        )  # fmt: skip
        yield "exchanges", (
            number + 2, "POST /webhooks HTTP/1.1\nHost: shop.example", None, f"HTTP/1.1 {code} Because" if code else None,
            b'{"ok": true}' if code else None, False, None if passed else "HTTP response code must be 200", None, "192.0.2.7",
            1.0, 5.0, 9.0, spent,
        )  # fmt: skip
    for extra in range(WAITING):
        number = ids.first_id_at(now_ms) + 8_000 + extra
        yield "deliveries", (number, ACCOUNT, paused, event[0], 0, 0, 0, now_ms, False, None, None, None)
