"""CSV: a header with the fields' own names, and a row for each event. Pure.

The delimiter is found out from the header. A file says what it holds by a column `Event`, or by the columns it has. A cell that
is empty is a field that is not given. A row that is no CSV spoils itself and not what follows it.
"""

from __future__ import annotations

import csv
import difflib
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec
from msgspec import Struct

from parcelhook.cli.importing.lines import (
    AS_UTF_8,
    LONGEST_LINE,
    Lines,
    Read,
    Refused,
    judge,
    not_utf_8,
    refused,
    too_long,
)
from parcelhook.errors import InvalidInput
from parcelhook.shipping.events import EventKind
from parcelhook.shipping.fields import FIELDS

DELIMITERS: Final = (",", ";", "\t")
BETWEEN: Final = "|"  # the parts of a list within a cell

NUMBERS: Final = frozenset({"date", "code"})
FLAGS: Final = frozenset({"IsReturn"})
LISTS: Final = frozenset({"LabelURL", "PDF", "ZPL", "ValidationErrors"})
PARCELS: Final = "AdditionalTrackingNumbers"
_WORDS: Final = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}

_NAMES: Final = {kind: frozenset({"id", *(field.name for field in fields)}) for kind, fields in FIELDS.items()}
_ALL_NAMES: Final = frozenset[str]().union(*_NAMES.values())
_SCANS: Final = frozenset({"code", "date", "message"})
_WHAT_THERE_IS: Final = (
    "A file with the columns code, date and message holds scans, one with TrackingNumber holds shipments; "
    "for anything else add a column Event with ORDER_SHIPPED, ORDER_ERROR or TRACKING_UPDATE in each row."
)
_QUOTING: Final = 'A cell that holds a delimiter or a quotation mark stands in "...", and a mark within it is doubled.'
_FLAWS: Final = {
    "unexpected end": "a quotation mark is not closed",
    "expected after": "something follows a closing quotation mark",
    "new-line character": "a line end stands within a cell",
}
_encoder = msgspec.json.Encoder()


class Header(Struct, frozen=True):
    """The columns, and which event each row is; None where a column says it."""

    columns: tuple[str, ...]
    delimiter: str
    kind: EventKind | None


class Record(Struct, frozen=True):
    """A row as it stands in the file: where, which bytes, and its cells or why it has none."""

    line: int
    original: bytes
    cells: Sequence[str] = ()
    flaw: Refused | None = None


def read_table(lines: Lines) -> Iterator[Read]:
    """The events of a table; InvalidInput, at once, if its header cannot be understood."""
    return _read_rows(read_header(next(lines)), lines)


def _read_rows(header: Header, lines: Lines) -> Iterator[Read]:
    for record in _records(lines, header.delimiter):
        if record.flaw is not None:
            yield record.flaw
        elif any(record.cells):
            yield _read_row(header, record)


def read_header(line: bytes) -> Header:
    """The header of a table, its delimiter found out by which of them makes the most of names that are known."""
    try:
        text = line.decode()
    except UnicodeDecodeError:
        raise InvalidInput("The first line is not UTF-8.", remedy=AS_UTF_8) from None
    read = {delimiter: _columns(text, delimiter) for delimiter in DELIMITERS}
    delimiter = max(DELIMITERS, key=lambda one: len(_ALL_NAMES.intersection(read[one])))
    columns = read[delimiter]
    if not _ALL_NAMES.intersection(columns):
        raise InvalidInput(
            f'The first line names no field of an event: "{text.strip()[:100]}".',
            remedy="It is to hold the names of the columns, such as date,code,message,TransactionID; "
            "or each line an event as JSON.",
        )
    kind = _kind(columns)
    _check_names(columns, kind)
    return Header(columns, delimiter, kind)


def _columns(text: str, delimiter: str) -> tuple[str, ...]:
    """The columns by that delimiter; none if with it the line is no CSV."""
    try:
        return tuple(cell.strip() for cell in next(csv.reader([text], delimiter=delimiter, strict=True)))
    except csv.Error:
        return ()


def _kind(columns: Sequence[str]) -> EventKind | None:
    if "Event" in columns:
        return None
    scans, shipments = _SCANS.issubset(columns), "TrackingNumber" in columns
    if scans == shipments:
        fits = "both scans and shipments" if scans else "neither scans nor shipments"
        raise InvalidInput(f"The columns fit {fits}: {', '.join(columns)}.", field="Event", remedy=_WHAT_THERE_IS)
    return EventKind.TRACKING_UPDATE if scans else EventKind.ORDER_SHIPPED


