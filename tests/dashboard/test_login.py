"""Coming in: the one-time link, the password, the way back in, and out."""

from __future__ import annotations

from playwright.sync_api import expect

from dashboard.conftest import OpenTab
from dashboard.people import Shop

PASSWORD = "four plain words together"


def test_a_one_time_link_sets_a_password_that_lets_in_again(shop: Shop, open_tab: OpenTab) -> None:
    link = shop.login_link("anna@shop.example")
    page = open_tab(link, role=None)
    expect(page.get_by_role("heading", name="Welcome")).to_be_visible()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Open the dashboard").click()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()

    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()

    page.get_by_label("E-mail").fill("anna@shop.example")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
