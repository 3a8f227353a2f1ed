"""A hub's body: JSON of a shape that nobody promised, in parts whose reading never fails.

Where something is missing, null or of another type than expected, a text is empty, a flag false and a list has nothing in it.
So a hub's module says what it looks for and needs no check of its own.
"""

from __future__ import annotations

import json
import math
import re
from typing import Final

from msgspec import Struct

from parcelhook.carriers.countries import two_letters
from parcelhook.carriers.hub import NotUnderstood

LONGEST_TEXT: Final = 2_000  # characters
LONGEST_NAME: Final = 100
LONGEST_KEY: Final = 200

# Half of a character that was cut in two, and NUL, which PostgreSQL does not take: neither can be stored.
_UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")


class Part(Struct, frozen=True):
    """A value somewhere in the body, and a way to those within it."""

    value: object

    def at(self, *path: str) -> Part:
        """What lies down this path of names; a part without value if nothing does."""
        value = self.value
        for name in path:
            value = value.get(name) if isinstance(value, dict) else None
        return Part(value)

    def parts(self, *path: str) -> tuple[Part, ...]:
        """The parts of a list."""
        value = self.at(*path).value
        return tuple(map(Part, value)) if isinstance(value, list) else ()

    def text(self, *path: str) -> str:
        """A text without the spaces around it, no longer than 2,000 characters; a number as text, for hubs whose ids are numbers."""
        match self.at(*path).value:
            case str() as text:
                return _UNSTORABLE.sub("\ufffd", text[: 2 * LONGEST_TEXT]).strip()[:LONGEST_TEXT]
            case bool():
                return ""
            case int() as number:
                return str(number)[:LONGEST_TEXT]
            case float() as number if math.isfinite(number):
                return str(number)
            case _:
                return ""

    def key(self, *path: str) -> str:
        """A text that things are known by, no longer than an event's own may be."""
        return self.text(*path)[:LONGEST_KEY]

    def country(self, *path: str) -> str:
        """A country as two capitals, whether it is written with two letters or three; empty for anything else."""
        return two_letters(self.text(*path))

    def name(self, *path: str) -> str:
        """A short text in one line, fit for a sentence in a log."""
        return " ".join(self.text(*path).split())[:LONGEST_NAME]

    def flag(self, *path: str) -> bool:
        """Whether it is true, and not merely something."""
        return self.at(*path).value is True


def parse(body: bytes) -> Part:
    """The JSON object that a body is, or NotUnderstood.

    The standard library reads it, because hubs cut texts in the middle of a character and write NaN, which it forgives.
    """
    try:
        value = json.loads(body)
    except RecursionError:
        raise NotUnderstood("The body is JSON, but nested too deep to be read.") from None
    except ValueError as error:
        raise NotUnderstood(f"The body is not JSON: {error}.") from None
    if not isinstance(value, dict):
        raise NotUnderstood("The body is JSON, but not an object.")
    return Part(value)
