"""Reads a file's lines as NDJSON or as CSV, whichever it is. Pure: lines in, events and refusals out, one at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Final

from parcelhook.cli.importing.lines import AS_UTF_8, LONGEST_LINE, Lines, Read, judge, too_long
from parcelhook.cli.importing.table import read_table
from parcelhook.errors import InvalidInput

_BOM: Final = b"\xef\xbb\xbf"
_UTF_16: Final = (b"\xff\xfe", b"\xfe\xff")


class Form(StrEnum):
    """How a file is written."""

    NDJSON = "ndjson"
    CSV = "csv"


_FORMS: Final = {"ndjson": Form.NDJSON, "jsonl": Form.NDJSON, "csv": Form.CSV, "tsv": Form.CSV}


def read(lines: Iterable[bytes], form: Form | None = None) -> Iterator[Read]:
    """What stands in each line; empty ones are passed over. InvalidInput if the file as a whole cannot be read.

    Without a form, the file is NDJSON if its first line begins with a brace, and CSV if not.
    """
    numbered = Lines(lines)
    first = _first(numbered)
    if first.startswith(b"[") and form is not Form.CSV:
        raise InvalidInput(
            "The file holds one JSON array.",
            remedy="Write one event a line (NDJSON), or feed it in with `parcelhook send`.",
        )
    if form is Form.NDJSON or (form is None and first.startswith(b"{")):
        return _read_ndjson(numbered)
    return read_table(numbered) if first else iter(())


def form_of(name: str) -> Form | None:
    """The form that a file's name tells of, if it does."""
    return _FORMS.get(name.lower().removesuffix(".gz").rpartition(".")[2])


def _first(lines: Lines) -> bytes:
    """The beginning of the first line that holds something; it is read again next, without a byte order mark."""
    for raw in lines:
        if lines.number == 1 and raw.startswith(_UTF_16):
            raise InvalidInput("The file is UTF-16.", remedy=AS_UTF_8)
        line = raw.removeprefix(_BOM) if lines.number == 1 else raw
        if line.strip():
            lines.put_back([line])
            return line.lstrip()[:1]
    return b""


def _read_ndjson(lines: Lines) -> Iterator[Read]:
    for line in lines:
        if len(line) > LONGEST_LINE:
            yield too_long(lines.number, line)
        elif line.strip():
            yield judge(lines.number, line, line)
