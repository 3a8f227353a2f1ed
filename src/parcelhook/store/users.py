"""People who use the dashboard: users with roles, their sessions, and the one-time links that let a person in."""

from __future__ import annotations

import hashlib
import secrets
from enum import StrEnum
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, Row, select

from parcelhook.errors import Conflict, InvalidInput, NotFound
from parcelhook.store.schema import login_links, sessions, users

LINK_VALID_MS = 7 * 86_400_000
SESSION_IDLE_MS = 14 * 86_400_000  # a session that nobody used for so long is over
SESSION_LONGEST_MS = 90 * 86_400_000
SEEN_STEP_MS = 300_000  # how exactly it is known when a session was last used; finer would write at every page
LONGEST_EMAIL = 254  # characters (RFC 5321)


class Role(StrEnum):
    """What a user may do: everything; everything but keys and users; look and change nothing."""

    OWNER = "owner"
    MEMBER = "member"
    VIEWER = "viewer"

    def reaches(self, needed: Role) -> bool:
        """Whether this role may do what `needed` may."""
        order = list(Role)
        return order.index(self) <= order.index(needed)


class User(Struct, frozen=True, kw_only=True):
    """A person. `time_zone` is an IANA name, empty for the browser's own."""

    id: int
    account_id: int
    email: str
    role: Role
    time_zone: str
    created_ms: int


class Link(Struct, frozen=True, kw_only=True):
    """What a one-time link opens: it logs `user_id` in, or makes a user (None) with that role."""

    account_id: int
    user_id: int | None
    email: str
    role: Role
    expires_ms: int


def invitation(
    account_id: int, now_ms: int, *, email: str = "", role: Role = Role.OWNER, user_id: int | None = None
) -> Link:
    """What a link is to open: a new user, or (with `user_id`) a new password for one who is there."""
    return Link(account_id=account_id, user_id=user_id, email=email, role=role, expires_ms=now_ms + LINK_VALID_MS)


def new_token() -> str:
    """A fresh secret for a cookie or a link, 256 bits of chance."""
    return secrets.token_urlsafe(32)


def digest(token: str) -> bytes:
    """What of a token is kept."""
    return hashlib.sha256(token.encode()).digest()


def checked_email(text: str) -> str:
    """The e-mail address in the form it is kept in, or InvalidInput."""
    email = text.strip().lower()
    name, at, host = email.rpartition("@")
    if (
        not (name and at and host)
        or len(email) > LONGEST_EMAIL
        or any(c.isspace() or not c.isprintable() for c in email)
    ):
        raise InvalidInput(
            f'"{text[:100]}" is not an e-mail address.', field="email", value=text[:100],
            remedy="Give it as name@company.example.",
        )  # fmt: skip
    return email


def any_user(connection: Connection) -> bool:
    """Whether anybody can log in."""
    return connection.execute(select(users.c.id).where(users.c.removed_ms.is_(None)).limit(1)).first() is not None


def add(connection: Connection, user: User, password_hash: str) -> None:
    """Store a new user; Conflict if the e-mail address is taken. Links that name nobody end: there is somebody now."""
    if connection.execute(select(users.c.id).where(users.c.email == user.email)).first() is not None:
        raise Conflict(f"There is a user {user.email} already. Log in with it, or use another address.")
    connection.execute(
        users.insert().values(
            id=user.id,
            account_id=user.account_id,
            email=user.email,
            password_hash=password_hash,
            role=user.role.value,
            time_zone=user.time_zone,
            created_ms=user.created_ms,
            removed_ms=None,
        )
    )
    forget_first_links(connection, user.account_id)


def by_email(connection: Connection, email: str) -> tuple[User, str] | None:
    """The user of that address, with the hash of their password."""
    row = connection.execute(select(users).where(users.c.email == email, users.c.removed_ms.is_(None))).first()
    return None if row is None else (_user(row), row.password_hash)


def of_account(connection: Connection, account_id: int) -> list[User]:
    """All users of an account, oldest first."""
    query = select(users).where(users.c.account_id == account_id, users.c.removed_ms.is_(None)).order_by(users.c.id)
    return [_user(row) for row in connection.execute(query)]


def everyone(connection: Connection) -> list[User]:
    """All users of all accounts, oldest first; for the operator."""
    return [_user(row) for row in connection.execute(select(users).where(users.c.removed_ms.is_(None)))]


def set_password(connection: Connection, user_id: int, password_hash: str) -> None:
    """Set a new password. Every session of the user ends, and every link for them: who came in otherwise is out."""
    connection.execute(users.update().where(users.c.id == user_id).values(password_hash=password_hash))
    connection.execute(login_links.delete().where(login_links.c.user_id == user_id))
    end_sessions(connection, user_id)


def set_time_zone(connection: Connection, user_id: int, time_zone: str) -> None:
    """Set the time zone that a user reads times in."""
    connection.execute(users.update().where(users.c.id == user_id).values(time_zone=time_zone))


def set_role(connection: Connection, account_id: int, user_id: int, role: Role) -> None:
    """Give a user another role; Conflict if no owner would be left."""
    _another_owner(connection, account_id, user_id, stays_owner=role is Role.OWNER)
    connection.execute(users.update().where(users.c.id == user_id).values(role=role.value))


