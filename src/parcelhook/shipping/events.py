"""The three events in wire form: field names, types, samples, and how they become bytes.

`TRACKING_UPDATE` is the help page's own body, field by field and type by type (`date` and `code` are numbers, the rest
strings, "0" for none). `ORDER_SHIPPED` and `ORDER_ERROR` are not shown on the page; their fields are ours, built from
the names that the label-bearing API answers of such platforms use.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from parcelhook.errors import InvalidInput


class EventKind(StrEnum):
    """Which of the three events; the value is what stands in the body's `Event` field."""

    ORDER_SHIPPED = "ORDER_SHIPPED"
    ORDER_ERROR = "ORDER_ERROR"
    TRACKING_UPDATE = "TRACKING_UPDATE"

    @property
    def choice(self) -> str:
        """The word that an endpoint chooses it by in the API: `order_shipped`."""
        return self.value.lower()

    @property
    def title(self) -> str:  # type: ignore[override]  # str.title() is a method; here it is the page's name
        """The page's name for it: Order Shipped, Order Error, Tracking Updates."""
        return _TITLES[self]


_TITLES = {
    EventKind.ORDER_SHIPPED: "Order Shipped",
    EventKind.ORDER_ERROR: "Order Error",
    EventKind.TRACKING_UPDATE: "Tracking Updates",
}

GivenId = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9_:-]{1,100}$",
        description="Your own id for this event. Feeding the same id again changes nothing and answers "
        "`duplicate: true`. Letters, digits, `_`, `:` and `-`, up to 100. It is not part of the body that is sent; "
        "it travels as `webhook-id`.",
    ),
]
# Longest strings are bounded so that a body stays a message and not a file; labels have their own, larger bound.
Text = Annotated[str, Meta(max_length=2_000)]
# What things are known and looked for by.
Key = Annotated[str, Meta(max_length=200)]
Label = Annotated[str, Meta(max_length=2_000_000)]
Code = Annotated[
    int,
    Meta(
        ge=1,
        le=6,
        description="1 Info Received, 2 In Transit, 3 Out for Delivery, 4 Failed Attempt, 5 Exception, 6 Delivered",
    ),
]
UnixSeconds = Annotated[int, Meta(ge=0, le=253_402_300_799)]
Flag = Annotated[str, Meta(pattern="^[01]$")]


class AdditionalTrackingNumber(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A further parcel of the same shipment."""

    TrackingNumber: Key
    TrackingExternalLink: Text = ""


class OrderShipped(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="Event", tag="ORDER_SHIPPED"
):
    """A label was made: the order is on its way. Fields are ours (see the module)."""

    id: GivenId | UnsetType = UNSET
    OrderID: Key
    TransactionID: Key
    TrackingCarrier: Key
    TrackingNumber: Key
    TrackingExternalLink: Text = ""
    AdditionalTrackingNumbers: list[AdditionalTrackingNumber] = []
    LabelURL: list[Text] = []
    PDF: list[Label] = []
    ZPL: list[Label] = []
    Status: Text = "1"
    IsReturn: bool = False
    MarketplaceID: Text = "0"
    MarketplacePlatform: Text = "Manual shipment"
    FromAddressCompany: Text | UnsetType = UNSET
    ToAddressCompany: Text | UnsetType = UNSET
    FromAddressCountry: Key | UnsetType = UNSET
    ToAddressCountry: Key | UnsetType = UNSET


class OrderError(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="Event", tag="ORDER_ERROR"):
    """The order could not be shipped. Fields are ours (see the module)."""

    id: GivenId | UnsetType = UNSET
    OrderID: Key
    TransactionID: Key = ""
    TrackingCarrier: Key = ""
    Message: Text
    ValidationErrors: list[Text] = []
    IsReturn: bool | UnsetType = UNSET
    MarketplaceID: Text = "0"
    MarketplacePlatform: Text = "Manual shipment"


class TrackingUpdate(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="Event", tag="TRACKING_UPDATE"
):
    """A carrier said something about a shipment: the help page's body."""

    id: GivenId | UnsetType = UNSET
    tracking: Key = ""
    date: UnixSeconds
    message: Text
    city: Text = ""
    est_delivery_date: Text = "0"
    first_status_date: Text = "0"
    late: Flag = "0"
    code: Code
    OrderID: Key = ""
    TransactionID: Key = ""
    TrackingCarrier: Key = ""
    MarketplaceID: Text = "0"
    MarketplacePlatform: Text = "Manual shipment"
    ExternalLink: Text = ""
    FromAddressCompany: Text = ""
    ToAddressCompany: Text = ""
    FromAddressCountry: Key = ""
    ToAddressCountry: Key = ""
    IsReturn: bool | UnsetType = UNSET


Event = OrderShipped | OrderError | TrackingUpdate

_KINDS: dict[type, EventKind] = {
    OrderShipped: EventKind.ORDER_SHIPPED,
    OrderError: EventKind.ORDER_ERROR,
    TrackingUpdate: EventKind.TRACKING_UPDATE,
}
_encoder = msgspec.json.Encoder()
_update = msgspec.json.Decoder(TrackingUpdate)
_decoder: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)


