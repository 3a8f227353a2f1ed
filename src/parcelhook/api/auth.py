"""Who is asking: an API key in `Authorization: Bearer` opens one account."""

from __future__ import annotations

from typing import Any

from litestar import Request

from parcelhook.delivery.platform import Platform
from parcelhook.errors import NotAuthenticated


async def account_of(request: Request[Any, Any, Any], platform: Platform) -> int:
    """The id of the account whose key the request carries, or NotAuthenticated."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise NotAuthenticated("Send your API key in the header `Authorization: Bearer <key>`.")
    account_id = await platform.account_of_key(key.strip())
    if account_id is None:
        raise NotAuthenticated("This API key is not known, or it was revoked.")
    return account_id
