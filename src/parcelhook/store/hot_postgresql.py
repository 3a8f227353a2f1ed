"""The hot statements for PostgreSQL: rows go in by COPY, the cheapest way there is, and everything else in arrays.

Rows that others may change too are always locked in one order, that of their keys, so no two transactions wait for each
other in a circle.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cache
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import tuple_row
from sqlalchemy.dialects import postgresql

from parcelhook.store.hot import Ended, Loaded, Rows
from parcelhook.store.schema import metadata

_COPY_NAMES: Final = {"float": "float8"}
_DIALECT: Final = postgresql.dialect()  # type: ignore[no-untyped-call]


class HotPostgresql:
    """On one connection, see `hot.Hot`."""

    def __init__(self, raw: Connection[Any]) -> None:
        self._cursor = raw.cursor(binary=True, row_factory=tuple_row)

    def insert(self, table: str, columns: str, rows: Rows) -> None:
        """Insert rows."""
        if not rows:
            return
        with self._cursor.copy(f"COPY {table} ({columns}) FROM STDIN (FORMAT BINARY)".encode()) as copy:
            copy.set_types([_COPY_NAMES.get(name, name) for name in _types(table, columns)])
            for row in rows:
                copy.write_row(row)

    def insert_new(self, table: str, columns: str, rows: Rows) -> None:
        """Insert what is not known."""
        if rows:
            self._with_arrays(_insert_statement(table, columns) + " ON CONFLICT DO NOTHING", sorted(rows))

    def put(self, table: str, columns: str, rows: Rows) -> None:
        """Insert or replace by id."""
        if rows:
            self._with_arrays(_put_statement(table, columns), sorted(rows, key=_first))

    def add(self, table: str, key: str, figures: str, rows: Rows) -> None:
        """Add figures."""
        if rows:
            self._with_arrays(_add_statement(table, key, figures), sorted(rows))

    def known_ids(self, account_id: int, given: Mapping[str, int]) -> set[str]:
        """What is known; the others are noted. Of two transactions that bring the same, the later waits for the earlier."""
        names = sorted(given)
        new = {number for (number,) in self._all(_NEW_IDS, (account_id, names, [given[name] for name in names]))}
        return {name for name, number in given.items() if number not in new}

    def forget_id(self, account_id: int, given_id: str) -> None:
        """It is free again."""
        self._cursor.execute(_FORGET_ID, (account_id, given_id))

    def earlier_answer(self, account_id: int, key: str) -> tuple[bytes, bytes] | None:
        """Of that key."""
        found = self._all(_EARLIER_ANSWER, (account_id, key))
        return found[0] if found else None

    def updates_of(self, account_id: int, transaction_id: str) -> Sequence[tuple[int, str | None, bytes]]:
        """Of that shipment."""
        return self._all(_UPDATES_OF, (account_id, transaction_id))

    def shipments_with(self, account_id: int, numbers: Collection[str]) -> Sequence[tuple[str, str]]:
        """By their tracking numbers."""
        return self._all(_SHIPMENTS_WITH, (account_id, list(numbers)))

    def shipments(self, account_id: int, names: Collection[str]) -> Sequence[tuple[int, bytes, int]]:
        """By their names, and locked: what another transaction makes of them is read once it has ended."""
        return self._all(_SHIPMENTS, (account_id, list(names)))

    def due(self, endpoint_id: int, now_ms: int, most: int, *, strict: bool) -> list[int]:
        """What is due."""
        return [number for (number,) in self._all(_DUE_STRICT if strict else _DUE, (endpoint_id, now_ms, most))]

    def next_due(self, endpoint_id: int, now_ms: int) -> int | None:
        """What is due next."""
        found: int | None = self._all(_NEXT_DUE, (endpoint_id, now_ms))[0][0]
        return found

    def pending_endpoints(self) -> list[tuple[int, int]]:
        """Where anything waits."""
        return self._all(_PENDING_ENDPOINTS)

    def load(self, delivery_ids: Sequence[int]) -> list[Loaded]:
        """By their numbers."""
        return [
            Loaded(
                id=row[0], endpoint_id=row[1], attempts=row[2], retries=row[3], manual=row[4], resume_ms=row[5],
                strict_key=row[6], event_id=row[7], account_id=row[8], kind=row[9], given_id=row[10], order_id=row[11],
                transaction_id=row[12], carrier=row[13], is_return=row[14], accepted_ms=row[15], body=row[16],
            )
            for row in self._all(_LOAD, (list(delivery_ids),))
        ]  # fmt: skip

    def delivered(self, delivery_ids: Sequence[int], ended_ms: int) -> None:
        """Ended well."""
        if delivery_ids:
            self._cursor.execute(_DELIVERED, (ended_ms, list(delivery_ids)))

    def ended(self, found: Sequence[Ended]) -> None:
        """Ended badly, or not yet."""
        if found:
            rows = [(one.id, one.state, one.attempts, one.retries, one.due_ms, one.ended_ms) for one in found]
            self._with_arrays(_ENDED, rows)

    def _with_arrays(self, statement: bytes | str, rows: Rows) -> None:
        """One array a column."""
        text = statement if isinstance(statement, bytes) else statement.encode()
        self._cursor.execute(text, [list(column) for column in zip(*rows, strict=True)])

    def _all(self, statement: bytes, values: Sequence[Any] = ()) -> list[Any]:
        return self._cursor.execute(statement, values).fetchall()


_NEW_IDS: Final = b"""
    INSERT INTO given_ids (account_id, given_id, event_id)
    SELECT %b::bigint, name, number FROM unnest(%b::text[], %b::bigint[]) AS given(name, number)
    ON CONFLICT DO NOTHING RETURNING event_id
