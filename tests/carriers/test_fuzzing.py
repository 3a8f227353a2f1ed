"""Whatever a body holds: a reading or NotUnderstood, and scans that can be stored and told."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carriers.bodies import sample
from parcelhook.carriers.body import LONGEST_TEXT, Part
from parcelhook.carriers.catalogue import HUBS
from parcelhook.carriers.dates import LATEST, of_text
from parcelhook.carriers.history import MOST_SCANS
from parcelhook.carriers.hub import Hub, NotUnderstood

every_hub = pytest.mark.parametrize("hub", HUBS.values(), ids=HUBS)
TEXTS = st.text(st.characters(codec=None), max_size=12) | st.sampled_from(
    ["2024-08-02T19:26:52Z", "0", "tracker.updated", "é\ud83d\u0000"]
)
NUMBERS = st.integers(-(2**70), 2**70) | st.floats() | st.integers(0, 2 * LATEST) | st.just(10**400)
ANYTHING = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
)


def holds(hub: Hub, body: bytes) -> None:
    try:
        reading = hub.read(body)
    except NotUnderstood:
        return
    assert reading.scans or reading.note
    assert len(reading.scans) <= MOST_SCANS
    for scan in reading.scans:
        assert 0 <= scan.date <= LATEST
        assert scan.est_delivery_date is None or 0 < scan.est_delivery_date <= LATEST
        assert scan.tracking
        assert len(scan.identity) == 8
        texts = [value for value in msgspec.structs.asdict(scan).values() if isinstance(value, str)]
        assert all(len(text) <= LONGEST_TEXT and "\0" not in text for text in texts)
        assert msgspec.json.encode(scan)  # no half characters


@every_hub
@given(body=st.binary(max_size=200))
def test_bytes(hub: Hub, body: bytes) -> None:
    holds(hub, body)


@every_hub
@given(value=ANYTHING)
def test_json(hub: Hub, value: Any) -> None:
    holds(hub, json.dumps(value).encode("utf-8", "surrogatepass"))


@every_hub
@given(data=st.data())
def test_samples_with_values_exchanged(hub: Hub, data: st.DataObject) -> None:
    body = json.loads(sample(hub.name))
    for _ in range(data.draw(st.integers(1, 4))):
        put = data.draw(st.sampled_from(places(body)))
        put(data.draw(ANYTHING))
    holds(hub, json.dumps(body).encode())


@every_hub
@given(data=st.data())
def test_samples_with_bytes_exchanged(hub: Hub, data: st.DataObject) -> None:
    body = bytearray(sample(hub.name))
    for _ in range(data.draw(st.integers(1, 8))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.sampled_from(b'{}[]",:0e\\u\x00\xff'))
    holds(hub, bytes(body[: data.draw(st.integers(0, len(body)))]) if data.draw(st.booleans()) else bytes(body))


def places(value: Any) -> list[Callable[[Any], None]]:
    """A setter for each place in a JSON value."""
    found: list[Callable[[Any], None]] = []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        found.append(lambda new, key=key: value.__setitem__(key, new))
        found += places(inner)
    return found


@given(ANYTHING)
def test_reading_a_part_never_fails(value: Any) -> None:
    part = Part(value)
    for path in ((), ("a",), ("a", "b")):
        assert isinstance(part.text(*path), str)
        assert isinstance(part.flag(*path), bool)
        assert isinstance(part.parts(*path), tuple)
        assert len(part.country(*path)) in {0, 2}
        assert len(part.name(*path)) <= 100


@given(st.text(max_size=30) | st.datetimes().map(str) | st.from_regex(r"[0-9]{1,20}(\.[0-9]*)?", fullmatch=True))
def test_any_text_is_a_time_of_these_centuries_or_none(text: str) -> None:
    found = of_text(text)
    assert found is None or 0 <= found.second <= LATEST
