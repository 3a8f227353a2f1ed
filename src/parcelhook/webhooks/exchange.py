"""The values of one HTTP exchange: what was sent, what came back or what went wrong, and how long each phase took."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from parcelhook.webhooks.faults import Fault

Headers = tuple[tuple[str, str], ...]


class Request(Struct, frozen=True, kw_only=True, gc=False):
    """A request as it goes over the wire. `headers` hold secrets: mask them before anyone sees them."""

    method: str = "POST"
    url: str
    headers: Headers
    body: bytes


class Answer(Struct, frozen=True, kw_only=True, gc=False):
    """What the receiver answered. `body` is at most 64 KiB, decompressed; `truncated` says there was more."""

    status: int
    headers: Headers = ()
    body: bytes = b""
    truncated: bool = False

    def header(self, name: str) -> str | None:
        """The first header of that name, whatever its case."""
        wanted = name.lower()
        for key, value in self.headers:
            if key.lower() == wanted:
                return value
        return None


class NoAnswer(Struct, frozen=True, kw_only=True, gc=False):
    """No answer came: which fault, and the words of the library or the system that noticed it."""

    fault: Fault
    detail: str = ""


class Phase(StrEnum):
    """The part of an exchange, in order; also names where a timeout struck."""

    DNS = "dns"
    CONNECT = "connect"
    TLS = "tls"
    FIRST_BYTE = "first_byte"
    BODY = "body"


class Timing(Struct, frozen=True, kw_only=True, gc=False):
    """How long each phase took, in milliseconds, each counted from the end of the one before; `total_ms` is all.

    A phase that did not happen (a kept-alive connection needs no DNS, connect or TLS) is 0.
    """

    dns_ms: float = 0.0
    connect_ms: float = 0.0
    tls_ms: float = 0.0
    first_byte_ms: float = 0.0
    total_ms: float = 0.0


class Exchange(Struct, frozen=True, kw_only=True, gc=False):
    """One exchange, whole. `address` is the IP address that was connected to, "" if none."""

    request: Request
    outcome: Answer | NoAnswer
    timing: Timing
    address: str = ""
    started_ms: int
    ended_ms: int
