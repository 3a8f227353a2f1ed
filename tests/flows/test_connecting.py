"""Chapter 1 of the help page: connect, edit, delete, test."""

from __future__ import annotations

import base64
from typing import Any

import httpx
import pytest

from parcelhook.receiving import verify
from receiver import Receiver, answer, ok_json
from server import tracking_update, wait_until

NOT_JSON = "HTTP response must be in JSON format. Please Retry"


def test_first_connection_always_sends_order_shipped_whatever_was_chosen(
    account: httpx.Client, receiver: Receiver
) -> None:
    made = account.post("/v1/endpoints", json={"url": receiver.url(), "events": ["tracking_update"]})
    assert made.status_code == 201
    (first,) = receiver.received
    assert first.header("x-webhook-event") == "ORDER_SHIPPED"
    assert first.header("x-webhook-test") == "true"
    assert b'"Event":"ORDER_SHIPPED"' in first.body
    assert made.json()["verification"]["passed"] is True
    assert made.json()["verified"] is True


def test_an_endpoint_that_does_not_pass_is_not_saved(account: httpx.Client, receiver: Receiver) -> None:
    receiver.behave(answer(body=b"OK", content_type="text/plain"))
    refused = account.post("/v1/endpoints", json={"url": receiver.url(), "events": ["order_shipped"]})
    assert refused.status_code == 422
    problem = refused.json()
    assert (problem["code"], problem["detail"]) == ("verification_failed", NOT_JSON)
    assert problem["exchange"]["answer"]["body"] == "OK"
    assert problem["exchange"]["verdict"]["any_2xx_would_pass"] is True
    assert account.get("/v1/endpoints").json()["items"] == []
    assert account.get("/v1/logs").json()["items"] == []


def test_it_can_be_saved_unverified_and_says_so(account: httpx.Client, receiver: Receiver) -> None:
    receiver.behave(answer(500))
    made = account.post("/v1/endpoints", json={"url": receiver.url(), "events": ["order_shipped"], "verify": False})
    assert made.status_code == 201
    assert (made.json()["verified"], made.json()["verification"]) == (False, None)
    assert receiver.received == []


def test_username_password_custom_headers_and_signature_arrive_and_are_never_shown(
    account: httpx.Client, receiver: Receiver
) -> None:
    made = account.post(
        "/v1/endpoints",
        json={
            "url": receiver.url("/hooks?shop=7"),
            "events": ["tracking_update"],
            "username": "shöp",
            "password": "s3cret:pass",
            "custom_headers": [{"key": "X-Api-Key", "value": "k3y-value"}, {"key": "Empty", "value": ""}],
        },
    )
    assert made.status_code == 201, made.text
    endpoint = made.json()
    account.post("/v1/events", json=tracking_update())
    (event,) = receiver.wait_for(1)
    assert event.path == "/hooks?shop=7"
    assert event.header("authorization") == "Basic " + base64.b64encode("shöp:s3cret:pass".encode()).decode()
    assert event.header("x-api-key") == "k3y-value"
    assert event.header("empty") == ""
    assert event.header("content-type") == "application/json"
    assert (event.header("user-agent") or "").startswith("Parcelhook/")
    secret = account.get(f"/v1/endpoints/{endpoint['id']}/secret").json()["secret"]
    webhook = verify(secret, dict(event.headers), event.body)
    assert (webhook.event, webhook.attempt, webhook.is_test) == ("TRACKING_UPDATE", 1, False)
    for path in ("/v1/endpoints", f"/v1/endpoints/{endpoint['id']}", "/v1/logs", "/v1/logs/export"):
        text = account.get(path).text
        assert "s3cret" not in text
        assert "k3y-value" not in text
        assert secret not in text
    assert endpoint["password_set"] is True
    assert endpoint["custom_headers"][0] == {"key": "X-Api-Key", "value_set": True}


def test_several_endpoints_of_an_account_each_get_what_they_chose(
    account: httpx.Client, receiver: Receiver, connect: Any
) -> None:
    connect("/all")
    connect("/tracking", events=["tracking_update"])
    connect("/errors", events=["order_error"])
    account.post("/v1/events", json=tracking_update())
    account.post("/v1/events", json={"Event": "ORDER_ERROR", "OrderID": "1", "Message": "No."})
    receiver.wait_for(4)
    assert len(receiver.events("/all")) == 2
    assert [one.header("x-webhook-event") for one in receiver.events("/tracking")] == ["TRACKING_UPDATE"]
    assert [one.header("x-webhook-event") for one in receiver.events("/errors")] == ["ORDER_ERROR"]


