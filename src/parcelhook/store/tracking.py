"""Shipments in the batch that accepts: loaded by what the offers name, changed in memory, saved with their scans and figures."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import msgspec
from msgspec import Struct

from parcelhook.shipping.events import OrderShipped, TrackingUpdate
from parcelhook.shipping.scan import API, Scan
from parcelhook.shipping.shipment import Applied, Said, Shipment, apply, deadline, learn, of_order, of_scan, standing
from parcelhook.store import ids
from parcelhook.store.database import Transaction
from parcelhook.store.tallies import Tallies

_COLUMNS: Final = (
    "id, account_id, transaction_id, order_id, carrier, from_country, to_country, is_return, status, first_status_date, "
    "deadline, last_scan_date, on_the_way, known, updated_ms"
)
_NUMBER_COLUMNS: Final = "event_id, account_id, number, transaction_id"
_SCAN_COLUMNS: Final = "id, account_id, shipment_id, event_id, said, scan"
_encoder = msgspec.msgpack.Encoder()
_shipment = msgspec.msgpack.Decoder(Shipment)
_scan = msgspec.msgpack.Decoder(Scan)


class _Held(Struct):
    """A shipment in hand: as it lies in the store, and as it is now."""

    id: int
    account_id: int
    stored: Shipment | None
    now: Shipment
    turn_ms: int = 0  # when what is told of it now is due: after what was told before, whatever a node's clock says
    told: bool = False


class Shipments:
    """The shipments that one batch is about."""

    def __init__(self, transaction: Transaction, maker: ids.IdMaker, now_ms: int) -> None:
        self._hot = transaction.hot
        self._transaction = transaction
        self._maker = maker
        self._now_ms = now_ms
        self._held: dict[tuple[int, str], _Held] = {}
        self._by_number: dict[tuple[int, str], list[str]] = {}
        self._named: dict[tuple[int, str, str], int] = {}  # account, number, TransactionID: by which event
        self._scans: list[tuple[Any, ...]] = []
        self._tallies = Tallies()

    def load(self, named: Iterable[tuple[int, str, tuple[str, ...]]]) -> None:
        """Bring in the shipments that (account, TransactionID or "", tracking numbers to find it by) name."""
        wanted: dict[int, tuple[set[str], set[str]]] = {}
        for account_id, transaction_id, numbers in named:
            transactions, tracked = wanted.setdefault(account_id, (set(), set()))
            if transaction_id:
                transactions.add(transaction_id)
            tracked.update(numbers)
        for account_id, (transactions, tracked) in wanted.items():
            for number, transaction_id in self._hot.shipments_with(account_id, tracked) if tracked else ():
                self._by_number.setdefault((account_id, number), []).append(transaction_id)
                transactions.add(transaction_id)
            self._load(account_id, transactions | tracked)  # one that only its scans told of is named by its number

    def order(self, account_id: int, order: OrderShipped, event_id: int) -> None:
        """ORDER_SHIPPED tells of a shipment; one that was known by its scans alone is this one from now on."""
        if not order.TransactionID:
            return
        held = self._held.get((account_id, order.TransactionID)) or self._known_by_number(account_id, order)
        if held is None:
            held = self._new(account_id, of_order(None, order))
        else:
            self._held.pop((account_id, held.now.transaction_id), None)
            held.now = of_order(held.now, order)
        self._held[account_id, order.TransactionID] = held
        for parcel in held.now.parcels:
            self._name(held, parcel.tracking, event_id)

    def scan(self, account_id: int, scan: Scan, given: TrackingUpdate | None, event_id: int) -> Applied:
        """What a scan makes of the shipment that it names."""
        held = self._of(account_id, scan, given)
        applied = apply(held.now, scan)
        held.now = applied.shipment
        self._name(held, applied.parcel.tracking, event_id)
        return applied

    def keep(self, account_id: int, applied: Applied, scan: Scan, event_id: int | None) -> None:
        """Into the history. What the platform fed in stands in its event already; only that it was late is noted."""
        if scan.source != API or applied.said is not Said.NEW:
            held = self._held[account_id, applied.shipment.transaction_id]
            self._scans.append((account_id, held.id, event_id, int(applied.said), _encoder.encode(scan)))
        self._tallies.scanned(account_id, applied.shipment, scan)

    def turn(self, account_id: int, transaction_id: str, accepted_ms: int) -> int:
        """When an event of that shipment is due. Two nodes may accept events of one: the later one is due later."""
        held = self._held.get((account_id, transaction_id))
        if held is None:
            return accepted_ms
        held.told = True
        held.turn_ms = max(held.turn_ms, accepted_ms)
        return held.turn_ms

    def save(self) -> None:
        """Everything that changed, into the store."""
        changed = [self._changed(held) for held in self._held.values() if held.told or held.now is not held.stored]
        self._hot.put("shipments", _COLUMNS, changed)
        named = [(event_id, *which) for which, event_id in self._named.items()]
        self._hot.insert_new("tracking_numbers", _NUMBER_COLUMNS, named)
        first = self._maker.block(len(self._scans))
        self._hot.insert("scans", _SCAN_COLUMNS, [(first + index, *row) for index, row in enumerate(self._scans)])
        self._tallies.save(self._transaction)

    def _of(self, account_id: int, scan: Scan, given: TrackingUpdate | None) -> _Held:
        """A platform's own TransactionID is sure; a hub's may be its own, and a number that is known tells more."""
        named = self._held.get((account_id, scan.transaction_id)) if scan.transaction_id else None
        if scan.source != API or not scan.transaction_id:
            named = (self._with_number(account_id, scan) if scan.tracking else None) or named
        if named is not None:
            named.now = learn(named.now, scan, given)
            return named
        transaction_id = scan.transaction_id or scan.tracking
        held = self._held[account_id, transaction_id] = self._new(account_id, of_scan(scan, transaction_id, given))
        return held

    def _with_number(self, account_id: int, scan: Scan) -> _Held | None:
        """Carriers use numbers again, and two may use the same: the carrier's own, then one with an order, then the newest."""
        candidates = [
            held
            for name in (*self._by_number.get((account_id, scan.tracking), ()), scan.tracking)
            if (held := self._held.get((account_id, name))) is not None
        ]

        def fits(held: _Held) -> tuple[bool, bool, int]:
            same = not scan.carrier or not held.now.carrier or scan.carrier.casefold() == held.now.carrier.casefold()
            return same, held.now.from_order, held.id

        return max(candidates, key=fits, default=None)

    def _known_by_number(self, account_id: int, order: OrderShipped) -> _Held | None:
        held = self._held.get((account_id, order.TrackingNumber)) if order.TrackingNumber else None
        return held if held is not None and not held.now.from_order else None

    def _new(self, account_id: int, shipment: Shipment) -> _Held:
        return _Held(self._maker.next(), account_id, None, shipment)

    def _name(self, held: _Held, number: str, event_id: int) -> None:
        """Note which shipment a number belongs to; the store knows those that it had before."""
        name = held.now.transaction_id
        stored = held.stored
        if not number or (
            stored is not None
            and stored.transaction_id == name
            and any(parcel.tracking == number for parcel in stored.parcels)
        ):
            return
        self._named.setdefault((held.account_id, number, name), event_id)
        known = self._by_number.setdefault((held.account_id, number), [])
        if name not in known:
            known.append(name)

    def _load(self, account_id: int, transactions: set[str]) -> None:
        wanted = [name for name in transactions if (account_id, name) not in self._held]
        if not wanted:
            return
        for number, known, updated_ms in self._hot.shipments(account_id, wanted):
            shipment = _shipment.decode(known)
            held = _Held(number, account_id, shipment, shipment, updated_ms + 1)
            self._held[account_id, shipment.transaction_id] = held

    def _changed(self, held: _Held) -> tuple[Any, ...]:
        """Its row, and its figures counted anew."""
        shipment = held.now
        stands = standing(shipment)
        if held.stored is not None:
            self._tallies.contribute(held.account_id, held.stored, standing(held.stored), -1)
        self._tallies.contribute(held.account_id, shipment, stands, 1)
        status = stands.status
        return (
            held.id,
            held.account_id,
            shipment.transaction_id,
            shipment.order_id,
            shipment.carrier,
            shipment.from_country,
            shipment.to_country,
            stands.returning,
            status.value,
            stands.first_status_date,
            deadline(stands.est_delivery_date),
            stands.last_scan_date,
            status.on_the_way,
            _encoder.encode(shipment),
            max(self._now_ms, held.turn_ms if held.told else 0),
        )


def decode_shipment(known: bytes) -> Shipment:
    """A shipment as it lies in the store."""
    return _shipment.decode(known)


def decode_scan(scan: bytes) -> Scan:
    """A scan as it lies in the store."""
    return _scan.decode(scan)
