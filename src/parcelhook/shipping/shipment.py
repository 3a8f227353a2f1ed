"""A shipment, and what a scan makes of it. Pure.

A shipment has a parcel for each tracking number, and each parcel its own way. What is kept of a parcel's scans are the newest
of four sorts: on its way, and ended; outbound, and back. Where it stands follows from these alone, so any order and any
repetition of the same scans ends in the same state: a scan that arrives late finds its place without moving anything back.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from parcelhook.shipping.events import OrderShipped, TrackingUpdate
from parcelhook.shipping.scan import IDENTITY_BYTES, Scan
from parcelhook.shipping.status import Status

MOST_PARCELS: Final = 100  # of a shipment; a further number's scans go to the last one
MOST_SEEN: Final = 2_000  # scans of a parcel that are told apart; beyond that the oldest are forgotten
DAY_S: Final = 86_400
BY_HAND: Final = "Manual shipment"  # the marketplace of an order that came from none
_NOT_UNDER_WAY: Final = frozenset({
    Status.PENDING, Status.UNKNOWN, Status.INFO_RECEIVED, Status.CANCELLED, Status.EXPIRED,
})  # fmt: skip


class Said(IntEnum):
    """What became of a scan: `new` is sent to those who want it, the others are kept in the history at most."""

    NEW = 1
    KNOWN = 2  # said before: not even kept again
    LATE = 3  # older than what is known, or after the end, and it changes nothing
    SILENT = 4  # nothing is known of the parcel yet, says the source


class Mark(Struct, frozen=True, array_like=True, gc=False):
    """The newest scan of its sort, by when it happened; of two at the same second the further one."""

    date: int
    rank: int
    identity: bytes
    status: Status

    @property
    def key(self) -> tuple[int, int, bytes]:
        """What marks are ordered by."""
        return self.date, self.rank, self.identity


class Leg(Struct, frozen=True, array_like=True, gc=False):
    """One direction of a parcel's way: the newest scan on the way, and the newest that ended it."""

    moved: Mark | None = None
    ended: Mark | None = None

    @property
    def mark(self) -> Mark | None:
        """Where it stands: an end is an end, whatever was scanned after it."""
        return self.ended or self.moved


class Estimate(Struct, frozen=True, array_like=True, gc=False):
    """When it is to be delivered (Unix seconds), as the newest scan with an estimate says."""

    said: int
    identity: bytes
    date: int


class Parcel(Struct, frozen=True, array_like=True, gc=False):
    """One tracking number of a shipment."""

    tracking: str
    out: Leg = Leg()
    back: Leg = Leg()
    newest: Mark | None = None
    message: str = ""  # of the newest scan, as is the city
    city: str = ""
    first_status_date: int = 0  # of the first scan beyond Info Received; 0: there is none
    estimate: Estimate | None = None
    seen: bytes = b""  # the identities of all scans, one after another

    @property
    def mark(self) -> Mark | None:
        """Where it stands; None while nothing is known. An end after the way back began is an end all the same."""
        back = max((mark.key for mark in (self.back.moved, self.back.ended) if mark), default=None)
        if back is None:
            return self.out.mark
        if self.out.ended is not None and self.out.ended.key > back:
            return self.out.ended
        return self.back.mark

    @property
    def status(self) -> Status:
        """Where it stands."""
        mark = self.mark
        return Status.PENDING if mark is None else mark.status


class Shipment(Struct, frozen=True, array_like=True, kw_only=True, gc=False):
    """What is known of one shipment. `from_order` says that an ORDER_SHIPPED told of it, and not a scan alone."""

    transaction_id: str
    order_id: str = ""
    carrier: str = ""
    marketplace_id: str = "0"
    marketplace_platform: str = BY_HAND
    external_link: str = ""
    from_company: str = ""
    to_company: str = ""
    from_country: str = ""
    to_country: str = ""
    is_return: bool = False
    from_order: bool = False
    parcels: tuple[Parcel, ...] = ()

    @property
    def status(self) -> Status:
        """Where the least advanced parcel stands; one that nobody has scanned yet counts as announced."""
        stands = [mark.status for parcel in self.parcels if (mark := parcel.mark)]
        if not stands:
            return Status.PENDING
        if len(stands) < len(self.parcels):
            stands.append(Status.INFO_RECEIVED)
        return min(stands, key=lambda status: (status.rank, -(status.code or 0), status.value))

    @property
    def status_date(self) -> int:
        """Since when (Unix seconds); 0 while nothing is known."""
        status = self.status
        return max((mark.date for parcel in self.parcels if (mark := parcel.mark) and mark.status is status), default=0)

    @property
    def first_status_date(self) -> int:
        """The first scan of any parcel beyond Info Received, 0 if there is none."""
        return min((parcel.first_status_date for parcel in self.parcels if parcel.first_status_date), default=0)

    @property
    def est_delivery_date(self) -> int:
        """When the last parcel is to be delivered, 0 if nobody has said."""
        return max((parcel.estimate.date for parcel in self.parcels if parcel.estimate), default=0)

    @property
    def last_scan(self) -> Parcel | None:
        """The parcel that was scanned last."""
        scanned = [parcel for parcel in self.parcels if parcel.newest is not None]
        return max(scanned, key=lambda parcel: parcel.newest.key if parcel.newest else (0, 0, b""), default=None)

    @property
    def delivered_date(self) -> int:
        """When it was delivered, outbound or back to the merchant; 0 unless it was."""
        return self.status_date if self.status is Status.DELIVERED else 0

    @property
    def returning(self) -> bool:
        """Whether it is a return, or on its way back."""
        return self.is_return or any(parcel.back.mark is not None for parcel in self.parcels)


