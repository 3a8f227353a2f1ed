"""What an operator does on the data itself, with no server between: keys, users, nodes, retention, the move to another store."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from parcelhook import times
from parcelhook.app import configure_log
from parcelhook.delivery.platform import open_vault
from parcelhook.delivery.upkeep import prune
from parcelhook.errors import NotFound, SettingsError
from parcelhook.settings import Settings
from parcelhook.store import accounts, leases, moving, set_aside, users, vault
from parcelhook.store.accounts import ApiKey
from parcelhook.store.accounts import Scope as KeyScope
from parcelhook.store.database import Database, Transaction, open_store
from parcelhook.store.ids import IdMaker
from parcelhook.store.leases import MOST_NODES, NodeLine
from parcelhook.store.set_aside import SetAside
from parcelhook.store.users import Role, User
from parcelhook.store.vault import Vault, key_in_file


class Operator:
    """What the command line does on the data itself, with no server between."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings = settings
        self._database = database
        # Beside nodes that have numbers: one of those that are left for whoever joins nothing.
        self._ids = IdMaker(secrets.randbelow(16) + MOST_NODES if database.shared else None)

    @property
    def migrated(self) -> list[str]:
        """The schema revisions that opening the store applied, oldest first."""
        return self._database.migrated

    def create_key(self, account: str, name: str, scope: KeyScope = KeyScope.FULL) -> str:
        """A new API key for an account, which is made if it does not exist. The key cannot be shown again."""
        key = accounts.new_key()

        def job(transaction: Transaction) -> None:
            account_id = accounts.ensure_account(transaction.sql, account, self._ids, times.now_ms())
            accounts.add_key(transaction.sql, account_id, name, key, self._ids, times.now_ms(), scope)

        self._database.write_now(job)
        return key

    def keys(self) -> list[ApiKey]:
        """All keys, without themselves."""
        return self._database.read_now(accounts.list_keys)

    def users(self) -> list[User]:
        """Everybody who can log in to the dashboard."""
        return self._database.read_now(users.everyone)

    def login_link(self, email: str, account: str, role: Role) -> str:
        """A one-time link to the dashboard, from its root: for that user a new password, for a new address a new user."""
        address = users.checked_email(email)
        token = users.new_token()
        now_ms = times.now_ms()

        def job(transaction: Transaction) -> None:
            known = users.by_email(transaction.sql, address)
            if known is not None:
                user = known[0]
                made = users.invitation(user.account_id, now_ms, email=user.email, role=user.role, user_id=user.id)
            else:
                account_id = accounts.ensure_account(transaction.sql, account, self._ids, now_ms)
                made = users.invitation(account_id, now_ms, email=address, role=role)
            users.add_link(transaction.sql, token, made, now_ms)

        self._database.write_now(job)
        return f"{self._settings.public_url or f'http://{self._settings.host}:{self._settings.port}'}/welcome/{token}"

    def remove_user(self, email: str) -> None:
        """Remove a user with their sessions."""
        address = users.checked_email(email)

        def job(transaction: Transaction) -> None:
            known = users.by_email(transaction.sql, address)
            if known is None:
                raise NotFound(f"There is no user {address}. `parcelhook users list` shows all.")
            users.remove(transaction.sql, known[0].account_id, known[0].id, times.now_ms())

        self._database.write_now(job)

    def revoke_key(self, key_id: str) -> None:
        """Make a key open nothing."""
        self._database.write_now(lambda transaction: accounts.revoke_key(transaction.sql, key_id, times.now_ms()))

    def nodes(self) -> list[NodeLine]:
        """The nodes that share the store; none where it is the embedded one."""
        return self._database.read_now(leases.living) if self._database.shared else []

    def set_aside(self) -> list[tuple[SetAside, str]]:
        """What could not be taken from the stream into the store, of all accounts, each with the account's name."""
        return self._database.read_now(set_aside.everything)

    def prune(self) -> int:
        """Delete what is older than the retention; how many rows."""
        return asyncio.run(prune(self._database, retention_days=self._settings.retention_days))

    def check_vault(self) -> None:
        """Raise SettingsError if the stored credentials cannot be opened."""
        open_vault(self._settings, self._database)


@contextmanager
def mover(settings: Settings, folder: Path | None) -> Iterator[Iterator[moving.Progress]]:
    """From the embedded store in that folder (or DATA) into the database of the settings, step by step."""
    configure_log(settings.log_format)
    if not settings.database_url:
        raise SettingsError("PARCELHOOK_DATABASE_URL says where to move to; it is not set.")
    place = folder or settings.data
    if not (place / "parcelhook.db").exists():
        raise SettingsError(f"There is no embedded store in {place}. PARCELHOOK_DATA or --data says where it is.")
    source = open_store(place)
    try:
        key = place / "secret.key"
        keys = (key_in_file(key),) if key.exists() else settings.secret_keys
        source.read_now(lambda connection: vault.check_key(connection, Vault(settings.secret_keys or keys)))
        target = open_store(settings.data, settings.database_url)
        try:
            moving.check_target(source, target)
            yield moving.move(source, target)
        finally:
            target.close()
    finally:
        source.close()


@contextmanager
def operator(settings: Settings) -> Iterator[Operator]:
    """The operator's hands on the data folder."""
    configure_log(settings.log_format)
    database = open_store(settings.data, settings.database_url, beside=True)
    try:
        yield Operator(settings, database)
    finally:
        database.close()
