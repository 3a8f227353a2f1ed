"""Filters and format in the popup: matches are counted where one stands, then all of it is saved."""

from __future__ import annotations

from playwright.sync_api import expect

from dashboard.adding import add_webhook, fill, save
from dashboard.conftest import OpenTab
from dashboard.people import Shop
from receiver import Receiver
from server import tracking_update


def test_matches_are_counted_in_the_popup_and_enter_saves(shop: Shop, receiver: Receiver, open_tab: OpenTab) -> None:
    shop.api.post("/v1/events", json=[tracking_update(f"{code}_1", code=code) for code in (1, 2, 5, 6)])
    page = open_tab("/webhooks")
    popup = add_webhook(page)
    fill(popup, receiver.url(), "Tracking Updates")
    popup.locator("summary", has_text="More").click()
    popup.get_by_label("Carriers").fill("FedEx")
    popup.get_by_label("5 Exception").check()
    popup.get_by_label("6 Delivered").check()
    popup.get_by_label("Format").select_option("cloudevents")
    popup.get_by_role("button", name="Count matches").click()
    counted = popup.get_by_role("status")
    expect(counted).to_have_text("2 of the last day's 4 events would have been sent.")
    expect(counted).to_be_focused()

    popup.get_by_label("To countries").fill("Italy")
    popup.get_by_label("To countries").press("Enter")
    expect(popup.get_by_label("To countries")).to_have_accessible_description(
        '"Italy" is not a country code. Write it as two letters, such as IT or US.'
    )
    popup.get_by_label("To countries").fill("IT")
    save(popup)
    expect(page.get_by_role("heading", name="Connected and saved")).to_be_visible()
    settings = page.get_by_role("complementary", name="Settings of this webhook")
    expect(settings).to_contain_text("carrier FedEx; to IT; code 5 Exception or 6 Delivered")
    expect(settings).to_contain_text("CloudEvents 1.0, structured")
    assert receiver.received[0].header("content-type") == "application/cloudevents+json"
