"""Endpoints: add (with the first connection), list, count matches, show, edit, delete, test, enable, disable, secret."""

from __future__ import annotations

from typing import Annotated, Any

from litestar import Request, Router, delete, get, patch, post
from litestar.params import JSONBody, QueryParameter
from msgspec import UNSET, Struct
from msgspec.structs import replace

from parcelhook import times
from parcelhook.api.auth import require_key
from parcelhook.api.endpoint_forms import (
    ConnectedView,
    EndpointChange,
    EndpointInput,
    EndpointView,
    MatchingInput,
    MatchingView,
    RotateInput,
    TestInput,
    changed,
    draft,
    events,
    fields,
    view,
)
from parcelhook.api.given import PathId, TheAccount, ThePlatform
from parcelhook.api.reading import check_body, known_parameters
from parcelhook.delivery import connecting, lookback
from parcelhook.delivery.platform import Platform
from parcelhook.edge.asking import chosen_event, filter_id, filter_number, public_id
from parcelhook.shipping.events import EventKind
from parcelhook.store import ids
from parcelhook.store.accounts import Scope
from parcelhook.webhooks.endpoint import Endpoint
from parcelhook.webhooks.filters import NO_FILTERS

PAGE = 50
LONGEST_PAGE = 200


Cursor = Annotated[str | None, QueryParameter(description="`next_cursor` of the page before")]
Limit = Annotated[str | None, QueryParameter(description=f"1 to {LONGEST_PAGE}, default {PAGE}")]


class EndpointPage(Struct, frozen=True, kw_only=True):
    """A page of endpoints, oldest first."""

    items: list[EndpointView]
    next_cursor: str | None


class Deleted(Struct, frozen=True, kw_only=True):
    """What a deletion did."""

    deleted: bool
    cancelled_deliveries: int


class Secret(Struct, frozen=True, kw_only=True):
    """The signing secret."""

    secret: str


class Rotated(Struct, frozen=True, kw_only=True):
    """The new signing secret, and until when the one before signs too."""

    secret: str
    previous_valid_until: str | None


@post("/", summary="Add Webhook", opt={"body": EndpointInput})
async def add(
    request: Request[Any, Any, Any], platform: ThePlatform, account_id: TheAccount, data: JSONBody[EndpointInput]
) -> ConnectedView:
    """Add an endpoint. First a sample Order Shipped is sent to it, whatever its events; only if that passes is it saved."""
    endpoint, trial = await connecting.connect(platform, draft(data, account_id), verify=data.verify)
    verification = None if trial is None else connecting.view(trial)
    return ConnectedView(verification=verification, **fields(endpoint, 0, platform.retry_schedule))


@get("/", summary="All endpoints")
async def list_all(
    request: Request[Any, Any, Any],
    platform: ThePlatform,
    account_id: TheAccount,
    cursor: Cursor = None,
    limit: Limit = None,
) -> EndpointPage:
    """The account's endpoints, oldest first."""
    known_parameters(request.query_params, frozenset({"cursor", "limit"}))
    after = filter_id("cursor", ids.Prefix.ENDPOINT, cursor) or 0
    size = filter_number("limit", limit, 1, LONGEST_PAGE) or PAGE
    found = [endpoint for endpoint in platform.registry.endpoints(account_id) if endpoint.id > after]
    shown = [await _view(platform, endpoint) for endpoint in found[:size]]
    return EndpointPage(items=shown, next_cursor=shown[-1].id if len(found) > size else None)


@post("/matching", summary="Count what filters would let through", status_code=200, opt={"body": MatchingInput})
async def count_matching(
    platform: ThePlatform, account_id: TheAccount, data: JSONBody[MatchingInput | None] = None
) -> MatchingView:
    """How many of the last day's events an endpoint with these events and filters would have received. Changes nothing.

    At most the newest 10,000 events are looked into.
    """
    asked = data or MatchingInput()
    kinds = frozenset(EventKind) if asked.events is UNSET else events(asked.events)
    found = await lookback.look_back(platform, account_id, kinds, asked.filters or NO_FILTERS, times.now_ms())
    return MatchingView(
        since=times.iso(found.since_ms), events=found.events, matching=found.matching, exact=found.exact
    )


