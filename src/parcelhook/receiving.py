"""For the receiver's side: check that a webhook is genuine, and read it. The standard library and nothing else.

    from parcelhook.receiving import NotGenuine, verify

    try:
        webhook = verify("whsec_...", request.headers, request.body)
    except NotGenuine as reason:
        ...answer 401...
    if webhook.id in seen:       # a retry of one you have already: the same id, the same bytes
        ...answer 200...

The signature is Standard Webhooks 1.0: `v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`. In whichever format
the endpoint receives (the body alone, Standard Webhooks, CloudEvents), what you get is the same. This file may be copied
into your project as it is.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

TOLERANCE_S = 300  # how far the sender's clock and yours may differ
SHORTEST_KEY = 24  # bytes, as the standard has it; with an empty key anybody could sign


class NotGenuine(ValueError):
    """The request does not come from your Parcelhook, or not in time; the text says why."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """A genuine webhook. `body` holds the event's fields, taken out of any envelope; `attempt` is 1 for the first try."""

    id: str
    timestamp: int
    event: str
    body: dict[str, Any]
    attempt: int
    is_test: bool
    is_return: bool


def verify(
    secrets: str | Sequence[str],
    headers: Mapping[str, str],
    body: bytes,
    *,
    tolerance_s: int = TOLERANCE_S,
    now_s: float | None = None,
) -> Webhook:
    """The webhook, or NotGenuine; a plain ValueError if a secret is none (a mistake of yours, not of the sender).

    `body` is the request's body as it came, not parsed and written again: a changed space changes the signature. Several
    secrets are possible while one is being rotated.
    """
    given = {name.lower(): value for name, value in headers.items()}
    message_id, sent_at, signatures = (_needed(given, f"webhook-{name}") for name in ("id", "timestamp", "signature"))
    timestamp = _timestamp(sent_at, time.time() if now_s is None else now_s, tolerance_s)
    content = f"{message_id}.{timestamp}.".encode("utf-8", "surrogatepass") + body
    expected = [_signature(secret, content) for secret in ([secrets] if isinstance(secrets, str) else secrets)]
    found = [
        signature[3:].encode("utf-8", "surrogatepass")
        for signature in signatures.split(" ")
        if signature.startswith("v1,")
    ]
    if not any(hmac.compare_digest(ours, theirs) for ours in expected for theirs in found):
        raise NotGenuine("the signature does not fit the body and the secret")
    fields = parse(body)
    attempt = given.get("x-webhook-attempt", "1")
    return Webhook(
        id=message_id,
        timestamp=timestamp,
        # The body comes first: it is signed, the header is not.
        event=str(fields.get("Event") or given.get("x-webhook-event", "")),
        body=fields,
        attempt=int(attempt) if attempt.isascii() and attempt.isdigit() and len(attempt) < 10 else 1,
        is_test=given.get("x-webhook-test") == "true",
        is_return=given.get("x-webhook-return") == "true",
    )


def parse(body: bytes) -> dict[str, Any]:
    """The event's fields, whichever format they came in; NotGenuine if the body is none.

    For a body that was verified already. It does not verify: from a stranger, take nothing but what `verify` returns.
    """
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        raise NotGenuine("the body is not JSON") from None
    if not isinstance(content, dict):
        raise NotGenuine("the body is not a JSON object")
    # An event names itself by `Event`; around it an envelope has names of its own and the event as `data`.
    inner = content.get("data")
    return inner if "Event" not in content and isinstance(inner, dict) and "Event" in inner else content


def _needed(given: Mapping[str, str], name: str) -> str:
    value = given.get(name)
    if not value:
        raise NotGenuine(f"the header {name} is missing")
    return value


def _timestamp(text: str, now_s: float, tolerance_s: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise NotGenuine("the header webhook-timestamp is not a number of seconds")
    timestamp = int(text)
    if abs(now_s - timestamp) > tolerance_s:
        raise NotGenuine("the webhook is too old, or a clock is wrong")
    return timestamp


def _signature(secret: str, content: bytes) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("the secret must be whsec_ and base64") from None
    if len(key) < SHORTEST_KEY:
        raise ValueError("the secret is empty or too short: is its environment variable set?")
    return base64.b64encode(hmac.new(key, content, hashlib.sha256).digest())
