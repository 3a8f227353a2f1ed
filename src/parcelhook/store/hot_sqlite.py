"""The hot statements for SQLite.

One statement carries many rows in and one JSON array carries many rows out. `executemany` and `fetchall` would let go
of the interpreter's lock at every row, and while the sender's thread is busy each time would cost a wait.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Final

import msgspec

from parcelhook.store.hot import Ended, Loaded, Rows

_CHUNKS: Final = (50, 10, 1)  # rows a statement


class HotSqlite:
    """On one connection, see `hot.Hot`."""

    def __init__(self, raw: sqlite3.Connection) -> None:
        self._raw = raw

    def insert(self, table: str, columns: str, rows: Rows) -> None:
        """Insert rows."""
        for chunk in _chunks(rows):
            self._raw.execute(_insert_statement(table, columns, len(chunk)), _flat(chunk))

    def insert_new(self, table: str, columns: str, rows: Rows) -> None:
        """Insert what is not known."""
        for chunk in _chunks(rows):
            statement = _insert_statement(table, columns, len(chunk)) + " ON CONFLICT DO NOTHING"
            self._raw.execute(statement, _flat(chunk))

    def put(self, table: str, columns: str, rows: Rows) -> None:
        """Insert or replace by id."""
        for chunk in _chunks(rows):
            self._raw.execute(_put_statement(table, columns, len(chunk)), _flat(chunk))

    def add(self, table: str, key: str, figures: str, rows: Rows) -> None:
        """Add figures."""
        for chunk in _chunks(rows):
            self._raw.execute(_add_statement(table, key, figures, len(chunk)), _flat(chunk))

    def known_ids(self, account_id: int, given: Mapping[str, int]) -> set[str]:
        """What is known; the others are noted."""
        known = {name for (name,) in self._raw.execute(_KNOWN_IDS, (account_id, _array(given)))}
        new = [(account_id, name, event_id) for name, event_id in given.items() if name not in known]
        self.insert("given_ids", "account_id, given_id, event_id", new)
        return known

    def forget_id(self, account_id: int, given_id: str) -> None:
        """It is free again."""
        self._raw.execute(_FORGET_ID, (account_id, given_id))

    def earlier_answer(self, account_id: int, key: str) -> tuple[bytes, bytes] | None:
        """Of that key."""
        found: tuple[bytes, bytes] | None = self._raw.execute(_EARLIER_ANSWER, (account_id, key)).fetchone()
        return found

    def updates_of(self, account_id: int, transaction_id: str) -> Sequence[tuple[int, str | None, bytes]]:
        """Of that shipment."""
        return self._raw.execute(_UPDATES_OF, (account_id, transaction_id)).fetchall()

    def shipments_with(self, account_id: int, numbers: Collection[str]) -> Sequence[tuple[str, str]]:
        """By their tracking numbers."""
        found: list[tuple[str, str]] = self._one_array(
            _SHIPMENTS_WITH, (account_id, _array(numbers)), list[tuple[str, str]]
        )
        return found

    def shipments(self, account_id: int, names: Collection[str]) -> Sequence[tuple[int, bytes, int]]:
        """By their names. There is one writer, so nothing has to be locked."""
        found = self._one_array(_SHIPMENTS, (account_id, _array(names)), list[tuple[int, str, int]])
        return [(number, bytes.fromhex(known), updated_ms) for number, known, updated_ms in found]

    def due(self, endpoint_id: int, now_ms: int, most: int, *, strict: bool) -> list[int]:
        """What is due."""
        found: list[int] = self._one_array(_DUE_STRICT if strict else _DUE, (endpoint_id, now_ms, most), list[int])
        return found

    def next_due(self, endpoint_id: int, now_ms: int) -> int | None:
        """What is due next."""
        found: int | None = self._raw.execute(_NEXT_DUE, (endpoint_id, now_ms)).fetchone()[0]
        return found

    def pending_endpoints(self) -> list[tuple[int, int]]:
        """Where anything waits."""
        return self._raw.execute(_PENDING_ENDPOINTS).fetchall()

    def load(self, delivery_ids: Sequence[int]) -> list[Loaded]:
        """By their numbers."""
        rows = self._one_array(_LOAD, (_array(delivery_ids),), list[_LoadedRow])
        return [
            Loaded(
                id=row[0], endpoint_id=row[1], attempts=row[2], retries=row[3], manual=bool(row[4]), resume_ms=row[5],
                strict_key=row[6], event_id=row[7], account_id=row[8], kind=row[9], given_id=row[10], order_id=row[11],
                transaction_id=row[12], carrier=row[13], is_return=bool(row[14]), accepted_ms=row[15], body=row[16].encode(),
            )
            for row in rows
        ]  # fmt: skip

    def delivered(self, delivery_ids: Sequence[int], ended_ms: int) -> None:
        """Ended well."""
        for chunk in _chunks(delivery_ids):
            self._raw.execute(_delivered_statement(len(chunk)), (ended_ms, *chunk))

    def ended(self, found: Sequence[Ended]) -> None:
        """Ended badly, or not yet."""
        rows = [(one.id, one.state, one.attempts, one.retries, one.due_ms, one.ended_ms) for one in found]
        for chunk in _chunks(rows):
            self._raw.execute(_ended_statement(len(chunk)), _flat(chunk))

    def _one_array(self, statement: str, values: tuple[Any, ...], shape: Any) -> Any:
        (text,) = self._raw.execute(statement, values).fetchone()
        return msgspec.json.decode(text, type=shape)


_LoadedRow = tuple[
    int, int, int, int, int, int | None, str | None,
    int, int, int, str | None, str, str, str, int, int, str,
]  # fmt: skip

_KNOWN_IDS: Final = """
    SELECT given_id FROM given_ids WHERE account_id = ? AND given_id IN (SELECT value FROM json_each(?))
