"""The statuses of a shipment: thirteen, whichever carrier or hub speaks, each with the page's code.

The page's codes are 1 Info Received, 2 In Transit, 3 Out for Delivery, 4 Failed Attempt, 5 Exception, 6 Delivered. A parcel
that waits at a pickup point is "Out for Delivery" by the platform's own mapping; one that goes back, came back, was cancelled
or is not heard of any more is an exception to the merchant.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Status(StrEnum):
    """Where a shipment stands. `unknown` is what a source says that has no word here: kept, told, and changes nothing.

    `code` is the page's, None for what says nothing of where the parcel is. `rank` is how far it is: of two scans at the same
    second the further one counts. After what is `ended` nothing comes but a return; what is neither ended nor pending is
    `on_the_way`. `label` is its name for people.
    """

    label: str
    code: int | None
    rank: int
    ended: bool
    on_the_way: bool

    PENDING = "pending", "Pending", None, 0
    UNKNOWN = "unknown", "Unknown", None, 0
    INFO_RECEIVED = "info_received", "Info Received", 1, 1
    IN_TRANSIT = "in_transit", "In Transit", 2, 2
    OUT_FOR_DELIVERY = "out_for_delivery", "Out for Delivery", 3, 3
    AVAILABLE_FOR_PICKUP = "available_for_pickup", "Available for Pickup", 3, 3
    FAILED_ATTEMPT = "failed_attempt", "Failed Attempt", 4, 3
    EXCEPTION = "exception", "Exception", 5, 3
    RETURNING = "returning", "Returning", 5, 5
    EXPIRED = "expired", "Expired", 5, 8
    DELIVERED = "delivered", "Delivered", 6, 9, True
    RETURNED = "returned", "Returned", 5, 9, True
    CANCELLED = "cancelled", "Cancelled", 5, 9, True

    # Kept with the member itself: a look into a table would hash an enum, and that for every scan, several times.
    def __new__(cls, value: str, label: str, code: int | None, rank: int, ended: bool = False) -> Status:  # noqa: FBT001, FBT002
        """A member with what it means."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.label, member.code, member.rank, member.ended = label, code, rank, ended
        member.on_the_way = not ended and value != "pending"
        return member


CODES: Final[dict[int, Status]] = {
    1: Status.INFO_RECEIVED,
    2: Status.IN_TRANSIT,
    3: Status.OUT_FOR_DELIVERY,
    4: Status.FAILED_ATTEMPT,
    5: Status.EXCEPTION,
    6: Status.DELIVERED,
}
"""What each code means where a feeder gives the code alone."""
