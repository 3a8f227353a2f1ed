"""Insights through the API: what was fed in and sent comes back as figures."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from receiver import Receiver, server_error
from server import wait_until

Connect = Callable[..., dict[str, Any]]

HOUR = 3_600
DAY = 24 * HOUR
NOON = int(time.time()) // DAY * DAY - 10 * DAY + 12 * HOUR  # ten days ago, UTC


def shipped(name: str, carrier: str, **fields: Any) -> dict[str, Any]:
    return {
        "Event": "ORDER_SHIPPED", "OrderID": f"order-{name}", "TransactionID": name, "TrackingCarrier": carrier, "TrackingNumber": f"N-{name}",
        "ToAddressCompany": "Jane",
        "FromAddressCountry": "IT", "ToAddressCountry": "DE", **fields,
    }  # fmt: skip


def scan(name: str, code: int, date: int, **fields: Any) -> dict[str, Any]:
    return {"Event": "TRACKING_UPDATE", "TransactionID": name, "date": date, "code": code, "message": "m", **fields}


def feed(account: httpx.Client, *events: dict[str, Any]) -> None:
    answer = account.post("/v1/events", json=list(events))
    assert answer.status_code == 202, answer.text


def iso(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(seconds))


@pytest.fixture
def moved(account: httpx.Client) -> httpx.Client:
    """Four shipments: on time, late, silent, and a return."""
    promised = {"est_delivery_date": str(NOON + 3 * DAY)}
    feed(
        account,
        shipped("good", "GLS"), scan("good", 2, NOON), scan("good", 6, NOON + 2 * DAY, **promised),
        shipped("late", "DHL"), scan("late", 2, NOON), scan("late", 5, NOON + DAY),
        scan("late", 6, NOON + 4 * DAY + HOUR, **promised),
        shipped("silent", "DHL"), scan("silent", 4, NOON, **promised),
        shipped("back", "GLS", IsReturn=True), scan("back", 2, int(time.time()) - HOUR),
    )  # fmt: skip
    return account


def test_tracking_over_a_range(moved: httpx.Client) -> None:
    told = moved.get("/v1/insights/tracking", params={"since": str(NOON), "until": iso(NOON + 5 * DAY + 1)}).json()
    assert (told["since"], told["until"]) == (iso(NOON), iso(NOON + 5 * DAY + HOUR)), "rounded outwards"
    assert told["total"] == {
        "started": 3, "delivered": 2, "promised": 2, "delivered_late": 1, "late_share": 0.5, "failed_attempts": 1,
        "exceptions": 1, "scans": 6,
    }  # fmt: skip
    assert told["before"]["scans"] == 0
    assert told["before"]["late_share"] is None
    assert told["transit"] == {"shipments": 2, "median_hours": 48, "p90_hours": 97}
    assert [(one["carrier"], one["delivered"], one["late_share"], one["transit"]["median_hours"]) for one in told["by_carrier"]] == [
        ("DHL", 1, 1.0, 97), ("GLS", 1, 0.0, 48),
    ]  # fmt: skip
    assert told["by_route"] == [
        {"shipments": 2, "median_hours": 48, "p90_hours": 97, "from_country": "IT", "to_country": "DE"}
    ]
    assert [(one["since"], one["delivered"]) for one in told["steps"]] == [
        (iso(NOON - 12 * HOUR + day * DAY), delivered) for day, delivered in enumerate([0, 0, 1, 0, 1, 0])
    ]
    assert told["returns"] == {"started": 0, "delivered": 0, "share": 0.0}


def test_how_shipments_stand_now(moved: httpx.Client) -> None:
    now = moved.get("/v1/insights/tracking").json()["now"]
    assert now["by_status"] == [
        {"status": "in_transit", "code": 2, "shipments": 1},
        {"status": "failed_attempt", "code": 4, "shipments": 1},
        {"status": "delivered", "code": 6, "shipments": 2},
    ]
    assert (now["on_the_way"], now["late"], now["silent"], now["silent_days"]) == (2, 1, 1, 3)
    assert [one["transaction_id"] for one in now["longest_silent"]] == ["silent"]
    patient = moved.get("/v1/insights/tracking", params={"silent_days": "30"}).json()["now"]
    assert (patient["silent"], patient["longest_silent"]) == (0, [])


def test_filters_of_tracking(moved: httpx.Client) -> None:
    since = {"since": str(NOON)}
    dhl = moved.get("/v1/insights/tracking", params={**since, "carrier": "DHL"}).json()
    assert (dhl["total"]["started"], dhl["transit"]["median_hours"], dhl["now"]["on_the_way"]) == (2, 97, 1)
    back = moved.get("/v1/insights/tracking", params={**since, "return": "true"}).json()
    assert (back["total"]["started"], back["returns"]["share"], back["now"]["on_the_way"]) == (1, 1.0, 1)
    every = moved.get("/v1/insights/tracking", params=since).json()
    assert every["returns"] == {"started": 1, "delivered": 0, "share": 0.25}


def test_a_short_range_is_told_by_the_hour(moved: httpx.Client) -> None:
    told = moved.get("/v1/insights/tracking", params={"since": str(NOON), "until": str(NOON + 2 * HOUR)}).json()
    assert [(one["since"], one["scans"]) for one in told["steps"]] == [(iso(NOON), 3), (iso(NOON + HOUR), 0)]


def test_deliveries_and_the_way_from_scan_to_receipt(
    account: httpx.Client, receiver: Receiver, connect: Connect
) -> None:
    receiver.behave(server_error, "/broken")
    good = connect(events=["tracking_update"])
    broken = connect("/broken", events=["tracking_update"], retry=True, retry_count=1, retry_schedule=[3600])
    feed(account, scan("one", 2, int(time.time()) - 600), scan("two", 2, int(time.time()) - 600))

    def told(**asked: str) -> dict[str, Any]:
        found: dict[str, Any] = account.get("/v1/insights/deliveries", params=asked).json()
        return found

    wait_until(lambda: bool(told()["total"]["sent"] == 4))
    found = told()
    assert found["total"] == {
        "sent": 4, "passed": 2, "failed": 2, "success": 0.5, "retries": 0, "delivered": 2, "gave_up": 0,
    }  # fmt: skip
    assert found["waiting"] == 2
    assert found["oldest_waiting_since"] >= iso(int(time.time()) - 60)
    assert [(one["event"], one["sent"]) for one in found["by_event"]] == [("tracking_update", 4)]
    assert [(one["code"], one["name"], one["sent"]) for one in found["by_code"]] == [
        (200, "OK", 2), (500, "Internal Server Error", 2),
    ]  # fmt: skip
    assert [one["failed"] for one in found["by_cause"]] == [2]
    of_good, of_broken = told(endpoint=good["id"]), told(endpoint=broken["id"])
    assert [(one["endpoint"], one["url"], one["waiting"]) for one in of_good["by_endpoint"]] == [
        (good["id"], good["url"], 0)
    ]
    assert (of_good["total"]["success"], of_broken["total"]["success"], of_broken["waiting"]) == (1.0, 0.0, 2)
    assert 0 < found["time_spent"]["p50_ms"] <= found["time_spent"]["p99_ms"]
    account.delete(f"/v1/endpoints/{broken['id']}")
    gone = next(one for one in told()["by_endpoint"] if one["endpoint"] == broken["id"])
    assert (gone["url"], gone["failed"]) == (None, 2), "what was sent stays counted"
    receipt = account.get("/v1/insights/tracking").json()["receipt"]
    assert receipt["deliveries"] == 2
    assert receipt["p50_s"] == pytest.approx(600, rel=0.06)


@pytest.mark.parametrize(
    ("path", "asked", "field"),
    [
        ("deliveries", {"carrier": "GLS"}, "carrier"),
        ("deliveries", {"endpoint": "x"}, "endpoint"),
        ("deliveries", {"since": "yesterday"}, "since"),
        ("tracking", {"since": "2026-02-01", "until": "2026-01-01"}, "since"),
        ("tracking", {"silent_days": "0"}, "silent_days"),
        ("tracking", {"return": "maybe"}, "return"),
        ("tracking", {"endpoint": "x"}, "endpoint"),
    ],
)
def test_a_wrong_question_is_refused_by_its_field(
    account: httpx.Client, path: str, asked: dict[str, str], field: str
) -> None:
    answer = account.get(f"/v1/insights/{path}", params=asked)
    assert answer.status_code == 422
    assert answer.json()["field"] == field


def test_a_range_longer_than_what_is_kept_says_what_was_used(account: httpx.Client) -> None:
    told = account.get("/v1/insights/deliveries", params={"since": "2001-01-01"}).json()
    assert told["since"] > iso(int(time.time()) - 430 * DAY)
    long_gone = account.get("/v1/insights/tracking", params={"since": "2001-01-01", "until": "2002-01-01"}).json()
    assert long_gone["since"] == long_gone["until"]
    assert long_gone["steps"] == []
