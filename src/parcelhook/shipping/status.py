"""The statuses of a shipment: thirteen, whichever carrier or hub speaks, each with the page's code.

The page's codes are 1 Info Received, 2 In Transit, 3 Out for Delivery, 4 Failed Attempt, 5 Exception, 6 Delivered. A parcel
that waits at a pickup point is "Out for Delivery" by the platform's own mapping; one that goes back, came back, was cancelled
or is not heard of any more is an exception to the merchant.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from msgspec import Struct


class Status(StrEnum):
    """Where a shipment stands. `unknown` is what a source says that has no word here: kept, told, and changes nothing."""

    PENDING = "pending"
    INFO_RECEIVED = "info_received"
    IN_TRANSIT = "in_transit"
    OUT_FOR_DELIVERY = "out_for_delivery"
    AVAILABLE_FOR_PICKUP = "available_for_pickup"
    FAILED_ATTEMPT = "failed_attempt"
    EXCEPTION = "exception"
    DELIVERED = "delivered"
    RETURNING = "returning"
    RETURNED = "returned"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    UNKNOWN = "unknown"

    @property
    def code(self) -> int | None:
        """The page's code; None for what says nothing of where the parcel is."""
        return MEANINGS[self].code

    @property
    def rank(self) -> int:
        """How far it is; of two scans at the same second the further one counts."""
        return MEANINGS[self].rank

    @property
    def ended(self) -> bool:
        """Whether nothing but a return comes after it."""
        return self in _ENDED

    @property
    def label(self) -> str:
        """Its name for people."""
        return MEANINGS[self].label


class Meaning(Struct, frozen=True):
    """A status for people and for the page's codes."""

    label: str
    code: int | None
    rank: int


MEANINGS: Final[dict[Status, Meaning]] = {
    Status.PENDING: Meaning("Pending", None, 0),
    Status.UNKNOWN: Meaning("Unknown", None, 0),
    Status.INFO_RECEIVED: Meaning("Info Received", 1, 1),
    Status.IN_TRANSIT: Meaning("In Transit", 2, 2),
    Status.OUT_FOR_DELIVERY: Meaning("Out for Delivery", 3, 3),
    Status.AVAILABLE_FOR_PICKUP: Meaning("Available for Pickup", 3, 3),
    Status.FAILED_ATTEMPT: Meaning("Failed Attempt", 4, 3),
    Status.EXCEPTION: Meaning("Exception", 5, 3),
    Status.RETURNING: Meaning("Returning", 5, 5),
    Status.EXPIRED: Meaning("Expired", 5, 8),
    Status.DELIVERED: Meaning("Delivered", 6, 9),
    Status.RETURNED: Meaning("Returned", 5, 9),
    Status.CANCELLED: Meaning("Cancelled", 5, 9),
}
_ENDED: Final = frozenset({Status.DELIVERED, Status.RETURNED, Status.CANCELLED})

CODES: Final[dict[int, Status]] = {
    1: Status.INFO_RECEIVED,
    2: Status.IN_TRANSIT,
    3: Status.OUT_FOR_DELIVERY,
    4: Status.FAILED_ATTEMPT,
    5: Status.EXCEPTION,
    6: Status.DELIVERED,
}
"""What each code means where a feeder gives the code alone."""
