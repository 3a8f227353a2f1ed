"""What an answer was worth: passed or not, the page's message, the cause and what to change. Pure and total.

The page: "In general, the webhook test passes only if: HTTP code between 200 and 300 + response in json; HTTP code 204
(no result) and non-json response".
"""

from __future__ import annotations

import re

import msgspec
from msgspec import Struct

from parcelhook.webhooks import causes
from parcelhook.webhooks.catalogue import Cause, cause, fault, status
from parcelhook.webhooks.endpoint import ResponseRule
from parcelhook.webhooks.exchange import Answer, NoAnswer
from parcelhook.webhooks.faults import Fault

NOT_JSON = "HTTP response must be in JSON format. Please Retry"  # the page's words


class Verdict(Struct, frozen=True, kw_only=True):
    """The judgement on one exchange.

    `code` is "passed" or a code of the catalogue; `http_code` is 0 if no answer came. `charged` is False where our own
    way out failed, which must cost the endpoint nothing. `any_2xx_would_pass` says that only the JSON rule stood in the way.
    """

    passed: bool
    code: str
    reason: str
    hint: str
    http_code: int
    charged: bool = True
    any_2xx_would_pass: bool = False


_PASSED = {
    number: Verdict(passed=True, code="passed", reason="Passed", hint="", http_code=number)
    for number in range(200, 300)
}
_json = msgspec.json.Decoder()
_DECODED = frozenset({"", "identity", "gzip", "x-gzip", "deflate"})


def judge(outcome: Answer | NoAnswer, rule: ResponseRule) -> Verdict:
    """The verdict on any outcome there can be.

    JSON is what a strict reader takes: UTF-8 without a byte order mark, whose presence the hint names.
    """
    if isinstance(outcome, NoAnswer):
        return _no_answer(outcome)
    number = outcome.status
    if not 200 <= number < 300:
        return _wrong_status(outcome)
    if rule is ResponseRule.ANY_2XX or number == 204:
        return _PASSED[number]
    why = _why_not_json(outcome)
    if why is None:
        return _PASSED[number]
    entry, hint = why
    return Verdict(passed=False, code=entry.code, reason=NOT_JSON, hint=hint, http_code=number, any_2xx_would_pass=True)


def _no_answer(outcome: NoAnswer) -> Verdict:
    entry = fault(outcome.fault)
    reason = f"{entry.title}: {outcome.detail}" if outcome.detail else f"{entry.title}."
    return Verdict(
        passed=False,
        code=entry.code,
        reason=reason,
        hint=entry.remedy,
        http_code=0,
        charged=outcome.fault is not Fault.PROXY,
    )


def _wrong_status(answer: Answer) -> Verdict:
    number = answer.status
    # The page ends its message for 403 with "Please Retry!" and the one for 500 without.
    ending = "" if number >= 500 else ". Please Retry!"
    entry, hint = _behind(answer)
    return Verdict(
        passed=False,
        code=entry.code,
        reason=f"HTTP response code is {number}, it must be 200{ending}",
        hint=hint,
        http_code=number,
    )


def _why_not_json(answer: Answer) -> tuple[Cause, str] | None:
    """Why a 2xx answer fails the JSON rule; the content type is asked first, for the page blames it first."""
    media_type = (answer.header("content-type") or "").partition(";")[0].strip().lower()
    says_json = media_type == "application/json" or media_type.endswith("+json")
    if says_json and not answer.truncated:
        try:
            _json.decode(answer.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            return _broken_json(answer, str(error))
        return None
    if answer.truncated:
        return _entry(causes.ANSWER_TOO_LARGE)
    if not answer.body.strip():
        return _entry(causes.EMPTY_BODY)
    if _is_html(media_type, answer.body):
        return _entry(causes.LOGIN_PAGE if _is_login(answer.body) else causes.HTML_ANSWER)
    entry, hint = _entry(causes.WRONG_CONTENT_TYPE)
    shown = f"It is {media_type!r} now. " if media_type else "There is none now. "
    return entry, shown + hint


def _broken_json(answer: Answer, error: str) -> tuple[Cause, str]:
    if not answer.body.strip():
        return _entry(causes.EMPTY_BODY)
    encoding = (answer.header("content-encoding") or "").strip().lower()
    if encoding not in _DECODED:
        return _entry(causes.UNREADABLE_ENCODING)
    if _is_html("", answer.body):
        return _entry(causes.HTML_ANSWER)
    entry, hint = _entry(causes.NOT_JSON_BODY)
    if answer.body.startswith(b"\xef\xbb\xbf"):
        return entry, f"The body begins with a byte order mark. {hint}"
    return entry, f"Reading stopped with: {error}. {hint}"


def _behind(answer: Answer) -> tuple[Cause, str]:
    """The known cause behind a status, or the status itself."""
    number = answer.status
    body = answer.body[:16_384].lower()
    if number == 419:
        return _entry(causes.LARAVEL_419)
    if b"csrf" in body and (b"token" in body or b"mismatch" in body or b"verification failed" in body):
        return _entry(causes.CSRF)
    if 300 <= number < 400:
        target = answer.header("location")
        if target is None:
            return status(number), status(number).remedy
        if _LOGIN_PATH.search(target):
            entry, hint = _entry(causes.LOGIN_PAGE)
            return entry, f"It redirects to {target[:300]}. {hint}"
        entry, _ = _entry(causes.REDIRECT)
        return entry, f"Enter the URL that it redirects to: {target[:300]}"
    if number in {401, 403, 406, 418, 429, 444, 503} and _is_waf(answer, body):
        return _entry(causes.WAF_BLOCK)
    if number in {401, 403} and _is_html(answer.header("content-type") or "", answer.body) and _is_login(answer.body):
        return _entry(causes.LOGIN_PAGE)
    entry = status(number)
    return entry, entry.remedy


def _entry(code: str) -> tuple[Cause, str]:
    found = cause(code)
    if found is None:  # pragma: no cover  (a code of our own that the catalogue lacks; a test holds them together)
        raise LookupError(code)
    return found, found.remedy


_LOGIN_PATH = re.compile(r"(^|[/._?=-])(log-?in|sign-?in|auth|sso|wp-login|account/login)\b", re.IGNORECASE)
_PASSWORD_FIELD = re.compile(rb"type\s*=\s*[\"']?password", re.IGNORECASE)
_HTML_START = (b"<!doctype html", b"<html", b"<head", b"<body", b"<!--")
_WAF_BODY = (
    b"cloudflare", b"sucuri", b"incapsula", b"imperva", b"akamai", b"mod_security", b"modsecurity", b"wordfence",
    b"request blocked", b"access denied by security", b"web application firewall", b"ddos protection",
)  # fmt: skip
_WAF_HEADERS = frozenset({"cf-mitigated", "x-sucuri-id", "x-sucuri-block", "x-iinfo", "x-akamai-request-id"})


def _is_html(media_type: str, body: bytes) -> bool:
    return "html" in media_type or body[:1_024].lstrip().lower().startswith(_HTML_START)


def _is_login(body: bytes) -> bool:
    return _PASSWORD_FIELD.search(body) is not None


def _is_waf(answer: Answer, body: bytes) -> bool:
    if any(mark in body for mark in _WAF_BODY):
        return True
    return any(name.lower() in _WAF_HEADERS for name, _ in answer.headers)
