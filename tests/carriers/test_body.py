"""Parts of a body, times and countries, where the hubs' batteries do not reach."""

from __future__ import annotations

import json

import pytest

from parcelhook.carriers.body import Part, parse
from parcelhook.carriers.countries import two_letters
from parcelhook.carriers.dates import estimate, moment, of_text
from parcelhook.carriers.hub import NotUnderstood


def test_what_is_missing_or_of_another_type_is_empty() -> None:
    part = parse(b'{"a": {"b": [1, "x", null]}, "n": null, "t": true, "f": 1.5, "w": 2.0, "nan": NaN, "big": 1e999}')
    assert [item.text() for item in part.parts("a", "b")] == ["1", "x", ""]
    assert (
        part.text("a", "b", "c", "d")
        == part.text("a")
        == part.text("n")
        == part.text("t")
        == part.text("nan")
        == part.text("big")
        == ""
    )
    assert (part.text("f"), part.text("w")) == ("1.5", "2.0")
    assert part.parts("a") == part.parts("n") == part.parts("nowhere") == ()
    assert part.flag("t")
    assert not part.flag("f")
    assert not Part("true").flag()


def test_a_name_is_one_short_line() -> None:
    assert Part("  tracker\r\nupdated " + "x" * 500).name() == "tracker updated " + "x" * 84


def test_a_body_with_a_cut_character_or_a_byte_order_mark_is_still_read() -> None:
    assert parse(b'\xef\xbb\xbf{"a": "\\ud83d cut"}').text("a") == "\ufffd cut"


@pytest.mark.parametrize("body", [b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", b"{", b"[]", b"\xff"])
def test_what_is_no_json_object_is_not_understood(body: bytes) -> None:
    with pytest.raises(NotUnderstood):
        parse(body)


@pytest.mark.parametrize(
    ("text", "second"),
    [
        ("20260430", 1_777_507_200),  # a date, and no time of 1970
        ("1777554300.7", 1_777_554_300),
        ("99999999999", 99_999_999_999),
        ("100000000000", 100_000_000),
        ("0", 0),
        ("12", None),
        ("1777554300.", 1_777_554_300),
        ("1777554300.7.1", None),
        ("2026-04-30T13:05:00+0000", 1_777_554_300),
        ("2026-W18-4", 1_777_507_200),
        ("0001-01-01T00:00:00+23:59", None),
        ("9999-12-31T23:59:59-23:59", None),
    ],
)
def test_times(text: str, second: int | None) -> None:
    found = of_text(text)
    assert (found.second if found else None) == second


def test_the_first_that_is_a_time_counts_and_an_estimate_of_zero_is_none() -> None:
    parts = [Part(None), Part("soon"), Part("2026-04-30T13:05:00Z"), Part(5)]
    found = moment(*parts)
    assert found is not None
    assert found.text == "2026-04-30T13:05:00Z"
    assert moment(Part("soon")) is None
    assert estimate(Part(0)) is None
    assert estimate() is None
    assert estimate(*parts) == 1_777_554_300


@pytest.mark.parametrize(
    ("text", "country"),
    [("US", "US"), ("usa", "US"), ("DEU", "DE"), ("GBR", "GB"), ("AUT", "AT"), ("AUS", "AU"), ("CHE", "CH"), ("CHN", "CN"), ("it", "IT"),
     ("", ""), ("XX", ""), ("XXX", ""), ("Italy", ""), ("1", "")],
)  # fmt: skip
def test_countries(text: str, country: str) -> None:
    assert two_letters(text) == country


def test_a_country_of_another_type_is_none() -> None:
    assert Part(json.loads('{"a": 1}')).country("a") == Part(["US"]).country() == ""
