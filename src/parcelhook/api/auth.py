"""Who is asking: an API key in `Authorization: Bearer` opens one account. Asked before anything else of a request."""

from __future__ import annotations

from typing import Any

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.handlers.base import BaseRouteHandler

from parcelhook.delivery.platform import Platform
from parcelhook.errors import NotAllowed, NotAuthenticated
from parcelhook.store.accounts import Scope

WHAT_IT_MAY = {
    Scope.READ: "This API key may only read, and no signing secret (its scope is `read`). Make one with the scope `full` in the dashboard's Settings.",
    Scope.FEED: "This API key may only feed events in (its scope is `feed`). Make another one in the dashboard's Settings.",
}


async def require_key(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """The guard of all routes under /v1: the request must carry the key of an account, and one whose scope reaches that far.

    A route that only reads takes a key of the scope `read`, unless it says otherwise by `opt={"scope": Scope.FULL}`.
    Raises NotAuthenticated or NotAllowed.
    """
    key = _key(connection)
    if not key:
        raise NotAuthenticated("Send your API key in the header `Authorization: Bearer <key>`.")
    platform: Platform = connection.app.state.platform
    holder = await platform.holder_of_key(key)
    if holder is None:
        raise NotAuthenticated("This API key is not known, or it was revoked.")
    reads = connection.scope.get("method") in {"GET", "HEAD"} and handler.opt.get("scope") is not Scope.FULL
    if holder.scope is not Scope.FULL and not (reads and holder.scope is Scope.READ):
        raise NotAllowed(WHAT_IT_MAY[holder.scope])
    connection.scope["state"]["account_id"] = holder.account_id
    connection.scope["state"]["scope"] = holder.scope


async def still_opens(connection: ASGIConnection[Any, Any, Any, Any]) -> bool:
    """Whether the key of a request that was let in still opens the door: an answer without end asks now and then."""
    platform: Platform = connection.app.state.platform
    return await platform.holder_of_key(_key(connection)) is not None


def _key(connection: ASGIConnection[Any, Any, Any, Any]) -> str:
    scheme, _, key = connection.headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else ""


def account_of(request: Request[Any, Any, Any]) -> int:
    """The id of the account that the guard let in."""
    account_id: int = request.scope["state"]["account_id"]
    return account_id


def may_change(request: Request[Any, Any, Any]) -> bool:
    """Whether the key that was let in may do more than read."""
    return request.scope["state"]["scope"] is Scope.FULL
