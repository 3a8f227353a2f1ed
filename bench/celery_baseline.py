"""(b) What people build with a task queue: Celery, Redis and requests, one task a delivery, signed alike."""

from __future__ import annotations

import hmac
import json
import os
import shutil
import sys
import tempfile
import time
from base64 import b64encode
from pathlib import Path

from load import event
from processes import BESIDE, HERE, MEASURED, Receiver, process

WORKERS = 8
SECRET = b"0123456789abcdef0123456789abcdef"
URL = os.environ.get("BENCH_REDIS", "")

try:
    import requests
    from celery import Celery
except ImportError:
    app = None
else:
    app = Celery("bench", broker=URL, task_ignore_result=True)
    session = requests.Session()

    @app.task(name="deliver")
    def deliver(url: str, name: str, body: str) -> None:
        """One delivery, as the tutorials have it."""
        now = str(int(time.time()))
        content = f"{name}.{now}.{body}".encode()
        signature = "v1," + b64encode(hmac.digest(SECRET, content, "sha256")).decode()
        answer = session.post(
            url,
            data=body.encode(),
            headers={
                "Content-Type": "application/json", "webhook-id": name, "webhook-timestamp": now,
                "webhook-signature": signature, "x-webhook-event": "TRACKING_UPDATE",
            },
            timeout=15,
        )  # fmt: skip
        answer.raise_for_status()


def missing() -> str:
    """Why this cannot be measured here; "" if it can."""
    if app is None:
        return "Celery and requests are not installed"
    if shutil.which("redis-server") is None:
        return "there is no redis-server"
    return ""


def run(receiver: Receiver, count: int) -> float:
    """Deliveries per second, from the first task queued to the last receipt. Broker and workers share a processor."""
    folder = tempfile.mkdtemp(prefix="parcelhook-bench-")
    broker = f"redis+socket://{folder}/redis.sock"
    redis = ["redis-server", "--port", "0", "--unixsocket", f"{folder}/redis.sock", "--save", "", "--dir", folder]
    worker = [sys.executable, "-m", "celery", "-A", "celery_baseline", "worker", "-c", str(WORKERS), "-l", "warning"]
    worker += [
        "--without-gossip",
        "--without-mingle",
        "--without-heartbeat",
    ]  # nothing that a single worker does not need
    path = {"PYTHONPATH": str(HERE), "BENCH_REDIS": broker}
    try:
        with process(redis, MEASURED), process(worker, MEASURED, **path):
            receiver.reset()
            feed = [sys.executable, str(HERE / "celery_baseline.py"), receiver.url + "/celery"]
            with process([*feed, "10", "warm"], BESIDE, **path):
                _wait(receiver, 10)
            receiver.reset()
            with process([*feed, str(count), "run"], BESIDE, **path) as feeding:
                assert feeding.stdout is not None
                started_ns = int(feeding.stdout.readline())
                stats = _wait(receiver, count)
        return count / ((stats["last_ns"] - started_ns) / 1e9)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _wait(receiver: Receiver, count: int, limit_s: float = 120) -> dict[str, int]:
    deadline = time.monotonic() + limit_s
    while (stats := receiver.stats())["distinct"] < count:
        if time.monotonic() > deadline:
            raise TimeoutError(f"Celery delivered {stats['distinct']} of {count} in {limit_s} s")
        time.sleep(0.1)
    return stats


def feed(url: str, count: int, name: str) -> None:
    """Queue the deliveries."""
    bodies = [json.dumps(event(number), separators=(",", ":")) for number in range(count)]
    print(time.time_ns(), flush=True)
    for number, body in enumerate(bodies):
        deliver.delay(url, f"{name}_{number}", body)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    feed(sys.argv[1], int(sys.argv[2]), sys.argv[3])
