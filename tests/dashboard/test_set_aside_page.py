"""What was set aside: seen on the overview, read with its reason, fed in again or let go."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from aside import put_aside
from dashboard.conftest import OpenTab
from dashboard.people import Shop
from parcelhook.store.users import Role

REASON = "This Idempotency-Key was used before with another body."


def test_it_is_told_of_and_fed_in_again(shop: Shop, open_tab: OpenTab) -> None:
    connected = {"url": "http://127.0.0.1:9/", "events": ["order_error"], "verify": False}
    shop.api.post("/v1/endpoints", json=connected).raise_for_status()
    for order in ("100", "101"):
        put_aside(shop.server, shop.name, order=order, reason=REASON)
    page = open_tab("/")
    page.get_by_role("link", name="2 requests were accepted and could not be taken into the store.").click()
    expect(page.get_by_role("heading", name="Set aside")).to_be_visible()
    expect(page.get_by_text(REASON)).to_have_count(2)
    page.get_by_text("The events", exact=True).first.click()
    expect(page.get_by_text('"OrderID": "101"')).to_be_visible()
    page.get_by_role("button", name="Feed in again").first.click()
    expect(page.get_by_role("status").filter(has_text="Fed in.")).to_be_visible()
    page.get_by_role("button", name="Let go").click()
    expect(page.get_by_role("heading", name="Nothing is set aside")).to_be_visible()
    page.get_by_role("link", name="See the events").click()
    expect(page.get_by_role("row").filter(has_text="101")).to_have_count(1)
    expect(page.get_by_role("row").filter(has_text="100_1")).to_have_count(0)


def test_a_viewer_reads_it_and_changes_nothing(shop: Shop, open_tab: OpenTab) -> None:
    put_aside(shop.server, shop.name, reason=REASON)
    page = open_tab("/set-aside", role=Role.VIEWER)
    expect(page.get_by_text(REASON)).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("Feed in|Let go"))).to_have_count(0)
