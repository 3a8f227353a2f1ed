"""Reads what is given as JSON: an event in wire form, whichever way it comes; each error names field, value and remedy."""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from parcelhook.errors import InvalidInput, MalformedBody
from parcelhook.shipping.events import Event, EventKind, check

_event: Final[msgspec.json.Decoder[Event]] = msgspec.json.Decoder(Event)
_AT = re.compile(r"(?P<what>.*?)(?: - at `(?:key in )?\$?(?P<path>[^`]*)`)?$", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(?P<name>[^`]+)`")
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<name>[^`]+)`")
_STEP = re.compile(r"\.?([^.\[\]]+)|\[(\d+)\]")
_SHOWN = 100  # characters of a wrong value that are repeated
_KINDS: Final = f"Give {EventKind.ORDER_SHIPPED}, {EventKind.ORDER_ERROR} or {EventKind.TRACKING_UPDATE}."


def read_event(raw: bytes, item: int | None = None) -> Event:
    """One event, or InvalidInput; `item` is its place in a batch."""
    try:
        event = _event.decode(raw)
    except msgspec.ValidationError as error:
        flaw = from_validation_error(error, raw, item=item)
        if flaw.field == "Event":
            flaw.remedy = _KINDS
        raise flaw from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MalformedBody(
            f"{'The body' if item is None else f'Item {item}'} is not valid JSON: {error}.",
            value=raw[:_SHOWN].decode("utf-8", "replace"),
            remedy="Send JSON as UTF-8; for several events an array, or one a line as application/x-ndjson.",
            item=item,
        ) from None
    check(event, item)
    return event


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
