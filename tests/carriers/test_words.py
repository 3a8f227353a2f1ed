"""What becomes of each word of each hub, read through real bodies; and of words that nobody knows."""

from __future__ import annotations

import pytest

from carriers.bodies import saying
from parcelhook.carriers.catalogue import HUBS
from parcelhook.carriers.hub import Hub
from parcelhook.carriers.words import Words
from parcelhook.shipping.status import Status

every_hub = pytest.mark.parametrize("hub", HUBS.values(), ids=HUBS)
EVERY_WORD = [(hub, *words, means) for hub in HUBS.values() for words, means in hub.words.table.items()]

# The words that decide over a merchant's mail to a customer, written down a second time and by hand.
BY_HAND = [
    ("easypost", "pre_transit", "label_created", Status.INFO_RECEIVED),
    ("easypost", "delivered", "arrived_at_destination", Status.DELIVERED),
    ("easypost", "failure", "delivery_attempted", Status.FAILED_ATTEMPT),
    ("easypost", "failure", "damaged", Status.EXCEPTION),
    ("easypost", "in_transit", "delivery_attempt", Status.IN_TRANSIT),
    ("easypost", "return_to_sender", "return", Status.RETURNING),
    ("aftership", "Exception", "Exception_004", Status.EXCEPTION),
    ("aftership", "Exception", "Exception_010", Status.RETURNING),
    ("aftership", "Exception", "Exception_011", Status.RETURNED),
    ("aftership", "Delivered", "Delivered_005", Status.DELIVERED),
    ("aftership", "InTransit", "InTransit_999", Status.IN_TRANSIT),
    ("sendcloud", "11", "", Status.DELIVERED),
    ("sendcloud", "3", "", Status.IN_TRANSIT),
    ("sendcloud", "1000", "", Status.INFO_RECEIVED),
    ("shipengine", "IT", "OUT_FOR_DELIVERY", Status.OUT_FOR_DELIVERY),
    ("shipengine", "EX", "RETURN_TO_SENDER", Status.RETURNING),
    ("shipengine", "EX", "UNDELIVERABLE_RETURNED_TO_SENDER", Status.RETURNED),
    ("shipengine", "EX", "CARRIER_DELAYS", Status.EXCEPTION),
    ("shipengine", "IT", "CARRIER_STATUS_NOT_MAPPED", Status.IN_TRANSIT),
    ("shipengine", "UN", "CARRIER_STATUS_NOT_MAPPED", Status.UNKNOWN),
    ("shipengine", "UN", "TRACKING_EXPIRED", Status.EXPIRED),
    ("shippo", "TRANSIT", "out_for_delivery", Status.OUT_FOR_DELIVERY),
    ("shippo", "TRANSIT", "package_departed", Status.IN_TRANSIT),
    ("shippo", "RETURNED", "package_unclaimed", Status.FAILED_ATTEMPT),
    ("shippo", "RETURNED", "return_to_sender", Status.RETURNING),
    ("shippo", "DELIVERED", "information_received", Status.DELIVERED),
    ("17track", "Exception", "Exception_Returned", Status.RETURNED),
    ("17track", "DeliveryFailure", "DeliveryFailure_NoBody", Status.FAILED_ATTEMPT),
    ("17track", "Departure", "", Status.IN_TRANSIT),
    ("17track", "Expired", "Expired_Other", Status.EXPIRED),
]


@pytest.mark.parametrize(
    ("hub", "status", "detail", "means"), EVERY_WORD, ids=lambda value: value.name if isinstance(value, Hub) else value
)
def test_every_word_of_the_table_is_read_so(hub: Hub, status: str, detail: str, means: Status) -> None:
    (scan,) = hub.read(saying(hub.name, status, detail)).scans
    assert (scan.status, scan.status_text, scan.detail_text) == (means, status, detail)


@pytest.mark.parametrize(("hub", "status", "detail", "means"), BY_HAND)
def test_the_words_that_matter_most(hub: str, status: str, detail: str, means: Status) -> None:
    (scan,) = HUBS[hub].read(saying(hub, status, detail)).scans
    assert (scan.status, scan.status_text, scan.detail_text) == (means, status, detail)


@every_hub
def test_a_new_word_is_unknown_and_kept(hub: Hub) -> None:
    detail = "" if hub.name == "sendcloud" else "Teleported_007"
    (scan,) = hub.read(saying(hub.name, "Teleported", detail)).scans
    assert (scan.status, scan.status_text, scan.detail_text) == (Status.UNKNOWN, "Teleported", detail)


@pytest.mark.parametrize("detail", ["address_issue", "contact_carrier", "brand_new"])
def test_what_requires_action_at_shippo_is_no_ordinary_transit(detail: str) -> None:
    body = saying("shippo", "TRANSIT", detail).replace(b'"action_required": false', b'"action_required": true')
    (scan,) = HUBS["shippo"].read(body).scans
    assert scan.status is (Status.EXCEPTION if detail == "address_issue" else Status.FAILED_ATTEMPT)
    assert scan.detail_text == detail


def test_both_words_count_before_the_detail_and_that_before_the_status() -> None:
    words = Words({("a", "x"): Status.DELIVERED, ("", "x"): Status.RETURNED, ("a", ""): Status.IN_TRANSIT})
    assert words.meaning("a", "x") is Status.DELIVERED
    assert words.meaning("b", "x") is Status.RETURNED
    assert words.meaning("a", "y") is Status.IN_TRANSIT
    assert words.meaning("a") is Status.IN_TRANSIT
    assert words.meaning("b", "y") is Status.UNKNOWN
