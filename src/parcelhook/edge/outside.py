"""The address that this server is known by outside."""

from __future__ import annotations

from typing import Any

from litestar import Request

from parcelhook.settings import Settings


def base_url(request: Request[Any, Any, Any], settings: Settings) -> str:
    """As it is set, else as the client asked for it; without a slash at its end."""
    return settings.public_url or f"{request.url.scheme}://{request.headers.get('host', '')}"
