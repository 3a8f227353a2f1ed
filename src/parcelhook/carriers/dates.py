"""Times as hubs write them: ISO 8601 with a zone or without, a date alone, Unix seconds or milliseconds."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Final

from msgspec import Struct

from parcelhook.carriers.body import Part

LATEST: Final = 253_402_300_799  # the last second of the year 9999
MILLISECONDS_FROM: Final = 100_000_000_000  # as seconds this is the year 5138, as milliseconds 1973


class Moment(Struct, frozen=True):
    """A time: Unix seconds, the text that said so, and whether that named no zone and was read as UTC."""

    second: int
    text: str
    zone_unknown: bool = False


def moment(*parts: Part) -> Moment | None:
    """The first of these that is a time from 1970 to 9999; None if none is."""
    return next((found for part in parts if (found := of_text(part.text()))), None)


def estimate(*parts: Part) -> int | None:
    """The first of these that is a time, as Unix seconds; many hubs write 0 where they have no estimate."""
    found = moment(*parts)
    return (found.second or None) if found else None


def of_text(text: str) -> Moment | None:
    """The time that a text tells; None if it tells none, or one outside 1970 to 9999."""
    number = _number(text)
    if number is not None:
        second, zone_unknown = number / 1_000 if number >= MILLISECONDS_FROM else number, False
    else:
        try:
            when = datetime.fromisoformat(text)
        except ValueError:
            return None
        zone_unknown = when.tzinfo is None
        second = (when.replace(tzinfo=UTC) if zone_unknown else when).timestamp()
    return Moment(math.floor(second), text, zone_unknown) if 0 <= second <= LATEST else None


def _number(text: str) -> float | None:
    """A Unix time. Eight digits are a date (20260430) and no time of 1970."""
    whole, _, rest = text.partition(".")
    plain = whole.isascii() and whole.isdigit() and (not rest or (rest.isascii() and rest.isdigit()))
    return float(text) if plain and (len(whole) == 1 or 9 <= len(whole) <= 15) and len(text) < 30 else None
