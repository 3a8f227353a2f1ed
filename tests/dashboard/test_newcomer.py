"""From `parcelhook demo` to a first tested webhook, by what the terminal and the screen say and nothing else."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from dashboard import browsing
from dashboard.adding import add_webhook, fill, save


@pytest.fixture
def said(tmp_path: Path) -> Iterator[str]:
    """What the demo has said when it comes to rest; it goes on serving meanwhile."""
    clean = {name: text for name, text in os.environ.items() if not name.startswith("PARCELHOOK_")}
    options = ["--data", str(tmp_path / "data"), "--port", "0", "--pace", "0", "--shipments", "1"]
    command = [sys.executable, "-m", "parcelhook.cli.main", "demo", *options]
    demo = subprocess.Popen(command, env=clean, stdout=subprocess.PIPE, text=True)
    assert demo.stdout is not None
    lines = []
    for line in demo.stdout:
        lines.append(line)
        if "Serving until Ctrl-C" in line:
            break
    yield "".join(lines)
    demo.send_signal(signal.SIGINT)
    assert demo.wait(30) == 0
    demo.stdout.close()


def test_a_newcomer_connects_and_tests_a_webhook(said: str, browser: Browser) -> None:
    told = said.partition("Now open the dashboard")[2]
    link, yours = re.findall(r"http://\S+", told)
    with browsing.tab(browser, "/".join(link.split("/")[:3])) as (page, _):
        page.goto(link)
        page.get_by_label("E-mail").fill("anna@shop.example")
        page.get_by_label("Password").fill("four plain words together")
        page.get_by_role("button", name="Open the dashboard").click()
        expect(page.get_by_role("heading", name="Overview")).to_be_visible()
        page.get_by_role("link", name="Webhooks", exact=True).click()

        popup = add_webhook(page)
        fill(popup, f"{yours}/html")
        save(popup)
        expect(popup.get_by_role("heading", name="HTTP response must be in JSON format. Please Retry")).to_be_visible()
        popup.get_by_label("URL", exact=True).fill(yours)
        popup.get_by_role("button", name="Please Retry").click()
        expect(page.get_by_role("heading", name="Connected and saved")).to_be_visible()
        page.get_by_role("link", name="Test", exact=True).first.click()
        page.get_by_role("button", name="Test", exact=True).click()
        expect(page.get_by_role("heading", name="Passed: 200 OK")).to_be_visible()
