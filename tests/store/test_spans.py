"""Spans: whatever a range is made up of, every hour of it is counted once and no other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parcelhook.store.spans import DAY, FOUR_WEEKS, HOUR, SPANS, Piece, kept_from, pieces, pieces_until

hours = st.integers(0, 12_000)


def counted(found: Sequence[Piece], summed_until: int | None = None) -> set[int]:
    """The hours that the pieces come to. Longer spans know nothing of the hours after `summed_until`."""
    times: Counter[int] = Counter()
    for piece in found:
        for hour in range(piece.first * piece.span, piece.end * piece.span):
            if summed_until is None or piece.span == HOUR or hour < summed_until:
                times[hour] += piece.sign
    assert set(times.values()) <= {0, 1}
    return {hour for hour, number in times.items() if number}


@given(first=hours, end=hours, spans=st.sampled_from([SPANS, (HOUR, DAY), (HOUR,)]))
def test_every_hour_of_a_range_is_counted_once(first: int, end: int, spans: tuple[int, ...]) -> None:
    first, end = sorted((first, end))
    assert counted(pieces(first, end, spans)) == set(range(first, end))


@given(first=hours, end=hours, until=hours)
def test_so_it_is_where_the_longer_spans_lag_behind(first: int, end: int, until: int) -> None:
    first, end = sorted((first, end))
    assert counted(pieces_until(first, end, until), until) == set(range(first, end))


@given(first=hours, end=hours, until=hours)
def test_few_rows_of_time_are_read(first: int, end: int, until: int) -> None:
    first, end = sorted((first, end))
    shorter = sum(piece.end - piece.first for piece in pieces(first, end) if piece.span < FOUR_WEEKS)
    assert shorter <= 2 * (23 + 14)
    late = max(0, end - max(first, until))
    hourly = sum(piece.end - piece.first for piece in pieces_until(first, end, until) if piece.span == HOUR)
    assert hourly <= 2 * 23 + late


@pytest.mark.parametrize("now_ms", [1_795_519_113_000, 1_795_519_113_000 + 11 * 86_400_000])
def test_nothing_before_what_is_kept_is_ever_read(now_ms: int) -> None:
    begin = kept_from(now_ms)
    assert now_ms // 3_600_000 - begin >= 400 * DAY
    for end in range(begin + 1, begin + 1_500, 7):
        assert all(piece.first * piece.span >= begin for piece in pieces(begin, end))
