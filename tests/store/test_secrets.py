"""Credentials at rest, API keys, and the key that is rotated."""

from __future__ import annotations

from typing import Any

import pytest

from parcelhook.errors import InvalidInput, NotFound, SettingsError
from parcelhook.shipping.events import EventKind
from parcelhook.store import accounts, endpoints
from parcelhook.store.accounts import KeyHolder, Scope
from parcelhook.store.database import Database
from parcelhook.store.vault import Vault, new_key
from parcelhook.webhooks.endpoint import CustomHeader, Endpoint, SigningSecret
from parcelhook.webhooks.filters import Filters
from parcelhook.webhooks.formats import Format
from store.seeds import MAKER


def endpoint(**fields: Any) -> Endpoint:
    return Endpoint(**{
        "id": 5, "account_id": 1, "url": "https://shop.example/", "events": frozenset({EventKind.ORDER_ERROR}), "username": "u",
        "password": "geheim", "custom_headers": (CustomHeader("X", "auch geheim"),), "secrets": (SigningSecret("whsec_x", 9),),
        "retry_count": 3, "retry_schedule": (0.5, 2.0), "verified": True, "filters": Filters(carriers=("GLS",), codes=(5, 6), late=True),
        "format": Format.CLOUDEVENTS, **fields,
    })  # fmt: skip


def stored(database: Database) -> bytes:
    found: bytes = database.read_now(lambda c: c.exec_driver_sql("SELECT sealed FROM endpoints").scalar_one())
    return found


def test_an_endpoint_comes_back_as_it_was_and_its_secrets_lie_sealed(database: Database) -> None:
    vault = Vault((new_key(),))
    database.write_now(lambda t: endpoints.insert(t.sql, endpoint(), vault))
    assert database.read_now(lambda c: endpoints.load_all(c, vault)) == [endpoint()]
    assert b"geheim" not in stored(database)
    database.write_now(lambda t: endpoints.mark_deleted(t.sql, 5, 1))
    assert stored(database) == b""
    assert database.read_now(lambda c: endpoints.load_all(c, vault)) == []


def test_the_key_is_rotated_and_the_wrong_one_is_told(database: Database) -> None:
    old, new = new_key(), new_key()
    database.write_now(lambda t: endpoints.insert(t.sql, endpoint(), Vault((old,))))
    both = Vault((new, old))
    assert both.rotating
    assert database.write_now(lambda t: endpoints.seal_anew(t.sql, both)) == 1
    assert database.read_now(lambda c: endpoints.load_all(c, Vault((new,)))) == [endpoint()]
    with pytest.raises(SettingsError, match="PARCELHOOK_SECRET_KEY"):
        database.read_now(lambda c: endpoints.load_all(c, Vault((old,))))
    with pytest.raises(SettingsError, match="32 bytes"):
        Vault(("too short",))


def test_keys_open_their_account_until_they_are_revoked(database: Database) -> None:
    key = accounts.new_key()

    def make(transaction: Any) -> int:
        account = accounts.ensure_account(transaction.sql, "acme", MAKER, 1)
        assert accounts.ensure_account(transaction.sql, "acme", MAKER, 1) == account
        accounts.add_key(transaction.sql, account, "first", key, MAKER, 1)
        accounts.add_key(transaction.sql, account, "again", key, MAKER, 1)
        return account

    account = database.write_now(make)
    assert database.read_now(lambda c: accounts.holder_of_key(c, accounts.digest(key))) == KeyHolder(
        account, Scope.FULL
    )
    (shown,) = database.read_now(accounts.list_keys)
    assert key not in repr(shown)
    assert key.startswith(shown.hint)
    database.write_now(lambda t: accounts.revoke_key(t.sql, shown.id, 2))
    assert database.read_now(lambda c: accounts.holder_of_key(c, accounts.digest(key))) is None
    with pytest.raises(NotFound):
        database.write_now(lambda t: accounts.revoke_key(t.sql, shown.id, 2))
    with pytest.raises(InvalidInput, match="at least 20"):
        database.write_now(lambda t: accounts.add_key(t.sql, account, "weak", "short", MAKER, 1))
