"""Ids: 63-bit numbers that grow with time inside, short prefixed words outside (`evt_01hq3v9k2m4xa`).

Growing ids keep every B-tree insert at the right-hand edge, let `id < cursor` page a list that new rows never shift,
and let retention delete by range.
"""

from __future__ import annotations

import threading
import time
from enum import StrEnum
from typing import Final

_EPOCH_MS: Final = 1_704_067_200_000  # 2024-01-01T00:00:00Z
_COUNTER_BITS: Final = 22  # 4 million ids a millisecond before the clock part is borrowed from
_NODE_BITS: Final = 8  # of those, where nodes share a store: which of them
_OWN_BITS: Final = _COUNTER_BITS - _NODE_BITS  # what is left: 16,384 ids a millisecond
_LARGEST: Final = (1 << 63) - 1  # which the clock reaches in the year 2093
_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32, lower case
_LENGTH: Final = 13
_VALUES: Final = {letter: value for value, letter in enumerate(_ALPHABET)}
_PAIRS: Final = [high + low for high in _ALPHABET for low in _ALPHABET]


class Prefix(StrEnum):
    """What kind of thing a public id names."""

    ACCOUNT = "acc"
    KEY = "key"
    ENDPOINT = "ep"
    EVENT = "evt"
    DELIVERY = "dlv"
    ATTEMPT = "att"
    USER = "usr"
    SHIPMENT = "shp"
    HUB = "hub"
    HUB_REQUEST = "req"
    SET_ASIDE = "sta"


class IdMaker:
    """Makes ids that only ever grow, also across threads and when the clock steps back.

    Where nodes share a store each has a number, so that no two make the same id.
    """

    def __init__(self, node: int | None = None) -> None:
        self._lock = threading.Lock()
        self._next = 0
        self._node = node

    def become(self, node: int) -> None:
        """Go on as another node."""
        with self._lock:
            self._node = node

    def next(self) -> int:
        """One new id."""
        return self.block(1)

    def block(self, count: int) -> int:
        """The first of `count` consecutive new ids."""
        floor = (time.time_ns() // 1_000_000 - _EPOCH_MS) << _COUNTER_BITS
        with self._lock:
            first = max(floor, self._next) if self._node is None else self._of_node(floor, count)
            self._next = first + count
        return first

    def _of_node(self, floor: int, count: int) -> int:
        """The first id of a block that lies within the node's part of one millisecond."""
        assert count <= 1 << _OWN_BITS  # noqa: S101  (a batch is far smaller)
        begin = max(floor, self._next >> _COUNTER_BITS << _COUNTER_BITS) | (self._node or 0) << _OWN_BITS
        first = max(begin, self._next)
        if first + count > begin + (1 << _OWN_BITS):
            first = begin + (1 << _COUNTER_BITS)
        return first


def first_id_at(when_ms: int) -> int:
    """The smallest id that can have been made at `when_ms` (Unix milliseconds): turns a time into an id range."""
    return min(max(0, when_ms - _EPOCH_MS) << _COUNTER_BITS, _LARGEST)


def made_at(number: int) -> int:
    """When an id was made, in Unix milliseconds."""
    return (number >> _COUNTER_BITS) + _EPOCH_MS


def public(prefix: Prefix, number: int) -> str:
    """The id as users see it."""
    return prefix.value + "_" + encode(number)


def encode(number: int) -> str:
    """13 letters of base 32 for a 63-bit number; the order of texts is the order of numbers."""
    pairs = _PAIRS
    return (
        _ALPHABET[number >> 60]
        + pairs[number >> 50 & 1023]
        + pairs[number >> 40 & 1023]
        + pairs[number >> 30 & 1023]
        + pairs[number >> 20 & 1023]
        + pairs[number >> 10 & 1023]
        + pairs[number & 1023]
    )


def parse(prefix: Prefix, text: str) -> int | None:
    """The number behind a public id, or None if `text` is not one of this kind."""
    head, _, tail = text.partition("_")
    if head != prefix.value or len(tail) != _LENGTH:
        return None
    number = 0
    for letter in tail:
        value = _VALUES.get(letter)
        if value is None:
            return None
        number = number << 5 | value
    return number if number <= _LARGEST else None


def event_name(given: str | None, number: int) -> str:
    """What an event is called outside, and its `webhook-id`: the id that the feeder gave, or else one of ours."""
    return given or public(Prefix.EVENT, number)
