"""Carriers: connect a hub, copy its address, see what came and what each scan became, try a sample, disconnect."""

from __future__ import annotations

import re
import time
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from carriers import signing
from dashboard.conftest import OpenTab
from dashboard.people import Shop
from parcelhook.store.users import Role

SAMPLE = Path(__file__).parent.parent.joinpath("carriers", "samples", "easypost-tracker-updated.json").read_bytes()


def connect(page: Page, *, secret: str = signing.SECRET, label: str = "US account") -> str:
    """Connect EasyPost by hand; the address that is shown."""
    page.goto("/carriers")
    page.get_by_role("link", name="Connect EasyPost").click()
    page.get_by_label("Label").fill(label)
    page.get_by_label("Secret").fill(secret)
    page.get_by_role("button", name="Connect").click()
    expect(page.get_by_role("status").filter(has_text="Connected.")).to_be_visible()
    return page.locator("code", has_text="/inbound/easypost/").inner_text()


def send(url: str, body: bytes = SAMPLE) -> httpx.Response:
    return httpx.post(url, content=body, headers=signing.sign("easypost", body, int(time.time())))


def test_a_hub_is_connected_and_what_it_sends_is_followed_to_the_event(open_tab: OpenTab) -> None:
    page = open_tab("/carriers")
    url = connect(page)
    expect(page.get_by_text("Nothing has come yet.")).to_be_visible()
    assert send(url).status_code == 200
    assert send(url).status_code == 200
    assert httpx.post(url, content=SAMPLE).status_code == 401
    assert send(url, b"{}").status_code == 400
    page.reload()
    rows = page.get_by_role("table", name="The last requests from EasyPost, newest first").locator("tbody tr")
    expect(rows).to_have_count(4)
    expect(rows.nth(0)).to_contain_text("Not understood")
    expect(rows.nth(1)).to_contain_text(re.compile("Refused.*not signed", re.DOTALL))
    expect(rows.nth(2)).to_contain_text("Accepted")
    rows.nth(2).get_by_role("link").click()
    became = page.get_by_role("table", name="Its scans, oldest first").locator("tbody tr")
    expect(became).to_have_count(7)
    expect(became.nth(0)).to_contain_text("known already")
    page.go_back()
    rows.nth(3).get_by_role("link").click()
    expect(page.get_by_text('"tracking_code"')).to_be_visible()
    became.nth(1).get_by_role("link", name="told").click()
    expect(page.get_by_text("Picked up").first).to_be_visible()
    page.get_by_role("link", name="its shipment").click()
    expect(page.get_by_role("heading", name="The way of this shipment")).to_be_visible()
    expect(page.locator(".story > li")).to_have_count(7)


def test_the_secret_is_never_shown_and_can_be_replaced_or_taken_away(open_tab: OpenTab) -> None:
    page = open_tab("/carriers")
    url = connect(page, secret="the first one")
    assert send(url).status_code == 401
    page.get_by_label("New secret").fill(signing.SECRET)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status").filter(has_text="Saved.")).to_be_visible()
    assert send(url).status_code == 200
    assert signing.SECRET not in page.content()
    page.get_by_label("Label").fill("Europe")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="EasyPost · Europe")).to_be_visible()
    assert send(url).status_code == 200, "an empty field leaves the secret that is kept"
    page.get_by_label("Take the secret away").check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("not verified")).to_be_visible()
    assert httpx.post(url, content=SAMPLE).status_code == 200


@pytest.mark.parametrize(
    ("hub", "missing"), [("ShipEngine", "its key set is needed"), ("AfterShip", "its secret is needed")]
)
def test_a_hub_that_always_signs_is_not_connected_without(hub: str, missing: str, open_tab: OpenTab) -> None:
    page = open_tab("/carriers")
    page.get_by_role("link", name=f"Connect {hub}").click()
    page.get_by_role("button", name="Connect").click()
    expect(page.get_by_role("alert")).to_contain_text(missing)
    page.goto("/carriers")
    expect(page.get_by_role("table")).to_have_count(0)


def test_a_sample_is_tried_and_leaves_nothing(open_tab: OpenTab) -> None:
    page = open_tab("/carriers", role=Role.VIEWER)
    page.get_by_role("link", name="Try a sample of EasyPost").click()
    page.get_by_label("Body").fill(SAMPLE.decode())
    page.get_by_role("button", name="Try").click()
    expect(page.get_by_role("status").filter(has_text="7 scans, oldest first.")).to_be_visible()
    expect(page.locator("tbody tr").first).to_contain_text("pre_transit")
    page.get_by_label("Body").fill("<b>not JSON</b>")
    page.get_by_role("button", name="Try").click()
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_label("Body")).to_have_value("<b>not JSON</b>")
    page.goto("/shipments")
    expect(page.get_by_text("No shipment yet")).to_be_visible()


def test_a_viewer_sees_what_came_but_not_the_address(shop: Shop, open_tab: OpenTab) -> None:
    made = shop.api.post("/v1/hubs", json={"hub": "easypost"}).json()
    httpx.post(made["url"], content=SAMPLE)
    page = open_tab(f"/carriers/{made['id']}", role=Role.VIEWER)
    expect(page.get_by_role("cell", name="Accepted")).to_be_visible()
    assert made["url"].rpartition("/")[2] not in page.content()
    for action in ("Save", "Disconnect"):
        expect(page.get_by_role("button", name=action)).to_have_count(0)
    page.goto("/carriers")
    assert made["url"].rpartition("/")[2] not in page.content()
    expect(page.get_by_role("link", name="Connect EasyPost")).to_have_count(0)


@pytest.mark.parametrize("script", [True, False])
def test_disconnected_its_address_leads_nowhere(script: bool, open_tab: OpenTab) -> None:
    page = open_tab("/carriers", script=script)
    url = connect(page, secret="")
    assert httpx.post(url, content=SAMPLE).status_code == 200
    page.get_by_role("link", name="Disconnect").click()
    page.get_by_role("button", name="Disconnect").click()
    expect(page.get_by_text("Disconnected.")).to_be_visible()
    assert httpx.post(url, content=SAMPLE).status_code == 404
    page.goto("/shipments")
    expect(page.locator("tbody tr")).to_have_count(1)


def test_a_body_with_markup_is_text(shop: Shop, open_tab: OpenTab) -> None:
    made = shop.api.post("/v1/hubs", json={"hub": "easypost"}).json()
    body = SAMPLE.replace(b"Picked up", b"<img src=x onerror=alert(1)>")
    httpx.post(made["url"], content=body)
    page = open_tab(f"/carriers/{made['id']}")
    page.locator("tbody tr").first.get_by_role("link").click()
    expect(page.get_by_role("cell", name="<img src=x onerror=alert(1)>")).to_be_visible()
    assert page.locator("main img").count() == 0
