"""The log as a file: CSV with the page's columns, or a JSON object a line; read in steps, so any size takes little memory."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Sequence
from enum import StrEnum
from functools import partial

import msgspec

from parcelhook.edge.log_items import item
from parcelhook.store import log
from parcelhook.store.database import Database
from parcelhook.store.log import LogLine
from parcelhook.store.log_filter import LogFilter

STEP = 500  # lines read at a time


class Form(StrEnum):
    """What kind of file."""

    CSV = "csv"
    NDJSON = "ndjson"

    @property
    def media_type(self) -> str:
        """Its Content-Type."""
        return "text/csv" if self is Form.CSV else "application/x-ndjson"

    @property
    def headers(self) -> dict[str, str]:
        """The header that makes a browser save it."""
        return {"Content-Disposition": f'attachment; filename="webhooks-logs.{self.value}"'}


# The page's twelve columns in its order, then what stands beside them.
COLUMNS = (
    "Date", "Date End", "Order ID", "Transaction ID", "Carrier", "Endpoint", "Event", "Result", "Retry", "Time Spent",
    "Request", "Response", "HTTP code", "Reason", "Test", "Log ID",
)  # fmt: skip


async def export(database: Database, account_id: int, wanted: LogFilter, form: Form) -> AsyncIterator[bytes]:
    """Everything that the filter lets through, newest first."""
    if form is Form.CSV:
        yield as_csv([COLUMNS])
    before: int | None = None
    while True:
        older = partial(log.page, account_id=account_id, wanted=wanted, before=before, limit=STEP)
        lines = await database.read(older)
        if form is Form.CSV:
            yield as_csv([_row(line) for line in lines])
        else:
            yield b"".join(msgspec.json.encode(item(line)) + b"\n" for line in lines)
        if len(lines) < STEP:
            return
        before = lines[-1].id


def as_csv(rows: Sequence[Sequence[str]]) -> bytes:
    """Lines of a CSV file; cells that others wrote are to be `harmless`."""
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def _row(line: LogLine) -> tuple[str, ...]:
    shown = item(line)
    return tuple(harmless(cell) for cell in (
        shown.date, shown.date_end, shown.order_id, shown.transaction_id, shown.carrier, shown.endpoint_url, shown.event,
        shown.result, str(shown.retry), f"{shown.time_spent_ms:.1f}", shown.request.body,
        shown.response.body if shown.response else "", str(shown.http_code), shown.reason, str(shown.test).lower(), shown.id,
    ))  # fmt: skip


# What a formula begins with, in full width too, and the blanks that some programs skip before it.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def harmless(cell: str) -> str:
    """A cell that a spreadsheet would take for a formula is marked as text."""
    return "'" + cell if cell.startswith(_FORMULA) else cell
