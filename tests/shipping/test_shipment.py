"""What scans make of a shipment: the same whatever their order, never backwards, and nothing is told twice."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parcelhook.shipping.events import AdditionalTrackingNumber, OrderShipped, TrackingUpdate
from parcelhook.shipping.scan import Scan, of_update
from parcelhook.shipping.shipment import (
    MOST_PARCELS,
    Applied,
    Said,
    Shipment,
    apply,
    is_late,
    learn,
    of_order,
    of_scan,
    standing,
)
from parcelhook.shipping.status import CODES, Status
from parcelhook.shipping.telling import event_of

DAY = 86_400
MONDAY = 1_700_438_400  # a midnight, UTC
EMPTY = Shipment(transaction_id="48572_1")


def scan(status: Status, date: int = MONDAY, **more: object) -> Scan:
    return Scan(source="hub", date=date, status=status, tracking="WZ1", **more)  # type: ignore[arg-type]


def all_of(shipment: Shipment, *scans: Scan) -> tuple[Shipment, list[Applied]]:
    applied = []
    for one in scans:
        applied.append(apply(shipment, one))
        shipment = applied[-1].shipment
    return shipment, applied


def told(applied: list[Applied]) -> list[Said]:
    return [one.said for one in applied]


scans = st.builds(
    Scan,
    source=st.just("hub"),
    date=st.integers(MONDAY, MONDAY + 8),
    status=st.sampled_from(Status),
    tracking=st.sampled_from(["WZ1", "WZ2"]),
    message=st.sampled_from(["", "a", "b"]),
    est_delivery_date=st.sampled_from([None, MONDAY, MONDAY + DAY]),
    is_return=st.booleans(),
)

histories = st.lists(scans, max_size=12, unique_by=lambda one: one.identity)


def where_it_stands(shipment: Shipment) -> object:
    """Everything but the order in which parcels and scans were first heard of."""
    parcels = sorted(
        (one.tracking, one.out, one.back, one.newest, one.message, one.first_status_date, one.estimate)
        for one in shipment.parcels
    )
    return standing(shipment).status, standing(shipment).first_status_date, repr(parcels)


@given(histories, st.randoms(use_true_random=False))
def test_any_order_and_repetition_ends_in_the_same_state(told_in_order: list[Scan], chance: random.Random) -> None:
    shuffled = [*told_in_order, *chance.choices(told_in_order, k=3)] if told_in_order else []
    chance.shuffle(shuffled)
    one, _ = all_of(EMPTY, *told_in_order)
    other, _ = all_of(EMPTY, *shuffled)
    assert where_it_stands(one) == where_it_stands(other)


@given(histories)
def test_no_scan_is_told_twice(found: list[Scan]) -> None:
    _, applied = all_of(EMPTY, *found, *found)
    new = [one.identity for one, was in zip([*found, *found], applied, strict=True) if was.said is Said.NEW]
    assert len(new) == len(set(new))
    assert set(told(applied[len(found) :])) <= {Said.KNOWN}


@given(histories)
def test_an_end_is_left_by_a_return_alone(found: list[Scan]) -> None:
    shipment = EMPTY
    for one in found:
        applied = apply(shipment, one)
        before = next((parcel.mark for parcel in shipment.parcels if parcel.tracking == one.tracking), None)
        after = applied.parcel.mark
        if before is not None and before.status.ended and after != before:
            back = one.is_return or one.status in {Status.RETURNING, Status.RETURNED}
            assert back or one.status.ended
        shipment = applied.shipment


@given(histories)
def test_a_code_that_is_told_is_never_further_back_than_where_the_parcel_stands(found: list[Scan]) -> None:
    shipment = EMPTY
    for one in found:
        applied = apply(shipment, one)
        shipment = applied.shipment
        if applied.said is Said.NEW:
            update = event_of(applied, one)
            assert 1 <= update.code <= 6
            if applied.parcel.status.ended:
                assert update.code == applied.parcel.status.code


def test_a_parcels_usual_way_is_told_scan_by_scan() -> None:
    way = [Status.INFO_RECEIVED, Status.IN_TRANSIT, Status.OUT_FOR_DELIVERY, Status.FAILED_ATTEMPT,
           Status.IN_TRANSIT, Status.OUT_FOR_DELIVERY, Status.DELIVERED]  # fmt: skip
    found = [scan(status, MONDAY + hour) for hour, status in enumerate(way)]
    shipment, applied = all_of(EMPTY, *found)
    assert told(applied) == [Said.NEW] * 7
    assert [event_of(was, one).code for was, one in zip(applied, found, strict=True)] == [1, 2, 3, 4, 2, 3, 6]
    assert (standing(shipment).status, standing(shipment).date) == (Status.DELIVERED, MONDAY + 6)


def test_what_arrives_late_is_kept_and_not_told() -> None:
    delivered, earlier = scan(Status.DELIVERED, MONDAY + 9), scan(Status.IN_TRANSIT, MONDAY)
    shipment, applied = all_of(EMPTY, delivered, earlier)
    assert told(applied) == [Said.NEW, Said.LATE]
    assert shipment.status is Status.DELIVERED
    assert standing(shipment).first_status_date == MONDAY
    assert apply(shipment, earlier).said is Said.KNOWN


def test_what_is_scanned_after_the_delivery_is_kept_and_not_told() -> None:
    shipment, applied = all_of(EMPTY, scan(Status.DELIVERED), scan(Status.IN_TRANSIT, MONDAY + 5))
    assert told(applied) == [Said.NEW, Said.LATE]
    assert shipment.status is Status.DELIVERED


def test_a_delivery_that_is_dated_before_the_last_scan_is_told_all_the_same() -> None:
    _, applied = all_of(EMPTY, scan(Status.OUT_FOR_DELIVERY, MONDAY + 9), scan(Status.DELIVERED, MONDAY))
    assert told(applied) == [Said.NEW, Said.NEW]


def test_a_return_after_the_delivery_is_real_and_moves_on() -> None:
    found = [scan(status, MONDAY + n) for n, status in enumerate([
        Status.DELIVERED, Status.RETURNING, Status.IN_TRANSIT, Status.RETURNED])]  # fmt: skip
    shipment, applied = all_of(EMPTY, *found)
    assert told(applied) == [Said.NEW] * 4
    updates = [event_of(was, one) for was, one in zip(applied, found, strict=True)]
    assert [update.code for update in updates] == [6, 5, 5, 5]
    assert [update.IsReturn is True for update in updates] == [False, True, True, True]
    assert shipment.status is Status.RETURNED


def test_a_return_shipment_has_its_own_usual_way() -> None:
    found = [scan(status, MONDAY + n, is_return=True) for n, status in enumerate([Status.IN_TRANSIT, Status.DELIVERED])]
    shipment, applied = all_of(EMPTY, *found)
    assert [event_of(was, one).code for was, one in zip(applied, found, strict=True)] == [2, 6]
    assert (shipment.status, standing(shipment).returning) == (Status.DELIVERED, True)


def test_a_word_that_nobody_knows_is_told_with_where_the_parcel_stands() -> None:
    unknown = scan(Status.UNKNOWN, MONDAY + 1, message="handed to the robot", status_text="ROBOT")
    _, first = all_of(EMPTY, unknown)
    assert (first[0].said, event_of(first[0], unknown).code) == (Said.NEW, 1)
    _, later = all_of(EMPTY, scan(Status.OUT_FOR_DELIVERY), unknown)
    assert (later[1].said, event_of(later[1], unknown).code) == (Said.NEW, 3)


def test_a_source_that_has_heard_nothing_yet_is_kept_and_not_told() -> None:
    shipment, applied = all_of(EMPTY, scan(Status.PENDING))
    assert (told(applied), shipment.status) == ([Said.SILENT], Status.PENDING)


def test_each_tracking_number_goes_its_own_way_and_the_shipment_is_where_the_last_of_them_is() -> None:
    order = OrderShipped(
        OrderID="1", TransactionID="1_1", TrackingCarrier="GLS", TrackingNumber="WZ1",
        AdditionalTrackingNumbers=[AdditionalTrackingNumber(TrackingNumber="WZ2")],
    )  # fmt: skip
    shipment = of_order(None, order)
    first = apply(shipment, scan(Status.DELIVERED, MONDAY))
    assert first.shipment.status is Status.INFO_RECEIVED, "the other has not been scanned yet"
    second = apply(first.shipment, Scan(source="hub", date=MONDAY + 1, status=Status.IN_TRANSIT, tracking="WZ2"))
    assert (second.said, second.shipment.status) == (Said.NEW, Status.IN_TRANSIT)
    assert event_of(second, scan(Status.IN_TRANSIT)).tracking == "WZ2"


def test_a_second_label_adds_a_parcel_and_overwrites_none() -> None:
    def order(number: str, **more: object) -> OrderShipped:
        return OrderShipped(OrderID="1", TransactionID="1_1", TrackingCarrier="GLS", TrackingNumber=number, **more)  # type: ignore[arg-type]

    shipment = of_order(of_order(None, order("WZ1", ToAddressCountry="IT")), order("WZ2"))
    assert [parcel.tracking for parcel in shipment.parcels] == ["WZ1", "WZ2"]
    assert (shipment.to_country, shipment.from_order) == ("IT", True)
    many = shipment
    for number in range(200):
        many = of_order(many, order(f"N{number}"))
    assert len(many.parcels) == MOST_PARCELS
    assert apply(many, Scan(source="hub", date=1, status=Status.IN_TRANSIT, tracking="new")).said is Said.NEW


def test_a_number_that_comes_after_the_first_scan_names_its_parcel() -> None:
    first = apply(EMPTY, Scan(source="api", date=MONDAY, status=Status.IN_TRANSIT))
    second = apply(first.shipment, scan(Status.DELIVERED, MONDAY + 1))
    assert [parcel.tracking for parcel in second.shipment.parcels] == ["WZ1"]
    order = OrderShipped(OrderID="1", TransactionID="48572_1", TrackingCarrier="GLS", TrackingNumber="WZ9")
    assert [parcel.tracking for parcel in of_order(first.shipment, order).parcels] == ["WZ9"]


UPDATE = TrackingUpdate(date=MONDAY, code=2, message="m", TransactionID="1_1")


def test_an_update_is_filled_in_from_its_shipment_and_what_was_given_stays() -> None:
    order = OrderShipped(
        OrderID="77", TransactionID="1_1", TrackingCarrier="GLS", TrackingNumber="WZ1", TrackingExternalLink="https://t.example",
        MarketplaceID="9", MarketplacePlatform="eBay", FromAddressCompany="Us", ToAddressCompany="You",
        FromAddressCountry="IT", ToAddressCountry="DE", IsReturn=True,
    )  # fmt: skip
    shipment = of_order(None, order)
    applied = apply(shipment, of_update(UPDATE))
    filled = event_of(applied, of_update(UPDATE), UPDATE)
    assert filled == TrackingUpdate(
        tracking="WZ1", date=MONDAY, message="m", first_status_date=str(MONDAY), code=2, OrderID="77", TransactionID="1_1",
        TrackingCarrier="GLS", MarketplaceID="9", MarketplacePlatform="eBay", ExternalLink="https://t.example",
        FromAddressCompany="Us", ToAddressCompany="You", FromAddressCountry="IT", ToAddressCountry="DE", IsReturn=True,
    )  # fmt: skip
    given = TrackingUpdate(
        tracking="other", date=MONDAY, message="m", est_delivery_date="5", first_status_date="6", late="1", code=3,
        OrderID="o", TransactionID="1_1", TrackingCarrier="c", MarketplaceID="m", MarketplacePlatform="p", ExternalLink="l",
        FromAddressCompany="f", ToAddressCompany="t", FromAddressCountry="F", ToAddressCountry="T", IsReturn=True,
    )  # fmt: skip
    assert event_of(apply(shipment, of_update(given)), of_update(given), given) is given


def test_the_first_update_tells_of_the_shipment_what_an_order_did_not() -> None:
    first = TrackingUpdate(date=1, code=1, message="", TransactionID="1_1", OrderID="77", FromAddressCompany="Us")
    told_first = learn(EMPTY, of_update(first), first)
    assert (told_first.order_id, told_first.from_company) == ("77", "Us")
    second = TrackingUpdate(date=1, code=1, message="", TransactionID="1_1", OrderID="78", FromAddressCompany="Them")
    assert learn(told_first, of_update(second), second) is told_first
    assert of_scan(scan(Status.IN_TRANSIT, is_return=True), "x").is_return


@pytest.mark.parametrize(("estimate", "when", "late"), [
    (0, MONDAY, False),
    (MONDAY, MONDAY, False),
    (MONDAY, MONDAY + DAY - 1, False),  # a date without a time lasts until its day is over
    (MONDAY, MONDAY + DAY, True),
    (MONDAY + 60, MONDAY + 60, False),
    (MONDAY + 60, MONDAY + 61, True),
])  # fmt: skip
def test_late_is_after_what_was_promised(estimate: int, when: int, late: bool) -> None:
    assert is_late(estimate, when) is late


def test_the_newest_estimate_counts() -> None:
    shipment, applied = all_of(
        EMPTY,
        scan(Status.IN_TRANSIT, MONDAY + 5, est_delivery_date=MONDAY + 60),
        scan(Status.IN_TRANSIT, MONDAY, est_delivery_date=MONDAY + DAY * 9),
        scan(Status.DELIVERED, MONDAY + 61),
    )
    assert standing(shipment).est_delivery_date == MONDAY + 60
    assert event_of(applied[2], scan(Status.DELIVERED, MONDAY + 61)).late == "1"


def test_the_pages_codes_and_the_statuses_agree() -> None:
    assert len(Status) == 13
    assert {status.code for status in Status} == {None, 1, 2, 3, 4, 5, 6}
    assert all(status.code == code for code, status in CODES.items())
