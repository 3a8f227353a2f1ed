"""Telling: the TRACKING_UPDATE that a scan becomes, filled in from what is known of its shipment. Pure."""

from __future__ import annotations

from msgspec.structs import replace

from parcelhook.shipping.events import TrackingUpdate
from parcelhook.shipping.scan import Scan
from parcelhook.shipping.shipment import BY_HAND, Applied, Parcel, Shipment, is_late
from parcelhook.shipping.status import Status


def event_of(applied: Applied, scan: Scan, given: TrackingUpdate | None = None) -> TrackingUpdate:
    """The TRACKING_UPDATE that tells of a scan. What was fed in stays as it was fed; only what is missing is filled in.

    The code is the scan's own, unless that would take the parcel back: then it is that of where the parcel stands.
    """
    shipment, parcel = applied.shipment, applied.parcel
    whole = given is not None and applied.first  # then nothing is known but what it says
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
    if parcel.first_status_date and given.first_status_date == "0":
        changes["first_status_date"] = str(parcel.first_status_date)
    if parcel.estimate is not None:
        if given.est_delivery_date == "0":
            changes["est_delivery_date"] = str(parcel.estimate.date)
        if given.late == "0" and is_late(parcel.estimate.date, scan.date):
            changes["late"] = "1"
    if not given.tracking or not given.TransactionID or not whole:
        changes |= _missing(shipment, parcel, given)
    code = _code(parcel, scan)
    if code != given.code:
        changes["code"] = code
    if given.IsReturn is not True and (scan.is_return or shipment.is_return or parcel.went_back):
        changes["IsReturn"] = True
    return replace(given, **changes) if changes else given


def _missing(shipment: Shipment, parcel: Parcel, given: TrackingUpdate) -> dict[str, object]:
    """What the shipment knows and the update does not say."""
    return {
        name: known
        for name, known, empty in (
            ("tracking", parcel.tracking, ""),
            ("OrderID", shipment.order_id, ""),
            ("TransactionID", shipment.transaction_id, ""),
            ("TrackingCarrier", shipment.carrier, ""),
            ("MarketplaceID", shipment.marketplace_id, "0"),
            ("MarketplacePlatform", shipment.marketplace_platform, BY_HAND),
            ("ExternalLink", shipment.external_link, ""),
            ("FromAddressCompany", shipment.from_company, ""),
            ("ToAddressCompany", shipment.to_company, ""),
            ("FromAddressCountry", shipment.from_country, ""),
            ("ToAddressCountry", shipment.to_country, ""),
        )
        if known != empty and getattr(given, name) == empty
    }


def _code(parcel: Parcel, scan: Scan) -> int:
    stands = parcel.status
    if scan.status is not stands and (stands.ended or stands is Status.RETURNING or scan.status.code is None):
        return stands.code or 1  # a word that nobody knows still says that the carrier has heard of it
    return scan.status.code or 1
