"""The story of the demo: start, connect, feed, watch, stay."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Protocol

import msgspec

from parcelhook.cli.demo import shipments as stories
from parcelhook.cli.demo.hub import EasyPost
from parcelhook.cli.demo.merchant import Merchant
from parcelhook.cli.demo.show import Show
from parcelhook.client import ApiError, Client

START_LIMIT_S = 30
ARRIVE_LIMIT_S = 60
STOP_LIMIT_S = 20
NO_LOG_YET = "att_0000000000000"
RETRY_SCHEDULE = "2,5,10,30"  # seconds; the real one begins with 5 s and ends with 24 h


class State(msgspec.Struct, kw_only=True):
    """What a second run goes on with. Holds the key, so the file is for the owner alone."""

    api_key: str
    merchant_port: int = 0
    endpoint_id: str = ""
    shipments: int = 0


class Running(Protocol):
    """What was started: where it answers, and the dashboard's one-time link if there is one."""

    url: str
    link: str | None

    @property
    def alive(self) -> bool:
        """Whether it still runs."""

    def stop(self) -> None:
        """Stop it in order."""


Start = Callable[[Path, int, State], Running]


def run(data: Path, *, port: int, shipments: int, pace_s: float, exit_after: bool, start: Start | None = None) -> int:
    """Everything from start to Ctrl-C; the exit code. `start` starts something else than one server on its embedded store."""
    show = Show()
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        state = _load(data)
        merchant = _merchant(state.merchant_port)
        server = (start or _one_server)(data, _free_port(port), state)
    except (OSError, NotStarted) as fault:
        show.say(f"The demo cannot start: {fault}", "red")
        return 1
    url = server.url
    try:
        with Client(url, state.api_key) as client:
            _connect(client, merchant, state, show)
            state.merchant_port = merchant.port
            _save(data, state)
            show.say(
                f"Merchant at {merchant.url}, connected as {state.endpoint_id}. Retries come after {RETRY_SCHEDULE} s here."
            )
            show.say()
            newest = next(client.logs(), {"id": NO_LOG_YET})["id"]  # from here on, or the first ones would be missed
            threading.Thread(target=_follow, args=(url, state.api_key, newest, show), daemon=True).start()
            complete = _feed(client, state, shipments, pace_s, show)
            _save(data, state)
        _tell(show, url, server.link, state, merchant, complete=complete)
        if exit_after:
            return 0 if complete else 1
        show.say("Serving until Ctrl-C.")
        while server.alive:
            time.sleep(0.5)
        show.say("The server has stopped by itself; see its log above.", "red")
    except KeyboardInterrupt:
        show.say("\nStopping.")
        return 0
    except ApiError as error:
        show.say(f"Error: {error.message}", "red")
        return 1
    else:
        return 1
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C must not leave the server behind
        server.stop()
        merchant.close()


class NotStarted(Exception):
    """Why the server did not start."""


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _load(data: Path) -> State:
    try:
        return msgspec.json.decode((data / "demo.json").read_bytes(), type=State)
    except (FileNotFoundError, msgspec.DecodeError):
        return State(api_key="phk_" + secrets.token_hex(20))


def _save(data: Path, state: State) -> None:
    path = data / "demo.json"
    path.touch(mode=0o600)
    path.write_bytes(msgspec.json.encode(state))


def _merchant(port: int) -> Merchant:
    try:
        return Merchant(port)
    except OSError as fault:
        if fault.errno != errno.EADDRINUSE:
            raise
        return Merchant()


def _free_port(wanted: int) -> int:
    for port in range(wanted, min(wanted + 50, 65_536)):
        with contextlib.closing(socket.socket()) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    return 0


def environment(state: State, **settings: str) -> dict[str, str]:
    """What a server of the demo is started with."""
    ours = {
        "API_KEY": state.api_key,
        "EGRESS_ALLOW": "127.0.0.1/32",
        "RETRY_SCHEDULE": RETRY_SCHEDULE,
        **settings,
    }
    clean = {name: text for name, text in os.environ.items() if not name.startswith("PARCELHOOK_")}
    return clean | {f"PARCELHOOK_{name}": text for name, text in ours.items()}


