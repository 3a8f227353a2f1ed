"""Carrier hubs that accounts have connected, and the last requests that came from each."""

from __future__ import annotations

import hashlib
import secrets
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, Row, delete, select

from parcelhook.store.schema import hub_requests, hubs
from parcelhook.store.vault import Vault

REQUESTS_KEPT = 50  # of each hub
BYTES_KEPT = 64 * 1024  # of the body of each, as of an attempt
LONGEST_LABEL = 200


class HubLink(Struct, frozen=True, kw_only=True):
    """A hub's connection to an account, with its token and secret in the clear: never log one."""

    id: int
    account_id: int
    hub: str
    label: str
    token: str
    secret: str
    created_ms: int
    verified_total: int = 0
    refused_total: int = 0
    last_ms: int | None = None

    def __repr__(self) -> str:
        """Without its secrets."""
        return f"HubLink(id={self.id}, hub={self.hub!r})"


class Became(Struct, frozen=True, kw_only=True):
    """What became of one scan of a request. `said` is new, known, late or silent; the event is there if it was told."""

    tracking: str
    date: int
    status: str
    code: int | None
    message: str
    said: str
    event_id: str | None = None


class HubRequest(Struct, frozen=True, kw_only=True):
    """A request as it came. `result` is accepted, refused or not_understood, and `note` says why.

    Of its body, which has `length` bytes, the beginning is kept.
    """

    id: int
    hub_id: int
    received_ms: int
    result: str
    note: str
    event_id: str
    head: str
    body: bytes
    length: int
    scans: int = 0
    told: int = 0
    became: tuple[Became, ...] = ()


class _Sealed(Struct, frozen=True, kw_only=True):
    token: str
    secret: str = ""


def new_token() -> str:
    """What makes a hub's address beyond guessing: 160 bits of chance."""
    return secrets.token_urlsafe(20)


def insert(connection: Connection, link: HubLink, vault: Vault) -> None:
    """Store a new connection."""
    connection.execute(
        hubs.insert().values(
            id=link.id,
            account_id=link.account_id,
            hub=link.hub,
            label=link.label,
            token_digest=_digest(link.token),
            sealed=_seal(link, vault),
            created_ms=link.created_ms,
            deleted_ms=None,
            verified_total=0,
            refused_total=0,
            last_ms=None,
        )
    )


def update(connection: Connection, link: HubLink, vault: Vault) -> None:
    """Store its label and secret anew."""
    connection.execute(hubs.update().where(hubs.c.id == link.id).values(label=link.label, sealed=_seal(link, vault)))


def mark_deleted(connection: Connection, hub_id: int, now_ms: int) -> None:
    """Disconnect a hub: its address leads nowhere, its secret and its requests are gone."""
    connection.execute(delete(hub_requests).where(hub_requests.c.hub_id == hub_id))
    connection.execute(hubs.update().where(hubs.c.id == hub_id).values(deleted_ms=now_ms, sealed=b""))


def by_token(connection: Connection, token: str, vault: Vault) -> HubLink | None:
    """The connection that an address belongs to."""
    row = connection.execute(
        select(hubs).where(hubs.c.token_digest == _digest(token), hubs.c.deleted_ms.is_(None))
    ).first()
    return None if row is None else _link(row, vault)


def of_account(connection: Connection, account_id: int, vault: Vault) -> list[HubLink]:
    """All hubs of an account, oldest first."""
    mine = (hubs.c.account_id == account_id, hubs.c.deleted_ms.is_(None))
    return [_link(row, vault) for row in connection.execute(select(hubs).where(*mine).order_by(hubs.c.id))]


def one(connection: Connection, account_id: int, hub_id: int, vault: Vault) -> HubLink | None:
    """The account's hub of that id, None if it has none such."""
    row = connection.execute(
        select(hubs).where(hubs.c.id == hub_id, hubs.c.account_id == account_id, hubs.c.deleted_ms.is_(None))
    ).first()
    return None if row is None else _link(row, vault)


def seal_anew(connection: Connection, vault: Vault) -> int:
    """Seal every connection with the vault's first key; how many there were."""
    found = [_link(row, vault) for row in connection.execute(select(hubs).where(hubs.c.deleted_ms.is_(None)))]
    for link in found:
        update(connection, link, vault)
    return len(found)


def record(connection: Connection, request: HubRequest) -> None:
    """Keep a request, count it, and let go of the oldest beyond those that are kept."""
    connection.execute(
        hub_requests.insert().values(
            id=request.id,
            hub_id=request.hub_id,
            received_ms=request.received_ms,
            result=request.result,
            note=request.note,
            event_id=request.event_id,
            head=request.head,
            body=request.body,
            length=request.length,
            scans=request.scans,
            told=request.told,
            became=msgspec.json.encode(request.became).decode(),
        )
    )
    oldest = select(hub_requests.c.id).where(hub_requests.c.hub_id == request.hub_id)
    beyond = oldest.order_by(hub_requests.c.id.desc()).offset(REQUESTS_KEPT)
    connection.execute(delete(hub_requests).where(hub_requests.c.id.in_(beyond.limit(REQUESTS_KEPT))))
    counted: dict[str, Any] = (
        {"refused_total": hubs.c.refused_total + 1}
        if request.result == "refused"
        else {"verified_total": hubs.c.verified_total + 1, "last_ms": request.received_ms}
    )
    connection.execute(hubs.update().where(hubs.c.id == request.hub_id).values(**counted))


def requests(connection: Connection, hub_id: int) -> list[HubRequest]:
    """The last requests, newest first."""
    rows = connection.execute(
        select(hub_requests).where(hub_requests.c.hub_id == hub_id).order_by(hub_requests.c.id.desc())
    )
    return [_request(row) for row in rows]


def request(connection: Connection, hub_id: int, request_id: int) -> HubRequest | None:
    """One of them, None if it is not among them any more."""
    row = connection.execute(
        select(hub_requests).where(hub_requests.c.id == request_id, hub_requests.c.hub_id == hub_id)
    ).first()
    return None if row is None else _request(row)


def _request(row: Row[Any]) -> HubRequest:
    return HubRequest(
        id=row.id,
        hub_id=row.hub_id,
        received_ms=row.received_ms,
        result=row.result,
        note=row.note,
        event_id=row.event_id,
        head=row.head,
        body=row.body,
        length=row.length,
        scans=row.scans,
        told=row.told,
        became=msgspec.json.decode(row.became, type=tuple[Became, ...]),
    )


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()


def _seal(link: HubLink, vault: Vault) -> bytes:
    return vault.seal(msgspec.json.encode(_Sealed(token=link.token, secret=link.secret)))


def _link(row: Row[Any], vault: Vault) -> HubLink:
    sealed = msgspec.json.decode(vault.open(row.sealed), type=_Sealed)
    return HubLink(
        id=row.id,
        account_id=row.account_id,
        hub=row.hub,
        label=row.label,
        token=sealed.token,
        secret=sealed.secret,
        created_ms=row.created_ms,
        verified_total=row.verified_total,
        refused_total=row.refused_total,
        last_ms=row.last_ms,
    )
