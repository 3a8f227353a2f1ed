"""Whose request it is: known answers of the hubs, and one battery that every hub must pass."""

from __future__ import annotations

import base64
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carriers.bodies import sample
from carriers.signing import KEY_ID, key_set, secret, sign, sign_shipengine
from parcelhook.carriers import easypost, sendcloud
from parcelhook.carriers.catalogue import HUBS
from parcelhook.carriers.hub import BadSignature, Hub, Inbound, SecretKind

NOW = 1_712_741_696
every_hub = pytest.mark.parametrize("hub", HUBS.values(), ids=HUBS)
where_the_time_is_signed = pytest.mark.parametrize(
    "hub", [HUBS["shippo"], HUBS["shipengine"]], ids=lambda hub: hub.name
)


def inbound(body: bytes, headers: dict[str, str], now_s: int = NOW) -> Inbound:
    return Inbound(headers={name.lower(): value for name, value in headers.items()}, body=body, now_s=now_s)


def signed(hub: Hub, body: bytes, *, at_s: int = NOW) -> Inbound:
    return inbound(body, sign(hub.name, body, at_s))


def refused(hub: Hub, request: Inbound, kept: str | None = None) -> str:
    with pytest.raises(BadSignature) as reason:
        hub.verify(request, secret(hub.name) if kept is None else kept)
    assert str(reason.value) == reason.value.reason
    return reason.value.reason


def test_the_known_answer_of_easypost() -> None:
    body = sample("easypost-tracker-updated.json").removesuffix(b"\n")
    answer = "hmac-sha256-hex=38f3f53c103713df81616a0a186d77141957323ec21d5fe9363db93840f527db"
    assert len(body) == 3_550
    for secret_as_typed in ("sécret", "se\u0301cret"):  # é as one character, and as two
        assert easypost.signature(body, secret_as_typed) == answer
        HUBS["easypost"].verify(inbound(body, {"X-Hmac-Signature": answer}), secret_as_typed)


def test_the_known_answer_of_sendcloud() -> None:
    body, answer = b'{"key": "value"}', "1eed4b3d41f4653ac64fd56f1bf1cbfd349e4482cbc11dff7134bd93e5da4b0a"
    assert sendcloud.signature(body, "secretkey") == answer
    HUBS["sendcloud"].verify(inbound(body, {"Sendcloud-Signature": answer}), "secretkey")


@every_hub
def test_what_the_hub_signed_is_accepted(hub: Hub) -> None:
    hub.verify(signed(hub, sample(hub.name)), secret(hub.name))


@every_hub
def test_header_names_are_taken_in_any_case(hub: Hub) -> None:
    headers = sign(hub.name, b"{}", NOW)
    for write in (str.lower, str.upper, str.title):
        hub.verify(
            Inbound(headers={write(name): value for name, value in headers.items()}, body=b"{}", now_s=NOW),
            secret(hub.name),
        )


@every_hub
def test_a_changed_body_is_refused_and_the_right_signature_is_not_told(hub: Hub) -> None:
    body = sample(hub.name)
    for changed in (body + b" ", body[:-1], body.replace(b"1", b"2", 1), json.dumps(json.loads(body)).encode(), b""):
        request = inbound(changed, sign(hub.name, body, NOW))
        reason = refused(hub, request)
        if hub.name != "shipengine":
            (right,) = sign(hub.name, changed, NOW).values()
            assert max(re.split("[=,]", right), key=len) not in reason
        assert secret(hub.name) not in reason


@every_hub
def test_an_unsigned_request_is_refused_where_a_secret_is_kept(hub: Hub) -> None:
    assert "no header" in refused(hub, inbound(sample(hub.name), {}))
    for name in sign(hub.name, b"{}", NOW):
        assert name.lower() in refused(hub, inbound(b"{}", {**sign(hub.name, b"{}", NOW), name: " "})).lower()


@every_hub
def test_without_a_secret_only_the_hubs_that_may_send_unsigned_are_believed(hub: Hub) -> None:
    request = inbound(sample(hub.name), {})
    if hub.secret_required:
        refused(hub, request, "")
        assert "No secret" in refused(hub, signed(hub, sample(hub.name)), "")
    else:
        hub.verify(request, "")
        hub.verify(signed(hub, sample(hub.name)), "")
    assert hub.secret_required == (hub.name in {"aftership", "shipengine", "17track"})


@every_hub
def test_another_secret_is_refused(hub: Hub) -> None:
    other = key_set("another-key") if hub.secret is SecretKind.KEY_SET else "another secret"
    refused(hub, signed(hub, sample(hub.name)), other)


