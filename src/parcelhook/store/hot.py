"""The hot statements: what accepting, claiming and recording ask of a store, whole batches at a time.

Each store has them by hand, in one module: `hot_sqlite`, `hot_postgresql`. Everything that is not hot goes through
SQLAlchemy and is written once.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

from msgspec import Struct

Rows = Sequence[tuple[Any, ...]]


class Loaded(Struct, frozen=True, kw_only=True):
    """A pending delivery with its event, as they lie in the store."""

    id: int
    endpoint_id: int
    attempts: int
    retries: int
    manual: bool
    resume_ms: int | None
    strict_key: str | None
    event_id: int
    account_id: int
    kind: int
    given_id: str | None
    order_id: str
    transaction_id: str
    carrier: str
    is_return: bool
    accepted_ms: int
    body: bytes


class Ended(Struct, frozen=True, kw_only=True):
    """What became of a delivery that did not end well: it waits on, or has failed. Times in Unix milliseconds."""

    id: int
    state: int
    attempts: int
    retries: int
    due_ms: int
    ended_ms: int | None


class Hot(Protocol):
    """Within the transaction that is under way. `columns`, `key` and `figures` are names, comma-separated."""

    def insert(self, table: str, columns: str, rows: Rows) -> None:
        """Insert rows whose values stand in the order of `columns`."""

    def insert_new(self, table: str, columns: str, rows: Rows) -> None:
        """The same, without those that a unique key of the table knows already."""

    def put(self, table: str, columns: str, rows: Rows) -> None:
        """Insert rows, or replace those of the same `id`, which stands first; an `account_id` never changes."""

    def add(self, table: str, key: str, figures: str, rows: Rows) -> None:
        """Add `figures` to what stands under `key`; rows hold the values of `key` and `figures` in that order."""

    def known_ids(self, account_id: int, given: Mapping[str, int]) -> set[str]:
        """Which of these ids an event of the account has already. The others belong to their events (by number) now."""

    def forget_id(self, account_id: int, given_id: str) -> None:
        """It became no event after all, and is free again."""

    def earlier_answer(self, account_id: int, key: str) -> tuple[bytes, bytes] | None:
        """The fingerprint and the answer that are kept under an Idempotency-Key."""

    def updates_of(self, account_id: int, transaction_id: str) -> Sequence[tuple[int, str | None, bytes]]:
        """Number, given id and body of every tracking update of a shipment."""

    def shipments_with(self, account_id: int, numbers: Collection[str]) -> Sequence[tuple[str, str]]:
        """Tracking number and TransactionID of what has these numbers, the first named first."""

    def shipments(self, account_id: int, names: Collection[str]) -> Sequence[tuple[int, bytes, int]]:
        """Number, content and `updated_ms` of the shipments of these TransactionIDs; nobody else changes them until the
        commit.
        """

    def due(self, endpoint_id: int, now_ms: int, most: int, *, strict: bool) -> list[int]:
        """The first deliveries that are due; `strict`: of each shipment, the first pending one alone."""

    def next_due(self, endpoint_id: int, now_ms: int) -> int | None:
        """When the first delivery is due that is not due yet."""

    def pending_endpoints(self) -> list[tuple[int, int]]:
        """Every endpoint with something pending, and when the first of it is due.

        Steps from endpoint to endpoint in the index, so a million rows of one cost no more than ten of another.
        """

    def load(self, delivery_ids: Sequence[int]) -> list[Loaded]:
        """These deliveries, in any order."""

    def delivered(self, delivery_ids: Sequence[int], ended_ms: int) -> None:
        """These deliveries have ended well, those that were cancelled meanwhile apart."""

    def ended(self, found: Sequence[Ended]) -> None:
        """What became of the others, those that were cancelled meanwhile apart."""
