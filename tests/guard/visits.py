"""Visitors of the dashboard as a test needs them, with no browser: they log in, send forms with their token, and look."""

from __future__ import annotations

import re
import secrets
import sqlite3
from typing import Any, cast
from urllib.parse import urlsplit

import httpx
from litestar.routes import HTTPRoute

from aside import put_aside
from parcelhook.dashboard.app import create_dashboard
from parcelhook.operating import operator
from parcelhook.settings import load
from parcelhook.store.users import Role
from receiver import Receiver
from server import Server, tracking_update, wait_until

PASSWORD = "correct horse battery staple"

# Every route of the dashboard, as the application has it: a route that is added later is in each test that goes by these.
# With each, the role that it says it needs, if it says so.
ROUTES: dict[tuple[str, str], Role | None] = {
    (method, route.path_format): handler.opt.get("role")
    for route in create_dashboard(cast("Any", None)).routes
    if isinstance(route, HTTPRoute)
    for handler in route.route_handlers
    for method in handler.http_methods
    if method != "OPTIONS"
}
POSTS = sorted(path for method, path in ROUTES if method == "POST")
GETS = sorted(path for method, path in ROUTES if method == "GET")
OPEN = {
    "/login",
    "/welcome/{token}",
    "/static/{digest}/{name}",
    "/favicon.ico",
    "/theme",
}  # to whoever is not logged in

# For each id that a route may have in its path, one that is nobody's.
NOBODYS = {
    "endpoint_id": "ep_0000000000000",
    "delivery_id": "dlv_0000000000000",
    "log_id": "att_0000000000000",
    "event_id": "evt_0000000000000",
    "transaction_id": "nobody-shipped-this-one",
    "hub_id": "hub_0000000000000",
    "request_id": "req_0000000000000",
    "user_id": "usr_0000000000000",
    "key_id": "key_0000000000000",
    "aside_id": "sta_0000000000000",
}
WORDS = {"token": "nobody-made-this-one", "digest": "0", "name": "easypost"}  # what else stands in a path


KEPT = (
    "users", "login_links", "api_keys", "endpoints", "events", "deliveries", "attempts", "shipments", "hubs", "set_aside",
)  # fmt: skip


class Visitor:
    """Somebody who is logged in, by a client that does not follow redirects."""

    def __init__(self, server: Server, account: str | None = None, role: str = "owner") -> None:
        self.server = server
        self.account = account or f"test-{secrets.token_hex(6)}"
        self.email = f"{secrets.token_hex(6)}@shop.example"
        self.client = browser(server)
        link = login_link(server, self.email, self.account, role)
        answer = self.client.post(link, data={"_csrf": token_in(self.client.get(link).text), "password": PASSWORD})
        assert answer.status_code == 303, answer.text

    @property
    def token(self) -> str:
        """The token that this session's forms carry."""
        return token_in(self.get("/").text)

    def get(self, path: str, **more: Any) -> httpx.Response:
        """A page."""
        return self.client.get(path, **more)

    def post(self, path: str, **fields: Any) -> httpx.Response:
        """A form, sent as its page would."""
        return self.client.post(path, data={"_csrf": self.token, **fields})

    def again(self) -> httpx.Client:
        """Another browser of the same person."""
        client = browser(self.server)
        page = client.get("/login")
        answer = client.post("/login", data={"_csrf": token_in(page.text), "email": self.email, "password": PASSWORD})
        assert answer.status_code == 303, answer.text
        return client


def browser(server: Server) -> httpx.Client:
    """A client with cookies of its own. It keeps no connection open, so it need not be closed."""
    return httpx.Client(base_url=server.url, timeout=30, limits=httpx.Limits(max_keepalive_connections=0))


def belongings(visitor: Visitor, receiver: Receiver) -> dict[str, str]:
    """Something of each kind that has an id, in the visitor's account; the ids by the names that routes have for them."""
    with visitor.server.account(visitor.account) as api:
        given = {
            "url": receiver.url(),
            "events": ["tracking_update"],
            "username": "shop",
            "password": "s3cret-of-theirs",
        }
        endpoint = api.post("/v1/endpoints", json=given).json()["id"]
        update = tracking_update()
        event = api.post("/v1/events", json=update).json()["accepted"][0]["id"]
        wait_until(lambda: len(api.get("/v1/logs", params={"test": "false"}).json()["items"]) == 1)
        line = api.get("/v1/logs", params={"test": "false"}).json()["items"][0]
        hub = api.post("/v1/hubs", json={"hub": "easypost"}).json()
        httpx.post(visitor.server.url + urlsplit(hub["url"]).path, content=b"{}")
        came = api.get(f"/v1/hubs/{hub['id']}/requests").json()["items"][0]["id"]
    settings = visitor.get("/settings").text
    found = {
        "endpoint_id": endpoint,
        "event_id": event,
        "delivery_id": line["delivery_id"],
        "log_id": line["id"],
        "transaction_id": update["TransactionID"],
        "hub_id": hub["id"],
        "request_id": came,
        "user_id": re.findall(r"usr_\w{13}", settings)[0],
        "key_id": re.findall(r"key_\w{13}", settings)[0],
        "aside_id": put_aside(visitor.server, visitor.account),
    }
    assert set(found) == set(NOBODYS)
    return found


def filled(path: str, **ids: str) -> str:
    """The path of a route with these in it, and with what is nobody's where nothing is given."""
    return path.format(**{**NOBODYS, **WORDS, **ids})


def token_in(page: str) -> str:
    """The token of the forms on a page."""
    found = re.search(r'name="_csrf" value="(\w+)"', page)
    assert found is not None, page
    return found[1]


def login_link(server: Server, email: str, account: str, role: str = "owner") -> str:
    """The path of a one-time link."""
    environment = {name: value for name, value in server.environment.items() if name.startswith("PARCELHOOK_")}
    with operator(load(environment)) as hands:
        return "/welcome/" + hands.login_link(email, account, Role(role)).partition("/welcome/")[2]


def kept(server: Server, account: str) -> dict[str, list[tuple[Any, ...]]]:
    """Everything that is stored for an account and that a form could change."""
    connection = sqlite3.connect(f"file:{server.data}/parcelhook.db?mode=ro", uri=True)
    try:
        found = {}
        for table in KEPT:
            rows = connection.execute(
                f"SELECT * FROM {table} WHERE account_id = (SELECT id FROM accounts WHERE name = ?) ORDER BY 1",
                (account,),
            )
            found[table] = rows.fetchall()
        of_users = "SELECT digest, user_id FROM sessions WHERE user_id IN (SELECT id FROM users WHERE account_id = (SELECT id FROM accounts WHERE name = ?))"
        found["sessions"] = sorted(connection.execute(of_users, (account,)).fetchall())
        return found
    finally:
        connection.close()