def test_edit_changes_what_is_given_and_keeps_the_rest(account: httpx.Client, receiver: Receiver, connect: Any) -> None:
    made = connect(
        username="u",
        password="p",
        retry_count=3,
        custom_headers=[{"key": "A", "value": "1"}, {"key": "B", "value": "2"}],
    )
    edited = account.patch(
        f"/v1/endpoints/{made['id']}",
        json={"url": receiver.url("/new"), "custom_headers": [{"key": "a"}, {"key": "C", "value": "3"}]},
    ).json()
    assert (edited["username"], edited["password_set"], edited["retry_count"]) == ("u", True, 3)
    account.post("/v1/events", json=tracking_update())
    (event,) = receiver.wait_for(1, path="/new")
    assert (event.header("a"), event.header("b"), event.header("c")) == ("1", None, "3")
    assert event.header("authorization") == "Basic " + base64.b64encode(b"u:p").decode()
    off = account.patch(f"/v1/endpoints/{made['id']}", json={"retry": False, "password": None}).json()
    assert (off["retry"], off["retry_count"], off["password_set"]) == (False, 0, False)


def test_delete_cancels_what_waits_and_sends_nothing_more(
    account: httpx.Client, receiver: Receiver, connect: Any
) -> None:
    made = connect()
    account.post(f"/v1/endpoints/{made['id']}/disable")
    accepted = account.post("/v1/events", json=[tracking_update(str(n)) for n in range(5)]).json()["accepted"]
    gone = account.delete(f"/v1/endpoints/{made['id']}").json()
    assert gone == {"deleted": True, "cancelled_deliveries": 5}
    assert account.get(f"/v1/endpoints/{made['id']}").status_code == 404
    assert receiver.events() == []

    def states() -> set[str]:
        event = account.get(f"/v1/events/{accepted[-1]['id']}").json()
        return {delivery["state"] for delivery in event["deliveries"]}

    wait_until(lambda: states() == {"cancelled"})  # in the background, in steps


def test_test_shows_all_the_information_transmitted_and_is_not_retried(
    account: httpx.Client, receiver: Receiver, connect: Any
) -> None:
    made = connect(retry_count=5, username="u", password="p")
    receiver.behave(answer(403, b"<html>no</html>", "text/html", Server="shop"))
    shown = account.post(f"/v1/endpoints/{made['id']}/test", json={"event": "tracking_update"}).json()
    assert shown["passed"] is False
    assert shown["verdict"]["reason"] == "HTTP response code is 403, it must be 200. Please Retry!"
    assert shown["verdict"]["hint"]
    assert (shown["request"]["method"], shown["request"]["url"]) == ("POST", receiver.url())
    sent = {header["name"]: header["value"] for header in shown["request"]["headers"]}
    assert sent["Authorization"] == "Basic ••••••"
    assert sent["x-webhook-test"] == "true"
    assert '"message":"Shipment delivered"' in shown["request"]["body"]
    assert (shown["answer"]["status"], shown["answer"]["name"]) == (403, "Forbidden")
    assert {"name": "Server", "value": "shop"} in shown["answer"]["headers"]
    assert shown["answer"]["body"] == "<html>no</html>"
    assert shown["timing"]["total_ms"] > 0
    assert shown["address"] == "127.0.0.1"
    line = account.get(f"/v1/logs/{shown['log_id']}").json()
    assert (line["test"], line["retry"], line["result"], line["event"]) == (True, 0, "failed", "TRACKING_UPDATE")
    assert len(receiver.received) == 1


@pytest.mark.parametrize("event", ["order_shipped", "order_error", "tracking_update"])
def test_each_event_can_be_tested(account: httpx.Client, receiver: Receiver, connect: Any, event: str) -> None:
    made = connect()
    shown = account.post(f"/v1/endpoints/{made['id']}/test", json={"event": event}).json()
    assert shown["passed"] is True
    assert receiver.received[0].header("x-webhook-event") == event.upper()


def test_a_rotated_secret_signs_beside_the_old_one_for_the_overlap(
    account: httpx.Client, receiver: Receiver, connect: Any
) -> None:
    made = connect()
    old = account.get(f"/v1/endpoints/{made['id']}/secret").json()["secret"]
    new = account.post(f"/v1/endpoints/{made['id']}/rotate-secret", json={"overlap_s": 60}).json()["secret"]
    account.post("/v1/events", json=tracking_update("1"))
    (first,) = receiver.wait_for(1)
    assert verify(old, dict(first.headers), first.body).id == verify(new, dict(first.headers), first.body).id
    last = account.post(f"/v1/endpoints/{made['id']}/rotate-secret", json={"overlap_s": 0}).json()
    assert last["previous_valid_until"] is None
    account.post("/v1/events", json=tracking_update("2"))
    second = receiver.wait_for(2)[1]
    assert verify(last["secret"], dict(second.headers), second.body)
    assert len((second.header("webhook-signature") or "").split(" ")) == 1


def test_a_disabled_endpoint_misses_nothing(account: httpx.Client, receiver: Receiver, connect: Any) -> None:
    made = connect()
    assert account.post(f"/v1/endpoints/{made['id']}/disable").json()["state"] == "disabled"
    account.post("/v1/events", json=[tracking_update("same", message=str(n)) for n in range(10)])
    assert account.get(f"/v1/endpoints/{made['id']}").json()["waiting"] == 10
    assert receiver.events() == []
    receiver.behave(ok_json)
    account.post(f"/v1/endpoints/{made['id']}/enable")
    found = receiver.wait_for(10)
    assert [f'"message":"{n}"'.encode() in one.body for n, one in enumerate(found)] == [True] * 10
