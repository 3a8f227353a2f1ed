"""Accounts and their API keys."""

from __future__ import annotations

import hashlib
import secrets
from enum import StrEnum

from msgspec import Struct
from sqlalchemy import Connection, select

from parcelhook.errors import InvalidInput, NotFound
from parcelhook.store import ids
from parcelhook.store.schema import accounts, api_keys

FIRST_ACCOUNT = "default"
KEY_PREFIX = "phk_"
SHORTEST_KEY = 20  # characters; a key is kept as a plain hash, so it must be beyond guessing
LONGEST_NAME = 100
_HINT_LENGTH = 8


class Scope(StrEnum):
    """What an API key may do: everything, feed events in and nothing else, or read and change nothing."""

    FULL = "full"
    FEED = "feed"
    READ = "read"


class KeyHolder(Struct, frozen=True):
    """Whom a key opens the door to, and how far."""

    account_id: int
    scope: Scope


class ApiKey(Struct, frozen=True, kw_only=True):
    """An API key as it can be shown: `hint` is how it begins, the rest is known to its holder only."""

    id: str
    account: str
    name: str
    hint: str
    scope: Scope
    created_ms: int
    revoked_ms: int | None


def new_key() -> str:
    """A fresh key, 160 bits of chance."""
    return KEY_PREFIX + secrets.token_hex(20)


def digest(key: str) -> bytes:
    """What of a key is kept."""
    return hashlib.sha256(key.encode()).digest()


def holder_of_key(connection: Connection, key_digest: bytes) -> KeyHolder | None:
    """Whom a key opens the door to, None if it is unknown or revoked."""
    row = connection.execute(
        select(api_keys.c.account_id, api_keys.c.scope).where(
            api_keys.c.digest == key_digest, api_keys.c.revoked_ms.is_(None)
        )
    ).first()
    return None if row is None else KeyHolder(row.account_id, Scope(row.scope))


def name_of(connection: Connection, account_id: int) -> str:
    """The name of an account."""
    return str(connection.execute(select(accounts.c.name).where(accounts.c.id == account_id)).scalar_one())


def ensure_account(connection: Connection, name: str, maker: ids.IdMaker, now_ms: int) -> int:
    """The id of the account of that name, which is made if it does not exist."""
    found: int | None = connection.execute(select(accounts.c.id).where(accounts.c.name == name)).scalar()
    if found is not None:
        return found
    if not name or len(name) > LONGEST_NAME:
        raise InvalidInput(
            "An account's name has 1 to 100 characters.", field="account", value=name[:100], remedy="Shorten it."
        )
    made = maker.next()
    connection.execute(accounts.insert().values(id=made, name=name, created_ms=now_ms))
    return made


def add_key(
    connection: Connection,
    account_id: int,
    name: str,
    key: str,
    maker: ids.IdMaker,
    now_ms: int,
    scope: Scope = Scope.FULL,
) -> None:
    """Make `key` open the account; nothing happens if it does so already."""
    if len(name) > LONGEST_NAME:
        raise InvalidInput(
            f"A key's name has at most {LONGEST_NAME} characters.",
            field="name", value=name[:LONGEST_NAME], remedy="Shorten it.",
        )  # fmt: skip
    if len(key) < SHORTEST_KEY:
        raise InvalidInput(
            f"An API key has at least {SHORTEST_KEY} characters, not {len(key)}.",
            field="api_key",
            remedy="Use a longer one, or none: then one is made.",
        )
    known = digest(key)
    if holder_of_key(connection, known) is not None:
        return
    connection.execute(api_keys.delete().where(api_keys.c.digest == known))
    connection.execute(
        api_keys.insert().values(
            id=maker.next(),
            account_id=account_id,
            name=name,
            digest=known,
            hint=key[:_HINT_LENGTH],
            scope=scope.value,
            created_ms=now_ms,
            revoked_ms=None,
        )
    )


def has_keys(connection: Connection) -> bool:
    """Whether any key works."""
    return connection.execute(select(api_keys.c.id).where(api_keys.c.revoked_ms.is_(None)).limit(1)).first() is not None


def list_keys(connection: Connection, account_id: int | None = None) -> list[ApiKey]:
    """All keys of an account, oldest first; of all accounts for the operator (None)."""
    query = select(api_keys, accounts.c.name.label("account")).join(accounts, accounts.c.id == api_keys.c.account_id)
    if account_id is not None:
        query = query.where(api_keys.c.account_id == account_id)
    rows = connection.execute(query.order_by(api_keys.c.id))
    return [
        ApiKey(
            id=ids.public(ids.Prefix.KEY, row.id),
            account=row.account,
            name=row.name,
            hint=row.hint,
            scope=Scope(row.scope),
            created_ms=row.created_ms,
            revoked_ms=row.revoked_ms,
        )
        for row in rows
    ]


def revoke_key(connection: Connection, key_id: str, now_ms: int, account_id: int | None = None) -> None:
    """Make a key open nothing from now on; of that account alone, if one is given."""
    number = ids.parse(ids.Prefix.KEY, key_id)
    query = api_keys.update().where(api_keys.c.id == number, api_keys.c.revoked_ms.is_(None))
    if account_id is not None:
        query = query.where(api_keys.c.account_id == account_id)
    changed = connection.execute(query.values(revoked_ms=now_ms))
    if changed.rowcount == 0:
        raise NotFound(f'There is no working API key "{key_id}". `parcelhook keys list` shows all.')
