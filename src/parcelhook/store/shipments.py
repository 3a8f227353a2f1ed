"""Shipments as they stand, with their scans: one whole, or a page of them by what people look for."""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, Row, Select, false, func, or_, select, true

from parcelhook.shipping.events import EventKind, decode_update
from parcelhook.shipping.scan import Scan, of_update
from parcelhook.shipping.shipment import Said, Shipment
from parcelhook.shipping.status import Status
from parcelhook.store import ids
from parcelhook.store.rows import KIND_NUMBERS
from parcelhook.store.schema import events, scans, shipments, tracking_numbers
from parcelhook.store.tracking import decode_scan, decode_shipment


class ShipmentLine(Struct, frozen=True, kw_only=True):
    """A shipment as it stands."""

    id: int
    account_id: int
    shipment: Shipment
    updated_ms: int


class ScanLine(Struct, frozen=True, kw_only=True):
    """A scan of the history. `event_name` is the event that told of it, None if none did."""

    scan: Scan
    said: Said
    recorded_ms: int
    event_name: str | None


class ShipmentFilter(Struct, frozen=True, kw_only=True):
    """Which shipments; None is any. `search` is an Order ID, a Transaction ID or a tracking number.

    `silent_since` and `overdue_at` (Unix seconds) ask for those on their way that were not scanned since, or are late then.
    """

    search: str | None = None
    status: Status | None = None
    carrier: str | None = None
    is_return: bool | None = None
    silent_since: int | None = None
    overdue_at: int | None = None


def one(connection: Connection, account_id: int, transaction_id: str) -> ShipmentLine | None:
    """The account's shipment of that TransactionID; None if it has none."""
    mine = (shipments.c.account_id == account_id, shipments.c.transaction_id == transaction_id)
    row = connection.execute(select(shipments).where(*mine)).first()
    return None if row is None else _line(row)


def page(
    connection: Connection, account_id: int, wanted: ShipmentFilter, *, before: int | None, limit: int
) -> list[ShipmentLine]:
    """The newest `limit` shipments before that id, newest first."""
    query = select(shipments).where(shipments.c.account_id == account_id, *_conditions(account_id, wanted))
    if before is not None:
        query = query.where(shipments.c.id < before)
    return [_line(row) for row in connection.execute(query.order_by(shipments.c.id.desc()).limit(limit))]


def longest_silent(
    connection: Connection, account_id: int, wanted: ShipmentFilter, *, limit: int
) -> list[ShipmentLine]:
    """Those that were not scanned for longest; quick where the filter asks for the silent."""
    query = select(shipments).where(shipments.c.account_id == account_id, *_conditions(account_id, wanted))
    ordered = query.order_by(shipments.c.last_scan_date, shipments.c.id).limit(limit)
    return [_line(row) for row in connection.execute(ordered)]


def count(connection: Connection, account_id: int, wanted: ShipmentFilter) -> int:
    """How many there are; quick where the filter asks for those on their way."""
    query = select(func.count()).select_from(shipments).where(shipments.c.account_id == account_id)
    return int(connection.execute(query.where(*_conditions(account_id, wanted))).scalar_one())


def scans_of(connection: Connection, line: ShipmentLine) -> list[ScanLine]:
    """Its history, by when it happened; of one second, as it was told.

    What a hub said lies in `scans`. What the platform fed in is its event; only where it was not told does a scan say so.
    """
    rows = connection.execute(
        select(scans, events.c.given_id)
        .outerjoin(events, events.c.id == scans.c.event_id)
        .where(scans.c.shipment_id == line.id)
        .order_by(scans.c.id)
    ).all()
    found = [
        ScanLine(
            scan=decode_scan(row.scan),
            said=Said(row.said),
            recorded_ms=ids.made_at(row.id),
            event_name=None if row.event_id is None else ids.event_name(row.given_id, row.event_id),
        )
        for row in rows
    ]
    shipment = line.shipment
    # Before its order came it was known by its number, and so were its events.
    names = {shipment.transaction_id, *(parcel.tracking for parcel in shipment.parcels if parcel.tracking)}
    known = {row.event_id for row in rows}
    fed = connection.execute(
        select(events)
        .where(
            events.c.account_id == line.account_id,
            events.c.transaction_id.in_(names),
            events.c.kind == KIND_NUMBERS[EventKind.TRACKING_UPDATE],
        )
        .order_by(events.c.id)
    )
    found += [
        ScanLine(
            scan=of_update(decode_update(row.body)),
            said=Said.NEW,
            recorded_ms=row.accepted_ms,
            event_name=ids.event_name(row.given_id, row.id),
        )
        for row in fed
        if row.id not in known
    ]
    return sorted(found, key=lambda one: one.scan.date)


def _conditions(account_id: int, wanted: ShipmentFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.search is not None:
        found.append(_search(account_id, wanted.search))
    if wanted.status is not None:
        found.append(shipments.c.status == wanted.status.value)
    if wanted.carrier is not None:
        found.append(shipments.c.carrier == wanted.carrier)
    if wanted.is_return is not None:
        found.append(shipments.c.is_return.is_(true() if wanted.is_return else false()))
    if wanted.silent_since is not None or wanted.overdue_at is not None:
        found.append(shipments.c.on_the_way == true())  # names the partial indexes
    if wanted.silent_since is not None:
        found.append(shipments.c.last_scan_date < wanted.silent_since)
    if wanted.overdue_at is not None:
        found.extend((shipments.c.deadline > 0, shipments.c.deadline < wanted.overdue_at))
    return found


def _search(account_id: int, text: str) -> ColumnElement[bool]:
    named: Select[tuple[str]] = select(tracking_numbers.c.transaction_id).where(
        tracking_numbers.c.account_id == account_id, tracking_numbers.c.number == text
    )
    ordered = select(events.c.transaction_id).where(events.c.account_id == account_id, events.c.order_id == text)
    return or_(
        shipments.c.transaction_id == text,
        shipments.c.transaction_id.in_(named),
        shipments.c.transaction_id.in_(ordered),
    )


def _line(row: Row[Any]) -> ShipmentLine:
    return ShipmentLine(
        id=row.id, account_id=row.account_id, shipment=decode_shipment(row.known), updated_ms=row.updated_ms
    )
