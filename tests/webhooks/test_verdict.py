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
HTML = (("Content-Type", "text/html; charset=utf-8"),)


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
        (HTML, b"<html><form><input name=p type='password'>", "login_page"),
        (JSON, b"<html><form><input type=password>", "login_page"),
        ((*JSON, ("Content-Encoding", "br")), b"\x0b\x02\x80{}\x03", "unreadable_encoding"),
        (JSON, b"{'ok': true}", "not_json_body"),
        (JSON, b'{"rate": NaN}', "not_json_body"),
        (JSON, b'{"a": "\xff"}', "not_json_body"),
        (JSON, '{"a": 1}'.encode("utf-16"), "not_json_body"),
    ],
)
def test_why_a_2xx_is_not_json(headers: tuple[tuple[str, str], ...], body: bytes, code: str) -> None:
    verdict = judge(Answer(status=200, headers=headers, body=body), ResponseRule.JSON)
    assert (verdict.passed, verdict.code, verdict.reason, verdict.any_2xx_would_pass) == (False, code, NOT_JSON, True)
    assert judge(Answer(status=200, headers=headers, body=body), ResponseRule.ANY_2XX).passed


@pytest.mark.parametrize(
    "body",
    [b"null", b"0", b'"OK"', b'{"n": 1e999}', b"[" + b"9" * 5_000 + b"]", rb'"\ud800"', '"é"'.encode(), b"\r\n\t {}  "],
)
def test_whatever_json_allows_is_json(body: bytes) -> None:
    assert judge(Answer(status=200, headers=JSON, body=body), ResponseRule.JSON).passed


def test_204_passes_with_nothing_more() -> None:
    assert judge(Answer(status=204), ResponseRule.JSON).passed
    assert judge(Answer(status=204, headers=HTML), ResponseRule.JSON).passed


@pytest.mark.parametrize("headers", [JSON, HTML, ()])
def test_more_than_can_be_read_is_too_large_unless_any_2xx_will_do(headers: tuple[tuple[str, str], ...]) -> None:
    answer = Answer(status=200, headers=headers, body=b"{}", truncated=True)
    verdict = judge(answer, ResponseRule.JSON)
    assert (verdict.code, verdict.reason, verdict.any_2xx_would_pass) == ("answer_too_large", NOT_JSON, True)
    assert judge(answer, ResponseRule.ANY_2XX).passed


@pytest.mark.parametrize(
    ("body", "where"),
    [(b'{"ok": true,}', "byte 12"), ('{"città": x}'.encode(), "byte 11"), (b'{"a": "\xff"}', "byte 7 is not UTF-8")],
)
def test_the_hint_says_at_which_byte_the_json_breaks(body: bytes, where: str) -> None:
    assert where in judge(Answer(status=200, headers=JSON, body=body), ResponseRule.JSON).hint


def test_the_hint_tells_a_wrong_content_type_from_a_wrong_body() -> None:
    both = judge(Answer(status=200, headers=(("Content-Type", "text/plain"),), body=b"OK"), ResponseRule.JSON)
    assert "The body is not JSON either" in both.hint
    type_only = judge(Answer(status=200, headers=HTML, body=b'{"ok": true}'), ResponseRule.JSON)
    assert "The body is JSON, but its Content-Type is 'text/html'" in type_only.hint


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
        b'{"error": "csrf_token_invalid"}',
        b"ForbiddenError: invalid csrf token",
        b"The CSRF session token is missing.",
        b"ActionController: Can't verify CSRF token authenticity.",
    ],
)
def test_a_csrf_mismatch_is_told_whatever_its_status(body: bytes) -> None:
    for status in (400, 403, 500):
        assert judge(Answer(status=status, headers=JSON, body=body), ResponseRule.JSON).code == "csrf_mismatch"


@pytest.mark.parametrize(
    ("status", "headers", "body", "code"),
    [
        (419, (), b"", "laravel_419"),
        (302, (("Location", "/login?next=/hooks"),), b"", "login_page"),
        (302, (("Location", "https://shop.example/users/sign_in"),), b"", "login_page"),
        (302, (("Location", "https://shop.example/wp-login.php?redirect_to=x"),), b"", "login_page"),
        (307, (("Location", "https://shop.example/hooks/"),), b"", "redirect"),
        (302, (("Location", "https://shop.example/authors/"),), b"", "redirect"),
        (302, (("Location", "/blogging"),), b"", "redirect"),
        (302, (), b"", "http_302"),
        (302, (("Location", ""),), b"", "http_302"),
        (304, (("Location", "/hooks"),), b"", "http_304"),
        (401, HTML, b'<html><input name="csrf_token"><input type="password">', "login_page"),
        (404, HTML, b'<!doctype html><meta name="csrf-token" content="x"><h1>Not found</h1>', "http_404"),
        (500, HTML, b'<html><meta name="csrf-token" content="x"><h1>Whoops</h1>', "http_500"),
        (403, HTML, b"<html><title>Attention Required! | Cloudflare</title>", "waf_block"),
        (403, (("Content-Type", "text/plain"),), b"error code: 1020", "waf_block"),
        (403, (("CF-Mitigated", "challenge"),), b"", "waf_block"),
        (403, (("X-Sucuri-Block", "1"),), b"", "waf_block"),
        (403, (*HTML, ("Server", "AkamaiGHost")), b"<HTML><H1>Access Denied</H1>", "waf_block"),
        (403, HTML, b"<html>Request unsuccessful. Incapsula incident ID: 1-2</html>", "waf_block"),
        (406, HTML, b"<html>This error was generated by Mod_Security.</html>", "waf_block"),
        (401, (*JSON, ("X-Sucuri-ID", "1")), b'{"error": "bad key"}', "http_401"),
        (403, JSON, b'{"error": "web application firewall rule not found"}', "http_403"),
        (403, HTML, b'<html><script src="https://cdnjs.cloudflare.com/x.js"></script>', "http_403"),
        (411, (), b"", "http_411"),
        (413, (), b"", "http_413"),
        (415, (), b"", "http_415"),
    ],
)
def test_what_stands_behind_a_status(status: int, headers: tuple[tuple[str, str], ...], body: bytes, code: str) -> None:
    verdict = judge(Answer(status=status, headers=headers, body=body), ResponseRule.JSON)
    assert (verdict.code, verdict.http_code) == (code, status)
    assert verdict.reason.startswith(f"HTTP response code is {status}, it must be 200")


def test_a_location_cannot_write_to_the_terminal_it_is_shown_in() -> None:
    moved = Answer(status=302, headers=(("Location", "/\x1b[2Jhooks\n" + "x" * 9_000),))
    hint = judge(moved, ResponseRule.JSON).hint
    assert hint.isprintable()
    assert len(hint) < 500


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


@given(
    st.integers(-(10**8), 10**8) | st.integers(0, 999),
    HEADERS,
    st.binary(max_size=300),
    st.booleans(),
    st.sampled_from(ResponseRule),
)
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


@given(st.sampled_from(Fault), st.text(max_size=60), st.sampled_from(ResponseRule))
def test_every_fault_has_its_words(fault: Fault, detail: str, rule: ResponseRule) -> None:
    verdict = judge(NoAnswer(fault=fault, detail=detail), rule)
    assert (verdict.passed, verdict.code, verdict.any_2xx_would_pass) == (False, fault.value, False)
    assert detail in verdict.reason
    assert verdict.hint
