"""What a valid endpoint is, field by field of the page's form."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parcelhook.errors import InvalidInput
from parcelhook.shipping.events import EventKind
from parcelhook.webhooks.endpoint import CustomHeader, Endpoint, check, check_url


def endpoint(**fields: Any) -> Endpoint:
    return Endpoint(
        **{"id": 1, "account_id": 1, "url": "https://shop.example/", "events": frozenset(EventKind), **fields}
    )


@pytest.mark.parametrize(
    ("given_", "normal"),
    [
        ("https://Shop.Example/Hooks?a=B#part", "https://shop.example/Hooks?a=B"),
        ("http://shop.example", "http://shop.example/"),
        ("HTTPS://shop.example:8443/x", "https://shop.example:8443/x"),
        ("https://münchen.example/", "https://xn--mnchen-3ya.example/"),
        ("https://[2606:4700:0:0::1111]/", "https://[2606:4700::1111]/"),
        ("http://127.0.0.1:8080/", "http://127.0.0.1:8080/"),
        ("https://a_b.example./", "https://a_b.example./"),
    ],
)
def test_urls_in_normal_form(given_: str, normal: str) -> None:
    assert check_url(given_) == normal
    assert check_url(normal) == normal


@pytest.mark.parametrize(
    "url",
    [
        "", "shop.example", "ftp://shop.example/", "javascript:alert(1)", "https://", "https:///x", "https://user:p@shop.example/",
        "https://shop.example@evil.example/", "http://2130706433/", "http://0x7f.1/", "http://0177.0.0.1/", "http://127.1/",
        "http://[::ffff:127.0.0.1]/", "http://[2002:7f00:1::]/", "http://[fe80::1%25eth0]/", "http://[::1/", "https://shop.example:99999/",
        "https://shop.example:0/", "https://sh op.example/", "https://shop.example/a b", "https://shop.example/\r\nX: y", "https://shop.example/é",
        "https://-x.example/", "https://a..b/", "https://shop.example\\@evil.example/", "https://" + "a" * 2_000 + "/", "http://256.1.1.1/", "https://" + "a" * 64 + ".example/",
    ],
)  # fmt: skip
def test_urls_that_are_refused_and_the_field_is_named(url: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        check_url(url)
    assert refused.value.field == "url"
    assert refused.value.remedy
    assert "user:p@" not in str(refused.value.value)


@given(st.text(max_size=60) | st.text(max_size=40).map(lambda text: "https://" + text))
def test_any_text_is_a_url_in_normal_form_or_refused(text: str) -> None:
    try:
        found = check_url(text)
    except InvalidInput:
        return
    assert check_url(found) == found
    assert found.isascii()
    assert not any(c.isspace() for c in found)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"events": frozenset()}, "events"),
        ({"retry_count": 11}, "retry_count"),
        ({"retry_count": -1}, "retry_count"),
        ({"timeout_ms": 999}, "timeout_ms"),
        ({"timeout_ms": 30_001}, "timeout_ms"),
        ({"concurrency": 0}, "concurrency"),
        ({"concurrency": 101}, "concurrency"),
        ({"rate_limit": -1}, "rate_limit"),
        ({"password": "p"}, "username"),
        ({"username": "a:b"}, "username"),
        ({"username": "a\r\nb"}, "username"),
        ({"username": "u", "password": "a\0"}, "password"),
        ({"retry_schedule": (float("nan"),)}, "retry_schedule[0]"),
        ({"retry_schedule": (1.0, -1.0)}, "retry_schedule[1]"),
        ({"retry_schedule": (1.0,) * 11}, "retry_schedule"),
        ({"custom_headers": (CustomHeader("", "v"),)}, "custom_headers[0].key"),
        ({"custom_headers": (CustomHeader("A B", "v"),)}, "custom_headers[0].key"),
        ({"custom_headers": (CustomHeader("X", "v"), CustomHeader("Content-Type", "v"))}, "custom_headers[1].key"),
        ({"custom_headers": (CustomHeader("Webhook-Id", "v"),)}, "custom_headers[0].key"),
        ({"custom_headers": (CustomHeader("x-webhook-test", "v"),)}, "custom_headers[0].key"),
        ({"custom_headers": (CustomHeader("Host", "v"),)}, "custom_headers[0].key"),
        ({"custom_headers": (CustomHeader("X", "a\r\nEvil: b"),)}, "custom_headers[0].value"),
        ({"custom_headers": (CustomHeader("X", "é"),)}, "custom_headers[0].value"),
        ({"custom_headers": (CustomHeader("X", "1"), CustomHeader("x", "2"))}, "custom_headers[1].key"),
        ({"custom_headers": (CustomHeader("Authorization", "1"),), "username": "u"}, "custom_headers[0].key"),
        ({"custom_headers": tuple(CustomHeader(f"X-{n}", "1") for n in range(21))}, "custom_headers"),
    ],
)
def test_what_is_refused_names_its_field(fields: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        check(endpoint(**fields))
    assert refused.value.field == field
    assert refused.value.message


def test_the_limit_of_the_count_of_retry_is_told() -> None:
    assert check(endpoint(retry_count=10)).retry_count == 10
    with pytest.raises(InvalidInput, match="0 to 10, not 11"):
        check(endpoint(retry_count=11))


def test_its_text_form_holds_no_secret() -> None:
    shown = repr(endpoint(username="u", password="geheim", custom_headers=(CustomHeader("X", "geheim"),)))
    assert "geheim" not in shown
