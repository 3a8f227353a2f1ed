"""Shipments: where each stands, found by what a person knows of it, and its way scan by scan."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from playwright.sync_api import expect

from dashboard.conftest import OpenTab
from dashboard.people import Shop

DAY = 86_400
NOW = int(time.time())


def shipped(name: str, **fields: Any) -> dict[str, Any]:
    return {
        "Event": "ORDER_SHIPPED", "OrderID": f"order-{name}", "TransactionID": f"{name}_1", "TrackingCarrier": "GLS",
        "TrackingNumber": f"GL{name}", "FromAddressCountry": "IT", "ToAddressCountry": "DE", **fields,
    }  # fmt: skip


def scan(name: str, code: int, message: str, *, ago: int, **fields: Any) -> dict[str, Any]:
    return {
        "Event": "TRACKING_UPDATE", "TransactionID": f"{name}_1", "date": NOW - ago, "code": code, "message": message,
        **fields,
    }  # fmt: skip


@pytest.fixture
def known(shop: Shop) -> Shop:
    """An account with a shipment of each sort."""
    events = [
        shipped("moving"), scan("moving", 2, "Departed", ago=3_600, city="Bologna"),
        shipped("silent"), scan("silent", 2, "Departed", ago=5 * DAY),
        shipped("late"), scan("late", 2, "Departed", ago=DAY // 2, est_delivery_date=str(NOW - DAY - NOW % DAY)),
        shipped("back", IsReturn=True), scan("back", 6, "Delivered", ago=7_200),
        scan("back", 2, "Departed", ago=DAY),
    ]  # fmt: skip
    assert shop.api.post("/v1/events", json=events).status_code == 202
    return shop


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"Order, Transaction ID or tracking number": "GLmoving"}, ["moving"]),
        ({"Order, Transaction ID or tracking number": "order-late"}, ["late"]),
        ({"Status": "Delivered"}, ["back"]),
        ({"Returns": "Returns only"}, ["back"]),
        ({"Late": "On the way and late"}, ["late"]),
        ({"Not scanned for": "3 days"}, ["silent"]),
        ({"Carrier": "DHL"}, []),
    ],
)
def test_filters_find_it_and_stand_in_the_address(
    filters: dict[str, str], expected: list[str], known: Shop, open_tab: OpenTab
) -> None:
    page = open_tab("/shipments")
    expect(page.locator("tbody tr")).to_have_count(4)
    for label, value in filters.items():
        field = page.locator("form.filters").get_by_label(label, exact=True)
        if field.evaluate("field => field.tagName") == "SELECT":
            field.select_option(label=value)
        else:
            field.fill(value)
    page.get_by_role("button", name="Filter").click()
    expect(page.locator("tbody tr")).to_have_count(len(expected))
    for name in expected:
        expect(page.get_by_role("link", name=f"{name}_1")).to_be_visible()
    address = page.url
    page.goto("/")
    page.goto(address)
    expect(page.locator("tbody tr")).to_have_count(len(expected))
    if not expected:
        page.get_by_role("link", name="Clear the filters").click()
        expect(page.locator("tbody tr")).to_have_count(4)


def test_one_shipment_tells_its_whole_way(known: Shop, open_tab: OpenTab) -> None:
    page = open_tab("/shipments")
    page.get_by_role("link", name="back_1").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Delivered · order order-back")
    expect(page.get_by_role("heading", level=1)).to_contain_text("return")
    way = page.locator(".story > li")
    expect(way).to_have_count(2)
    expect(way.nth(0)).to_contain_text("came late, or after the end: kept, and nobody was told")
    expect(way.nth(1)).to_contain_text("told")
    page.get_by_role("link", name="View Webhooks Logs").click()
    expect(page).to_have_url(re.compile("transaction_id=back_1"))


def test_the_search_of_the_frame_finds_a_shipment_that_no_webhook_was_told_of(known: Shop, open_tab: OpenTab) -> None:
    page = open_tab("/")
    page.get_by_role("searchbox", name="Search").fill("GLmoving")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Shipments")).to_be_visible()
    expect(page.get_by_role("link", name="moving_1")).to_be_visible()


def test_a_wrong_filter_says_what_is_possible(open_tab: OpenTab) -> None:
    page = open_tab("/shipments?status=teleported")
    expect(page.get_by_role("alert")).to_contain_text("delivered")


def test_without_any_it_says_how_one_comes(open_tab: OpenTab) -> None:
    page = open_tab("/shipments")
    expect(page.get_by_role("heading", name="No shipment yet")).to_be_visible()
