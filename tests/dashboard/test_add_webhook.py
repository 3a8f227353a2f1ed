"""Add Webhook: the popup, the first connection, every message of the help page, and what else can be done with a failure."""

from __future__ import annotations

import base64
import json

import pytest
from playwright.sync_api import expect

from dashboard.adding import add_webhook, fill, save
from dashboard.conftest import OpenTab
from dashboard.people import Shop
from receiver import Behaviour, Receiver, answer, no_content, server_error

NOT_JSON = "HTTP response must be in JSON format. Please Retry"
CSRF = answer(403, b'{"success":false, "reason": "CSRF token mismatch"}')
HTML = answer(body=b"<!doctype html><title>Shop</title><h1>Welcome</h1>", content_type="text/html")


@pytest.mark.parametrize("behaviour", [answer(), answer(201), no_content], ids=["200 JSON", "201 JSON", "204"])
def test_what_passes_is_connected_and_saved(behaviour: Behaviour, receiver: Receiver, open_tab: OpenTab) -> None:
    receiver.behave(behaviour)
    page = open_tab("/webhooks")
    popup = add_webhook(page)
    fill(popup, receiver.url(), "Tracking Updates")
    save(popup)

    expect(page.get_by_role("heading", name="Connected and saved")).to_be_visible()
    expect(page.get_by_role("heading", name=receiver.url())).to_contain_text("Active")
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Webhooks", exact=True).click()
    expect(page.get_by_role("row").filter(has_text=receiver.url())).to_contain_text("Tracking Updates")


def test_the_first_connection_sends_order_shipped_whatever_is_chosen(receiver: Receiver, open_tab: OpenTab) -> None:
    page = open_tab("/webhooks")
    popup = add_webhook(page)
    expect(popup).to_contain_text(
        "On the first connection a sample Order Shipped is sent, even if you chose other events."
    )
    fill(popup, receiver.url(), "Order Error")
    save(popup)
    expect(page.get_by_role("heading", name="Connected and saved")).to_be_visible()

    (sent,) = receiver.received
    assert json.loads(sent.body)["Event"] == "ORDER_SHIPPED"
    assert sent.header("x-webhook-test") == "true"
    page.get_by_text("All the information transmitted").click()
    expect(page.get_by_role("region", name="Request body")).to_contain_text('"Event": "ORDER_SHIPPED"')


def test_every_field_of_the_form_reaches_the_webhook(shop: Shop, receiver: Receiver, open_tab: OpenTab) -> None:
    page = open_tab("/webhooks")
    popup = add_webhook(page)
    fill(popup, receiver.url("/hooks"), "Order Shipped", "Tracking Updates")
    popup.get_by_label("Label").fill("Shop floor")
    popup.get_by_label("Username").fill("anna")
    popup.get_by_label("Password").fill("sesame")
    popup.get_by_label("Retry", exact=True).check()
    popup.get_by_label("Count of Retry").select_option("7")
    popup.get_by_label("Custom Header", exact=True).check()
    popup.get_by_label("Key").fill("X-Shop")
    popup.get_by_label("Value").fill("open")
    popup.get_by_text("More", exact=True).click()
    popup.get_by_label("Time limit, seconds").fill("20")
    save(popup)
    expect(page.get_by_role("heading", name="Connected and saved")).to_be_visible()

    (sent,) = receiver.received
    assert sent.path == "/hooks"
    assert sent.header("authorization") == "Basic " + base64.b64encode(b"anna:sesame").decode()
    assert sent.header("x-shop") == "open"
    (stored,) = shop.api.get("/v1/endpoints").json()["items"]
    assert (stored["label"], stored["retry_count"], stored["timeout_ms"]) == ("Shop floor", 7, 20_000)
    assert sorted(stored["events"]) == ["order_shipped", "tracking_update"]
    expect(page.locator("main")).not_to_contain_text("sesame")


def test_the_timetable_follows_the_count_of_retry(open_tab: OpenTab) -> None:
    page = open_tab("/webhooks/new")
    timetable = page.locator("#timetable li:visible")
    expect(timetable).to_have_count(0)
    page.get_by_label("Retry", exact=True).check()
    expect(timetable).to_have_count(5)
    page.get_by_label("Count of Retry").select_option("10")
    expect(timetable).to_have_count(10)
    page.get_by_label("Count of Retry").select_option("1")
    expect(timetable).to_have_count(1)


