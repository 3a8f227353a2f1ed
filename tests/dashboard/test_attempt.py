"""One attempt: the drawer over the log and the page, the whole story, Resend, and nothing in it that is run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect

from dashboard.conftest import OpenTab
from dashboard.people import Shop
from parcelhook.store.users import Role
from receiver import Receiver, answer, fails_then_heals, server_error
from server import Server, tracking_update, wait_until

Connect = Callable[..., dict[str, Any]]

SCRIPT = "<script>document.title = 'taken over'</script><img src=x onerror=\"document.title='taken over'\">"


def logged(shop: Shop, count: int) -> list[dict[str, Any]]:
    """That many lines of the log, newest first, once they are there."""

    def lines() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = shop.api.get("/v1/logs").json()["items"]
        return found

    wait_until(lambda: len(lines()) >= count)
    return lines()


def open_newest(page: Page) -> Any:
    page.locator("#log .row-link").first.click()
    drawer = page.get_by_role("dialog")
    expect(drawer).to_be_visible()
    return drawer


def test_the_drawer_shows_request_response_timing_and_the_story(
    shop: Shop, connect: Connect, receiver: Receiver, open_tab: OpenTab
) -> None:
    receiver.behave(fails_then_heals(1))
    connect(retry=True, retry_count=2)
    shop.api.post("/v1/events", json=tracking_update())
    newest, first = logged(shop, 2)
    page = open_tab("/logs")
    drawer = open_newest(page)
    assert page.url.endswith("/logs")

    expect(drawer.get_by_role("heading", name="Passed: 200 OK")).to_be_visible()
    steps = drawer.get_by_role("region", name="The story of this delivery").get_by_role("listitem")
    expect(steps).to_have_count(5)
    for step, words in zip(
        steps.all(),
        ("Accepted", f"Matched the webhook {receiver.url()}", "Failed · 500", "Passed · 200 (this one)", "Delivered"),
        strict=True,
    ):
        expect(step).to_contain_text(words)
    expect(drawer.get_by_role("region", name="Request body")).to_contain_text('"TransactionID": "48572_1"')
    expect(drawer.get_by_role("row", name="x-webhook-attempt 2")).to_be_visible()
    expect(drawer.get_by_role("region", name="Response body")).to_contain_text('"ok": true')
    expect(drawer.get_by_role("img", name="How Time Spent divides")).to_be_visible()
    expect(drawer.get_by_role("code").filter(has_text=newest["id"])).to_be_visible()

    drawer.get_by_role("link", name="Older").click()
    expect(drawer.get_by_role("heading", name="HTTP response code is 500, it must be 200")).to_be_visible()
    expect(drawer.get_by_role("code").filter(has_text=first["id"])).to_be_visible()
    page.keyboard.press("k")
    expect(drawer.get_by_role("code").filter(has_text=newest["id"])).to_be_visible()
    page.keyboard.press("Escape")
    expect(drawer).to_have_count(0)
    expect(page.locator("#log .row-link").first).to_be_focused()


def test_the_page_is_the_same_as_the_drawer(
    shop: Shop, connect: Connect, receiver: Receiver, open_tab: OpenTab
) -> None:
    receiver.behave(server_error)
    connect()
    shop.api.post("/v1/events", json=tracking_update())
    (line,) = logged(shop, 1)
    page = open_tab(f"/logs/{line['id']}")
    expect(page.get_by_role("heading", name="HTTP response code is 500, it must be 200")).to_be_visible()
    expect(page.locator(".verdict")).to_contain_text("Likely cause")
    expect(page.locator(".verdict")).to_contain_text("What to change")
    expect(page.get_by_role("region", name="The story of this delivery")).to_contain_text("Gave up")


def test_what_a_delivery_waits_for_is_told(
    server: Server, shop: Shop, connect: Connect, receiver: Receiver, open_tab: OpenTab
) -> None:
    receiver.behave(server_error)
    connect(retry=True, retry_count=3, retry_schedule=[3600, 7200, 7200])
    shop.api.post("/v1/events", json=tracking_update())
    (line,) = logged(shop, 1)
    page = open_tab("/logs")
    expect(page.locator("#log tbody tr")).to_contain_text("Waiting · 500")
    expect(page.locator("#log tbody tr")).to_contain_text("next")
    page.goto(f"/logs/{line['id']}")
    waiting = page.get_by_role("listitem").filter(has_text="Waiting.")
    expect(waiting).to_contain_text("Retry 1 of 3 is due. Not before")


def test_resend_sends_the_same_bytes_again_and_stays_in_the_drawer(
    shop: Shop, connect: Connect, receiver: Receiver, open_tab: OpenTab
) -> None:
    receiver.behave(fails_then_heals(1))
    connect()
    shop.api.post("/v1/events", json=tracking_update())
    logged(shop, 1)
    page = open_tab("/logs")
    drawer = open_newest(page)
    drawer.get_by_role("button", name="Resend").click()
    expect(drawer.get_by_role("status")).to_contain_text("the same bytes under the same id")
    one, two = receiver.wait_for(2)
    assert (one.id, one.body) == (two.id, two.body)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="1 new").click()  # nothing moves while a reader is at a row
    expect(page.locator("#log tbody tr").filter(has_text="manual")).to_contain_text("Succeeded · 200")


def test_a_viewer_cannot_resend(shop: Shop, connect: Connect, open_tab: OpenTab) -> None:
    connect()
    shop.api.post("/v1/events", json=tracking_update())
    (line,) = logged(shop, 1)
    page = open_tab(f"/logs/{line['id']}", role=Role.VIEWER)
    expect(page.get_by_role("heading", name="Passed: 200 OK")).to_be_visible()
    expect(page.get_by_role("button", name="Resend")).to_have_count(0)


def test_a_body_can_be_folded_searched_and_read_as_text(shop: Shop, connect: Connect, open_tab: OpenTab) -> None:
    connect()
    shop.api.post("/v1/events", json=tracking_update())
    (line,) = logged(shop, 1)
    page = open_tab(f"/logs/{line['id']}")
    request = page.get_by_role("region", name="Request", exact=True)
    request.get_by_role("button", name="As tree").click()
    tree = request.get_by_role("region", name="Request body as tree")
    expect(tree.get_by_text("TransactionID")).to_be_visible()
    request.get_by_role("searchbox", name="Find in the body").fill("florence")
    expect(tree.get_by_text("city")).to_be_visible()
    expect(tree.get_by_text("TransactionID")).to_be_hidden()
    request.get_by_role("button", name="As text").click()
    expect(request.get_by_role("region", name="Request body", exact=True)).to_be_visible()


def test_what_was_stored_is_shown_as_text_and_never_run(
    shop: Shop, connect: Connect, receiver: Receiver, open_tab: OpenTab
) -> None:
    receiver.behave(answer(500, SCRIPT.encode(), "text/html", X_Shop=SCRIPT))
    made = connect(label=SCRIPT)
    event = tracking_update(OrderID=SCRIPT, TransactionID=SCRIPT, TrackingCarrier=SCRIPT, message=SCRIPT)
    sent = shop.api.post("/v1/events", json=event).json()["accepted"][0]["id"]
    (line,) = logged(shop, 1)
    page = open_tab("/logs")
    for path in (
        "/", "/webhooks", f"/webhooks/{made['id']}", f"/webhooks/{made['id']}/edit", f"/webhooks/{made['id']}/delete",
        "/logs", f"/logs/{line['id']}", "/events", f"/events/{sent}",
    ):  # fmt: skip
        page.goto(path)
        expect(page.locator("main")).to_contain_text("taken over") if "edit" not in path else None
        assert "taken over" not in page.title().replace(SCRIPT, "")
        assert page.locator("main script, main img").count() == 0
    page.goto(f"/logs/{line['id']}")
    for title in ("As tree", "As text"):  # the body of the request is made anew by script
        page.get_by_role("region", name="Request", exact=True).get_by_role("button", name=title).click()
        assert page.locator("main script, main img").count() == 0
    expect(page.get_by_role("region", name="Response body")).to_have_text(SCRIPT)

    page.goto("/logs")  # a live row goes another way into the page
    shop.api.post("/v1/events", json=event | {"date": event["date"] + 60})
    expect(page.locator("#log tbody tr")).to_have_count(2)
    assert page.locator("main script, main img").count() == 0
    open_newest(page)
    assert page.locator("dialog script, dialog img").count() == 0
