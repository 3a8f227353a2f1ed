"""Who is asking: an API key in `Authorization: Bearer` opens one account. Asked before anything else of a request."""

from __future__ import annotations

from typing import Any

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.handlers.base import BaseRouteHandler

from parcelhook.delivery.platform import Platform
from parcelhook.errors import NotAuthenticated


async def require_key(connection: ASGIConnection[Any, Any, Any, Any], _handler: BaseRouteHandler) -> None:
    """The guard of all routes under /v1: NotAuthenticated unless the request carries the key of an account."""
    scheme, _, key = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise NotAuthenticated("Send your API key in the header `Authorization: Bearer <key>`.")
    platform: Platform = connection.app.state.platform
    account_id = await platform.account_of_key(key.strip())
    if account_id is None:
        raise NotAuthenticated("This API key is not known, or it was revoked.")
    connection.scope["state"]["account_id"] = account_id


def account_of(request: Request[Any, Any, Any]) -> int:
    """The id of the account that the guard let in."""
    account_id: int = request.scope["state"]["account_id"]
    return account_id
