"""Settings: API keys, users, time zone and password; what the operator has set is shown with how to change it."""

from __future__ import annotations

import zoneinfo
from functools import cache
from typing import Any, Final

from litestar import Response, Router, get, post
from sqlalchemy import Connection

from parcelhook import settings as server
from parcelhook import times
from parcelhook.dashboard.given import Asked, PathId, ThePlatform, Who
from parcelhook.dashboard.pages import errors_by_field, page, see, zone_info
from parcelhook.dashboard.passwords import Doorkeeper, Passwords
from parcelhook.dashboard.visitors import Visitor, check_form, require_user
from parcelhook.delivery.platform import Platform
from parcelhook.edge.asking import filter_choice
from parcelhook.edge.outside import base_url
from parcelhook.errors import InvalidInput, NotFound
from parcelhook.store import accounts, ids, users
from parcelhook.store.accounts import Scope
from parcelhook.store.database import Transaction
from parcelhook.store.users import Role

OWNER: Final = {"role": Role.OWNER}
ONESELF: Final = {"role": Role.VIEWER}
SCOPES: Final = {
    Scope.FULL: "Everything",
    Scope.FEED: "Feed events in, nothing else",
    Scope.READ: "Read, change nothing",
}
ROLES: Final = {
    Role.OWNER: "Everything, API keys and users included",
    Role.MEMBER: "Webhooks, tests, resends",
    Role.VIEWER: "Look and change nothing",
}
OPERATORS: Final = ("RETENTION_DAYS", "EGRESS_SOURCE", "EGRESS_PROXY", "RETRY_SCHEDULE")


@get("/settings")
async def show(request: Asked, platform: ThePlatform, who: Who) -> Response[Any]:
    """All of it on one page."""
    return await _page(request, platform, who)


@post("/settings/keys", opt=OWNER)
async def add_key(request: Asked, platform: ThePlatform, who: Who) -> Response[Any]:
    """Make an API key, and show it this once: only its hash is kept."""
    form = await request.form()
    name = str(form.get("name", "")).strip()
    key = accounts.new_key()
    account_id, now_ms = who.user.account_id, times.now_ms()
    try:
        _check_name(name)
        scope = (
            filter_choice("scope", str(form.get("scope", "")), {scope.value: scope for scope in Scope}) or Scope.FULL
        )

        def job(transaction: Transaction) -> None:
            accounts.add_key(transaction.sql, account_id, name, key, platform.ids, now_ms, scope)

        await platform.database.write(job)
    except InvalidInput as flaw:
        return await _page(request, platform, who, errors=errors_by_field([flaw]), typed_name=name)
    return await _page(request, platform, who, new_key=key)


@post("/settings/keys/{key_id:str}/revoke", opt=OWNER)
async def revoke_key(request: Asked, platform: ThePlatform, who: Who, key_id: PathId) -> Response[Any]:
    """Make a key open nothing."""
    account_id, now_ms = who.user.account_id, times.now_ms()
    await platform.database.write(lambda transaction: accounts.revoke_key(transaction.sql, key_id, now_ms, account_id))
    platform.forget_keys()
    return see("/settings#keys")


@post("/settings/users", opt=OWNER)
async def invite(request: Asked, platform: ThePlatform, who: Who) -> Response[Any]:
    """Make a one-time link for a new user; the owner hands it over."""
    form = await request.form()
    typed = str(form.get("email", ""))
    try:
        email = users.checked_email(typed)
        role = filter_choice("role", str(form.get("role", "")), {role.value: role for role in Role}) or Role.VIEWER
        await _check_free(platform, email)
    except InvalidInput as flaw:
        return await _page(request, platform, who, errors=errors_by_field([flaw]), typed_email=typed)
    link = users.invitation(who.user.account_id, times.now_ms(), email=email, role=role)
    return await _page(request, platform, who, new_link=await _store_link(platform, link), link_email=email)


@post("/settings/users/{user_id:str}/link", opt=OWNER)
async def link_again(request: Asked, platform: ThePlatform, who: Who, user_id: PathId) -> Response[Any]:
    """A one-time link for a user who forgot the password."""
    number = _number(user_id)
    found = await platform.database.read(lambda connection: users.of_account(connection, who.user.account_id))
    user = next((user for user in found if user.id == number), None)
    if user is None:
        raise NotFound("There is no such user.")
    now_ms = times.now_ms()
    link = users.invitation(who.user.account_id, now_ms, email=user.email, role=user.role, user_id=user.id)
    return await _page(request, platform, who, new_link=await _store_link(platform, link), link_email=user.email)


@post("/settings/users/{user_id:str}/role", opt=OWNER)
async def set_role(request: Asked, platform: ThePlatform, who: Who, user_id: PathId) -> Response[Any]:
    """Give a user another role."""
    form = await request.form()
    role = filter_choice("role", str(form.get("role", "")), {role.value: role for role in Role}) or Role.VIEWER
    account_id, number = who.user.account_id, _number(user_id)
    await platform.database.write(lambda transaction: users.set_role(transaction.sql, account_id, number, role))
    return see("/settings#users")


