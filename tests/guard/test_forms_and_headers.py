"""What every page and every form has: headers, cookies, nothing from elsewhere, and a token without which nothing changes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import httpx
import pytest

from guard.visits import GETS, OPEN, POSTS, Visitor, belongings, browser, filled, kept, login_link, token_in
from parcelhook.dashboard import assets
from receiver import Receiver
from server import Server

PUBLIC = "https://hooks.company.example"
STATIC = [f"{assets.PREFIX}/{path.name}" for path in sorted(Path(assets.__file__).with_name("static").iterdir())]


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server behind a proxy that ends TLS."""
    with Server(tmp_path_factory.mktemp("behind"), PUBLIC_URL=PUBLIC) as running:
        yield running


@pytest.fixture(scope="module")
def someone(server: Server) -> Iterator[tuple[Visitor, dict[str, str]]]:
    """An owner with something of each kind."""
    visitor = Visitor(server)
    with Receiver() as receiver:
        yield visitor, belongings(visitor, receiver)


class Page(HTMLParser):
    """What of a page leads somewhere, and what of it a strict policy forbids."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.leads: list[str] = []
        self.inline: list[str] = []
        self._script = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.leads += [
            given[name] or ""
            for name in ("src", "href", "action", "formaction", "srcset", "poster", "data")
            if name in given
        ]
        self.inline += [f"{tag} {name}" for name in given if name.startswith("on") or name == "style"]
        self._script = tag == "script"
        if tag in {"style", "iframe", "object", "embed"} or (tag == "script" and "src" not in given):
            self.inline.append(tag)

    def handle_data(self, data: str) -> None:
        if self._script and data.strip():
            self.inline.append("script with text")


def all_pages(visitor: Visitor, ids: dict[str, str]) -> list[str]:
    """The address of every page, with ids that there are."""
    link = login_link(visitor.server, f"new-{visitor.email}", visitor.account, "member")
    named = {**ids, "token": link.removeprefix("/welcome/")}
    return [filled(path, **named) for path in GETS if path != "/logs/stream"]


def check_headers(answer: httpx.Response) -> None:
    policy = dict(part.strip().partition(" ")[::2] for part in answer.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["base-uri"] == policy["frame-ancestors"] == "'none'"
    assert {policy[name] for name in ("script-src", "style-src", "img-src", "connect-src", "form-action")} == {"'self'"}
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert "server" not in answer.headers


def test_every_page_has_the_headers_and_nothing_from_elsewhere(someone: tuple[Visitor, dict[str, str]]) -> None:
    visitor, ids = someone
    missing = ["/nothing", "/webhooks/ep_0000000000000", "/logs?retry=11", "/webhooks?state=odd", "/events/none"]
    looked_at = 0
    for path in [*all_pages(visitor, ids), *missing, *STATIC, "/static/old/dashboard.css"]:
        answer = visitor.get(path)
        check_headers(answer)
        if not answer.headers.get("content-type", "").startswith("text/html"):
            continue
        looked_at += 1
        assert answer.headers["cache-control"] == "no-store", path
        page = Page(answer.text)
        assert page.inline == [], path
        assert page.leads, path
        for lead in page.leads:
            assert urlsplit(lead)[:2] == ("", ""), (path, lead)
            assert "\\" not in lead, (path, lead)
    assert looked_at >= len(GETS) - 4
    check_headers(visitor.client.request("PUT", "/webhooks"))
    check_headers(httpx.get(f"{visitor.server.url}/webhooks"))
    check_headers(visitor.client.post("/webhooks/new", data={}))


def test_scripts_and_style_sheets_name_no_other_host() -> None:
    for path in Path(assets.__file__).with_name("static").iterdir():
        text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?://|[\"'(]//", text), path.name


def test_static_files_are_kept_for_good_under_their_own_digest_alone(server: Server) -> None:
    assert "immutable" in httpx.get(server.url + STATIC[0]).headers["cache-control"]
    assert httpx.get(f"{server.url}/static/old/dashboard.css").headers["cache-control"] == "no-store"
    for path in ("/static/x/..%2Fassets.py", "/static/x/%2Fetc%2Fpasswd", "/static/../assets.py"):
        assert httpx.get(server.url + path).status_code == 404


def cookies_of(answer: httpx.Response) -> dict[str, set[str]]:
    """The attributes of each cookie that an answer sets, in lower case."""
    lines = answer.headers.get_list("set-cookie")
    return {line.partition("=")[0]: {part.strip().lower() for part in line.split(";")[1:]} for line in lines}


def test_cookies_are_out_of_reach_of_scripts_and_of_other_sites(server: Server, behind: Server) -> None:
    for running, secure in ((server, False), (behind, True)):
        client = browser(running)
        link = login_link(running, f"cookies-{secure}@shop.example", "cookies")
        page = client.get(link)
        visit = page.cookies["parcelhook_visit"]
        found = cookies_of(page)
        # Secure cookies are not sent back over the plain HTTP of this test, so they are put into the request by hand.
        fields = {"_csrf": token_in(page.text), "password": "long enough to pass", "theme": "dark"}
        found |= cookies_of(client.post("/theme", data=fields, headers={"Cookie": f"parcelhook_visit={visit}"}))
        let_in = client.post(link, data=fields, headers={"Cookie": f"parcelhook_visit={visit}"})
        found |= {name: flags for name, flags in cookies_of(let_in).items() if name == "parcelhook_session"}
        assert set(found) == {"parcelhook_visit", "parcelhook_session", "parcelhook_theme"}
        for name, flags in found.items():
            assert {"httponly", "samesite=lax", "path=/"} <= flags, name
            assert ("secure" in flags) is secure, name
            assert not any(flag.startswith("domain") for flag in flags), name


def without_token(visitor: Visitor, other: Visitor) -> dict[str, tuple[dict[str, str], dict[str, str]]]:
    """Fields and headers of forms that did not come from our page."""
    good = {"_csrf": visitor.token}
    return {
        "no token": ({}, {}),
        "an empty token": ({"_csrf": ""}, {}),
        "another session's token": ({"_csrf": other.token}, {}),
        "an older visit's token": ({"_csrf": token_in(httpx.get(f"{visitor.server.url}/login").text)}, {}),
        "from another site": (good, {"Origin": "https://evil.example"}),
        "from a page without origin": (good, {"Origin": "null"}),
        "from a broken origin": (good, {"Origin": "http://["}),
        "from another port": (good, {"Origin": "http://127.0.0.1:1"}),
        "cross-site": (good, {"Sec-Fetch-Site": "cross-site"}),
        "from a sibling": (good, {"Sec-Fetch-Site": "same-site"}),
    }


def test_no_form_is_taken_that_did_not_come_from_our_page(someone: tuple[Visitor, dict[str, str]]) -> None:
    visitor, ids = someone
    link = login_link(visitor.server, f"invited-{visitor.email}", visitor.account, "member")
    named = {**ids, "token": link.removeprefix("/welcome/")}
    other = Visitor(visitor.server)
    fields = {
        "email": "x@shop.example", "password": "long enough to pass", "name": "x", "role": "viewer", "url": "https://x.example",
        "events": "order_shipped", "action": "paused", "body": "{}", "theme": "dark", "time_zone": "Europe/Rome", "current": "x",
    }  # fmt: skip
    before = kept(visitor.server, visitor.account)
    assert before["endpoints"]
    assert before["login_links"]
    assert before["sessions"]
    for path in POSTS:
        for what, (token, headers) in without_token(visitor, other).items():
            answer = visitor.client.post(filled(path, **named), data=fields | token, headers=headers)
            assert answer.status_code == 403, (path, what, answer.status_code)
            assert "set-cookie" not in answer.headers
        good = {"_csrf": visitor.token}
        for how in ({"json": fields | good}, {"files": {name: (None, text) for name, text in (fields | good).items()}}):
            assert visitor.client.post(filled(path, **named), **how).status_code == 403, path  # type: ignore[arg-type]
    assert kept(visitor.server, visitor.account) == before


def test_a_proxy_that_asks_by_another_name_is_told_by_the_public_url(behind: Server) -> None:
    client = browser(behind)
    page = client.get("/login")
    for origin, status in ((PUBLIC, 303), ("https://other.example", 403), ("http://hooks.company.example", 403)):
        answer = client.post(
            "/theme",
            data={"_csrf": token_in(page.text), "theme": "dark"},
            headers={"Cookie": f"parcelhook_visit={page.cookies['parcelhook_visit']}", "Origin": origin},
        )
        assert answer.status_code == status, origin


def test_nobody_gets_anywhere_without_logging_in(someone: tuple[Visitor, dict[str, str]]) -> None:
    visitor, ids = someone
    client = browser(visitor.server)
    named = ids
    before = kept(visitor.server, visitor.account)
    for path in set(GETS) - OPEN:
        answer = client.get(filled(path, **named) + "?a=1&b=2")
        assert answer.status_code == 303, path
        query = urlsplit(answer.headers["location"]).query
        assert httpx.QueryParams(query)["next"] == filled(path, **named) + "?a=1&b=2"
        assert urlsplit(answer.headers["location"]).path == "/login"
    assert client.get("/").headers["location"] == "/login"
    token = token_in(client.get("/login").text)
    for path in set(POSTS) - OPEN:
        assert client.post(filled(path, **named), data={"_csrf": token}).status_code == 401, path
    for forged in ("", "x", "0" * 43):
        client.cookies.set("parcelhook_session", forged)
        assert client.get("/webhooks").status_code == 303
    assert kept(visitor.server, visitor.account) == before


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/", "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example", "/\t/evil.example",
        "/\n/evil.example", "http:evil.example", "javascript:alert(1)", "//[", "https://[", "evil.example", " //evil.example",
        "/\r\nSet-Cookie: a=b", "/\u2028", "//evil.example\\@127.0.0.1", "", "\x00//evil.example", "/é",
    ],
)  # fmt: skip
def test_next_never_leads_elsewhere(server: Server, visitor: Visitor, target: str) -> None:
    client = browser(server)
    page = client.get("/login", params={"next": target})
    assert page.status_code == 200
    fields = {
        "_csrf": token_in(page.text),
        "email": visitor.email,
        "password": "correct horse battery staple",
        "next": target,
    }
    for answer in (client.post("/login", data=fields), visitor.post("/theme", theme="auto", next=target)):
        assert answer.status_code == 303
        where = answer.headers["location"]
        assert where.startswith("/")
        assert not where.startswith(("//", "/\\"))
        assert urlsplit(urljoin(server.url, where)).netloc == urlsplit(server.url).netloc
        assert "a" not in answer.cookies


def test_next_leads_on_to_a_page_of_ours(server: Server, visitor: Visitor) -> None:
    page = visitor.client.get("/login")
    for target in ("/logs?result=failed&carrier=GLS", "/webhooks/ep_0000000000000/edit"):
        fields = {
            "_csrf": token_in(page.text),
            "email": visitor.email,
            "password": "correct horse battery staple",
            "next": target,
        }
        answer = visitor.client.post("/login", data=fields)
        assert answer.headers["location"] == target
        page = visitor.client.get("/login")


def test_a_form_of_a_million_fields_is_refused_before_it_is_read(server: Server, visitor: Visitor) -> None:
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    for path in ("/login", "/settings/password"):
        assert visitor.client.post(path, content=b"a&" * 400_000, headers=kind).status_code == 413
        assert visitor.client.post(path, content=b"a=" + b"x" * 2_000_000, headers=kind).status_code == 413
    assert visitor.post("/events/new", body="[" * 900_000).status_code == 200, (
        "a body of an event may be as long as that"
    )
    assert "at most 1,000,000 characters" in visitor.post("/events/new", body="x" * 1_000_001).text


def test_filters_longer_than_anything_that_is_kept_are_refused(visitor: Visitor) -> None:
    long = "x" * 2_001
    for name in ("order_id", "search", "carrier", "tracking"):
        assert "at most 2,000 are possible" in visitor.get("/logs", params={name: long}).text
    assert visitor.get("/events", params={"search": long}).status_code == 422
    with visitor.server.account(visitor.account) as api:
        refused = api.get("/v1/logs", params={"carrier": long})
        assert (refused.status_code, refused.json()["field"]) == (422, "carrier")
