"""Coming in and going out: the one-time link that the first start prints, the password, log out, the theme."""

from __future__ import annotations

import secrets
from typing import Any

from litestar import Request, Response, Router, get, post
from litestar.params import FromPath
from litestar.response import Redirect

from parcelhook import times
from parcelhook.dashboard.pages import THEME, THEMES, errors_by_field, page, see
from parcelhook.dashboard.passwords import Doorkeeper, Passwords
from parcelhook.dashboard.visitors import (
    SESSION,
    VISIT,
    check_form,
    cookie,
    csrf_token,
    require_user,
    session_token,
)
from parcelhook.delivery.platform import Platform
from parcelhook.errors import InvalidInput, NotFound, ParcelhookError
from parcelhook.store import users
from parcelhook.store.database import Transaction
from parcelhook.store.users import Link, Role, User

KEEP_S = users.SESSION_IDLE_MS // 1_000
WRONG = "This e-mail address and password do not belong together."


@get("/login")
async def login_page(request: Request[Any, Any, Any]) -> Response[Any]:
    """The form."""
    return _form(request, "login.html", {"email": "", "following": request.query_params.get("next", "/"), "error": ""})


@post("/login")
async def login(request: Request[Any, Any, Any]) -> Response[Any]:
    """Let them in, or say that the two do not belong together: never which one is wrong."""
    form = await request.form()
    email, password = str(form.get("email", ""))[: users.LONGEST_EMAIL].strip().lower(), str(form.get("password", ""))
    following = _within(str(form.get("next", "/")))
    platform: Platform = request.app.state.platform
    passwords: Passwords = request.app.state.passwords
    doorkeeper: Doorkeeper = request.app.state.doorkeeper
    address = request.client.host if request.client else ""
    context = {"email": email, "following": following}
    try:
        doorkeeper.knock(address, email)
    except ParcelhookError as error:
        return _form(request, "login.html", {**context, "error": error.message}, status=error.status)
    found = await platform.database.read(lambda connection: users.by_email(connection, email))
    if not await passwords.fits(found[1] if found else None, password) or found is None:
        return _form(request, "login.html", {**context, "error": WRONG}, status=403)
    doorkeeper.right(address, email)
    return await _let_in(platform, found[0].id, following)


@post("/logout", guards=[require_user], opt={"role": Role.VIEWER})
async def logout(request: Request[Any, Any, Any]) -> Response[Any]:
    """End the session here and in the store."""
    platform: Platform = request.app.state.platform
    digest = users.digest(session_token(request))
    await platform.database.write(lambda transaction: users.end_session(transaction.sql, digest))
    answer = see("/login")
    answer.delete_cookie(SESSION)
    return answer


@get("/welcome/{token:str}")
async def welcome_page(request: Request[Any, Any, Any], token: FromPath[str]) -> Response[Any]:
    """What a one-time link opens. Looking at it does not use it up: mail scanners look at links too."""
    link = await _link(request, token)
    return _form(request, "welcome.html", await _welcome(request, link, token))


@post("/welcome/{token:str}")
async def welcome(request: Request[Any, Any, Any], token: FromPath[str]) -> Response[Any]:
    """Make the user with the password they chose, or give the one whom the link names a new password; then let them in."""
    link = await _link(request, token)
    form = await request.form()
    password = str(form.get("password", ""))
    platform: Platform = request.app.state.platform
    context = await _welcome(request, link, token)
    try:
        email = context["email"] or users.checked_email(str(form.get("email", "")))
        password_hash = await request.app.state.passwords.hash(password)
        digest = users.digest(token)
        now_ms = times.now_ms()
        user = User(
            id=link.user_id or platform.ids.next(), account_id=link.account_id, email=email, role=link.role,
            time_zone="", created_ms=now_ms,
        )  # fmt: skip

        def job(transaction: Transaction) -> None:
            users.use_link(transaction.sql, digest)
            if link.user_id is None:
                users.add(transaction.sql, user, password_hash)
            else:
                users.set_password(transaction.sql, user.id, password_hash)

        await platform.database.write(job)
    except InvalidInput as flaw:
        return _form(
            request, "welcome.html",
            {**context, "typed": str(form.get("email", "")), "errors": errors_by_field([flaw])},
        )  # fmt: skip
    return await _let_in(platform, user.id, "/")


@post("/theme")
async def theme(request: Request[Any, Any, Any]) -> Response[Any]:
    """Light, dark, or as the system has it; kept in this browser."""
    form = await request.form()
    chosen = str(form.get("theme", "auto"))
    answer = see(_within(str(form.get("next", "/"))))
    platform: Platform = request.app.state.platform
    answer.set_cookie(cookie(platform, THEME, chosen if chosen in THEMES else "auto", keep_s=31_536_000))
    return answer


async def _let_in(platform: Platform, user_id: int, following: str) -> Redirect:
    token = users.new_token()
    now_ms = times.now_ms()
    await platform.database.write(lambda transaction: users.add_session(transaction.sql, token, user_id, now_ms))
    answer = see(following)
    answer.set_cookie(cookie(platform, SESSION, token, keep_s=KEEP_S))
    answer.delete_cookie(VISIT)
    return answer


async def _link(request: Request[Any, Any, Any], token: str) -> Link:
    platform: Platform = request.app.state.platform
    digest = users.digest(token)
    link = await platform.database.read(lambda connection: users.link(connection, digest, times.now_ms()))
    if link is None:
        raise NotFound(
            "This link was used already, or it has expired. Log in with your password, ask an owner for another link, or run "
            "`parcelhook users link` on the server."
        )
    return link


async def _welcome(request: Request[Any, Any, Any], link: Link, token: str) -> dict[str, Any]:
    platform: Platform = request.app.state.platform
    email = link.email
    if link.user_id is not None:
        everyone = await platform.database.read(lambda connection: users.of_account(connection, link.account_id))
        email = next((user.email for user in everyone if user.id == link.user_id), "")
    return {"token": token, "email": email, "known": link.user_id is not None, "typed": "", "errors": {}}


def _form(
    request: Request[Any, Any, Any], template: str, context: dict[str, Any], *, status: int = 200
) -> Response[bytes]:
    """A page for somebody who is not logged in: its form is bound to a cookie of the visit, made here if need be."""
    token = request.cookies.get(SESSION) or request.cookies.get(VISIT)
    if token:
        return page(request, template, context, status=status)
    token = secrets.token_urlsafe(24)
    answer = page(request, template, {**context, "csrf": csrf_token(token)}, status=status)
    answer.set_cookie(cookie(request.app.state.platform, VISIT, token, keep_s=None))
    return answer


def _within(target: str) -> str:
    """A path of ours to go on to; anything that leads elsewhere becomes the first page."""
    leads_away = not target.startswith("/") or target.startswith("//") or "\\" in target
    return "/" if leads_away or not (target.isascii() and target.isprintable()) else target


router = Router(
    path="/",
    before_request=check_form,
    route_handlers=[login_page, login, logout, welcome_page, welcome, theme],
)