def kind_of(event: Event) -> EventKind:
    """Which of the three an event is."""
    return _KINDS[type(event)]


def check(event: Event, item: int | None = None) -> None:
    """Raise InvalidInput for an update that does not say of which shipment it is; `item` is its place in a batch."""
    if isinstance(event, TrackingUpdate) and not event.TransactionID and not event.tracking:
        raise InvalidInput(
            "The update does not say which shipment it is of.", field="TransactionID", value="", item=item,
            remedy="Give its TransactionID, or its tracking number in `tracking` (with TrackingCarrier).",
        )  # fmt: skip


def is_return(event: Event) -> bool:
    """Whether it belongs to a return (the page: "Webhooks works on returns too!")."""
    return event.IsReturn is True


def encode(event: Event) -> bytes:
    """The body that goes over the wire: `Event` first, then the fields in the order above, without the given `id`.

    Encoded once, at acceptance; every attempt and replay sends these same bytes.
    """
    if event.id is not UNSET:
        event = msgspec.structs.replace(event, id=UNSET)
    return _encoder.encode(event)


def decode_update(body: bytes) -> TrackingUpdate:
    """The update in a body that `encode` made."""
    return _update.decode(body)


def decode(body: bytes) -> Event:
    """The event behind a body that `encode` made."""
    return _decoder.decode(body)


def sample(kind: EventKind) -> Event:
    """A sample of each event. The tracking update is the help page's own, repaired of its missing quote."""
    return _SAMPLES[kind]


_SAMPLES: dict[EventKind, Event] = {
    EventKind.ORDER_SHIPPED: OrderShipped(
        OrderID="24957298",
        TransactionID="48572_1",
        TrackingCarrier="FedEx",
        TrackingNumber="WZ116539070",
        TrackingExternalLink="https://carrier.example/track/WZ116539070",
        LabelURL=["https://platform.example/labels/48572_1.pdf"],
        FromAddressCompany="John Doe srl.",
        ToAddressCompany="",
        FromAddressCountry="IT",
        ToAddressCountry="IT",
    ),
    EventKind.ORDER_ERROR: OrderError(
        OrderID="24957298",
        TransactionID="48572_1",
        TrackingCarrier="FedEx",
        Message="The carrier refused the shipment: postcode 5012 does not exist in IT.",
        ValidationErrors=["ToAddress.PostalCode: must have 5 digits"],
    ),
    EventKind.TRACKING_UPDATE: TrackingUpdate(
        tracking="WZ116539070",
        date=1622671204,
        message="Shipment delivered",
        city="Florence",
        est_delivery_date="0",
        first_status_date="1622152801",
        late="0",
        code=6,
        OrderID="24957298",
        TransactionID="48572_1",
        TrackingCarrier="FedEx",
        MarketplaceID="0",
        MarketplacePlatform="Manual shipment",
        ExternalLink="",
        FromAddressCompany="John Doe srl.",
        ToAddressCompany="",
        FromAddressCountry="IT",
        ToAddressCountry="IT",
    ),
}
