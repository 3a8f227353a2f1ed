"""Proof that a request is the hub's: what the hubs' signatures have in common. The expected signature is never told."""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

from parcelhook.carriers.dates import of_text
from parcelhook.carriers.hub import BadSignature, Inbound

TOLERANCE_S: Final = 300  # how far a signed time may be from ours


def header(inbound: Inbound, name: str) -> str:
    """A header's value, or BadSignature: without it the request is not signed."""
    wanted = name.lower()
    value = next((value for key, value in inbound.headers.items() if key.lower() == wanted), "").strip()
    if not value:
        raise BadSignature(f"The request is not signed: it has no header {name}.")
    return value


def needed(secret: str, hub: str) -> str:
    """The secret, or BadSignature: this hub signs everything, so nothing is taken on trust."""
    if not secret:
        raise BadSignature(f"No secret of {hub} is kept here, so nothing can be verified. Add it to the hub.")
    return secret


def hmac_sha256(secret: str, content: bytes) -> hmac.HMAC:
    """HMAC-SHA256 under a secret that is text."""
    return hmac.new(secret.encode("utf-8", "surrogatepass"), content, hashlib.sha256)


def check(given: str, expected: str, name: str) -> None:
    """BadSignature unless both are the same, in a time that does not tell where they differ."""
    if not hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode()):
        raise BadSignature(
            f"The signature in {name} is not that of this body under the secret kept here. "
            "Compare the secret with the hub's; a proxy that changes the body has the same effect."
        )


def check_fresh(timestamp: str, now_s: int) -> None:
    """BadSignature unless the time that was signed is near ours: an old request may be one that was overheard."""
    when = of_text(timestamp)
    if when is None:
        raise BadSignature("The time that was signed cannot be read: it is neither ISO 8601 nor Unix seconds.")
    apart_s = abs(now_s - when.second)
    if apart_s > TOLERANCE_S:
        raise BadSignature(
            f"The request was signed {apart_s:,} s {'ago' if when.second < now_s else 'ahead of our clock'}; "
            f"more than {TOLERANCE_S} s are not accepted. If requests are new, set this machine's clock right."
        )
