"""One battery for every hub: the same shape, the same manners."""

from __future__ import annotations

import contextlib
import inspect
import json
import sys
from importlib import import_module

import pytest

from carriers.bodies import WHEN, sample, saying, several
from parcelhook.carriers.body import LONGEST_KEY
from parcelhook.carriers.catalogue import HUBS
from parcelhook.carriers.history import MOST_SCANS
from parcelhook.carriers.hub import Hub, NotUnderstood
from parcelhook.shipping.status import Status

MODULES = {
    name: import_module(f"parcelhook.carriers.{'seventeentrack' if name == '17track' else name}") for name in HUBS
}
every_hub = pytest.mark.parametrize("hub", HUBS.values(), ids=HUBS)
with_history = pytest.mark.parametrize(
    "hub", [hub for name, hub in HUBS.items() if name != "sendcloud"], ids=lambda hub: hub.name
)
ANY_WORD = {
    "easypost": "in_transit", "aftership": "InTransit", "sendcloud": "3", "shipengine": "IT", "shippo": "TRANSIT", "17track": "InTransit",
}  # fmt: skip


def test_the_six_hubs_by_the_names_of_their_addresses() -> None:
    assert list(HUBS) == ["easypost", "aftership", "sendcloud", "shipengine", "shippo", "17track"]
    assert all(hub.name == name for name, hub in HUBS.items())


@every_hub
def test_every_hub_has_the_same_shape(hub: Hub) -> None:
    module = MODULES[hub.name]
    assert (hub, hub.name, hub.words) == (module.HUB, module.NAME, module.WORDS)
    assert (hub.verify, hub.read) == (module.verify, module.read)
    assert list(inspect.signature(module.verify).parameters) == ["inbound", "secret"]
    assert list(inspect.signature(module.read).parameters) == ["body"]
    assert len(hub.steps) >= 2
    assert hub.signed
    assert hub.quirks
    assert any("aste the address" in step for step in hub.steps)
    assert {Status.IN_TRANSIT, Status.DELIVERED, Status.EXCEPTION} <= set(hub.words.table.values())


@every_hub
@pytest.mark.parametrize(
    "body",
    [b"", b"junk", b"<xml/>", b"null", b"[]", b'"text"', b"5", b"NaN", b"{}", b'{"a": 1}', b"\xff\xfe", b"\xed\xa0\x80", b"{" * 9,
     b"[" * 200_000, b'{"event": 1' + b"9" * 5_000 + b"}", b'{"hello": "world"}'],
    ids=repr,
)  # fmt: skip
def test_what_is_no_body_of_the_hub_is_not_understood(hub: Hub, body: bytes) -> None:
    with pytest.raises(NotUnderstood) as refused:
        hub.read(body)
    assert refused.value.reason.endswith((".", "`."))
    assert len(refused.value.reason) < 300


@every_hub
def test_what_another_hub_says_is_not_taken_for_a_scan(hub: Hub) -> None:
    for other in HUBS:
        if other != hub.name:
            try:
                assert hub.read(sample(other)).scans == ()
            except NotUnderstood:
                continue


@every_hub
def test_a_reading_without_scans_says_why(hub: Hub) -> None:
    for body in (
        saying(hub.name, ANY_WORD[hub.name], when="someday"),
        saying(hub.name, ANY_WORD[hub.name]).replace(b'"1Z"', b'""'),
    ):
        reading = hub.read(body)
        assert reading.scans == ()
        assert reading.note.endswith(".")


@every_hub
def test_the_source_is_the_hub(hub: Hub) -> None:
    assert {scan.source for scan in hub.read(sample(hub.name)).scans} == {hub.name}


@every_hub
def test_a_body_that_comes_again_has_the_same_scans(hub: Hub) -> None:
    first, again = hub.read(sample(hub.name)), hub.read(sample(hub.name) + b"\n")
    assert first == again
    assert len({scan.identity for scan in first.scans}) == len(first.scans)