def remove(connection: Connection, account_id: int, user_id: int, now_ms: int) -> None:
    """Remove a user with their sessions and links; Conflict if no owner would be left."""
    email = _another_owner(connection, account_id, user_id, stays_owner=False)
    connection.execute(
        users.update()
        .where(users.c.id == user_id)
        # The address is free again for another user.
        .values(removed_ms=now_ms, email=f"{email} (removed {user_id})", password_hash="")
    )
    connection.execute(login_links.delete().where(login_links.c.user_id == user_id))
    end_sessions(connection, user_id)


def add_session(connection: Connection, token: str, user_id: int, now_ms: int) -> None:
    """Let the bearer of that token be the user; sessions that are over are forgotten."""
    connection.execute(
        sessions.delete().where(
            (sessions.c.seen_ms < now_ms - SESSION_IDLE_MS) | (sessions.c.created_ms < now_ms - SESSION_LONGEST_MS)
        )
    )
    connection.execute(
        sessions.insert().values(digest=digest(token), user_id=user_id, created_ms=now_ms, seen_ms=now_ms)
    )


def of_session(connection: Connection, token_digest: bytes, now_ms: int) -> tuple[User, int] | None:
    """Whose session that is, and when it was last seen; None if there is none, or it is over."""
    row = connection.execute(
        select(users, sessions.c.seen_ms)
        .join(sessions, sessions.c.user_id == users.c.id)
        .where(
            sessions.c.digest == token_digest,
            sessions.c.seen_ms >= now_ms - SESSION_IDLE_MS,
            sessions.c.created_ms >= now_ms - SESSION_LONGEST_MS,
            users.c.removed_ms.is_(None),
        )
    ).first()
    return None if row is None else (_user(row), row.seen_ms)


def seen(connection: Connection, token_digest: bytes, now_ms: int) -> None:
    """Note that a session is in use."""
    connection.execute(sessions.update().where(sessions.c.digest == token_digest).values(seen_ms=now_ms))


def end_session(connection: Connection, token_digest: bytes) -> None:
    """Log out."""
    connection.execute(sessions.delete().where(sessions.c.digest == token_digest))


def end_sessions(connection: Connection, user_id: int) -> None:
    """Log a user out everywhere."""
    connection.execute(sessions.delete().where(sessions.c.user_id == user_id))


def add_link(connection: Connection, token: str, link: Link, now_ms: int) -> None:
    """Make a one-time link; those that have expired are forgotten."""
    connection.execute(login_links.delete().where(login_links.c.expires_ms < now_ms))
    connection.execute(
        login_links.insert().values(
            digest=digest(token),
            account_id=link.account_id,
            user_id=link.user_id,
            email=link.email,
            role=link.role.value,
            created_ms=now_ms,
            expires_ms=link.expires_ms,
        )
    )


def forget_first_links(connection: Connection, account_id: int) -> None:
    """Make the links of earlier starts open nothing: they name no address, and the newest start prints another."""
    connection.execute(
        login_links.delete().where(
            login_links.c.account_id == account_id, login_links.c.user_id.is_(None), login_links.c.email == ""
        )
    )


def link(connection: Connection, token_digest: bytes, now_ms: int) -> Link | None:
    """What a link opens; None if it was used, has expired, or never was."""
    row = connection.execute(
        select(login_links).where(login_links.c.digest == token_digest, login_links.c.expires_ms >= now_ms)
    ).first()
    if row is None:
        return None
    return Link(
        account_id=row.account_id,
        user_id=row.user_id,
        email=row.email,
        role=Role(row.role),
        expires_ms=row.expires_ms,
    )


def use_link(connection: Connection, token_digest: bytes) -> None:
    """Make a link open nothing any more; NotFound if somebody was quicker."""
    if connection.execute(login_links.delete().where(login_links.c.digest == token_digest)).rowcount == 0:
        raise NotFound("This link was used already. Ask for another one.")


def pending_links(connection: Connection, account_id: int, now_ms: int) -> list[Link]:
    """Invitations that nobody has used yet."""
    rows = connection.execute(
        select(login_links).where(
            login_links.c.account_id == account_id,
            login_links.c.user_id.is_(None),
            login_links.c.email != "",
            login_links.c.expires_ms >= now_ms,
        ).order_by(login_links.c.created_ms)
    )  # fmt: skip
    return [
        Link(account_id=account_id, user_id=None, email=row.email, role=Role(row.role), expires_ms=row.expires_ms)
        for row in rows
    ]


def _another_owner(connection: Connection, account_id: int, user_id: int, *, stays_owner: bool) -> str:
    found = {user.id: user for user in of_account(connection, account_id)}
    if user_id not in found:
        raise NotFound("There is no such user.")
    owners = [user.id for user in found.values() if user.role is Role.OWNER]
    if owners == [user_id] and not stays_owner:
        raise Conflict(f"{found[user_id].email} is the only owner. Make somebody else an owner first.")
    return found[user_id].email


def _user(row: Row[Any]) -> User:
    return User(
        id=row.id,
        account_id=row.account_id,
        email=row.email,
        role=Role(row.role),
        time_zone=row.time_zone,
        created_ms=row.created_ms,
    )