class Applied(Struct, frozen=True):
    """What a scan made of a shipment, and of which parcel."""

    shipment: Shipment
    parcel: Parcel
    said: Said


def apply(shipment: Shipment, scan: Scan) -> Applied:
    """The shipment with the scan in its place, and whether it says anything that is worth telling."""
    index, before = _parcel(shipment, scan.tracking)
    identity = scan.identity
    if _has(before.seen, identity):
        return Applied(shipment, before, Said.KNOWN)
    after = _with(before, scan, identity)
    parcels = [*shipment.parcels]
    parcels[index:] = [after, *parcels[index + 1 :]]
    shipment = replace(
        shipment,
        parcels=tuple(parcels),
        carrier=shipment.carrier or scan.carrier,
        order_id=shipment.order_id or scan.order_id,
        external_link=shipment.external_link or scan.external_link,
        from_country=shipment.from_country or scan.from_country,
        to_country=shipment.to_country or scan.to_country,
    )
    return Applied(shipment, after, _said(before, after, scan))


def of_order(shipment: Shipment | None, order: OrderShipped) -> Shipment:
    """The shipment as ORDER_SHIPPED tells of it. A further label adds its parcels and overwrites none."""
    known = shipment or Shipment(transaction_id=order.TransactionID)
    parcels = list(known.parcels)
    for number in (order.TrackingNumber, *(more.TrackingNumber for more in order.AdditionalTrackingNumbers)):
        if not number or any(parcel.tracking == number for parcel in parcels) or len(parcels) >= MOST_PARCELS:
            continue
        if len(parcels) == 1 and not parcels[0].tracking:
            parcels[0] = replace(parcels[0], tracking=number)
        else:
            parcels.append(Parcel(number))
    return replace(
        known,
        transaction_id=order.TransactionID,
        order_id=order.OrderID or known.order_id,
        carrier=order.TrackingCarrier or known.carrier,
        marketplace_id=order.MarketplaceID,
        marketplace_platform=order.MarketplacePlatform,
        external_link=order.TrackingExternalLink or known.external_link,
        from_company=order.FromAddressCompany or known.from_company,
        to_company=order.ToAddressCompany or known.to_company,
        from_country=order.FromAddressCountry or known.from_country,
        to_country=order.ToAddressCountry or known.to_country,
        is_return=order.IsReturn or known.is_return,
        from_order=True,
        parcels=tuple(parcels),
    )


def of_scan(scan: Scan, transaction_id: str) -> Shipment:
    """A shipment that nobody has told of before, as its first scan tells of it."""
    return Shipment(transaction_id=transaction_id, is_return=scan.is_return)


def learn(shipment: Shipment, update: TrackingUpdate) -> Shipment:
    """What a fed-in update says of the shipment itself, where nothing is known yet."""
    if shipment.from_order:
        return shipment
    told = replace(
        shipment,
        order_id=shipment.order_id or update.OrderID,
        marketplace_id=update.MarketplaceID if shipment.marketplace_id == "0" else shipment.marketplace_id,
        marketplace_platform=(
            update.MarketplacePlatform if shipment.marketplace_platform == BY_HAND else shipment.marketplace_platform
        ),
        from_company=shipment.from_company or update.FromAddressCompany,
        to_company=shipment.to_company or update.ToAddressCompany,
    )
    return shipment if told == shipment else told


