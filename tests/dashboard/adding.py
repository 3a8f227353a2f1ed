"""Filling in the form of Add Webhook."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect


def add_webhook(page: Page) -> Locator:
    """Click on Add Webhook; the popup."""
    page.get_by_role("link", name="Add Webhook").first.click()
    popup = page.get_by_role("dialog", name="Add Webhook")
    expect(popup).to_be_visible()
    return popup


def fill(form: Locator | Page, url: str, *events: str) -> None:
    """The URL and the events, by the names on the screen."""
    form.get_by_label("URL", exact=True).fill(url)
    for event in events or ("Order Shipped", "Order Error", "Tracking Updates"):
        form.get_by_label(event, exact=True).check()


def save(form: Locator | Page) -> None:
    """Click on Save."""
    form.get_by_role("button", name="Save", exact=True).click()
