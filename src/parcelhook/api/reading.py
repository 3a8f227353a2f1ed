"""Reads what a client sent: JSON bodies into Structs, query parameters into values; each error names what is wrong."""

from __future__ import annotations

import re
from typing import Any, TypeVar

import msgspec

from parcelhook import times
from parcelhook.errors import InvalidInput, MalformedBody, NotFound
from parcelhook.store import ids

T = TypeVar("T")

_AT = re.compile(r"(?P<what>.*?)(?: - at `(?:key in )?\$?(?P<path>[^`]*)`)?$", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(?P<name>[^`]+)`")
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<name>[^`]+)`")
_STEP = re.compile(r"\.?([^.\[\]]+)|\[(\d+)\]")
_SHOWN = 100  # characters of a wrong value that are repeated


def read_body(raw: bytes, form: type[T]) -> T:
    """A JSON body as a Struct, or MalformedBody / InvalidInput."""
    try:
        return msgspec.json.decode(raw or b"{}", type=form)
    except msgspec.ValidationError as error:
        raise from_validation_error(error, raw) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MalformedBody(f"The body is not valid JSON: {error}.", remedy="Send JSON as UTF-8.") from None


def from_validation_error(error: msgspec.ValidationError, raw: bytes, *, item: int | None = None) -> InvalidInput:
    """msgspec's message taken apart: which field, which value, what to give instead. `item` counts within a batch."""
    match = _AT.match(str(error))
    what, path = (match["what"], (match["path"] or "").lstrip(".")) if match else (str(error), "")
    where = "" if item is None else f"Item {item}: "
    missing = _MISSING.match(what)
    if missing:
        field = f"{path}.{missing['name']}".lstrip(".")
        return InvalidInput(f"{where}the field {field} is missing.", field=field, remedy=f"Give {field}.", item=item)
    unknown = _UNKNOWN.match(what)
    if unknown:
        field = f"{path}.{unknown['name']}".lstrip(".")
        return InvalidInput(
            f"{where}there is no field {field} here.",
            field=field,
            value=_value_at(raw, field),
            remedy="Leave it out, or check its spelling; upper and lower case count.",
            item=item,
        )
    said = what.replace("`", "").rstrip(".")
    shown = f"the field {path}" if path else "the body"
    return InvalidInput(
        f"{where}{shown} is not as it must be: {said[:1].lower()}{said[1:]}.",
        field=path,
        value=_value_at(raw, path),
        remedy=_remedy(what),
        item=item,
    )


def known_parameters(given: Any, known: frozenset[str]) -> None:
    """Refuse a query parameter that does nothing: a misspelled filter must not answer with everything."""
    for name in given:
        if name not in known:
            raise InvalidInput(
                f'There is no parameter "{name}" here.',
                field=name,
                value=given[name],
                remedy="Possible are: " + ", ".join(sorted(known)) + ".",
            )


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
    """One of a few words."""
    if text is None:
        return None
    if text not in choices:
        raise InvalidInput(
            f'"{text[:_SHOWN]}" is not possible for {field}.',
            field=field,
            value=text[:_SHOWN],
            remedy="Possible are: " + ", ".join(choices) + ".",
        )
    return choices[text]


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


def _remedy(what: str) -> str:
    expected = re.match(r"Expected `(?P<type>[^`]+)`", what)
    if expected is None:
        return "See the reference at /docs for what is possible here."
    names = {"str": "a text", "int": "a whole number", "float": "a number", "bool": "true or false"}
    said = " or ".join(names.get(part.strip(), part.strip()) for part in expected["type"].split("|"))
    rest = what[expected.end() :].split(", got", maxsplit=1)[0].replace("`", "").strip()
    return f"Give {said}{' ' + rest if rest else ''}."


def _value_at(raw: bytes, path: str) -> Any:
    """The value at a path such as `custom_headers[0].key`, shortened; None if it cannot be found."""
    try:
        found: Any = msgspec.json.decode(raw)
        for name, index in _STEP.findall(path):
            found = found[int(index)] if index else found[name]
    except (msgspec.DecodeError, KeyError, IndexError, TypeError, ValueError):
        return None
    if isinstance(found, str):
        return found[:_SHOWN]
    return found if isinstance(found, (int, float, bool)) or found is None else type(found).__name__
