"""Carrier hubs: connect, look at what came, try a sample; and the addresses that hubs send to."""

from __future__ import annotations

from typing import Annotated, Any

from litestar import Request, Router, delete, get, patch, post
from litestar.params import JSONBody
from msgspec import Meta, Struct

from parcelhook.api.auth import may_change, require_key
from parcelhook.api.given import PathId, TheAccount, ThePlatform
from parcelhook.api.reading import check_body
from parcelhook.delivery import hubs as connections
from parcelhook.delivery.platform import Platform
from parcelhook.edge.asking import public_id
from parcelhook.edge.hub_views import (
    HubRequestView,
    HubView,
    KnownHubView,
    TriedView,
    known,
    request_view,
    tried,
    view,
)
from parcelhook.edge.outside import base_url
from parcelhook.errors import PayloadTooLarge
from parcelhook.store import hubs, ids

MOST_BYTES = 5 * 1024 * 1024  # of a hub's request; a history of a thousand scans is a tenth of it

HubName = Annotated[str, Meta(description="easypost, aftership, sendcloud, shipengine, shippo or 17track")]
Secret = Annotated[
    str, Meta(description="What the hub signs with: its webhook secret; of ShipEngine its key set (JSON)")
]
Label = Annotated[str, Meta(description="A name of your own for it")]


class HubInput(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A hub to connect."""

    hub: HubName
    secret: Secret = ""
    label: Label = ""


class HubChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change; what is left out stays."""

    secret: Secret | None = None
    label: Label | None = None


class SampleInput(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A body to try."""

    hub: HubName
    body: Annotated[str, Meta(description="The body as the hub sends it, as text")]


class HubList(Struct, frozen=True, kw_only=True):
    """The connected hubs, and those that can be."""

    items: list[HubView]
    next_cursor: None
    known: list[KnownHubView]


class HubRequestList(Struct, frozen=True, kw_only=True):
    """The last requests, newest first."""

    items: list[HubRequestView]
    next_cursor: None


class Disconnected(Struct, frozen=True, kw_only=True):
    """What a deletion did."""

    deleted: bool


class ReceivedView(Struct, frozen=True, kw_only=True):
    """What a hub's request was worth."""

    scans: int
    new: int
    note: str


@post("/", summary="Connect a hub", opt={"body": HubInput})
async def add(
    request: Request[Any, Any, Any], platform: ThePlatform, account_id: TheAccount, data: JSONBody[HubInput]
) -> HubView:
    """Connect a carrier hub. The answer's `url` is the address to paste there, and `steps` say where."""
    link = await connections.connect(platform, account_id, hub=data.hub, secret=data.secret, label=data.label)
    return view(link, _base(request, platform))


@get("/", summary="All hubs")
async def list_all(request: Request[Any, Any, Any], platform: ThePlatform, account_id: TheAccount) -> HubList:
    """The hubs that are connected, oldest first, and those that can be."""
    links = await platform.database.read(lambda connection: hubs.of_account(connection, account_id, platform.vault))
    base = _base(request, platform)
    return HubList(items=[view(link, base) for link in links], next_cursor=None, known=known())


@get("/{hub_id:str}", summary="One hub")
async def show(
    request: Request[Any, Any, Any], platform: ThePlatform, account_id: TheAccount, hub_id: PathId
) -> HubView:
    """Its address, and how many of its requests were verified and refused."""
    return view(await connections.find(platform, account_id, _id(hub_id)), _base(request, platform))


@patch("/{hub_id:str}", summary="Change a hub", opt={"body": HubChange})
async def edit(
    request: Request[Any, Any, Any],
    platform: ThePlatform,
    account_id: TheAccount,
    hub_id: PathId,
    data: JSONBody[HubChange],
) -> HubView:
    """Another secret, or another label. The address stays."""
    link = await connections.change(platform, account_id, _id(hub_id), secret=data.secret, label=data.label)
    return view(link, _base(request, platform))


@delete("/{hub_id:str}", summary="Disconnect a hub", status_code=200)
async def remove(platform: ThePlatform, account_id: TheAccount, hub_id: PathId) -> Disconnected:
    """Its address leads nowhere from now on. What it told of stays."""
    await connections.remove(platform, account_id, _id(hub_id))
    return Disconnected(deleted=True)


@get("/{hub_id:str}/requests", summary="What came from a hub")
async def requests(platform: ThePlatform, account_id: TheAccount, hub_id: PathId) -> HubRequestList:
    """The last 50 requests as they came, with their verification and what became of each scan."""
    link = await connections.find(platform, account_id, _id(hub_id))
    found = await platform.database.read(lambda connection: hubs.requests(connection, link.id))
    return HubRequestList(items=[request_view(one) for one in found], next_cursor=None)


@post("/try", summary="Try a sample", status_code=200, opt={"body": SampleInput})
async def try_out(data: JSONBody[SampleInput]) -> TriedView:
    """What a body of a hub would be read as. Nothing is stored, nothing is sent."""
    return tried(connections.try_out(data.hub, data.body.encode()))


@post("/inbound/{hub:str}/{token:str}", summary="A carrier hub's webhook", status_code=200, tags=["Carrier hubs"])
async def inbound(request: Request[Any, Any, Any], platform: ThePlatform, hub: PathId, token: PathId) -> ReceivedView:
    """Where hubs send to: the token in the address and the hub's own signature are the authentication.

    Once it answers 200, everything is on disk. The same request again adds nothing.
    """
    body = await _body(request)
    headers = {name.lower(): value for name, value in request.headers.items()}
    received = await connections.receive(platform, hub, token, headers, body)
    return ReceivedView(scans=received.scans, new=received.told, note=received.note)


def _base(request: Request[Any, Any, Any], platform: Platform) -> str | None:
    return base_url(request, platform.settings) if may_change(request) else None


async def _body(request: Request[Any, Any, Any]) -> bytes:
    """The raw bytes, which are what is signed; PayloadTooLarge before they are all in memory."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > MOST_BYTES:
            raise PayloadTooLarge(f"A hub's request may hold {MOST_BYTES // 2**20} MiB.")
        parts.append(part)
    return b"".join(parts)


def _id(text: str) -> int:
    return public_id(ids.Prefix.HUB, text)


router = Router(
    path="/v1/hubs",
    guards=[require_key],
    route_handlers=[add, list_all, try_out, show, edit, remove, requests],
    before_request=check_body,
    tags=["Carrier hubs"],
)
