"""Accounts and their API keys."""

from __future__ import annotations

import hashlib
import secrets

from msgspec import Struct
from sqlalchemy import Connection, select

from parcelhook.errors import InvalidInput, NotFound
from parcelhook.store import ids
from parcelhook.store.schema import accounts, api_keys

FIRST_ACCOUNT = "default"
KEY_PREFIX = "phk_"
SHORTEST_KEY = 20  # characters; a key is kept as a plain hash, so it must be beyond guessing
_HINT_LENGTH = 8


class ApiKey(Struct, frozen=True, kw_only=True):
    """An API key as it can be shown: `hint` is how it begins, the rest is known to its holder only."""

    id: str
    account: str
    name: str
    hint: str
    created_ms: int
    revoked_ms: int | None


def new_key() -> str:
    """A fresh key, 160 bits of chance."""
    return KEY_PREFIX + secrets.token_hex(20)


def digest(key: str) -> bytes:
    """What of a key is kept."""
    return hashlib.sha256(key.encode()).digest()


def account_of_key(connection: Connection, key_digest: bytes) -> int | None:
    """The account that a key opens, None if it is unknown or revoked."""
    found: int | None = connection.execute(
        select(api_keys.c.account_id).where(api_keys.c.digest == key_digest, api_keys.c.revoked_ms.is_(None))
    ).scalar()
    return found


def ensure_account(connection: Connection, name: str, maker: ids.IdMaker, now_ms: int) -> int:
    """The id of the account of that name, which is made if it does not exist."""
    found: int | None = connection.execute(select(accounts.c.id).where(accounts.c.name == name)).scalar()
    if found is not None:
        return found
    if not name or len(name) > 100:
        raise InvalidInput(
            "An account's name has 1 to 100 characters.", field="account", value=name[:100], remedy="Shorten it."
        )
    made = maker.next()
    connection.execute(accounts.insert().values(id=made, name=name, created_ms=now_ms))
    return made


def add_key(connection: Connection, account_id: int, name: str, key: str, maker: ids.IdMaker, now_ms: int) -> None:
    """Make `key` open the account; nothing happens if it does so already."""
    if len(key) < SHORTEST_KEY:
        raise InvalidInput(
            f"An API key has at least {SHORTEST_KEY} characters, not {len(key)}.",
            field="api_key",
            remedy="Use a longer one, or none: then one is made.",
        )
    known = digest(key)
    if account_of_key(connection, known) is not None:
        return
    connection.execute(api_keys.delete().where(api_keys.c.digest == known))
    connection.execute(
        api_keys.insert().values(
            id=maker.next(),
            account_id=account_id,
            name=name,
            digest=known,
            hint=key[:_HINT_LENGTH],
            created_ms=now_ms,
            revoked_ms=None,
        )
    )


def has_keys(connection: Connection) -> bool:
    """Whether any key works."""
    return connection.execute(select(api_keys.c.id).where(api_keys.c.revoked_ms.is_(None)).limit(1)).first() is not None


def list_keys(connection: Connection) -> list[ApiKey]:
    """All keys of all accounts, oldest first; for the operator."""
    rows = connection.execute(
        select(api_keys, accounts.c.name.label("account")).join(accounts, accounts.c.id == api_keys.c.account_id)
        .order_by(api_keys.c.id)
    )  # fmt: skip
    return [
        ApiKey(
            id=ids.public(ids.Prefix.KEY, row.id),
            account=row.account,
            name=row.name,
            hint=row.hint,
            created_ms=row.created_ms,
            revoked_ms=row.revoked_ms,
        )
        for row in rows
    ]


def revoke_key(connection: Connection, key_id: str, now_ms: int) -> None:
    """Make a key open nothing from now on."""
    number = ids.parse(ids.Prefix.KEY, key_id)
    changed = connection.execute(
        api_keys.update()
        .where(api_keys.c.id == number, api_keys.c.revoked_ms.is_(None))
        .values(revoked_ms=now_ms)
    )  # fmt: skip
    if changed.rowcount == 0:
        raise NotFound(f'There is no working API key "{key_id}". `parcelhook keys list` shows all.')
