"""Carriers: the hubs that scans come from. Connect one, see what came from it, try a sample."""

from __future__ import annotations

from typing import Any, Final

from litestar import Response, Router, get, post
from sqlalchemy import Connection

from parcelhook.carriers.hub import Hub
from parcelhook.dashboard.given import Asked, PathId, ThePlatform, Who
from parcelhook.dashboard.pages import errors_by_field, page, see
from parcelhook.dashboard.shipments import words_of_statuses
from parcelhook.dashboard.visitors import Visitor, check_form, require_user
from parcelhook.delivery import hubs as connections
from parcelhook.delivery.platform import Platform
from parcelhook.edge import hub_views
from parcelhook.edge.asking import public_id
from parcelhook.edge.outside import base_url
from parcelhook.errors import HubNotUnderstood, InvalidInput, NotFound
from parcelhook.store import hubs, ids
from parcelhook.store.hubs import HubLink
from parcelhook.store.users import Role

ANYBODY: Final = {"role": Role.VIEWER}
RESULTS: Final = {"accepted": "Accepted", "refused": "Refused", "not_understood": "Not understood"}
SAID: Final = {
    "new": "told",
    "known": "known already: not told again",
    "late": "came late, or after the end: kept, not told",
    "silent": "says nothing yet: kept, not told",
}


@get("/carriers")
async def show(request: Asked, platform: ThePlatform, who: Who) -> Response[Any]:
    """The hubs that are connected, and those that can be."""
    account_id = who.user.account_id
    links = await platform.database.read(lambda connection: hubs.of_account(connection, account_id, platform.vault))
    context = {
        "links": [hub_views.view(link, None) for link in links],
        "known": hub_views.known(),
        "gone": "gone" in request.query_params,
    }
    return page(request, "carriers.html", context)


@get("/carriers/connect/{name:str}", opt={"role": Role.MEMBER})
async def connect_page(request: Asked, name: PathId) -> Response[Any]:
    """What is needed to connect this hub."""
    return _connect(request, _hub(name))


@post("/carriers/connect/{name:str}")
async def connect(request: Asked, platform: ThePlatform, who: Who, name: PathId) -> Response[Any]:
    """Connect it: its own page shows the address to paste there."""
    hub = _hub(name)
    form = await request.form()
    label, secret = str(form.get("label", "")).strip(), str(form.get("secret", "")).strip()
    try:
        link = await connections.connect(platform, who.user.account_id, hub=name, secret=secret, label=label)
    except InvalidInput as flaw:
        return _connect(request, hub, errors=errors_by_field([flaw]), label=label)
    return see(f"/carriers/{ids.public(ids.Prefix.HUB, link.id)}?connected=1")


@get("/carriers/try/{name:str}")
async def try_page(request: Asked, name: PathId) -> Response[Any]:
    """A field to paste a body into."""
    return page(request, "carrier_try.html", {"hub": _hub(name), "body": "", "error": "", "tried": None})


@post("/carriers/try/{name:str}", opt=ANYBODY)
async def try_out(request: Asked, name: PathId) -> Response[Any]:
    """What it would be read as; nothing is stored, nothing is sent."""
    body = str((await request.form()).get("body", ""))
    error, tried = "", None
    try:
        tried = hub_views.tried(connections.try_out(name, body.encode("utf-8", "replace")))
    except HubNotUnderstood as refused:
        error = refused.message
    context = {"hub": _hub(name), "body": body, "error": error, "tried": tried, **words_of_statuses()}
    return page(request, "carrier_try.html", context)


@get("/carriers/{hub_id:str}")
async def one(request: Asked, platform: ThePlatform, who: Who, hub_id: PathId) -> Response[Any]:
    """One hub: its address, how to change it, and the last that came from it."""
    return await _one(request, platform, who, await _find(platform, who, hub_id))


@post("/carriers/{hub_id:str}/edit")
async def edit(request: Asked, platform: ThePlatform, who: Who, hub_id: PathId) -> Response[Any]:
    """Another label, another secret. An empty secret leaves the one that is kept; taking it away is said expressly."""
    link = await _find(platform, who, hub_id)
    form = await request.form()
    typed = str(form.get("secret", "")).strip()
    secret = "" if form.get("no_secret") else typed or None
    try:
        label = str(form.get("label", "")).strip()
        await connections.change(platform, link.account_id, link.id, secret=secret, label=label)
    except InvalidInput as flaw:
        return await _one(request, platform, who, link, errors=errors_by_field([flaw]))
    return see(f"/carriers/{hub_id}?saved=1")


@get("/carriers/{hub_id:str}/disconnect", opt={"role": Role.MEMBER})
async def disconnect_page(request: Asked, platform: ThePlatform, who: Who, hub_id: PathId) -> Response[Any]:
    """Ask once more."""
    link = await _find(platform, who, hub_id)
    return page(request, "carrier_disconnect.html", {"hub": hub_views.view(link, None)})


@post("/carriers/{hub_id:str}/disconnect")
async def disconnect(platform: ThePlatform, who: Who, hub_id: PathId) -> Response[Any]:
    """Its address leads nowhere from now on."""
    link = await _find(platform, who, hub_id)
    await connections.remove(platform, link.account_id, link.id)
    return see("/carriers?gone=1")


@get("/carriers/{hub_id:str}/requests/{request_id:str}")
async def one_request(
    request: Asked, platform: ThePlatform, who: Who, hub_id: PathId, request_id: PathId
) -> Response[Any]:
    """A request as it came, and what became of each of its scans."""
    link = await _find(platform, who, hub_id)
    number = public_id(ids.Prefix.HUB_REQUEST, request_id)
    found = await platform.database.read(lambda connection: hubs.request(connection, link.id, number))
    if found is None:
        raise NotFound(f"This request is not kept any more: of each hub the last {hubs.REQUESTS_KEPT} are.")
    context = {
        "hub": hub_views.view(link, None),
        "came": hub_views.request_view(found),
        "results": RESULTS,
        "said": SAID,
        **words_of_statuses(),
    }
    return page(request, "carrier_request.html", context)


async def _one(
    request: Asked, platform: Platform, who: Visitor, link: HubLink, errors: dict[str, list[str]] | None = None
) -> Response[bytes]:
    def look(connection: Connection) -> list[hubs.HubRequest]:
        return hubs.requests(connection, link.id)

    context = {
        "hub": hub_views.view(link, base_url(request, platform.settings) if who.may(Role.MEMBER) else None),
        "about": _hub(link.hub),
        "requests": [hub_views.request_view(came) for came in await platform.database.read(look)],
        "results": RESULTS,
        "errors": errors or {},
        "connected": "connected" in request.query_params,
        "saved": "saved" in request.query_params,
    }
    return page(request, "carrier.html", context)


def _connect(
    request: Asked, hub: Hub, *, errors: dict[str, list[str]] | None = None, label: str = ""
) -> Response[bytes]:
    return page(request, "carrier_connect.html", {"hub": hub, "errors": errors or {}, "label": label})


def _hub(name: str) -> Hub:
    try:
        return connections.hub_of(name)
    except InvalidInput as flaw:
        raise NotFound(flaw.message) from None


async def _find(platform: Platform, who: Visitor, hub_id: str) -> HubLink:
    return await connections.find(platform, who.user.account_id, public_id(ids.Prefix.HUB, hub_id))


router = Router(
    path="/",
    guards=[require_user],
    before_request=check_form,
    route_handlers=[
        show, connect_page, connect, try_page, try_out, one, edit, disconnect_page, disconnect, one_request,
    ],
)  # fmt: skip
