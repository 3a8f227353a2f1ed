"""Sendcloud: the present status of one parcel, without a history. Signed with the integration's secret."""

from __future__ import annotations

from typing import Final

from parcelhook.carriers import history, proof
from parcelhook.carriers.body import Part, parse
from parcelhook.carriers.dates import estimate, moment
from parcelhook.carriers.hub import Hub, Inbound, NotUnderstood, Reading, SecretKind
from parcelhook.carriers.words import Words
from parcelhook.shipping.scan import Scan
from parcelhook.shipping.status import Status

NAME: Final = "sendcloud"
SIGNATURE: Final = "Sendcloud-Signature"
ABOUT_TRACKING: Final = "parcel_status_changed"

# By number: the text beside it is for people, and comes in their language.
_STATUSES: Final = (
    ("999", "no label yet", Status.PENDING),
    ("1001", "being announced", Status.PENDING),
    ("1999", "cancellation asked for", Status.PENDING),
    ("2001", "cancellation being sent", Status.PENDING),
    ("1", "announced", Status.INFO_RECEIVED),
    ("13", "announced, not collected", Status.INFO_RECEIVED),
    ("1000", "ready to send", Status.INFO_RECEIVED),
    ("3", "on the way to the sorting centre", Status.IN_TRANSIT),
    ("5", "sorted", Status.IN_TRANSIT),
    ("6", "not sorted", Status.IN_TRANSIT),
    ("7", "being sorted", Status.IN_TRANSIT),
    ("22", "picked up by the driver", Status.IN_TRANSIT),
    ("91", "on its way", Status.IN_TRANSIT),
    ("62989", "at customs", Status.IN_TRANSIT),
    ("62990", "at the sorting centre", Status.IN_TRANSIT),
    ("62993", "the way of delivery was changed", Status.IN_TRANSIT),
    ("62994", "the day of delivery was changed", Status.IN_TRANSIT),
    ("62995", "the address was changed", Status.IN_TRANSIT),
    ("92", "the driver is on the way", Status.OUT_FOR_DELIVERY),
    ("12", "waits for the customer", Status.AVAILABLE_FOR_PICKUP),
    ("8", "a delivery attempt failed", Status.FAILED_ATTEMPT),
    ("4", "delayed", Status.EXCEPTION),
    ("15", "could not be collected", Status.EXCEPTION),
    ("80", "cannot be delivered", Status.EXCEPTION),
    ("1002", "the announcement failed", Status.EXCEPTION),
    ("62991", "refused by the recipient", Status.EXCEPTION),
    ("62996", "exception", Status.EXCEPTION),
    ("11", "delivered", Status.DELIVERED),
    ("93", "collected by the customer", Status.DELIVERED),
    ("62992", "returned to the sender", Status.RETURNED),
    ("1998", "cancelled at the carrier", Status.CANCELLED),
    ("2000", "cancelled", Status.CANCELLED),
    ("1337", "unknown to Sendcloud", Status.UNKNOWN),
)
WORDS: Final = Words(
    {(number, ""): status for number, _, status in _STATUSES}, {number: title for number, title, _ in _STATUSES}
)


def verify(inbound: Inbound, secret: str) -> None:
    """Refuses what is not signed with the secret; without one kept, the token in the address is all there is."""
    if secret:
        proof.check(proof.header(inbound, SIGNATURE).lower(), signature(inbound.body, secret), SIGNATURE)


def signature(body: bytes, secret: str) -> str:
    """What Sendcloud writes into its header."""
    return proof.hmac_sha256(secret, body).hexdigest()


def read(body: bytes) -> Reading:
    """The one scan of a parcel."""
    event = parse(body)
    action, parcel = event.name("action"), event.at("parcel")
    if not action:
        raise NotUnderstood("This is no webhook of Sendcloud: it has no `action`.")
    if action != ABOUT_TRACKING:
        return Reading(note=f"`{action}` is not about tracking.")
    if not parcel.text("tracking_number"):
        return Reading(note="The parcel has no tracking number yet.")
    return history.told([_scan(event, parcel)])


def _scan(event: Part, parcel: Part) -> Scan | None:
    when = moment(event.at("carrier_status_change_timestamp"), event.at("timestamp"))
    if when is None:
        return None
    status = parcel.text("status", "id")
    return Scan(
        source=NAME,
        carrier=parcel.key("carrier", "code"),
        tracking=parcel.key("tracking_number"),
        order_id=parcel.key("order_number") or parcel.key("external_order_id"),
        date=when.second,
        date_text=when.text,
        zone_unknown=when.zone_unknown,
        status=WORDS.meaning(status),
        status_text=status,
        message=parcel.text("status", "message"),
        est_delivery_date=estimate(parcel.at("expected_delivery_date")),
        is_return=parcel.flag("is_return"),
        external_link=parcel.text("tracking_url"),
        to_country=parcel.country("country", "iso_2"),
    )


HUB: Final = Hub(
    name=NAME,
    title="Sendcloud",
    secret=SecretKind.SHARED,
    secret_required=False,
    steps=(
        "In Sendcloud, open the settings of the integration whose parcels you want to hear of.",
        "Switch its webhook feedback on and paste the address as the webhook URL.",
        "Copy the integration's secret key, or the webhook signature key if it has one, and give it here.",
    ),
    signed=f"`{SIGNATURE}`: the HMAC-SHA256 of the body, in hex.",
    quirks=(
        "Only the present status is sent, no history: what was missed does not come again.",
        "Statuses are read by their number. The message beside it is told as the carrier's words.",
        "The date is when the carrier changed the status; if that is not told, when Sendcloud sent the webhook.",
        "The city of the parcel is the recipient's, not where the parcel is; it is not told.",
        "The order is taken from `order_number`, or `external_order_id` if there is none.",
        "`shipment_uuid` and the parcel's `id` are Sendcloud's own, and not taken as the TransactionID.",
        "Other actions (integrations connected, refunds) are accepted and tell nothing.",
    ),
    words=WORDS,
    verify=verify,
    read=read,
)
