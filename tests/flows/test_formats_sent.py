"""Formats over the wire: each as its standard has it, the same bytes at every attempt, and in the log the bytes sent."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
import standardwebhooks

from parcelhook.receiving import parse, verify
from receiver import Received, Receiver, fails_then_heals
from server import tracking_update, wait_until

Connect = Callable[..., dict[str, Any]]
FORMATS = ["page", "standard", "cloudevents", "cloudevents_binary"]


def check_page(one: Received, _id: str, _accepted_at: str) -> bytes:
    assert one.header("content-type") == "application/json"
    return one.body


def check_standard(one: Received, _id: str, accepted_at: str) -> bytes:
    assert one.header("content-type") == "application/json"
    content = json.loads(one.body)
    assert (content.pop("type"), content.pop("timestamp")) == ("tracking_update", accepted_at)
    assert list(content) == ["data"]
    return one.body.partition(b'"data":')[2][:-1]


def check_attributes(found: dict[str, str], event_id: str, accepted_at: str) -> None:
    assert found.pop("source").startswith("urn:parcelhook:account:")
    assert found == {
        "specversion": "1.0",
        "id": event_id,
        "type": "parcelhook.tracking_update",
        "time": accepted_at,
        "subject": "48572_1",
    }


def check_cloudevents(one: Received, event_id: str, accepted_at: str) -> bytes:
    assert one.header("content-type") == "application/cloudevents+json"
    content = json.loads(one.body)
    content.pop("data")
    assert content.pop("datacontenttype") == "application/json"
    check_attributes(content, event_id, accepted_at)
    return one.body.partition(b'"data":')[2][:-1]


def check_cloudevents_binary(one: Received, event_id: str, accepted_at: str) -> bytes:
    assert one.header("content-type") == "application/json"
    check_attributes(
        {key[3:]: value for key, value in one.headers if key.startswith("ce-")}, event_id, accepted_at
    )  # fmt: skip
    return one.body


CHECKS = dict(
    zip(FORMATS, (check_page, check_standard, check_cloudevents, check_cloudevents_binary), strict=True)
)  # fmt: skip


@pytest.mark.parametrize("form", FORMATS)
def test_each_format_arrives_as_specified_the_same_at_every_attempt_and_so_in_the_log(
    account: httpx.Client, receiver: Receiver, connect: Connect, form: str
) -> None:
    page = connect("/page")
    endpoint = connect("/other", format=form, retry_count=3)
    assert (page["format"], endpoint["format"]) == ("page", form)
    secret = account.get(f"/v1/endpoints/{endpoint['id']}/secret").json()["secret"]
    receiver.behave(fails_then_heals(2), "/other")
    event_id = account.post("/v1/events", json=tracking_update(message='né "x"')).json()["accepted"][0]["id"]
    accepted_at = account.get(f"/v1/events/{event_id}").json()["accepted_at"]
    (plain,) = receiver.wait_for(1, path="/page")
    found = receiver.wait_for(3, path="/other")
    assert len({one.body for one in found}) == 1
    assert len({tuple(pair for pair in one.headers if pair[0].startswith(("ce-", "content-"))) for one in found}) == 1
    for one in found:
        assert CHECKS[form](one, event_id, accepted_at) == plain.body
        standardwebhooks.Webhook(secret).verify(one.body, dict(one.headers))
        webhook = verify(secret, dict(one.headers), one.body)
        assert (webhook.id, webhook.event) == (event_id, "TRACKING_UPDATE")
        assert webhook.body == parse(one.body) == json.loads(plain.body)
    filters = {"endpoint": endpoint["id"]}
    wait_until(lambda: len(account.get("/v1/logs", params=filters).json()["items"]) == 3)
    for line in account.get("/v1/logs", params=filters).json()["items"]:
        glance, whole = line["request"], account.get(f"/v1/logs/{line['id']}").json()["request"]
        assert whole["body"].encode() == found[0].body
        assert whole["body_truncated"] is False
        assert found[0].body.startswith(glance["body"].encode())
        assert glance["body_truncated"] == (len(glance["body"].encode()) < len(found[0].body))
        logged = {header["name"].lower(): header["value"] for header in whole["headers"]}
        assert logged["content-type"] == found[0].header("content-type")
        assert logged.get("ce-id") == found[0].header("ce-id")


@pytest.mark.parametrize("form", FORMATS)
def test_the_first_connection_and_tests_come_in_the_endpoints_format(
    account: httpx.Client, receiver: Receiver, connect: Connect, form: str
) -> None:
    made = connect(format=form, verify=True)
    tried = account.post(f"/v1/endpoints/{made['id']}/test", json={"event": "tracking_update"}).json()
    first, test = receiver.received
    for one, shown in ((first, made["verification"]), (test, tried)):
        assert shown["request"]["body"].encode() == one.body
        logged = account.get(f"/v1/logs/{shown['log_id']}").json()
        assert logged["request"]["body"].encode() == one.body
        assert (one.header("content-type") == "application/cloudevents+json") == (form == "cloudevents")
        assert (one.header("ce-id") or one.id) == one.id
        assert (one.header("ce-specversion") is not None) == (form == "cloudevents_binary")
    assert parse(first.body)["Event"] == "ORDER_SHIPPED"
    assert parse(test.body)["Event"] == "TRACKING_UPDATE"


def test_another_format_holds_for_what_is_sent_from_then_on_and_the_log_keeps_what_was(
    account: httpx.Client, receiver: Receiver, connect: Connect
) -> None:
    made = connect()
    path = f"/v1/endpoints/{made['id']}"
    sent: list[Received] = []
    for number, form in enumerate(["page", "standard", "cloudevents", "page"], start=1):
        assert account.patch(path, json={"format": form}).json()["format"] == form
        account.post("/v1/events", json=tracking_update(str(number)))
        sent = receiver.wait_for(number)
        assert json.loads(sent[-1].body).get("type") == {
            "page": None, "standard": "tracking_update", "cloudevents": "parcelhook.tracking_update",
        }[form]  # fmt: skip
    wait_until(lambda: len(account.get("/v1/logs").json()["items"]) == 4)
    account.delete(path)
    for one, line in zip(sent, reversed(account.get("/v1/logs").json()["items"]), strict=True):
        assert account.get(f"/v1/logs/{line['id']}").json()["request"]["body"].encode() == one.body


def test_a_resend_by_hand_sends_the_same_bytes(account: httpx.Client, receiver: Receiver, connect: Connect) -> None:
    connect(format="cloudevents")
    event_id = account.post("/v1/events", json=tracking_update()).json()["accepted"][0]["id"]
    receiver.wait_for(1)
    delivery = account.get(f"/v1/events/{event_id}").json()["deliveries"][0]["id"]
    wait_until(lambda: account.get(f"/v1/events/{event_id}").json()["deliveries"][0]["state"] == "delivered")
    assert account.post(f"/v1/deliveries/{delivery}/retry").status_code == 202
    first, second = receiver.wait_for(2)
    assert (first.body, first.id) == (second.body, second.id)


def test_a_large_label_stands_in_the_envelope_byte_for_byte(
    account: httpx.Client, receiver: Receiver, connect: Connect
) -> None:
    connect(format="standard")
    label = "QUJD" * 100_000
    order = {
        "Event": "ORDER_SHIPPED", "OrderID": "1", "TransactionID": "1_1", "TrackingCarrier": "GLS", "TrackingNumber": "G1",
        "PDF": [label], "IsReturn": True,
    }  # fmt: skip
    account.post("/v1/events", json=order)
    (one,) = receiver.wait_for(1)
    assert parse(one.body)["PDF"] == [label]
    assert one.header("x-webhook-return") == "true"
    wait_until(lambda: len(account.get("/v1/logs").json()["items"]) == 1)
    (line,) = account.get("/v1/logs").json()["items"]
    assert one.body.startswith(line["request"]["body"].encode())
    assert line["request"]["body_truncated"] is True
    assert account.get(f"/v1/logs/{line['id']}").json()["request"]["body"].encode() == one.body


def test_an_unknown_format_and_a_header_of_a_format_are_refused(account: httpx.Client, receiver: Receiver) -> None:
    wanted = {"url": receiver.url(), "events": ["order_error"], "verify": False}
    refused = account.post("/v1/endpoints", json=wanted | {"format": "xml"})
    assert (refused.status_code, refused.json()["field"]) == (422, "format")
    assert "cloudevents_binary" in refused.json()["remedy"]
    header = {"custom_headers": [{"key": "CE-Id", "value": "1"}]}
    refused = account.post("/v1/endpoints", json=wanted | header)
    assert (refused.status_code, refused.json()["field"]) == (422, "custom_headers[0].key")
