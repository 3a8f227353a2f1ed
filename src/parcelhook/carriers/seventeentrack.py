"""17TRACK: a number followed at one carrier or two. Signed with a plain hash over the body and the API key."""

from __future__ import annotations

import hashlib
from typing import Final

from parcelhook.carriers import history, proof
from parcelhook.carriers.body import Part, parse
from parcelhook.carriers.dates import estimate, moment
from parcelhook.carriers.hub import Hub, Inbound, NotUnderstood, Reading, SecretKind
from parcelhook.carriers.words import Words
from parcelhook.shipping.scan import Scan
from parcelhook.shipping.status import Status

NAME: Final = "17track"
SIGNATURE: Final = "sign"

WORDS: Final = Words(
    {
        ("NotFound", ""): Status.PENDING,
        ("InfoReceived", ""): Status.INFO_RECEIVED,
        ("InTransit", ""): Status.IN_TRANSIT,
        ("OutForDelivery", ""): Status.OUT_FOR_DELIVERY,
        ("AvailableForPickup", ""): Status.AVAILABLE_FOR_PICKUP,
        ("DeliveryFailure", ""): Status.FAILED_ATTEMPT,
        ("Delivered", ""): Status.DELIVERED,
        ("Exception", "Exception_Returning"): Status.RETURNING,
        ("Exception", "Exception_Returned"): Status.RETURNED,
        ("Exception", "Exception_Cancel"): Status.CANCELLED,
        ("Exception", ""): Status.EXCEPTION,
        ("Expired", ""): Status.EXPIRED,
        # Stages: what an event may have in place of a status.
        ("PickedUp", ""): Status.IN_TRANSIT,
        ("Departure", ""): Status.IN_TRANSIT,
        ("Arrival", ""): Status.IN_TRANSIT,
        ("Returning", ""): Status.RETURNING,
        ("Returned", ""): Status.RETURNED,
    }
)
# A carrier is a number; its name stands beside it only where 17TRACK says who its providers are.
CARRIERS: Final = {"3011": "China Post", "7041": "DHL", "21051": "USPS", "100001": "UPS", "100003": "FedEx"}


def verify(inbound: Inbound, secret: str) -> None:
    """Refuses what is not signed with the API key."""
    expected = signature(inbound.body, proof.needed(secret, HUB.title))
    proof.check(proof.header(inbound, SIGNATURE).lower(), expected, SIGNATURE)


def signature(body: bytes, secret: str) -> str:
    """What 17TRACK writes into its header: over the very bytes; JSON that was parsed and written anew does not match."""
    return hashlib.sha256(body + b"/" + secret.encode("utf-8", "surrogatepass")).hexdigest()


def read(body: bytes) -> Reading:
    """The scans of a number."""
    event = parse(body)
    kind, data = event.name("event"), event.at("data")
    if not kind:
        raise NotUnderstood("This is no webhook of 17TRACK: it has no `event`.")
    if kind == "TRACKING_STOPPED":
        return Reading(note="17TRACK has stopped following this number.")
    if not data.text("number"):
        return Reading(note=f"`{kind}` came without a tracking number.")
    providers = data.parts("track_info", "tracking", "providers")
    return history.told(
        (_scan(data, event) for provider in providers for event in provider.parts("events")), headline=_headline(data)
    )


def _scan(data: Part, event: Part) -> Scan | None:
    """An event by its own status. Events of older versions have none; then the newest has that of the number.

    Those are known by their description: under the number's status each would look like a new scan as soon as another is the
    newest. Only a status that nobody knows here is kept in any case.
    """
    status, fine = _own_status(event)
    if status:
        return _told(data, event, WORDS.meaning(status, fine), status, fine, event.text("description"))
    latest = _latest_status(data) if _is_latest(data, event) else ("", "")
    meaning = WORDS.meaning(*latest)
    if latest[0] and meaning is Status.UNKNOWN:
        return _told(data, event, meaning, *latest, event.text("description"))
    return _told(data, event, meaning, event.text("description"), "", event.text("description"))


def _headline(data: Part) -> Scan | None:
    """The number's own status, dated by its latest event. What 17TRACK declares itself is not what that event said."""
    latest, (status, fine) = data.at("track_info", "latest_event"), _latest_status(data)
    meaning = WORDS.meaning(status, fine)
    said = "" if meaning is Status.EXPIRED else latest.text("description")
    return _told(data, latest, meaning, status, fine, said or meaning.label)


def _own_status(event: Part) -> tuple[str, str]:
    fine = event.text("sub_status")
    return (fine.partition("_")[0], fine) if fine else (event.text("stage"), "")


def _is_latest(data: Part, event: Part) -> bool:
    latest = data.at("track_info", "latest_event")
    return all(event.text(name) == latest.text(name) for name in ("time_utc", "time_iso", "description"))


def _latest_status(data: Part) -> tuple[str, str]:
    latest = data.at("track_info", "latest_status")
    return latest.text("status"), latest.text("sub_status")


def _told(data: Part, event: Part, status: Status, status_text: str, detail_text: str, message: str) -> Scan | None:
    when = moment(event.at("time_utc"), event.at("time_iso"))
    if when is None:
        return None
    info = data.at("track_info")
    return Scan(
        source=NAME,
        carrier=_carrier(data),
        tracking=data.key("number"),
        order_id=data.key("tag"),
        date=when.second,
        date_text=when.text,
        zone_unknown=when.zone_unknown,
        status=status,
        status_text=status_text,
        detail_text=detail_text,
        message=message,
        city=event.text("address", "city") or event.text("location"),
        est_delivery_date=estimate(
            info.at("time_metrics", "estimated_delivery_date", "to"),
            info.at("time_metrics", "estimated_delivery_date", "from"),
        ),
        from_country=info.country("shipping_info", "shipper_address", "country"),
        to_country=info.country("shipping_info", "recipient_address", "country"),
    )


def _carrier(data: Part) -> str:
    """The carrier that the number was registered with, by name if it is known."""
    number = data.key("carrier")
    for provider in data.parts("track_info", "tracking", "providers"):
        if provider.text("provider", "key") == number and provider.text("provider", "name"):
            return provider.key("provider", "name")
    return CARRIERS.get(number, number)


HUB: Final = Hub(
    name=NAME,
    title="17TRACK",
    secret=SecretKind.SHARED,
    secret_required=True,
    steps=(
        "In 17TRACK's API settings, open the webhook and paste the address. Choose version 2.2 or later.",
        "Copy the API key (17TRACK calls it the security key) from the same settings, and give it here.",
    ),
    signed=f"`{SIGNATURE}`: the SHA-256 of the body, a slash and the API key, in hex. Always sent.",
    quirks=(
        "A number may be followed at two carriers, at home and abroad: their events are told as one history.",
        "Events of older versions have no status of their own. The newest has that of the number; the others are told as unknown.",
        "`Expired` comes without an event and is told as a scan.",
        "The order is taken from `tag`: give your order's number there when you register the tracking number.",
        "When 17TRACK stops following a number it says so once; that tells nothing of the parcel.",
    ),
    words=WORDS,
    verify=verify,
    read=read,
)
