"""The dashboard's application: its pages, its headers, its errors as pages."""

from __future__ import annotations

import secrets
from collections import Counter
from typing import Any, Final
from urllib.parse import quote

import structlog
from litestar import Litestar, Request, Response
from litestar.datastructures import State
from litestar.di import Provide
from litestar.exceptions import HTTPException
from litestar.types import Message, Scope

from parcelhook.dashboard import (
    assets,
    carriers,
    events,
    insights,
    login,
    logs,
    overview,
    reference,
    searching,
    set_aside,
    settings,
    shipments,
    webhook_actions,
    webhooks,
)
from parcelhook.dashboard.pages import page, see
from parcelhook.dashboard.passwords import Doorkeeper, Passwords
from parcelhook.dashboard.visitors import MOST_BYTES, READING, LoginNeeded, visitor
from parcelhook.delivery.platform import Platform
from parcelhook.errors import ParcelhookError, TooManyTries

# On every answer: nothing of the page comes from elsewhere, nothing is sent elsewhere, no script or style stands in the page.
SECURITY_HEADERS: Final = [
    (
        b"content-security-policy",
        (
            b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
            b"base-uri 'none'; frame-ancestors 'none'"
        ),
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
]

log = structlog.get_logger(__name__)


def create_dashboard(platform: Platform) -> Litestar:
    """The ASGI application."""
    return Litestar(
        route_handlers=[
            assets.asset,
            assets.icon,
            login.router,
            overview.router,
            webhooks.router,
            webhook_actions.router,
            logs.router,
            events.router,
            set_aside.router,
            shipments.router,
            carriers.router,
            insights.router,
            reference.router,
            settings.router,
            searching.router,
        ],
        dependencies={
            "platform": Provide(lambda: platform, sync_to_thread=False),
            "who": Provide(visitor, sync_to_thread=False),
        },
        exception_handlers={
            LoginNeeded: _on_login_needed,
            ParcelhookError: _on_parcelhook_error,
            HTTPException: _on_http_exception,
            Exception: _on_unexpected,
        },
        before_send=[_add_headers],
        request_max_body_size=MOST_BYTES,
        state=State(
            {"platform": platform, "passwords": Passwords(), "doorkeeper": Doorkeeper(), "followers": Counter()}
        ),
        openapi_config=None,
        logging_config=None,
    )


async def _add_headers(message: Message, _scope: Scope) -> None:
    if message["type"] == "http.response.start":
        message["headers"] = [*message["headers"], *SECURITY_HEADERS]


def _on_login_needed(request: Request[Any, Any, Any], _error: LoginNeeded) -> Response[Any]:
    if request.method not in READING:
        return _error_page(
            request, 401, "Log in again", "Your session has ended, so nothing was changed. Log in, and try again."
        )
    target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return see("/login" if target == "/" else f"/login?next={quote(target, safe='/')}")


def _on_parcelhook_error(request: Request[Any, Any, Any], error: ParcelhookError) -> Response[Any]:
    remedy = getattr(error, "remedy", "")
    headers = {"Retry-After": str(error.retry_after_s)} if isinstance(error, TooManyTries) else {}
    return _error_page(request, error.status, error.title, f"{error.message} {remedy}".strip(), headers)


def _on_http_exception(request: Request[Any, Any, Any], error: HTTPException) -> Response[Any]:
    if error.status_code >= 500:
        return _on_unexpected(request, error)
    known = {
        404: ("Not found", f"There is no page at {request.url.path[:200]}."),
        405: ("Not possible here", f"{request.method} is not possible at {request.url.path[:200]}."),
        413: ("Too large", "The form holds more than can be taken."),
    }
    title, words = known.get(
        error.status_code, ("The request could not be read", "Go back, reload the page, and try again.")
    )
    return _error_page(request, error.status_code, title, words)


def _on_unexpected(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    incident = secrets.token_hex(4)
    log.error("dashboard.fault", incident=incident, method=request.method, path=request.url.path, exc_info=error)
    words = f"This is a fault of the server, logged as incident {incident}. Nothing you did is to blame."
    return _error_page(request, 500, "Something went wrong", words)


def _error_page(
    request: Request[Any, Any, Any], status: int, title: str, words: str, headers: dict[str, str] | None = None
) -> Response[bytes]:
    return page(
        request, "error.html", {"status": status, "title": title, "sentence": words}, status=status, headers=headers
    )