@where_the_time_is_signed
@pytest.mark.parametrize("apart_s", [-301, 301, 86_400, -NOW])
def test_an_old_or_early_request_is_refused(hub: Hub, apart_s: int) -> None:
    reason = refused(hub, signed(hub, b"{}", at_s=NOW - apart_s))
    assert "300 s" in reason


@where_the_time_is_signed
@pytest.mark.parametrize("apart_s", [-300, 0, 300])
def test_five_minutes_of_difference_are_accepted(hub: Hub, apart_s: int) -> None:
    hub.verify(signed(hub, b"{}", at_s=NOW - apart_s), secret(hub.name))


@every_hub
@given(given=st.text(max_size=80), body=st.binary(max_size=30))
def test_whatever_stands_in_the_headers_is_refused_with_a_reason(hub: Hub, given: str, body: bytes) -> None:
    headers = dict.fromkeys(sign(hub.name, body, NOW), given)
    assert refused(hub, inbound(body, headers))


@every_hub
@given(kept=st.text(min_size=1, max_size=80))
def test_whatever_is_kept_as_a_secret_never_breaks(hub: Hub, kept: str) -> None:
    refused(hub, signed(hub, b"{}"), kept)


@pytest.mark.parametrize(
    "header", ["v1=00", "t=1", "t=,v1=00", "t=now,v1=00", "t=1712741696 v1=00", ",,,", "t=\uff11,v1=00"]
)
def test_a_malformed_header_of_shippo_says_its_form(header: str) -> None:
    assert "t=<Unix seconds>" in refused(HUBS["shippo"], inbound(b"{}", {"Shippo-Auth-Signature": header}))


def test_the_time_of_shippo_is_part_of_what_is_signed() -> None:
    value = sign("shippo", b"{}", NOW - 3_600)["Shippo-Auth-Signature"].replace(f"t={NOW - 3_600}", f"t={NOW}")
    assert "not that of this body" in refused(HUBS["shippo"], inbound(b"{}", {"Shippo-Auth-Signature": value}))


@pytest.mark.parametrize(
    "written", [str(NOW), f"{NOW}000", "2024-04-10T09:34:56Z", "2024-04-10T11:34:56.120+02:00", "2024-04-10T09:34:56"]
)
def test_shipengine_may_write_the_time_in_either_way(written: str) -> None:
    HUBS["shipengine"].verify(inbound(b"{}", sign_shipengine(b"{}", written)), key_set())


def test_a_time_that_is_none_is_refused() -> None:
    reason = refused(HUBS["shipengine"], inbound(b"{}", sign_shipengine(b"{}", "yesterday")))
    assert "neither ISO 8601 nor Unix seconds" in reason


def test_the_time_of_shipengine_is_part_of_what_is_signed() -> None:
    headers = sign_shipengine(b"{}", str(NOW - 3_600)) | {"X-ShipEngine-Timestamp": str(NOW)}
    assert "not that of this body and time" in refused(HUBS["shipengine"], inbound(b"{}", headers))


def test_an_unknown_key_is_named_with_those_that_are_known() -> None:
    request = inbound(b"{}", sign_shipengine(b"{}", str(NOW), key_id="brand-new"))
    reason = refused(HUBS["shipengine"], request)
    assert "brand-new" in reason
    assert KEY_ID in reason
    assert "an-older-key" in reason


def test_the_signature_of_another_key_of_the_set_is_refused() -> None:
    request = inbound(b"{}", sign_shipengine(b"{}", str(NOW), key_id="an-older-key"))
    assert "an-older-key" in refused(HUBS["shipengine"], request)


@pytest.mark.parametrize(
    "kept",
    [
        "whsec_x", "[]", "{}", '{"keys": 1}', '{"keys": [1, {"kid": 5}]}', '{"keys": [{"kid": null}]}', "\ud800",
        json.dumps({"keys": [{"kid": KEY_ID, "kty": "EC", "x": "AA", "y": "AA"}]}),
        json.dumps({"keys": [{"kid": KEY_ID, "n": "é", "e": "AQAB"}]}),
        json.dumps({"keys": [{"kid": KEY_ID, "n": "AQAB", "e": "Ag"}]}),
        json.dumps({"keys": [{"kid": KEY_ID, "n": base64.urlsafe_b64encode(b"\xff" * 256).decode(), "e": ""}]}),
    ],
)  # fmt: skip
def test_what_is_no_key_set_says_so(kept: str) -> None:
    assert "key set" in refused(HUBS["shipengine"], signed(HUBS["shipengine"], b"{}"), kept)
