"""Secrets at rest: endpoint credentials and signing secrets are sealed before they reach the database.

Fernet (AES-128-CBC with HMAC-SHA256) from `cryptography`. Several keys may be given: the first seals, all open; so a
key is rotated by putting a new one in front, starting once (which seals everything anew), and dropping the old one.
"""

from __future__ import annotations

from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from sqlalchemy import Connection, select

from parcelhook.errors import SettingsError
from parcelhook.store.schema import vault_check


class Vault:
    """Seals and opens bytes."""

    def __init__(self, keys: tuple[str, ...]) -> None:
        try:
            self._fernet = MultiFernet([Fernet(key) for key in keys])
        except ValueError:
            raise SettingsError(
                "PARCELHOOK_SECRET_KEY must hold one or several keys of 32 bytes in URL-safe base64, comma-separated; "
                "`parcelhook keys secret` prints a new one."
            ) from None
        self.rotating = len(keys) > 1

    def seal(self, plain: bytes) -> bytes:
        """The sealed form, by the first key."""
        return self._fernet.encrypt(plain)

    def open(self, sealed: bytes) -> bytes:
        """What was sealed; SettingsError if none of the keys fits."""
        try:
            return self._fernet.decrypt(sealed)
        except InvalidToken:
            raise SettingsError(
                "The stored credentials were sealed with another key than PARCELHOOK_SECRET_KEY gives now. "
                "Start with the key that this data was made with (it may be one of several, comma-separated)."
            ) from None


def check_key(connection: Connection, vault: Vault) -> None:
    """Raise SettingsError if the store was made with another key; nothing is changed."""
    sealed = connection.execute(select(vault_check.c.sealed)).scalar()
    if sealed is not None:
        vault.open(sealed)


def check(connection: Connection, vault: Vault) -> None:
    """Raise SettingsError if the store was made with another key; note the key where it is new, or is being rotated."""
    sealed = connection.execute(select(vault_check.c.sealed)).scalar()
    if sealed is None:
        connection.execute(vault_check.insert().values(id=1, sealed=vault.seal(b"parcelhook")))
        return
    vault.open(sealed)
    if vault.rotating:
        connection.execute(vault_check.update().values(sealed=vault.seal(b"parcelhook")))


def new_key() -> str:
    """A fresh key for the vault."""
    return Fernet.generate_key().decode("ascii")


def key_in_file(path: Path) -> str:
    """The key kept in `path`; made there, readable by the owner alone, if the file does not exist."""
    if path.exists():
        return path.read_text(encoding="ascii").strip()
    path.touch(mode=0o600)
    key = new_key()
    path.write_text(key + "\n", encoding="ascii")
    return key
