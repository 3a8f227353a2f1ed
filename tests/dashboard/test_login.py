"""Coming in: the one-time link, the password, the way back in, and out."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from dashboard.conftest import OpenTab
from dashboard.people import Shop

PASSWORD = "four plain words together"


def log_in(page: Page, email: str, password: str) -> None:
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()


def test_a_one_time_link_sets_a_password_that_lets_in_again(shop: Shop, open_tab: OpenTab) -> None:
    page = open_tab(shop.login_link("anna@shop.example"), role=None)
    expect(page.get_by_role("heading", name="Welcome")).to_be_visible()
    expect(page.get_by_label("E-mail")).to_have_value("anna@shop.example")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Open the dashboard").click()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()

    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    page.goto("/webhooks")
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()

    log_in(page, "anna@shop.example", PASSWORD)
    expect(page).to_have_url(f"{shop.server.url}/webhooks")
    expect(page.get_by_role("heading", name="Webhooks", exact=True)).to_be_visible()


def test_a_link_that_was_used_opens_nothing_and_says_what_to_do(shop: Shop, open_tab: OpenTab) -> None:
    link = shop.login_link("used@shop.example")
    page = open_tab(link, role=None, allow="status of 404")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Open the dashboard").click()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()

    page.goto(link)
    expect(page.get_by_text("This link was used already, or it has expired.")).to_be_visible()


def test_a_link_for_somebody_who_is_there_sets_a_new_password(shop: Shop, open_tab: OpenTab) -> None:
    for password in (PASSWORD, "another four plain words"):
        page = open_tab(shop.login_link("forgot@shop.example"), role=None)
        page.get_by_label("Password").fill(password)
        page.get_by_role("button", name="Open the dashboard").click()
        expect(page.get_by_role("heading", name="Overview")).to_be_visible()


def test_a_wrong_password_is_refused_and_the_address_stays(open_tab: OpenTab) -> None:
    page = open_tab("/login", role=None, allow="status of 403")
    log_in(page, "nobody@shop.example", "not the password")

    expect(page.get_by_role("alert")).to_have_text("This e-mail address and password do not belong together.")
    expect(page.get_by_label("E-mail")).to_have_value("nobody@shop.example")
    expect(page.get_by_label("Password")).to_have_value("")
    expect(page.get_by_label("Password")).to_be_focused()


def test_a_password_that_is_too_short_is_told_beside_its_field(shop: Shop, open_tab: OpenTab) -> None:
    page = open_tab(shop.login_link("short@shop.example"), role=None)
    field = page.get_by_label("Password")
    field.evaluate("field => field.removeAttribute('minlength')")  # a browser that does not check it itself
    field.fill("short")
    page.get_by_role("button", name="Open the dashboard").click()

    expect(field).to_have_accessible_description(
        "At least 10 characters. A password has 10 to 200 characters, not 5. "
        "Use a longer one; a few words are easy to remember."
    )