"""
_FORGET_ID: Final = b"DELETE FROM given_ids WHERE account_id = %b AND given_id = %b"
_EARLIER_ANSWER: Final = b"SELECT fingerprint, answer FROM idempotency WHERE account_id = %b AND key = %b"
_UPDATES_OF: Final = b"SELECT id, given_id, body FROM events WHERE account_id = %b AND transaction_id = %b AND kind = 3"
_SHIPMENTS_WITH: Final = b"""
    SELECT number, transaction_id FROM tracking_numbers WHERE account_id = %b AND number = ANY(%b::text[]) ORDER BY id
"""
_SHIPMENTS: Final = b"""
    SELECT id, known, updated_ms FROM shipments WHERE account_id = %b AND transaction_id = ANY(%b::text[]) ORDER BY id FOR UPDATE
"""
_DUE: Final = b"""
    SELECT id FROM deliveries WHERE endpoint_id = %b AND state = 0 AND due_ms <= %b ORDER BY due_ms, id LIMIT %b
"""
_DUE_STRICT: Final = b"""
    SELECT d.id FROM deliveries d
    WHERE d.endpoint_id = %b AND d.state = 0 AND d.due_ms <= %b AND NOT EXISTS (
        SELECT 1 FROM deliveries earlier
        WHERE earlier.endpoint_id = d.endpoint_id AND earlier.strict_key = d.strict_key
            AND earlier.state = 0 AND earlier.strict_key IS NOT NULL AND earlier.id < d.id)
    ORDER BY d.due_ms, d.id LIMIT %b
"""
_NEXT_DUE: Final = b"SELECT min(due_ms) FROM deliveries WHERE endpoint_id = %b AND state = 0 AND due_ms > %b"
_PENDING_ENDPOINTS: Final = b"""
    WITH RECURSIVE pending(endpoint_id) AS (
        (SELECT endpoint_id FROM deliveries WHERE state = 0 ORDER BY endpoint_id LIMIT 1)
        UNION ALL
        SELECT (SELECT d.endpoint_id FROM deliveries d WHERE d.state = 0 AND d.endpoint_id > pending.endpoint_id
            ORDER BY d.endpoint_id LIMIT 1)
        FROM pending WHERE pending.endpoint_id IS NOT NULL)
    SELECT endpoint_id, (SELECT min(due_ms) FROM deliveries d WHERE d.endpoint_id = pending.endpoint_id AND d.state = 0)
    FROM pending WHERE endpoint_id IS NOT NULL
"""
_LOAD: Final = b"""
    SELECT d.id, d.endpoint_id, d.attempts, d.retries, d.manual, d.resume_ms, d.strict_key, e.id, e.account_id, e.kind,
        e.given_id, e.order_id, e.transaction_id, e.carrier, e.is_return, e.accepted_ms, e.body
    FROM deliveries d JOIN events e ON e.id = d.event_id WHERE d.id = ANY(%b::bigint[])
"""
_DELIVERED: Final = b"""
    UPDATE deliveries SET state = 1, attempts = attempts + 1, manual = false, resume_ms = NULL, ended_ms = %b
    WHERE state <> 3 AND id = ANY(%b::bigint[])
"""
_ENDED: Final = b"""
    UPDATE deliveries SET state = v.state, attempts = v.attempts, retries = v.retries, due_ms = v.due_ms,
        ended_ms = v.ended_ms, manual = false, resume_ms = NULL
    FROM unnest(%b::bigint[], %b::smallint[], %b::integer[], %b::integer[], %b::bigint[], %b::bigint[])
        AS v(id, state, attempts, retries, due_ms, ended_ms)
    WHERE deliveries.id = v.id AND deliveries.state <> 3
"""


def _first(row: tuple[Any, ...]) -> Any:
    return row[0]


@cache
def _types(table: str, columns: str) -> list[str]:
    """The types of some columns, as PostgreSQL calls them."""
    known = metadata.tables[table].c
    return [known[name].type.compile(dialect=_DIALECT).lower() for name in columns.split(", ")]


@cache
def _insert_statement(table: str, columns: str) -> str:
    arrays = ", ".join(f"%b::{name}[]" for name in _types(table, columns))
    return f"INSERT INTO {table} ({columns}) SELECT * FROM unnest({arrays})"  # noqa: S608  (all our own words)


@cache
def _put_statement(table: str, columns: str) -> str:
    changing = ", ".join(
        f"{name} = excluded.{name}" for name in columns.split(", ") if name not in {"id", "account_id"}
    )
    return f"{_insert_statement(table, columns)} ON CONFLICT (id) DO UPDATE SET {changing}"


@cache
def _add_statement(table: str, key: str, figures: str) -> str:
    sums = ", ".join(f"{name} = {table}.{name} + excluded.{name}" for name in figures.split(", "))
    return f"{_insert_statement(table, key + ', ' + figures)} ON CONFLICT ({key}) DO UPDATE SET {sums}"
