"""ShipEngine, and ShipStation's API: a label's track with its events, signed by RSA with a key out of a published set."""

from __future__ import annotations

import binascii
from base64 import b64decode, urlsafe_b64decode
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers
from cryptography.hazmat.primitives.hashes import SHA256

from parcelhook.carriers import history, proof
from parcelhook.carriers.body import Part, parse
from parcelhook.carriers.dates import estimate, moment
from parcelhook.carriers.hub import BadSignature, Hub, Inbound, NotUnderstood, Reading, SecretKind
from parcelhook.carriers.words import Words
from parcelhook.shipping.scan import Scan
from parcelhook.shipping.status import Status

NAME: Final = "shipengine"
SIGNATURE: Final = "X-ShipEngine-RSA-SHA256-Signature"
KEY_ID: Final = "X-ShipEngine-RSA-SHA256-Key-Id"
TIMESTAMP: Final = "X-ShipEngine-Timestamp"
ABOUT_TRACKING: Final = frozenset({"API_TRACK", "TRACK_EVENT_V2"})

# A detail stands here if it may say more than the status it comes with; for the others (customs passed, delays, messages sent)
# the status is enough.
_DETAILS: Final = {
    Status.INFO_RECEIVED: ("SHIPMENT_CREATED", "AWAITING_PICKUP_DROP_OFF", "ELEC_ADVICE_RECD_BY_CARRIER"),
    Status.IN_TRANSIT: ("PICKED_UP", "DROPPED_OFF", "IN_TRANSIT", "HUB_SCAN_IN", "HUB_SCAN_OUT"),
    Status.OUT_FOR_DELIVERY: ("OUT_FOR_DELIVERY",),
    Status.AVAILABLE_FOR_PICKUP: (
        "AWAITING_COLLECTION_FROM_PICKUP_POINT",
        "COLLECT_AT_LOCAL_PO",
        "CUSTOMER_TO_COLLECT_FROM_CARRIER",
        "DELIVERED_TO_LOCKER_COLLECTION_POINT",
    ),
    Status.FAILED_ATTEMPT: (
        "ATTEMPTED_DELIVERY",
        "ATTEMPTED_DELIVERY_2ND",
        "ATTEMPTED_DELIVERY_3RD",
        "ATTEMPTED_DELIVERY_FINAL",
        "CUSTOMER_CARDED",
        "NO_ACCESS_TO_RECIPIENTS_ADDRESS",
    ),
    Status.EXCEPTION: ("PARCEL_LOST", "PARCEL_DAMAGED", "PARCEL_DISPOSED", "REFUSED_BY_CUSTOMER", "HELD_BY_CUSTOMS"),
    Status.DELIVERED: ("DELIVERED", "PARCEL_COLLECTED_FROM_PICKUP_POINT", "PROOF_OF_DELIVERY"),
    Status.RETURNING: ("RETURN_TO_SENDER",),
    Status.RETURNED: ("UNDELIVERABLE_RETURNED_TO_SENDER",),
    Status.CANCELLED: ("CANCELLED", "CANCELLED_BEFORE_DESPATCH"),
    Status.EXPIRED: ("TRACKING_EXPIRED",),
}
WORDS: Final = Words(
    {
        ("UN", "CARRIER_STATUS_NOT_MAPPED"): Status.UNKNOWN,
        ("UN", ""): Status.PENDING,
        ("NY", ""): Status.INFO_RECEIVED,
        ("AC", ""): Status.IN_TRANSIT,
        ("IT", ""): Status.IN_TRANSIT,
        ("SP", ""): Status.AVAILABLE_FOR_PICKUP,
        ("AT", ""): Status.FAILED_ATTEMPT,
        ("EX", ""): Status.EXCEPTION,
        ("DE", ""): Status.DELIVERED,
        **{("", detail): status for status, details in _DETAILS.items() for detail in details},
    }
)


def verify(inbound: Inbound, secret: str) -> None:
    """Refuses what is not signed with one of the keys in the set that is kept as the secret, or was signed long ago."""
    given, key_id, timestamp = (proof.header(inbound, name) for name in (SIGNATURE, KEY_ID, TIMESTAMP))
    key = _key(proof.needed(secret, HUB.title), key_id)
    try:
        key.verify(b64decode(given, validate=True), signed_content(inbound.body, timestamp), PKCS1v15(), SHA256())
    except (InvalidSignature, binascii.Error, ValueError):
        raise BadSignature(
            f"The signature in {SIGNATURE} is not that of this body and time under the key {key_id[:100]}."
        ) from None
    proof.check_fresh(timestamp, inbound.now_s)


