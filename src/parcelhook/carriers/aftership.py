"""AfterShip: a tracking with its checkpoints, always signed. A checkpoint's time may lack its zone."""

from __future__ import annotations

from base64 import b64encode
from typing import Final

from parcelhook.carriers import history, proof
from parcelhook.carriers.body import Part, parse
from parcelhook.carriers.dates import estimate, moment
from parcelhook.carriers.hub import Hub, Inbound, NotUnderstood, Reading, SecretKind
from parcelhook.carriers.words import Words
from parcelhook.shipping.scan import Scan
from parcelhook.shipping.status import Status

NAME: Final = "aftership"
SIGNATURE: Final = "Aftership-Hmac-Sha256"

WORDS: Final = Words(
    {
        ("Pending", ""): Status.PENDING,
        ("InfoReceived", ""): Status.INFO_RECEIVED,
        ("InTransit", ""): Status.IN_TRANSIT,
        ("OutForDelivery", ""): Status.OUT_FOR_DELIVERY,
        ("AvailableForPickup", ""): Status.AVAILABLE_FOR_PICKUP,
        ("AttemptFail", ""): Status.FAILED_ATTEMPT,
        ("Delivered", ""): Status.DELIVERED,
        ("Exception", "Exception_010"): Status.RETURNING,
        ("Exception", "Exception_011"): Status.RETURNED,
        ("Exception", ""): Status.EXCEPTION,
        ("Expired", ""): Status.EXPIRED,
    }
)


def verify(inbound: Inbound, secret: str) -> None:
    """Refuses what is not signed with the secret."""
    expected = signature(inbound.body, proof.needed(secret, HUB.title))
    proof.check(proof.header(inbound, SIGNATURE), expected, SIGNATURE)


def signature(body: bytes, secret: str) -> str:
    """What AfterShip writes into its header."""
    return b64encode(proof.hmac_sha256(secret, body).digest()).decode("ascii")


def read(body: bytes) -> Reading:
    """The scans of a tracking."""
    event = parse(body)
    kind, tracking = event.name("event"), event.at("msg")
    if not kind:
        raise NotUnderstood("This is no webhook of AfterShip: it has no `event`.")
    if not tracking.text("tracking_number"):
        return Reading(event_id=event.text("event_id"), note=f"`{kind}` came without a tracking number.")
    return history.told(
        (_scan(tracking, checkpoint, checkpoint.at("checkpoint_time")) for checkpoint in tracking.parts("checkpoints")),
        headline=_scan(tracking, tracking, tracking.at("updated_at"), event.at("ts")),
        event_id=event.text("event_id"),
    )


def _scan(tracking: Part, checkpoint: Part, *dates: Part) -> Scan | None:
    when = moment(*dates)
    if when is None:
        return None
    tag, subtag = checkpoint.text("tag"), checkpoint.text("subtag")
    return Scan(
        source=NAME,
        carrier=tracking.key("slug"),
        tracking=tracking.key("tracking_number"),
        order_id=tracking.key("order_number") or tracking.key("order_id"),
        date=when.second,
        date_text=when.text,
        zone_unknown=when.zone_unknown,
        status=WORDS.meaning(tag, subtag),
        status_text=tag,
        detail_text=subtag,
        message=checkpoint.text("message") or checkpoint.text("subtag_message"),
        city=checkpoint.text("city") or checkpoint.text("location"),
        est_delivery_date=estimate(
            tracking.at("latest_estimated_delivery", "datetime"), tracking.at("expected_delivery")
        ),
        external_link=tracking.text("courier_tracking_link"),
        from_country=tracking.country("origin_country_region") or tracking.country("origin_country_iso3"),
        to_country=tracking.country("destination_country_region") or tracking.country("destination_country_iso3"),
    )


HUB: Final = Hub(
    name=NAME,
    title="AfterShip",
    secret=SecretKind.SHARED,
    secret_required=True,
    steps=(
        "In AfterShip Tracking, open the settings of its webhooks and add a webhook URL: paste the address.",
        "Choose the tracking updates that it shall send.",
        "Copy the webhook secret that is shown there, and give it here.",
    ),
    signed=f"`{SIGNATURE}`: the HMAC-SHA256 of the body, in base64. Always sent.",
    quirks=(
        "A checkpoint's time may be local and name no zone. It is read as UTC, and the text is kept beside it.",
        "`Expired` is what AfterShip declares after 30 days without news. It comes without a checkpoint and is told as a scan.",
        "The order is taken from `order_number`, or `order_id` if there is none: what you gave AfterShip with the tracking.",
        "AfterShip writes countries with three letters; they are told with two, as everywhere here.",
    ),
    words=WORDS,
    verify=verify,
    read=read,
)
