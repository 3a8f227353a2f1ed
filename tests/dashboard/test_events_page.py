"""Events: what came in and how far it got, and the form that sends one."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from playwright.sync_api import expect

from dashboard.conftest import OpenTab
from dashboard.people import Shop
from parcelhook.store.users import Role
from receiver import Receiver, server_error
from server import tracking_update, wait_until

Connect = Callable[..., dict[str, Any]]


def test_an_event_is_sent_from_the_sample_and_followed(connect: Connect, receiver: Receiver, open_tab: OpenTab) -> None:
    connect(label="Shop floor")
    page = open_tab("/events")
    expect(page.get_by_role("heading", name="No event yet")).to_be_visible()
    page.get_by_role("main").get_by_role("link", name="Send an event").first.click()
    page.get_by_role("link", name="Order Error").click()
    body = json.loads(page.get_by_label("Event, as JSON").input_value())
    assert body["Event"] == "ORDER_ERROR"
    page.get_by_label("Event, as JSON").fill(json.dumps(body | {"OrderID": "7001"}))
    page.get_by_role("button", name="Send").click()

    expect(page.get_by_role("status").filter(has_text="Accepted. It is on its way.")).to_be_visible()
    expect(page.get_by_role("heading", name="Order Error · order 7001")).to_be_visible()
    (arrived,) = receiver.wait_for(1)
    assert json.loads(arrived.body)["OrderID"] == "7001"
    page.goto("/events")
    line = page.get_by_role("row").filter(has_text="7001")
    expect(line).to_contain_text("1 delivered")
    line.get_by_role("link").first.click()
    expect(page.get_by_role("row").filter(has_text="Shop floor")).to_contain_text("Passed · 200")


def test_what_cannot_be_read_is_told_and_kept(open_tab: OpenTab) -> None:
    page = open_tab("/events/new")
    for typed, words in (("{", "cannot be read"), ('{"Event": "ORDER_LOST"}', "ORDER_LOST")):
        page.get_by_label("Event, as JSON").fill(typed)
        page.get_by_role("button", name="Send").click()
        expect(page.get_by_role("alert")).to_contain_text(words)
        expect(page.get_by_role("alert")).to_contain_text("Nothing was sent.")
        expect(page.get_by_label("Event, as JSON")).to_have_value(typed)


def test_the_events_are_filtered_and_tell_how_far_they_got(
    shop: Shop, connect: Connect, receiver: Receiver, open_tab: OpenTab
) -> None:
    receiver.behave(server_error, "/failing")
    connect("/failing", events=["tracking_update"])
    connect("/well", events=["tracking_update"])
    shop.api.post("/v1/events", json=[
        tracking_update("100_1", OrderID="5001"), {"Event": "ORDER_ERROR", "OrderID": "5003", "TransactionID": "3_1", "Message": "No."},
    ])  # fmt: skip
    wait_until(lambda: len(shop.api.get("/v1/logs").json()["items"]) == 2)
    page = open_tab("/events")
    expect(page.get_by_role("row").filter(has_text="5001")).to_contain_text("1 delivered")
    expect(page.get_by_role("row").filter(has_text="5001")).to_contain_text("1 gave up")
    expect(page.get_by_role("row").filter(has_text="5003")).to_contain_text("no webhook asked for it")
    page.get_by_label("Event", exact=True).select_option("Order Error")
    page.get_by_role("button", name="Filter").click()
    expect(page.get_by_role("row").filter(has_text="5001")).to_have_count(0)
    assert "event=order_error" in page.url
    page.get_by_label("Order, transaction or tracking number").fill("nothing")
    page.get_by_role("button", name="Filter").click()
    expect(page.get_by_text("No event matches.")).to_be_visible()


def test_a_viewer_sends_none(open_tab: OpenTab) -> None:
    page = open_tab("/events", role=Role.VIEWER)
    expect(page.get_by_role("heading", name="No event yet")).to_be_visible()
    expect(page.get_by_role("link", name="Send an event")).to_have_count(0)
