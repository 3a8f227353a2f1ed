"""Sign and verify, against the official library of Standard Webhooks and against our module for receivers."""

from __future__ import annotations

import datetime as dt
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from parcelhook.errors import InvalidInput
from parcelhook.receiving import NotGenuine, verify
from parcelhook.webhooks.signature import Signer, check_secret, new_secret

NOW = int(dt.datetime.now(dt.UTC).timestamp())
SECRETS = st.binary(min_size=24, max_size=64).map(new_secret)
IDS = st.text("abcdefghijklmnopqrstuvwxyz0123456789_-", min_size=1, max_size=40)
BODIES = st.dictionaries(st.text(max_size=5), st.text(max_size=20), max_size=3).map(
    lambda value: json.dumps(value).encode()
)


def headers(name: str, signature: str, when: int = NOW) -> dict[str, str]:
    return {"webhook-id": name, "webhook-timestamp": str(when), "webhook-signature": signature}


@given(SECRETS, IDS, BODIES)
def test_the_official_library_verifies_what_we_sign(secret: str, name: str, body: bytes) -> None:
    now = int(time.time())  # the library has a clock of its own, and five minutes of patience
    signed = Signer((secret,)).sign(name, now, body)
    assert Webhook(secret).verify(body, headers(name, signed, now)) == json.loads(body)


@given(SECRETS, IDS, BODIES)
def test_our_receiving_module_verifies_what_the_official_library_signs(secret: str, name: str, body: bytes) -> None:
    signed = Webhook(secret).sign(name, dt.datetime.fromtimestamp(NOW, dt.UTC), body.decode())
    assert verify(secret, headers(name, signed), body, now_s=NOW).id == name


@given(SECRETS, SECRETS, IDS, BODIES)
def test_with_two_secrets_a_receiver_may_have_either(old: str, new: str, name: str, body: bytes) -> None:
    signed = Signer((new, old)).sign(name, NOW, body)
    for secret in (old, new, [old, new]):
        assert verify(secret, headers(name, signed), body, now_s=NOW)


@given(SECRETS, IDS, BODIES, st.integers(0, 10_000))
def test_one_changed_byte_is_noticed(secret: str, name: str, body: bytes, where: int) -> None:
    signed = headers(name, Signer((secret,)).sign(name, NOW, body))
    where %= len(body)
    changed = body[:where] + bytes([body[where] ^ 1]) + body[where + 1 :]
    with pytest.raises(NotGenuine, match="signature"):
        verify(secret, signed, changed, now_s=NOW)


@pytest.mark.parametrize("text", ["", "whsec_", "whsec_AAAA", "whsec_!!", "A" * 44, "whsec_" + "A" * 200])
def test_what_is_no_secret_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        check_secret(text)
    assert not text or text not in refused.value.message


SECRET = new_secret(b"0123456789abcdef01234567")
BODY = b'{"Event": "TRACKING_UPDATE"}'
GOOD = headers("evt_1", Signer((SECRET,)).sign("evt_1", NOW, BODY)) | {
    "X-Webhook-Event": "TRACKING_UPDATE", "x-webhook-attempt": "3", "x-webhook-return": "true",
}  # fmt: skip


def test_a_receiver_learns_all_that_the_headers_say() -> None:
    webhook = verify(SECRET, {name.title(): value for name, value in GOOD.items()}, BODY, now_s=NOW + 299)
    assert (webhook.id, webhook.event, webhook.attempt) == ("evt_1", "TRACKING_UPDATE", 3)
    assert (webhook.is_test, webhook.is_return, webhook.body) == (False, True, {"Event": "TRACKING_UPDATE"})


@pytest.mark.parametrize(
    ("change", "now", "why"),
    [
        ({"webhook-id": ""}, NOW, "webhook-id is missing"),
        ({"webhook-signature": ""}, NOW, "webhook-signature is missing"),
        ({"webhook-timestamp": "soon"}, NOW, "not a number"),
        ({"webhook-timestamp": str(NOW - 1)}, NOW, "signature"),
        ({"webhook-id": "evt_2"}, NOW, "signature"),
        ({"webhook-signature": "v2,abc v1a,def"}, NOW, "signature"),
        ({"webhook-signature": "v1,ü"}, NOW, "signature"),
        ({}, NOW + 301, "too old"),
        ({}, NOW - 301, "too old"),
    ],
)
def test_what_is_not_genuine_is_told_why(change: dict[str, str], now: int, why: str) -> None:
    with pytest.raises(NotGenuine, match=why):
        verify(SECRET, GOOD | change, BODY, now_s=now)


@pytest.mark.parametrize("body", [b"[]", b"{", b'"text"'])
def test_a_signed_body_that_is_no_json_object_is_refused(body: bytes) -> None:
    signed = headers("evt_1", Signer((SECRET,)).sign("evt_1", NOW, body))
    with pytest.raises(NotGenuine, match="JSON"):
        verify(SECRET, signed, body, now_s=NOW)
