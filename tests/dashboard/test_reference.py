"""Reference: the bodies field by field, the signature in five languages, all statuses of the help page, the API."""

from __future__ import annotations

from playwright.sync_api import expect

from dashboard.conftest import OpenTab
from parcelhook.webhooks.catalogue import FAULTS, KNOWN_CAUSES, STATUSES


def test_every_field_of_the_three_bodies_is_explained(open_tab: OpenTab) -> None:
    page = open_tab("/reference")
    table = page.get_by_role("table", name="Fields of Tracking Updates")
    for name in (
        "tracking", "date", "message", "city", "est_delivery_date", "first_status_date", "late", "code", "OrderID", "TransactionID",
        "TrackingCarrier", "MarketplaceID", "MarketplacePlatform", "ExternalLink", "FromAddressCompany", "ToAddressCompany",
        "FromAddressCountry", "ToAddressCountry",
    ):  # fmt: skip
        assert table.get_by_role("rowheader", name=name, exact=True).count() == 1
    for title in ("Order Shipped", "Order Error", "Tracking Updates"):
        page.locator("summary", has_text=f"Sample of {title}").click()
        expect(page.get_by_role("region", name=f"Sample of {title}", exact=True)).to_be_visible()


def test_the_signature_in_five_languages(open_tab: OpenTab) -> None:
    page = open_tab("/reference")
    page.get_by_role("link", name="Check the signature").click()
    for language in ("Python", "JavaScript (Node.js)", "PHP", "Ruby", "Go"):
        expect(page.get_by_role("region", name=language)).to_contain_text("webhook-signature")


def test_every_status_and_cause_has_its_place(open_tab: OpenTab) -> None:
    page = open_tab("/reference/statuses")
    shown = set(page.locator("article h3").all_inner_texts())
    assert {f"{one.status} {one.name}" for one in STATUSES} <= shown
    assert {one.title for one in (*FAULTS, *KNOWN_CAUSES)} <= shown
    assert len(STATUSES) == 63


def test_the_api_documentation_is_one_click_away(open_tab: OpenTab) -> None:
    page = open_tab("/reference")
    page.get_by_role("navigation", name="Main").get_by_role("link", name="API documentation").click()
    expect(page.get_by_text("/v1/endpoints").first).to_be_visible()
