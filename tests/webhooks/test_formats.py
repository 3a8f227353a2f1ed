"""Formats, to the byte: what was sent in the past is shown by the same rules, so they must never change."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parcelhook.shipping.events import EventKind, decode, encode, sample
from parcelhook.webhooks.delivery import StoredEvent
from parcelhook.webhooks.formats import Format, envelope, headers

BODY = '{"Event":"TRACKING_UPDATE","message":"é \\"x\\" \\u0041","date":1.50}'.encode()
TIME = "2026-11-24T13:18:33.007Z"


def event(**fields: Any) -> StoredEvent:
    return StoredEvent(
        **{
            "id": 7, "account_id": 41, "name": "evt_1", "given_id": None, "kind": EventKind.TRACKING_UPDATE, "order_id": "1",
            "transaction_id": "48572_1", "carrier": "GLS", "is_return": False, "accepted_ms": 1_795_526_313_007, "body": BODY,
        } | fields
    )  # fmt: skip


@pytest.mark.parametrize(
    ("form", "body", "content_type"),
    [
        (Format.PAGE, BODY, "application/json"),
        (
            Format.STANDARD,
            b'{"type":"tracking_update","timestamp":"' + TIME.encode() + b'","data":' + BODY + b"}",
            "application/json",
        ),
        (
            Format.CLOUDEVENTS,
            b'{"specversion":"1.0","id":"evt_1","source":"urn:parcelhook:account:41","type":"parcelhook.tracking_update",'
            b'"time":"' + TIME.encode() + b'","subject":"48572_1","datacontenttype":"application/json","data":' + BODY + b"}",
            "application/cloudevents+json",
        ),
        (Format.CLOUDEVENTS_BINARY, BODY, "application/json"),
    ],
)  # fmt: skip
def test_the_bytes_of_each_format(form: Format, body: bytes, content_type: str) -> None:
    assert envelope(form, event()).around(BODY) == body
    assert form.content_type == content_type


def test_the_headers_of_a_binary_cloudevent() -> None:
    assert headers(Format.CLOUDEVENTS_BINARY, event(kind=EventKind.ORDER_ERROR, transaction_id="")) == [
        "ce-specversion: 1.0",
        "ce-id: evt_1",
        "ce-source: urn:parcelhook:account:41",
        "ce-type: parcelhook.order_error",
        f"ce-time: {TIME}",
    ]
    assert headers(Format.CLOUDEVENTS_BINARY, event())[-1] == "ce-subject: 48572_1"
    assert all(headers(form, event()) == [] for form in Format if form is not Format.CLOUDEVENTS_BINARY)


def test_the_default_format_makes_no_new_bytes() -> None:
    assert envelope(Format.PAGE, event()).around(BODY) is BODY
    assert envelope(Format.CLOUDEVENTS_BINARY, event()).around(BODY) is BODY


def test_an_event_of_no_shipment_has_no_subject() -> None:
    assert "subject" not in json.loads(envelope(Format.CLOUDEVENTS, event(transaction_id="")).around(BODY))


@given(st.text(min_size=1, max_size=40), st.sampled_from(EventKind), st.integers(0, 253_402_300_799_999))
def test_whatever_the_event_holds_the_envelope_is_whole_and_the_body_stands_in_it(
    shipment: str, kind: EventKind, when_ms: int
) -> None:
    stored = event(transaction_id=shipment, kind=kind, accepted_ms=when_ms)
    for form in (Format.STANDARD, Format.CLOUDEVENTS):
        whole = envelope(form, stored).around(BODY)
        assert BODY in whole
        read = json.loads(whole)
        assert read["data"] == json.loads(BODY)
        assert read["type"].endswith(kind.value.lower())
    assert read["subject"] == shipment
    subject = headers(Format.CLOUDEVENTS_BINARY, stored)[-1].removeprefix("ce-subject: ")
    assert all(0x21 <= ord(letter) <= 0x7E and letter != '"' for letter in subject)
    assert unquote(subject) == shipment


@pytest.mark.parametrize("kind", EventKind)
def test_a_body_is_read_back_as_the_event_it_was_made_from(kind: EventKind) -> None:
    assert decode(encode(sample(kind))) == sample(kind)
