"""EasyPost: a tracker with its whole history on every update, signed by HMAC where a webhook secret was set."""

from __future__ import annotations

import unicodedata
from typing import Final

from parcelhook.carriers import history, proof
from parcelhook.carriers.body import Part, parse
from parcelhook.carriers.dates import estimate, moment
from parcelhook.carriers.hub import Hub, Inbound, NotUnderstood, Reading, SecretKind
from parcelhook.carriers.words import Words
from parcelhook.shipping.scan import Scan
from parcelhook.shipping.status import Status

NAME: Final = "easypost"
SIGNATURE: Final = "X-Hmac-Signature"
PREFIX: Final = "hmac-sha256-hex="
ATTEMPT: Final = "*attempt*"  # stands for every detail with this word in it: EasyPost publishes no list of them

WORDS: Final = Words(
    {
        ("unknown", ""): Status.PENDING,
        ("pre_transit", ""): Status.INFO_RECEIVED,
        ("in_transit", ""): Status.IN_TRANSIT,
        ("out_for_delivery", ""): Status.OUT_FOR_DELIVERY,
        ("available_for_pickup", ""): Status.AVAILABLE_FOR_PICKUP,
        ("delivered", ""): Status.DELIVERED,
        ("return_to_sender", ""): Status.RETURNING,
        ("failure", ATTEMPT): Status.FAILED_ATTEMPT,
        ("failure", ""): Status.EXCEPTION,
        ("error", ""): Status.EXCEPTION,
        ("cancelled", ""): Status.CANCELLED,
    }
)


def verify(inbound: Inbound, secret: str) -> None:
    """Refuses what is not signed with the secret; without one kept, EasyPost does not sign."""
    if secret:
        proof.check(proof.header(inbound, SIGNATURE).lower(), signature(inbound.body, secret), SIGNATURE)


def signature(body: bytes, secret: str) -> str:
    """What EasyPost writes into its header. It normalises the secret, so that `é` is the same however it was typed."""
    return PREFIX + proof.hmac_sha256(unicodedata.normalize("NFKD", secret), body).hexdigest()


def read(body: bytes) -> Reading:
    """The scans of a tracker."""
    event = parse(body)
    description, tracker = event.name("description"), event.at("result")
    if not description:
        raise NotUnderstood("This is no event of EasyPost: it has no `description`.")
    if not description.startswith("tracker."):
        return Reading(event_id=event.text("id"), note=f"`{description}` is not about tracking.")
    if not tracker.text("tracking_code"):
        return Reading(
            event_id=event.text("id"), note=f"`{description}` came without a tracker that has a tracking code."
        )
    return history.told(
        (_scan(tracker, detail) for detail in tracker.parts("tracking_details")),
        headline=_scan(tracker, tracker, message=WORDS.meaning(tracker.text("status")).label),
        event_id=event.text("id"),
        oldest_first=True,  # documented so; carriers do send a delivery that is dated before the scans it follows
    )


def _scan(tracker: Part, detail: Part, message: str = "") -> Scan | None:
    when = moment(detail.at("datetime"), detail.at("updated_at"), detail.at("created_at"))
    if when is None:
        return None
    status, fine = detail.text("status"), detail.text("status_detail")
    return Scan(
        source=NAME,
        carrier=tracker.key("carrier"),
        tracking=tracker.key("tracking_code"),
        date=when.second,
        date_text=when.text,
        zone_unknown=when.zone_unknown,
        status=WORDS.meaning(status, ATTEMPT if "attempt" in fine else fine),
        status_text=status,
        detail_text=fine,
        message=message or detail.text("message") or detail.text("description"),
        city=detail.text("tracking_location", "city"),
        est_delivery_date=estimate(tracker.at("est_delivery_date")),
        is_return=tracker.flag("is_return"),
        external_link=tracker.text("public_url"),
        from_country=tracker.country("carrier_detail", "origin_tracking_location", "country"),
        to_country=tracker.country("carrier_detail", "destination_tracking_location", "country"),
    )


HUB: Final = Hub(
    name=NAME,
    title="EasyPost",
    secret=SecretKind.SHARED,
    secret_required=False,
    steps=(
        "In EasyPost's dashboard, open the webhooks of your account and add one for the environment you ship in.",
        "Paste the address as its URL.",
        "Set a webhook secret there, any long text, and give the same one here.",
    ),
    signed=f"`{SIGNATURE}`: `{PREFIX}` and the HMAC-SHA256 of the body, in hex. Only sent if the webhook has a secret.",
    quirks=(
        "Every update carries the tracker's whole history. Its order counts, not its dates.",
        "`failure` is a failed attempt only if the detail speaks of an attempt; otherwise it is an exception.",
        "Events about batches, refunds, reports and the like are accepted and tell nothing.",
        "A tracker of a return (`is_return`) is told as a return.",
        "EasyPost's own shipment id (`shp_...`) is not taken as the TransactionID.",
    ),
    words=WORDS,
    verify=verify,
    read=read,
)