@every_hub
@pytest.mark.parametrize(
    ("when", "second", "zone_unknown"),
    [
        ("2026-04-30T13:05:00Z", 1_777_554_300, False),
        ("2026-04-30T15:05:00.500+02:00", 1_777_554_300, False),
        ("2026-04-30T13:05:00", 1_777_554_300, True),
        ("2026-04-30 13:05:00", 1_777_554_300, True),
        ("2026-04-30", 1_777_507_200, True),
        (1_777_554_300, 1_777_554_300, False),
        (1_777_554_300_999, 1_777_554_300, False),
        ("1777554300", 1_777_554_300, False),
        ("1970-01-01T00:00:00Z", 0, False),
        ("9999-12-31T23:59:59Z", 253_402_300_799, False),
    ],
)
def test_a_time_is_read_as_utc_and_its_text_kept(hub: Hub, when: object, second: int, *, zone_unknown: bool) -> None:
    (scan,) = hub.read(saying(hub.name, ANY_WORD[hub.name], when=when)).scans
    assert (scan.date, scan.date_text, scan.zone_unknown) == (second, str(when), zone_unknown)


@every_hub
@pytest.mark.parametrize(
    "when",
    ["0001-01-01T00:00:00", "1969-12-31T23:59:59Z", "9999-12-31T23:59:59-01:00", "10000-01-01T00:00:00Z", "someday", "", None, True, [], {},
     -1, 10**17, 10**40, float("inf"), float("nan"), "2026-02-30T00:00:00Z", "٢٠٢٦"],
)  # fmt: skip
def test_what_is_no_time_is_left_out_and_noted(hub: Hub, when: object) -> None:
    reading = hub.read(saying(hub.name, ANY_WORD[hub.name], when=when))
    assert (reading.scans, reading.note) == ((), "1 entry left out: no date from 1970 to 9999.")


@with_history
def test_an_entry_without_a_date_does_not_spoil_the_others(hub: Hub) -> None:
    word = ANY_WORD[hub.name]
    reading = hub.read(
        several(hub.name, [(word, "", WHEN), (word, "", None), (word, "", "2026-05-01T00:00:00Z"), (word, "", "")])
    )
    assert [scan.date_text for scan in reading.scans] == [WHEN, "2026-05-01T00:00:00Z"]
    assert reading.note == "2 entries left out: no date from 1970 to 9999."


@with_history
def test_a_list_that_is_too_long_keeps_the_newest(hub: Hub) -> None:
    word = ANY_WORD[hub.name]
    reading = hub.read(several(hub.name, [(word, "", 1_700_000_000 + n) for n in range(MOST_SCANS + 5)]))
    assert [scan.date for scan in reading.scans] == [1_700_000_005 + n for n in range(MOST_SCANS)]
    assert reading.note == "5 entries left out: the newest 1,000 were kept."


@with_history
def test_the_oldest_is_told_first_and_the_same_second_keeps_its_order(hub: Hub) -> None:
    word = ANY_WORD[hub.name]
    said = [
        (word, "first", "2026-05-01T10:00:00Z"),
        (word, "second", "2026-05-01T10:00:00Z"),
        (word, "third", "2026-05-02T10:00:00Z"),
    ]
    assert [scan.detail_text for scan in hub.read(several(hub.name, said)).scans] == ["first", "second", "third"]
    if hub.name != "easypost":  # whose list is oldest first, whatever its dates
        assert [scan.detail_text for scan in hub.read(several(hub.name, said[::-1])).scans] == [
            "first",
            "second",
            "third",
        ]


@every_hub
def test_texts_are_cut_and_can_always_be_stored(hub: Hub) -> None:
    ugly = "\ud83d" + "x" * 5_000 + "\u0000"
    body = saying(hub.name, ANY_WORD[hub.name]).replace(b'"1Z"', json.dumps(ugly).encode())
    (scan,) = hub.read(body).scans
    assert scan.tracking == "\ufffd" + "x" * (LONGEST_KEY - 1)
    assert scan.tracking.encode()


@every_hub
def test_numbers_serve_as_ids(hub: Hub) -> None:
    (scan,) = hub.read(saying(hub.name, ANY_WORD[hub.name]).replace(b'"1Z"', b"123456789012345678901234567890")).scans
    assert scan.tracking == "123456789012345678901234567890"


@every_hub
def test_a_body_nested_as_deep_as_can_be_read_is_no_trouble(hub: Hub) -> None:
    word = ANY_WORD[hub.name].encode()
    for depth in range(sys.getrecursionlimit() - 200, sys.getrecursionlimit(), 2):
        nested = b"[" * depth + b'"' + word + b'"' + b"]" * depth
        for name in (b'"1Z"', b'"' + word + b'"', b'"' + WHEN.encode() + b'"'):
            body = saying(hub.name, ANY_WORD[hub.name]).replace(name, nested)
            with contextlib.suppress(NotUnderstood):
                hub.read(body)
