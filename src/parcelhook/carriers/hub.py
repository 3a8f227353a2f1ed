"""What every hub has in common: the request as it came, what was read from it, and why one is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum

from msgspec import Struct

from parcelhook.carriers.words import Words
from parcelhook.shipping.scan import Scan


class Inbound(Struct, frozen=True, kw_only=True):
    """A hub's request: header names in lower case, the raw bytes of the body, and when it came (Unix seconds)."""

    headers: Mapping[str, str]
    body: bytes
    now_s: int


class Refused(Exception):
    """The request is not the hub's, or is none that can be read; the message says why, for the hub's log."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class BadSignature(Refused):
    """It was not signed by whoever holds the secret: answered 401."""


class NotUnderstood(Refused):
    """Genuine perhaps, but no body of this hub: answered 400."""


class Reading(Struct, frozen=True, kw_only=True):
    """What a body said. `event_id` is the hub's own id of the event, empty if it has none.

    `scans` are in the order in which they are to be told, oldest first. `note` says why there are none, or what was left out.
    """

    event_id: str = ""
    scans: tuple[Scan, ...] = ()
    note: str = ""


class SecretKind(StrEnum):
    """What is kept to verify a hub's requests with."""

    SHARED = "shared"  # a secret that both sides know
    KEY_SET = "key_set"  # the hub's public keys, a JSON Web Key Set
    NONE = "none"  # nothing is signed: the token in the address is all there is


class Hub(Struct, frozen=True, kw_only=True):
    """One hub. `verify(inbound, secret)` raises BadSignature; `read(body)` raises NotUnderstood and nothing else.

    Without `secret_required` a hub may send unsigned: then the token in the address is all the proof there is, until a
    secret is kept. `steps` tell a person where in the hub to paste the address, and where its secret is found; `signed` says
    how it signs, `quirks` what else to know. `words` is what each of its statuses becomes.
    """

    name: str
    title: str
    secret: SecretKind
    secret_required: bool
    steps: tuple[str, ...]
    signed: str = ""
    quirks: tuple[str, ...] = ()
    words: Words = Words({})
    verify: Callable[[Inbound, str], None]
    read: Callable[[bytes], Reading]
