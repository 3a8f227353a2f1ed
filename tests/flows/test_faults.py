"""Every way a receiver can fail, told by its name, its cause and its remedy."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

import receiver as behaviours
from certificates import Authority, Kind
from receiver import Behaviour, Receiver, answer
from server import Server

NOT_JSON = "HTTP response must be in JSON format. Please Retry"


def tried(account: httpx.Client, url: str, **fields: object) -> dict[str, object]:
    """The verdict of a test on a webhook that was saved unverified."""
    wanted = {"url": url, "events": ["order_shipped"], "verify": False, "timeout_ms": 1_000, **fields}
    made = account.post("/v1/endpoints", json=wanted)
    assert made.status_code == 201, made.text
    shown = account.post(f"/v1/endpoints/{made.json()['id']}/test").json()
    verdict: dict[str, object] = shown["verdict"]
    assert verdict["passed"] or (verdict["reason"] and verdict["hint"])
    return verdict


PASSING: list[tuple[str, Behaviour]] = [
    ("200 with JSON", answer()),
    ("201 with JSON", answer(201)),
    ("a JSON array", answer(body=b"[]")),
    ("JSON with a charset", answer(content_type="Application/JSON; charset=utf-8")),
    ("problem+json with 200", answer(content_type="application/problem+json")),
    ("gzipped JSON", behaviours.gzip_json()),
    ("204", behaviours.no_content),
    ("204 with a body that no client reads", behaviours.no_content_with_body),
]


@pytest.mark.parametrize(("what", "behaviour"), PASSING, ids=[what for what, _ in PASSING])
def test_what_passes(account: httpx.Client, receiver: Receiver, what: str, behaviour: Behaviour) -> None:
    receiver.behave(behaviour)
    assert tried(account, receiver.url())["passed"] is True, what


FAILING: list[tuple[str, Behaviour, str, str]] = [
    ("500", answer(500), "http_500", "HTTP response code is 500, it must be 200"),
    ("403", answer(403), "http_403", "HTTP response code is 403, it must be 200. Please Retry!"),
    ("404", answer(404), "http_404", "HTTP response code is 404, it must be 200. Please Retry!"),
    ("413", answer(413), "http_413", "HTTP response code is 413, it must be 200. Please Retry!"),
    ("CSRF", answer(400, b'{"success":false, "reason": "CSRF token mismatch"}'), "csrf_mismatch", "HTTP response code is 400, it must be 200. Please Retry!"),
    ("419", answer(419, b"Page Expired", "text/html"), "laravel_419", "HTTP response code is 419, it must be 200. Please Retry!"),
    ("redirect", behaviours.redirect("https://shop.example/hooks/"), "redirect", "HTTP response code is 302, it must be 200. Please Retry!"),
    ("login redirect", behaviours.redirect("/login?next=/hooks"), "login_page", "HTTP response code is 302, it must be 200. Please Retry!"),
    ("login page", answer(body=b'<!doctype html><input type="password">', content_type="text/html"), "login_page", NOT_JSON),
    ("firewall", answer(403, b"<html>Attention Required! | Cloudflare</html>", "text/html"), "waf_block", "HTTP response code is 403, it must be 200. Please Retry!"),
    ("HTML", answer(body=b"<html>hi</html>", content_type="text/html"), "html_answer", NOT_JSON),
    ("text", answer(body=b"OK", content_type="text/plain"), "wrong_content_type", NOT_JSON),
    ("JSON as text", answer(content_type="text/html"), "html_answer", NOT_JSON),
    ("empty", answer(body=b"", content_type=""), "empty_body", NOT_JSON),
    ("broken JSON", answer(body=b"{'ok': true}"), "not_json_body", NOT_JSON),
    ("byte order mark", answer(body=b"\xef\xbb\xbf{}"), "not_json_body", NOT_JSON),
    ("huge", behaviours.huge(10_000_000), "answer_too_large", NOT_JSON),
    ("gzip bomb", behaviours.gzip_bomb(), "answer_too_large", NOT_JSON),
    ("brotli", answer(body=b"\x0b\x02\x80{}\x03", Content_Encoding="br"), "unreadable_encoding", NOT_JSON),
    ("hang", behaviours.hang, "timeout_first_byte", "Time ran out while waiting for the answer"),
    ("drip", behaviours.drip, "timeout_body", "Time ran out in the middle of the answer"),
    ("reset", behaviours.reset, "connection_reset", "The connection was cut"),
    ("reset in the answer", behaviours.reset_in_answer, "connection_reset", "The connection was cut"),
    ("close", behaviours.close_without_answer, "connection_reset", "The connection was cut"),
    ("not HTTP", behaviours.garbage, "not_http", "The answer is not HTTP"),
    ("endless headers", behaviours.endless_headers, "answer_headers_too_large", "The answer's headers are too large"),
]  # fmt: skip


@pytest.mark.parametrize(("what", "behaviour", "code", "reason"), FAILING, ids=[row[0] for row in FAILING])
def test_what_fails_and_why(
    account: httpx.Client, receiver: Receiver, what: str, behaviour: Behaviour, code: str, reason: str
) -> None:
    receiver.behave(behaviour)
    verdict = tried(account, receiver.url())
    assert verdict["code"] == code, what
    assert str(verdict["reason"]).startswith(reason)
    assert verdict["any_2xx_would_pass"] is (reason == NOT_JSON)


def test_a_redirect_is_never_followed(account: httpx.Client, receiver: Receiver) -> None:
    with Receiver() as elsewhere:
        receiver.behave(behaviours.redirect(elsewhere.url(), 308))
        verdict = tried(account, receiver.url())
        assert elsewhere.url() in str(verdict["hint"])
        assert elsewhere.received == []


def test_any_2xx_takes_what_the_json_rule_refuses(account: httpx.Client, receiver: Receiver) -> None:
    for behaviour in (answer(body=b"OK", content_type="text/plain"), behaviours.huge(1_000_000), answer(body=b"")):
        receiver.behave(behaviour)
        assert tried(account, receiver.url(), response_rule="any_2xx")["passed"] is True


def test_a_port_where_nothing_listens(account: httpx.Client) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    assert tried(account, f"http://127.0.0.1:{port}/")["code"] == "connection_refused"


def test_a_name_that_does_not_exist(account: httpx.Client) -> None:
    assert tried(account, "https://no-such-host.invalid/hooks", timeout_ms=10_000)["code"] in {
        "dns_not_found",
        "timeout_dns",
    }


def test_a_server_that_takes_no_connection(account: httpx.Client) -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        fillers = []
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
            fillers.append(filler)
        code = tried(account, f"http://127.0.0.1:{full.getsockname()[1]}/")["code"]
        for filler in fillers:
            filler.close()
    assert code == "timeout_connect"


@pytest.fixture(scope="module")
def trusting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Authority]]:
    """A server that trusts an authority of the tests' own."""
    folder: Path = tmp_path_factory.mktemp("tls")
    authority = Authority(folder)
    with Server(folder / "data", EGRESS_CA_FILE=str(authority.file)) as running:
        yield running, authority


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (Kind.GOOD, "passed"),
        (Kind.EXPIRED, "tls_expired"),
        (Kind.SELF_SIGNED, "tls_self_signed"),
        (Kind.WRONG_HOST, "tls_wrong_host"),
    ],
)
def test_certificates(trusting: tuple[Server, Authority], kind: Kind, code: str) -> None:
    running, authority = trusting
    with running.account() as account, Receiver(authority.context(kind)) as secure:
        assert tried(account, secure.url(host="localhost"))["code"] == code


def test_a_certificate_of_an_unknown_authority(server: Server, tmp_path: Path) -> None:
    with server.account() as account, Receiver(Authority(tmp_path).context(Kind.GOOD)) as secure:
        assert tried(account, secure.url(host="localhost"))["code"] in {"tls_failed", "tls_self_signed"}


def test_https_on_a_port_that_does_not_speak_it(account: httpx.Client, receiver: Receiver) -> None:
    code = tried(account, receiver.url().replace("http://", "https://"))["code"]
    assert code in {"tls_failed", "connection_reset", "timeout_tls"}
