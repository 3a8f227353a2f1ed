"""Filters through the API: what is sent, what is refused, and the count beforehand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from receiver import Receiver
from server import tracking_update

Connect = Callable[..., dict[str, Any]]
NONE = {
    "carriers": [], "from_countries": [], "to_countries": [], "marketplaces": [], "codes": [], "late": None, "returns": None,
}  # fmt: skip


def order_error(order: str, **fields: Any) -> dict[str, Any]:
    return {"Event": "ORDER_ERROR", "OrderID": order, "Message": "m", **fields}


def sent_to(account: httpx.Client, event_id: str) -> list[str]:
    return [one["endpoint_id"] for one in account.get(f"/v1/events/{event_id}").json()["deliveries"]]


def feed(account: httpx.Client, *events: dict[str, Any]) -> list[str]:
    return [line["id"] for line in account.post("/v1/events", json=list(events)).json()["accepted"]]


def test_only_what_passes_the_filters_becomes_a_delivery(
    account: httpx.Client, receiver: Receiver, connect: Connect
) -> None:
    gls = connect("/gls", filters={"carriers": ["gls"], "codes": [6]})["id"]
    late = connect("/late", filters={"late": True})["id"]
    everything = connect("/all")["id"]
    fed = feed(
        account,
        tracking_update("a", TrackingCarrier="GLS"),
        tracking_update("b", TrackingCarrier="GLS", code=2),
        tracking_update("c", late="1"),
        order_error("1"),
        order_error("2", TrackingCarrier="DHL"),
    )
    assert [sent_to(account, one) for one in fed] == [
        [gls, everything],
        [everything],
        [late, everything],
        [gls, late, everything],
        [late, everything],
    ]
    receiver.wait_for(5, path="/all")
    found = receiver.wait_for(2, path="/gls")
    assert sorted(one.header("x-webhook-event") or "" for one in found) == ["ORDER_ERROR", "TRACKING_UPDATE"]
    assert len(receiver.wait_for(3, path="/late")) == 3


def test_the_same_event_again_or_with_its_own_id_makes_no_more(account: httpx.Client, connect: Connect) -> None:
    connect(filters={"carriers": ["DHL"]})
    mine = connect(filters={"carriers": ["FedEx"]})["id"]
    for duplicate in (False, True):
        answer = account.post("/v1/events", json=tracking_update() | {"id": "once"}).json()
        assert answer["accepted"] == [{"id": "once", "duplicate": duplicate}]
    assert sent_to(account, "once") == [mine]


def test_filters_are_shown_in_normal_form_and_a_patch_replaces_or_clears_them(
    account: httpx.Client, connect: Connect
) -> None:
    made = connect(filters={"to_countries": ["it", " IT", "fr"], "codes": [6, 5], "returns": False})
    expected = NONE | {"to_countries": ["IT", "FR"], "codes": [5, 6], "returns": False}
    path = f"/v1/endpoints/{made['id']}"
    assert made["filters"] == account.get(path).json()["filters"] == expected
    assert account.patch(path, json={"label": "other"}).json()["filters"] == expected
    assert account.patch(path, json={"filters": {"late": True}}).json()["filters"] == NONE | {"late": True}
    (before,) = feed(account, tracking_update())
    assert account.patch(path, json={"filters": None}).json()["filters"] == NONE
    (after,) = feed(account, tracking_update("another"))
    assert (sent_to(account, before), sent_to(account, after)) == ([], [made["id"]])
    account.patch(path, json={"filters": {"late": False}})
    assert account.patch(path, json={"filters": {}}).json()["filters"] == NONE


BAD = [
    ({"filters": {"carriers": ["GLS", ""]}}, "filters.carriers[1]"),
    ({"filters": {"carriers": "GLS"}}, "filters.carriers"),
    ({"filters": {"carriers": [7]}}, "filters.carriers[0]"),
    ({"filters": {"to_countries": ["Italy"]}}, "filters.to_countries[0]"),
    ({"filters": {"codes": [7]}}, "filters.codes[0]"),
    ({"filters": {"codes": ["6"]}}, "filters.codes[0]"),
    ({"filters": {"late": "yes"}}, "filters.late"),
    ({"filters": {"returns": 1}}, "filters.returns"),
    ({"filters": {"carier": ["GLS"]}}, "filters.carier"),
    ({"filters": {"marketplaces": [f"m{n}" for n in range(101)]}}, "filters.marketplaces"),
    ({"filters": []}, "filters"),
]


@pytest.mark.parametrize(("fields", "field"), BAD, ids=[str(field) for _, field in BAD])
def test_bad_filters_are_refused_with_the_name_of_the_field(
    account: httpx.Client, connect: Connect, fields: dict[str, Any], field: str
) -> None:
    made = connect(filters={"late": True})
    for answer in (
        account.post("/v1/endpoints", json={"url": "https://a.example/", "events": ["order_error"], "verify": False} | fields),
        account.patch(f"/v1/endpoints/{made['id']}", json=fields),
        account.post("/v1/endpoints/matching", json=fields),
    ):  # fmt: skip
        assert answer.status_code == 422, answer.text
        assert answer.json()["field"] == field
        assert answer.json()["remedy"]
    assert account.get(f"/v1/endpoints/{made['id']}").json()["filters"] == NONE | {"late": True}


def test_the_count_says_how_many_of_the_last_days_events_would_have_matched(account: httpx.Client) -> None:
    feed(
        account,
        *(tracking_update(f"{n}", TrackingCarrier="GLS", code=n) for n in range(1, 7)),
        tracking_update("dhl", TrackingCarrier="DHL"),
        order_error("1"),
        order_error("2", TrackingCarrier="DHL"),
    )

    def count(**asked: Any) -> tuple[int, int, bool]:
        answer = account.post("/v1/endpoints/matching", json=asked)
        assert answer.status_code == 200, answer.text
        found = answer.json()
        assert set(found) == {"since", "events", "matching", "exact"}
        return found["events"], found["matching"], found["exact"]

    assert count() == (9, 9, True)
    assert count(events=["tracking_update"]) == (9, 7, True)
    assert count(filters={"carriers": ["gls"]}) == (9, 7, True)  # six, and the error that names no carrier
    assert count(events=["tracking_update"], filters={"carriers": ["GLS"], "codes": [5, 6]}) == (9, 2, True)
    assert count(events=["order_shipped"], filters={"late": True}) == (9, 0, True)
    assert account.post("/v1/endpoints/matching", json={"events": []}).json()["field"] == "events"
    assert account.post("/v1/endpoints/matching", json={"events": ["order"]}).json()["field"] == "events[0]"


def test_the_count_is_what_is_then_delivered(account: httpx.Client, receiver: Receiver, connect: Connect) -> None:
    events = [
        tracking_update(f"{n}", code=1 + n % 6, late=str(n % 2), ToAddressCountry=["IT", "FR", ""][n % 3])
        for n in range(40)
    ]
    filters = {"codes": [1, 2, 6], "late": False, "to_countries": ["IT", "FR"]}
    connect(filters=filters)
    fed = feed(account, *events)
    found = account.post("/v1/endpoints/matching", json={"filters": filters}).json()
    expected = [
        one
        for one in events
        if one["code"] in {1, 2, 6} and one["late"] == "0" and one["ToAddressCountry"] in {"IT", "FR"}
    ]
    assert 0 < found["matching"] == len(expected) < 40
    assert [len(sent_to(account, event_id)) for event_id in fed] == [int(one in expected) for one in events]
    receiver.wait_for(len(expected))


def test_of_more_events_than_are_looked_into_the_newest_are_counted_and_it_says_so(account: httpx.Client) -> None:
    feed(account, tracking_update("the oldest", TrackingCarrier="GLS"))
    for turn in range(10):
        feed(account, *(tracking_update(f"{turn}_{n}") for n in range(1_000)))
    found = account.post("/v1/endpoints/matching", json={"filters": {"carriers": ["fedex"]}}).json()
    assert (found["events"], found["matching"], found["exact"]) == (10_000, 10_000, False)
    found = account.post("/v1/endpoints/matching", json={"filters": {"carriers": ["GLS"]}}).json()
    assert (found["events"], found["matching"], found["exact"]) == (10_000, 0, False)
