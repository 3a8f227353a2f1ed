"""Signs bodies as each hub would, so that tests can send what a hub sends."""

from __future__ import annotations

import functools
import json
from base64 import b64encode, urlsafe_b64encode
from typing import Final

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from parcelhook.carriers import aftership, easypost, sendcloud, seventeentrack, shipengine, shippo

SECRET: Final = "s3cret of the hub"
KEY_ID: Final = "7c1f0a5e-key"


def secret(hub: str) -> str:
    """What Parcelhook keeps of this hub: the shared secret, or the public keys."""
    return key_set() if hub == "shipengine" else SECRET


def sign(hub: str, body: bytes, now_s: int) -> dict[str, str]:
    """The headers that the hub would add to this body, at this time."""
    match hub:
        case "easypost":
            return {"X-Hmac-Signature": easypost.signature(body, SECRET)}
        case "aftership":
            return {"Aftership-Hmac-Sha256": aftership.signature(body, SECRET)}
        case "sendcloud":
            return {"Sendcloud-Signature": sendcloud.signature(body, SECRET)}
        case "shippo":
            return {"Shippo-Auth-Signature": f"t={now_s},v1={shippo.signature(body, SECRET, str(now_s))}"}
        case "17track":
            return {"sign": seventeentrack.signature(body, SECRET)}
        case "shipengine":
            return sign_shipengine(body, str(now_s))
        case _:
            raise AssertionError(f"tests do not know how {hub} signs")


def sign_shipengine(body: bytes, timestamp: str, *, key_id: str = KEY_ID) -> dict[str, str]:
    signed = private_key().sign(shipengine.signed_content(body, timestamp), PKCS1v15(), SHA256())
    return {
        "X-ShipEngine-RSA-SHA256-Signature": b64encode(signed).decode(),
        "X-ShipEngine-RSA-SHA256-Key-Id": key_id,
        "X-ShipEngine-Timestamp": timestamp,
    }


def key_set(key_id: str = KEY_ID) -> str:
    """The JSON Web Key Set that ShipEngine would publish, with another key in front."""
    numbers = private_key().public_key().public_numbers()
    other = {"kty": "RSA", "kid": "an-older-key", "n": _base64(numbers.n - 2), "e": _base64(numbers.e)}
    ours = {"kty": "RSA", "use": "sig", "kid": key_id, "n": _base64(numbers.n), "e": _base64(numbers.e)}
    return json.dumps({"keys": [other, ours]})


@functools.cache
def private_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _base64(number: int) -> str:
    return urlsafe_b64encode(number.to_bytes((number.bit_length() + 7) // 8, "big")).rstrip(b"=").decode()
