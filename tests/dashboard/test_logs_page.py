"""Webhooks Logs: columns, filters in the address, search, live rows, the table's tools, export."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from dashboard.conftest import OpenTab
from dashboard.people import Shop
from receiver import Receiver, server_error
from server import tracking_update, wait_until

Connect = Callable[..., dict[str, Any]]

COLUMNS = [
    "Date", "Date End", "Order ID", "Transaction ID", "Carrier", "Endpoint", "Event", "Result", "Retry", "Time Spent",
    "Request", "Response",
]  # fmt: skip


def rows(page: Page) -> Any:
    return page.locator("#log tbody tr")


@pytest.fixture
def sent(shop: Shop, connect: Connect, receiver: Receiver) -> dict[str, str]:
    """Three events on two webhooks, one of which fails and tries again once: the webhooks by their names."""
    receiver.behave(server_error, "/failing")
    well = connect("/well", label="Shop floor")
    failing = connect("/failing", label="Old ERP", events=["tracking_update"], retry=True, retry_count=1)
    shop.api.post(
        "/v1/events",
        json=[
            tracking_update("100_1", OrderID="5001", tracking="WZ1"),
            tracking_update("200_1", OrderID="5002", tracking="WZ2"),
            {"Event": "ORDER_ERROR", "OrderID": "5003", "TransactionID": "300_1", "Message": "No such postcode."},
        ],
    )
    wait_until(lambda: len(shop.api.get("/v1/logs").json()["items"]) == 7)
    return {"Shop floor": well["id"], "Old ERP": failing["id"]}


def test_nothing_was_sent_yet(open_tab: OpenTab) -> None:
    page = open_tab("/webhooks")
    page.get_by_role("link", name="View Webhooks Logs").click()
    expect(page.get_by_role("heading", name="Nothing was sent yet")).to_be_visible()
    expect(page.get_by_role("main").get_by_role("link", name="Add Webhook")).to_be_visible()


def test_the_twelve_columns_in_the_pages_order(sent: dict[str, str], open_tab: OpenTab) -> None:
    page = open_tab("/logs")
    assert page.locator("#log thead th").all_inner_texts() == COLUMNS
    expect(rows(page)).to_have_count(7)
    line = rows(page).filter(has_text="5003")
    cells = line.get_by_role("cell")
    expect(cells.nth(3)).to_have_text("300_1")
    expect(cells.nth(5)).to_have_text("Shop floor")
    expect(cells.nth(6)).to_have_text("Order Error")
    expect(cells.nth(7)).to_have_text("Succeeded · 200")
    expect(cells.nth(8)).to_have_text("0")
    expect(cells.nth(9)).to_have_text(re.compile(r"^[\d.]+ m?s$"))
    expect(cells.nth(11)).to_have_text('{"ok": true}')
    failed = rows(page).filter(has_text="1 of 1").first
    expect(failed).to_contain_text("Gave up · 500")
    expect(failed).to_contain_text("HTTP response code is 500, it must be 200")


def test_the_four_filters_and_ours_live_in_the_address(sent: dict[str, str], open_tab: OpenTab) -> None:
    page = open_tab("/logs")
    for label, option, address, count in (
        ("Endpoint", "Old ERP", f"endpoint={sent['Old ERP']}", 4),
        ("Event", "Tracking Updates", "event=tracking_update", 6),
        ("Result", "Failed", "result=failed", 4),
        ("Retry", "Retries", "retry=any", 2),
        ("Time", "Last hour", "period=1h", 7),
    ):
        page.goto("/logs")
        page.get_by_role("combobox", name=label, exact=True).select_option(option)
        page.get_by_role("button", name="Filter").click()
        expect(page.get_by_role("list", name="Filters that are on")).to_contain_text(
            label if label != "Time" else "Last"
        )
        expect(rows(page)).to_have_count(count)
        assert address in page.url
        page.reload()  # the address is all there is to it
        expect(rows(page)).to_have_count(count)
        expect(page.get_by_role("combobox", name=label, exact=True)).to_have_value(address.partition("=")[2])


def test_a_chip_takes_its_filter_away(sent: dict[str, str], open_tab: OpenTab) -> None:
    page = open_tab("/logs?result=failed&retry=0")
    expect(rows(page)).to_have_count(2)
    page.get_by_role("link", name="Retry: 0").click()
    expect(rows(page)).to_have_count(4)
    assert page.url.endswith("/logs?result=failed")
    page.get_by_role("link", name="Clear all").click()
    expect(rows(page)).to_have_count(7)


@pytest.mark.parametrize("text", ["5002", "200_1", "WZ2"], ids=["order", "transaction", "tracking number"])
def test_search_by(text: str, sent: dict[str, str], open_tab: OpenTab) -> None:
    page = open_tab("/")
    page.keyboard.press("/")
    page.keyboard.type(text)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Webhooks Logs")).to_be_visible()
    expect(rows(page)).to_have_count(3)
    for row in rows(page).all():
        expect(row).to_contain_text("5002")


def test_what_matches_nothing_says_so_and_a_wrong_filter_says_why(sent: dict[str, str], open_tab: OpenTab) -> None:
    page = open_tab("/logs?search=nothing-of-that-name")
    expect(page.get_by_text("Nothing matches these filters.")).to_be_visible()
    page.get_by_role("link", name="Clear the filters").click()
    page.get_by_text("More filters").click()
    page.get_by_label("HTTP code").fill("often")
    page.get_by_role("button", name="Filter").click()
    expect(page.get_by_role("alert")).to_contain_text("often")
    expect(page.get_by_label("HTTP code")).to_have_value("often")


def test_new_rows_arrive_without_a_reload(
    shop: Shop, sent: dict[str, str], receiver: Receiver, open_tab: OpenTab
) -> None:
    page = open_tab("/logs")
    page.evaluate("window.stayed = true")
    expect(page.get_by_role("button", name="Live: on")).to_be_visible()
    shop.api.post("/v1/events", json=tracking_update("900_1", OrderID="9001"))
    expect(rows(page).filter(has_text="9001")).to_have_count(3)
    expect(rows(page).filter(has_text="9001").filter(has_text="Shop floor")).to_contain_text("Succeeded · 200")
    # The first attempt at the other has been followed by a retry, so it waits no longer.
    first = rows(page).filter(has_text="9001").filter(has_text="Old ERP").last
    expect(first).to_contain_text("Failed · 500")
    expect(first).not_to_contain_text("next")
    expect(rows(page).filter(has_text="9001").filter(has_text="Gave up · 500")).to_have_count(1)
    assert page.evaluate("window.stayed")

    page.get_by_role("button", name="Live: on").click()
    expect(page.get_by_role("button", name="Live: off")).to_be_visible()


def test_a_filtered_log_takes_only_the_new_rows_that_match(
    shop: Shop, sent: dict[str, str], receiver: Receiver, open_tab: OpenTab
) -> None:
    page = open_tab("/logs?search=9002")
    expect(page.get_by_text("Nothing matches these filters.")).to_be_visible()
    shop.api.post(
        "/v1/events", json=[tracking_update("901_1", OrderID="9001"), tracking_update("902_1", OrderID="9002")]
    )
    expect(rows(page).filter(has_text="9002").first).to_be_visible()
    expect(page.get_by_text("Nothing matches these filters.")).to_have_count(0)
    expect(rows(page).filter(has_text="9001")).to_have_count(0)


def test_new_rows_wait_while_a_row_has_the_focus(shop: Shop, sent: dict[str, str], open_tab: OpenTab) -> None:
    page = open_tab("/logs")
    page.keyboard.press("j")
    focused = page.locator("#log .row-link").first
    expect(focused).to_be_focused()
    shop.api.post(
        "/v1/events", json={"Event": "ORDER_ERROR", "OrderID": "9003", "TransactionID": "903_1", "Message": "No."}
    )
    pill = page.get_by_role("button", name="1 new")
    expect(pill).to_be_visible()
    expect(rows(page)).to_have_count(7)
    pill.click()
    expect(rows(page)).to_have_count(8)
    expect(rows(page).first).to_contain_text("9003")


def test_columns_can_be_hidden_and_stay_hidden(sent: dict[str, str], open_tab: OpenTab) -> None:
    page = open_tab("/logs")
    page.get_by_text("Columns", exact=True).click()
    page.get_by_role("group", name="Columns").get_by_label("Date End").uncheck()
    expect(page.get_by_role("columnheader", name="Date End")).to_be_hidden()
    page.get_by_label("Dense").check()
    page.reload()
    expect(page.get_by_role("columnheader", name="Carrier")).to_be_visible()
    expect(page.get_by_role("columnheader", name="Date End")).to_be_hidden()
    expect(page.get_by_label("Dense")).to_be_checked()


def test_the_export_holds_what_the_filters_let_through(sent: dict[str, str], open_tab: OpenTab, tmp_path: Path) -> None:
    page = open_tab("/logs?result=failed")
    with page.expect_download() as started:
        page.get_by_role("link", name="CSV", exact=True).click()
    started.value.save_as(tmp_path / "log.csv")
    with (tmp_path / "log.csv").open(encoding="utf-8-sig", newline="") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == 4
    assert {line["Result"] for line in lines} == {"failed"}


def test_older_lines_are_on_further_pages(shop: Shop, connect: Connect, open_tab: OpenTab) -> None:
    connect()
    shop.api.post("/v1/events", json=[tracking_update(f"{number}_1", OrderID=str(number)) for number in range(60)])
    wait_until(lambda: len(shop.api.get("/v1/logs", params={"limit": 100}).json()["items"]) == 60)
    page = open_tab("/logs")
    expect(rows(page)).to_have_count(50)
    page.get_by_role("link", name="Older").click()
    expect(rows(page)).to_have_count(10)
    page.get_by_role("link", name="Newest").click()
    expect(rows(page)).to_have_count(50)