@pytest.mark.parametrize(
    ("behaviour", "message", "cause"),
    [
        (HTML, NOT_JSON, "A web page answered"),
        (answer(body=b"OK", content_type="text/plain"), NOT_JSON, "The Content-Type is not JSON"),
        (server_error, "HTTP response code is 500, it must be 200", "500 Internal Server Error"),
        (answer(403, b"{}"), "HTTP response code is 403, it must be 200. Please Retry!", "403 Forbidden"),
        (CSRF, "HTTP response code is 403, it must be 200. Please Retry!", "CSRF"),
        (answer(418, b"{}"), "HTTP response code is 418, it must be 200", "I'm a teapot"),
    ],
    ids=["HTML", "text", "500", "403", "CSRF", "418"],
)
def test_a_failed_first_connection_says_why_and_saves_nothing(
    behaviour: Behaviour, message: str, cause: str, shop: Shop, receiver: Receiver, open_tab: OpenTab
) -> None:
    receiver.behave(behaviour)
    page = open_tab("/webhooks")
    popup = add_webhook(page)
    fill(popup, receiver.url(), "Order Error")
    save(popup)

    expect(popup.get_by_role("heading", name=message, exact=message.endswith("Retry!"))).to_be_visible()
    expect(popup.locator(".verdict")).to_contain_text(cause)
    expect(popup.locator(".verdict")).to_contain_text("What to change")
    expect(popup.get_by_label("URL", exact=True)).to_have_value(receiver.url())
    expect(popup.get_by_label("Order Error", exact=True)).to_be_checked()
    assert shop.api.get("/v1/endpoints").json()["items"] == []


def test_please_retry_saves_once_the_server_is_mended(receiver: Receiver, open_tab: OpenTab) -> None:
    receiver.behave(server_error)
    page = open_tab("/webhooks")
    popup = add_webhook(page)
    fill(popup, receiver.url())
    save(popup)
    retry = popup.get_by_role("button", name="Please Retry")
    expect(retry).to_be_visible()
    receiver.behave(answer())
    retry.click()
    expect(page.get_by_role("heading", name="Connected and saved")).to_be_visible()


def test_a_failure_can_be_saved_as_paused(receiver: Receiver, open_tab: OpenTab) -> None:
    receiver.behave(server_error)
    page = open_tab("/webhooks")
    popup = add_webhook(page)
    fill(popup, receiver.url())
    save(popup)
    popup.get_by_role("button", name="Save as paused").click()

    expect(page.get_by_role("heading", name=receiver.url())).to_contain_text("Paused")
    expect(page.get_by_text("Saved as paused: its first connection has not passed yet.")).to_be_visible()


def test_take_any_2xx_is_offered_where_only_the_body_was_wrong(
    shop: Shop, receiver: Receiver, open_tab: OpenTab
) -> None:
    receiver.behave(answer(body=b"OK", content_type="text/plain"))
    page = open_tab("/webhooks")
    popup = add_webhook(page)
    fill(popup, receiver.url())
    save(popup)
    popup.get_by_role("button", name="Take any 2xx answer").click()

    expect(page.get_by_role("heading", name="Connected and saved")).to_be_visible()
    (stored,) = shop.api.get("/v1/endpoints").json()["items"]
    assert stored["response_rule"] == "any_2xx"


def test_take_any_2xx_is_not_offered_for_another_failure(receiver: Receiver, open_tab: OpenTab) -> None:
    receiver.behave(server_error)
    page = open_tab("/webhooks")
    popup = add_webhook(page)
    fill(popup, receiver.url())
    save(popup)
    expect(popup.get_by_role("button", name="Save as paused")).to_be_visible()
    expect(popup.get_by_role("button", name="Take any 2xx answer")).to_have_count(0)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "URL"),
        ("shop.example", "must begin with https:// or http://"),
        ("ftp://shop.example/", "must begin with https:// or http://"),
        ("http://10.1.2.3/webhooks", "10.1.2.3"),
    ],
    ids=["none", "no scheme", "ftp", "private"],
)
def test_a_url_that_cannot_be_is_told_beside_its_field(url: str, words: str, shop: Shop, open_tab: OpenTab) -> None:
    page = open_tab("/webhooks")
    popup = add_webhook(page)
    fill(popup, url, "Order Shipped")
    popup.get_by_label("Username").fill("kept as typed")
    save(popup)

    expect(popup.get_by_role("alert").first).to_be_visible()
    expect(popup).to_contain_text(words)
    expect(popup.get_by_label("Username")).to_have_value("kept as typed")
    assert shop.api.get("/v1/endpoints").json()["items"] == []