"""
_FORGET_ID: Final = "DELETE FROM given_ids WHERE account_id = ? AND given_id = ?"
_EARLIER_ANSWER: Final = "SELECT fingerprint, answer FROM idempotency WHERE account_id = ? AND key = ?"
_UPDATES_OF: Final = "SELECT id, given_id, body FROM events WHERE account_id = ? AND transaction_id = ? AND kind = 3"
_SHIPMENTS_WITH: Final = """
    SELECT json_group_array(json_array(number, transaction_id)) FROM (
        SELECT number, transaction_id FROM tracking_numbers
        WHERE account_id = ? AND number IN (SELECT value FROM json_each(?)) ORDER BY id)
"""
_SHIPMENTS: Final = """
    SELECT json_group_array(json_array(id, hex(known), updated_ms)) FROM shipments
    WHERE account_id = ? AND transaction_id IN (SELECT value FROM json_each(?))
"""
_DUE: Final = """
    SELECT json_group_array(id) FROM (
        SELECT id FROM deliveries WHERE endpoint_id = ? AND state = 0 AND due_ms <= ? ORDER BY due_ms, id LIMIT ?)
"""
_DUE_STRICT: Final = """
    SELECT json_group_array(id) FROM (
        SELECT d.id FROM deliveries d
        WHERE d.endpoint_id = ? AND d.state = 0 AND d.due_ms <= ? AND NOT EXISTS (
            SELECT 1 FROM deliveries earlier
            WHERE earlier.endpoint_id = d.endpoint_id AND earlier.strict_key = d.strict_key
                AND earlier.state = 0 AND earlier.strict_key IS NOT NULL AND earlier.id < d.id)
        ORDER BY d.due_ms, d.id LIMIT ?)
"""
_NEXT_DUE: Final = "SELECT min(due_ms) FROM deliveries WHERE endpoint_id = ? AND state = 0 AND due_ms > ?"
_PENDING_ENDPOINTS: Final = """
    WITH RECURSIVE pending(endpoint_id) AS (
        SELECT min(endpoint_id) FROM deliveries WHERE state = 0
        UNION ALL
        SELECT (SELECT min(endpoint_id) FROM deliveries WHERE state = 0 AND endpoint_id > pending.endpoint_id)
        FROM pending WHERE pending.endpoint_id IS NOT NULL)
    SELECT endpoint_id, (SELECT min(due_ms) FROM deliveries d WHERE d.endpoint_id = pending.endpoint_id AND d.state = 0)
    FROM pending WHERE endpoint_id IS NOT NULL
"""
_LOAD: Final = """
    SELECT json_group_array(json_array(
        d.id, d.endpoint_id, d.attempts, d.retries, d.manual, d.resume_ms, d.strict_key, e.id, e.account_id, e.kind,
        e.given_id, e.order_id, e.transaction_id, e.carrier, e.is_return, e.accepted_ms, CAST(e.body AS TEXT)))
    FROM deliveries d JOIN events e ON e.id = d.event_id WHERE d.id IN (SELECT value FROM json_each(?))
"""


def _array(values: Collection[Any]) -> str:
    return msgspec.json.encode(list(values)).decode()


def _flat(rows: Rows) -> list[Any]:
    return [value for row in rows for value in row]


def _chunks(rows: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """The rows in pieces of a few fixed sizes, so that every statement stays prepared."""
    start = 0
    for size in _CHUNKS:
        while len(rows) - start >= size:
            yield rows[start : start + size]
            start += size


@cache
def _insert_statement(table: str, columns: str, rows: int) -> str:
    places = "(" + ", ".join("?" * (columns.count(",") + 1)) + ")"
    return f"INSERT INTO {table} ({columns}) VALUES {', '.join([places] * rows)}"  # noqa: S608  (all our own words)


@cache
def _put_statement(table: str, columns: str, rows: int) -> str:
    changing = ", ".join(
        f"{name} = excluded.{name}" for name in columns.split(", ") if name not in {"id", "account_id"}
    )
    return f"{_insert_statement(table, columns, rows)} ON CONFLICT (id) DO UPDATE SET {changing}"


@cache
def _add_statement(table: str, key: str, figures: str, rows: int) -> str:
    sums = ", ".join(f"{name} = {name} + excluded.{name}" for name in figures.split(", "))
    return f"{_insert_statement(table, key + ', ' + figures, rows)} ON CONFLICT ({key}) DO UPDATE SET {sums}"


@cache
def _delivered_statement(count: int) -> str:
    return f"""
        UPDATE deliveries SET state = 1, attempts = attempts + 1, manual = 0, resume_ms = NULL, ended_ms = ?
        WHERE state <> 3 AND id IN ({", ".join("?" * count)})
    """  # noqa: S608  (all our own words)


@cache
def _ended_statement(count: int) -> str:
    return f"""
        UPDATE deliveries SET state = v.column2, attempts = v.column3, retries = v.column4, due_ms = v.column5,
            ended_ms = v.column6, manual = 0, resume_ms = NULL
        FROM (VALUES {", ".join(["(?, ?, ?, ?, ?, ?)"] * count)}) AS v
        WHERE deliveries.id = v.column1 AND deliveries.state <> 3
    """  # noqa: S608  (all our own words)
