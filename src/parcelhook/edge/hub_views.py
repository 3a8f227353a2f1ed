"""A carrier hub's connection as it is shown, with what came from it last: the same for API and dashboard."""

from __future__ import annotations

from msgspec import Struct

from parcelhook import times
from parcelhook.carriers.catalogue import HUBS
from parcelhook.carriers.hub import Reading
from parcelhook.store import ids
from parcelhook.store.hubs import Became, HubLink, HubRequest


class KnownHubView(Struct, frozen=True, kw_only=True):
    """A hub that can be connected. `secret` is what is kept to verify it with: `shared`, `key_set` or `none`."""

    hub: str
    title: str
    secret: str
    secret_required: bool
    steps: list[str]
    signed: str
    quirks: list[str]


class HubView(Struct, frozen=True, kw_only=True):
    """A connected hub. `url` is the address to paste there, null to whoever may only read: who knows it can send scans.

    The secret is never shown, only that it is set.
    """

    id: str
    hub: str
    title: str
    label: str
    url: str | None
    secret_set: bool
    steps: list[str]
    created_at: str
    last_received_at: str | None
    verified: int
    refused: int


class BecameView(Struct, frozen=True, kw_only=True):
    """What became of a scan. `said`: `new` (told by `event_id`), `known` (said before), `late` or `silent` (kept, not told)."""

    tracking: str
    date: str
    status: str
    code: int | None
    message: str
    said: str
    event_id: str | None


class HubRequestView(Struct, frozen=True, kw_only=True):
    """A request as it came from a hub. `result`: `accepted`, `refused` (its signature) or `not_understood` (its body).

    The body is whole up to 64 KiB; beyond that it is `truncated`.
    """

    id: str
    received_at: str
    result: str
    note: str
    event_id: str
    headers: str
    body: str
    truncated: bool
    scans: int
    told: int
    became: list[BecameView]


class TriedScan(Struct, frozen=True, kw_only=True):
    """A scan as a sample would be read."""

    tracking: str
    carrier: str
    date: str
    zone_unknown: bool
    status: str
    code: int | None
    status_text: str
    detail_text: str
    message: str
    city: str
    est_delivery_date: str | None
    is_return: bool


class TriedView(Struct, frozen=True, kw_only=True):
    """What a sample would be read as, oldest first. `note` says why there is nothing, or what was left out."""

    note: str
    event_id: str
    scans: list[TriedScan]


def known() -> list[KnownHubView]:
    """All hubs that can be connected."""
    return [
        KnownHubView(
            hub=hub.name,
            title=hub.title,
            secret=hub.secret.value,
            secret_required=hub.secret_required,
            steps=list(hub.steps),
            signed=hub.signed,
            quirks=list(hub.quirks),
        )
        for hub in HUBS.values()
    ]


def view(link: HubLink, base: str | None) -> HubView:
    """A connection; `base` is the address that this server is known by outside, None where the hub's is not to be shown."""
    hub = HUBS[link.hub]
    return HubView(
        id=ids.public(ids.Prefix.HUB, link.id),
        hub=hub.name,
        title=hub.title,
        label=link.label,
        url=None if base is None else f"{base}/inbound/{hub.name}/{link.token}",
        secret_set=bool(link.secret),
        steps=list(hub.steps),
        created_at=times.iso(link.created_ms),
        last_received_at=None if link.last_ms is None else times.iso(link.last_ms),
        verified=link.verified_total,
        refused=link.refused_total,
    )


def request_view(request: HubRequest) -> HubRequestView:
    """A request that came."""
    return HubRequestView(
        id=ids.public(ids.Prefix.HUB_REQUEST, request.id),
        received_at=times.iso(request.received_ms),
        result=request.result,
        note=request.note,
        event_id=request.event_id,
        headers=request.head,
        body=request.body.decode("utf-8", "replace"),
        truncated=request.length > len(request.body),
        scans=request.scans,
        told=request.told,
        became=[_became(one) for one in request.became],
    )


def tried(reading: Reading) -> TriedView:
    """A sample as it was read."""
    return TriedView(
        note=reading.note,
        event_id=reading.event_id,
        scans=[
            TriedScan(
                tracking=scan.tracking,
                carrier=scan.carrier,
                date=times.iso(scan.date * 1_000),
                zone_unknown=scan.zone_unknown,
                status=scan.status.value,
                code=scan.status.code,
                status_text=scan.status_text,
                detail_text=scan.detail_text,
                message=scan.message,
                city=scan.city,
                est_delivery_date=None if scan.est_delivery_date is None else times.iso(scan.est_delivery_date * 1_000),
                is_return=scan.is_return,
            )
            for scan in reading.scans
        ],
    )


def _became(one: Became) -> BecameView:
    return BecameView(
        tracking=one.tracking,
        date=times.iso(one.date * 1_000),
        status=one.status,
        code=one.code,
        message=one.message,
        said=one.said,
        event_id=one.event_id,
    )
