"""Settings: API keys, users and roles, time zone, password, theme; what only the operator can set is shown."""

from __future__ import annotations

import re

import httpx
import pytest
from playwright.sync_api import expect

from dashboard.conftest import OpenTab
from dashboard.people import Shop
from parcelhook.store.users import Role

PASSWORD = "four plain words together"


@pytest.mark.parametrize(
    ("scope", "may_read", "may_feed"),
    [("Everything", True, True), ("Feed events in, nothing else", False, True), ("Read, change nothing", True, False)],
)
def test_a_key_is_scoped_shown_once_and_revoked(
    scope: str, may_read: bool, may_feed: bool, shop: Shop, open_tab: OpenTab
) -> None:
    page = open_tab("/settings")
    page.get_by_label("Name").fill("The platform")
    page.get_by_label("May").select_option(scope)
    page.get_by_role("button", name="Make a key").click()
    shown = page.get_by_role("status").filter(has_text="This is the key, shown this once:")
    key = shown.locator("code").inner_text()
    event = {"Event": "ORDER_ERROR", "OrderID": "1", "TransactionID": "1_1", "Message": "No."}
    with shop.server.client(key) as api:
        assert (api.get("/v1/endpoints").status_code == 200) is may_read
        assert (api.post("/v1/events", json=event).status_code == 202) is may_feed

    page.goto("/settings")
    line = page.get_by_role("row").filter(has_text="The platform")
    expect(line).to_contain_text(scope)
    assert key not in page.content()
    line.get_by_role("button", name="Revoke The platform").click()
    expect(line).to_have_count(0)
    assert httpx.get(f"{shop.server.url}/v1/endpoints", headers={"Authorization": f"Bearer {key}"}).status_code == 401


def test_a_key_without_a_name_is_refused_beside_its_field(open_tab: OpenTab) -> None:
    page = open_tab("/settings")
    page.get_by_role("button", name="Make a key").click()
    expect(page.get_by_label("Name")).to_have_accessible_description(re.compile("A key needs a name."))


def test_a_user_is_invited_gets_a_role_and_is_removed(open_tab: OpenTab) -> None:
    page = open_tab("/settings")
    page.get_by_label("E-mail").fill("marco@shop.example")
    page.locator("#user-role").select_option("viewer")
    page.get_by_role("button", name="Invite").click()
    given = page.get_by_role("status").filter(has_text="Hand this one-time link to marco@shop.example")
    link = given.locator("code").inner_text()
    expect(page.get_by_role("row").filter(has_text="marco@shop.example")).to_contain_text("invited, until")

    marco = open_tab(link, role=None, allow="status of 40")
    marco.get_by_label("Password").fill(PASSWORD)
    marco.get_by_role("button", name="Open the dashboard").click()
    expect(marco.get_by_role("heading", name="Overview")).to_be_visible()
    marco.goto("/settings")
    expect(marco.get_by_role("heading", name="API keys")).to_have_count(0)
    marco.goto("/webhooks/new")
    marco.get_by_label("URL", exact=True).fill("https://shop.example/")
    marco.get_by_role("button", name="Save", exact=True).click()
    expect(marco.get_by_text("This needs the role member; yours is viewer.")).to_be_visible()

    page.reload()
    line = page.get_by_role("row").filter(has_text="marco@shop.example")
    line.get_by_label("Role of marco@shop.example").select_option("member")
    with page.expect_navigation():
        line.get_by_role("button", name="Set the role of marco@shop.example").click()
    marco.goto("/webhooks")
    expect(marco.get_by_role("link", name="Add Webhook").first).to_be_visible()
    line.get_by_role("button", name="Remove marco@shop.example").click()
    expect(line).to_have_count(0)
    marco.goto("/webhooks")
    expect(marco.get_by_role("heading", name="Log in")).to_be_visible()


def test_the_last_owner_stays(open_tab: OpenTab) -> None:
    page = open_tab("/settings", allow="status of 409")
    page.get_by_role("button", name=re.compile("^Remove owner-")).click()
    expect(page.get_by_role("main")).to_contain_text("owner")
    page.goto("/settings")
    expect(page.get_by_role("row").filter(has_text="(you)")).to_be_visible()


def test_the_time_zone_holds_for_every_time(shop: Shop, open_tab: OpenTab) -> None:
    shop.api.post("/v1/events", json={"Event": "ORDER_ERROR", "OrderID": "1", "TransactionID": "1_1", "Message": "No."})
    page = open_tab("/settings")
    page.get_by_label("Time zone").select_option("Asia/Tokyo")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status").filter(has_text="Saved.")).to_be_visible()
    page.goto("/events")
    moment = page.locator("time").first
    exact = moment.get_attribute("datetime")
    in_tokyo = page.evaluate(
        "when => new Intl.DateTimeFormat('en-GB', {timeStyle: 'medium', timeZone: 'Asia/Tokyo'}).format(new Date(when))",
        exact,
    )
    expect(moment).to_contain_text(in_tokyo)

    page.goto("/settings")
    page.get_by_label("Time zone").select_option("")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status").filter(has_text="Saved.")).to_be_visible()
    page.goto("/events")
    in_rome = page.evaluate(
        "when => new Intl.DateTimeFormat('en-GB', {timeStyle: 'medium'}).format(new Date(when))", exact
    )
    expect(page.locator("time").first).to_contain_text(in_rome)  # the browser of the tests is in Rome
    expect(page.get_by_text("times in Europe/Rome")).to_be_visible()


def test_a_new_password_needs_the_present_one_and_logs_out(shop: Shop, open_tab: OpenTab) -> None:
    page = open_tab(shop.login_link("anna@shop.example"), role=None)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Open the dashboard").click()
    page.get_by_role("link", name="Settings").click()
    for present, words in (("not the one", "This is not your present password."), (PASSWORD, "")):
        page.get_by_label("Present password").fill(present)
        page.get_by_label("New password").fill("another four plain words")
        page.get_by_role("button", name="Change the password").click()
        if words:
            expect(page.get_by_label("Present password")).to_have_accessible_description(re.compile(words))
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    page.get_by_label("E-mail").fill("anna@shop.example")
    page.get_by_label("Password").fill("another four plain words")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("link", name="Settings")).to_be_visible()


def test_the_theme_is_kept_and_beats_the_systems(open_tab: OpenTab) -> None:
    page = open_tab("/logs", theme="light")
    back = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(back)
    page.get_by_role("button", name="Dark").click()
    expect(page.get_by_role("button", name="Dark")).to_have_attribute("aria-pressed", "true")
    assert page.url.endswith("/logs")
    dark = page.evaluate(back)
    assert dark != light
    page.goto("/events")
    assert page.evaluate(back) == dark
    page.get_by_role("button", name="Auto").click()
    expect(page.get_by_role("button", name="Auto")).to_have_attribute("aria-pressed", "true")
    assert page.evaluate(back) == light
    page.emulate_media(color_scheme="dark")
    assert page.evaluate(back) == dark


def test_what_the_operator_sets_is_shown_to_all(open_tab: OpenTab) -> None:
    page = open_tab("/settings", role=Role.VIEWER)
    for key in ("RETENTION_DAYS", "EGRESS_SOURCE", "EGRESS_PROXY", "RETRY_SCHEDULE"):
        expect(page.get_by_text(f"PARCELHOOK_{key}", exact=True).first).to_be_visible()
    expect(page.get_by_role("heading", name="What is the public IP address used for webhook updates?")).to_be_visible()
    expect(page.get_by_role("heading", name="Users")).to_have_count(0)
