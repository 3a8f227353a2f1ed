"""kill -9 at random moments under load: nothing that was accepted is ever lost."""

from __future__ import annotations

import os
import random
import threading
from pathlib import Path

import httpx
import pytest

from receiver import Receiver, fails_then_heals
from server import Server, tracking_update, wait_until

KILLS = int(os.environ.get("PARCELHOOK_TEST_KILLS", "4"))  # `make crash` sets more
FEEDERS = 4
CATCH_UP_S = 60.0


class Feeder(threading.Thread):
    """Feeds as fast as it may and remembers what was accepted. What a crash cut off is fed again, under the same id."""

    def __init__(self, number: int, server: Server, ended: threading.Event) -> None:
        super().__init__(daemon=True)
        self.accepted: set[str] = set()
        self._number = number
        self._server = server
        self._ended = ended
        self._chance = random.Random(number)

    def run(self) -> None:
        """Until it is told to end."""
        count = 0
        while not self._ended.is_set():
            size = self._chance.choice((1, 1, 20))
            batch = [
                tracking_update(f"{self._number}_{count + n}") | {"id": f"f{self._number}-{count + n}"}
                for n in range(size)
            ]
            while not self._ended.is_set():
                try:
                    with self._server.client(self._server.first_key) as client:
                        answer = client.post("/v1/events", json=batch if size > 1 else batch[0], timeout=5)
                except httpx.HTTPError:
                    self._ended.wait(0.02)
                    continue
                assert answer.status_code == 202, answer.text
                self.accepted.update(line["id"] for line in answer.json()["accepted"])
                break
            count += size


@pytest.mark.parametrize("failures", [0, 1], ids=["a receiver that takes all", "a receiver that fails each once"])
def test_nothing_accepted_is_lost_when_the_server_is_killed_again_and_again(
    tmp_path: Path, database_url: str, failures: int
) -> None:
    chance = random.Random()
    with Receiver() as receiver, Server(tmp_path / "data", DATABASE_URL=database_url) as server:
        with server.client(server.first_key) as client:
            made = client.post(
                "/v1/endpoints",
                json={"url": receiver.url(), "events": ["tracking_update"], "retry_count": 10, "verify": False},
            )
            assert made.status_code == 201
        receiver.behave(fails_then_heals(failures))
        server.set(PORT=server.url.rpartition(":")[2])  # the feeders find it again where it was
        ended = threading.Event()
        feeders = [Feeder(number, server, ended) for number in range(FEEDERS)]
        for feeder in feeders:
            feeder.start()
        for _ in range(KILLS):
            ended.wait(0.2 + chance.random() * 1.2)
            server.kill()
            server.start()
        ended.wait(0.5)
        ended.set()
        for feeder in feeders:
            feeder.join(30)
        accepted = set().union(*(feeder.accepted for feeder in feeders))
        assert len(accepted) > 20 * KILLS, "there was hardly any load"

        def arrived() -> bool:
            return accepted <= {one.id for one in receiver.events()}

        wait_until(arrived, CATCH_UP_S)
        bodies: dict[str, set[bytes]] = {}
        for one in receiver.events():
            bodies.setdefault(one.id, set()).add(one.body)
        assert all(len(different) == 1 for different in bodies.values()), "the same id came with other bytes"
        with server.client(server.first_key) as client:
            wait_until(lambda: client.get(f"/v1/endpoints/{made.json()['id']}").json()["waiting"] == 0, CATCH_UP_S)
            for name in random.Random(1).sample(sorted(accepted), 20):
                states = [delivery["state"] for delivery in client.get(f"/v1/events/{name}").json()["deliveries"]]
                assert states == ["delivered"]


def test_a_stop_finishes_what_is_in_flight_and_the_next_start_goes_on(tmp_path: Path, database_url: str) -> None:
    with (
        Receiver() as receiver,
        Server(tmp_path / "data", STOP_GRACE="1", DATABASE_URL=database_url) as server,
    ):
        with server.client(server.first_key) as client:
            made = {"url": receiver.url(), "events": ["tracking_update"], "concurrency": 4, "verify": False}
            assert client.post("/v1/endpoints", json=made).status_code == 201
            client.post("/v1/events", json=[tracking_update(str(n)) for n in range(1_000)])
        receiver.wait_for(5)
        assert server.stop() == 0
        before = {one.id for one in receiver.events()}
        assert before
        server.start()
        found = receiver.wait_for(1_000, timeout=30)
        assert len({one.id for one in found}) == 1_000
        assert len(found) == 1_000, "a stop in order sends nothing twice"


def test_two_servers_cannot_own_the_same_data(tmp_path: Path) -> None:
    with Server(tmp_path / "data"):
        second = Server(tmp_path / "data")
        try:
            second.start()
        except AssertionError as said:
            assert "Another Parcelhook is running on the data folder" in str(said)  # noqa: PT017
        else:
            second.kill()
            raise AssertionError("both started")


def test_the_data_folder_is_for_the_owner_alone_and_holds_no_secret_in_the_clear(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with Receiver() as receiver, Server(data) as server:
        with server.client(server.first_key) as client:
            made = client.post(
                "/v1/endpoints",
                json={
                    "url": receiver.url(), "events": ["tracking_update"], "username": "u", "password": "pl4in-p4ssword",
                    "custom_headers": [{"key": "X-Token", "value": "pl4in-t0ken"}], "verify": False,
                },
            )  # fmt: skip
            secret = client.get(f"/v1/endpoints/{made.json()['id']}/secret").json()["secret"]
            client.post("/v1/events", json=tracking_update())
            receiver.wait_for(1)
        assert server.stop() == 0
    assert data.stat().st_mode & 0o777 == 0o700
    for file in data.iterdir():
        content = file.read_bytes()
        for word in ("pl4in-p4ssword", "pl4in-t0ken", secret, secret.removeprefix("whsec_"), server.first_key):
            assert word.encode() not in content, file.name
