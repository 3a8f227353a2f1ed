"""POST /v1/events: what is accepted, what is refused and how it is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from parcelhook.api.feed import read_events
from parcelhook.errors import ParcelhookError
from parcelhook.shipping.events import EventKind, encode, sample
from receiver import Receiver
from server import tracking_update


def post(account: httpx.Client, body: object, content_type: str = "application/json") -> httpx.Response:
    content = body if isinstance(body, (bytes, str)) else json.dumps(body)
    return account.post("/v1/events", content=content, headers={"Content-Type": content_type})


def test_one_event_an_array_and_ndjson(account: httpx.Client) -> None:
    assert post(account, tracking_update()).status_code == 202
    assert len(post(account, [tracking_update("1"), tracking_update("2")]).json()["accepted"]) == 2
    lines = "\n".join(json.dumps(tracking_update(str(n))) for n in range(3)) + "\n\n"
    assert len(post(account, lines, "application/x-ndjson; charset=utf-8").json()["accepted"]) == 3


def test_what_curl_sends_by_itself_is_read_as_json(account: httpx.Client) -> None:
    assert post(account, tracking_update(), "application/x-www-form-urlencoded").status_code == 202


def test_an_id_that_came_with_a_scan_that_was_known_is_still_free(account: httpx.Client) -> None:
    first = post(account, tracking_update("1", id="first")).json()["accepted"]
    known = post(account, tracking_update("1", id="second")).json()["accepted"]
    assert (first, known) == ([{"id": "first", "duplicate": False}], [{"id": "first", "duplicate": True}])
    other = post(account, tracking_update("2", id="second")).json()["accepted"]
    assert other == [{"id": "second", "duplicate": False}]
    assert account.get("/v1/events/second").json()["id"] == "second"


def test_a_short_tracking_update_is_filled_up(account: httpx.Client) -> None:
    short = {"Event": "TRACKING_UPDATE", "TransactionID": "1", "date": 1, "message": "m", "code": 2}
    accepted = post(account, short).json()["accepted"][0]
    body = account.get(f"/v1/events/{accepted['id']}").json()["body"]
    assert (body["late"], body["est_delivery_date"], body["first_status_date"], body["city"]) == ("0", "0", "1", "")


REFUSED: list[tuple[str, object, int, str, Any]] = [
    ("code", tracking_update(code=7), 422, "code", 7),
    ("code as text", tracking_update(code="6"), 422, "code", "6"),
    ("date as text", tracking_update(date="1622671204"), 422, "date", "1622671204"),
    ("date negative", tracking_update(date=-1), 422, "date", -1),
    ("late as a number", tracking_update(late=0), 422, "late", 0),
    ("late neither", tracking_update(late="yes"), 422, "late", "yes"),
    ("a field missing", {"Event": "TRACKING_UPDATE", "date": 1, "message": "", "code": 1}, 422, "TransactionID", None),
    ("an unknown field", tracking_update(OrderId="1"), 422, "OrderId", "1"),
    ("an unknown event", tracking_update(Event="PARCEL_LOST"), 422, "Event", "PARCEL_LOST"),
    ("no event named", {"OrderID": "1"}, 422, "Event", None),
    ("an id with a dot", tracking_update() | {"id": "a.b"}, 422, "id", "a.b"),
    ("a list within", {"Event": "ORDER_ERROR", "OrderID": "1", "Message": "m", "ValidationErrors": [1]}, 422, "ValidationErrors[0]", 1),
    ("a number", 5, 422, "", 5),
    ("no JSON", "{", 400, "", "{"),
    ("nothing", "", 400, "", ""),
    ("not UTF-8", b'{"Event": "\xff"}', 400, "", None),
]  # fmt: skip


@pytest.mark.parametrize(("what", "body", "status", "field", "value"), REFUSED, ids=[row[0] for row in REFUSED])
def test_bad_input_names_field_value_and_remedy(
    account: httpx.Client, what: str, body: object, status: int, field: str, value: Any
) -> None:
    answer = post(account, body)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert problem["field"] == field, problem
    if value is not None:
        assert problem["value"] == value
    assert problem["detail"]
    assert problem["remedy"]


@pytest.mark.parametrize("ndjson", [False, True])
def test_one_bad_item_refuses_the_whole_batch_and_is_named(
    account: httpx.Client, receiver: Receiver, connect: Callable[..., Any], ndjson: bool
) -> None:
    connect()
    batch = [tracking_update("1"), tracking_update("2"), tracking_update("3", code=9), tracking_update("4")]
    lines = "\n".join(map(json.dumps, batch))
    answer = post(account, lines, "application/x-ndjson") if ndjson else post(account, batch)
    problem = answer.json()
    assert (answer.status_code, problem["item"], problem["field"], problem["value"]) == (422, 2, "code", 9)
    assert "Item 2" in problem["detail"]
    post(account, tracking_update("last"))
    (only,) = receiver.wait_for(1)
    assert b'"TransactionID":"last"' in only.body


def test_limits(account: httpx.Client) -> None:
    too_many = post(account, [tracking_update()] * 1_001)
    assert (too_many.status_code, too_many.json()["code"]) == (413, "payload_too_large")
    too_large = post(account, b" " * (16 * 1024 * 1024 + 1))
    assert too_large.status_code == 413
    assert post(account, []).status_code == 422
    assert post(account, "a,b", "text/csv").json()["code"] == "unsupported_media_type"


def test_what_is_fed_in_as_history_is_known_and_sent_to_nobody(
    account: httpx.Client, receiver: Receiver, connect: Callable[..., Any]
) -> None:
    connect()
    order = json.loads(encode(sample(EventKind.ORDER_SHIPPED)))
    scan = tracking_update(code=2, date=1_622_600_000, message="On its way")
    silent = account.post("/v1/events?deliver=false", json=[order, scan])
    assert silent.status_code == 202
    for line in silent.json()["accepted"]:
        assert account.get(f"/v1/events/{line['id']}").json()["deliveries"] == []
    again, short = account.post(
        "/v1/events?deliver=true",
        json=[
            scan,
            {"Event": "TRACKING_UPDATE", "TransactionID": "48572_1", "date": 1_622_671_204, "message": "m", "code": 6},
        ],
    ).json()["accepted"]
    assert (again["duplicate"], short["duplicate"]) == (True, False)
    post(account, tracking_update("last"))
    arrived = [json.loads(one.body) for one in receiver.wait_for(2)]
    update = next(body for body in arrived if body["TransactionID"] == "48572_1")
    assert (update["code"], update["OrderID"], update["tracking"]) == (6, "24957298", "WZ116539070")
    assert update["first_status_date"] == "1622600000"
    assert len(receiver.events()) == 2


@pytest.mark.parametrize(
    ("query", "field"), [("deliver=no", "deliver"), ("deliver=", "deliver"), ("delivr=false", "delivr")]
)
def test_a_misspelled_parameter_delivers_nothing_and_is_told(account: httpx.Client, query: str, field: str) -> None:
    answer = account.post(f"/v1/events?{query}", json=tracking_update())
    assert (answer.status_code, answer.json()["field"]) == (422, field)
    assert answer.json()["remedy"]


def test_keys(account: httpx.Client) -> None:
    for key in ("", "Bearer", "Basic abc", "Bearer phk_unknown"):
        answer = account.post("/v1/events", json=tracking_update(), headers={"Authorization": key})
        assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")
        assert "Bearer" in answer.headers["www-authenticate"]
    answer = account.post("/v1/events", json=tracking_update(), headers={"Idempotency-Key": "x" * 256})
    assert (answer.status_code, answer.json()["field"]) == (422, "Idempotency-Key")


def test_wrong_method_and_wrong_path(account: httpx.Client) -> None:
    assert account.get("/v1/events").status_code in {404, 405}
    answer = account.post("/v1/event", json={})
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    answer = account.put("/v1/endpoints", json={})
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["Event", "id", "code", "date"]) | st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)  # fmt: skip
KINDS = st.sampled_from([b"application/json", b"application/x-ndjson", b"text/plain", b""])


@given(KINDS, st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode()))
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_any_bytes_are_events_or_one_of_our_errors(kind: bytes, body: bytes) -> None:
    try:
        found: object = read_events(kind, body)
    except ParcelhookError as error:
        found = json.dumps([error.message, error.details()])
    assert found
