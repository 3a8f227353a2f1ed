"""A browser for all tests of the dashboard, and for each an account of its own with people and tabs."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from dashboard import browsing
from dashboard.people import Shop
from parcelhook.store.users import Role
from server import Server

expect.set_options(timeout=30_000)

OpenTab = Callable[..., Page]


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Chromium, started once. Without it there is nothing to see, and the tests say so."""
    if browsing.CHROMIUM is None:
        pytest.skip("no Chromium on this machine: `make browser` as root installs Debian's")
    with sync_playwright() as playwright:
        running = browsing.launch(playwright)
        yield running
        running.close()


@pytest.fixture
def shop(server: Server) -> Iterator[Shop]:
    """An account of one's own."""
    name = f"shop-{secrets.token_hex(6)}"
    with server.account(name) as api:
        yield Shop(server, name, api)


@pytest.fixture
def account(shop: Shop) -> Any:
    """The same account for the fixtures that speak HTTP."""
    return shop.api


@pytest.fixture
def open_tab(browser: Browser, server: Server, shop: Shop) -> Iterator[OpenTab]:
    """Opens a page: of an owner unless `role` says otherwise (None: of nobody). What goes wrong in it fails the test.

    `allow` names what may go wrong: the browser reports every answer of 400 and more to its console.
    """
    with ExitStack() as tabs:

        def open_one(path: str = "/", *, role: Role | None = Role.OWNER, allow: str = "", **how: Any) -> Page:
            session = None if role is None else shop.session(role)
            page, watch = tabs.enter_context(browsing.tab(browser, server.url, session=session, **how))
            if allow:
                watch.allow(allow)
            page.goto(path)
            return page

        yield open_one
