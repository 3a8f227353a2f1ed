"""What each field of the three events means, for people who write a receiver."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from parcelhook.shipping.events import EventKind


class Field(Struct, frozen=True):
    """One field of a body."""

    name: str
    type: str
    meaning: str


_MARKETPLACE: Final = (
    Field("MarketplaceID", "string", "which marketplace the order came from; `0` if none"),
    Field("MarketplacePlatform", "string", "its name; `Manual shipment` if the order was entered by hand"),
)
_FROM_TO: Final = (
    Field("FromAddressCompany", "string", "the sender's company"),
    Field("ToAddressCompany", "string", "the receiver's company"),
    Field("FromAddressCountry", "string", "the sender's country, two letters"),
    Field("ToAddressCountry", "string", "the receiver's country, two letters"),
)

FIELDS: Final[dict[EventKind, tuple[Field, ...]]] = {
    EventKind.ORDER_SHIPPED: (
        Field("Event", "string", "`ORDER_SHIPPED`"),
        Field("OrderID", "string", "your order"),
        Field("TransactionID", "string", "the shipment"),
        Field("TrackingCarrier", "string", "the carrier"),
        Field("TrackingNumber", "string", "the parcel's tracking number"),
        Field("TrackingExternalLink", "string", "the carrier's tracking page"),
        Field("AdditionalTrackingNumbers", "list", "further parcels: `TrackingNumber` and `TrackingExternalLink` of each"),
        Field("LabelURL", "list of strings", "where the label can be fetched"),
        Field("PDF", "list of strings", "the label itself, base64 of a PDF"),
        Field("ZPL", "list of strings", "the label for a label printer, as ZPL"),
        Field("Status", "string", "`1`: the label was made"),
        Field("IsReturn", "true or false", "whether the shipment is a return"),
        *_MARKETPLACE,
        *_FROM_TO,
    ),
    EventKind.ORDER_ERROR: (
        Field("Event", "string", "`ORDER_ERROR`"),
        Field("OrderID", "string", "your order"),
        Field("TransactionID", "string", "the shipment, empty if none was made"),
        Field("TrackingCarrier", "string", "the carrier, if one was chosen"),
        Field("Message", "string", "what went wrong"),
        Field("ValidationErrors", "list of strings", "which fields of the order are wrong"),
        Field("IsReturn", "true or false", "only there if it is known: whether it was to be a return"),
        *_MARKETPLACE,
    ),
    EventKind.TRACKING_UPDATE: (
        Field("Event", "string", "`TRACKING_UPDATE`"),
        Field("tracking", "string", "tracking number"),
        Field("date", "number", "when it happened, Unix seconds"),
        Field("message", "string", "the carrier's words"),
        Field("city", "string", "where"),
        Field("est_delivery_date", "string", "estimated delivery, Unix seconds; `0` if unknown"),
        Field("first_status_date", "string", "when the shipment first moved, Unix seconds; `0` if it has not"),
        Field("late", "string", "`1` late, `0` not"),
        Field(
            "code", "number",
            "1 Info Received, 2 In Transit, 3 Out for Delivery, 4 Failed Attempt, 5 Exception, 6 Delivered",
        ),
        Field("OrderID", "string", "your order"),
        Field("TransactionID", "string", "the shipment; its events are kept in order"),
        Field("TrackingCarrier", "string", "the carrier"),
        *_MARKETPLACE,
        Field("ExternalLink", "string", "the carrier's tracking page"),
        *_FROM_TO,
        Field("IsReturn", "true or false", "only there if it is known: whether the shipment is a return"),
    ),
}  # fmt: skip
