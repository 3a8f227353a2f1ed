"""Reads texts that a person or a program asks with: ids, times, choices, numbers; each error names what is wrong."""

from __future__ import annotations

from typing import TypeVar

from parcelhook import times
from parcelhook.errors import InvalidInput, NotFound
from parcelhook.shipping.events import EventKind
from parcelhook.store import ids

T = TypeVar("T")

LONGEST_TEXT = 2_000  # characters, as in an event
_EVENTS = {kind.choice: kind for kind in EventKind}
_SHOWN = 100  # characters of a wrong value that are repeated


def public_id(prefix: ids.Prefix, text: str) -> int:
    """The number behind an id in the path; NotFound for a text that can be none."""
    number = ids.parse(prefix, text)
    if number is None:
        raise NotFound(f'There is nothing under the id "{text[:_SHOWN]}". Ids here look like {_example(prefix)}.')
    return number


def filter_id(field: str, prefix: ids.Prefix, text: str | None) -> int | None:
    """The number behind an id in a filter, InvalidInput for a text that is none."""
    if text is None:
        return None
    number = ids.parse(prefix, text)
    if number is None:
        raise InvalidInput(
            f'"{text[:_SHOWN]}" is not an id of this kind.',
            field=field,
            value=text[:_SHOWN],
            remedy=f"Such ids look like {_example(prefix)}.",
        )
    return number


def filter_time(field: str, text: str | None) -> int | None:
    """Unix milliseconds of an ISO 8601 time, or of Unix seconds."""
    if text is None:
        return None
    try:
        return int(text) * 1_000 if text.isascii() and text.isdigit() and len(text) < 12 else times.parse_iso(text)
    except (ValueError, OverflowError):
        raise InvalidInput(
            f'"{text[:_SHOWN]}" is not a time.',
            field=field,
            value=text[:_SHOWN],
            remedy="Give it as 2026-11-24T10:15:00Z, or as Unix seconds.",
        ) from None


def filter_choice(field: str, text: str | None, choices: dict[str, T]) -> T | None:
    """One of a few words, if any is given."""
    return None if text is None else chosen(field, text, choices)


def chosen(field: str, text: str, choices: dict[str, T]) -> T:
    """One of a few words."""
    if text not in choices:
        raise InvalidInput(
            f'"{text[:_SHOWN]}" is not possible for {field}.',
            field=field,
            value=text[:_SHOWN],
            remedy="Possible are: " + ", ".join(choices) + ".",
        )
    return choices[text]


def chosen_event(field: str, word: str) -> EventKind:
    """The event of that name, or InvalidInput."""
    if word not in _EVENTS:
        raise InvalidInput(
            f'"{word[:_SHOWN]}" is not an event.',
            field=field,
            value=word[:_SHOWN],
            remedy="Choose from " + ", ".join(_EVENTS) + ".",
        )
    return _EVENTS[word]


def filter_text(field: str, text: str) -> str:
    """A text that can be found at all: none that is kept is longer."""
    if len(text) > LONGEST_TEXT:
        raise InvalidInput(
            f"{field} has {len(text):,} characters, at most {LONGEST_TEXT:,} are possible.",
            field=field,
            value=text[:_SHOWN],
            remedy="Shorten it.",
        )
    return text


def filter_number(field: str, text: str | None, low: int, high: int) -> int | None:
    """A whole number within bounds."""
    if text is None:
        return None
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1
    if not low <= number <= high:
        raise InvalidInput(
            f"{field} must be a whole number from {low} to {high}.",
            field=field,
            value=text[:_SHOWN],
            remedy=f"Give {low} to {high}.",
        )
    return number


def _example(prefix: ids.Prefix) -> str:
    return ids.public(prefix, ids.first_id_at(times.now_ms()))
