"""Carrier hubs in, webhooks out: each hub's real body, signed as the hub would, becomes exactly the right updates."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from carriers import signing
from parcelhook.carriers.catalogue import HUBS
from receiver import Receiver
from server import Server, wait_until

SAMPLES = Path(__file__).parent.parent / "carriers" / "samples"
Connect = Callable[..., dict[str, Any]]

# What the merchant is told: code and first words, in order.
EXPECTED = {
    "easypost": ("easypost-tracker-updated.json", [1, 2, 2, 2, 2, 2, 2]),
    "aftership": ("aftership-tracking-update.json", None),
    "sendcloud": ("sendcloud-parcel-status-changed.json", None),
    "shipengine": ("shipengine-track.json", None),
    "shippo": ("shippo-track-updated.json", None),
    "17track": ("17track-tracking-updated.json", None),
}


class Hub:
    """A hub that an account has connected, and that sends as the real one would."""

    def __init__(self, account: httpx.Client, name: str, *, secret: str | None = None) -> None:
        answer = account.post(
            "/v1/hubs", json={"hub": name, "secret": signing.secret(name) if secret is None else secret}
        )
        assert answer.status_code == 201, answer.text
        self.name = name
        self.account = account
        self.about: dict[str, Any] = answer.json()

    def send(self, body: bytes, **headers: str) -> httpx.Response:
        signed = signing.sign(self.name, body, int(time.time()))
        return httpx.post(
            self.about["url"], content=body, headers={"Content-Type": "application/json", **signed, **headers}
        )

    def requests(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.account.get(f"/v1/hubs/{self.about['id']}/requests").json()["items"]
        return found


def sample(name: str) -> bytes:
    return (SAMPLES / EXPECTED[name][0]).read_bytes()


@pytest.mark.parametrize("name", HUBS)
def test_each_hubs_body_is_told_once_and_in_order(
    account: httpx.Client, receiver: Receiver, connect: Connect, name: str
) -> None:
    connect(events=["tracking_update"], ordering="strict")
    hub = Hub(account, name)
    body = sample(name)
    answer = hub.send(body)
    assert answer.status_code == 200, answer.text
    received = answer.json()
    assert received["new"] == received["scans"] > 0
    told = [json.loads(one.body) for one in receiver.wait_for(received["new"])]
    read = HUBS[name].read(body).scans
    assert [(update["date"], update["message"], update["city"]) for update in told] == [
        (scan.date, scan.message or scan.status.label, scan.city) for scan in read
    ]
    assert all(update["code"] in range(1, 7) and update["TransactionID"] for update in told)
    if EXPECTED[name][1] is not None:
        assert [update["code"] for update in told] == EXPECTED[name][1]
    again = hub.send(body).json()
    assert (again["scans"], again["new"]) == (received["scans"], 0), "hubs resend whole histories"
    newest, first = hub.requests()
    assert [one["said"] for one in first["became"]] == ["new"] * len(read)
    assert {one["said"] for one in newest["became"]} == {"known"}
    assert first["body"] == body.decode()
    event = account.get(f"/v1/events/{first['became'][0]['event_id']}").json()
    assert event["body"] == told[0]
    shipment = account.get(f"/v1/shipments/{told[0]['TransactionID']}").json()
    assert [scan["source"] for scan in shipment["scans"]] == [name] * len(read)
    assert len(receiver.events()) == len(told)


@pytest.mark.parametrize("name", HUBS)
def test_a_wrong_signature_is_refused_and_stands_in_the_hubs_log(account: httpx.Client, name: str) -> None:
    hub = Hub(account, name)
    tampered = sample(name).replace(b'"', b' "', 1)
    answer = httpx.post(hub.about["url"], content=tampered, headers=signing.sign(name, sample(name), int(time.time())))
    assert (answer.status_code, answer.json()["code"]) == (401, "hub_refused")
    unsigned = httpx.post(hub.about["url"], content=sample(name))
    assert unsigned.status_code == 401
    assert [one["result"] for one in hub.requests()] == ["refused", "refused"]
    assert hub.requests()[0]["note"]
    about = account.get(f"/v1/hubs/{hub.about['id']}").json()
    assert (about["verified"], about["refused"], about["last_received_at"]) == (0, 2, None)
    assert account.get("/v1/shipments").json()["items"] == []


@pytest.mark.parametrize("name", HUBS)
def test_junk_is_refused_with_the_reason(account: httpx.Client, name: str) -> None:
    hub = Hub(account, name)
    for junk in (b"", b"[1, 2]", b"<html>", b'{"who": "knows"}'):
        answer = hub.send(junk)
        assert (answer.status_code, answer.json()["code"]) == (400, "hub_not_understood"), junk
        assert answer.json()["detail"]
    assert {one["result"] for one in hub.requests()} == {"not_understood"}


def test_a_hub_tells_of_the_shipment_that_its_order_made_known(
    account: httpx.Client, receiver: Receiver, connect: Connect
) -> None:
    connect(events=["tracking_update"])
    shipped = {
        "Event": "ORDER_SHIPPED",
        "OrderID": "77",
        "TransactionID": "48572_1",
        "TrackingCarrier": "FedEx",
        "TrackingNumber": "1",
    }
    account.post("/v1/events", json=shipped)
    Hub(account, "easypost").send(sample("easypost"))
    told = [json.loads(one.body) for one in receiver.wait_for(7)]
    assert {(update["OrderID"], update["TransactionID"], update["tracking"]) for update in told} == {
        ("77", "48572_1", "1")
    }
    assert told[-1]["est_delivery_date"] == "1722816000"
    assert told[-1]["ExternalLink"] == "https://track.easypost.com/1"


def test_what_a_hub_invents_is_unknown_and_no_error(account: httpx.Client) -> None:
    hub = Hub(account, "easypost")
    invented = sample("easypost").replace(b'"pre_transit"', b'"teleported"')
    assert hub.send(invented).status_code == 200
    shipment = account.get("/v1/shipments/1").json()
    assert (shipment["scans"][0]["status"], shipment["scans"][0]["status_text"]) == ("unknown", "teleported")


def test_a_history_that_grows_tells_only_what_is_new(
    account: httpx.Client, receiver: Receiver, connect: Connect
) -> None:
    connect(events=["tracking_update"])
    hub = Hub(account, "easypost")
    whole = json.loads(sample("easypost"))
    for length in range(1, 8):
        part = whole | {"result": whole["result"] | {"tracking_details": whole["result"]["tracking_details"][:length]}}
        assert hub.send(json.dumps(part).encode()).json()["new"] == 1
    assert [json.loads(one.body)["message"] for one in receiver.wait_for(7)] == [
        detail["message"] for detail in whole["result"]["tracking_details"]
    ]


def test_a_hub_without_a_secret_is_taken_by_its_address_and_one_that_needs_a_secret_is_not_connected(
    account: httpx.Client,
) -> None:
    open_hub = Hub(account, "easypost", secret="")
    assert open_hub.about["secret_set"] is False
    assert httpx.post(open_hub.about["url"], content=sample("easypost")).status_code == 200
    for name in [hub.name for hub in HUBS.values() if hub.secret_required]:
        answer = account.post("/v1/hubs", json={"hub": name})
        assert (answer.status_code, answer.json()["field"]) == (422, "secret"), name
    unknown = account.post("/v1/hubs", json={"hub": "pigeon"})
    assert "easypost" in unknown.json()["remedy"]


def test_a_secret_can_be_changed_and_a_hub_disconnected(account: httpx.Client) -> None:
    hub = Hub(account, "easypost", secret="old")
    assert hub.send(sample("easypost")).status_code == 401
    changed = account.patch(f"/v1/hubs/{hub.about['id']}", json={"secret": signing.SECRET, "label": "US"})
    assert (changed.json()["label"], changed.json()["url"]) == ("US", hub.about["url"])
    assert hub.send(sample("easypost")).status_code == 200
    assert signing.SECRET not in account.get("/v1/hubs").text
    assert account.delete(f"/v1/hubs/{hub.about['id']}").json() == {"deleted": True}
    assert hub.send(sample("easypost")).status_code == 404
    assert account.get("/v1/hubs").json()["items"] == []


def test_only_the_last_fifty_are_kept(account: httpx.Client) -> None:
    hub = Hub(account, "easypost", secret="")
    with httpx.Client() as client:
        for _ in range(53):
            client.post(hub.about["url"], content=b"{}")
    assert len(hub.requests()) == 50
    assert account.get(f"/v1/hubs/{hub.about['id']}").json()["verified"] == 53


@pytest.mark.parametrize("path", ["/inbound/easypost/nothing", "/inbound/aftership/{token}", "/inbound/pigeon/{token}"])
def test_an_address_that_is_none_is_not_found(account: httpx.Client, path: str) -> None:
    hub = Hub(account, "easypost", secret="")
    token = hub.about["url"].rpartition("/")[2]
    answer = httpx.post(f"{account.base_url}".rstrip("/") + path.format(token=token), content=b"{}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_too_much_at_once_is_refused(account: httpx.Client) -> None:
    hub = Hub(account, "easypost", secret="")
    assert httpx.post(hub.about["url"], content=b" " * (5 * 2**20 + 1)).status_code == 413


def test_a_sample_can_be_tried_and_leaves_nothing(account: httpx.Client) -> None:
    tried = account.post("/v1/hubs/try", json={"hub": "easypost", "body": sample("easypost").decode()}).json()
    assert [scan["code"] for scan in tried["scans"]] == [1, 2, 2, 2, 2, 2, 2]
    assert account.get("/v1/shipments").json()["items"] == []
    junk = account.post("/v1/hubs/try", json={"hub": "easypost", "body": "{}"})
    assert (junk.status_code, junk.json()["code"]) == (400, "hub_not_understood")


def test_another_accounts_hub_is_not_found(account: httpx.Client, server: Server) -> None:
    with server.account() as other:
        theirs = Hub(other, "easypost").about["id"]
    for method, path in (
        ("GET", f"/v1/hubs/{theirs}"), ("PATCH", f"/v1/hubs/{theirs}"), ("DELETE", f"/v1/hubs/{theirs}"),
        ("GET", f"/v1/hubs/{theirs}/requests"),
    ):  # fmt: skip
        assert account.request(method, path, json={} if method == "PATCH" else None).status_code == 404


def test_what_a_hub_was_told_is_accepted_is_there_after_a_kill(tmp_path: Path, database_url: str) -> None:
    with Receiver() as receiver, Server(tmp_path, DATABASE_URL=database_url) as server:
        with server.client(server.first_key) as account:
            account.post("/v1/endpoints", json={"url": receiver.url(), "events": ["tracking_update"], "verify": False})
            hub = Hub(account, "easypost")
            assert hub.send(sample("easypost")).json()["new"] == 7
        server.kill()
        server.start()
        wait_until(lambda: len({one.id for one in receiver.events()}) == 7)  # what was in flight may come twice
        with server.client(server.first_key) as account:
            wait_until(lambda: len(account.get("/v1/logs").json()["items"]) >= 7)
        again = httpx.post(
            server.url + "/inbound" + hub.about["url"].partition("/inbound")[2],
            content=sample("easypost"), headers=signing.sign("easypost", sample("easypost"), 0),
        )  # fmt: skip
        assert again.json()["new"] == 0
