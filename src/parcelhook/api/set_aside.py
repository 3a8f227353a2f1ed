"""What was accepted into the stream and could not be taken into the store: with its reason, until it is fed in again or let go."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Router, delete, get, post
from msgspec import Struct

from parcelhook import times
from parcelhook.api.auth import require_key
from parcelhook.api.given import PathId, TheAccount, ThePlatform
from parcelhook.delivery import aside
from parcelhook.edge.asking import public_id
from parcelhook.store import ids
from parcelhook.store.accepting import Accepted


class AsideView(Struct, frozen=True, kw_only=True):
    """The events of one request, and why they were not taken."""

    id: str
    received_at: str
    reason: str
    events: list[Any]


class AsidePage(Struct, frozen=True, kw_only=True):
    """The newest, up to a hundred."""

    items: list[AsideView]


class FedAgain(Struct, frozen=True, kw_only=True):
    """A line for each event."""

    accepted: tuple[Accepted, ...]


@get("/", summary="What was set aside")
async def list_all(platform: ThePlatform, account_id: TheAccount) -> AsidePage:
    """Requests that were accepted with 202 while JetStream stood before the store, and that the store then refused."""
    return AsidePage(
        items=[
            AsideView(
                id=ids.public(ids.Prefix.SET_ASIDE, one.id),
                received_at=times.iso(one.received_ms),
                reason=one.reason,
                events=msgspec.json.decode(one.body),
            )
            for one in await aside.all_of(platform, account_id)
        ]
    )


@post("/{aside_id:str}/feed", summary="Feed it in again", status_code=202)
async def feed(platform: ThePlatform, account_id: TheAccount, aside_id: PathId) -> FedAgain:
    """Its events as if they came now, without the Idempotency-Key that they came with. They are no longer set aside."""
    return FedAgain(accepted=await aside.feed_again(platform, account_id, public_id(ids.Prefix.SET_ASIDE, aside_id)))


@delete("/{aside_id:str}", summary="Let it go")
async def remove(platform: ThePlatform, account_id: TheAccount, aside_id: PathId) -> None:
    """Its events are not wanted any more."""
    await aside.let_go(platform, account_id, public_id(ids.Prefix.SET_ASIDE, aside_id))


router = Router(path="/v1/set-aside", guards=[require_key], route_handlers=[list_all, feed, remove], tags=["Events"])
