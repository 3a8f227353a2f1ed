"""A request as a command for curl: a shell reads from it the very request, whatever it holds."""

from __future__ import annotations

import subprocess

from hypothesis import given, settings
from hypothesis import strategies as st

from parcelhook.dashboard.curl import as_curl
from parcelhook.delivery.request import MASK
from parcelhook.edge.log_items import HeaderLine

URL = "https://shop.example/webhooks?a=1&b='$HOME'"
TEXT = st.text(st.characters(exclude_characters="\x00\r\n", exclude_categories=["Cs"]), max_size=40)
BODY = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=80)


def as_read(command: str) -> list[str]:
    """The words that a shell makes of a command: curl is a function here that tells them."""
    script = "curl() { printf '%s\\0' \"$@\"; }\n" + command
    told = subprocess.run(["/bin/sh", "-c", script], capture_output=True, check=True).stdout
    return told.decode().split("\0")[:-1]


@given(TEXT, BODY)
@settings(deadline=None, max_examples=60)
def test_a_shell_reads_the_very_request(value: str, body: str) -> None:
    command = as_curl(URL, [HeaderLine("X-Own", value)], body)
    assert as_read(command) == ["-X", "POST", URL, "-H", f"X-Own: {value}", "--data-raw", body]


def test_nothing_that_looks_like_a_command_is_run() -> None:
    nasty = "'; touch /nowhere/at-all; echo $(id) `id` \\\n#"
    assert as_read(as_curl(URL, [], nasty)) == ["-X", "POST", URL, "--data-raw", nasty]


def test_what_curl_makes_itself_is_left_out_and_what_is_masked_is_to_be_filled_in() -> None:
    headers = [
        HeaderLine("Host", "shop.example"),
        HeaderLine("content-length", "2"),
        HeaderLine("Authorization", f"Basic {MASK}"),
    ]
    assert as_read(as_curl(URL, headers, "{}")) == [
        "-X", "POST", URL, "-H", "Authorization: Basic <fill in>", "--data-raw", "{}",
    ]  # fmt: skip


def test_headers_may_come_as_they_stand_in_an_answer() -> None:
    assert as_curl(URL, [{"name": "X-Own", "value": "1"}], "") == as_curl(URL, [HeaderLine("X-Own", "1")], "")
