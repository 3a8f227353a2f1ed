"""Shippo: a track with its history. Signed only where Shippo's support has switched that on; the time is signed too."""

from __future__ import annotations

from typing import Final

from parcelhook.carriers import history, proof
from parcelhook.carriers.body import Part, parse
from parcelhook.carriers.dates import estimate, moment
from parcelhook.carriers.hub import BadSignature, Hub, Inbound, NotUnderstood, Reading, SecretKind
from parcelhook.carriers.words import Words
from parcelhook.shipping.scan import Scan
from parcelhook.shipping.status import Status

NAME: Final = "shippo"
SIGNATURE: Final = "Shippo-Auth-Signature"
ABOUT_TRACKING: Final = "track_updated"
ACTION: Final = "action_required"  # stands for every substatus that asks the recipient or the sender to act

# A substatus counts under its own status only: the samples of Shippo's own documentation pair them at random.
WORDS: Final = Words(
    {
        ("UNKNOWN", ""): Status.PENDING,
        ("PRE_TRANSIT", ""): Status.INFO_RECEIVED,
        ("TRANSIT", "out_for_delivery"): Status.OUT_FOR_DELIVERY,
        ("TRANSIT", "pickup_available"): Status.AVAILABLE_FOR_PICKUP,
        ("TRANSIT", "delivery_attempted"): Status.FAILED_ATTEMPT,
        ("TRANSIT", "notice_left"): Status.FAILED_ATTEMPT,
        ("TRANSIT", "location_inaccessible"): Status.FAILED_ATTEMPT,
        ("TRANSIT", "reschedule_delivery"): Status.FAILED_ATTEMPT,
        ("TRANSIT", "address_issue"): Status.EXCEPTION,
        ("TRANSIT", "package_damaged"): Status.EXCEPTION,
        ("TRANSIT", ACTION): Status.FAILED_ATTEMPT,
        ("TRANSIT", ""): Status.IN_TRANSIT,
        ("DELIVERED", ""): Status.DELIVERED,
        ("RETURNED", "package_unclaimed"): Status.FAILED_ATTEMPT,
        ("RETURNED", ""): Status.RETURNING,
        ("FAILURE", ""): Status.EXCEPTION,
    }
)


def verify(inbound: Inbound, secret: str) -> None:
    """Refuses what is not signed with the secret, or was signed long ago; without one kept, Shippo does not sign."""
    if secret:
        timestamp, given = _parts(proof.header(inbound, SIGNATURE))
        proof.check(given, signature(inbound.body, secret, timestamp), SIGNATURE)
        proof.check_fresh(timestamp, inbound.now_s)


def signature(body: bytes, secret: str, timestamp: str) -> str:
    """What Shippo writes after `v1=`, for the time after `t=`."""
    return proof.hmac_sha256(secret, timestamp.encode() + b"." + body).hexdigest()


def _parts(header: str) -> tuple[str, str]:
    """The time and the signature of `t=1712741696,v1=5257a8...`."""
    given = dict(part.strip().partition("=")[::2] for part in header.split(","))
    timestamp, value = given.get("t", ""), given.get("v1", "")
    if not (timestamp.isascii() and timestamp.isdigit() and value):
        raise BadSignature(f"{SIGNATURE} is not of the form t=<Unix seconds>,v1=<signature>.")
    return timestamp, value.lower()


def read(body: bytes) -> Reading:
    """The scans of a track."""
    event = parse(body)
    kind, track = event.name("event"), event.at("data")
    if not kind:
        raise NotUnderstood("This is no webhook of Shippo: it has no `event`.")
    if kind != ABOUT_TRACKING:
        return Reading(note=f"`{kind}` is not about tracking.")
    if not track.text("tracking_number"):
        return Reading(note=f"`{kind}` came without a tracking number.")
    return history.told(
        (_scan(track, entry) for entry in track.parts("tracking_history")),
        headline=_scan(track, track.at("tracking_status")),
    )


def _scan(track: Part, entry: Part) -> Scan | None:
    when = moment(entry.at("status_date"), entry.at("object_updated"), entry.at("object_created"))
    if when is None:
        return None
    status, fine = entry.text("status"), entry.text("substatus", "code")
    return Scan(
        source=NAME,
        carrier=track.key("carrier"),
        tracking=track.key("tracking_number"),
        order_id=track.key("metadata"),
        date=when.second,
        date_text=when.text,
        zone_unknown=when.zone_unknown,
        status=_meaning(status, fine, action_required=entry.flag("substatus", "action_required")),
        status_text=status,
        detail_text=fine,
        message=entry.text("status_details") or entry.text("substatus", "text"),
        city=entry.text("location", "city"),
        est_delivery_date=estimate(track.at("eta"), track.at("original_eta")),
        external_link=track.text("tracking_url_provider"),
        from_country=track.country("address_from", "country"),
        to_country=track.country("address_to", "country"),
    )


def _meaning(status: str, fine: str, *, action_required: bool) -> Status:
    known = (status, fine) in WORDS.table
    return WORDS.meaning(status, ACTION if action_required and not known else fine)


HUB: Final = Hub(
    name=NAME,
    title="Shippo",
    secret=SecretKind.SHARED,
    secret_required=False,
    steps=(
        "In Shippo, open the webhooks of the API settings and add one for the event Track Updated.",
        "Paste the address as its URL.",
        "Shippo signs only after its support has set up a secret with you. If it has, give the secret here.",
    ),
    signed=f"`{SIGNATURE}`: `t=<Unix seconds>,v1=` and the HMAC-SHA256 of time, dot and body, in hex. Refused if the time is more "
    "than five minutes from ours.",
    quirks=(
        "Out for delivery, waiting at a pickup point and failed attempts are a `TRANSIT` with a substatus.",
        f"A substatus that is not in the table, but requires action (`{ACTION}`), is a failed attempt.",
        "`RETURNED` means that the way back has begun, so it is told as returning.",
        "The order is taken from `metadata`: write your order's number there when you buy the label or register the tracker.",
        "`transaction` is Shippo's own id, and not taken as the TransactionID.",
    ),
    words=WORDS,
    verify=verify,
    read=read,
)
