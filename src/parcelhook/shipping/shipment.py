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
        back, out = self.back, self.out
        if not self.went_back:
            return out.ended or out.moved
        if out.ended is not None and all(out.ended.key > mark.key for mark in (back.moved, back.ended) if mark):
            return out.ended
        return back.ended or back.moved

    @property
    def status(self) -> Status:
        """Where it stands."""
        mark = self.mark
        return Status.PENDING if mark is None else mark.status

    @property
    def went_back(self) -> bool:
        """Whether anything was scanned of a way back."""
        return self.back.moved is not None or self.back.ended is not None


class Standing(Struct, frozen=True, gc=False):
    """Where a shipment stands: where its least advanced parcel does. Dates in Unix seconds, 0 for none.

    A parcel that nobody has scanned yet counts as announced once another was scanned. `first_status_date` is of the first scan
    of any parcel beyond Info Received, `est_delivery_date` when the last parcel is to be delivered.
    """

    status: Status
    date: int
    first_status_date: int
    est_delivery_date: int
    last_scan_date: int
    returning: bool  # it is a return, or on its way back


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
        """Where it stands."""
        return standing(self).status

    @property
    def last_scan(self) -> Parcel | None:
        """The parcel that was scanned last."""
        scanned = [parcel for parcel in self.parcels if parcel.newest is not None]
        return max(scanned, key=lambda parcel: parcel.newest.key if parcel.newest else (0, 0, b""), default=None)


class Applied(Struct, frozen=True):
    """What a scan made of a shipment, and of which parcel."""

    shipment: Shipment
    parcel: Parcel
    said: Said
    first: bool = False  # nothing was known of the shipment before


def apply(shipment: Shipment, scan: Scan) -> Applied:
    """The shipment with the scan in its place, and whether it says anything that is worth telling."""
    index, before = _parcel(shipment, scan.tracking)
    identity = scan.identity
    if _has(before.seen, identity):
        return Applied(shipment, before, Said.KNOWN)
    after = _with(before, scan, identity)
    parcels = (*shipment.parcels[:index], after, *shipment.parcels[index + 1 :])
    return Applied(
        replace(shipment, parcels=parcels),
        after,
        _said(before, after, scan),
        not shipment.parcels and not shipment.from_order,
    )


def standing(shipment: Shipment) -> Standing:
    """Where a shipment stands."""
    parcels = shipment.parcels
    if len(parcels) == 1:  # nearly all have one
        return _of_parcel(parcels[0], shipment.is_return)
    if not parcels:
        return Standing(Status.PENDING, 0, 0, 0, 0, shipment.is_return)
    each = [_of_parcel(parcel, shipment.is_return) for parcel in parcels]
    known = [one for one in each if one.status is not Status.PENDING]
    least = min(known, key=_advance, default=each[0])
    if known and len(known) < len(each) and least.status.rank > Status.INFO_RECEIVED.rank:
        status, date = Status.INFO_RECEIVED, 0
    else:
        status = least.status
        date = max(one.date for one in each if one.status is status)
    return Standing(
        status,
        date,
        min((one.first_status_date for one in each if one.first_status_date), default=0),
        max(one.est_delivery_date for one in each),
        max(one.last_scan_date for one in each),
        any(one.returning for one in each),
    )


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


def of_scan(scan: Scan, transaction_id: str, given: TrackingUpdate | None = None) -> Shipment:
    """A shipment that nobody has told of before, as its first scan tells of it, and the update that it was fed in by."""
    if given is None:
        return learn(Shipment(transaction_id=transaction_id, is_return=scan.is_return), scan)
    return Shipment(
        transaction_id=transaction_id,
        order_id=given.OrderID,
        carrier=given.TrackingCarrier,
        marketplace_id=given.MarketplaceID,
        marketplace_platform=given.MarketplacePlatform,
        external_link=given.ExternalLink,
        from_company=given.FromAddressCompany,
        to_company=given.ToAddressCompany,
        from_country=given.FromAddressCountry,
        to_country=given.ToAddressCountry,
        is_return=scan.is_return,
    )


def learn(shipment: Shipment, scan: Scan, update: TrackingUpdate | None = None) -> Shipment:
    """What a scan, and the update that it was fed in by, say of the shipment itself where nothing is known yet."""
    told: dict[str, object] = {
        name: text
        for name, text in (
            ("carrier", scan.carrier),
            ("order_id", scan.order_id),
            ("external_link", scan.external_link),
            ("from_country", scan.from_country),
            ("to_country", scan.to_country),
        )
        if text and not getattr(shipment, name)
    }
    if update is not None and not shipment.from_order:
        told |= {
            known: text
            for known, name, empty in (
                ("marketplace_id", "MarketplaceID", "0"),
                ("marketplace_platform", "MarketplacePlatform", BY_HAND),
                ("from_company", "FromAddressCompany", ""),
                ("to_company", "ToAddressCompany", ""),
            )
            if (text := getattr(update, name)) != empty and getattr(shipment, known) == empty
        }
    return replace(shipment, **told) if told else shipment


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


def _of_parcel(parcel: Parcel, is_return: bool) -> Standing:  # noqa: FBT001  (a value, not a switch)
    mark = parcel.mark
    return Standing(
        Status.PENDING if mark is None else mark.status,
        0 if mark is None else mark.date,
        parcel.first_status_date,
        0 if parcel.estimate is None else parcel.estimate.date,
        0 if parcel.newest is None else parcel.newest.date,
        is_return or parcel.went_back,
    )


def _advance(one: Standing) -> tuple[int, int, str]:
    return one.status.rank, -(one.status.code or 0), one.status.value


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


def _has(seen: bytes, identity: bytes) -> bool:
    at = seen.find(identity)
    while at >= 0:
        if at % IDENTITY_BYTES == 0:
            return True
        at = seen.find(identity, at + 1)
    return False
