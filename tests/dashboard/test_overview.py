"""Overview: the first steps of a newcomer, the four figures, what needs attention."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from playwright.sync_api import expect

from dashboard.conftest import OpenTab
from dashboard.people import Shop
from receiver import Receiver, server_error
from server import tracking_update, wait_until

Connect = Callable[..., dict[str, Any]]


def test_a_newcomer_is_led_from_step_to_step(connect: Connect, open_tab: OpenTab) -> None:
    page = open_tab("/")
    steps = page.get_by_role("region", name="First steps").get_by_role("listitem")
    expect(steps.nth(0).get_by_role("link", name="Add Webhook")).to_be_visible()
    connect()
    page.reload()
    expect(steps.nth(0)).to_contain_text("done")
    steps.nth(1).get_by_role("link", name="Test").click()
    page.get_by_role("button", name="Test", exact=True).click()
    expect(page.get_by_role("heading", name="Passed: 200 OK")).to_be_visible()
    page.goto("/")
    expect(steps.nth(1)).to_contain_text("done")
    expect(steps.nth(2).get_by_role("link", name="Send an event")).to_be_visible()


def test_figures_charts_and_what_needs_attention(
    shop: Shop, connect: Connect, receiver: Receiver, open_tab: OpenTab
) -> None:
    receiver.behave(server_error, "/failing")
    connect("/well")
    failing = connect("/failing", label="Old ERP")
    paused = connect("/moving", label="Warehouse", events=["order_error"])
    shop.api.post(f"/v1/endpoints/{paused['id']}/disable")
    shop.api.post("/v1/events", json=[tracking_update(f"{number}_1") for number in range(4)])
    wait_until(lambda: len(shop.api.get("/v1/logs").json()["items"]) == 8)

    page = open_tab("/")
    figures = page.locator(".four li")
    expect(figures.nth(0)).to_contain_text("Events in4none the day before")
    expect(figures.nth(1)).to_contain_text("50.0 %")
    attention = page.get_by_role("region", name="Needs attention")
    expect(attention).to_contain_text("Old ERP is failing: it last answered 500")
    expect(attention).to_contain_text("Warehouse is paused.")
    results = page.get_by_role("figure").filter(has_text="Attempts passed and failed")
    expect(results).to_contain_text("4 passed, 4 failed")
    results.get_by_text("As table").click()
    expect(results.get_by_role("row").last).to_contain_text("44")
    attention.get_by_role("link", name="See why").click()
    expect(page.locator("#log tbody tr")).to_have_count(4)
    assert f"endpoint={failing['id']}" in page.url

    page.goto("/")
    page.get_by_role("group", name="Attempts passed and failed over time, UTC").get_by_role("link").last.click()
    expect(page.locator("#log tbody tr")).to_have_count(8)
