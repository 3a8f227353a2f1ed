"""What holds for every page: axe-core finds nothing in either theme, no side scroll on a phone, small, and quick to say who it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from aside import put_aside
from dashboard.browsing import axe, too_wide
from dashboard.conftest import OpenTab
from dashboard.people import Shop
from receiver import Receiver, answer, server_error
from server import tracking_update, wait_until

Connect = Callable[..., dict[str, Any]]

CARRIERS_BODY = Path(__file__).parent.parent / "carriers/samples/easypost-tracker-updated.json"
WIDTHS = (360, 800)  # CSS pixels: a small phone, a small tablet
LARGEST_HTML = 100_000  # bytes
LONG = "/a/path/that/is/long/enough/to/wrap/on/any/phone?token=0123456789abcdef0123456789abcdef0123456789abcdef"


@pytest.fixture
def paths(shop: Shop, connect: Connect, receiver: Receiver) -> list[str]:
    """Every page that somebody who is logged in can open, on an account with something of everything."""
    receiver.behave(server_error, LONG.partition("?")[0])
    made = connect(label="Shop floor", username="anna", password="x", custom_headers=[{"key": "X-Shop", "value": "x"}])
    failing = connect(LONG, retry=True, retry_count=3, retry_schedule=[1, 3600, 3600])
    paused = connect("/moving", events=["order_error"])
    shop.api.post(f"/v1/endpoints/{paused['id']}/disable")
    event = shop.api.post("/v1/events", json=[
        tracking_update("100_1", TrackingCarrier="A carrier with a long name"),
        {"Event": "ORDER_ERROR", "OrderID": "5003", "TransactionID": "300_1", "Message": "No such postcode.", "IsReturn": True},
    ]).json()["accepted"][0]["id"]  # fmt: skip
    shop.api.post(f"/v1/endpoints/{made['id']}/test", json={})
    put_aside(shop.server, shop.name, order="A" * 180, reason="It could not be taken into the store: " + "x" * 120)
    hub = shop.api.post("/v1/hubs", json={"hub": "easypost", "label": "US account"}).json()
    for body in (CARRIERS_BODY.read_bytes(), b"{}"):
        httpx.post(hub["url"], content=body)
    came = shop.api.get(f"/v1/hubs/{hub['id']}/requests").json()["items"][-1]["id"]
    wait_until(lambda: len(shop.api.get("/v1/logs").json()["items"]) >= 5)
    failed = shop.api.get("/v1/logs", params={"result": "failed"}).json()["items"][0]["id"]
    passed = shop.api.get("/v1/logs", params={"result": "passed", "test": "false"}).json()["items"][0]["id"]
    return [
        "/", "/?range=30d", "/webhooks", "/webhooks/new", *(f"/webhooks/{one['id']}" for one in (made, failing, paused)),
        *(f"/webhooks/{made['id']}/{what}" for what in ("edit", "test", "delete", "secret")),
        "/logs", "/logs?result=failed&code=5xx", "/logs?search=nothing", f"/logs/{failed}", f"/logs/{passed}",
        "/set-aside", "/events", f"/events/{event}", "/events/new", "/settings", "/insights?range=90d",
        "/shipments", "/shipments?search=nothing", "/shipments?status=teleported", "/shipments/100_1",
        "/carriers", "/carriers/connect/easypost", "/carriers/connect/shipengine", "/carriers/try/easypost",
        *(f"/carriers/{hub['id']}{what}" for what in ("", "/disconnect", f"/requests/{came}")),
        "/reference", "/reference/signatures", "/reference/statuses", "/nothing-here",
    ]  # fmt: skip


def fold_out(page: Page) -> None:
    """Everything that is folded: what is hidden is not checked."""
    page.evaluate("for (const one of document.querySelectorAll('main details')) one.open = true")


def test_axe_finds_nothing_in_either_theme(paths: list[str], open_tab: OpenTab) -> None:
    page = open_tab("/", allow="status of 404")
    found = []
    for path in paths:
        page.goto(path)
        if not path.startswith("/reference"):
            fold_out(page)
        found += [f"{path}: {flaw}" for flaw in axe(page)]
    assert not found, "\n".join(found)


def test_axe_finds_nothing_in_popups_and_at_the_door(
    shop: Shop, connect: Connect, receiver: Receiver, open_tab: OpenTab
) -> None:
    connect()
    shop.api.post("/v1/events", json=tracking_update())
    wait_until(lambda: bool(shop.api.get("/v1/logs").json()["items"]))
    receiver.behave(answer(body=b"OK", content_type="text/plain"))
    page = open_tab("/webhooks")
    page.get_by_role("link", name="Add Webhook").click()
    popup = page.get_by_role("dialog")
    popup.get_by_role("button", name="Save", exact=True).click()
    expect(popup.get_by_role("heading", name="Not saved yet")).to_be_visible()
    found = axe(page)
    popup.get_by_label("URL", exact=True).fill(receiver.url())
    popup.get_by_label("Order Error", exact=True).check()
    popup.get_by_role("button", name="Save", exact=True).click()
    expect(popup.get_by_role("button", name="Please Retry")).to_be_visible()
    found += axe(page)
    page.goto("/logs")
    page.locator("#log .row-link").first.click()
    expect(page.get_by_role("dialog")).to_be_visible()
    found += axe(page)
    door = open_tab("/login", role=None)
    found += axe(door)
    door.goto(shop.login_link("new@shop.example"))
    found += axe(door)
    assert not found, "\n".join(found)


def test_no_page_scrolls_sideways_on_a_phone_or_a_tablet(paths: list[str], shop: Shop, open_tab: OpenTab) -> None:
    page = open_tab("/", allow="status of 404")
    wide = []

    def look(path: str) -> None:
        page.goto(path)
        fold_out(page)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            if found := too_wide(page):
                wide.append((path, width, found))

    for path in paths:
        look(path)
    page.context.clear_cookies()
    for path in ("/login", shop.login_link("phone@shop.example")):
        look(path)
    assert wide == []


def test_each_page_is_small_and_says_once_what_it_is(paths: list[str], open_tab: OpenTab) -> None:
    page = open_tab("/", allow="status of 404")
    for path in paths:
        html = page.request.get(path).text()
        assert len(html.encode()) < LARGEST_HTML, path
        assert html.count("<h1") == 1, path
        assert "· Parcelhook</title>" in html, path


def test_without_script_nothing_is_offered_that_needs_it(paths: list[str], open_tab: OpenTab) -> None:
    page = open_tab("/", script=False, allow="status of 404")
    dead = []
    for path in paths:
        page.goto(path)
        dead += [(path, button.inner_text()) for button in page.locator("button[type=button]:visible").all()]
    assert dead == []


def test_nothing_moves_for_those_who_want_it_still(shop: Shop, connect: Connect, open_tab: OpenTab) -> None:
    connect()
    shop.api.post("/v1/events", json=tracking_update())
    wait_until(lambda: bool(shop.api.get("/v1/logs").json()["items"]))
    for motion, animations in (("no-preference", 1), ("reduce", 0)):
        page = open_tab("/logs", reduced_motion=motion)
        before = page.locator("#log tbody tr").count()
        shop.api.post("/v1/events", json=tracking_update(f"{motion}_1"))
        expect(page.locator("#log tbody tr")).to_have_count(before + 1)
        assert page.evaluate("document.querySelector('tr.fresh').getAnimations().length") == animations


@pytest.mark.parametrize(
    "path", ["/nothing-here", "/webhooks/ep_0000000000000", "/logs/att_0000000000000", "/events/nothing"]
)
def test_what_is_not_there_is_a_page_with_a_way_on(path: str, open_tab: OpenTab) -> None:
    page = open_tab(path, allow="status of 404")
    expect(page.get_by_role("heading", name="Not found")).to_be_visible()
    page.get_by_role("link", name="To the overview").click()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
