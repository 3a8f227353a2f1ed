"""Webhooks Logs over HTTP: the page's columns and filters, paging, live stream, export."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from receiver import Receiver, answer
from server import Server, tracking_update, wait_until


@pytest.fixture(scope="module")
def full(server: Server) -> Iterator[tuple[httpx.Client, dict[str, Any]]]:
    """An account with a log: two endpoints, one of which fails for order errors, retries, a test, a return."""
    with Receiver() as receiver, server.account() as account:
        receiver.behave(answer(500, b'{"why": "<script>alert(1)</script>"}'), "/bad")
        good = account.post(
            "/v1/endpoints", json={"url": receiver.url("/good"), "events": ["tracking_update", "order_error"]}
        )
        bad = account.post(
            "/v1/endpoints",
            json={"url": receiver.url("/bad"), "events": ["order_error"], "retry_count": 2, "verify": False},
        )
        account.post(
            "/v1/events",
            json=[
                tracking_update(f"{n}_1", OrderID=str(n), TrackingCarrier="GLS" if n % 2 else "UPS") for n in range(30)
            ],
        )
        account.post(
            "/v1/events", json={"Event": "ORDER_ERROR", "OrderID": "77", "TransactionID": "77_1", "Message": "No."}
        )
        wait_until(lambda: len(items(account, limit="200")) == 30 + 1 + 1 + 3)
        yield account, {"good": good.json()["id"], "bad": bad.json()["id"]}


def items(account: httpx.Client, **filters: str) -> list[dict[str, Any]]:
    found = account.get("/v1/logs", params=filters)
    assert found.status_code == 200, found.text
    listed: list[dict[str, Any]] = found.json()["items"]
    return listed


def test_a_line_has_all_that_the_page_shows(full: tuple[httpx.Client, dict[str, Any]]) -> None:
    account, endpoints = full
    (line,) = items(account, transaction_id="3_1")
    assert {
        "date", "date_end", "order_id", "transaction_id", "carrier", "endpoint_id", "endpoint_url", "event", "result",
        "retry", "time_spent_ms", "request", "response",
    } <= set(line)  # fmt: skip
    assert (line["order_id"], line["transaction_id"], line["carrier"]) == ("3", "3_1", "GLS")
    assert (line["endpoint_id"], line["event"], line["result"], line["retry"]) == (
        endpoints["good"],
        "TRACKING_UPDATE",
        "passed",
        0,
    )
    assert line["date"] <= line["date_end"]
    assert line["request"]["body"].startswith('{"Event":"TRACKING_UPDATE"')
    assert line["response"]["body"] == '{"ok": true}'
    whole = account.get(f"/v1/logs/{line['id']}").json()
    assert whole["timing"]["total_ms"] == whole["time_spent_ms"]
    assert whole["address"] == "127.0.0.1"
    names = {header["name"] for header in whole["request"]["headers"]}
    assert {"webhook-id", "webhook-timestamp", "webhook-signature", "x-webhook-event", "x-webhook-attempt"} <= names


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        ({}, 35), ({"event": "order_error"}, 4), ({"event": "TRACKING_UPDATE"}, 30), ({"event": "order_shipped"}, 1),
        ({"result": "failed"}, 3), ({"result": "passed"}, 32), ({"retry": "0"}, 33), ({"retry": "any"}, 2), ({"retry": "2"}, 1),
        ({"order_id": "77"}, 4), ({"transaction_id": "77_1", "result": "failed"}, 3), ({"carrier": "GLS"}, 15),
        ({"test": "true"}, 1), ({"test": "false"}, 34), ({"order_id": "24957298"}, 1), ({"order_id": "nothing"}, 0),
        ({"order_id": "77", "transaction_id": "3_1"}, 0), ({"since": "2020-01-01"}, 35), ({"until": "2020-01-01T00:00:00Z"}, 0),
        ({"since": "1577836800", "until": "2099-01-01T00:00:00+02:00"}, 35), ({"event": "", "result": ""}, 35),
    ],
)  # fmt: skip
def test_filters(full: tuple[httpx.Client, dict[str, Any]], filters: dict[str, str], count: int) -> None:
    assert len(items(full[0], limit="200", **filters)) == count


def test_the_filter_by_endpoint(full: tuple[httpx.Client, dict[str, Any]]) -> None:
    account, endpoints = full
    assert len(items(account, endpoint=endpoints["bad"])) == 3
    assert {line["endpoint_id"] for line in items(account, endpoint=endpoints["good"])} == {endpoints["good"]}


@pytest.mark.parametrize(
    "filters",
    [
        {"result": "ok"}, {"event": "shipped"}, {"retry": "-1"}, {"retry": "11"}, {"retry": "x"}, {"endpoint": "ep_1"}, {"cursor": "x"},
        {"limit": "0"}, {"limit": "201"}, {"limit": "x"}, {"since": "yesterday"}, {"until": "99999999999999"}, {"test": "1"}, {"colour": "red"},
    ],
)  # fmt: skip
def test_a_bad_filter_is_named(full: tuple[httpx.Client, dict[str, Any]], filters: dict[str, str]) -> None:
    answered = full[0].get("/v1/logs", params=filters)
    assert answered.status_code == 422
    (name,) = filters
    assert answered.json()["field"] == name
    assert answered.json()["remedy"]


def test_pages_are_not_shifted_by_new_lines(server: Server) -> None:
    with Receiver() as receiver, server.account() as account:
        account.post("/v1/endpoints", json={"url": receiver.url(), "events": ["tracking_update"], "verify": False})
        account.post("/v1/events", json=[tracking_update(str(n)) for n in range(10)])
        wait_until(lambda: len(items(account)) == 10)
        everything = [line["id"] for line in items(account)]
        seen, cursor = [], None
        while True:
            page = account.get("/v1/logs", params={"limit": "3", **({"cursor": cursor} if cursor else {})}).json()
            seen += [line["id"] for line in page["items"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
            account.post("/v1/events", json=tracking_update(f"new-{cursor}"))
            receiver.wait_for(10 + len(seen) // 3)
        assert seen == everything


def test_stored_answers_come_back_as_text(full: tuple[httpx.Client, dict[str, Any]]) -> None:
    line = items(full[0], result="failed")[0]
    assert line["response"]["body"] == '{"why": "<script>alert(1)</script>"}'
    assert line["cause"] == "http_500"
    assert line["hint"]
    assert full[0].get("/v1/logs").headers["x-content-type-options"] == "nosniff"


def test_export_as_csv_has_the_pages_twelve_columns_first(full: tuple[httpx.Client, dict[str, Any]]) -> None:
    exported = full[0].get("/v1/logs/export", params={"event": "order_error"})
    assert exported.headers["content-type"].startswith("text/csv")
    header, *rows = csv.reader(io.StringIO(exported.text))
    assert header[:12] == [
        "Date", "Date End", "Order ID", "Transaction ID", "Carrier", "Endpoint", "Event", "Result", "Retry", "Time Spent",
        "Request", "Response",
    ]  # fmt: skip
    assert len(rows) == 4
    assert {row[2] for row in rows} == {"77"}


def test_a_cell_that_a_spreadsheet_would_run_is_marked_as_text(server: Server) -> None:
    with Receiver() as receiver, server.account() as account:
        account.post("/v1/endpoints", json={"url": receiver.url(), "events": ["tracking_update"], "verify": False})
        account.post("/v1/events", json=tracking_update("1", OrderID="=1+1"))
        wait_until(lambda: len(items(account)) == 1)
        _, row = csv.reader(io.StringIO(account.get("/v1/logs/export").text))
        assert row[2] == "'=1+1"


def test_export_as_ndjson(full: tuple[httpx.Client, dict[str, Any]]) -> None:
    exported = full[0].get("/v1/logs/export", params={"format": "ndjson"})
    assert len([json.loads(line) for line in exported.text.splitlines()]) == 35
    assert full[0].get("/v1/logs/export", params={"format": "xml"}).status_code == 422


def test_the_live_stream_shows_new_lines_by_filter_and_resumes(server: Server) -> None:
    with Receiver() as receiver, server.account() as account:
        account.post(
            "/v1/endpoints", json={"url": receiver.url(), "events": ["tracking_update", "order_error"], "verify": False}
        )
        with account.stream("GET", "/v1/logs/stream", params={"event": "tracking_update"}) as live:
            lines = live.iter_lines()
            assert next(lines).startswith(":")
            account.post("/v1/events", json=[
                {"Event": "ORDER_ERROR", "OrderID": "1", "Message": "m"}, tracking_update("1"), tracking_update("2"),
            ])  # fmt: skip
            found: list[dict[str, Any]] = []
            for line in lines:
                if line.startswith("data: "):
                    found.append(json.loads(line[6:]))
                if len(found) == 2:
                    break
        assert {line["transaction_id"] for line in found} == {"1", "2"}
        with account.stream("GET", "/v1/logs/stream", headers={"Last-Event-ID": found[0]["id"]}) as live:
            for line in live.iter_lines():
                if line.startswith("data: "):
                    assert json.loads(line[6:])["id"] > found[0]["id"]
                    break
        wrong = account.get("/v1/logs/stream", headers={"Last-Event-ID": "x"})
        assert (wrong.status_code, wrong.json()["field"]) == (422, "Last-Event-ID")


def test_a_body_that_is_cut_within_a_character_ends_before_it(server: Server) -> None:
    with Receiver() as receiver, server.account() as account:
        account.post("/v1/endpoints", json={"url": receiver.url(), "events": ["order_error"], "verify": False})
        for shift in range(2):
            account.post("/v1/events", json={"Event": "ORDER_ERROR", "OrderID": "x" * shift, "Message": "é" * 600})
        wait_until(lambda: len(items(account)) == 2)
        for line in items(account):
            assert line["request"]["body_truncated"] is True
            assert "\ufffd" not in line["request"]["body"]
