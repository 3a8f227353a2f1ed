"""Insights through the API: what was sent and scanned is told in figures, over the hours that were asked for."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from parcelhook import times
from receiver import Receiver, answer
from server import wait_until

HOUR_S = 3_600
DAY_S = 86_400
Connect = Callable[..., dict[str, Any]]


def iso(seconds: float) -> str:
    return times.iso(int(seconds * 1_000))


def scan(shipment: str, before_s: float, code: int, **fields: Any) -> dict[str, Any]:
    return {
        "Event": "TRACKING_UPDATE", "TransactionID": shipment, "date": int(time.time() - before_s), "code": code,
        "message": f"code {code}", "TrackingCarrier": "GLS", "FromAddressCountry": "IT", "ToAddressCountry": "DE", **fields,
    }  # fmt: skip


def feed(account: httpx.Client, *events: dict[str, Any]) -> None:
    answered = account.post("/v1/events", json=list(events))
    assert answered.status_code == 202, answered.text


def deliveries(account: httpx.Client, **asked: str) -> dict[str, Any]:
    found = account.get("/v1/insights/deliveries", params=asked)
    assert found.status_code == 200, found.text
    figures: dict[str, Any] = found.json()
    return figures


def tracking(account: httpx.Client, **asked: str) -> dict[str, Any]:
    found = account.get("/v1/insights/tracking", params=asked)
    assert found.status_code == 200, found.text
    figures: dict[str, Any] = found.json()
    return figures


def test_what_was_sent_is_told_by_endpoint_event_code_and_cause(
    account: httpx.Client, receiver: Receiver, connect: Connect
) -> None:
    good = connect("/good", events=["tracking_update"], label="shop")
    bad = connect("/bad", events=["tracking_update"], retry=True, retry_count=1)
    receiver.behave(answer(500), "/bad")
    feed(account, scan("1_1", 60, 2), scan("1_1", 50, 6))
    account.post(f"/v1/endpoints/{good['id']}/test", json={})
    wait_until(lambda: deliveries(account)["delivered"] + deliveries(account)["gave_up"] == 4)
    found = deliveries(account)
    counts = ("attempts", "passed", "failed", "retries", "delivered", "gave_up")
    assert [found[name] for name in counts] == [6, 2, 4, 2, 2, 2]
    assert found["waiting"] == 0
    assert found["time_spent"]["p50_ms"] <= found["time_spent"]["p99_ms"]
    by_endpoint = {one["endpoint_id"]: one for one in found["by_endpoint"]}
    assert [by_endpoint[bad["id"]][name] for name in counts] == [4, 0, 4, 2, 0, 2]
    assert [by_endpoint[good["id"]][name] for name in counts] == [2, 2, 0, 0, 2, 0]
    assert by_endpoint[good["id"]]["label"] == "shop"
    assert [one["event"] for one in found["by_event"]] == ["tracking_update"]
    assert [(one["http_code"], one["attempts"]) for one in found["by_code"]] == [(200, 2), (500, 4)]
    assert [(one["cause"], one["attempts"]) for one in found["by_cause"]] == [("http_500", 4)]
    only = deliveries(account, endpoint=good["id"])
    assert (only["attempts"], len(only["by_endpoint"])) == (2, 1)
    account.delete(f"/v1/endpoints/{bad['id']}")
    assert {one["endpoint_id"]: one["deleted"] for one in deliveries(account)["by_endpoint"]} == {
        good["id"]: False, bad["id"]: True,
    }  # fmt: skip


def test_what_waits_is_told_since_when(account: httpx.Client, connect: Connect) -> None:
    endpoint = connect(events=["tracking_update"])
    account.post(f"/v1/endpoints/{endpoint['id']}/disable")
    feed(account, scan("1_1", 60, 2), scan("1_1", 50, 6))
    found = deliveries(account)
    assert found["waiting"] == found["by_endpoint"][0]["waiting"] == 2
    since = times.parse_iso(found["oldest_waiting"])
    assert 0 <= time.time() * 1_000 - since < 30_000


def test_tracking_is_told_by_status_carrier_and_route(
    account: httpx.Client, receiver: Receiver, connect: Connect
) -> None:
    connect(events=["tracking_update"])
    promised = str(int(time.time() - 2 * DAY_S) // DAY_S * DAY_S)
    feed(
        account,
        scan("1_1", 5 * DAY_S, 2, est_delivery_date=promised),
        scan("1_1", 4 * DAY_S, 4),
        scan("1_1", HOUR_S / 2, 6),  # late
        scan("2_1", 3 * DAY_S, 2, TrackingCarrier="UPS", ToAddressCountry="IT"),
        scan("2_1", 2 * DAY_S, 6, TrackingCarrier="UPS", ToAddressCountry="IT"),
        scan("3_1", 6 * DAY_S, 2, est_delivery_date=promised),
        scan("3_1", 5 * DAY_S, 5),  # late, and silent
        scan("4_1", DAY_S, 2, IsReturn=True),
    )
    receiver.wait_for(8)
    wait_until(lambda: tracking(account)["receipts"]["deliveries"] == 8)
    found = tracking(account)
    stands = {one["status"]: one["shipments"] for one in found["now"]["by_status"] if one["shipments"]}
    assert stands == {"delivered": 2, "exception": 1, "in_transit": 1}
    assert [found["now"][name] for name in ("on_the_way", "late", "silent", "silent_days")] == [2, 1, 1, 3]
    assert [one["transaction_id"] for one in found["now"]["silent_shipments"]] == ["3_1"]
    total = found["total"]
    assert [total[name] for name in ("started", "returns", "delivered", "promised", "delivered_late")] == [
        4,
        1,
        2,
        1,
        1,
    ]
    assert [total[name] for name in ("failed_attempts", "exceptions", "scans")] == [1, 1, 8]
    assert (total["late_share"], total["returns_share"]) == (1.0, 0.25)
    assert found["trend_step"] == "day"
    assert len(found["trend"]) == 31
    assert sum(step["delivered"] for step in found["trend"]) == 2
    assert {one["carrier"]: one["delivered"] for one in found["by_carrier"]} == {"GLS": 1, "UPS": 1}
    assert found["transit"]["shipments"] == 2
    assert {one["carrier"]: one["median_days"] for one in found["transit_by_carrier"]} == {
        "GLS": pytest.approx(5, abs=0.1), "UPS": pytest.approx(1, abs=0.05),
    }  # fmt: skip
    routes = {(one["from_country"], one["to_country"]): one["p90_days"] for one in found["transit_by_route"]}
    assert set(routes) == {("IT", "DE"), ("IT", "IT")}
    waited = found["receipts"]
    assert waited["p50_s"] == pytest.approx(3 * DAY_S, rel=0.06)
    assert waited["p95_s"] == pytest.approx(6 * DAY_S, rel=0.06)
    only = tracking(account, carrier="UPS", silent_days="1")
    assert (only["total"]["started"], only["now"]["on_the_way"], only["receipts"]["deliveries"]) == (1, 0, 2)
    assert [one["to_country"] for one in only["transit_by_route"]] == ["IT"]
    back = tracking(account, **{"return": "true"})
    assert (back["total"]["started"], back["total"]["returns"], back["now"]["on_the_way"]) == (1, 1, 1)


def test_a_range_is_whole_hours_and_says_which(account: httpx.Client) -> None:
    hour = int(time.time()) // HOUR_S * HOUR_S
    feed(account, scan("1_1", time.time() - hour + 2 * HOUR_S - 60, 2))  # one minute into the hour before last
    asked = {"since": iso(hour - 2 * HOUR_S + 1_800), "until": iso(hour - HOUR_S - 10)}
    found = tracking(account, **asked)
    assert (found["since"], found["until"]) == (iso(hour - 2 * HOUR_S), iso(hour - HOUR_S))
    assert (found["total"]["started"], found["trend_step"], len(found["trend"])) == (1, "hour", 1)
    assert tracking(account, since=str(hour - HOUR_S))["total"]["started"] == 0
    month = deliveries(account)
    assert times.parse_iso(month["until"]) - times.parse_iso(month["since"]) == 30 * DAY_S * 1_000
    far = deliveries(account, since="2001-01-01T00:00:00Z", until="2090-01-01T00:00:00Z")
    assert times.parse_iso(far["until"]) == (int(time.time()) // HOUR_S + 1) * HOUR_S * 1_000
    kept = time.time() * 1_000 - times.parse_iso(far["since"])
    assert 400 * DAY_S * 1_000 <= kept <= 430 * DAY_S * 1_000


@pytest.mark.parametrize(
    ("path", "asked", "field"),
    [
        ("deliveries", {"carrier": "GLS"}, "carrier"),
        ("deliveries", {"endpoint": "ep_1"}, "endpoint"),
        ("deliveries", {"since": "yesterday"}, "since"),
        ("deliveries", {"since": "2026-11-02T00:00:00Z", "until": "2026-11-01T00:00:00Z"}, "since"),
        ("deliveries", {"since": "2090-01-01T00:00:00Z"}, "since"),
        ("deliveries", {"until": "2001-01-01T00:00:00Z"}, "until"),
        ("tracking", {"endpoint": "ep_0000000000000"}, "endpoint"),
        ("tracking", {"silent_days": "0"}, "silent_days"),
        ("tracking", {"return": "maybe"}, "return"),
    ],
)
def test_what_cannot_be_asked_is_refused(account: httpx.Client, path: str, asked: dict[str, str], field: str) -> None:
    found = account.get(f"/v1/insights/{path}", params=asked)
    assert found.status_code == 422
    assert found.json()["field"] == field
    assert found.json()["remedy"]
