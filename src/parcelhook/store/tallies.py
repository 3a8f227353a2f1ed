"""What a shipment counts for in the figures of tracking: its contribution now, less what it was before.

Since every change takes the old contribution away and adds the new one, the counters always equal a count of all shipments,
also when a scan arrives late and what was counted before was too little or too much. A scan counts once and for all, for the
carrier and the direction that its shipment had when it was told.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from enum import IntEnum
from typing import Final

from parcelhook.shipping.scan import Scan
from parcelhook.shipping.shipment import Shipment, Standing, is_late
from parcelhook.shipping.status import Status
from parcelhook.store.database import Transaction
from parcelhook.store.spans import COARSE, DAY, HOUR

HOUR_S: Final = 3_600
_FIGURES: Final = "started, delivered, promised, delivered_late, failed_attempts, exceptions, scans"
_STARTED, _DELIVERED, _PROMISED, _LATE, _FAILED_ATTEMPTS, _EXCEPTIONS, _SCANS = range(7)

Where = tuple[int, int, str, bool]  # account, hour, carrier, whether it is a return
Transit = tuple[int, int, str, str, str, int]  # account, hour, carrier, from, to, whole hours that it took


class View(IntEnum):
    """What a row of `transit_counters` tells apart; the fields that it does not are empty."""

    WHOLE = 0
    BY_CARRIER = 1
    BY_ROUTE = 2


class Tallies:
    """The changes of one batch."""

    def __init__(self) -> None:
        self._tracking: dict[Where, list[int]] = {}
        self._transit: Counter[Transit] = Counter()
        self._status: Counter[tuple[int, str, str, bool]] = Counter()

    def scanned(self, account_id: int, shipment: Shipment, scan: Scan) -> None:
        """A scan that was not known before."""
        returning = shipment.is_return or any(parcel.went_back for parcel in shipment.parcels)
        figures = self._at(account_id, scan.date, shipment.carrier, returning)
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
            self._at(account_id, first, shipment.carrier, stands.returning)[_STARTED] += sign
        if stands.status is not Status.DELIVERED:
            return
        figures = self._at(account_id, stands.date, shipment.carrier, stands.returning)
        figures[_DELIVERED] += sign
        if stands.est_delivery_date:
            figures[_PROMISED] += sign
            if is_late(stands.est_delivery_date, stands.date):
                figures[_LATE] += sign
        if first and not stands.returning:
            took = max(0, stands.date - first) // HOUR_S
            route = shipment.carrier, shipment.from_country, shipment.to_country
            self._transit[account_id, stands.date // HOUR_S, *route, took] += sign

    def stand(self, account_id: int, shipment: Shipment, stands: Standing, sign: int) -> None:
        """That it stands where it stands, alone: a shipment that is forgotten leaves the other figures as they are."""
        self._status[account_id, stands.status.value, shipment.carrier, stands.returning] += sign

    def save(self, transaction: Transaction) -> None:
        """Into the store."""
        tracking = [(*key, *figures) for key, figures in self._spans().items() if any(figures)]
        transaction.count("tracking_counters", "account_id, span, start, carrier, is_return", _FIGURES, tracking)
        views = Counter[tuple[int, int, int, int, str, str, str, int]]()
        for transit, number in self._transit.items():
            if number:
                for view in _views(transit):
                    views[view] += number
        key = "account_id, view, span, start, carrier, from_country, to_country, took_hours"
        took = [(*view, number) for view, number in views.items() if number]
        transaction.count("transit_counters", key, "shipments", took)
        stand = [(*which, number) for which, number in self._status.items() if number]
        transaction.count("status_counters", "account_id, status, carrier, is_return", "shipments", stand)

    def _at(self, account_id: int, when: int, carrier: str, is_return: bool) -> list[int]:  # noqa: FBT001  (a key, no switch)
        where = account_id, when // HOUR_S, carrier, is_return
        figures = self._tracking.get(where)
        if figures is None:
            figures = self._tracking[where] = [0] * 7
        return figures

    def _spans(self) -> dict[tuple[int, int, int, str, bool], list[int]]:
        """The hour's figures as they are, and the day's."""
        found: dict[tuple[int, int, int, str, bool], list[int]] = {}
        for (account_id, hour, carrier, is_return), figures in self._tracking.items():
            found[account_id, HOUR, hour, carrier, is_return] = figures
            day = found.setdefault((account_id, DAY, hour // DAY, carrier, is_return), [0] * 7)
            for index, figure in enumerate(figures):
                day[index] += figure
        return found


def _views(transit: Transit) -> Iterator[tuple[int, int, int, int, str, str, str, int]]:
    """The rows of `transit_counters` that a shipment counts in: the longer spans also without route, and without carrier."""
    account_id, hour, carrier, origin, target, took = transit
    yield account_id, int(View.WHOLE), HOUR, hour, carrier, origin, target, took
    for span in COARSE:
        start = hour // span
        yield account_id, int(View.WHOLE), span, start, carrier, origin, target, took
        yield account_id, int(View.BY_CARRIER), span, start, carrier, "", "", took
        yield account_id, int(View.BY_ROUTE), span, start, "", origin, target, took