def event_of(applied: Applied, scan: Scan, given: TrackingUpdate | None = None) -> TrackingUpdate:
    """The TRACKING_UPDATE that tells of a scan. What was fed in stays as it was fed; only what is missing is filled in.

    The code is the scan's own, unless that would take the parcel back: then it is that of where the parcel stands.
    """
    shipment, parcel = applied.shipment, applied.parcel
    if given is None:
        given = TrackingUpdate(
            date=scan.date,
            code=1,
            message=(scan.message or scan.status.label)[:2_000],
            city=scan.city,
            TransactionID=shipment.transaction_id,
            TrackingCarrier=scan.carrier if not shipment.from_order else "",
        )
    changes: dict[str, object] = {}

    def fill(name: str, known: str, empty: str = "") -> None:
        if known != empty and getattr(given, name) == empty:
            changes[name] = known

    code = _code(parcel, scan)
    if code != given.code:
        changes["code"] = code
    fill("tracking", parcel.tracking)
    estimate = parcel.estimate.date if parcel.estimate else 0
    fill("est_delivery_date", str(estimate), "0")
    fill("first_status_date", str(parcel.first_status_date), "0")
    fill("late", "1" if is_late(estimate, scan.date) else "0", "0")
    fill("OrderID", shipment.order_id)
    fill("TransactionID", shipment.transaction_id)
    fill("TrackingCarrier", shipment.carrier)
    fill("MarketplaceID", shipment.marketplace_id, "0")
    fill("MarketplacePlatform", shipment.marketplace_platform, BY_HAND)
    fill("ExternalLink", shipment.external_link)
    fill("FromAddressCompany", shipment.from_company)
    fill("ToAddressCompany", shipment.to_company)
    fill("FromAddressCountry", shipment.from_country)
    fill("ToAddressCountry", shipment.to_country)
    if given.IsReturn is not True and (scan.is_return or shipment.is_return or parcel.back.mark is not None):
        changes["IsReturn"] = True
    return replace(given, **changes) if changes else given


def is_late(est_delivery_date: int, when: int) -> bool:
    """Whether something that happened, or had not, at `when` is late. A date without a time lasts until its day is over."""
    return est_delivery_date > 0 and when > deadline(est_delivery_date)


def deadline(est_delivery_date: int) -> int:
    """The last second that is in time; 0 where nothing is promised."""
    if not est_delivery_date:
        return 0
    return est_delivery_date + DAY_S - 1 if est_delivery_date % DAY_S == 0 else est_delivery_date


def identities(parcel: Parcel) -> Iterator[bytes]:
    """The identities of all its scans."""
    return (parcel.seen[at : at + IDENTITY_BYTES] for at in range(0, len(parcel.seen), IDENTITY_BYTES))


def _parcel(shipment: Shipment, tracking: str) -> tuple[int, Parcel]:
    """Which parcel a scan is of; one that was not known is the next."""
    parcels = shipment.parcels
    if not parcels:
        return 0, Parcel(tracking)
    if not tracking:
        return 0, parcels[0]
    for index, parcel in enumerate(parcels):
        if parcel.tracking == tracking:
            return index, parcel
    if len(parcels) == 1 and not parcels[0].tracking:
        return 0, replace(parcels[0], tracking=tracking)
    if len(parcels) >= MOST_PARCELS:
        return len(parcels) - 1, parcels[-1]
    return len(parcels), Parcel(tracking)


def _with(parcel: Parcel, scan: Scan, identity: bytes) -> Parcel:
    status = scan.status
    mark = Mark(scan.date, status.rank, identity, status)
    is_newest = parcel.newest is None or mark.key > parcel.newest.key
    estimate = parcel.estimate
    if scan.est_delivery_date and (estimate is None or (scan.date, identity) > (estimate.said, estimate.identity)):
        estimate = Estimate(scan.date, identity, scan.est_delivery_date)
    out, back = parcel.out, parcel.back
    if status is not Status.PENDING and status is not Status.UNKNOWN:
        if scan.is_return or status is Status.RETURNING or status is Status.RETURNED:
            back = _moved(back, mark)
        else:
            out = _moved(out, mark)
    first = parcel.first_status_date
    if status not in _NOT_UNDER_WAY:
        first = min(first or scan.date, scan.date)
    return Parcel(
        parcel.tracking,
        out,
        back,
        mark if is_newest else parcel.newest,
        scan.message if is_newest else parcel.message,
        scan.city if is_newest else parcel.city,
        first,
        estimate,
        (parcel.seen + identity)[-MOST_SEEN * IDENTITY_BYTES :],
    )


def _moved(leg: Leg, mark: Mark) -> Leg:
    if mark.status.ended:
        return leg if leg.ended is not None and leg.ended.key >= mark.key else Leg(leg.moved, mark)
    return leg if leg.moved is not None and leg.moved.key >= mark.key else Leg(mark, leg.ended)


def _said(before: Parcel, after: Parcel, scan: Scan) -> Said:
    if scan.status is Status.PENDING:
        return Said.SILENT
    if before.status is not after.status:
        return Said.NEW
    if before.newest is not None and scan.date < before.newest.date:
        return Said.LATE
    if before.newest is not None and scan.date == before.newest.date and scan.status.rank < before.newest.rank:
        return Said.LATE
    if after.status.ended and not scan.status.ended:
        return Said.LATE
    return Said.NEW


def _code(parcel: Parcel, scan: Scan) -> int:
    stands = parcel.status
    if scan.status is not stands and (stands.ended or stands is Status.RETURNING or scan.status.code is None):
        return stands.code or 1  # a word that nobody knows still says that the carrier has heard of it
    return scan.status.code or 1


def _has(seen: bytes, identity: bytes) -> bool:
    at = seen.find(identity)
    while at >= 0:
        if at % IDENTITY_BYTES == 0:
            return True
        at = seen.find(identity, at + 1)
    return False
