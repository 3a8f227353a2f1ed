"""Insights: what happened in a range, as charts, tables and files; whole without script, on a phone, in both themes."""

from __future__ import annotations

import csv
import io
import re
import time
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from dashboard.browsing import Theme, axe, too_wide
from dashboard.conftest import OpenTab
from dashboard.parcels import fill
from dashboard.people import Shop

DAY = 86_400
NOW = int(time.time())
CHARTS = (
    "Shipments by status", "Delivered", "Late share", "Days to delivery by carrier", "Days to delivery by route",
    "Failed attempts and exceptions by carrier", "From the carrier's scan to the webhook", "Attempts by webhook",
    "Why attempts failed",
)  # fmt: skip


def scan(name: str, code: int, *, ago: int, carrier: str = "GLS", **fields: Any) -> dict[str, Any]:
    return {
        "Event": "TRACKING_UPDATE", "TransactionID": f"{name}_1", "tracking": f"N{name}", "TrackingCarrier": carrier,
        "FromAddressCountry": "IT", "ToAddressCountry": "DE", "date": NOW - ago, "code": code, "message": "m", **fields,
    }  # fmt: skip


@pytest.fixture
def known(shop: Shop) -> Shop:
    """Three shipments: one came late, one in time, one is silent. A carrier's name looks like a formula."""
    events = [
        scan("late", 2, ago=20 * DAY), scan("late", 6, ago=2 * DAY, est_delivery_date=str(NOW - 10 * DAY)),
        scan("good", 2, ago=7 * DAY // 2), scan("good", 6, ago=DAY // 2, est_delivery_date=str(NOW)),
        scan("silent", 4, ago=8 * DAY, carrier="=1+1"),
    ]  # fmt: skip
    assert shop.api.post("/v1/events", json=events).status_code == 202
    return shop


def chart(page: Page, title: str) -> Any:
    return page.locator("figure").filter(has=page.get_by_role("heading", name=title, exact=True))


def figure(page: Page, title: str) -> Any:
    return page.locator(".four li").filter(has=page.get_by_text(title, exact=True))


def read_file(page: Page, title: str) -> list[list[str]]:
    """What the chart's CSV link leads to, asked for as the browser would."""
    href = chart(page, title).get_by_role("link", name="CSV").get_attribute("href")
    answered = page.request.get(href)
    assert answered.headers["content-type"] == "text/csv; charset=utf-8"
    return list(csv.reader(io.StringIO(answered.text())))


@pytest.mark.parametrize("script", [True, False])
def test_what_happened_is_told_in_figures_charts_and_tables(script: bool, known: Shop, open_tab: OpenTab) -> None:
    page = open_tab("/", script=script)
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Insights").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Insights")
    expect(figure(page, "On the way")).to_contain_text("1")
    expect(figure(page, "Delivered")).to_contain_text("2")
    expect(figure(page, "Late share")).to_contain_text("50.0 %")
    expect(figure(page, "Days to delivery")).to_contain_text("3.0")
    for title in CHARTS:
        expect(chart(page, title)).to_be_visible()
    expect(chart(page, "Days to delivery by route").locator(".across li")).to_have_text(
        re.compile("IT → DE.*3.0 · 18.0 d")
    )
    table = chart(page, "Shipments by status")
    table.get_by_text("As table").click()
    expect(table.get_by_role("row", name="Delivered 6 2")).to_be_visible()
    page.get_by_role("link", name="silent_1").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Failed Attempt")


@pytest.mark.parametrize("script", [True, False])
def test_range_and_filters_stand_in_the_address(script: bool, known: Shop, open_tab: OpenTab) -> None:
    page = open_tab("/insights", script=script)
    page.get_by_label("Carrier", exact=True).select_option("=1+1")
    page.get_by_label("Silent after").select_option("14 days")
    page.get_by_role("button", name="Show").click()
    expect(figure(page, "Delivered")).to_contain_text("0 in the time before")
    expect(figure(page, "Silent")).to_contain_text("no scan for 14 days")
    page.get_by_role("navigation", name="Range").get_by_role("link", name="30d").click()
    expect(page).to_have_url(re.compile(r"carrier=%3D1%2B1&silent_days=14&range=30d"))
    expect(page.get_by_label("Carrier", exact=True)).to_have_value("=1+1")
    page.goto("/insights")
    day = time.strftime("%Y-%m-%d", time.gmtime(NOW - 2 * DAY))
    page.get_by_label("From (UTC)").fill(day)
    page.get_by_label("To, included").fill(day)
    page.get_by_role("button", name="Show").click()
    expect(figure(page, "Late share")).to_contain_text("100 %")
    expect(page.get_by_label("From (UTC)")).to_have_value(day)


def test_each_chart_is_a_file_too(known: Shop, open_tab: OpenTab) -> None:
    page = open_tab("/insights?range=30d")
    assert read_file(page, "Shipments by status") == [
        ["Status", "Code", "Shipments"], ["Failed Attempt", "4", "1"], ["Delivered", "6", "2"],
    ]  # fmt: skip
    days = read_file(page, "Delivered")
    assert days[0] == ["From (UTC)", "Delivered", "Promised", "Late", "Late %"]
    assert sum(int(row[1]) for row in days[1:]) == 2
    assert read_file(page, "Failed attempts and exceptions by carrier")[1] == ["'=1+1", "1", "1", "0"], (
        "text, no formula"
    )
    assert all(len(read_file(page, title)[0]) >= 2 for title in CHARTS)
    page.goto("/insights?range=24h")
    assert sum(int(row[1]) for row in read_file(page, "Delivered")[1:]) == 1, "the file has the range of the page"
    with page.expect_download() as download:
        chart(page, "Delivered").get_by_role("link", name="CSV").click()
    assert download.value.suggested_filename == "insights-delivered.csv"


@pytest.mark.parametrize("asked", ["from=soon", "range=2y", "from=2026-02-02&to=2026-01-01"])
def test_a_wrong_range_says_so_and_shows_the_usual_one(asked: str, known: Shop, open_tab: OpenTab) -> None:
    page = open_tab(f"/insights?{asked}")
    expect(page.get_by_role("alert")).to_be_visible()
    expect(figure(page, "Delivered")).to_contain_text("2")


def test_an_account_with_nothing_sees_empty_charts(open_tab: OpenTab) -> None:
    page = open_tab("/insights")
    expect(page.locator("figure")).to_have_count(len(CHARTS))
    expect(page.get_by_text("None: everything on the way was scanned within 3 days.")).to_be_visible()
    assert axe(page) == []


def test_a_full_page_is_small_clean_and_fits_a_phone(shop: Shop, open_tab: OpenTab) -> None:
    fill(shop, 400, NOW)
    themes: tuple[Theme, ...] = ("light", "dark")
    for theme in themes:
        page = open_tab("/", theme=theme, width=360)
        answered = page.goto("/insights?range=90d&silent_days=1")
        assert answered is not None
        assert len(answered.body()) < 100_000
        assert answered.headers["content-type"] == "text/html; charset=utf-8"
        page.evaluate("for (const one of document.querySelectorAll('main details')) one.open = true")
        assert axe(page) == []
        assert too_wide(page) == []
