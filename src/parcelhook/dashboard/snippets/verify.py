import base64
import hashlib
import hmac
import time


def is_genuine(secret, headers, body):
    """`body`: the bytes as they came, never parsed and rewritten JSON."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = b"v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest())
    recent = abs(time.time() - int(headers["webhook-timestamp"])) <= 300
    return (
        len(key) >= 24
        and recent
        and any(hmac.compare_digest(expected, given.encode()) for given in headers["webhook-signature"].split(" "))
    )