@post("/settings/users/{user_id:str}/remove", opt=OWNER)
async def remove(request: Asked, platform: ThePlatform, who: Who, user_id: PathId) -> Response[Any]:
    """Remove a user; their sessions end."""
    account_id, number, now_ms = who.user.account_id, _number(user_id), times.now_ms()
    await platform.database.write(lambda transaction: users.remove(transaction.sql, account_id, number, now_ms))
    return see("/settings#users")


@post("/settings/time-zone", opt=ONESELF)
async def set_time_zone(request: Asked, platform: ThePlatform, who: Who) -> Response[Any]:
    """The zone that this user reads times in."""
    form = await request.form()
    zone = str(form.get("time_zone", "")).strip()
    try:
        zone_info(zone)
    except InvalidInput as flaw:
        return await _page(request, platform, who, errors=errors_by_field([flaw]))
    user_id = who.user.id
    await platform.database.write(lambda transaction: users.set_time_zone(transaction.sql, user_id, zone))
    return see("/settings?saved=1#you")


@post("/settings/password", opt=ONESELF)
async def set_password(request: Asked, platform: ThePlatform, who: Who) -> Response[Any]:
    """A new password; it ends every session of this user, this one too."""
    form = await request.form()
    passwords: Passwords = request.app.state.passwords
    doorkeeper: Doorkeeper = request.app.state.doorkeeper
    address = request.client.host if request.client else ""
    found = await platform.database.read(lambda connection: users.by_email(connection, who.user.email))
    try:
        doorkeeper.knock(address, who.user.email)
        await _check_present(passwords, found[1] if found else None, str(form.get("current", "")))
        doorkeeper.right(address, who.user.email)
        password_hash = await passwords.hash(str(form.get("password", "")))
    except InvalidInput as flaw:
        return await _page(request, platform, who, errors=errors_by_field([flaw]))
    user_id = who.user.id
    await platform.database.write(lambda transaction: users.set_password(transaction.sql, user_id, password_hash))
    return see("/login")


def _check_name(name: str) -> None:
    if not name:
        raise InvalidInput(
            "A key needs a name.", field="name", remedy="Say what it is for, so that you dare revoke it one day."
        )


async def _check_free(platform: Platform, email: str) -> None:
    if await platform.database.read(lambda connection: users.by_email(connection, email)) is not None:
        raise InvalidInput(f"There is a user {email} already.", field="email", remedy="Make a new link for them below.")


async def _check_present(passwords: Passwords, known: str | None, given: str) -> None:
    if not await passwords.fits(known, given):
        raise InvalidInput("This is not your present password.", field="current", remedy="Type it once more.")


async def _store_link(platform: Platform, link: users.Link) -> str:
    token = users.new_token()
    now_ms = times.now_ms()
    await platform.database.write(lambda transaction: users.add_link(transaction.sql, token, link, now_ms))
    return f"/welcome/{token}"


async def _page(
    request: Asked, platform: Platform, who: Visitor, *, errors: dict[str, list[str]] | None = None, **more: str
) -> Response[bytes]:
    account_id = who.user.account_id

    def look(connection: Connection) -> tuple[list[accounts.ApiKey], list[users.User], list[users.Link]]:
        return (
            [key for key in accounts.list_keys(connection, account_id) if key.revoked_ms is None],
            users.of_account(connection, account_id),
            users.pending_links(connection, account_id, times.now_ms()),
        )

    keys, people, invited = await platform.database.read(look)
    context = {
        "keys": keys,
        "people": people,
        "invited": invited,
        "scopes": SCOPES,
        "roles": ROLES,
        "zones": _zones(),
        "operators": [(setting, value, origin) for setting, value, origin in server.describe() if setting.key in OPERATORS],
        "prefix": server.PREFIX,
        "errors": errors or {},
        "base": base_url(request, platform.settings),
        "saved": "saved" in request.query_params,
        "new_key": "", "new_link": "", "link_email": "", "typed_name": "", "typed_email": "",
        **more,
    }  # fmt: skip
    return page(request, "settings.html", context)


@cache
def _zones() -> tuple[str, ...]:
    return tuple(
        sorted(
            zone
            for zone in zoneinfo.available_timezones()
            if "/" in zone and not zone.startswith(("Etc/", "posix", "right"))
        )
    )


def _number(user_id: str) -> int:
    number = ids.parse(ids.Prefix.USER, user_id)
    if number is None:
        raise NotFound("There is no such user.")
    return number


router = Router(
    path="/",
    guards=[require_user],
    before_request=check_form,
    route_handlers=[
        show, add_key, revoke_key, invite, link_again, set_role, remove, set_time_zone, set_password,
    ],
)  # fmt: skip
