"""Test: the sample of each event goes out now, and the page shows all the information transmitted."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from dashboard.conftest import OpenTab
from receiver import Receiver, answer, reset

Connect = Callable[..., dict[str, Any]]


def send_test(page: Page) -> None:
    page.get_by_role("button", name="Test", exact=True).click()


@pytest.mark.parametrize(
    ("title", "event"),
    [("Order Shipped", "ORDER_SHIPPED"), ("Order Error", "ORDER_ERROR"), ("Tracking Updates", "TRACKING_UPDATE")],
)
def test_a_test_shows_all_the_information_transmitted(
    title: str, event: str, connect: Connect, receiver: Receiver, open_tab: OpenTab
) -> None:
    connect(events=["order_shipped"], username="anna", password="sesame")
    page = open_tab("/webhooks")
    page.get_by_role("link", name="Test").click()
    expect(page.get_by_role("radio", name="Order Shipped")).to_be_checked()
    page.get_by_role("radio", name=title).check()
    send_test(page)

    expect(page.get_by_role("heading", name="Passed: 200 OK")).to_be_visible()
    (sent,) = receiver.received
    request, response = (
        page.get_by_role("region", name="Request", exact=True),
        page.get_by_role("region", name="Response", exact=True),
    )
    expect(request).to_contain_text(f"POST {receiver.url()}")
    for name, value in sent.headers:
        if name.lower() not in {"content-length", "authorization", "expect"}:
            expect(request.get_by_role("row", name=f"{name} {value}", exact=True)).to_be_visible()
    expect(request.get_by_role("row", name="Authorization Basic ••••••")).to_be_visible()
    shown = page.get_by_role("region", name="Request body").inner_text()
    assert json.loads(shown) == json.loads(sent.body)
    assert json.loads(shown)["Event"] == event
    expect(response).to_contain_text("200 OK")
    expect(page.get_by_role("region", name="Response body")).to_contain_text('"ok": true')
    expect(response.get_by_role("heading", name="Time Spent")).to_be_visible()
    for phase in ("DNS", "Connect", "TLS", "First byte", "Body"):
        expect(response.get_by_text(phase, exact=True)).to_be_visible()


def test_the_tracking_update_is_the_help_pages_own(connect: Connect, open_tab: OpenTab) -> None:
    made = connect()
    page = open_tab(f"/webhooks/{made['id']}/test?event=tracking_update")
    send_test(page)
    shown = json.loads(page.get_by_role("region", name="Request body").inner_text())
    assert shown == {
        "Event": "TRACKING_UPDATE", "tracking": "WZ116539070", "date": 1622671204, "message": "Shipment delivered",
        "city": "Florence", "est_delivery_date": "0", "first_status_date": "1622152801", "late": "0", "code": 6,
        "OrderID": "24957298", "TransactionID": "48572_1", "TrackingCarrier": "FedEx", "MarketplaceID": "0",
        "MarketplacePlatform": "Manual shipment", "ExternalLink": "", "FromAddressCompany": "John Doe srl.",
        "ToAddressCompany": "", "FromAddressCountry": "IT", "ToAddressCountry": "IT",
    }  # fmt: skip


def test_a_csrf_answer_is_explained(connect: Connect, receiver: Receiver, open_tab: OpenTab) -> None:
    receiver.behave(answer(body=b'{"success":false, "reason": "CSRF token mismatch"}', status=419))
    made = connect()
    page = open_tab(f"/webhooks/{made['id']}/test")
    send_test(page)
    verdict = page.locator(".verdict")
    expect(verdict).to_contain_text("HTTP response code is 419, it must be 200")
    expect(verdict).to_contain_text("CSRF")
    expect(page.get_by_role("region", name="Response body")).to_contain_text("CSRF token mismatch")
    page.get_by_role("link", name="More about it in the reference").click()
    expect(page.locator("article:target")).to_contain_text("CSRF")


def test_no_answer_is_explained_too(connect: Connect, receiver: Receiver, open_tab: OpenTab) -> None:
    receiver.behave(reset)
    made = connect()
    page = open_tab(f"/webhooks/{made['id']}/test")
    send_test(page)
    expect(page.locator(".verdict")).to_contain_text("What to change")
    expect(page.get_by_role("region", name="Response", exact=True)).to_contain_text("No answer came.")


def test_a_test_can_be_repeated_by_curl_and_is_found_in_the_log(
    connect: Connect, receiver: Receiver, open_tab: OpenTab
) -> None:
    made = connect(username="anna", password="sesame")
    page = open_tab(f"/webhooks/{made['id']}/test", permissions=["clipboard-read", "clipboard-write"])
    send_test(page)
    page.get_by_role("button", name="Copy as curl").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith(f"curl -X POST {receiver.url()}")
    assert "sesame" not in copied
    page.get_by_role("link", name="This test in the log").click()
    expect(page.locator("h1")).to_contain_text("test")
