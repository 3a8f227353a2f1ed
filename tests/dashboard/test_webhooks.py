"""The list of webhooks and what is done with one: Edit, Delete, pause and resume, the signing secret."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from playwright.sync_api import expect

from dashboard.conftest import OpenTab
from dashboard.people import Shop
from parcelhook.store.users import Role
from receiver import Receiver, server_error
from server import tracking_update, wait_until

Connect = Callable[..., dict[str, Any]]


def test_the_list_shows_the_state_of_each_webhook(
    shop: Shop, connect: Connect, receiver: Receiver, open_tab: OpenTab
) -> None:
    receiver.behave(server_error, "/failing")
    connect("/well", label="Shop floor", retry=True, retry_count=7)
    connect("/failing")
    paused = connect("/moving", events=["order_error"])
    shop.api.post(f"/v1/endpoints/{paused['id']}/disable")
    shop.api.post("/v1/events", json=tracking_update())
    wait_until(lambda: len(shop.api.get("/v1/logs").json()["items"]) == 2)

    page = open_tab("/webhooks")
    well, failing, moving = (page.get_by_role("row").filter(has_text=path) for path in ("/well", "/failing", "/moving"))
    expect(well).to_contain_text("Active")
    expect(well).to_contain_text("Shop floor")
    expect(well).to_contain_text("Passed · 200")
    expect(well).to_contain_text("up to 7")
    expect(failing).to_contain_text("Failing")
    expect(failing).to_contain_text("Failed · 500")
    expect(moving).to_contain_text("Paused")
    expect(moving).to_contain_text("none yet")

    page.get_by_label("State").select_option("Failing")
    page.get_by_role("button", name="Filter").click()
    expect(page.get_by_role("row").filter(has_text=receiver.url(""))).to_have_count(1)
    assert "state=failing" in page.url
    page.get_by_label("URL or label").fill("nowhere")
    page.get_by_role("button", name="Filter").click()
    page.get_by_role("link", name="Clear the filters").click()
    expect(page.get_by_role("row").filter(has_text=receiver.url(""))).to_have_count(3)


def test_edit_keeps_what_is_not_changed(shop: Shop, connect: Connect, receiver: Receiver, open_tab: OpenTab) -> None:
    made = connect(
        username="anna",
        password="sesame",
        custom_headers=[{"key": "X-Shop", "value": "open sesame"}],
        retry=True,
        retry_count=3,
    )
    page = open_tab("/webhooks")
    page.get_by_role("link", name="Edit").click()
    popup = page.get_by_role("dialog", name="Edit webhook")
    expect(popup.get_by_label("URL", exact=True)).to_have_value(receiver.url())
    expect(popup.get_by_label("Password", exact=True)).to_have_value("")
    expect(popup.get_by_label("Value")).to_have_value("")
    assert "open sesame" not in page.content()
    popup.get_by_label("Label").fill("Renamed")
    popup.get_by_label("Order Error", exact=True).uncheck()
    popup.get_by_role("button", name="Save", exact=True).click()

    expect(page.get_by_text("Renamed").first).to_be_visible()
    shop.api.post(f"/v1/endpoints/{made['id']}/test", json={})
    (sent,) = receiver.received
    assert sent.header("x-shop") == "open sesame"
    assert sent.header("authorization") == "Basic YW5uYTpzZXNhbWU="
    stored = shop.api.get(f"/v1/endpoints/{made['id']}").json()
    assert sorted(stored["events"]) == ["order_shipped", "tracking_update"]
    assert stored["retry_count"] == 3


def test_edit_tells_an_error_beside_its_field(connect: Connect, open_tab: OpenTab) -> None:
    made = connect()
    page = open_tab(f"/webhooks/{made['id']}/edit")
    page.get_by_label("URL", exact=True).fill("shop")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("heading", name="Not saved yet")).to_be_visible()
    expect(page.get_by_label("URL", exact=True)).to_have_value("shop")
    expect(page.get_by_label("URL", exact=True)).to_have_attribute("aria-invalid", "true")


def test_delete_says_what_is_still_waiting(shop: Shop, connect: Connect, open_tab: OpenTab) -> None:
    made = connect()
    shop.api.post(f"/v1/endpoints/{made['id']}/disable")
    shop.api.post("/v1/events", json=[tracking_update(f"{number}_1") for number in range(3)])

    page = open_tab("/webhooks")
    page.get_by_role("link", name="Delete").click()
    popup = page.get_by_role("dialog", name="Delete this webhook?")
    expect(popup).to_contain_text("3 deliveries are still waiting and will be cancelled.")
    popup.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("heading", name="No webhook yet")).to_be_visible()
    expect(page.get_by_role("status").filter(has_text="Deleted")).to_be_visible()
    assert shop.api.get("/v1/endpoints").json()["items"] == []


def test_pause_and_resume(shop: Shop, connect: Connect, receiver: Receiver, open_tab: OpenTab) -> None:
    made = connect()
    page = open_tab(f"/webhooks/{made['id']}")
    page.get_by_role("button", name="Pause").click()
    expect(page.locator("h1")).to_contain_text("Paused")
    expect(page.get_by_text("What is accepted waits until it is resumed.")).to_be_visible()

    shop.api.post("/v1/events", json=tracking_update())
    page.reload()
    expect(page.get_by_role("listitem").filter(has_text="waiting")).to_contain_text("1")
    page.get_by_role("button", name="Resume").click()
    expect(page.locator("h1")).to_contain_text("Active")
    receiver.wait_for(1)


def test_a_webhook_shows_its_settings_and_its_charts_as_tables(
    shop: Shop, connect: Connect, receiver: Receiver, open_tab: OpenTab
) -> None:
    made = connect(
        label="Shop floor", retry=True, retry_count=2, custom_headers=[{"key": "X-Shop", "value": "open sesame"}]
    )
    page = open_tab(f"/webhooks/{made['id']}")
    expect(page.get_by_role("heading", name="Nothing was delivered yet")).to_be_visible()

    shop.api.post("/v1/events", json=tracking_update())
    receiver.wait_for(1)
    wait_until(lambda: bool(shop.api.get("/v1/logs").json()["items"]))
    page.reload()
    settings = page.get_by_role("complementary", name="Settings of this webhook")
    for words in ("Order Shipped, Order Error, Tracking Updates", "up to 2", "X-Shop", "2xx with JSON, or 204"):
        expect(settings).to_contain_text(words)
    expect(settings).not_to_contain_text("open sesame")
    figure = page.get_by_role("figure").filter(has_text="By answer")
    figure.get_by_text("As table").click()
    expect(figure.get_by_role("row", name="200 OK 1 0")).to_be_visible()
    page.get_by_role("link", name="7d").click()
    assert page.url.endswith("?range=7d")


def test_the_signing_secret_is_shown_copied_and_rotated(shop: Shop, connect: Connect, open_tab: OpenTab) -> None:
    made = connect()
    secret = shop.api.get(f"/v1/endpoints/{made['id']}/secret").json()["secret"]
    page = open_tab(f"/webhooks/{made['id']}", permissions=["clipboard-read", "clipboard-write"])
    page.get_by_role("link", name="Show or rotate").click()
    expect(page.get_by_text(secret).first).to_be_hidden()
    page.get_by_text("Show the secret").click()
    expect(page.get_by_text(secret).first).to_be_visible()
    page.get_by_role("button", name=f"Copy {secret}").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == secret

    page.get_by_role("button", name="Rotate").click()
    expect(page.get_by_text("Show an older one, valid until")).to_be_visible()
    assert shop.api.get(f"/v1/endpoints/{made['id']}/secret").json()["secret"] != secret


def test_a_viewer_looks_and_changes_nothing(connect: Connect, open_tab: OpenTab) -> None:
    made = connect()
    page = open_tab("/webhooks", role=Role.VIEWER, allow="status of 403")
    expect(page.get_by_role("link", name="View Webhooks Logs").first).to_be_visible()
    for name in ("Add Webhook", "Edit", "Delete", "Test"):
        expect(page.get_by_role("link", name=name)).to_have_count(0)
    page.goto(f"/webhooks/{made['id']}")
    expect(page.get_by_role("button", name="Pause")).to_have_count(0)
    page.goto(f"/webhooks/{made['id']}/secret")
    expect(page.get_by_text("This needs the role member; yours is viewer.")).to_be_visible()
