"""What a shipment counts for in the figures of tracking: its contribution now, less what it was before.

Since every change takes the old contribution away and adds the new one, the counters always equal a count of all shipments,
also when a scan arrives late and what was counted before was too little or too much.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

from parcelhook.shipping.scan import Scan
from parcelhook.shipping.shipment import Shipment, Standing, is_late
from parcelhook.shipping.status import Status
from parcelhook.store import rows
from parcelhook.store.database import Transaction

HOUR_S: Final = 3_600
_FIGURES: Final = "started, returns, delivered, delivered_late, promised, failed_attempts, exceptions, scans"
_STARTED, _RETURNS, _DELIVERED, _LATE, _PROMISED, _FAILED_ATTEMPTS, _EXCEPTIONS, _SCANS = range(8)
_ROUTE: Final = "account_id, hour, carrier, from_country, to_country"

Where = tuple[int, int, str, str, str]  # account, hour, carrier, from, to


class Tallies:
    """The changes of one batch."""

    def __init__(self) -> None:
        self._tracking: dict[Where, list[int]] = {}
        self._transit: Counter[tuple[Where, int]] = Counter()
        self._status: Counter[tuple[int, str, str, bool]] = Counter()

    def scanned(self, account_id: int, shipment: Shipment, scan: Scan) -> None:
        """A scan that was not known before."""
        figures = self._at(account_id, scan.date, shipment)
        figures[_SCANS] += 1
        if scan.status is Status.FAILED_ATTEMPT:
            figures[_FAILED_ATTEMPTS] += 1
        elif scan.status is Status.EXCEPTION:
            figures[_EXCEPTIONS] += 1

    def contribute(self, account_id: int, shipment: Shipment, stands: Standing, sign: int) -> None:
        """What a shipment counts for: `sign` 1 as it is now, and -1 as it was."""
        self.stand(account_id, shipment, stands, sign)
        first = stands.first_status_date
        if first:
            figures = self._at(account_id, first, shipment)
            figures[_STARTED] += sign
            if stands.returning:
                figures[_RETURNS] += sign
        if stands.status is not Status.DELIVERED:
            return
        figures = self._at(account_id, stands.date, shipment)
        figures[_DELIVERED] += sign
        if stands.est_delivery_date:
            figures[_PROMISED] += sign
            if is_late(stands.est_delivery_date, stands.date):
                figures[_LATE] += sign
        if first:
            where = _where(account_id, stands.date, shipment)
            self._transit[where, max(0, stands.date - first) // HOUR_S] += sign

    def stand(self, account_id: int, shipment: Shipment, stands: Standing, sign: int) -> None:
        """That it stands where it stands, alone: a shipment that is forgotten leaves the other figures as they are."""
        self._status[account_id, stands.status.value, shipment.carrier, stands.returning] += sign

    def save(self, transaction: Transaction) -> None:
        """Into the store."""
        raw = transaction.raw
        changed = [(*where, *figures) for where, figures in self._tracking.items() if any(figures)]
        rows.add(raw, "tracking_counters", _ROUTE, _FIGURES, changed)
        took = [(*where, hours, number) for (where, hours), number in self._transit.items() if number]
        rows.add(raw, "transit_counters", f"{_ROUTE}, took_hours", "shipments", took)
        stand = [(*which, number) for which, number in self._status.items() if number]
        rows.add(raw, "status_counters", "account_id, status, carrier, is_return", "shipments", stand)

    def _at(self, account_id: int, when: int, shipment: Shipment) -> list[int]:
        where = _where(account_id, when, shipment)
        figures = self._tracking.get(where)
        if figures is None:
            figures = self._tracking[where] = [0] * 8
        return figures


def _where(account_id: int, when: int, shipment: Shipment) -> Where:
    return account_id, when // HOUR_S, shipment.carrier, shipment.from_country, shipment.to_country
