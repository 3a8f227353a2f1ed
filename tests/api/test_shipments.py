"""Shipments through the API: filled-in updates, what is told and what is only kept, filters, and other accounts' shipments."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from receiver import Receiver
from server import Server, tracking_update, wait_until

MONDAY = 1_700_438_400
Connect = Callable[..., dict[str, Any]]


def shipped(transaction: str = "48572_1", number: str = "WZ116539070", **fields: Any) -> dict[str, Any]:
    return {
        "Event": "ORDER_SHIPPED", "OrderID": "24957298", "TransactionID": transaction, "TrackingCarrier": "FedEx",
        "TrackingNumber": number, "TrackingExternalLink": "https://carrier.example/t", "FromAddressCountry": "IT",
        "ToAddressCountry": "DE", "ToAddressCompany": "Jane", **fields,
    }  # fmt: skip


def update(date: int, code: int, message: str = "", **fields: Any) -> dict[str, Any]:
    return {
        "Event": "TRACKING_UPDATE",
        "TransactionID": "48572_1",
        "date": date,
        "code": code,
        "message": message,
    } | fields


def feed(account: httpx.Client, *events: dict[str, Any]) -> list[dict[str, Any]]:
    answer = account.post("/v1/events", json=list(events))
    assert answer.status_code == 202, answer.text
    found: list[dict[str, Any]] = answer.json()["accepted"]
    return found


def bodies(receiver: Receiver, count: int) -> list[dict[str, Any]]:

    return [json.loads(one.body) for one in receiver.wait_for(count)]


def test_an_update_that_names_its_shipment_is_filled_in(
    account: httpx.Client, receiver: Receiver, connect: Connect
) -> None:
    connect(events=["tracking_update"])
    feed(account, shipped())
    feed(account, update(MONDAY, 2, "Picked up", city="Rome"))
    (body,) = bodies(receiver, 1)
    assert body == {
        "Event": "TRACKING_UPDATE", "tracking": "WZ116539070", "date": MONDAY, "message": "Picked up", "city": "Rome",
        "est_delivery_date": "0", "first_status_date": str(MONDAY), "late": "0", "code": 2, "OrderID": "24957298",
        "TransactionID": "48572_1", "TrackingCarrier": "FedEx", "MarketplaceID": "0", "MarketplacePlatform": "Manual shipment",
        "ExternalLink": "https://carrier.example/t", "FromAddressCompany": "", "ToAddressCompany": "Jane",
        "FromAddressCountry": "IT", "ToAddressCountry": "DE",
    }  # fmt: skip


def test_an_update_may_name_its_shipment_by_carrier_and_number(
    account: httpx.Client, receiver: Receiver, connect: Connect
) -> None:
    connect(events=["tracking_update"])
    feed(account, shipped("other", "WZ116539070", TrackingCarrier="GLS"), shipped())
    by_number = {"TransactionID": "", "tracking": "WZ116539070", "TrackingCarrier": "FedEx"}
    feed(account, update(MONDAY, 2, **by_number))
    assert bodies(receiver, 1)[0]["TransactionID"] == "48572_1"


def test_a_number_that_nobody_knows_makes_a_shipment_which_its_order_adopts(
    account: httpx.Client, receiver: Receiver, connect: Connect
) -> None:
    connect(events=["tracking_update"])
    unknown = {"Event": "TRACKING_UPDATE", "tracking": "WZ116539070", "TrackingCarrier": "FedEx", "message": ""}
    feed(account, unknown | {"date": MONDAY, "code": 1})
    feed(account, shipped())
    feed(account, unknown | {"date": MONDAY, "code": 1}, unknown | {"date": MONDAY + 60, "code": 2})
    first, second = bodies(receiver, 2)
    assert (first["TransactionID"], second["TransactionID"], second["OrderID"]) == (
        "WZ116539070",
        "48572_1",
        "24957298",
    )
    found = account.get("/v1/shipments/48572_1").json()
    assert [scan["status"] for scan in found["scans"]] == ["info_received", "in_transit"]
    assert account.get("/v1/shipments/WZ116539070").status_code == 404


def test_what_says_nothing_new_is_accepted_and_delivers_nothing(
    account: httpx.Client, receiver: Receiver, connect: Connect
) -> None:
    connect(events=["tracking_update"])
    (first,) = feed(account, update(MONDAY, 2, "Picked up"))
    again, within = feed(account, update(MONDAY, 2, "Picked up"), update(MONDAY, 2, "Picked up"))
    assert first["duplicate"] is False
    assert again == within == {"id": first["id"], "duplicate": True}
    (named,) = feed(account, update(MONDAY + 1, 3) | {"id": "mine"})
    (repeated,) = feed(account, update(MONDAY + 1, 3) | {"id": "another"})
    assert (named["id"], repeated) == ("mine", {"id": "mine", "duplicate": True})
    assert [body["code"] for body in bodies(receiver, 2)] == [2, 3]


def test_what_arrives_late_is_an_event_that_nobody_is_told_of(
    account: httpx.Client, receiver: Receiver, connect: Connect
) -> None:
    connect(events=["tracking_update"])
    feed(account, update(MONDAY + 9, 6, "Delivered"))
    (late,) = feed(account, update(MONDAY, 2, "Picked up"))
    feed(account, update(MONDAY + 10, 6, "Signed"))
    assert [body["message"] for body in bodies(receiver, 2)] == ["Delivered", "Signed"]
    assert account.get(f"/v1/events/{late['id']}").json()["deliveries"] == []
    found = account.get("/v1/shipments/48572_1").json()
    assert [(scan["message"], scan["said"]) for scan in found["scans"]] == [
        ("Picked up", "late"), ("Delivered", "new"), ("Signed", "new"),
    ]  # fmt: skip
    assert (found["status"], found["code"], found["message"]) == ("delivered", 6, "Signed")
    assert found["first_status_date"] == "2023-11-20T00:00:00.000Z"


def test_late_is_worked_out_from_the_estimate(account: httpx.Client, receiver: Receiver, connect: Connect) -> None:
    connect(events=["tracking_update"])
    feed(account, update(MONDAY, 2, est_delivery_date=str(MONDAY + 86_400)))
    feed(account, update(MONDAY + 3 * 86_400, 6))
    first, second = bodies(receiver, 2)
    assert (first["late"], second["late"], second["est_delivery_date"]) == ("0", "1", str(MONDAY + 86_400))
    assert account.get("/v1/shipments/48572_1").json()["late"] is True


def test_a_return_says_so_in_body_and_header(account: httpx.Client, receiver: Receiver, connect: Connect) -> None:
    connect(events=["tracking_update"])
    feed(account, shipped(IsReturn=True))
    feed(account, update(MONDAY, 2))
    (one,) = receiver.wait_for(1)
    assert one.header("x-webhook-return") == "true"
    wait_until(lambda: len(account.get("/v1/logs?return=true").json()["items"]) == 1)
    assert [item["transaction_id"] for item in account.get("/v1/shipments?return=true").json()["items"]] == ["48572_1"]


def test_several_parcels_of_an_order_stand_side_by_side(account: httpx.Client) -> None:
    feed(account, shipped(AdditionalTrackingNumbers=[{"TrackingNumber": "WZ2"}]), shipped("48572_2", "WZ3"))
    feed(account, update(MONDAY, 6, tracking="WZ116539070"), update(MONDAY, 2, tracking="WZ2"))
    found = account.get("/v1/shipments", params={"search": "24957298"}).json()["items"]
    assert [(one["transaction_id"], one["status"], one["tracking_numbers"]) for one in found] == [
        ("48572_2", "pending", ["WZ3"]), ("48572_1", "in_transit", ["WZ116539070", "WZ2"]),
    ]  # fmt: skip
    assert [parcel["code"] for parcel in found[1]["parcels"]] == [6, 2]


def test_events_of_a_shipment_keep_their_order_from_one_request(
    account: httpx.Client, receiver: Receiver, connect: Connect
) -> None:
    connect(events=["tracking_update"], ordering="strict")
    feed(account, *(update(MONDAY + n, 2, f"{n}") for n in range(50)))
    assert [body["message"] for body in bodies(receiver, 50)] == [f"{n}" for n in range(50)]


@pytest.mark.parametrize(("query", "expected"), [
    ({"search": "48572_2"}, ["48572_2"]),
    ({"search": "N1"}, ["48572_1"]),
    ({"search": "24957298"}, ["48572_4", "48572_3", "48572_2", "48572_1"]),
    ({"status": "delivered"}, ["48572_3"]),
    ({"carrier": "FedEx"}, ["48572_4", "48572_3", "48572_2", "48572_1"]),
    ({"carrier": "UPS"}, []),
    ({"silent_days": "3"}, ["48572_1"]),
    ({"late": "true"}, ["48572_1"]),
    ({"return": "true"}, ["48572_4"]),
    ({"limit": "1", "search": ""}, ["48572_4"]),
])  # fmt: skip
def test_filters(account: httpx.Client, query: dict[str, str], expected: list[str]) -> None:

    now = int(time.time())
    feed(account, *(shipped(f"48572_{n}", f"N{n}", IsReturn=n == 4) for n in range(1, 5)))
    feed(
        account,
        update(MONDAY, 2, TransactionID="48572_1", est_delivery_date=str(MONDAY)),
        update(now, 2, TransactionID="48572_2", est_delivery_date=str(now + 86_400)),
        update(MONDAY, 6, TransactionID="48572_3", est_delivery_date=str(MONDAY - 86_400)),
    )
    found = account.get("/v1/shipments", params=query).json()["items"]
    assert [one["transaction_id"] for one in found] == expected


def test_pages_hold_every_shipment_once(account: httpx.Client) -> None:
    feed(account, *(shipped(f"t{n}", f"N{n}") for n in range(7)))
    seen, cursor = [], ""
    while True:
        page = account.get("/v1/shipments", params={"limit": "3", **({"cursor": cursor} if cursor else {})}).json()
        seen += [one["transaction_id"] for one in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == [f"t{n}" for n in reversed(range(7))]


@pytest.mark.parametrize(
    "query", ["status=lost", "silent_days=0", "silent_days=x", "late=maybe", "colour=red", "cursor=x"]
)
def test_a_bad_filter_is_refused(account: httpx.Client, query: str) -> None:
    answer = account.get(f"/v1/shipments?{query}")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")


def test_an_update_of_no_shipment_is_refused_and_names_its_place(account: httpx.Client) -> None:
    lost = {"Event": "TRACKING_UPDATE", "date": 1, "code": 2, "message": "m"}
    answer = account.post("/v1/events", json=[update(MONDAY, 2), lost])
    assert answer.status_code == 422
    assert (answer.json()["field"], answer.json()["item"]) == ("TransactionID", 1)
    assert account.get("/v1/shipments").json()["items"] == [], "nothing of the batch is accepted"


def test_another_accounts_shipments_are_not_there(account: httpx.Client, server: Server) -> None:
    with server.account() as other:
        feed(other, shipped(), update(MONDAY, 2))
        feed(account, tracking_update(tracking="WZ116539070", TransactionID=""))
        assert account.get("/v1/shipments/48572_1").status_code == 404
        assert [one["transaction_id"] for one in account.get("/v1/shipments").json()["items"]] == ["WZ116539070"]
        assert other.get("/v1/shipments/48572_1").json()["status"] == "in_transit"


def test_a_transaction_id_may_hold_a_slash(account: httpx.Client) -> None:
    feed(account, shipped("INV/2026/7"))
    for path in ("INV%2F2026%2F7", "INV/2026/7"):
        assert account.get(f"/v1/shipments/{path}").json()["transaction_id"] == "INV/2026/7"
    assert account.get("/v1/shipments/INV%2F2026").status_code == 404
