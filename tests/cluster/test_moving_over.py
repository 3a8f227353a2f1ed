"""From one machine to many, as an operator goes: stop, move, start on PostgreSQL."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from receiver import Receiver, answer
from server import Server, tracking_update, wait_until
from stores import Databases


def command(server: Server, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = server.environment | {f"PARCELHOOK_{name}": text for name, text in settings.items()}
    return subprocess.run(
        [sys.executable, "-m", "parcelhook.cli.main", *words],
        env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_what_was_accepted_on_one_machine_is_delivered_by_many(
    databases: Databases, tmp_path: Path, receiver: Receiver
) -> None:
    receiver.behave(answer(500, b"{}"))
    with databases.one() as url:
        with Server(tmp_path / "data") as old:
            with old.client(old.first_key) as client:
                wanted = {"url": receiver.url(), "events": ["tracking_update"], "verify": False, "password": "s", "username": "u",
                          "retry_count": 10, "retry_schedule": [1] * 10}  # fmt: skip
                made = client.post("/v1/endpoints", json=wanted).json()
                sent = [
                    client.post("/v1/events", json=tracking_update(f"{n}_1")).json()["accepted"][0]["id"]
                    for n in range(20)
                ]
                wait_until(lambda: len(client.get("/v1/logs").json()["items"]) >= 20)
            refused = command(old, "move", DATABASE_URL=url)
            assert refused.returncode == 1
            assert "Another Parcelhook is running on the data folder" in " ".join(refused.stderr.split())
            assert old.stop() == 0
        done = command(old, "move", "--json", DATABASE_URL=url)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["tables"]["events"] == 20
        again = command(old, "move", DATABASE_URL=url)
        assert "the same checksums" in " ".join(again.stdout.split()), "once more moves nothing"
        receiver.behave(answer(200, b"{}"))
        key = (tmp_path / "data" / "secret.key").read_text(encoding="ascii").strip()
        with (
            Server(tmp_path / "new", DATABASE_URL=url, SECRET_KEY=key, API_KEY=old.first_key) as new,
            new.client(old.first_key) as client,
        ):
            wait_until(lambda: client.get(f"/v1/endpoints/{made['id']}").json()["waiting"] == 0)
            for name in sent:
                assert client.get(f"/v1/events/{name}").json()["deliveries"][0]["state"] == "delivered"
            assert client.get(f"/v1/endpoints/{made['id']}/secret").json()["secret"].startswith("whsec_")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "PARCELHOOK_DATABASE_URL says where to move to; it is not set."),
        ({"DATABASE_URL": "postgresql://x@127.0.0.1:1/y"}, "There is no embedded store in"),
    ],
)
def test_a_move_from_nowhere_or_to_nowhere_is_refused(tmp_path: Path, settings: dict[str, str], words: str) -> None:
    refused = command(Server(tmp_path), "move", **settings)
    assert refused.returncode == 1
    assert words in " ".join(refused.stderr.split())