def signed_content(body: bytes, timestamp: str) -> bytes:
    """What ShipEngine signs: the time exactly as its header writes it, a dot, and the body."""
    return timestamp.encode("utf-8", "replace") + b"." + body


def _key(key_set: str, key_id: str) -> RSAPublicKey:
    """The key of this id, or BadSignature saying which there are: ShipEngine changes its keys now and then."""
    try:
        keys = {
            key.text("kid"): key for key in parse(key_set.encode("utf-8", "replace")).parts("keys") if key.text("kid")
        }
    except NotUnderstood:
        keys = {}
    if not keys:
        raise BadSignature(
            "What is kept as ShipEngine's key set is none: it must be the JSON Web Key Set, with its `keys`."
        )
    if key_id not in keys:
        known = ", ".join(key[:100] for key in list(keys)[:10])
        raise BadSignature(
            f"It was signed with the key {key_id[:100]}, and the key set kept here has {known}. Fetch it anew."
        )
    try:
        return RSAPublicNumbers(_number(keys[key_id], "e"), _number(keys[key_id], "n")).public_key()
    except (ValueError, UnsupportedAlgorithm):
        raise BadSignature(f"The key {key_id[:100]} in the key set kept here is no RSA key.") from None


def _number(key: Part, name: str) -> int:
    text = key.text(name)
    return int.from_bytes(urlsafe_b64decode(text + "=" * (-len(text) % 4)), "big")


def read(body: bytes) -> Reading:
    """The scans of a label."""
    event = parse(body)
    kind, track = event.name("resource_type"), event.at("data")
    if not kind:
        raise NotUnderstood("This is no webhook of ShipEngine: it has no `resource_type`.")
    if kind not in ABOUT_TRACKING:
        return Reading(note=f"`{kind}` is not about tracking.")
    if not track.text("tracking_number"):
        return Reading(note=f"`{kind}` came without a tracking number.")
    return history.told((_scan(track, entry) for entry in track.parts("events")), headline=_headline(track))


def _headline(track: Part) -> Scan | None:
    return _scan(track, track, track.at("actual_delivery_date"), track.at("ship_date"))


def _scan(track: Part, entry: Part, *dates: Part) -> Scan | None:
    when = moment(*(dates or (entry.at("occurred_at"), entry.at("carrier_occurred_at"))))
    if when is None:
        return None
    status, fine = entry.text("status_code"), entry.text("status_detail_code")
    return Scan(
        source=NAME,
        carrier=track.key("carrier_code"),
        tracking=track.key("tracking_number"),
        date=when.second,
        date_text=when.text,
        zone_unknown=when.zone_unknown,
        status=WORDS.meaning(status, fine),
        status_text=status,
        detail_text=fine,
        message=entry.text("description")
        or entry.text("carrier_status_description")
        or entry.text("status_description"),
        city=entry.text("city_locality"),
        est_delivery_date=estimate(track.at("estimated_delivery_date")),
        external_link=track.text("tracking_url"),
    )


HUB: Final = Hub(
    name=NAME,
    title="ShipEngine",
    secret=SecretKind.KEY_SET,
    secret_required=True,
    steps=(
        "In the dashboard of ShipEngine, or of ShipStation's API, open the developer settings and add a webhook for tracking events.",
        "Paste the address as its URL.",
        "Fetch the JSON Web Key Set whose address stands in their documentation on webhook security, and give its whole text here.",
    ),
    signed=f"`{SIGNATURE}`: RSA (PKCS#1 v1.5) with SHA-256 over the text of `{TIMESTAMP}`, a dot and the body, in base64, by the key "
    f"that `{KEY_ID}` names. Always sent. Refused if the time is more than five minutes from ours.",
    quirks=(
        "The keys are public and change now and then. A request under a new key is refused with the key's id: fetch the set anew.",
        "The detail code counts before the status code: out for delivery is a detail only.",
        "`occurred_at` is UTC. Where only `carrier_occurred_at` is given, which is local, it is read as UTC.",
        "A track without events is told by its `actual_delivery_date` or `ship_date`; with neither, there is no date to tell it by.",
        "No order is sent. The label's id in `resource_url` is ShipEngine's own, and not taken as the TransactionID.",
    ),
    words=WORDS,
    verify=verify,
    read=read,
)
