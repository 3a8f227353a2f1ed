"""The three bodies."""

from __future__ import annotations

import json

import msgspec
import pytest

from parcelhook.shipping.events import Event, EventKind, TrackingUpdate, encode, is_return, kind_of, sample


@pytest.mark.parametrize("kind", EventKind)
def test_samples_begin_with_their_event_and_can_be_fed_back(kind: EventKind) -> None:
    body = encode(sample(kind))
    assert body.startswith(f'{{"Event":"{kind.value}"'.encode())
    again: Event = msgspec.json.decode(body, type=Event)  # type: ignore[arg-type]
    assert (again, kind_of(again)) == (sample(kind), kind)
    assert encode(again) == body


def test_the_tracking_update_has_the_pages_types() -> None:
    body = json.loads(encode(sample(EventKind.TRACKING_UPDATE)))
    numbers = {name for name, value in body.items() if isinstance(value, int)}
    assert numbers == {"date", "code"}
    assert all(isinstance(value, str) for name, value in body.items() if name not in numbers)
    assert "IsReturn" not in body


def test_the_given_id_is_not_part_of_the_body() -> None:
    update = TrackingUpdate(id="mine", date=1, message="m", code=1, TransactionID="1")
    assert b"mine" not in encode(update)
    assert not is_return(update)
    assert is_return(msgspec.structs.replace(update, IsReturn=True))


def test_names_of_the_page() -> None:
    assert [kind.title for kind in EventKind] == ["Order Shipped", "Order Error", "Tracking Updates"]
    assert [kind.choice for kind in EventKind] == ["order_shipped", "order_error", "tracking_update"]
