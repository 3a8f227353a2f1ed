"""Whatever was stored or typed is shown as text: on every page, in the rows of a page that follows the log, in a file for a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import count
from urllib.parse import quote, urlsplit

import httpx
import pytest

from aside import put_aside
from guard.visits import GETS, NOBODYS, POSTS, Visitor, belongings, filled
from receiver import Receiver, answer
from server import Server, tracking_update, wait_until

# Breaks out of text, of an attribute in either quote, of a script, a field and a comment, if it is let.
NASTY = "'\"></script></textarea></title>--><i data-taken>"
FIELDS = (
    "action", "url", "label", "events", "username", "password", "retry_count", "header_key", "header_value", "response_rule",
    "ordering", "timeout_s", "rate_limit", "concurrency", "format", "filter_carriers", "filter_codes", "filter_late",
    "email", "role", "name", "scope", "next", "body", "event", "secret", "hub", "overlap", "time_zone", "theme", "current",
    "confirm", "attempt",
)  # fmt: skip
FILTERS = (
    "endpoint", "event", "result", "retry", "code", "order_id", "transaction_id", "tracking", "search", "carrier", "return",
    "since", "until", "test", "period", "cursor", "state", "text", "range", "next", "connected", "status", "hub", "after",
)  # fmt: skip

_numbers = count()


class Shown(HTMLParser):
    """The words of a page as a reader has them, those in its attributes too; and the tags that text has made."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.taken: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.words += [value for _, value in attrs if value]
        self.taken += [tag for name, _ in attrs if name.startswith(("data-taken", "on"))]

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def says(self, text: str) -> bool:
        return any(text in words for words in self.words)


@pytest.fixture(scope="module")
def nasty(server: Server) -> Iterator[tuple[Visitor, dict[str, str]]]:
    """An account that has such text wherever text can be stored; the ids of some of it."""
    visitor = Visitor(server)
    with Receiver() as receiver, server.account(visitor.account) as api:
        ids = belongings(visitor, receiver)
        receiver.behave(answer(500, NASTY.encode(), X_Answer=NASTY))
        update = tracking_update(
            NASTY, **dict.fromkeys(("OrderID", "TrackingCarrier", "message", "city", "tracking"), NASTY)
        )
        changes = {"label": NASTY, "username": NASTY, "custom_headers": [{"key": "X-Own", "value": NASTY}]}
        assert api.patch(f"/v1/endpoints/{ids['endpoint_id']}", json=changes).status_code == 200
        hub = api.patch(f"/v1/hubs/{ids['hub_id']}", json={"label": NASTY}).json()
        httpx.post(server.url + urlsplit(hub["url"]).path, content=NASTY.encode(), headers={"X-Way": NASTY})
        ids["request_id"] = api.get(f"/v1/hubs/{ids['hub_id']}/requests").json()["items"][0]["id"]
        put_aside(server, visitor.account, order=NASTY, reason=NASTY)
        visitor.post("/settings/keys", name=NASTY, scope="read")
        visitor.post("/settings/users", email=f"{''.join(NASTY.split())}@shop.example", role="viewer")
        fed = api.post("/v1/events", json=update).json()["accepted"]
        wait_until(lambda: api.get("/v1/logs", params={"order_id": NASTY}).json()["items"])
        line = api.get("/v1/logs", params={"order_id": NASTY}).json()["items"][0]
        yield visitor, {**ids, "event_id": fed[0]["id"], "log_id": line["id"], "transaction_id": NASTY}


def check(answer: httpx.Response, what: object) -> Shown:
    """The page, in which no text has become a tag; what is no page is kept from being taken for one."""
    if not answer.headers.get("content-type", "").startswith("text/html"):
        assert answer.headers["x-content-type-options"] == "nosniff", what
        return Shown("")
    shown = Shown(answer.text)
    assert shown.taken == [], what
    return shown


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("/logs", (NASTY,)),
        ("/logs/{log_id}", (NASTY, "X-Answer")),
        ("/events", (NASTY,)),
        ("/events/{event_id}", (NASTY,)),
        ("/set-aside", (NASTY,)),
        ("/shipments", (NASTY,)),
        ("/shipments/{transaction_id}", (NASTY,)),
        ("/webhooks", (NASTY,)),
        ("/webhooks/{endpoint_id}", (NASTY,)),
        ("/webhooks/{endpoint_id}/edit", (NASTY,)),
        ("/webhooks/{endpoint_id}/delete", (NASTY,)),
        ("/webhooks/{endpoint_id}/test", (NASTY,)),
        ("/carriers", (NASTY,)),
        ("/carriers/{hub_id}", (NASTY,)),
        ("/carriers/{hub_id}/requests/{request_id}", (NASTY,)),
        ("/settings", (NASTY, "".join(NASTY.split()))),
    ],
)
def test_what_is_stored_is_shown_as_text(
    nasty: tuple[Visitor, dict[str, str]], path: str, parts: tuple[str, ...]
) -> None:
    visitor, ids = nasty
    page = visitor.get(filled(path, **{name: quote(text, safe="") for name, text in ids.items()}))
    assert page.status_code == 200
    shown = check(page, path)
    for part in parts:
        assert shown.says(part), (path, part)


