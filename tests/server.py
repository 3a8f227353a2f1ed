"""A real `parcelhook serve` for the tests: its own process, its own data folder, spoken to over HTTP."""

from __future__ import annotations

import os
import re
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx

from parcelhook.operating import operator
from parcelhook.settings import load
from parcelhook.store.vault import new_key

START_LIMIT_S = 30.0
STOP_LIMIT_S = 30.0


class Server:
    """Starts the server on a free port and knows its address once it is ready. Every test takes an account of its own."""

    arguments: Sequence[str] = ("-m", "parcelhook.cli.main", "serve")  # what Python is told to run

    def __init__(self, data: Path, **settings: str) -> None:
        self.data = data
        self.first_key = "phk_" + secrets.token_hex(20)
        self._settings = {
            "DATA": str(data),
            "PORT": "0",
            "API_KEY": self.first_key,
            "EGRESS_ALLOW": "127.0.0.0/8,::1/128",
            "RETRY_SCHEDULE": "0.2",
            "STOP_GRACE": "5",
            **({"SECRET_KEY": new_key()} if settings.get("DATABASE_URL") else {}),
            **settings,
        }
        self.url = ""
        self.output: list[str] = []
        self._process: subprocess.Popen[str] | None = None

    @property
    def environment(self) -> dict[str, str]:
        """What it is started with."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith("PARCELHOOK_")}
        return clean | {f"PARCELHOOK_{key}": value for key, value in self._settings.items()}

    def set(self, **settings: str) -> None:
        """Change settings for the next start."""
        self._settings |= settings

    def start(self) -> Server:
        """Start it, and wait until it says that it is ready."""
        self._process = subprocess.Popen(
            [sys.executable, *self.arguments],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        ready = threading.Event()
        threading.Thread(target=self._read, args=(self._process, ready), daemon=True).start()
        if not ready.wait(START_LIMIT_S) or not self.url:
            self.kill()
            raise AssertionError("the server did not start:\n" + "\n".join(self.output))
        return self

    def stop(self) -> int:
        """Ask it to stop, and wait until it has; its exit code."""
        process = self._running()
        process.send_signal(signal.SIGTERM)
        return process.wait(STOP_LIMIT_S)

    def kill(self) -> None:
        """kill -9."""
        process = self._running()
        process.kill()
        process.wait(STOP_LIMIT_S)

    @property
    def pid(self) -> int:
        """Its process."""
        return self._running().pid

    def account(self, name: str | None = None) -> httpx.Client:
        """An HTTP client with the key of an account of its own."""
        environment = {name: value for name, value in self.environment.items() if name.startswith("PARCELHOOK_")}
        with operator(load(environment)) as hands:
            key = hands.create_key(name or f"test-{secrets.token_hex(6)}", "test")
        return self.client(key)

    def client(self, key: str) -> httpx.Client:
        """An HTTP client with that key."""
        return httpx.Client(base_url=self.url, headers={"Authorization": f"Bearer {key}"}, timeout=30)

    def __enter__(self) -> Server:
        return self.start()

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._process is not None and self._process.poll() is None:
            self.kill()

    def _running(self) -> subprocess.Popen[str]:
        assert self._process is not None
        return self._process

    def _read(self, process: subprocess.Popen[str], ready: threading.Event) -> None:
        assert process.stdout is not None
        with process.stdout:
            for line in process.stdout:
                self.output.append(line.rstrip())
                found = re.search(r"ready at (http://\S+)", line)
                if found:
                    self.url = found[1]
                    ready.set()
        ready.set()


def tracking_update(transaction: str = "48572_1", **fields: Any) -> dict[str, Any]:
    """The help page's own body, with what a test changes."""
    body = {
        "Event": "TRACKING_UPDATE",
        "tracking": "WZ116539070",
        "date": 1622671204,
        "message": "Shipment delivered",
        "city": "Florence",
        "est_delivery_date": "0",
        "first_status_date": "1622152801",
        "late": "0",
        "code": 6,
        "OrderID": "24957298",
        "TransactionID": transaction,
        "TrackingCarrier": "FedEx",
        "MarketplaceID": "0",
        "MarketplacePlatform": "Manual shipment",
        "ExternalLink": "",
        "FromAddressCompany": "John Doe srl.",
        "ToAddressCompany": "",
        "FromAddressCountry": "IT",
        "ToAddressCountry": "IT",
    }
    return body | fields


def wait_until(what: Callable[[], bool], limit_s: float = 15) -> None:
    """Ask until it is so; AssertionError after the time. For what has no signal of its own but an answer of the API."""
    deadline = time.monotonic() + limit_s
    pause = threading.Event()
    while not what():
        assert time.monotonic() < deadline, f"it did not come to that within {limit_s} s"
        pause.wait(0.01)
