"""Starting what is measured, on the processor it is meant for, and stopping it whatever happens."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

MEASURED, BESIDE = 0, min(1, (os.cpu_count() or 1) - 1)  # processors: what is measured, and receiver with load
HERE = Path(__file__).parent


@contextlib.contextmanager
def process(arguments: list[str], cpu: int, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """A process on one processor; its first line of output has been printed when this yields."""
    clean = {name: text for name, text in os.environ.items() if not name.startswith("PARCELHOOK_")}
    started = subprocess.Popen(
        arguments,
        env=clean | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        preexec_fn=lambda: os.sched_setaffinity(0, {cpu}),  # noqa: PLW1509  (one thread here)
    )
    try:
        yield started
    finally:
        started.terminate()
        try:
            started.wait(20)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()
        if started.stdout:
            started.stdout.close()


class Receiver:
    """The counting receiver, by its control calls."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"

    def stats(self) -> dict[str, int]:
        """Counts since the last reset."""
        return _get(f"{self.url}/__stats")

    def times(self) -> dict[str, int]:
        """Arrival of each webhook-id, in ns."""
        return _get(f"{self.url}/__times")

    def reset(self) -> None:
        """Start counting anew."""
        _get(f"{self.url}/__reset")


@contextlib.contextmanager
def receiver() -> Iterator[Receiver]:
    """A receiver beside what is measured."""
    with process([sys.executable, str(HERE / "receiver.py")], BESIDE) as running:
        assert running.stdout is not None
        yield Receiver(int(running.stdout.readline().split()[1]))


class Parcelhook:
    """A running server, pinned to one processor."""

    def __init__(self, running: subprocess.Popen[str], url: str, key: str) -> None:
        self.pid = running.pid
        self.url = url
        self.key = key
        self.fed = 0  # events so far: each is of a shipment of its own, for what says nothing new is not delivered

    def kill(self) -> None:
        """kill -9."""
        os.kill(self.pid, signal.SIGKILL)

    def terminate(self) -> None:
        """Ask it to stop."""
        os.kill(self.pid, signal.SIGTERM)

    def call(self, path: str, body: object = None) -> Any:
        """One call of its API."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        with urllib.request.urlopen(urllib.request.Request(self.url + path, data, headers), timeout=60) as answer:
            return json.load(answer)

    def connect(self, url: str, event: str, **fields: Any) -> str:
        """Connect a webhook; its id."""
        wanted = {"url": url, "events": [event], "retry_count": 3, "verify": False, **fields}
        return str(self.call("/v1/endpoints", wanted)["id"])

    def cpu_s(self) -> float:
        """Processor time that it has used."""
        return cpu_s(self.pid)

    def memory_mb(self) -> float:
        """Resident memory now."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024


def cpu_s(pid: int) -> float:
    """Processor time that a process has used, with its children, those too that have ended."""
    used = 0.0
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    for each in (str(pid), *children):
        with contextlib.suppress(FileNotFoundError):
            fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
            used += sum(int(field) for field in fields[11:15]) / os.sysconf("SC_CLK_TCK")
    return used


@contextlib.contextmanager
def parcelhook(**more: str) -> Iterator[Parcelhook]:
    """A fresh Parcelhook on a fresh store, with these settings beside the usual ones."""
    data = tempfile.mkdtemp(prefix="parcelhook-bench-")
    key = "phk_" + secrets.token_hex(20)
    settings = {"DATA": data, "PORT": "0", "API_KEY": key, "EGRESS_ALLOW": "127.0.0.0/8", "LOG_FORMAT": "json", **more}
    environment = {f"PARCELHOOK_{name}": value for name, value in settings.items()}
    try:
        with process([sys.executable, "-m", "parcelhook.cli.main", "serve"], MEASURED, **environment) as running:
            assert running.stdout is not None
            ready = next((line for line in running.stdout if "ready at " in line), None)
            if ready is None:
                raise RuntimeError("the server did not start")
            yield Parcelhook(running, ready.split("ready at ")[1].split(" ")[0], key)
    finally:
        shutil.rmtree(data, ignore_errors=True)


def _get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=60) as answer:
        return json.load(answer)
