"""Takes the dashboard's pictures from a real server with a day of real traffic: `make pictures`.

The day is lived in a minute: the server runs on a clock that is set back, and comes forward hour by hour while shipments
are fed in and receivers answer, some of them badly.
"""

from __future__ import annotations

import mmap
import random
import struct
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright

from dashboard import browsing
from dashboard.people import Shop
from parcelhook.cli.demo import shipments as stories
from parcelhook.cli.main import app
from receiver import Receiver, answer, first_fails, slow
from server import Server, wait_until

HERE = Path(__file__).resolve()
HEIGHT = 760  # CSS pixels
SHARPNESS = 1.2  # device pixels a CSS pixel
LARGEST = 250_000  # bytes
HOUR_S = 3_600
SHIPMENTS_OF_AN_HOUR = (1, 1, 1, 2, 3, 4, 5, 4, 3, 4, 5, 6, 5, 4, 3, 2, 2, 1, 1, 1, 2, 3, 4, 5)
ERP_BROKE_AT = 21  # the hour from which the old ERP answers 500
PASSWORD = "four plain words together"  # noqa: S105  (of a server that lives for a minute)


class Clock:
    """How far the server's clock is behind, in a file that both processes have mapped."""

    def __init__(self, path: Path) -> None:
        path.touch()
        if path.stat().st_size == 0:
            path.write_bytes(struct.pack("q", 0))
        with path.open("r+b") as file:
            self._place = mmap.mmap(file.fileno(), 8)

    @property
    def behind_s(self) -> int:
        """Seconds behind the wall clock."""
        seconds: int = struct.unpack("q", self._place[:])[0]
        return seconds

    @behind_s.setter
    def behind_s(self, seconds: int) -> None:
        self._place[:] = struct.pack("q", seconds)


class EarlierServer(Server):
    """The real server on such a clock."""

    def __init__(self, data: Path, clock: Path) -> None:
        super().__init__(data, RETRY_SCHEDULE="2,900,3600,7200,14400")
        self.arguments = (str(HERE), "serve", str(clock))


def serve(clock_path: Path) -> None:
    """Run `parcelhook serve` on the clock."""
    clock, wall = Clock(clock_path), time.time_ns
    time.time_ns = lambda: wall() - clock.behind_s * 1_000_000_000
    app(["serve"])


def main() -> None:
    """Live the day, then take the pictures."""
    with tempfile.TemporaryDirectory() as folder, Receiver() as receiver, sync_playwright() as playwright:
        clock_path = Path(folder) / "clock"
        clock = Clock(clock_path)
        clock.behind_s = 24 * HOUR_S
        with EarlierServer(Path(folder) / "data", clock_path) as server, server.account("Rossi Shoes") as api:
            shop = Shop(server, "Rossi Shoes", api)
            live_a_day(shop, receiver, clock)
            browser = browsing.launch(playwright)
            take(browser, shop)
            browser.close()


def live_a_day(shop: Shop, receiver: Receiver, clock: Clock) -> None:
    """Feed in what ships in a day, and let each receiver have its own day."""
    connect(shop, receiver, "/webhooks", label="Web shop", events=["order_shipped", "order_error", "tracking_update"])
    connect(shop, receiver, "/wms", label="Warehouse", events=["order_shipped"])
    connect(shop, receiver, "/erp", label="Old ERP", events=["order_error", "order_shipped"])
    receiver.behave(slow(0.03), "/webhooks")
    receiver.behave(slow(0.08), "/wms")
    chance, fed, number = random.Random(7), 0, 0  # noqa: S311  (a story, not a secret)
    for hour, shipments in enumerate(SHIPMENTS_OF_AN_HOUR):
        clock.behind_s = (len(SHIPMENTS_OF_AN_HOUR) - 1 - hour) * HOUR_S
        if hour >= ERP_BROKE_AT:
            receiver.behave(answer(500, b'{"error":"the database is locked"}'), "/erp")
        elif chance.random() < 0.4:
            receiver.behave(first_fails(chance.randint(1, 2), status=503), "/wms")
        for _ in range(shipments):
            story = list(stories.shipment(number, int(time.time()) - clock.behind_s))
            shop.api.post("/v1/events", json=story).raise_for_status()
            fed, number = fed + len(story), number + 1
        receiver.wait_for(fed, timeout=30, path="/webhooks")


def connect(shop: Shop, receiver: Receiver, path: str, **fields: Any) -> None:
    """Connect a webhook with Retry on."""
    wanted = {"url": receiver.url(path), "retry": True, "retry_count": 5, "verify": False, **fields}
    shop.api.post("/v1/endpoints", json=wanted).raise_for_status()


def take(browser: Browser, shop: Shop) -> None:
    """The log in the light theme, and an attempt that failed in the dark one."""
    wait_until(lambda: bool(shop.api.get("/v1/logs", params={"result": "failed", "retry": "1"}).json()["items"]))
    link = shop.login_link("anna@rossi.example")
    with browsing.tab(
        browser, shop.server.url, height=HEIGHT, device_scale_factor=SHARPNESS, reduced_motion="reduce"
    ) as (page, _):
        page.goto(link)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Open the dashboard").click()
        page.get_by_role("link", name="Webhooks Logs").first.click()
        page.locator("#log tbody tr").first.wait_for()
        save(page.screenshot(), "logs")
        page.emulate_media(color_scheme="dark")
        page.locator("#log tbody tr").filter(has_text="500").get_by_role("link").first.click()
        page.get_by_role("dialog").get_by_role("heading", name="The story of this delivery").wait_for()
        save(page.screenshot(), "attempt")


def save(picture: bytes, name: str) -> None:
    """Write it beside this script; SystemExit if it has become too large for a page."""
    if len(picture) > LARGEST:
        raise SystemExit(f"The picture {name} has {len(picture)} bytes, more than {LARGEST}.")
    HERE.with_name(f"dashboard-{name}.png").write_bytes(picture)


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        serve(Path(sys.argv[2]))
    else:
        main()
