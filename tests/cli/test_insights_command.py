"""`parcelhook insights` against a real server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable

import httpx
import pytest

from receiver import Receiver
from server import Server, tracking_update

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(server: Server, account: httpx.Client) -> Run:
    key = account.headers["authorization"].removeprefix("Bearer ")
    environment = os.environ | {"PARCELHOOK_URL": server.url, "PARCELHOOK_API_KEY": key, "COLUMNS": "200"}

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "parcelhook.cli.main", "insights", *words]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30, check=False)

    return run


def test_figures_in_tables_and_as_json(
    account: httpx.Client, receiver: Receiver, connect: Callable[..., object], run: Run
) -> None:
    empty = run("deliveries")
    assert empty.returncode == 0, empty.stderr
    assert "Attempts    0" in empty.stdout
    assert "By endpoint" not in empty.stdout
    connect(label="shop")
    now = int(time.time())
    for code, ago in ((2, 5 * 86_400), (6, 86_400)):
        update = tracking_update(date=now - ago, code=code, est_delivery_date="0", first_status_date="0")
        assert account.post("/v1/events", json=update).status_code == 202
    receiver.wait_for(2)
    shown = run("tracking")
    assert shown.returncode == 0, shown.stderr
    for words in ("On the way", "median 4.0, 9 of 10 within 4.0", "FedEx", "IT → IT", "delivered", "By carrier"):
        assert words in shown.stdout
    assert json.loads(run("tracking", "--carrier", "GLS", "--json").stdout)["total"]["scans"] == 0
    told = json.loads(run("deliveries", "--json").stdout)
    assert set(told) >= {"attempts", "by_endpoint", "waiting"}
    assert "shop" in run("deliveries").stdout


def test_a_wrong_range_is_one_sentence(run: Run) -> None:
    refused = run("deliveries", "--since", "yesterday")
    assert refused.returncode == 1
    assert '"yesterday" is not a time.' in refused.stderr
    assert "Traceback" not in refused.stderr