@get("/{endpoint_id:str}", summary="One endpoint")
async def show(platform: ThePlatform, account_id: TheAccount, endpoint_id: PathId) -> EndpointView:
    """The endpoint, and how many deliveries wait for it."""
    return await _view(platform, platform.registry.endpoint(account_id, _id(endpoint_id)))


@patch("/{endpoint_id:str}", summary="Edit", opt={"body": EndpointChange})
async def edit(
    platform: ThePlatform, account_id: TheAccount, endpoint_id: PathId, data: JSONBody[EndpointChange]
) -> EndpointView:
    """Change some fields. What waits for the endpoint goes out under the new settings."""
    endpoint = platform.registry.endpoint(account_id, _id(endpoint_id))
    return await _view(platform, await connecting.change(platform, replace(endpoint, **changed(endpoint, data))))


@delete("/{endpoint_id:str}", summary="Delete", status_code=200)
async def remove(platform: ThePlatform, account_id: TheAccount, endpoint_id: PathId) -> Deleted:
    """Delete an endpoint. What was still waiting for it is cancelled; the log keeps what was sent."""
    count = await connecting.remove(platform, account_id, _id(endpoint_id))
    return Deleted(deleted=True, cancelled_deliveries=count)


@post("/{endpoint_id:str}/test", summary="Test", status_code=200, opt={"body": TestInput})
async def try_out(
    platform: ThePlatform, account_id: TheAccount, endpoint_id: PathId, data: JSONBody[TestInput | None] = None
) -> dict[str, Any]:
    """Send the sample of an event now and answer with all the information transmitted, whether it passed or not."""
    kind = chosen_event("event", (data or TestInput()).event)
    return connecting.view(await connecting.try_out(platform, account_id, _id(endpoint_id), kind))


@post("/{endpoint_id:str}/enable", summary="Enable", status_code=200)
async def enable(platform: ThePlatform, account_id: TheAccount, endpoint_id: PathId) -> EndpointView:
    """Let an endpoint receive again. What was accepted meanwhile goes out, oldest first."""
    return await _view(platform, await connecting.enable(platform, account_id, _id(endpoint_id)))


@post("/{endpoint_id:str}/disable", summary="Disable", status_code=200)
async def disable(platform: ThePlatform, account_id: TheAccount, endpoint_id: PathId) -> EndpointView:
    """Let an endpoint receive nothing. What is accepted for it waits until it is enabled."""
    return await _view(platform, await connecting.disable(platform, account_id, _id(endpoint_id)))


@get("/{endpoint_id:str}/secret", summary="Signing secret", opt={"scope": Scope.FULL})
async def secret(platform: ThePlatform, account_id: TheAccount, endpoint_id: PathId) -> Secret:
    """The secret that requests to this endpoint are signed with (Standard Webhooks). A key that may only read gets none."""
    return Secret(secret=platform.registry.endpoint(account_id, _id(endpoint_id)).secrets[0].secret)


@post(
    "/{endpoint_id:str}/rotate-secret", summary="Rotate the signing secret", status_code=200, opt={"body": RotateInput}
)
async def rotate(
    platform: ThePlatform, account_id: TheAccount, endpoint_id: PathId, data: JSONBody[RotateInput | None] = None
) -> Rotated:
    """A new signing secret; for the overlap, requests are signed by the old one too, so that no receiver misses any."""
    overlap_s = (data or RotateInput()).overlap_s
    fresh, until_ms = await connecting.rotate_secret(platform, account_id, _id(endpoint_id), overlap_s)
    return Rotated(secret=fresh, previous_valid_until=None if until_ms is None else times.iso(until_ms))


router = Router(
    path="/v1/endpoints",
    guards=[require_key],
    route_handlers=[add, list_all, count_matching, show, edit, remove, try_out, enable, disable, secret, rotate],
    before_request=check_body,
    tags=["Endpoints"],
)


def _id(text: str) -> int:
    return public_id(ids.Prefix.ENDPOINT, text)


async def _view(platform: Platform, endpoint: Endpoint) -> EndpointView:
    return view(endpoint, await connecting.waiting(platform, endpoint.id), platform.retry_schedule)
