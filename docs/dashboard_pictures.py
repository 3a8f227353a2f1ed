"""Takes the dashboard's pictures from a real run: `make pictures` writes docs/dashboard-logs.png and docs/dashboard-attempt.png."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS.parent / "tests"))

from parcelhook.app import operator  # noqa: E402  (the tests' server and receiver stand beside the package)
from parcelhook.cli.demo import shipments as stories  # noqa: E402
from parcelhook.settings import load  # noqa: E402
from parcelhook.store.users import Role  # noqa: E402
from receiver import Receiver, answer, server_error  # noqa: E402
from server import Server, wait_until  # noqa: E402

SIZE = {"width": 1280, "height": 800}
EVENTS = ["order_shipped", "order_error", "tracking_update"]


def main() -> None:
    """An account with a shop that is well, an ERP that fails and a warehouse that refuses; then two pictures."""
    with tempfile.TemporaryDirectory() as folder, Server(Path(folder)) as server, Receiver() as receiver:
        receiver.behave(server_error, "/erp")
        receiver.behave(answer(403, b"<html><title>403 Forbidden</title></html>", "text/html"), "/warehouse")
        with server.client(server.first_key) as client:
            for path, label in (("/shop", "Shop"), ("/erp", "ERP"), ("/warehouse", "Warehouse")):
                form = {"url": receiver.url(path), "label": label, "events": EVENTS, "retry": True, "retry_count": 5}
                client.post("/v1/endpoints", json=form | {"verify": False, "retry_schedule": [600] * 5})
            fed = [event for number in range(3) for event in stories.shipment(number, int(time.time()))]
            client.post("/v1/events", json=fed)
            wait_until(lambda: len(client.get("/v1/logs", params={"limit": 200}).json()["items"]) >= 2 * len(fed))
            failed = client.get("/v1/logs", params={"result": "failed", "code": "403"}).json()["items"][0]["id"]
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
            )
            take(browser, server, "/logs", "light", "dashboard-logs.png")
            take(browser, server, f"/logs/{failed}", "dark", "dashboard-attempt.png")
            browser.close()


def take(browser: Browser, server: Server, path: str, theme: str, name: str) -> None:
    """One picture of what an owner sees."""
    environment = {key: value for key, value in server.environment.items() if key.startswith("PARCELHOOK_")}
    with operator(load(environment)) as hands:
        link = hands.login_link(f"{theme}@shop.example", "default", Role.OWNER)
    context = browser.new_context(
        base_url=server.url, viewport=SIZE, color_scheme="dark" if theme == "dark" else "light"
    )
    page = context.new_page()
    page.goto("/welcome/" + link.rpartition("/")[2])
    page.get_by_label("Password").fill("four plain words together")
    page.get_by_role("button", name="Open the dashboard").click()
    page.goto(path)
    page.wait_for_load_state("load")
    page.screenshot(path=DOCS / name)
    context.close()


if __name__ == "__main__":
    main()