class Server:
    """A process of the demo's; ready when this returns. NotStarted if it does not become so."""

    def __init__(self, settings: dict[str, str]) -> None:
        self.url = ""
        self.link: str | None = None
        self.process = subprocess.Popen(
            [sys.executable, "-m", "parcelhook.cli.main", "serve"],
            env=settings,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C is for us; we stop it in order
        )
        stuck = threading.Timer(START_LIMIT_S, self.process.kill)
        stuck.start()
        try:
            for line in self.process.stdout or ():
                if line.startswith("Dashboard"):
                    self.link = line.rpartition(" ")[2].strip()
                _, ready, rest = line.partition("ready at ")
                if ready:
                    self.url = rest.split(" ")[0]
                    return
        finally:
            stuck.cancel()
        self.process.wait()
        raise NotStarted("the server did not become ready; its own message stands above.")

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self.process.poll() is None

    def stop(self) -> None:
        """In order, and by force if that takes too long."""
        if self.alive:
            self.process.terminate()
            try:
                self.process.wait(STOP_LIMIT_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


def _one_server(data: Path, port: int, state: State) -> Server:
    return Server(environment(state, DATA=str(data), PORT=str(port)))


def _connect(client: Client, merchant: Merchant, state: State, show: Show) -> None:
    known = {item["id"]: item for item in client.endpoints()}
    if state.endpoint_id in known:
        if known[state.endpoint_id]["url"] != merchant.url:
            client.update_endpoint(state.endpoint_id, url=merchant.url)
    else:
        show.say("Connecting a webhook: the first connection sends a sample Order Shipped, whatever the events.")
        made = client.create_endpoint(
            url=merchant.url,
            label="The demo's merchant",
            events=["order_shipped", "order_error", "tracking_update"],
            retry=True,
            retry_count=4,
            custom_headers=[{"key": "X-Shop", "value": "demo"}],
        )
        answer = made["verification"]["answer"]
        show.say(
            f"The merchant answered {answer['status']} {answer['name']} with JSON: passed, so the webhook is saved."
        )
        state.endpoint_id = made["id"]
    merchant.secret = client.secret(state.endpoint_id)


def _follow(url: str, api_key: str, newest: str, show: Show) -> None:
    # The server ending the stream is how this ends.
    with contextlib.suppress(ApiError), Client(url, api_key) as client:
        for item in client.follow_logs(last_id=newest):
            show.arrived(item)


def _feed(client: Client, state: State, shipments: int, pace_s: float, show: Show) -> bool:
    """Tell the stories; whether every webhook was seen to arrive."""
    fed: set[str] = set()
    numbers = range(state.shipments, state.shipments + shipments)
    for story in [stories.page_sample(), *(stories.shipment(number, int(time.time())) for number in numbers)]:
        for event in story:
            show.fed(event)
            fed.update(line["id"] for line in client.send(event) if not line["duplicate"])
            time.sleep(pace_s)
    fed |= _hear(client, state, show)
    state.shipments += shipments
    return show.wait_for(fed, ARRIVE_LIMIT_S)


def _hear(client: Client, state: State, show: Show) -> set[str]:
    """Let a carrier hub tell of a parcel, twice, as hubs do; the events that it became."""
    hub = EasyPost(client)
    order = hub.order(state.shipments)
    show.fed(order)
    fed = {line["id"] for line in client.send(order) if not line["duplicate"]}
    show.say(
        "EasyPost, a carrier hub, sends that parcel's history. Its signature is checked, and each scan becomes an update."
    )
    worth = hub.send(state.shipments)
    fed |= hub.told()
    again = hub.send(state.shipments)
    show.say(
        f"{worth['scans']} scans, {worth['new']} new. The same request once more: {again['scans']} scans, {again['new']} new."
    )
    return fed


def _tell(show: Show, url: str, link: str | None, state: State, merchant: Merchant, *, complete: bool) -> None:
    show.say()
    if complete:
        show.say(f"All arrived: {merchant.taken} webhooks, each checked by its signature.", "bold green")
    else:
        show.say("Not all have arrived yet; retries go on.", "bold red")
    show.say(f"""
  API        {url}
  Reference  {url}/docs
  Key        {state.api_key}
  Merchant   {merchant.url}

  Send an event of your own:
    curl -H "Authorization: Bearer {state.api_key}" -H "Content-Type: application/json" {url}/v1/events \\
      -d '{{"Event": "TRACKING_UPDATE", "TransactionID": "mine_1", "date": {int(time.time())}, "code": 3, "message": "Out for delivery"}}'
  See the log:
    PARCELHOOK_URL={url} PARCELHOOK_API_KEY={state.api_key} {Path(sys.executable).parent / "parcelhook"} logs
""")
    # Last, where the eyes are when the lines come to rest: the way into the dashboard, and what to do there.
    show.rule("Now open the dashboard")
    show.say()
    show.say(f"  {link or url}", "bold cyan")
    show.say()
    if link:
        show.say("  The link lets you in once and asks for a password; from then on you log in with that.")
    else:
        show.say("  Log in with the password you chose; `parcelhook users link` makes a new link.")
    show.say(f"""  There, Webhooks > Add Webhook. This server takes whatever you send it:

    {merchant.yours}        and these answer wrongly: /yours/500  /yours/403  /yours/html
""")
    show.rule()
