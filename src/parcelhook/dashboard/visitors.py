"""Who is asking: session cookie, role, and proof that a form was sent from our own page."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any, Final

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie
from litestar.enums import RequestEncodingType
from litestar.handlers.base import BaseRouteHandler
from msgspec import Struct

from parcelhook import times
from parcelhook.delivery.platform import Platform
from parcelhook.errors import NotAllowed, PayloadTooLarge
from parcelhook.store import accounts, users
from parcelhook.store.users import Role, User

SESSION: Final = "parcelhook_session"
VISIT: Final = "parcelhook_visit"  # of somebody who has not logged in yet: their forms need a token too
CSRF_FIELD: Final = "_csrf"
MOST_FIELDS: Final = 500  # of a form; to read a million empty ones would stop the server for seconds
MOST_BYTES: Final = 1024 * 1024  # of a form
READING: Final = frozenset({"GET", "HEAD"})


class LoginNeeded(Exception):
    """Nobody is logged in; the way leads to the login page and back."""


class Visitor(Struct, frozen=True, kw_only=True):
    """Somebody who is logged in. `token` is the session's own."""

    user: User
    account: str
    token: str

    def may(self, role: Role) -> bool:
        """Whether their role reaches that far."""
        return self.user.role.reaches(role)


async def require_user(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """The guard of every page but the login: LoginNeeded, or NotAllowed if the role does not reach.

    A route that changes something needs a member, unless it says otherwise by `opt={"role": ...}`.
    """
    token = connection.cookies.get(SESSION, "")
    platform: Platform = connection.app.state.platform
    found = await _session(platform, token) if token else None
    if found is None:
        raise LoginNeeded
    connection.scope["state"]["visitor"] = found
    reads = connection.scope.get("method") in READING
    needed: Role = handler.opt.get("role", Role.VIEWER if reads else Role.MEMBER)
    if not found.may(needed):
        raise NotAllowed(
            f"This needs the role {needed.value}; yours is {found.user.role.value}. An owner can change it in Settings."
        )


async def _session(platform: Platform, token: str) -> Visitor | None:
    digest = users.digest(token)
    now_ms = times.now_ms()

    def look(connection: Any) -> tuple[User, int, str] | None:
        found = users.of_session(connection, digest, now_ms)
        return None if found is None else (*found, accounts.name_of(connection, found[0].account_id))

    found = await platform.database.read(look)
    if found is None:
        return None
    user, seen_ms, account = found
    if seen_ms < now_ms - users.SEEN_STEP_MS:
        await platform.database.write(lambda transaction: users.seen(transaction.sql, digest, now_ms))
    return Visitor(user=user, account=account, token=token)


async def check_form(request: Request[Any, Any, Any]) -> None:
    """Before every route: a form must come from our own page. NotAllowed otherwise, and nothing was changed."""
    if request.method in READING:
        return
    refused = NotAllowed(
        "This form did not come from this page, or the page is too old. Go back, reload it, and try again."
    )
    if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        raise refused
    origin = request.headers.get("origin")
    if origin is not None and not _is_ours(request, origin):
        raise refused
    if request.content_type[0] != RequestEncodingType.URL_ENCODED:
        raise refused
    if (await request.body()).count(b"&") >= MOST_FIELDS:
        raise PayloadTooLarge(f"A form holds less than {MOST_FIELDS} fields.")
    given = str((await request.form()).get(CSRF_FIELD, ""))
    expected = csrf_token(session_token(request))
    if not expected or not hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode()):
        raise refused


def _is_ours(request: Request[Any, Any, Any], origin: str) -> bool:
    """Whether that is where our pages are: what the browser asked for, or what a proxy in front of us is asked for."""
    platform: Platform = request.app.state.platform
    _, _, host = origin.partition("://")
    return host == request.headers.get("host") or origin == platform.settings.public_url


def visitor(request: ASGIConnection[Any, Any, Any, Any]) -> Visitor | None:
    """Who is logged in, if the guard has looked."""
    found: Visitor | None = request.scope["state"].get("visitor")
    return found


def session_token(request: ASGIConnection[Any, Any, Any, Any]) -> str:
    """What the forms of this browser are bound to: its session, or its visit."""
    return request.cookies.get(SESSION) or request.cookies.get(VISIT) or ""


def csrf_token(token: str) -> str:
    """The token of every form of that session; it tells nothing of the session's own."""
    return hmac.new(token.encode(), b"parcelhook form", hashlib.sha256).hexdigest() if token else ""


def cookie(platform: Platform, name: str, value: str, *, keep_s: int | None) -> Cookie:
    """A cookie that no script reads and no other site sends along."""
    return Cookie(
        key=name,
        value=value,
        max_age=keep_s,
        httponly=True,
        samesite="lax",
        secure=platform.settings.public_url.startswith("https://"),
        path="/",
    )
