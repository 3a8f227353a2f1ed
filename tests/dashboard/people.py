"""People of an account of one's own: users of each role, logged in without going through the login page."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

import httpx

from parcelhook import times
from parcelhook.operating import operator
from parcelhook.settings import load
from parcelhook.store import accounts, users
from parcelhook.store.database import Transaction, open_store
from parcelhook.store.ids import IdMaker
from parcelhook.store.users import Role, User
from server import Server


@dataclass(frozen=True)
class Shop:
    """An account: its name, and an HTTP client with a key of it."""

    server: Server
    name: str
    api: httpx.Client

    def login_link(self, email: str, role: Role = Role.OWNER) -> str:
        """A one-time link, as `parcelhook users link` makes it."""
        environment = {key: value for key, value in self.server.environment.items() if key.startswith("PARCELHOOK_")}
        with operator(load(environment)) as hands:
            path = "/welcome/" + hands.login_link(email, self.name, role).rpartition("/")[2]
        return self.server.url + path

    def session(self, role: Role = Role.OWNER) -> str:
        """The cookie of a new user who is logged in. Their password is nobody's."""
        token, maker, now_ms = users.new_token(), IdMaker(), times.now_ms()

        def job(transaction: Transaction) -> None:
            account_id = accounts.ensure_account(transaction.sql, self.name, maker, now_ms)
            email = f"{role.value}-{secrets.token_hex(4)}@shop.example"
            user = User(
                id=maker.next(), account_id=account_id, email=email, role=role, time_zone="UTC", created_ms=now_ms
            )
            users.add(transaction.sql, user, password_hash="")
            users.add_session(transaction.sql, token, user.id, now_ms)

        database = open_store(self.server.data, beside=True)
        try:
            database.write_now(job)
        finally:
            database.close()
        return token
