"""The lines of a file, and what each becomes: an event as it is sent, or a refusal that says what is wrong. Pure."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec
from msgspec import UNSET, Struct
from msgspec.structs import replace

from parcelhook.edge.giving import read_event
from parcelhook.errors import InvalidInput, MalformedBody
from parcelhook.shipping.events import Event, TrackingUpdate

LONGEST_LINE: Final = 8 * 2**20  # bytes of a line, or of a record of several; a request may hold twice as many
AS_UTF_8: Final = "Save the file as UTF-8 and import it again: nothing is added twice."
_SHOWN: Final = 1_000  # bytes of a line that is too long to be repeated whole
_encoder = msgspec.json.Encoder()


class Good(Struct, frozen=True, gc=False):
    """An event as it is sent, and the line it stood in; of a record of several lines, the first."""

    line: int
    original: bytes
    body: bytes


class Refused(Struct, frozen=True, kw_only=True):
    """A line that is no event, and why."""

    line: int
    original: bytes
    reason: str
    field: str = ""
    value: object = None
    remedy: str = ""


Read = Good | Refused


class Lines:
    """Lines with their number, from 1; some may be put back to be read again."""

    def __init__(self, lines: Iterable[bytes]) -> None:
        self.number = 0  # of the line that was read last
        self._lines = iter(lines)
        self._back: deque[bytes] = deque()

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        line = self._back.popleft() if self._back else next(self._lines)
        self.number += 1
        return line

    def put_back(self, lines: list[bytes]) -> None:
        """The lines that were read last come next."""
        self._back.extendleft(reversed(lines))
        self.number -= len(lines)


def judge(line: int, original: bytes, body: bytes) -> Read:
    """The event that stands in a JSON text, or why it is none."""
    if len(body) > LONGEST_LINE:
        return too_long(line, original)
    try:
        event = _with_id(read_event(body))
        return Good(line, original, _encoder.encode(event))
    except MalformedBody as error:
        return _no_json(line, original, error)
    except InvalidInput as error:
        return refused(line, original, error)


def refused(line: int, original: bytes, error: InvalidInput) -> Refused:
    """A line that one of our errors tells of."""
    reason = error.message[:1].upper() + error.message[1:]
    return Refused(
        line=line, original=original, reason=reason, field=error.field, value=error.value, remedy=error.remedy
    )


def too_long(line: int, original: bytes) -> Refused:
    """A line that no request can hold."""
    return Refused(
        line=line, original=original[:_SHOWN], reason=f"It is longer than {LONGEST_LINE // 2**20} MiB.",
        remedy="Give LabelURL in place of the label itself.",
    )  # fmt: skip


def not_utf_8(line: int, original: bytes, error: UnicodeDecodeError) -> Refused:
    """A line with bytes that are no text."""
    return Refused(
        line=line, original=original, remedy=AS_UTF_8,
        reason=f"It is not UTF-8: byte {error.object[error.start]:#04x} at place {error.start + 1}.",
    )  # fmt: skip


def _no_json(line: int, original: bytes, error: MalformedBody) -> Refused:
    try:
        original.decode()
    except UnicodeDecodeError as fault:
        return not_utf_8(line, original, fault)
    reason = error.message.replace("The body", "It", 1)
    return Refused(line=line, original=original, reason=reason, remedy="Give one event a line, as JSON.")


def _with_id(event: Event) -> Event:
    """An order has no date that would tell it from itself; a scan has an identity of its own."""
    if event.id is not UNSET or isinstance(event, TrackingUpdate):
        return event
    return replace(event, id="import_" + hashlib.sha256(_encoder.encode(event)).hexdigest()[:32])
