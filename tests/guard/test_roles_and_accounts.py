"""Who may what, by every route there is: roles, other accounts, and the scopes of API keys."""

from __future__ import annotations

import re
from collections.abc import Iterator
from string import Formatter

import httpx
import pytest

from guard.visits import NOBODYS, OPEN, PASSWORD, ROUTES, Visitor, belongings, filled, kept
from parcelhook.store.users import Role
from receiver import Receiver
from server import Server

# A form that would change something, whatever it is sent to.
FORM = {
    "action": "paused", "url": "https://x.example", "email": "friend@shop.example", "role": "viewer", "name": "mine",
    "scope": "full", "label": "mine now", "secret": "another", "body": "{}", "overlap": "0",
}  # fmt: skip
WITH_IDS = sorted(route for route in ROUTES if {name for _, name, _, _ in Formatter().parse(route[1])} & set(NOBODYS))


ASKED = {"/insights/export": "?chart=delivered"}  # what a route cannot answer without


@pytest.fixture(scope="module")
def theirs(server: Server) -> Iterator[tuple[Visitor, dict[str, str]]]:
    """An owner of another account, with something of each kind."""
    visitor = Visitor(server)
    with Receiver() as receiver:
        yield visitor, belongings(visitor, receiver)


def ask(visitor: Visitor, method: str, path: str, token: str) -> httpx.Response:
    """A page, or a form as its page would send it. Of an answer without end only its head is read."""
    with visitor.client.stream(method, path, data={"_csrf": token, **FORM} if method == "POST" else None) as answer:
        if not answer.headers.get("content-type", "").startswith("text/event-stream"):
            answer.read()
        return answer


def test_a_viewer_changes_nothing_and_sees_all_but_secrets(
    server: Server, theirs: tuple[Visitor, dict[str, str]]
) -> None:
    owner, ids = theirs
    viewer = Visitor(server, owner.account, "viewer")
    token = viewer.token
    before = kept(server, owner.account)
    for (method, path), role in ROUTES.items():
        needed = role or (Role.MEMBER if method == "POST" else Role.VIEWER)
        if path in OPEN or (method == "POST" and needed is Role.VIEWER):
            continue
        answer = ask(viewer, method, filled(path, **ids) + ASKED.get(path, ""), token)
        if needed is Role.VIEWER:
            assert answer.status_code in {200, 303}, path
        else:
            assert (answer.status_code, f"This needs the role {needed.value}" in answer.text) == (403, True), path
        if answer.is_stream_consumed:
            for secret in ("s3cret-of-theirs", "/inbound/easypost/", owner.email):
                assert secret not in answer.text, path
    assert kept(server, owner.account) == before


def test_what_a_viewer_may_send_is_their_own_or_changes_nothing(
    server: Server, theirs: tuple[Visitor, dict[str, str]]
) -> None:
    owner, _ = theirs
    viewer = Visitor(server, owner.account, "viewer")
    their_forms = {path for (method, path), role in ROUTES.items() if method == "POST" and role is Role.VIEWER}
    assert their_forms == {"/logout", "/settings/time-zone", "/settings/password", "/carriers/try/{name}"}
    before = kept(server, owner.account)
    assert viewer.post("/carriers/try/easypost", body="{}").status_code == 200
    assert kept(server, owner.account) == before
    others = [row for row in before["users"] if viewer.email not in row]
    assert viewer.post("/settings/time-zone", time_zone="Europe/Rome").status_code == 303
    assert viewer.post("/settings/password", current=PASSWORD, password="another of length").status_code == 303
    assert [row for row in kept(server, owner.account)["users"] if viewer.email not in row] == others


def test_a_member_is_kept_from_what_only_owners_may(server: Server, theirs: tuple[Visitor, dict[str, str]]) -> None:
    owner, ids = theirs
    member = Visitor(server, owner.account, "member")
    token = member.token
    before = kept(server, owner.account)
    owners = sorted(route for route, role in ROUTES.items() if role is Role.OWNER)
    assert {path for _, path in owners} == {
        path for method, path in ROUTES if method == "POST" and re.match("/settings/(keys|users)", path)
    }
    for method, path in owners:
        assert ask(member, method, filled(path, **ids), token).status_code == 403, path
    assert kept(server, owner.account) == before


@pytest.mark.parametrize(("method", "path"), WITH_IDS, ids=[f"{method} {path}" for method, path in WITH_IDS])
def test_what_another_account_has_is_not_found(
    server: Server, visitor: Visitor, theirs: tuple[Visitor, dict[str, str]], method: str, path: str
) -> None:
    owner, ids = theirs
    before, own = kept(server, owner.account), kept(server, visitor.account)
    token = visitor.token
    answers = [
        ask(visitor, method, filled(path, **{name: given.get(name, "x") for name in NOBODYS}), token)
        for given in (ids, NOBODYS, {})
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert owner.email not in answers[0].text
    assert kept(server, owner.account) == before
    assert kept(server, visitor.account) == own


def test_a_request_of_another_hub_is_not_found_under_ones_own(
    server: Server, visitor: Visitor, theirs: tuple[Visitor, dict[str, str]]
) -> None:
    _, ids = theirs
    with server.account(visitor.account) as api:
        own = api.post("/v1/hubs", json={"hub": "easypost"}).json()["id"]
    assert visitor.get(f"/carriers/{ids['hub_id']}/requests/{ids['request_id']}").status_code == 404
    assert visitor.get(f"/carriers/{own}/requests/{ids['request_id']}").status_code == 404
