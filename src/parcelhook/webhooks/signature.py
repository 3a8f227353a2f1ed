"""Standard Webhooks 1.0, symmetric: `v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`."""

from __future__ import annotations

import binascii
import hmac
from base64 import b64decode, b64encode

from parcelhook.errors import InvalidInput

PREFIX = "whsec_"
SHORTEST, LONGEST = 24, 64  # bytes, as the standard has it


def new_secret(random_bytes: bytes) -> str:
    """A secret from 24 to 64 bytes of chance: `whsec_...`."""
    secret = PREFIX + b64encode(random_bytes).decode("ascii")
    check_secret(secret)
    return secret


def check_secret(text: str) -> bytes:
    """The key behind a secret, or InvalidInput saying what is wrong with it. The secret itself is not repeated."""
    try:
        key = b64decode(text.removeprefix(PREFIX), validate=True) if text.startswith(PREFIX) else b""
    except (binascii.Error, ValueError):
        key = b""
    if not SHORTEST <= len(key) <= LONGEST:
        raise InvalidInput(
            "This is not a signing secret.",
            field="secret",
            remedy=f'A secret is "{PREFIX}" followed by {SHORTEST} to {LONGEST} bytes in base64.',
        )
    return key


class Signer:
    """Signs with one secret, or with several while one is being rotated: the receiver may verify by any."""

    def __init__(self, secrets: tuple[str, ...]) -> None:
        # Copied for each message: that saves setting the key, and unlike hmac.digest() it keeps the interpreter's lock,
        # which would otherwise be lost to another busy thread at every signature.
        self._keyed = tuple(hmac.new(check_secret(secret), digestmod="sha256") for secret in secrets)

    def sign(self, message_id: str, timestamp_s: int, body: bytes) -> str:
        """The value of `webhook-signature`: a `v1,...` for each secret, separated by a space."""
        content = b"%s.%d.%s" % (message_id.encode(), timestamp_s, body)
        return " ".join(["v1," + _mac(keyed.copy(), content) for keyed in self._keyed])


def _mac(keyed: hmac.HMAC, content: bytes) -> str:
    keyed.update(content)
    return binascii.b2a_base64(keyed.digest(), newline=False).decode("ascii")
