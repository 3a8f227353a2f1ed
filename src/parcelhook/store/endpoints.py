"""Endpoints at rest. Their credentials and signing secrets are sealed by the vault; nothing else of ours reads them."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, Row, func, select

from parcelhook.shipping.events import EventKind
from parcelhook.store.schema import PENDING, deliveries, endpoints, endpoints_version
from parcelhook.store.vault import Vault
from parcelhook.webhooks.endpoint import (
    CustomHeader,
    Endpoint,
    EndpointState,
    Ordering,
    ResponseRule,
    SigningSecret,
)
from parcelhook.webhooks.filters import Filters
from parcelhook.webhooks.formats import Format


class _Sealed(Struct, frozen=True, kw_only=True):
    """What of an endpoint is sealed, as it is stored."""

    username: str = ""
    password: str = ""
    custom_headers: tuple[CustomHeader, ...] = ()
    secrets: tuple[SigningSecret, ...] = ()


class Changes(Struct, frozen=True):
    """What changed until `version`: the endpoints that are there, oldest first, and the ids of the deleted, each with its own."""

    version: int
    living: list[tuple[Endpoint, int]]
    deleted: list[tuple[int, int]]


def changes(connection: Connection, vault: Vault, since: int = -1) -> Changes:
    """What changed after that version; at first, all there is."""
    rows = connection.execute(select(endpoints).where(endpoints.c.version > since).order_by(endpoints.c.id)).all()
    return Changes(
        version=current_version(connection),
        living=[(_endpoint(row, vault), row.version) for row in rows if row.deleted_ms is None],
        deleted=[(row.id, row.version) for row in rows if row.deleted_ms is not None and since >= 0],
    )


def load_all(connection: Connection, vault: Vault) -> list[Endpoint]:
    """Every endpoint that is not deleted, oldest first."""
    return [endpoint for endpoint, _ in changes(connection, vault).living]


def current_version(connection: Connection) -> int:
    """It grows with every change of any endpoint."""
    return int(connection.execute(select(endpoints_version.c.version)).scalar_one())


def insert(connection: Connection, endpoint: Endpoint, vault: Vault) -> int:
    """Store a new endpoint; the version from which on it is there."""
    version = _next_version(connection)
    connection.execute(endpoints.insert().values(deleted_ms=None, version=version, **_columns(endpoint, vault)))
    return version


def update(connection: Connection, endpoint: Endpoint, vault: Vault) -> int:
    """Store an endpoint anew; the version from which on it is so."""
    version = _next_version(connection)
    changed = endpoints.update().where(endpoints.c.id == endpoint.id)
    connection.execute(changed.values(version=version, **_columns(endpoint, vault)))
    return version


def mark_deleted(connection: Connection, endpoint_id: int, now_ms: int) -> int:
    """Delete an endpoint with its secrets; the row stays, so that the log can say where an attempt went. The version from which
    on it is gone.
    """
    version = _next_version(connection)
    connection.execute(
        endpoints.update()
        .where(endpoints.c.id == endpoint_id, endpoints.c.deleted_ms.is_(None))
        .values(deleted_ms=now_ms, sealed=b"", version=version)
    )
    return version


def _next_version(connection: Connection) -> int:
    growing = endpoints_version.update().values(version=endpoints_version.c.version + 1)
    return int(connection.execute(growing.returning(endpoints_version.c.version)).scalar_one())


def seal_anew(connection: Connection, vault: Vault) -> int:
    """Seal every endpoint with the vault's first key; how many there were."""
    found = load_all(connection, vault)
    for endpoint in found:
        update(connection, endpoint, vault)
    return len(found)


def count_waiting(connection: Connection, endpoint_id: int) -> int:
    """How many deliveries are pending for an endpoint."""
    return connection.execute(
        select(func.count()).select_from(deliveries).where(deliveries.c.endpoint_id == endpoint_id, PENDING)
    ).scalar_one()


def _columns(endpoint: Endpoint, vault: Vault) -> dict[str, Any]:
    sealed = _Sealed(
        username=endpoint.username,
        password=endpoint.password,
        custom_headers=endpoint.custom_headers,
        secrets=endpoint.secrets,
    )
    return {
        "id": endpoint.id,
        "account_id": endpoint.account_id,
        "url": endpoint.url,
        "label": endpoint.label,
        "events": ",".join(kind.value for kind in EventKind if kind in endpoint.events),
        "sealed": vault.seal(msgspec.json.encode(sealed)),
        "retry_count": endpoint.retry_count,
        "retry_schedule": ",".join(str(wait) for wait in endpoint.retry_schedule),
        "response_rule": endpoint.response_rule.value,
        "ordering": endpoint.ordering.value,
        "timeout_ms": endpoint.timeout_ms,
        "rate_limit": endpoint.rate_limit,
        "concurrency": endpoint.concurrency,
        "filters": msgspec.json.encode(endpoint.filters).decode(),
        "format": endpoint.format.value,
        "state": endpoint.state.value,
        "state_reason": endpoint.state_reason,
        "verified": endpoint.verified,
        "created_ms": endpoint.created_ms,
        "updated_ms": endpoint.updated_ms,
    }


def _endpoint(row: Row[Any], vault: Vault) -> Endpoint:
    sealed = msgspec.json.decode(vault.open(row.sealed), type=_Sealed)
    return Endpoint(
        id=row.id,
        account_id=row.account_id,
        url=row.url,
        label=row.label,
        events=frozenset(EventKind(word) for word in row.events.split(",")),
        username=sealed.username,
        password=sealed.password,
        custom_headers=sealed.custom_headers,
        secrets=sealed.secrets,
        retry_count=row.retry_count,
        retry_schedule=tuple(float(wait) for wait in row.retry_schedule.split(",") if wait),
        response_rule=ResponseRule(row.response_rule),
        ordering=Ordering(row.ordering),
        timeout_ms=row.timeout_ms,
        rate_limit=row.rate_limit,
        concurrency=row.concurrency,
        filters=msgspec.json.decode(row.filters, type=Filters),
        format=Format(row.format),
        state=EndpointState(row.state),
        state_reason=row.state_reason,
        verified=row.verified,
        created_ms=row.created_ms,
        updated_ms=row.updated_ms,
    )
