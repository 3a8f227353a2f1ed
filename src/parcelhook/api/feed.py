"""POST /v1/events: the one hot route, as plain ASGI in front of the rest of the API.

One event, an array of up to 1,000, or NDJSON; 202 once all of it is on disk. A batch with one bad item is refused whole,
naming the item, and nothing of it is accepted. `?deliver=false` makes it history: known, and sent to nobody.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Final
from urllib.parse import parse_qsl

import msgspec
from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPResponseStartEvent, Receive, Scope, Send

from parcelhook.api.auth import WHAT_IT_MAY
from parcelhook.api.problems import fault_answer, problem_answer
from parcelhook.api.reading import known_parameters
from parcelhook.delivery.platform import Platform
from parcelhook.edge.giving import read_event
from parcelhook.errors import (
    InvalidInput,
    MalformedBody,
    NotAllowed,
    NotAuthenticated,
    ParcelhookError,
    PayloadTooLarge,
    UnsupportedMedia,
)
from parcelhook.shipping.events import Event, check
from parcelhook.store.accepting import Accepted
from parcelhook.store.accounts import KeyHolder
from parcelhook.store.accounts import Scope as KeyScope

PATH: Final = "/v1/events"
MOST_EVENTS: Final = 1_000
MOST_BYTES: Final = 16 * 1024 * 1024
LONGEST_KEY: Final = 255

_many: msgspec.json.Decoder[list[Event]] = msgspec.json.Decoder(list[Event])
_raw_list = msgspec.json.Decoder(list[msgspec.Raw])
_encoder = msgspec.json.Encoder()
# What `curl -d` says by itself is taken for JSON too: it is what people try first.
_JSON_TYPES: Final = frozenset({b"application/json", b"", b"application/x-www-form-urlencoded"})
# Two numbers and no page: of the security headers the one that counts, for the server looks at each for every event.
_ACCEPTED: Final = [(b"content-type", b"application/json"), (b"x-content-type-options", b"nosniff")]


class Feed:
    """The ASGI application: feeds events in, and hands everything else on."""

    def __init__(self, platform: Platform, rest: ASGIApp) -> None:
        self._platform = platform
        self._rest = rest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] == ScopeType.HTTP and scope["path"] == PATH and scope["method"] == "POST":
            await self._feed(scope["headers"], scope["query_string"], receive, send)
        else:
            await self._rest(scope, receive, send)

    async def _feed(self, headers: Iterable[tuple[bytes, bytes]], query: bytes, receive: Receive, send: Send) -> None:
        try:
            asked = _Asked(headers)
            holder = self._platform.known_holder(asked.key)
            if holder is None:
                holder = await self._holder(asked.key)
            account_id = _may_feed(holder)
            deliver = not query or _deliver(query)
            body = await _read(receive, asked.length)
            events = read_events(asked.media_type, body)
            if asked.idempotency_key is None:
                accepted = await self._platform.intake.accept(account_id, events, deliver=deliver)
            else:
                fingerprint = hashlib.sha256(body).digest()
                accepted = await self._platform.intake.accept(
                    account_id, events, key=asked.idempotency_key, fingerprint=fingerprint, deliver=deliver
                )
        except ParcelhookError as error:
            await _answer(send, *problem_answer(error))
            return
        except Exception as error:
            await _answer(send, *fault_answer("POST", PATH, error))
            return
        await _answer(send, 202, _ACCEPTED, _accepted(accepted))

    async def _holder(self, key: str) -> KeyHolder:
        holder = await self._platform.holder_of_key(key) if key else None
        if holder is None:
            raise NotAuthenticated(
                "This API key is not known, or it was revoked."
                if key
                else "Send your API key in the header `Authorization: Bearer <key>`."
            )
        return holder


class _Asked:
    """What the headers say."""

    __slots__ = ("idempotency_key", "key", "length", "media_type")

    def __init__(self, headers: Iterable[tuple[bytes, bytes]]) -> None:
        self.key = ""
        self.media_type = b""
        self.length = 0
        self.idempotency_key: str | None = None
        for name, value in headers:
            if name == b"authorization":
                if value[:7].lower() == b"bearer ":
                    self.key = value[7:].strip().decode("latin-1")
            elif name == b"content-type":
                self.media_type = value.partition(b";")[0].strip().lower()
            elif name == b"content-length":
                self.length = int(value) if value.isdigit() else 0
            elif name == b"idempotency-key":
                self.idempotency_key = _idempotency_key(value)


def read_events(media_type: bytes, body: bytes) -> Sequence[Event]:
    """The events of a request body; InvalidInput naming field, value and remedy, and the item if it was one of many."""
    if media_type in _JSON_TYPES:
        start = body.lstrip(b" \t\r\n")[:1]
        if start != b"[":
            return (read_event(body),)
        try:
            events = _many.decode(body)
        except msgspec.DecodeError:
            events = [read_event(bytes(raw), item) for item, raw in enumerate(_items(body))]
    elif media_type in {b"application/x-ndjson", b"application/ndjson", b"application/jsonl"}:
        lines = [line for line in body.split(b"\n") if line.strip()]
        events = [read_event(line, item) for item, line in enumerate(lines)]
    else:
        raise UnsupportedMedia(
            f'Content-Type "{media_type.decode("latin-1")}" is not read here: send application/json, '
            "or application/x-ndjson with one event a line."
        )
    if not events:
        raise InvalidInput("The batch holds no event.", field="", value=[], remedy="Send at least one event.")
    if len(events) > MOST_EVENTS:
        raise PayloadTooLarge(f"{len(events):,} events are more than the {MOST_EVENTS:,} of one request. Send several.")
    for item, event in enumerate(events):
        check(event, item)
    return events


def _items(body: bytes) -> list[msgspec.Raw]:
    try:
        return _raw_list.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MalformedBody(
            f"The body is not valid JSON: {error}.", remedy="Send an array of events as UTF-8."
        ) from None


def _deliver(query: bytes) -> bool:
    given = dict(parse_qsl(query.decode("latin-1"), keep_blank_values=True))
    known_parameters(given, frozenset({"deliver"}))
    word = given.get("deliver", "true")
    if word not in {"true", "false"}:
        raise InvalidInput(
            f'"{word[:100]}" is not possible for deliver.',
            field="deliver", value=word[:100], remedy="Give true, or false for events that are to be known and not sent.",
        )  # fmt: skip
    return word == "true"


def _idempotency_key(value: bytes) -> str:
    key = value.decode("latin-1").strip()
    if not key or len(key) > LONGEST_KEY:
        raise InvalidInput(
            f"An Idempotency-Key has 1 to {LONGEST_KEY} characters, not {len(key)}.",
            field="Idempotency-Key",
            value=key[:100],
            remedy="Use a UUID, or the id of the request in your system.",
        )
    return key


def _may_feed(holder: KeyHolder) -> int:
    if holder.scope is KeyScope.READ:
        raise NotAllowed(WHAT_IT_MAY[KeyScope.READ])
    return holder.account_id


async def _read(receive: Receive, length: int) -> bytes:
    if length > MOST_BYTES:
        raise _too_large()
    message = await receive()
    body: bytes = message.get("body", b"")  # type: ignore[assignment]
    if not message.get("more_body"):
        return body
    parts, size = [body], len(body)
    while message.get("more_body"):
        message = await receive()
        part: bytes = message.get("body", b"")  # type: ignore[assignment]
        parts.append(part)
        size += len(part)
        if size > MOST_BYTES:
            raise _too_large()
        if message["type"] == "http.disconnect":
            raise MalformedBody("The connection was closed before the body was whole.", remedy="Send it again.")
    return b"".join(parts)


def _too_large() -> PayloadTooLarge:
    return PayloadTooLarge(f"A request may hold {MOST_BYTES // 2**20} MiB. Send the events in several.")


def _accepted(accepted: Sequence[Accepted]) -> bytes:
    return b'{"accepted":' + _encoder.encode(accepted) + b"}"


async def _answer(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    start: HTTPResponseStartEvent = {
        "type": "http.response.start",
        "status": status,
        "headers": [*headers, (b"content-length", b"%d" % len(body))],
    }
    await send(start)
    await send({"type": "http.response.body", "body": body, "more_body": False})
