"""What a shipment counts for in the figures of tracking: its contribution now, less what it was before.

Since every change takes the old contribution away and adds the new one, the counters always equal a count of all shipments,
also when a scan arrives late and what was counted before was too little or too much.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

from parcelhook.shipping.scan import Scan
from parcelhook.shipping.shipment import Shipment, deadline
from parcelhook.shipping.status import Status
from parcelhook.store import rows
from parcelhook.store.database import Transaction

HOUR_S: Final = 3_600
_FIGURES: Final = (
    "started", "returns", "delivered", "delivered_late", "promised", "failed_attempts", "exceptions", "scans",
)  # fmt: skip

Where = tuple[int, int, str, str, str]  # account, hour, carrier, from, to


class Tallies:
    """The changes of one batch."""

    def __init__(self) -> None:
        self._tracking: Counter[tuple[Where, str]] = Counter()
        self._transit: Counter[tuple[Where, int]] = Counter()
        self._status: Counter[tuple[int, str, str, bool]] = Counter()

    def changed(self, account_id: int, before: Shipment | None, after: Shipment) -> None:
        """A shipment became another."""
        if before is not None:
            self._contribute(account_id, before, -1)
        self._contribute(account_id, after, 1)

    def scanned(self, account_id: int, shipment: Shipment, scan: Scan) -> None:
        """A scan that was not known before."""
        where = _where(account_id, scan.date, shipment)
        self._tracking[where, "scans"] += 1
        if scan.status is Status.FAILED_ATTEMPT:
            self._tracking[where, "failed_attempts"] += 1
        elif scan.status is Status.EXCEPTION:
            self._tracking[where, "exceptions"] += 1

    def save(self, transaction: Transaction) -> None:
        """Into the store."""
        figures: dict[Where, list[int]] = {}
        for (where, name), number in self._tracking.items():
            if number:
                figures.setdefault(where, [0] * len(_FIGURES))[_FIGURES.index(name)] = number
        key = "account_id, hour, carrier, from_country, to_country"
        rows.add(
            transaction.raw, "tracking_counters", key, ", ".join(_FIGURES),
            [(*where, *numbers) for where, numbers in figures.items()],
        )  # fmt: skip
        rows.add(
            transaction.raw, "transit_counters", f"{key}, took_hours", "shipments",
            [(*where, took, number) for (where, took), number in self._transit.items() if number],
        )  # fmt: skip
        rows.add(
            transaction.raw, "status_counters", "account_id, status, carrier, is_return", "shipments",
            [(*which, number) for which, number in self._status.items() if number],
        )  # fmt: skip

    def _contribute(self, account_id: int, shipment: Shipment, sign: int) -> None:
        status = shipment.status
        self._status[account_id, status.value, shipment.carrier, shipment.returning] += sign
        first = shipment.first_status_date
        if first:
            where = _where(account_id, first, shipment)
            self._tracking[where, "started"] += sign
            if shipment.returning:
                self._tracking[where, "returns"] += sign
        if status is not Status.DELIVERED:
            return
        delivered = shipment.status_date
        where = _where(account_id, delivered, shipment)
        self._tracking[where, "delivered"] += sign
        last = deadline(shipment.est_delivery_date)
        if last:
            self._tracking[where, "promised"] += sign
            if delivered > last:
                self._tracking[where, "delivered_late"] += sign
        if first:
            self._transit[where, max(0, delivered - first) // HOUR_S] += sign


def _where(account_id: int, when: int, shipment: Shipment) -> Where:
    return account_id, when // HOUR_S, shipment.carrier, shipment.from_country, shipment.to_country
