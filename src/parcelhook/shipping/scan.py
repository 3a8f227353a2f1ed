"""A scan: one thing that a carrier said about a parcel at a time, whichever way it came in."""

from __future__ import annotations

import hashlib
from typing import Final

from msgspec import Struct

from parcelhook.shipping.events import TrackingUpdate
from parcelhook.shipping.status import CODES, Status

IDENTITY_BYTES: Final = 8
API: Final = "api"  # the source of what is fed in by a call, and not by a hub


class Scan(Struct, frozen=True, kw_only=True):
    """One scan. Texts are empty, and times None, where the source does not say.

    `date` is when it happened (Unix seconds, UTC); `date_text` is that as the source wrote it, and `zone_unknown` says that
    it named no zone and was read as UTC. `status_text` and `detail_text` are the source's own words for the status.
    `transaction_id` and `order_id` are given only by a source that knows them.
    """

    source: str
    date: int
    status: Status
    carrier: str = ""
    tracking: str = ""
    transaction_id: str = ""
    order_id: str = ""
    message: str = ""
    city: str = ""
    est_delivery_date: int | None = None
    is_return: bool = False
    external_link: str = ""
    from_country: str = ""
    to_country: str = ""
    status_text: str = ""
    detail_text: str = ""
    date_text: str = ""
    zone_unknown: bool = False

    @property
    def identity(self) -> bytes:
        """What makes it the same scan of its parcel when it comes again: hubs resend whole histories with every update."""
        parts = (
            self.source, self.date_text or str(self.date), self.status_text or self.status.value,
            self.detail_text, self.message, self.city,
        )  # fmt: skip
        return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).digest()[:IDENTITY_BYTES]


def of_update(update: TrackingUpdate) -> Scan:
    """The scan that a fed-in TRACKING_UPDATE tells of."""
    return Scan(
        source=API,
        date=update.date,
        status=CODES[update.code],
        carrier=update.TrackingCarrier,
        tracking=update.tracking,
        transaction_id=update.TransactionID,
        order_id=update.OrderID,
        message=update.message,
        city=update.city,
        est_delivery_date=unix_seconds(update.est_delivery_date),
        is_return=update.IsReturn is True,
        external_link=update.ExternalLink,
        from_country=update.FromAddressCountry,
        to_country=update.ToAddressCountry,
    )


def unix_seconds(text: str) -> int | None:
    """The time in a field of the wire, which is a string; None for "0", nothing, or what is no such number."""
    return int(text) if text.isascii() and text.isdigit() and 0 < len(text) < 12 and int(text) else None
