"""Tabs of a real browser that keep watch: whatever goes wrong in one fails its test."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Playwright, Request

Theme = Literal["light", "dark"]

ACTION_LIMIT_MS = 30_000
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_AXE = Path(__file__).parent / "node_modules/axe-core/axe.min.js"
_OPTIONS = [
    "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage",
]  # fmt: skip


def launch(playwright: Playwright) -> Browser:
    """The system's own Chromium; as root it runs only without its sandbox."""
    sandbox = [] if os.geteuid() else ["--no-sandbox"]
    return playwright.chromium.launch(executable_path=CHROMIUM, args=[*_OPTIONS, *sandbox])


class Watch:
    """What went wrong in a context. What a test expects to go wrong it allows by a part of its words."""

    def __init__(self, base: str) -> None:
        self._host = urlsplit(base).netloc
        self._allowed: list[str] = []
        self._faults: list[str] = []

    def over(self, context: BrowserContext) -> None:
        """Watch every page of it."""
        context.on("request", self._requested)
        context.on("requestfailed", self._failed)
        context.on("console", self._said)
        context.on("weberror", lambda error: self._faults.append(f"error in the page: {error.error}"))

    def allow(self, words: str) -> None:
        """Do not fail for what has these words in it."""
        self._allowed.append(words)

    @property
    def faults(self) -> list[str]:
        """What went wrong and was not expected to."""
        return [fault for fault in self._faults if not any(words in fault for words in self._allowed)]

    def _requested(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in {"data", "blob"} and parts.netloc != self._host:
            self._faults.append(f"request to another host: {request.url}")

    def _failed(self, request: Request) -> None:
        # A download takes over from its navigation; a live log, and a file still on its way, end with their page.
        path = urlsplit(request.url).path
        may_end = path in {"/logs/stream", "/logs/export"} or path.startswith("/static/")
        if not (may_end and request.failure == "net::ERR_ABORTED"):
            self._faults.append(f"request failed: {request.method} {request.url} {request.failure}")

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self._faults.append(f"console {message.type}: {message.text} ({message.location.get('url', '')})")


@contextmanager
def tab(
    browser: Browser,
    base: str,
    *,
    session: str | None = None,
    width: int = 1280,
    height: int = 900,
    theme: Theme = "light",
    script: bool = True,
    **more: Any,
) -> Iterator[tuple[Page, Watch]]:
    """A page in a context of its own, logged in by that session; AssertionError at the end if anything went wrong in it."""
    context = browser.new_context(
        base_url=base,
        viewport={"width": width, "height": height},
        color_scheme=theme,
        java_script_enabled=script,
        timezone_id="Europe/Rome",
        locale="en-GB",
        **more,
    )
    context.set_default_timeout(ACTION_LIMIT_MS)
    if session is not None:
        context.add_cookies([{"name": "parcelhook_session", "value": session, "url": base}])
    watch = Watch(base)
    watch.over(context)
    try:
        yield context.new_page(), watch
    finally:
        context.close()
    assert not watch.faults, "\n".join(watch.faults)


def axe(page: Page) -> list[str]:
    """What axe-core finds wrong with the page as it stands, one line each; its colours in both themes."""
    page.evaluate(_AXE.read_text(encoding="utf-8"))
    page.emulate_media(color_scheme="dark")  # only colours differ between the themes
    found = [f"dark: {flaw}" for flaw in _violations(page, {"runOnly": ["color-contrast"]})]
    page.emulate_media(color_scheme="light")
    return found + _violations(page, {})


def _violations(page: Page, options: dict[str, Any]) -> list[str]:
    result = page.evaluate("how => axe.run(document, {resultTypes: ['violations'], ...how})", options)
    return [
        f"{found['id']} ({found['impact']}): {found['help']}: {node['html'][:160]} | {node['failureSummary'][:300]}"
        for found in result["violations"]
        for node in found["nodes"]
    ]


def too_wide(page: Page) -> list[str]:
    """The elements that make the page scroll sideways; empty if it does not."""
    found: list[str] = page.evaluate(
        """() => {
            const wide = document.documentElement.clientWidth;
            if (document.documentElement.scrollWidth <= wide) return [];
            return [...document.querySelectorAll("body *")]
                .filter((one) => one.getBoundingClientRect().right > wide + 0.5)
                .map((one) => one.outerHTML.slice(0, 120));
        }"""
    )
    return found
