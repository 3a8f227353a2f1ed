"""Sending a delivery once more, by hand."""

from __future__ import annotations

from litestar import Router, post
from msgspec import Struct

from parcelhook import times
from parcelhook.api.auth import require_key
from parcelhook.api.given import PathId, TheAccount, ThePlatform
from parcelhook.delivery import connecting
from parcelhook.edge.asking import public_id
from parcelhook.store import ids


class Resent(Struct, frozen=True, kw_only=True):
    """A delivery that is due now."""

    id: str
    state: str
    due_at: str


@post("/{delivery_id:str}/retry", summary="Send once more, now", status_code=202)
async def retry(platform: ThePlatform, account_id: TheAccount, delivery_id: PathId) -> Resent:
    """The same bytes under the same `webhook-id`. If this attempt fails, automatic retries that were to come still come."""
    due_ms = await connecting.retry_now(platform, account_id, public_id(ids.Prefix.DELIVERY, delivery_id))
    return Resent(id=delivery_id, state="pending", due_at=times.iso(due_ms))


router = Router(path="/v1/deliveries", guards=[require_key], route_handlers=[retry], tags=["Events"])
