"""Formats: in which form an event goes over the wire. The page's body is the default; the others put it in an envelope.

Whatever the format, every attempt and replay of an event sends the same bytes: an envelope is made from what was stored
with the event at acceptance and from nothing else, and the body stands in it byte for byte. What the log shows is made
anew by these same rules, so a change here would change what was sent in the past: the tests hold them to the byte.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

import msgspec
from msgspec import Struct

if TYPE_CHECKING:
    from parcelhook.webhooks.delivery import StoredEvent


class Format(StrEnum):
    """The form of what an endpoint receives; the data in it are the same."""

    PAGE = "page"
    STANDARD = "standard"
    CLOUDEVENTS = "cloudevents"
    CLOUDEVENTS_BINARY = "cloudevents_binary"

    @property
    def content_type(self) -> str:
        """What `Content-Type` says."""
        return "application/cloudevents+json" if self is Format.CLOUDEVENTS else "application/json"

    @property
    def label(self) -> str:
        """Its name for people."""
        return _LABELS[self]


_LABELS: Final = {
    Format.PAGE: "the body alone",
    Format.STANDARD: "Standard Webhooks: type, timestamp, data",
    Format.CLOUDEVENTS: "CloudEvents 1.0, structured",
    Format.CLOUDEVENTS_BINARY: "CloudEvents 1.0, binary: the body, and ce- headers",
}


class Envelope(Struct, frozen=True, gc=False):
    """What stands before and after the body, which itself is spliced in as it is, never read and written again."""

    before: bytes = b""
    after: bytes = b""

    def around(self, body: bytes) -> bytes:
        """The bytes that go over the wire: the very same object where there is nothing to add."""
        return self.before + body + self.after if self.before else body


_NONE: Final = Envelope()
_encode: Final = msgspec.json.encode


def envelope(form: Format, event: StoredEvent) -> Envelope:
    """What an event's body is wrapped in."""
    match form:
        case Format.STANDARD:
            return Envelope(
                b'{"type":"%s","timestamp":"%s","data":'
                % (event.kind.choice.encode(), _rfc3339(event.accepted_ms).encode()),
                b"}",
            )
        case Format.CLOUDEVENTS:
            return Envelope(_encode(_attributes(event))[:-1] + b',"datacontenttype":"application/json","data":', b"}")
        case Format.PAGE | Format.CLOUDEVENTS_BINARY:
            return _NONE


def headers(form: Format, event: StoredEvent) -> list[str]:
    """The header lines that a format adds: the attributes of a CloudEvent in binary mode."""
    if form is not Format.CLOUDEVENTS_BINARY:
        return []
    return [f"ce-{name}: {_header_value(value)}" for name, value in _attributes(event).items()]


def _attributes(event: StoredEvent) -> dict[str, str]:
    """CloudEvents 1.0. An id that the feeder gave is unique within its account, so the account stands in the source."""
    found = {
        "specversion": "1.0",
        "id": event.name,
        "source": f"urn:parcelhook:account:{event.account_id}",
        "type": f"parcelhook.{event.kind.choice}",
        "time": _rfc3339(event.accepted_ms),
    }
    if event.transaction_id:  # an attribute may be left out, but not be empty
        found["subject"] = event.transaction_id
    return found


def _header_value(text: str) -> str:
    """As CloudEvents' HTTP binding has it: what is not printable ASCII, spaces, quotes and % are percent-encoded."""
    return quote(text, safe="!#$&'()*+,-./:;<=>?@[\\]^_`{|}~")


def _rfc3339(when_ms: int) -> str:
    return datetime.fromtimestamp(when_ms / 1_000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
