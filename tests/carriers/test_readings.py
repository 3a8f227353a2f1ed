"""What each hub's sample says, to the last field; and each hub's own ways."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from carriers.bodies import sample, several
from parcelhook.carriers.catalogue import HUBS
from parcelhook.carriers.hub import Reading
from parcelhook.shipping.scan import Scan
from parcelhook.shipping.status import Status


def read(hub: str, body: bytes | dict[str, Any]) -> Reading:
    return HUBS[hub].read(body if isinstance(body, bytes) else json.dumps(body).encode())


def told(reading: Reading) -> list[tuple[str, str, str]]:
    return [(scan.status.value, scan.message, scan.city) for scan in reading.scans]


def test_easypost_tells_its_whole_history() -> None:
    reading = read("easypost", sample("easypost"))
    assert (reading.event_id, reading.note) == ("evt_1", "")
    assert told(reading) == [
        ("info_received", "Shipment information sent to FedEx", ""),
        ("in_transit", "Picked up", "ORLANDO"),
        ("in_transit", "Arrived at FedEx location", "ORLANDO"),
        ("in_transit", "Departed FedEx location", "ORLANDO"),
        ("in_transit", "On the way", "KENLY"),
        ("in_transit", "On the way", "EDISON TWP"),
        ("in_transit", "Arrived at FedEx location", "EDISON"),
    ]
    assert reading.scans[1] == Scan(
        source="easypost",
        carrier="FedEx",
        tracking="1",
        date=1722454020,
        date_text="2024-07-31T19:27:00Z",
        status=Status.IN_TRANSIT,
        status_text="in_transit",
        detail_text="arrived_at_facility",
        message="Picked up",
        city="ORLANDO",
        est_delivery_date=1722816000,
        external_link="https://track.easypost.com/1",
        from_country="US",
    )


def test_the_order_of_easyposts_list_counts_more_than_its_dates() -> None:
    reading = read("easypost", sample("easypost-tracking-webhook.json"))
    assert [scan.status.value for scan in reading.scans] == [
        "info_received", "in_transit", "in_transit", "in_transit", "out_for_delivery", "delivered",
    ]  # fmt: skip
    assert reading.scans[-1].date < reading.scans[0].date


@pytest.mark.parametrize(
    ("event", "note"),
    [
        (sample("easypost-event_example.json"), "`tracker.updated` came without a tracker that has a tracking code."),
        (
            {"id": "evt_2", "description": "batch.updated", "result": {"object": "Batch"}},
            "`batch.updated` is not about tracking.",
        ),
        (
            {"id": "evt_3", "description": "tracker.created", "result": {"tracking_code": "1Z"}},
            "It says nothing of where the parcel is.",
        ),
    ],
)
def test_events_of_easypost_that_tell_nothing_are_accepted(event: bytes | dict[str, Any], note: str) -> None:
    reading = read("easypost", event)
    assert (reading.scans, reading.note) == ((), note)
    assert reading.event_id.startswith("evt_")


def test_a_tracker_of_easypost_without_history_is_told_by_its_status() -> None:
    tracker = {
        "tracking_code": "1Z",
        "status": "unknown",
        "updated_at": "2024-08-02T19:26:51Z",
        "created_at": "2024-08-01T00:00:00Z",
    }
    reading = read("easypost", {"description": "tracker.created", "result": {**tracker, "tracking_details": []}})
    assert [(scan.status, scan.date, scan.message) for scan in reading.scans] == [
        (Status.PENDING, 1722626811, "Pending")
    ]


def test_a_cancelled_tracker_of_easypost_is_told_after_its_history() -> None:
    event = json.loads(sample("easypost"))
    event["result"]["status"] = "cancelled"
    reading = read("easypost", event)
    assert [scan.status.value for scan in reading.scans[-2:]] == ["in_transit", "cancelled"]
    event["result"]["status"] = "error"  # what no carrier says is not made into a scan, if there is a history
    assert len(read("easypost", event).scans) == 7


def test_a_return_of_easypost_is_a_return() -> None:
    event = json.loads(sample("easypost"))
    assert not any(scan.is_return for scan in read("easypost", event).scans)
    event["result"]["is_return"] = True
    assert all(scan.is_return for scan in read("easypost", event).scans)


def test_aftership_tells_its_checkpoints_and_marks_local_times() -> None:
    reading = read("aftership", sample("aftership"))
    assert reading.event_id == "94dadd60-ed26-46d0-aa52-3ced925a50ff"
    assert told(reading) == [
        ("info_received", "Label created", ""),
        ("in_transit", "Departed the sorting facility", "RENO"),
        ("out_for_delivery", "Out for delivery", "Las Vegas, NV"),
    ]
    assert [scan.zone_unknown for scan in reading.scans] == [False, True, True]
    assert reading.scans[1] == Scan(
        source="aftership",
        carrier="usps",
        tracking="9400110200881234567890",
        order_id="24957298",
        date=1610585520,
        date_text="2021-01-14T00:52:00",
        zone_unknown=True,
        status=Status.IN_TRANSIT,
        status_text="InTransit",
        detail_text="InTransit_007",
        message="Departed the sorting facility",
        city="RENO",
        est_delivery_date=1610740800,
        external_link="https://carrier.example/9400110200881234567890",
        from_country="US",
        to_country="DE",
    )


def test_aftership_declares_a_shipment_expired_without_a_checkpoint() -> None:
    event = json.loads(sample("aftership"))
    event["msg"] |= {
        "tag": "Expired",
        "subtag": "Expired_001",
        "subtag_message": "Expired",
        "updated_at": "2021-02-15T00:00:00Z",
    }
    first, again = read("aftership", event), read("aftership", event)
    assert [scan.status.value for scan in first.scans] == ["info_received", "in_transit", "out_for_delivery", "expired"]
    assert (first.scans[-1].date, first.scans[-1].message) == (1613347200, "Expired")
    assert first == again


def test_a_tracking_of_aftership_without_checkpoints_is_told_by_its_tag() -> None:
    event = {
        "event": "tracking_update",
        "msg": {"tracking_number": "1Z", "tag": "Pending", "subtag": "Pending_001"},
        "ts": 1712741696,
    }
    assert [(scan.status, scan.date) for scan in read("aftership", event).scans] == [(Status.PENDING, 1712741696)]


def test_sendcloud_tells_one_status() -> None:
    reading = read("sendcloud", sample("sendcloud"))
    assert reading == Reading(
        scans=(
            Scan(
                source="sendcloud",
                carrier="postnl",
                tracking="3SYZXG132912330",
                order_id="ORD12334",
                date=1525271880,
                date_text="1525271880120",
                status=Status.IN_TRANSIT,
                status_text="62990",
                message="At sorting centre",
                external_link="https://carrier.example/3SYZXG132912330",
                to_country="NL",
            ),
        )
    )


def test_sendcloud_without_the_carriers_time_is_dated_by_its_own() -> None:
    event = json.loads(sample("sendcloud")) | {"carrier_status_change_timestamp": None}
    assert read("sendcloud", event).scans[0].date == 1525271885


@pytest.mark.parametrize(
    ("event", "note"),
    [
        ({"action": "integration_connected"}, "`integration_connected` is not about tracking."),
        (
            {"action": "parcel_status_changed", "parcel": {"tracking_number": ""}},
            "The parcel has no tracking number yet.",
        ),
        ({"action": "parcel_status_changed", "parcel": "gone"}, "The parcel has no tracking number yet."),
    ],
)
def test_what_sendcloud_says_beside_tracking_is_accepted(event: dict[str, Any], note: str) -> None:
    assert read("sendcloud", event) == Reading(note=note)


def test_shipengine_tells_its_events_turned_round() -> None:
    reading = read("shipengine", sample("shipengine"))
    assert told(reading) == [
        ("info_received", "Label created", ""),
        ("in_transit", "Arrived", "DALLAS"),
        ("in_transit", "Departed", "DALLAS"),
        ("out_for_delivery", "Out For Delivery", "AUSTIN"),
    ]
    assert [scan.zone_unknown for scan in reading.scans] == [True, False, False, False]
    assert reading.scans[-1] == Scan(
        source="shipengine",
        carrier="ups",
        tracking="1Z0000000000000000",
        date=1777554300,
        date_text="2026-04-30T13:05:00Z",
        status=Status.OUT_FOR_DELIVERY,
        status_text="IT",
        detail_text="OUT_FOR_DELIVERY",
        message="Out For Delivery",
        city="AUSTIN",
        est_delivery_date=1777507200,
        external_link="https://carrier.example/1Z0000000000000000",
    )


def test_a_track_of_shipengine_without_events_needs_a_date() -> None:
    track = {"tracking_number": "1Z", "status_code": "DE", "status_description": "Delivered", "events": []}
    event = {"resource_type": "TRACK_EVENT_V2", "data": track}
    assert read("shipengine", event) == Reading(note="It says nothing of where the parcel is.")
    track["actual_delivery_date"] = "2026-04-30T13:05:00Z"
    assert told(read("shipengine", event)) == [("delivered", "Delivered", "")]


def test_other_resources_of_shipengine_are_accepted() -> None:
    assert read("shipengine", {"resource_type": "API_BATCH", "data": {}}) == Reading(
        note="`API_BATCH` is not about tracking."
    )


def test_shippo_tells_its_history() -> None:
    reading = read("shippo", sample("shippo"))
    assert told(reading) == [
        ("info_received", "The label was made.", ""),
        ("in_transit", "Departed.", "Buffalo"),
        ("failed_attempt", "Nobody was at home.", "Toronto"),
    ]
    assert reading.scans[-1] == Scan(
        source="shippo",
        carrier="usps",
        tracking="9205590164917312751089",
        order_id="24957298",
        date=1469287200,
        date_text="2016-07-23T15:20:00Z",
        status=Status.FAILED_ATTEMPT,
        status_text="TRANSIT",
        detail_text="notice_left",
        message="Nobody was at home.",
        city="Toronto",
        est_delivery_date=1469404800,
        from_country="US",
        to_country="CA",
    )


def test_a_track_of_shippo_without_history_is_told_by_its_status() -> None:
    event = json.loads(sample("shippo"))
    event["data"]["tracking_history"] = []
    assert told(read("shippo", event)) == [("failed_attempt", "Nobody was at home.", "Toronto")]


@pytest.mark.parametrize("kind", ["transaction_created", "batch_purchased"])
def test_other_events_of_shippo_are_accepted(kind: str) -> None:
    assert read("shippo", {"event": kind, "data": {"tracking_number": "1Z"}}) == Reading(
        note=f"`{kind}` is not about tracking."
    )


def test_17track_tells_both_carriers_as_one_history() -> None:
    reading = read("17track", sample("17track"))
    assert told(reading) == [
        ("in_transit", "Picked up", "SHENZHEN, CN"),
        ("in_transit", "Departed", "SHENZHEN, CN"),
        ("out_for_delivery", "Out for delivery", "Berlin"),
    ]
    assert [(scan.status_text, scan.detail_text) for scan in reading.scans] == [
        ("InTransit", "InTransit_PickedUp"), ("Departure", ""), ("OutForDelivery", "OutForDelivery_Other"),
    ]  # fmt: skip
    assert reading.scans[-1] == Scan(
        source="17track",
        carrier="China Post",
        tracking="RR123456789CN",
        order_id="24957298",
        date=1646809200,
        date_text="2022-03-09T07:00:00Z",
        status=Status.OUT_FOR_DELIVERY,
        status_text="OutForDelivery",
        detail_text="OutForDelivery_Other",
        message="Out for delivery",
        city="Berlin",
        est_delivery_date=1646870400,
        from_country="CN",
        to_country="DE",
    )


def old_17track(status: str, sub_status: str, *described: str) -> dict[str, Any]:
    """A body of an older version, newest event first, whose events have no status."""
    events = [
        {"time_utc": f"2022-03-0{9 - n}T00:00:00Z", "description": text, "location": "SHENZHEN, CN"}
        for n, text in enumerate(described)
    ]
    latest = {"status": status, "sub_status": sub_status}
    info = {"latest_status": latest, "latest_event": events[0], "tracking": {"providers": [{"events": events}]}}
    return {"event": "TRACKING_UPDATED", "data": {"number": "RR1CN", "carrier": 3011, "track_info": info}}


def test_an_event_of_17track_without_status_is_the_same_scan_when_it_is_no_longer_the_newest() -> None:
    (first,) = read("17track", old_17track("InTransit", "InTransit_Other", "Package in transit")).scans
    assert (first.status, first.carrier, first.city) == (Status.IN_TRANSIT, "China Post", "SHENZHEN, CN")
    later = old_17track("Delivered", "Delivered_Other", "Handed over", "Package in transit")
    later["data"]["track_info"]["tracking"]["providers"][0]["events"][1]["time_utc"] = "2022-03-09T00:00:00Z"
    reading = read("17track", later)
    assert {scan.status for scan in reading.scans} == {Status.DELIVERED, Status.UNKNOWN}
    assert first.identity in {scan.identity for scan in reading.scans}


def test_a_status_of_17track_that_is_new_is_kept_though_its_event_has_none() -> None:
    (scan,) = read("17track", old_17track("Teleported", "Teleported_Far", "Gone")).scans
    assert (scan.status, scan.status_text, scan.detail_text) == (Status.UNKNOWN, "Teleported", "Teleported_Far")


def test_a_number_of_17track_without_events_is_told_by_its_latest() -> None:
    event = json.loads(sample("17track"))
    event["data"]["track_info"]["tracking"] = None
    (scan,) = read("17track", event).scans
    assert (scan.status, scan.date, scan.message) == (Status.OUT_FOR_DELIVERY, 1646809200, "Out for delivery")


def test_17track_declares_a_number_expired_without_an_event() -> None:
    event = json.loads(sample("17track"))
    event["data"]["track_info"]["latest_status"] = {"status": "Expired", "sub_status": "Expired_Other"}
    scans = read("17track", event).scans
    assert [(scan.status.value, scan.message) for scan in scans[-2:]] == [
        ("out_for_delivery", "Out for delivery"),
        ("expired", "Expired"),
    ]


@pytest.mark.parametrize(
    ("event", "note"),
    [
        ({"event": "TRACKING_STOPPED", "data": {"number": "RR1CN"}}, "17TRACK has stopped following this number."),
        ({"event": "TRACKING_UPDATED", "data": {}}, "`TRACKING_UPDATED` came without a tracking number."),
        ({"event": "TRACKING_UPDATED", "data": {"number": "RR1CN"}}, "It says nothing of where the parcel is."),
    ],
)
def test_what_17track_says_beside_tracking_is_accepted(event: dict[str, Any], note: str) -> None:
    assert read("17track", event) == Reading(note=note)


def test_no_hub_gives_its_own_id_as_the_transaction() -> None:
    for name in HUBS:
        assert {scan.transaction_id for scan in read(name, sample(name)).scans} == {""}


def test_a_history_that_grew_repeats_the_scans_that_were_told() -> None:
    said = [
        ("InTransit", "InTransit_PickedUp", "2022-03-02T11:00:00Z"),
        ("InTransit", "InTransit_Departure", "2022-03-03T00:00:00Z"),
    ]
    (before,) = read("17track", several("17track", said[:1])).scans
    first, second = read("17track", several("17track", said[::-1])).scans
    assert before == first
    assert msgspec.structs.replace(second, message="x").identity != second.identity
