"""The one table: complete, and in the page's names."""

from __future__ import annotations

from pathlib import Path

import pytest

from parcelhook.webhooks.catalogue import FAULTS, KNOWN_CAUSES, STATUSES, cause, fault, status
from parcelhook.webhooks.faults import Fault

PAGE = """
100 Continue|101 Switching Protocols|102 Processing|200 OK|201 Created|202 Accepted|203 Non-authoritative Information
204 No Content|205 Reset Content|206 Partial Content|207 Multi-Status|208 Already Reported|226 IM Used
300 Multiple Choices|301 Moved Permanently|302 Found|303 See Other|304 Not Modified|305 Use Proxy
307 Temporary Redirect|308 Permanent Redirect|400 Bad Request|401 Unauthorized|402 Payment Required|403 Forbidden
404 Not Found|405 Method Not Allowed|406 Not Acceptable|407 Proxy Authentication Required|408 Request Timeout
409 Conflict|410 Gone|411 Length Required|412 Precondition Failed|413 Payload Too Large|414 Request-URI Too Long
415 Unsupported Media Type|416 Requested Range Not Satisfiable|417 Expectation Failed|418 I'm a teapot
421 Misdirected Request|422 Unprocessable Entity|423 Locked|424 Failed Dependency|426 Upgrade Required
428 Precondition Required|429 Too Many Requests|431 Request Header Fields Too Large
444 Connection Closed Without Response|451 Unavailable For Legal Reasons|499 Client Closed Request
500 Internal Server Error|501 Not Implemented|502 Bad Gateway|503 Service Unavailable|504 Gateway Timeout
505 HTTP Version Not Supported|506 Variant Also Negotiates|507 Insufficient Storage|508 Loop Detected|510 Not Extended
511 Network Authentication Required|599 Network Connect Timeout Error
"""


def test_all_63_statuses_of_the_page_by_their_names() -> None:
    listed = [line for row in PAGE.strip().splitlines() for line in row.split("|")]
    assert len(listed) == 63
    assert [f"{entry.status} {entry.name}" for entry in STATUSES] == listed


@pytest.mark.parametrize("entry", [*STATUSES, *FAULTS, *KNOWN_CAUSES], ids=lambda entry: entry.code)
def test_every_entry_says_what_it_means_why_and_what_to_change(entry: object) -> None:
    for word in ("title", "meaning", "cause", "remedy"):
        text = getattr(entry, word)
        assert len(text) > 3, word
        assert text == text.strip()
        assert word == "title" or text[-1] in ".)`", (word, text)


def test_codes_are_unique_and_found_again() -> None:
    entries = [*STATUSES, *FAULTS, *KNOWN_CAUSES]
    assert len({entry.code for entry in entries}) == len(entries)
    assert all(cause(entry.code) is entry for entry in entries)
    assert cause("no_such_cause") is None


@pytest.mark.parametrize("code", ["http_", "http_x", "http_²", "http_٣", "http_007", "http_" + "9" * 5_000])
def test_what_only_looks_like_a_status_has_no_cause(code: str) -> None:
    assert cause(code) is None


def test_an_unlisted_status_is_found_by_the_code_it_is_given() -> None:
    for number in (-5, 0, 7, 299, 419, 520, 1_000):
        assert cause(f"http_{number}") == status(number)


def test_the_troubleshooting_page_lists_every_cause() -> None:
    page = (Path(__file__).parents[2] / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    assert all(f"(`{entry.code}`)" in page for entry in (*FAULTS, *KNOWN_CAUSES))
    assert all(f"| {entry.title} |" in page for entry in STATUSES)


def test_there_is_an_answer_for_every_status_and_every_fault() -> None:
    for number in range(-5, 1_000):
        assert status(number).remedy
        assert status(number).status == number
    for which in Fault:
        assert fault(which).code == which.value
