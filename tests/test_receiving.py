"""The receiver's module: what it must not be talked into, and that one file of it is enough."""

from __future__ import annotations

import base64
import hashlib
import hmac
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parcelhook import receiving
from parcelhook.receiving import NotGenuine, parse, verify
from parcelhook.webhooks.signature import Signer, new_secret

NOW = 1_795_519_113
SECRET = new_secret(b"0123456789abcdef01234567")
BODY = b'{"Event": "TRACKING_UPDATE"}'


def signed(body: bytes = BODY) -> dict[str, str]:
    signature = Signer((SECRET,)).sign("evt_1", NOW, body)
    return {"webhook-id": "evt_1", "webhook-timestamp": str(NOW), "webhook-signature": signature}


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_QQ==", "whsec_" + base64.b64encode(b"k" * 23).decode()])
def test_a_secret_that_anybody_could_guess_verifies_nothing(secret: str) -> None:
    key = base64.b64decode(secret.removeprefix("whsec_"))
    mac = hmac.new(key, f"evt_1.{NOW}.".encode() + BODY, hashlib.sha256).digest()
    forged = signed() | {"webhook-signature": "v1," + base64.b64encode(mac).decode()}
    with pytest.raises(ValueError, match="too short") as refused:
        verify(secret, forged, BODY, now_s=NOW)
    assert not isinstance(refused.value, NotGenuine), "a missing setting is not the sender's fault"


def test_no_secrets_verify_nothing() -> None:
    with pytest.raises(NotGenuine, match="signature"):
        verify([], signed(), BODY, now_s=NOW)


def test_the_signed_body_names_the_event_and_not_the_unsigned_header() -> None:
    headers = signed() | {"x-webhook-event": "ORDER_SHIPPED"}
    assert verify(SECRET, headers, BODY, now_s=NOW).event == "TRACKING_UPDATE"


def test_a_body_without_an_event_leaves_it_to_the_header() -> None:
    headers = signed(b"{}") | {"x-webhook-event": "ORDER_ERROR"}
    assert verify(SECRET, headers, b"{}", now_s=NOW).event == "ORDER_ERROR"


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (b'{"Event": "ORDER_ERROR", "data": {"Event": "x"}}', {"Event": "ORDER_ERROR", "data": {"Event": "x"}}),
        (b'{"type": "order_error", "timestamp": "t", "data": {"Event": "ORDER_ERROR"}}', {"Event": "ORDER_ERROR"}),
        (b'{"specversion": "1.0", "data": {"Event": "ORDER_ERROR"}}', {"Event": "ORDER_ERROR"}),
        (b'{"data": {}}', {"data": {}}),
        (b'{"data": [1]}', {"data": [1]}),
    ],
)
def test_the_events_fields_are_taken_out_of_any_envelope(body: bytes, fields: dict[str, object]) -> None:
    assert parse(body) == fields


@pytest.mark.parametrize("body", [b"", b"[]", b"1", b"{", b"\xff", b"[" * 100_000])
def test_a_body_that_is_no_event_is_not_genuine(body: bytes) -> None:
    with pytest.raises(NotGenuine, match="JSON"):
        parse(body)


@pytest.mark.parametrize(("text", "attempt"), [("7", 7), ("", 1), ("-1", 1), ("two", 1), ("٣", 1), ("9" * 5_000, 1)])
def test_an_attempt_that_is_no_number_counts_as_the_first(text: str, attempt: int) -> None:
    assert verify(SECRET, signed() | {"x-webhook-attempt": text}, BODY, now_s=NOW).attempt == attempt


def test_one_good_signature_among_others_is_enough() -> None:
    headers = signed()
    headers["webhook-signature"] = f"v1,AAAA v1a,BBBB v2,CCCC  {headers['webhook-signature']}"
    assert verify(SECRET, headers, BODY, now_s=NOW).id == "evt_1"


ANY_TEXT = st.text(st.characters(), max_size=20)  # lone surrogates too: some servers decode headers to them


@given(ANY_TEXT, ANY_TEXT | st.just(str(NOW)), ANY_TEXT.map("v1,{}".format), ANY_TEXT, st.binary(max_size=20))
def test_whatever_a_stranger_sends_is_not_genuine_and_nothing_worse(
    name: str, when: str, signature: str, attempt: str, body: bytes
) -> None:
    headers = {
        "webhook-id": name,
        "webhook-timestamp": when,
        "webhook-signature": signature,
        "x-webhook-attempt": attempt,
    }
    with pytest.raises(NotGenuine):
        verify(SECRET, headers, body, now_s=NOW)


def test_the_file_runs_alone_when_copied(tmp_path: Path) -> None:
    copy = tmp_path / "receiving.py"
    copy.write_bytes(Path(receiving.__file__).read_bytes())
    program = (
        "import receiving, sys; "
        f"print(receiving.verify({SECRET!r}, {signed()!r}, {BODY!r}, now_s={NOW}).id, 'parcelhook' in sys.modules)"
    )
    # -S: without the installed packages, so that nothing but the standard library is there
    done = subprocess.run(
        [sys.executable, "-S", "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=30, check=False
    )
    assert done.stdout == "evt_1 False\n", done.stderr
