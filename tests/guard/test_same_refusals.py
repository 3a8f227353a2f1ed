"""What the API refuses of a webhook the form refuses too, in the same words; and what one takes, the other takes."""

from __future__ import annotations

import html
from typing import Any

import pytest

from guard.visits import Visitor, kept
from server import Server

GOOD: dict[str, Any] = {"url": "https://shop.example/webhooks", "events": ["order_shipped"]}


def in_api(changes: dict[str, Any]) -> dict[str, Any]:
    """The body of a request that asks for it."""
    body = {**GOOD, **changes, "verify": False}
    if "header" in body:
        body["custom_headers"] = [dict(zip(("key", "value"), pair, strict=True)) for pair in body.pop("header")]
    if "retry_count" in body:
        body["retry"] = True
    filters = {name: body.pop(name) for name in ("carriers", "to_countries", "codes") if name in body}
    return body | ({"filters": filters} if filters else {})


def in_form(changes: dict[str, Any]) -> dict[str, Any]:
    """The fields of a form that asks for it."""
    form = {**GOOD, **changes, "action": "paused"}
    if "header" in form:
        pairs = form.pop("header")
        form |= {
            "with_headers": "on",
            "header_key": [key for key, _ in pairs],
            "header_value": [value for _, value in pairs],
        }
    if "retry_count" in form:
        form["retry"] = "on"
    if "timeout_ms" in form:
        form["timeout_s"] = form.pop("timeout_ms") / 1_000
    for name in ("carriers", "to_countries"):
        if name in form:
            form[f"filter_{name}"] = ", ".join(form.pop(name))
    if "codes" in form:
        form["filter_codes"] = form.pop("codes")
    return form


@pytest.mark.parametrize(
    "changes",
    [
        {"url": ""}, {"url": "shop.example"}, {"url": "ftp://shop.example/"}, {"url": "https://u:p@shop.example/"},
        {"url": "https://0x7f000001/"}, {"url": "https://2130706433/"}, {"url": "https://shop.example/a b"},
        {"url": "https://[::ffff:127.0.0.1]/"}, {"url": "https://shop.example:0/"}, {"url": "https://x..y/"},
        {"url": "https://shop.example/" + "x" * 3_000}, {"url": "https://shop.example/caf\u00e9"},
        {"label": "x" * 201}, {"events": ["order_lost"]},
        {"username": "a:b", "password": "x"}, {"username": "x" * 2_000, "password": "x"}, {"password": "x"},
        {"username": "a\x01b", "password": "x"}, {"username": "a", "password": "x" * 2_000},
        {"retry_count": 11},
        {"header": [("Host", "x")]}, {"header": [("webhook-id", "x")]}, {"header": [("X Y", "x")]}, {"header": [("X-\u00e9", "x")]},
        {"header": [("X-A", "1"), ("x-a", "2")]}, {"header": [("X-A", "a\r\nb")]}, {"header": [("X-A", "\u00e9")]},
        {"header": [("Authorization", "x")], "username": "a", "password": "x"},
        {"header": [(f"X-{number}", "x") for number in range(60)]},
        {"rate_limit": 10_001}, {"concurrency": 0}, {"concurrency": 101},
        {"response_rule": "odd"}, {"ordering": "odd"}, {"format": "odd"},
        {"carriers": ["x" * 300]}, {"to_countries": ["Atlantis"]},
    ],
    ids=lambda changes: ascii(changes)[:50],
)  # fmt: skip
def test_both_refuse_the_same_in_the_same_words(server: Server, visitor: Visitor, changes: dict[str, Any]) -> None:
    before = kept(server, visitor.account)
    with server.account(visitor.account) as api:
        refused = api.post("/v1/endpoints", json=in_api(changes))
    assert refused.status_code == 422, refused.text
    page = visitor.post("/webhooks/new", **in_form(changes))
    assert page.status_code in {200, 422}, page.status_code
    shown = html.unescape(page.text)
    assert refused.json()["detail"] in shown
    assert refused.json()["remedy"] in shown
    now = kept(server, visitor.account)
    assert now["endpoints"] == before["endpoints"] == []


@pytest.mark.parametrize(
    "changes",
    [
        {"events": []},
        {"timeout_ms": 999},
        {"timeout_ms": 30_001},
        {"rate_limit": -1},
        {"retry_count": -1},
        {"codes": [14]},
    ],
    ids=str,
)
def test_both_refuse_what_a_form_has_words_of_its_own_for(
    server: Server, visitor: Visitor, changes: dict[str, Any]
) -> None:
    with server.account(visitor.account) as api:
        assert api.post("/v1/endpoints", json=in_api(changes)).status_code == 422
    assert "Not saved yet" in visitor.post("/webhooks/new", **in_form(changes)).text
    assert kept(server, visitor.account)["endpoints"] == []


@pytest.mark.parametrize(
    "changes",
    [
        {"url": "HTTPS://Shop.Example:8443/a?b=c#d"}, {"url": "https://[2001:db8::7]/"}, {"url": "https://b\u00fccher.example/"},
        {"label": "x" * 200}, {"username": "a", "password": ": \u00e9"}, {"username": "a"}, {"retry_count": 10}, {"retry_count": 1},
        {"header": [("X-A", "1"), ("X-B", "two words")]}, {"header": [("Authorization", "Bearer x")]},
        {"timeout_ms": 1_000}, {"timeout_ms": 30_000}, {"rate_limit": 10_000}, {"concurrency": 100},
        {"response_rule": "any_2xx"}, {"ordering": "strict"}, {"format": "cloudevents"},
        {"carriers": ["GLS", "ups"]}, {"to_countries": ["it", "de"]}, {"codes": [1, 4]},
        {"events": ["order_shipped", "order_error", "tracking_update"]},
    ],
    ids=lambda changes: ascii(changes)[:50],
)  # fmt: skip
def test_both_take_the_same_and_make_the_same_of_it(server: Server, visitor: Visitor, changes: dict[str, Any]) -> None:
    with server.account(visitor.account) as api:
        made = api.post("/v1/endpoints", json=in_api(changes))
        assert made.status_code == 201, made.text
        saved = visitor.post("/webhooks/new", **in_form(changes))
        assert saved.status_code == 303, saved.text
        both = api.get("/v1/endpoints").json()["items"]
    assert len(both) == 2
    own = {"id", "state", "state_reason", "created_at", "updated_at", "verified", "waiting"}
    first, second = ({name: value for name, value in one.items() if name not in own} for one in both)
    assert first == second
