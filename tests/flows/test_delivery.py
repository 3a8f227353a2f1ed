"""An event's way: retries, order, idempotency, pace, resend by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from receiver import Receiver, answer, fails_then_heals, first_fails, ok_json, slow
from server import Server, tracking_update, wait_until

Connect = Callable[..., dict[str, Any]]


def states(account: httpx.Client, event_id: str) -> list[str]:
    found = account.get(f"/v1/events/{event_id}").json()["deliveries"]
    return [delivery["state"] for delivery in found]


def test_the_body_is_the_pages_own(account: httpx.Client, receiver: Receiver, connect: Connect) -> None:
    connect()
    account.post("/v1/events", json=tracking_update())
    (event,) = receiver.wait_for(1)
    expected = (
        b'{"Event":"TRACKING_UPDATE","tracking":"WZ116539070","date":1622671204,"message":"Shipment delivered",'
        b'"city":"Florence","est_delivery_date":"0","first_status_date":"1622152801","late":"0","code":6,'
        b'"OrderID":"24957298","TransactionID":"48572_1","TrackingCarrier":"FedEx","MarketplaceID":"0",'
        b'"MarketplacePlatform":"Manual shipment","ExternalLink":"","FromAddressCompany":"John Doe srl.",'
        b'"ToAddressCompany":"","FromAddressCountry":"IT","ToAddressCountry":"IT"}'
    )
    assert event.body == expected


def test_a_failed_webhook_is_sent_again_with_the_same_bytes_and_id_until_it_passes(
    account: httpx.Client, receiver: Receiver, connect: Connect
) -> None:
    connect(retry=True, retry_count=5)
    receiver.behave(fails_then_heals(3))
    accepted = account.post("/v1/events", json=tracking_update()).json()["accepted"][0]
    found = receiver.wait_for(4)
    assert len({one.body for one in found}) == 1
    assert {one.id for one in found} == {accepted["id"]}
    assert [one.header("x-webhook-attempt") for one in found] == ["1", "2", "3", "4"]
    wait_until(lambda: states(account, accepted["id"]) == ["delivered"])
    lines = account.get("/v1/logs").json()["items"]
    assert [(line["retry"], line["result"]) for line in lines] == [
        (3, "passed"), (2, "failed"), (1, "failed"), (0, "failed"),
    ]  # fmt: skip
    assert lines[-1]["reason"] == "HTTP response code is 500, it must be 200"


@pytest.mark.parametrize(
    ("fields", "attempts"), [({"retry": False}, 1), ({"retry_count": 1}, 2), ({"retry_count": 3}, 4)]
)
def test_there_are_as_many_retries_as_the_count_of_retry_says(
    account: httpx.Client, receiver: Receiver, connect: Connect, fields: dict[str, Any], attempts: int
) -> None:
    connect(**fields)
    receiver.behave(answer(500))
    accepted = account.post("/v1/events", json=tracking_update()).json()["accepted"][0]
    wait_until(lambda: states(account, accepted["id"]) == ["failed"])
    assert len(receiver.events()) == attempts


def test_events_of_a_shipment_arrive_in_order_however_they_are_fed(
    account: httpx.Client, receiver: Receiver, connect: Connect
) -> None:
    connect(concurrency=32)
    shipments = [f"{n}_1" for n in range(20)]
    for step in range(10):
        account.post("/v1/events", json=[tracking_update(one, message=str(step)) for one in shipments])
    found = receiver.wait_for(200, timeout=30)
    for shipment in shipments:
        mine = [one.body for one in found if f'"TransactionID":"{shipment}"'.encode() in one.body]
        assert [f'"message":"{step}"'.encode() in body for step, body in enumerate(mine)] == [True] * 10


def test_relaxed_ordering_lets_later_events_pass_one_that_fails(
    account: httpx.Client, receiver: Receiver, connect: Connect
) -> None:
    connect(retry_count=2)
    receiver.behave(first_fails(1))
    account.post("/v1/events", json=[tracking_update(message="one"), tracking_update(message="two")])
    found = receiver.wait_for(3)
    assert [b'"message":"one"' in one.body for one in found] == [True, False, True]


def test_strict_ordering_holds_later_events_back_until_the_failing_one_has_ended(
    account: httpx.Client, receiver: Receiver, connect: Connect
) -> None:
    connect(retry_count=4, ordering="strict")
    receiver.behave(first_fails(3))
    account.post("/v1/events", json=[tracking_update("a", message=f"a{n}") for n in range(3)])
    account.post("/v1/events", json=tracking_update("b", message="b0"))
    found = receiver.wait_for(7, timeout=30)
    mine = [one for one in found if b'"TransactionID":"a"' in one.body]
    order = [one.body.split(b'"message":"')[1][:2] for one in mine]
    assert order == sorted(order)
    assert order[-2:] == [b"a1", b"a2"]


def test_strict_ordering_goes_on_after_a_delivery_has_failed_for_good(
    account: httpx.Client, receiver: Receiver, connect: Connect
) -> None:
    connect(retry=False, ordering="strict")
    receiver.behave(first_fails(1))
    account.post("/v1/events", json=[tracking_update("a", message=f"a{n}") for n in range(3)])
    found = receiver.wait_for(3)
    assert [one.body.split(b'"message":"')[1][:2] for one in found] == [b"a0", b"a1", b"a2"]


def test_feeding_the_same_id_again_changes_nothing(account: httpx.Client, receiver: Receiver, connect: Connect) -> None:
    connect()
    fed = tracking_update() | {"id": "scan-1"}
    first = account.post("/v1/events", json=[fed, tracking_update("2") | {"id": "scan-2"}, fed])
    assert [line["duplicate"] for line in first.json()["accepted"]] == [False, False, True]
    again = account.post("/v1/events", json=fed)
    assert again.json() == {"accepted": [{"id": "scan-1", "duplicate": True}]}
    assert {one.id for one in receiver.wait_for(2)} == {"scan-1", "scan-2"}
    assert b"scan-1" not in receiver.events()[0].body
    assert account.get("/v1/events/scan-1").json()["body"]["TransactionID"] == "48572_1"


def test_the_same_idempotency_key_answers_the_same_and_adds_nothing(
    account: httpx.Client, receiver: Receiver, connect: Connect
) -> None:
    connect()
    headers = {"Idempotency-Key": "order-77"}
    first = account.post("/v1/events", json=tracking_update(), headers=headers).json()["accepted"]
    again = account.post("/v1/events", json=tracking_update(), headers=headers).json()["accepted"]
    assert again == [{"id": first[0]["id"], "duplicate": True}]
    other = account.post("/v1/events", json=tracking_update("other"), headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")
    account.post("/v1/events", json=tracking_update("last"))
    assert len(receiver.wait_for(2)) == 2


def test_two_accounts_may_use_the_same_id_and_key(server: Server, receiver: Receiver) -> None:
    for _ in range(2):
        with server.account() as one:
            fed = tracking_update() | {"id": "same"}
            accepted = one.post("/v1/events", json=fed, headers={"Idempotency-Key": "same"}).json()["accepted"]
            assert accepted == [{"id": "same", "duplicate": False}]


def test_410_disables_the_endpoint_and_what_waited_goes_out_when_it_is_enabled(
    account: httpx.Client, receiver: Receiver, connect: Connect
) -> None:
    made = connect(retry_count=5)
    receiver.behave(answer(410))
    account.post("/v1/events", json=tracking_update("1"))
    wait_until(lambda: account.get(f"/v1/endpoints/{made['id']}").json()["state"] == "disabled")
    assert "410" in account.get(f"/v1/endpoints/{made['id']}").json()["state_reason"]
    account.post("/v1/events", json=tracking_update("2"))
    receiver.behave(ok_json)
    account.post(f"/v1/endpoints/{made['id']}/enable")
    found = receiver.wait_for(3)
    assert {b'"TransactionID":"1"' in one.body for one in found[1:]} == {True, False}


def test_retry_after_is_honoured(account: httpx.Client, receiver: Receiver, connect: Connect) -> None:
    connect(retry_count=3)
    receiver.behave(first_fails_with_retry_after(1))
    account.post("/v1/events", json=tracking_update())
    first, second = receiver.wait_for(2)
    assert second.at - first.at >= 1


def first_fails_with_retry_after(seconds: int) -> Any:
    failing, count = answer(429, Retry_After=str(seconds)), 0

    async def behave(received: Any, writer: Any) -> None:
        nonlocal count
        count += 1
        await (failing if count == 1 else ok_json)(received, writer)

    return behave


def test_429_slows_the_whole_endpoint(account: httpx.Client, receiver: Receiver, connect: Connect) -> None:
    connect(retry_count=3, concurrency=1)
    receiver.behave(first_fails_with_retry_after(1))
    account.post("/v1/events", json=[tracking_update(str(n)) for n in range(3)])
    found = receiver.wait_for(4)
    assert found[1].at - found[0].at >= 0.9


def test_the_rate_limit_is_kept(account: httpx.Client, receiver: Receiver, connect: Connect) -> None:
    connect(rate_limit=20)
    account.post("/v1/events", json=[tracking_update(str(n)) for n in range(30)])
    found = receiver.wait_for(30)
    assert found[-1].at - found[0].at >= 1.2


def test_never_more_requests_at_once_than_the_concurrency(
    account: httpx.Client, receiver: Receiver, connect: Connect
) -> None:
    connect(concurrency=3)
    receiver.behave(slow(0.1))
    account.post("/v1/events", json=[tracking_update(str(n)) for n in range(12)])
    found = receiver.wait_for(12)
    for one in found:
        assert sum(one.at <= other.at < one.at + 0.09 for other in found) <= 3


def test_resending_by_hand_sends_the_same_bytes_and_takes_nothing_away_if_it_fails(
    account: httpx.Client, receiver: Receiver, connect: Connect
) -> None:
    connect(retry_count=2, retry_schedule=[3.0, 0.1])
    receiver.behave(answer(500))
    accepted = account.post("/v1/events", json=tracking_update()).json()["accepted"][0]
    receiver.wait_for(1)
    wait_until(lambda: len(account.get("/v1/logs").json()["items"]) == 1)
    delivery = account.get(f"/v1/events/{accepted['id']}").json()["deliveries"][0]["id"]
    assert account.post(f"/v1/deliveries/{delivery}/retry").status_code == 202
    receiver.wait_for(2)
    found = receiver.wait_for(4, timeout=20)  # by hand, and both automatic retries all the same
    assert {one.body for one in found} == {found[0].body}
    wait_until(lambda: states(account, accepted["id"]) == ["failed"])
    lines = account.get("/v1/logs").json()["items"]
    assert [(line["retry"], line["manual"]) for line in lines] == [(2, False), (1, False), (1, True), (0, False)]


def test_a_delivered_webhook_that_is_resent_in_vain_stays_delivered(
    account: httpx.Client, receiver: Receiver, connect: Connect
) -> None:
    connect()
    accepted = account.post("/v1/events", json=tracking_update()).json()["accepted"][0]
    wait_until(lambda: states(account, accepted["id"]) == ["delivered"])
    receiver.behave(answer(500))
    delivery = account.get(f"/v1/events/{accepted['id']}").json()["deliveries"][0]["id"]
    account.post(f"/v1/deliveries/{delivery}/retry")
    receiver.wait_for(2)
    wait_until(lambda: len(account.get("/v1/logs").json()["items"]) == 2)
    assert states(account, accepted["id"]) == ["delivered"]


def test_returns_are_marked(account: httpx.Client, receiver: Receiver, connect: Connect) -> None:
    connect()
    shipped = {
        "Event": "ORDER_SHIPPED", "OrderID": "1", "TransactionID": "1_1", "TrackingCarrier": "GLS",
        "TrackingNumber": "GL1", "IsReturn": True,
    }  # fmt: skip
    account.post("/v1/events", json=[shipped, tracking_update("1_1", IsReturn=True), tracking_update("2_1")])
    found = receiver.wait_for(3)
    marks = {(one.header("x-webhook-event"), one.header("x-webhook-return")) for one in found}
    assert marks == {("ORDER_SHIPPED", "true"), ("TRACKING_UPDATE", "true"), ("TRACKING_UPDATE", None)}
    wait_until(lambda: len(account.get("/v1/logs").json()["items"]) == 3)
    assert sorted(line["is_return"] for line in account.get("/v1/logs").json()["items"]) == [False, True, True]


def test_labels_travel_as_they_were_given(account: httpx.Client, receiver: Receiver, connect: Connect) -> None:
    connect()
    label = "JVBERi0xLjQK" * 40_000
    shipped = {
        "Event": "ORDER_SHIPPED", "OrderID": "1", "TransactionID": "1_1", "TrackingCarrier": "GLS",
        "TrackingNumber": "GL1", "LabelURL": ["https://x.example/1.pdf"], "PDF": [label], "ZPL": ["^XA^XZ"],
    }  # fmt: skip
    account.post("/v1/events", json=shipped)
    (event,) = receiver.wait_for(1)
    assert label.encode() in event.body
    assert b'"ZPL":["^XA^XZ"]' in event.body


def test_connections_are_kept_alive(account: httpx.Client, receiver: Receiver, connect: Connect) -> None:
    connect(concurrency=1)
    account.post("/v1/events", json=[tracking_update(str(n)) for n in range(20)])
    assert len({one.connection for one in receiver.wait_for(20)}) == 1


def test_more_than_a_lane_holds_arrives_whole_and_in_order(
    account: httpx.Client, receiver: Receiver, connect: Connect
) -> None:
    made = connect()
    account.post(f"/v1/endpoints/{made['id']}/disable")
    for start in range(0, 6_000, 1_000):
        account.post(
            "/v1/events", json=[tracking_update(f"{n % 500}_1", message=str(n)) for n in range(start, start + 1_000)]
        )
    account.post(f"/v1/endpoints/{made['id']}/enable")
    account.post("/v1/events", json=tracking_update("0_1", message="6000"))
    found = receiver.wait_for(6_001, timeout=60)
    assert len({one.id for one in found}) == 6_001
    mine = [
        int(one.body.split(b'"message":"')[1].split(b'"')[0]) for one in found if b'"TransactionID":"0_1"' in one.body
    ]
    assert mine == sorted(mine)
    assert mine[-1] == 6_000
