"""Carrier hubs: connect one, receive what it sends, try a sample. API, dashboard and command line stand on these."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import structlog
from msgspec import Struct
from msgspec.structs import replace

from parcelhook import times
from parcelhook.carriers.catalogue import HUBS
from parcelhook.carriers.hub import BadSignature, Hub, Inbound, NotUnderstood, Reading, SecretKind
from parcelhook.delivery.intake import Finish
from parcelhook.errors import HubNotUnderstood, HubRefused, InvalidInput, NotFound
from parcelhook.shipping.shipment import Said
from parcelhook.shipping.status import Status
from parcelhook.store import hubs, ids
from parcelhook.store.accepting import Acceptance
from parcelhook.store.database import Transaction
from parcelhook.store.hubs import Became, HubLink, HubRequest

if TYPE_CHECKING:
    from parcelhook.delivery.platform import Platform

LONGEST_SECRET: Final = 100_000  # characters; a key set holds several keys
MASKED: Final = frozenset({"authorization", "cookie", "proxy-authorization"})

log = structlog.get_logger(__name__)


class Received(Struct, frozen=True, kw_only=True):
    """What a request of a hub was worth: its scans, and how many of them said something new."""

    scans: int
    told: int
    note: str = ""


def hub_of(name: str) -> Hub:
    """The hub of that name, or InvalidInput naming those there are."""
    hub = HUBS.get(name)
    if hub is None:
        raise InvalidInput(
            f'"{name[:100]}" is not a hub that is known here.', field="hub", value=name[:100],
            remedy="Possible are: " + ", ".join(HUBS) + ".",
        )  # fmt: skip
    return hub


async def connect(platform: Platform, account_id: int, *, hub: str, secret: str, label: str) -> HubLink:
    """Connect a hub: it gets an address of its own, beyond guessing."""
    _check(hub_of(hub), secret, label)
    link = HubLink(
        id=platform.ids.next(),
        account_id=account_id,
        hub=hub,
        label=label,
        token=hubs.new_token(),
        secret=secret,
        created_ms=times.now_ms(),
    )
    await platform.database.write(lambda transaction: hubs.insert(transaction.sql, link, platform.vault))
    return link


async def change(
    platform: Platform, account_id: int, hub_id: int, *, secret: str | None = None, label: str | None = None
) -> HubLink:
    """Another secret or label; None leaves it as it is, an empty secret takes it away where the hub may come without."""
    link = await find(platform, account_id, hub_id)
    changed = replace(
        link, secret=link.secret if secret is None else secret, label=link.label if label is None else label
    )
    _check(HUBS[link.hub], changed.secret, changed.label)
    await platform.database.write(lambda transaction: hubs.update(transaction.sql, changed, platform.vault))
    return changed


async def remove(platform: Platform, account_id: int, hub_id: int) -> None:
    """Disconnect a hub: its address leads nowhere from now on. What it told of stays."""
    link = await find(platform, account_id, hub_id)
    await platform.database.write(lambda transaction: hubs.mark_deleted(transaction.sql, link.id, times.now_ms()))


async def find(platform: Platform, account_id: int, hub_id: int) -> HubLink:
    """The account's hub of that id, or NotFound."""
    link = await platform.database.read(lambda connection: hubs.one(connection, account_id, hub_id, platform.vault))
    if link is None:
        raise NotFound(f'There is no hub "{ids.public(ids.Prefix.HUB, hub_id)}".')
    return link


async def receive(platform: Platform, name: str, token: str, headers: Mapping[str, str], body: bytes) -> Received:
    """A request at a hub's address: verified over its raw bytes, read, and on disk when this returns.

    Raises NotFound for an address that is none, HubRefused for a signature that does not fit, HubNotUnderstood for a body
    that is none of this hub's. Every request to a real address is kept with what became of it.
    """
    link = await platform.database.read(lambda connection: hubs.by_token(connection, token, platform.vault))
    if link is None or link.hub != name:
        raise NotFound("There is no hub at this address.")
    hub = HUBS[link.hub]
    now_ms = times.now_ms()
    request = HubRequest(
        id=platform.ids.next(),
        hub_id=link.id,
        received_ms=now_ms,
        result="accepted",
        note="",
        event_id="",
        head="\n".join(f"{key}: {'***' if key in MASKED else value}" for key, value in headers.items())[:16_384],
        body=body[: hubs.BYTES_KEPT],
        length=len(body),
    )
    try:
        hub.verify(Inbound(headers=headers, body=body, now_s=now_ms // 1_000), link.secret)
        reading = hub.read(body)
    except BadSignature as refused:
        await _keep(platform, replace(request, result="refused", note=refused.reason))
        log.warning("hub.refused", hub=name, hub_id=link.id, reason=refused.reason)
        raise HubRefused(refused.reason) from None
    except NotUnderstood as refused:
        await _keep(platform, replace(request, result="not_understood", note=refused.reason))
        log.warning("hub.not_understood", hub=name, hub_id=link.id, reason=refused.reason)
        raise HubNotUnderstood(refused.reason) from None
    unknown = sorted({scan.status_text for scan in reading.scans if scan.status is Status.UNKNOWN})
    if unknown:  # what came is in the hub's own log; what its table does not know yet is for its maintainer
        log.warning("hub.unknown_status", hub=name, hub_id=link.id, statuses=unknown)
    acceptance = await platform.intake.accept_scans(link.account_id, reading.scans, _finish(request, reading))
    return Received(scans=len(reading.scans), told=acceptance.told, note=reading.note)


def try_out(name: str, body: bytes) -> Reading:
    """What a body of that hub would be read as; nothing is stored. HubNotUnderstood if it is none of its bodies."""
    try:
        return hub_of(name).read(body)
    except NotUnderstood as refused:
        raise HubNotUnderstood(refused.reason) from None


def _finish(request: HubRequest, reading: Reading) -> Finish:
    """Keeps the request with what became of its scans, in the transaction that records them."""

    def finish(transaction: Transaction, acceptance: Acceptance) -> None:
        became = tuple(
            Became(
                tracking=scan.tracking,
                date=scan.date,
                status=scan.status.value,
                code=scan.status.code,
                message=scan.message[:200],
                said=(said or Said.KNOWN).name.lower(),
                event_id=line.id if said is Said.NEW else None,
            )
            for scan, said, line in zip(reading.scans, acceptance.said, acceptance.accepted, strict=True)
        )
        kept = replace(
            request,
            note=reading.note,
            event_id=reading.event_id,
            scans=len(became),
            told=acceptance.told,
            became=became,
        )
        hubs.record(transaction.sql, kept)

    return finish


def _check(hub: Hub, secret: str, label: str) -> None:
    if hub.secret_required and not secret:
        what = "key set" if hub.secret is SecretKind.KEY_SET else "secret"
        raise InvalidInput(
            f"{hub.title} signs every request, so its {what} is needed.", field="secret", remedy=hub.steps[-1]
        )
    if len(secret) > LONGEST_SECRET:
        raise InvalidInput(
            f"A secret has at most {LONGEST_SECRET:,} characters, not {len(secret):,}.", field="secret",
            remedy="Give the secret alone.",
        )  # fmt: skip
    if len(label) > hubs.LONGEST_LABEL:
        raise InvalidInput(
            f"A label has at most {hubs.LONGEST_LABEL} characters.", field="label", value=label[:100],
            remedy="Shorten it.",
        )  # fmt: skip


async def _keep(platform: Platform, request: HubRequest) -> None:
    await platform.database.write(lambda transaction: hubs.record(transaction.sql, request))
