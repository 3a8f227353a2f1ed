"""The reference: a valid document, a page without script or foreign host, and every error told."""

from __future__ import annotations

import re

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, settings

from parcelhook import errors
from parcelhook.api.app import described
from parcelhook.api.reference import error_codes
from parcelhook.shipping.events import EventKind
from server import Server

DOCUMENT = described().document


def test_the_page_needs_nothing_but_its_style_sheet(server: Server) -> None:
    page = httpx.get(f"{server.url}/docs")
    assert page.status_code == 200
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "<script" not in page.text
    assert "style=" not in page.text
    assert not re.findall(r'(?:src|href)="(?!#|/docs/reference\.css"|/openapi\.json")', page.text)
    assert httpx.get(f"{server.url}/docs/reference.css").headers["content-type"] == "text/css; charset=utf-8"
    assert len(page.content) < 100_000


def test_the_page_tells_every_route_field_and_error(server: Server) -> None:
    page = httpx.get(f"{server.url}/docs").text
    for path, item in DOCUMENT["paths"].items():
        assert f"<code>{path}</code>" in page
        for operation in item.values():
            assert operation["summary"]
            assert operation["description"]
    for code, *_ in error_codes():
        assert f'id="error-{code}"' in page
    for kind in EventKind:
        assert f"<h3>{kind.value}</h3>" in page
    for field in ("custom_headers", "retry_count", "TransactionID", "est_delivery_date", "LabelURL"):
        assert f"<code>{field}</code>" in page or field in page


def test_every_error_of_the_tree_is_told() -> None:
    told = {code for code, *_ in error_codes()}
    tree = {
        kind.code
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.ParcelhookError)
    }
    assert tree - {"error", "bad_setting"} <= told


def test_health_and_figures(server: Server) -> None:
    assert httpx.get(f"{server.url}/healthz").json() == {"status": "ok"}
    ready = httpx.get(f"{server.url}/readyz").json()
    assert ready["status"] == "ok"
    assert set(ready["checks"].values()) == {"ok"}
    figures = httpx.get(f"{server.url}/metrics").text
    for name in (
        "parcelhook_events_accepted_total",
        'parcelhook_attempts_total{result="passed"}',
        "parcelhook_requests_in_flight",
    ):
        assert name in figures


schema = schemathesis.openapi.from_dict(DOCUMENT)


@pytest.fixture(scope="module")
def key(server: Server) -> str:
    """The key of an account for what the fuzzer makes."""
    with server.account() as client:
        return client.headers["authorization"]


# The live stream has no end, and a test of an endpoint would send to what the fuzzer made up.
@schema.exclude(path="/v1/logs/stream").parametrize()
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_request_at_all_makes_the_server_fail(case: schemathesis.Case, server: Server, key: str) -> None:
    if isinstance(case.body, dict) and "url" in case.body:
        case.body["verify"] = False
    answered = case.call(base_url=server.url, headers={"Authorization": key})
    assert answered.status_code < 500, answered.text
    if answered.status_code >= 400 and case.method != "HEAD":
        assert answered.headers["content-type"][0].startswith("application/problem+json")
        assert answered.json()["code"]
