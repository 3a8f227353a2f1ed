"""The way out: which addresses are refused, the proxy, the source address."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pproxy
import pytest

from receiver import Receiver
from server import Server, tracking_update, wait_until


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server as it is by default: nothing but the public internet may be reached."""
    with Server(tmp_path_factory.mktemp("guarded"), EGRESS_ALLOW="") as running:
        yield running


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "10.0.0.1", "169.254.169.254", "[::1]", "0.0.0.0"])
def test_private_addresses_are_refused_at_the_socket(guarded: Server, receiver: Receiver, host: str) -> None:
    with guarded.account() as account:
        url = receiver.url(host=host)
        refused = account.post("/v1/endpoints", json={"url": url, "events": ["order_shipped"]})
        assert refused.status_code == 422
        verdict = refused.json()["exchange"]["verdict"]
        assert verdict["code"] == "address_refused", verdict
        assert receiver.received == []


def test_a_delivery_to_a_refused_address_fails_and_says_why(guarded: Server, receiver: Receiver) -> None:
    with guarded.account() as account:
        made = {"url": receiver.url(), "events": ["tracking_update"], "verify": False}
        account.post("/v1/endpoints", json=made)
        account.post("/v1/events", json=tracking_update())
        wait_until(lambda: bool(account.get("/v1/logs").json()["items"]))
        (line,) = account.get("/v1/logs").json()["items"]
        assert line["cause"] == "address_refused"
        assert "loopback" in line["reason"]
        assert receiver.received == []


class Proxy:
    """A real HTTP and SOCKS5 proxy on loopback, which counts what it is asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Proxy:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._open(), self._loop).result(10)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _open(self) -> None:
        server = pproxy.Server("http+socks5://127.0.0.1:0")
        self._handle = await server.start_server({"rserver": [], "verbose": self.asked.append})
        self.port = self._handle.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        self._handle.close()
        for task in asyncio.all_tasks():
            if task is not asyncio.current_task():
                task.cancel()
        await asyncio.sleep(0)


@pytest.mark.parametrize("kind", ["http", "socks5"])
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_webhooks_leave_through_the_proxy_and_the_guard_stays_in_force(
    tmp_path: Path, receiver: Receiver, kind: str
) -> None:
    with Proxy() as proxy:
        address = f"{kind}://127.0.0.1:{proxy.port}"
        with (
            Server(tmp_path / "data", EGRESS_PROXY=address, EGRESS_ALLOW="127.0.0.1/32") as server,
            server.account() as account,
        ):
            made = account.post("/v1/endpoints", json={"url": receiver.url(), "events": ["tracking_update"]})
            assert made.status_code == 201, made.text
            account.post("/v1/events", json=tracking_update())
            receiver.wait_for(1)
            assert any(str(receiver.port) in line for line in proxy.asked)
            count = len(proxy.asked)
            for url in (
                "http://10.0.0.1/",
                "http://127.0.0.2:1/",
                f"http://localhost.localdomain.invalid:{receiver.port}/",
            ):
                refused = account.post("/v1/endpoints", json={"url": url, "events": ["order_shipped"]}).json()
                assert refused["exchange"]["verdict"]["code"] in {"address_refused", "dns_not_found"}, url
            assert len(proxy.asked) == count, "the proxy was asked for an address that the guard refuses"


def test_a_proxy_that_is_down_costs_the_endpoint_nothing(tmp_path: Path, receiver: Receiver) -> None:
    with Receiver() as nothing:
        closed = nothing.port
    with (
        Server(tmp_path / "data", EGRESS_PROXY=f"http://127.0.0.1:{closed}", EGRESS_ALLOW="127.0.0.1/32") as server,
        server.account() as account,
    ):
        made = {"url": receiver.url(), "events": ["tracking_update"], "verify": False, "retry": False}
        account.post("/v1/endpoints", json=made)
        accepted = account.post("/v1/events", json=tracking_update()).json()["accepted"][0]
        wait_until(lambda: bool(account.get("/v1/logs").json()["items"]))
        line = account.get("/v1/logs").json()["items"][-1]
        assert (line["cause"], line["retry"]) == ("proxy_failed", 0)
        (delivery,) = account.get(f"/v1/events/{accepted['id']}").json()["deliveries"]
        assert delivery["state"] == "pending", "Retry is off, yet our own failure must not use up its only attempt"


def test_webhooks_are_sent_from_the_address_that_was_set(tmp_path: Path) -> None:
    with (
        Receiver() as receiver,
        Server(tmp_path / "data", EGRESS_SOURCE="127.0.0.5") as server,
        server.account() as account,
    ):
        made = account.post("/v1/endpoints", json={"url": receiver.url(), "events": ["tracking_update"]})
        assert made.status_code == 201, made.text
        assert receiver.peers == {"127.0.0.5"}
