"""The verdict: the page's rule and the page's words, for any answer there can be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parcelhook.webhooks.catalogue import cause
from parcelhook.webhooks.endpoint import ResponseRule
from parcelhook.webhooks.exchange import Answer, NoAnswer
from parcelhook.webhooks.faults import Fault
from parcelhook.webhooks.verdict import NOT_JSON, judge

JSON = (("Content-Type", "application/json"),)


def test_the_pages_messages_letter_by_letter() -> None:
    assert NOT_JSON == "HTTP response must be in JSON format. Please Retry"
    assert judge(Answer(status=500), ResponseRule.JSON).reason == "HTTP response code is 500, it must be 200"
    assert (
        judge(Answer(status=403), ResponseRule.JSON).reason
        == "HTTP response code is 403, it must be 200. Please Retry!"
    )


@pytest.mark.parametrize("status", range(200, 300))
def test_every_2xx_with_json_passes(status: int) -> None:
    verdict = judge(Answer(status=status, headers=JSON, body=b"{}"), ResponseRule.JSON)
    assert (verdict.passed, verdict.code, verdict.http_code) == (True, "passed", status)


@pytest.mark.parametrize("status", [*range(100, 200), *range(300, 600)])
def test_every_other_status_fails_and_names_itself(status: int) -> None:
    for rule in ResponseRule:
        verdict = judge(Answer(status=status, headers=JSON, body=b"{}"), rule)
        assert not verdict.passed
        assert verdict.reason.startswith(f"HTTP response code is {status}, it must be 200")
        assert verdict.hint
        assert not verdict.any_2xx_would_pass


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "APPLICATION/JSON",
        "application/json;charset=utf-8",
        "application/vnd.api+json",
        " application/json ",
    ],
)
def test_content_types_that_are_json(content_type: str) -> None:
    answer = Answer(status=200, headers=(("content-TYPE", content_type),), body=b" [1]\n")
    assert judge(answer, ResponseRule.JSON).passed


@pytest.mark.parametrize(
    ("headers", "body", "code"),
    [
        ((), b"{}", "wrong_content_type"),
        ((("Content-Type", "text/plain"),), b"{}", "wrong_content_type"),
        ((("Content-Type", "text/json"),), b"{}", "wrong_content_type"),
        ((("Content-Type", "application/javascript"),), b"{}", "wrong_content_type"),
        (JSON, b"", "empty_body"),
        (JSON, b"  \n", "empty_body"),
        (JSON, b"{}x", "not_json_body"),
        (JSON, b"\xff", "not_json_body"),
        (JSON, b"[" * 100_000, "not_json_body"),
        (JSON, b"<!DOCTYPE html><p>Warning", "html_answer"),
        ((("Content-Type", "text/html"),), b"OK", "html_answer"),
    ],
)
def test_why_a_2xx_is_not_json(headers: tuple[tuple[str, str], ...], body: bytes, code: str) -> None:
    verdict = judge(Answer(status=200, headers=headers, body=body), ResponseRule.JSON)
    assert (verdict.passed, verdict.code, verdict.reason, verdict.any_2xx_would_pass) == (False, code, NOT_JSON, True)
    assert judge(Answer(status=200, headers=headers, body=body), ResponseRule.ANY_2XX).passed


def test_the_hint_says_what_the_content_type_is_now_and_where_a_redirect_leads() -> None:
    plain = Answer(status=200, headers=(("Content-Type", "text/plain"),), body=b"{}")
    assert "'text/plain'" in judge(plain, ResponseRule.JSON).hint
    moved = Answer(status=301, headers=(("Location", "https://www.shop.example/hooks"),))
    assert "https://www.shop.example/hooks" in judge(moved, ResponseRule.JSON).hint
    marked = Answer(status=200, headers=JSON, body=b"\xef\xbb\xbf{}")
    assert "byte order mark" in judge(marked, ResponseRule.JSON).hint


@pytest.mark.parametrize(
    "body",
    [
        b'{"success":false, "reason": "CSRF token mismatch"}',
        b'{"message": "CSRF token mismatch."}',
        b"CSRF verification failed. Request aborted.",
    ],
)
def test_a_csrf_mismatch_is_told_whatever_its_status(body: bytes) -> None:
    for status in (400, 403, 500):
        assert judge(Answer(status=status, headers=JSON, body=body), ResponseRule.JSON).code == "csrf_mismatch"


def test_our_own_proxy_is_not_charged_to_the_endpoint() -> None:
    for fault in Fault:
        verdict = judge(NoAnswer(fault=fault, detail="why"), ResponseRule.JSON)
        assert verdict.charged is (fault is not Fault.PROXY)
        assert verdict.http_code == 0
        assert "why" in verdict.reason


HEADERS = st.lists(
    st.tuples(
        st.sampled_from(["Content-Type", "content-encoding", "Location", "Retry-After", "X"]) | st.text(max_size=20),
        st.sampled_from(["application/json", "text/html", "gzip", "/login", "br"]) | st.text(max_size=40),
    ),
    max_size=4,
).map(tuple)


@given(st.integers(0, 999), HEADERS, st.binary(max_size=300), st.booleans(), st.sampled_from(ResponseRule))
def test_it_is_total(
    status: int, headers: tuple[tuple[str, str], ...], body: bytes, truncated: bool, rule: ResponseRule
) -> None:
    verdict = judge(Answer(status=status, headers=headers, body=body, truncated=truncated), rule)
    assert verdict.reason
    if verdict.passed:
        assert 200 <= status < 300
    else:
        assert cause(verdict.code) is not None
        assert verdict.hint
