"""Filters and format in the form of a webhook, as a browser without script sends it."""

from __future__ import annotations

import html
import re
import secrets
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from parcelhook.operating import operator
from parcelhook.settings import load
from parcelhook.store.users import Role
from receiver import Receiver
from server import Server, tracking_update


class Visitor:
    """Somebody who is logged in; a form is sent with the token of the page that it stands on."""

    def __init__(self, http: httpx.Client, api: httpx.Client) -> None:
        self.http = http
        self.api = api

    def send(self, path: str, **fields: Any) -> httpx.Response:
        token = re.findall(r'name="_csrf" value="([^"]+)"', self.http.get(path).text)[-1]
        return self.http.post(path, data={"_csrf": token, **fields})


@pytest.fixture
def visitor(server: Server) -> Iterator[Visitor]:
    """An owner of an account of its own."""
    environment = {name: value for name, value in server.environment.items() if name.startswith("PARCELHOOK_")}
    account = f"test-{secrets.token_hex(6)}"
    with operator(load(environment)) as hands:
        link = hands.login_link(f"{account}@shop.example", account, Role.OWNER)
        key = hands.create_key(account, "test")
    with httpx.Client(base_url=server.url, follow_redirects=True, timeout=30) as http, server.client(key) as api:
        found = Visitor(http, api)
        let_in = found.send("/welcome/" + link.rpartition("/")[2], password="correct horse battery")
        assert "Log out" in let_in.text
        yield found


def fields(url: str, **more: Any) -> dict[str, Any]:
    return {
        "url": url,
        "events": ["tracking_update"],
        "timeout_s": "15",
        "rate_limit": "0",
        "concurrency": "16",
        **more,
    }


def words(answer: httpx.Response) -> str:
    assert answer.status_code == 200, answer.text
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", answer.text)))


def test_what_is_typed_is_saved_shown_and_stands_in_the_form_again(visitor: Visitor, receiver: Receiver) -> None:
    typed = {
        "filter_carriers": "GLS, DHL Express,", "filter_to_countries": "it", "filter_codes": ["5", "6"],
        "filter_late": "yes", "filter_returns": "none", "format": "cloudevents",
    }  # fmt: skip
    saved = visitor.send("/webhooks/new", **fields(receiver.url(), **typed))
    assert "carrier GLS or DHL Express; to IT; code 5 Exception or 6 Delivered; late; no returns" in words(saved)
    assert "CloudEvents 1.0, structured" in words(saved)
    (endpoint,) = visitor.api.get("/v1/endpoints").json()["items"]
    assert endpoint["filters"] == {
        "carriers": ["GLS", "DHL Express"], "from_countries": [], "to_countries": ["IT"], "marketplaces": [],
        "codes": [5, 6], "late": True, "returns": False,
    }  # fmt: skip
    assert receiver.received[0].header("content-type") == "application/cloudevents+json"
    form = visitor.http.get(f"/webhooks/{endpoint['id']}/edit").text
    assert 'name="filter_carriers" value="GLS, DHL Express"' in form
    assert re.findall(r'value="(\d)" checked', form) == ["5", "6"]
    visitor.send(f"/webhooks/{endpoint['id']}/edit", **fields(receiver.url()))
    (endpoint,) = visitor.api.get("/v1/endpoints").json()["items"]
    assert not any(endpoint["filters"].values())
    assert endpoint["format"] == "page"


def test_matches_are_counted_before_anything_is_saved(visitor: Visitor) -> None:
    visitor.api.post("/v1/events", json=[tracking_update(f"{n}", code=1 + n % 6) for n in range(12)])
    counted = visitor.send("/webhooks/new", **fields("", filter_codes=["6"], filter_carriers="FedEx", action="count"))
    assert "2 of the last day's 12 events would have been sent." in words(counted)
    assert 'name="filter_carriers" value="FedEx"' in counted.text
    assert "<details open><summary>More" in counted.text
    assert visitor.api.get("/v1/endpoints").json()["items"] == []


def test_matches_are_counted_while_editing_and_nothing_is_changed(visitor: Visitor, receiver: Receiver) -> None:
    wanted = {"url": receiver.url(), "events": ["tracking_update"], "verify": False, "filters": {"codes": [1]}}
    endpoint = visitor.api.post("/v1/endpoints", json=wanted).json()
    visitor.api.post("/v1/events", json=[tracking_update("a"), tracking_update("b", late="1")])
    path = f"/webhooks/{endpoint['id']}/edit"
    counted = visitor.send(path, **fields(receiver.url(), filter_late="yes", action="count"))
    assert "1 of the last day's 2 events would have been sent." in words(counted)
    assert visitor.api.get(f"/v1/endpoints/{endpoint['id']}").json()["filters"]["codes"] == [1]


def test_what_is_wrong_stands_at_its_field(visitor: Visitor, receiver: Receiver) -> None:
    for action in ("count", "save"):
        wrong = visitor.send(
            "/webhooks/new",
            **fields(
                receiver.url(),
                action=action,
                filter_from_countries="IT, Italy",
                filter_late="perhaps",
                filter_codes="x",
            ),
        )
        assert '"Italy" is not a country code. Write it as two letters, such as IT or US.' in words(wrong)
        for field in ("from_countries", "late", "codes"):
            assert f'id="filter-{field}-error"' in wrong.text
        assert re.search(r'id="filter-from_countries"[^>]*aria-invalid="true"', wrong.text)
        assert 'value="IT, Italy"' in wrong.text
    assert visitor.api.get("/v1/endpoints").json()["items"] == []
    assert receiver.received == []


def test_enter_in_a_field_saves(visitor: Visitor) -> None:
    form = visitor.http.get("/webhooks/new").text.partition('<form method="post" id="webhook"')[2]
    assert re.findall(r'<button[^>]*name="action" value="(\w+)"', form)[0] == "save", "browsers press the first button"
