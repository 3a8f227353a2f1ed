"""What holds for every answer, good or bad: its headers, and that a fault of ours tells nothing of itself."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import httpx
import pytest
from structlog.testing import capture_logs

from parcelhook.api.app import create_api
from parcelhook.delivery.platform import Platform

ANSWERS = [
    ("GET", "/healthz", 200), ("GET", "/docs", 200), ("GET", "/docs/reference.css", 200), ("GET", "/v1/logs/export", 200),
    ("GET", "/v1/nowhere", 404), ("GET", "/v1/endpoints/ep_0000000000000", 404), ("PUT", "/v1/endpoints", 405),
    ("GET", "/v1/logs?colour=red", 422), ("POST", "/v1/endpoints", 422),
]  # fmt: skip


def check_headers(answer: httpx.Response) -> None:
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize(("method", "path", "status"), ANSWERS, ids=[f"{row[0]} {row[1]}" for row in ANSWERS])
def test_every_answer_carries_the_security_headers(account: httpx.Client, method: str, path: str, status: int) -> None:
    answer = account.request(method, path)
    assert answer.status_code == status
    check_headers(answer)


def test_an_answer_without_a_key_carries_them_too(account: httpx.Client) -> None:
    answer = httpx.get(f"{account.base_url}/v1/endpoints")
    assert answer.status_code == 401
    check_headers(answer)


class Broken(Platform):
    """A platform one of whose parts has a fault."""

    def __init__(self) -> None:
        pass

    def ready(self) -> dict[str, str]:
        raise RuntimeError("the inner secret")


class Misplaced:
    """What the framework itself stumbles over: it is no platform at all."""


async def ask(platform: object) -> httpx.Response:
    transport = httpx.ASGITransport(cast("Any", create_api(cast("Platform", platform))), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
        return await client.get("/readyz")


@pytest.mark.parametrize("platform", [Broken(), Misplaced()], ids=["ours", "the framework's"])
def test_a_fault_is_logged_under_the_incident_that_the_answer_names(platform: object) -> None:
    with capture_logs() as lines:
        answer = asyncio.run(ask(platform))
    assert answer.status_code == 500
    check_headers(answer)
    problem = answer.json()
    assert (problem["code"], problem["status"]) == ("internal_error", 500)
    assert problem["type"] == "/docs#error-internal_error"
    assert problem["incident"] in problem["detail"]
    assert "inner secret" not in answer.text
    assert "Platform" not in answer.text
    (line,) = lines
    assert line["incident"] == problem["incident"]
    assert isinstance(line["exc_info"], Exception)