def test_what_stands_in_an_address_is_shown_as_text(nasty: tuple[Visitor, dict[str, str]]) -> None:
    visitor, _ = nasty
    quoted = {name: quote(NASTY, safe="") for name in (*NOBODYS, "token", "digest", "name")}
    for path in GETS:
        for at in (path.format(**quoted), filled(path)):
            if at != "/logs/stream":
                check(visitor.get(at), at)
        for name in FILTERS:
            if path not in {"/logs/stream", "/logs/export"}:
                check(visitor.get(filled(path), params={name: NASTY}), (path, name))
    check(visitor.get("/" + quote(NASTY)), "no page")


def test_what_is_typed_comes_back_as_text(server: Server, receiver: Receiver) -> None:
    visitor = Visitor(server)
    ids = belongings(visitor, receiver)
    token, came_back = visitor.token, set()
    # What ends the session or what is there to be changed stands last.
    for path in sorted(POSTS, key=lambda path: ("delete" in path or "disconnect" in path, "logout" in path, path)):
        for actions in ("save", NASTY):
            typed = dict.fromkeys(FIELDS, NASTY) | {"retry": "on", "with_headers": "on", "action": actions}
            page = visitor.client.post(filled(path, **ids), data={"_csrf": token, **typed})
            if check(page, path).says(NASTY):
                came_back.add(path)
    assert came_back >= {"/webhooks/new", "/webhooks/{endpoint_id}/edit", "/events/new", "/carriers/try/{name}"}


def test_a_row_that_comes_live_is_text_and_one_row(server: Server, receiver: Receiver) -> None:
    visitor = Visitor(server)
    lines = f"{NASTY}\n\nevent: gone\r\ndata: {NASTY}\u2028\x85"
    receiver.behave(answer(500, lines.encode()))
    with server.account(visitor.account) as api:
        api.post("/v1/endpoints", json={"url": receiver.url(), "events": ["tracking_update"], "verify": False})
        with visitor.client.stream("GET", "/logs/stream") as stream:
            came = stream.iter_text()
            next(came)
            api.post("/v1/events", json=tracking_update("1_1", OrderID=lines, message=lines))
            text = ""
            while "event: row" not in text or not text.endswith("\n\n"):
                text += next(came)
    fields = [line for line in text.split("\n") if line and not line.startswith(":")]
    assert [line.partition(":")[0] for line in fields] == ["event", "id", "data"]
    assert not set("\r\u2028\x85") & set(text)
    shown = Shown(fields[2])
    assert shown.taken == []
    assert shown.says(NASTY)


def test_no_cell_of_a_file_is_a_formula(server: Server, receiver: Receiver) -> None:
    visitor = Visitor(server)
    formulas = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\uff1d1", '=HYPERLINK("https://x.example")']
    with server.account(visitor.account) as api:
        api.post("/v1/endpoints", json={"url": receiver.url(), "events": ["tracking_update"], "verify": False})
        receiver.behave(answer(500, b"=cmd|' /C calc'!A1"))
        events = [
            tracking_update(f"{next(_numbers)}_1", **dict.fromkeys(("OrderID", "TrackingCarrier"), text))
            for text in formulas
        ]
        api.post("/v1/events", json=events)
        wait_until(lambda: len(api.get("/v1/logs").json()["items"]) == len(formulas))
        files = [
            visitor.get("/logs/export", params={"format": "csv"}).text,
            api.get("/v1/logs/export", params={"format": "csv"}).text,
        ]
    for text in files:
        head, *rows = csv.reader(io.StringIO(text, newline=""))
        assert {row[head.index("Order ID")] for row in rows} == {"'" + text for text in formulas}
        assert {row[head.index("Carrier")] for row in rows} == {"'" + text for text in formulas}
        assert {row[head.index("Response")][0] for row in rows} == {"'"}
        for cell in (cell for row in rows for cell in row):
            assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d")), cell
