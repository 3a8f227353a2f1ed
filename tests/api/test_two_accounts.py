"""One account never sees another's: on every route another's thing answers exactly like one that does not exist."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from aside import put_aside
from parcelhook.operating import operator
from parcelhook.settings import load
from receiver import Receiver
from server import Server, tracking_update, wait_until


@pytest.fixture(scope="module")
def theirs(server: Server) -> dict[str, str]:
    """What another account has."""
    with Receiver() as receiver, server.account("somebody else") as other:
        endpoint = other.post("/v1/endpoints", json={"url": receiver.url(), "events": ["tracking_update"]}).json()
        event = other.post("/v1/events", json=tracking_update() | {"id": "theirs"}).json()["accepted"][0]["id"]
        receiver.wait_for(1)
        wait_until(lambda: len(other.get("/v1/logs").json()["items"]) == 2)
        delivery = other.get(f"/v1/events/{event}").json()["deliveries"][0]["id"]
        line = other.get("/v1/logs").json()["items"][0]["id"]
        hub = other.post("/v1/hubs", json={"hub": "easypost"}).json()["id"]
    return {
        "endpoint": endpoint["id"], "event": event, "delivery": delivery, "log": line, "hub": hub,
        "transaction": "48572_1", "aside": put_aside(server, "somebody else"),
    }  # fmt: skip


ROUTES = [
    ("GET", "/v1/endpoints/{endpoint}", None),
    ("PATCH", "/v1/endpoints/{endpoint}", {"label": "mine now"}),
    ("DELETE", "/v1/endpoints/{endpoint}", None),
    ("POST", "/v1/endpoints/{endpoint}/test", {}),
    ("POST", "/v1/endpoints/{endpoint}/enable", None),
    ("POST", "/v1/endpoints/{endpoint}/disable", None),
    ("POST", "/v1/endpoints/{endpoint}/rotate-secret", {}),
    ("GET", "/v1/endpoints/{endpoint}/secret", None),
    ("GET", "/v1/events/{event}", None),
    ("POST", "/v1/deliveries/{delivery}/retry", None),
    ("GET", "/v1/logs/{log}", None),
    ("GET", "/v1/shipments/{transaction}", None),
    ("GET", "/v1/hubs/{hub}", None),
    ("PATCH", "/v1/hubs/{hub}", {"label": "mine now"}),
    ("DELETE", "/v1/hubs/{hub}", None),
    ("GET", "/v1/hubs/{hub}/requests", None),
    ("POST", "/v1/set-aside/{aside}/feed", None),
    ("DELETE", "/v1/set-aside/{aside}", None),
]
NOWHERE = {
    "endpoint": "ep_0000000000000",
    "event": "nothing",
    "delivery": "dlv_0000000000000",
    "log": "att_0000000000000",
    "hub": "hub_0000000000000",
    "transaction": "nothing",
    "aside": "sta_0000000000000",
}


@pytest.mark.parametrize(("method", "path", "body"), ROUTES, ids=[f"{method} {path}" for method, path, _ in ROUTES])
def test_anothers_is_not_found(
    account: httpx.Client, theirs: dict[str, str], method: str, path: str, body: dict[str, Any] | None
) -> None:
    one = account.request(method, path.format(**theirs), json=body)
    none = account.request(method, path.format(**NOWHERE), json=body)
    junk = account.request(method, path.format(**dict.fromkeys(NOWHERE, "x")), json=body)
    assert one.status_code == none.status_code == junk.status_code == 404
    assert one.json()["code"] == none.json()["code"] == "not_found"
    anonymous = httpx.request(method, f"{account.base_url}{path.format(**theirs)}", json=body)
    assert anonymous.status_code == 401


def test_lists_hold_only_ones_own(account: httpx.Client, theirs: dict[str, str]) -> None:
    assert account.get("/v1/endpoints").json() == {"items": [], "next_cursor": None}
    assert account.get("/v1/logs").json() == {"items": [], "next_cursor": None}
    for filters in (
        {"endpoint": theirs["endpoint"]},
        {"transaction_id": "48572_1"},
        {"order_id": "24957298"},
        {"test": "true"},
    ):
        assert account.get("/v1/logs", params=filters).json()["items"] == []
    assert account.post("/v1/endpoints/matching").json()["events"] == 0
    assert account.get("/v1/logs/export").text.count("\n") == 1
    assert account.get("/v1/logs", params={"cursor": theirs["log"]}).json()["items"] == []
    assert account.get("/v1/shipments").json()["items"] == []
    assert account.get("/v1/hubs").json()["items"] == []
    assert account.get("/v1/set-aside").json()["items"] == []
    sent = account.get("/v1/insights/deliveries", params={"endpoint": theirs["endpoint"]}).json()
    assert (sent["total"]["sent"], sent["waiting"], sent["by_endpoint"]) == (0, 0, [])
    moved = account.get("/v1/insights/tracking", params={"since": "2021-01-01"}).json()
    assert (moved["now"]["by_status"], moved["total"]["scans"], moved["by_carrier"]) == ([], 0, [])


def test_every_route_under_v1_was_asked(server: Server) -> None:
    document = httpx.get(f"{server.url}/openapi.json").json()
    routes = {
        (method.upper(), path) for path, item in document["paths"].items() for method in item if path.startswith("/v1/")
    }
    mine = {(method, path.replace("}", "_id}")) for method, path, _ in ROUTES}
    without_an_id = {
        ("POST", "/v1/events"), ("POST", "/v1/endpoints"), ("GET", "/v1/endpoints"), ("GET", "/v1/logs"),
        ("GET", "/v1/logs/export"), ("GET", "/v1/logs/stream"), ("GET", "/v1/statuses"), ("GET", "/v1/shipments"),
        ("POST", "/v1/endpoints/matching"), ("GET", "/v1/hubs"), ("POST", "/v1/hubs"), ("POST", "/v1/hubs/try"),
        ("GET", "/v1/insights/deliveries"), ("GET", "/v1/insights/tracking"), ("GET", "/v1/set-aside"),
    }  # fmt: skip
    assert routes == mine | without_an_id
    for method, path in without_an_id:
        assert httpx.request(method, server.url + path).status_code == 401


def test_a_revoked_key_opens_nothing_within_two_seconds(server: Server) -> None:
    environment = {name: value for name, value in server.environment.items() if name.startswith("PARCELHOOK_")}
    with operator(load(environment)) as hands:
        key = hands.create_key("leaving", "the one that goes")
        with server.client(key) as client:
            assert client.get("/v1/endpoints").status_code == 200
            found = hands.keys()
            hands.revoke_key(next(one.id for one in found if one.name == "the one that goes"))
            wait_until(lambda: client.get("/v1/endpoints").status_code == 401, 5)
            assert client.post("/v1/events", json=tracking_update()).status_code == 401