def test_every_error_stands_beside_its_field_and_in_a_summary_that_takes_the_focus(open_tab: OpenTab) -> None:
    page = open_tab("/webhooks")
    popup = add_webhook(page)
    popup.get_by_label("URL", exact=True).fill("nowhere")
    popup.get_by_label("Custom Header", exact=True).check()
    popup.get_by_label("Key").fill("Host")
    popup.get_by_label("Value").fill("elsewhere.example")
    popup.get_by_text("More", exact=True).click()
    popup.get_by_label("Time limit, seconds").fill("soon")
    save(popup)

    summary = popup.get_by_role("alert")
    expect(summary).to_be_focused()
    expect(summary.get_by_role("listitem")).to_have_count(4)
    for label in ("URL", "Key", "Time limit, seconds"):
        expect(popup.get_by_label(label, exact=True)).to_have_attribute("aria-invalid", "true")
    expect(popup.get_by_role("group", name="Events")).to_have_accessible_description(
        "A webhook needs at least one event. Choose Order Shipped, Order Error or Tracking Updates; several are possible."
    )
    expect(popup.get_by_label("Time limit, seconds")).to_be_visible()


def test_the_popup_closes_and_gives_the_focus_back(open_tab: OpenTab) -> None:
    page = open_tab("/webhooks")
    for how in ("Close", "Cancel", "Escape"):
        popup = add_webhook(page)
        if how == "Escape":
            page.keyboard.press("Escape")
        else:
            popup.get_by_role("button" if how == "Close" else "link", name=how).click()
        expect(popup).to_have_count(0)
        expect(page.get_by_role("link", name="Add Webhook").first).to_be_focused()


def test_a_header_row_more_keeps_what_was_typed(receiver: Receiver, open_tab: OpenTab) -> None:
    page = open_tab("/webhooks")
    popup = add_webhook(page)
    fill(popup, receiver.url(), "Order Shipped")
    popup.get_by_label("Custom Header", exact=True).check()
    popup.get_by_label("Key").fill("X-One")
    popup.get_by_label("Value").fill("1")
    popup.get_by_role("button", name="Add another header").click()
    expect(popup.get_by_label("Key")).to_have_count(2)
    expect(popup.get_by_label("Key").first).to_have_value("X-One")
    popup.get_by_label("Key").last.fill("X-Two")
    popup.get_by_label("Value").last.fill("2")
    save(popup)
    expect(page.get_by_role("heading", name="Connected and saved")).to_be_visible()
    (sent,) = receiver.received
    assert (sent.header("x-one"), sent.header("x-two")) == ("1", "2")


def test_there_can_be_more_than_one_webhook(receiver: Receiver, open_tab: OpenTab) -> None:
    page = open_tab("/webhooks")
    for path in ("/one", "/two"):
        popup = add_webhook(page)
        fill(popup, receiver.url(path))
        save(popup)
        expect(page.get_by_role("heading", name="Connected and saved")).to_be_visible()
        page.goto("/webhooks")
    expect(page.get_by_role("row").filter(has_text=receiver.url("/one"))).to_be_visible()
    expect(page.get_by_role("row").filter(has_text=receiver.url("/two"))).to_be_visible()


def test_a_server_that_is_gone_loses_nothing_of_what_was_typed(open_tab: OpenTab) -> None:
    page = open_tab("/webhooks", allow="ERR_INTERNET_DISCONNECTED")
    popup = add_webhook(page)
    fill(popup, "https://shop.example/webhooks")
    page.context.set_offline(offline=True)
    save(popup)
    expect(popup.get_by_role("alert")).to_contain_text("The server could not be reached, so nothing was done.")
    expect(popup.get_by_label("URL", exact=True)).to_have_value("https://shop.example/webhooks")
    expect(popup.get_by_role("button", name="Save", exact=True)).to_be_enabled()
