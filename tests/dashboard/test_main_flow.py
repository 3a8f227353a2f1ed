"""The main flow by other ways than mouse and script: with the keyboard alone, and with script switched off."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from dashboard.adding import fill, save
from dashboard.conftest import OpenTab
from dashboard.people import Shop
from receiver import Receiver, answer, server_error
from server import tracking_update, wait_until

MOST_TABS = 60


def tab_to(page: Page, role: str, name: str) -> None:
    """Press Tab until that has the focus; it must also be seen to have it."""
    wanted = page.get_by_role(role, name=name, exact=True).last  # type: ignore[arg-type]
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        if wanted.evaluate("one => one === document.activeElement"):
            width = wanted.evaluate("one => getComputedStyle(one).outlineStyle + getComputedStyle(one).outlineWidth")
            assert width == "solid2px", f"{name} does not show that it has the focus: {width}"
            return
    raise AssertionError(f"{MOST_TABS} times Tab did not lead to the {role} {name}")


def test_add_test_and_delete_with_the_keyboard_alone(receiver: Receiver, open_tab: OpenTab) -> None:
    page = open_tab("/webhooks")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    tab_to(page, "link", "Add Webhook")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="Add Webhook")).to_be_visible()
    tab_to(page, "textbox", "URL")
    page.keyboard.type(receiver.url())
    tab_to(page, "checkbox", "Tracking Updates")
    page.keyboard.press("Space")
    tab_to(page, "switch", "Retry")
    page.keyboard.press("Space")
    tab_to(page, "button", "Save")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Connected and saved")).to_be_visible()

    tab_to(page, "link", "Test")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Test", exact=True)).to_be_visible()
    tab_to(page, "radio", "Order Shipped")
    page.keyboard.press("ArrowDown")
    tab_to(page, "button", "Test")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Passed: 200 OK")).to_be_visible()
    assert receiver.received[-1].header("x-webhook-event") == "ORDER_ERROR"

    page.goto("/webhooks")
    tab_to(page, "link", f"Delete {receiver.url()}")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="Delete this webhook?")).to_be_visible()
    tab_to(page, "button", "Delete")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="No webhook yet")).to_be_visible()


def test_add_test_logs_attempt_and_delete_with_script_switched_off(
    shop: Shop, receiver: Receiver, open_tab: OpenTab
) -> None:
    receiver.behave(server_error)
    page = open_tab("/webhooks", script=False)
    page.get_by_role("link", name="Add Webhook").first.click()
    save(page)
    expect(page.get_by_role("heading", name="Not saved yet")).to_be_visible()
    fill(page, receiver.url())
    page.get_by_label("Retry", exact=True).check()
    page.get_by_label("Count of Retry").select_option("2")
    save(page)
    expect(page.get_by_role("heading", name="HTTP response code is 500, it must be 200")).to_be_visible()
    receiver.behave(answer())
    page.get_by_role("button", name="Please Retry").click()
    expect(page.get_by_role("heading", name="Connected and saved")).to_be_visible()

    page.get_by_role("link", name="Test", exact=True).first.click()
    page.get_by_role("radio", name="Tracking Updates").check()
    page.get_by_role("button", name="Test", exact=True).click()
    expect(page.get_by_role("heading", name="Passed: 200 OK")).to_be_visible()
    expect(page.get_by_role("region", name="Request body")).to_contain_text("TRACKING_UPDATE")
    page.locator("summary", has_text="As curl").click()
    expect(page.get_by_role("region", name="As curl")).to_contain_text(f"curl -X POST {receiver.url()}")

    shop.api.post("/v1/events", json=tracking_update())
    receiver.wait_for(1)
    wait_until(lambda: bool(shop.api.get("/v1/logs", params={"test": "false"}).json()["items"]))
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Webhooks Logs").click()
    page.get_by_label("Event", exact=True).select_option("Tracking Updates")
    page.get_by_label("Result", exact=True).select_option("Succeeded")
    page.get_by_role("button", name="Filter").click()
    page.locator("#log tbody tr").filter(has_not_text="test").get_by_role("link").first.click()
    expect(page.get_by_role("region", name="The story of this delivery")).to_contain_text("Delivered")
    page.get_by_role("button", name="Resend").click()
    expect(page.get_by_role("status").filter(has_text="It is sent once more now")).to_be_visible()
    receiver.wait_for(2)

    page.get_by_role("navigation", name="Main").get_by_role("link", name="Webhooks", exact=True).click()
    page.get_by_role("link", name="Delete").click()
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("heading", name="No webhook yet")).to_be_visible()
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
