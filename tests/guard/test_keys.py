"""What each scope of an API key opens, by every route of the API there is."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any, cast

import httpx
import pytest
from litestar.routes import HTTPRoute

from guard.visits import Visitor, belongings, browser, filled, kept
from parcelhook.api.app import create_api
from parcelhook.operating import operator
from parcelhook.settings import load
from parcelhook.store.accounts import Scope
from receiver import Receiver
from server import Server, tracking_update

FEED = ("POST", "/v1/events")  # the hot route stands apart from the others
ROUTES: dict[tuple[str, str], Scope | None] = {
    (method, route.path_format): handler.opt.get("scope")
    for route in create_api(cast("Any", None)).routes
    if isinstance(route, HTTPRoute) and route.path_format.startswith("/v1")
    for handler in route.route_handlers
    for method in handler.http_methods
    if method != "OPTIONS"
} | {FEED: Scope.FEED}
READ = {route for route, scope in ROUTES.items() if route[0] == "GET" and scope is not Scope.FULL}
OPENS = {Scope.FEED: {FEED}, Scope.READ: READ, Scope.FULL: set(ROUTES)}


@pytest.fixture(scope="module")
def owned(server: Server) -> Iterator[tuple[Visitor, dict[str, str]]]:
    """An account with something of each kind."""
    visitor = Visitor(server)
    with Receiver() as receiver:
        yield visitor, belongings(visitor, receiver)


def key_of(server: Server, account: str, scope: Scope) -> str:
    environment = {name: value for name, value in server.environment.items() if name.startswith("PARCELHOOK_")}
    with operator(load(environment)) as hands:
        return hands.create_key(account, f"{scope.value} of a test", scope)


def ask(client: httpx.Client, method: str, path: str, key: str | None) -> httpx.Response:
    """A request with a body that would do something. Of an answer without end only its head is read."""
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    body = tracking_update(f"{secrets.token_hex(4)}_1") if (method, path) == FEED else {"label": "another"}
    with client.stream(method, path, headers=headers, json=None if method == "GET" else body) as answer:
        if not answer.headers.get("content-type", "").startswith("text/event-stream"):
            answer.read()
        return answer


@pytest.mark.parametrize("scope", [Scope.FEED, Scope.READ])
def test_a_key_opens_what_its_scope_says_and_changes_nothing_else(
    server: Server, owned: tuple[Visitor, dict[str, str]], scope: Scope
) -> None:
    visitor, ids = owned
    key = key_of(server, visitor.account, scope)
    client = browser(server)
    before = kept(server, visitor.account)
    for method, path in set(ROUTES) - {FEED}:
        answer = ask(client, method, filled(path, **ids), key)
        if (method, path) in OPENS[scope]:
            assert answer.status_code == 200, (method, path)
        else:
            assert answer.status_code == 403, (method, path)
            assert (answer.json()["code"], f"`{scope.value}`" in answer.json()["detail"]) == ("not_allowed", True)
    assert kept(server, visitor.account) == before
    fed = ask(client, *FEED, key)
    assert fed.status_code == (202 if scope is Scope.FEED else 403), fed.text
    fed_now = len(kept(server, visitor.account)["events"]) - len(before["events"])
    assert fed_now == (1 if scope is Scope.FEED else 0)


def test_a_full_key_opens_everything_and_no_key_nothing(server: Server, owned: tuple[Visitor, dict[str, str]]) -> None:
    visitor, ids = owned
    key = key_of(server, f"test-{secrets.token_hex(6)}", Scope.FULL)
    client = browser(server)
    before = kept(server, visitor.account)
    for method, path in ROUTES:
        theirs = filled(path, **ids)
        assert ask(client, method, theirs, key).status_code not in {401, 403, 405}, (method, path)
        for none in (None, "x", "phk_" + "0" * 40, visitor.client.cookies["parcelhook_session"]):
            assert ask(client, method, theirs, none).status_code == 401, (method, path, none)
    assert kept(server, visitor.account) == before


def test_a_session_of_the_dashboard_is_no_key(server: Server, visitor: Visitor) -> None:
    for method, path in ROUTES:
        assert ask(visitor.client, method, filled(path), None).status_code == 401, (method, path)


def test_a_key_that_only_reads_is_shown_nothing_to_send_with(
    server: Server, owned: tuple[Visitor, dict[str, str]]
) -> None:
    visitor, ids = owned
    client = browser(server)
    shown = {
        scope: client.get(
            f"/v1/hubs/{ids['hub_id']}", headers={"Authorization": f"Bearer {key_of(server, visitor.account, scope)}"}
        ).json()["url"]
        for scope in (Scope.READ, Scope.FULL)
    }
    token = shown[Scope.FULL].rpartition("/")[2]
    assert shown[Scope.READ] is None
    key = key_of(server, visitor.account, Scope.READ)
    for route in sorted(READ):
        answer = ask(client, "GET", filled(route[1], **ids), key)
        if answer.is_stream_consumed:
            assert token not in answer.text, route
            assert "s3cret-of-theirs" not in answer.text, route
