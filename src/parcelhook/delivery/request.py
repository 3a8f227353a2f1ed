"""From a delivery and its endpoint to the request that goes over the wire, and to what the log may show of it."""

from __future__ import annotations

import base64
from urllib.parse import urlsplit

from parcelhook import __version__
from parcelhook.webhooks import formats
from parcelhook.webhooks.delivery import StoredEvent
from parcelhook.webhooks.endpoint import Endpoint
from parcelhook.webhooks.exchange import Headers, Request
from parcelhook.webhooks.formats import Format
from parcelhook.webhooks.signature import Signer

USER_AGENT = f"Parcelhook/{__version__}"
MASK = "••••••"


class Outgoing:
    """Everything about an endpoint's requests that does not change from one to the next, worked out once."""

    def __init__(self, endpoint: Endpoint, now_ms: int) -> None:
        live = [secret for secret in endpoint.secrets if secret.until_ms is None or secret.until_ms > now_ms]
        self._signer = Signer(tuple(secret.secret for secret in live))
        self.stale_ms = min((secret.until_ms for secret in live if secret.until_ms is not None), default=None)
        self.endpoint = endpoint
        self.url = endpoint.url
        self.format = endpoint.format
        self._plain = endpoint.format is Format.PAGE
        fixed: list[tuple[str, str]] = [
            ("Content-Type", endpoint.format.content_type),
            ("Accept", "application/json"),
            ("User-Agent", USER_AGENT),
        ]
        shown = list(fixed)
        if endpoint.username:
            pair = f"{endpoint.username}:{endpoint.password}".encode()
            fixed.append(("Authorization", "Basic " + base64.b64encode(pair).decode("ascii")))
            shown.append(("Authorization", "Basic " + MASK))
        for header in endpoint.custom_headers:
            fixed.append((header.key, header.value))
            shown.append((header.key, MASK))
        self._fixed: Headers = tuple(fixed)
        # "key;" is libcurl's spelling of an empty header, "Expect:" of none: it would wait before it sends a large label.
        self._lines = [*(f"{key}: {value}" if value else f"{key};" for key, value in fixed), "Expect:"]
        parts = urlsplit(endpoint.url)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._head = "\n".join(
            [f"POST {target} HTTP/1.1", f"Host: {parts.netloc}", *(f"{key}: {value}" for key, value in shown), ""]
        )

    def body(self, event: StoredEvent) -> bytes:
        """The bytes to send: the event's own, in the endpoint's format."""
        return event.body if self._plain else formats.envelope(self.format, event).around(event.body)

    def changing(self, event: StoredEvent, body: bytes, *, attempt: int, now_s: int, test: bool) -> list[str]:
        """The header lines that differ between requests: identity, time, signature (Standard Webhooks 1.0), event."""
        name = event.name
        lines = [
            "webhook-id: " + name,
            f"webhook-timestamp: {now_s}",
            "webhook-signature: " + self._signer.sign(name, now_s, body),
            "x-webhook-event: " + event.kind.value,
            f"x-webhook-attempt: {attempt}",
        ]
        if test:
            lines.append("x-webhook-test: true")
        if event.is_return:
            lines.append("x-webhook-return: true")
        if not self._plain:
            lines += formats.headers(self.format, event)
        return lines

    def lines(self, changing: list[str]) -> list[str]:
        """All header lines, as the sender takes them."""
        return self._lines + changing

    def logged_head(self, changing: list[str]) -> str:
        """Request line and headers as the log keeps them: credentials and custom header values masked."""
        return self._head + "\n".join(changing)

    def shown(self, changing: list[str], body: bytes) -> Request:
        """The request as a value, masked like `logged_head`."""
        headers = self.logged_head(changing).split("\n")[1:]
        return Request(url=self.url, headers=tuple(_pair(line) for line in headers), body=body)


def _pair(line: str) -> tuple[str, str]:
    key, _, value = line.partition(": ")
    return key, value
