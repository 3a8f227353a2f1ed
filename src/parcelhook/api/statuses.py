"""The catalogue: the 63 statuses, the faults without a status, the known causes behind an answer."""

from __future__ import annotations

from litestar import get
from msgspec import Struct

from parcelhook.api.auth import require_key
from parcelhook.webhooks.catalogue import FAULTS, KNOWN_CAUSES, STATUSES, Cause


class Catalogue(Struct, frozen=True, kw_only=True):
    """Everything that an attempt's `cause` can be, with its cause and what to change."""

    statuses: list[Cause]
    faults: list[Cause]
    known_causes: list[Cause]


@get("/v1/statuses", summary="What each status and fault means", tags=["Webhooks Logs"], guards=[require_key])
async def statuses() -> Catalogue:
    """The meaning of each status and fault, its likely cause, and what to change."""
    return Catalogue(statuses=list(STATUSES), faults=list(FAULTS), known_causes=list(KNOWN_CAUSES))
