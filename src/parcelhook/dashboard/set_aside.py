"""What was set aside: requests that were accepted into the stream and could not be taken into the store."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Response, Router, get, post
from msgspec import Struct

from parcelhook.dashboard.given import Asked, PathId, ThePlatform, Who
from parcelhook.dashboard.pages import page, see
from parcelhook.dashboard.visitors import check_form, require_user
from parcelhook.delivery import aside
from parcelhook.edge.asking import public_id
from parcelhook.store import ids


class Line(Struct, frozen=True, kw_only=True):
    """One request, its events as they are shown."""

    id: str
    received_ms: int
    reason: str
    events: int
    body: str


@get("/set-aside")
async def show(request: Asked, platform: ThePlatform, who: Who) -> Response[Any]:
    """The newest first, each with its reason."""
    lines = [
        Line(
            id=ids.public(ids.Prefix.SET_ASIDE, one.id),
            received_ms=one.received_ms,
            reason=one.reason,
            events=one.events,
            body=msgspec.json.format(one.body, indent=2).decode("utf-8", "replace"),
        )
        for one in await aside.all_of(platform, who.user.account_id)
    ]
    return page(request, "set_aside.html", {"lines": lines, "fed": "fed" in request.query_params})


@post("/set-aside/{aside_id:str}/feed")
async def feed(platform: ThePlatform, who: Who, aside_id: PathId) -> Response[Any]:
    """Feed its events in again."""
    await aside.feed_again(platform, who.user.account_id, public_id(ids.Prefix.SET_ASIDE, aside_id))
    return see("/set-aside?fed=1")


@post("/set-aside/{aside_id:str}/let-go")
async def let_go(platform: ThePlatform, who: Who, aside_id: PathId) -> Response[Any]:
    """Forget it."""
    await aside.let_go(platform, who.user.account_id, public_id(ids.Prefix.SET_ASIDE, aside_id))
    return see("/set-aside")


router = Router(path="/", guards=[require_user], before_request=check_form, route_handlers=[show, feed, let_go])