def _check_names(columns: Sequence[str], kind: EventKind | None) -> None:
    known = _ALL_NAMES if kind is None else _NAMES[kind]
    for place, column in enumerate(columns, start=1):
        if not column:
            raise InvalidInput(f"Column {place} has no name.", remedy="Give it the name of a field, or take it out.")
        if column not in known:
            what = "" if kind is None else f" in {kind.value}"
            raise InvalidInput(
                f'There is no field "{column}"{what}.', field=column, remedy=_did_you_mean(column, known)
            )
        if columns.count(column) > 1:
            raise InvalidInput(f"The column {column} is there twice.", field=column, remedy="Leave one of them out.")


def _did_you_mean(column: str, known: Iterable[str]) -> str:
    by_small = {name.lower(): name for name in known}
    near = difflib.get_close_matches(column.lower(), by_small, n=1)
    said = f"Did you mean {by_small[near[0]]}? " if near else ""
    return f"{said}Rename the column or leave it out; possible are: {', '.join(sorted(known, key=str.lower))}."


def _records(lines: Lines, delimiter: str) -> Iterator[Record]:
    """Row after row. One whose quotation marks do not close is refused by its first line, and what follows is read anew."""
    csv.field_size_limit(LONGEST_LINE + 1)
    while True:
        taken: list[bytes] = []
        reader = csv.reader(_texts(lines, taken), delimiter=delimiter, strict=True)
        try:
            cells = [cell.strip() for cell in next(reader)]
        except StopIteration:
            if not taken:
                return
            yield Record(lines.number, taken[0], flaw=too_long(lines.number, taken[0]))
            continue
        except csv.Error as error:
            lines.put_back(taken[1:])
            yield Record(lines.number, taken[0], flaw=_flaw(lines.number, taken[0], error))
            continue
        line, original = lines.number - len(taken) + 1, b"".join(taken)
        yield Record(line, original, cells, _not_text(line, original))


def _texts(lines: Lines, taken: list[bytes]) -> Iterator[str]:
    """The lines of one record as text; they end where it would be too long. Bytes that are no text are kept for later."""
    size = 0
    for line in lines:
        taken.append(line)
        size += len(line)
        if size > LONGEST_LINE:
            return
        yield line.decode("utf-8", "surrogateescape")


def _flaw(line: int, original: bytes, error: csv.Error) -> Refused:
    said = next((words for sign, words in _FLAWS.items() if sign in str(error)), str(error))
    return Refused(line=line, original=original, reason=f"It is not valid CSV: {said}.", remedy=_QUOTING)


def _not_text(line: int, original: bytes) -> Refused | None:
    try:
        original.decode()
    except UnicodeDecodeError as error:
        return not_utf_8(line, original, error)
    return None


def _read_row(header: Header, record: Record) -> Read:
    columns, cells = header.columns, record.cells
    if len(cells) != len(columns):
        return Refused(
            line=record.line, original=record.original, remedy=_QUOTING,
            reason=f"It has {len(cells)} cells, and the header has {len(columns)}.",
        )  # fmt: skip
    event: dict[str, object] = {} if header.kind is None else {"Event": header.kind.value}
    try:
        for column, cell in zip(columns, cells, strict=True):
            if cell:
                event[column] = _value(column, cell)
    except InvalidInput as error:
        return refused(record.line, record.original, error)
    if "message" in columns and event.get("Event") == EventKind.TRACKING_UPDATE:
        event.setdefault("message", "")  # a carrier may say nothing but the code
    return judge(record.line, record.original, _encoder.encode(event))


def _value(column: str, cell: str) -> object:
    """A cell as the field wants it."""
    if column in NUMBERS:
        return _number(column, cell)
    if column in FLAGS:
        return _flag(column, cell)
    if column in LISTS:
        return _parts(cell)
    if column == PARCELS:
        return [{"TrackingNumber": part} for part in _parts(cell)]
    return cell


def _number(column: str, cell: str) -> int:
    if len(cell) < 16 and cell.removeprefix("-").isdecimal() and cell.isascii():
        return int(cell)
    example = "Unix seconds, such as 1622671204" if column == "date" else "a whole number"
    raise InvalidInput(
        f'The field {column} is no number: "{cell[:100]}".', field=column, value=cell[:100], remedy=f"Give {example}."
    )


def _flag(column: str, cell: str) -> bool:
    if cell.lower() in _WORDS:
        return _WORDS[cell.lower()]
    raise InvalidInput(
        f'The field {column} is neither true nor false: "{cell[:100]}".',
        field=column, value=cell[:100], remedy="Give true or false.",
    )  # fmt: skip


def _parts(cell: str) -> list[str]:
    return [part for part in map(str.strip, cell.split(BETWEEN)) if part]
