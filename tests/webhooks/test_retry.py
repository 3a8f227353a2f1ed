"""When a failed delivery is sent again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parcelhook.webhooks.retry import DEFAULT_SCHEDULE_S, parse_retry_after, plan, timetable

NOW = 1_795_519_113.0


def after(retries_done: int = 0, retry_count: int = 10, status: int = 500, **other: object) -> object:
    given_: dict[str, object] = {
        "schedule": DEFAULT_SCHEDULE_S,
        "retry_after": None,
        "now_s": NOW,
        "chance": 0.5,
        **other,
    }
    return plan(retries_done=retries_done, retry_count=retry_count, status=status, **given_)  # type: ignore[arg-type]


def test_the_series_is_the_documented_one() -> None:
    waits = [after(done).wait_ms for done in range(11)]  # type: ignore[attr-defined]
    assert waits == [
        5_000,
        30_000,
        120_000,
        600_000,
        1_800_000,
        3_600_000,
        10_800_000,
        21_600_000,
        43_200_000,
        86_400_000,
        None,
    ]


def test_retry_off_means_none() -> None:
    assert after(retry_count=0).wait_ms is None  # type: ignore[attr-defined]


def test_a_short_schedule_goes_on_with_its_last_wait() -> None:
    assert [after(done, schedule=(1, 2)).wait_ms for done in range(4)] == [1_000, 2_000, 2_000, 2_000]  # type: ignore[attr-defined]


@pytest.mark.parametrize("status", [429, 502, 504])
def test_an_overloaded_receiver_slows_the_lane(status: int) -> None:
    assert after(status=status).slow_lane_ms == 1_000  # type: ignore[attr-defined]
    assert after(status=status, retry_after="7").slow_lane_ms == 7_000  # type: ignore[attr-defined]


def test_503_slows_the_lane_only_if_it_says_for_how_long() -> None:
    assert after(status=503).slow_lane_ms == 0  # type: ignore[attr-defined]
    assert after(status=503, retry_after="7").slow_lane_ms == 7_000  # type: ignore[attr-defined]


def test_410_disables_the_endpoint_and_keeps_the_retries() -> None:
    planned = after(status=410)
    assert planned.disable_endpoint  # type: ignore[attr-defined]
    assert planned.wait_ms == 5_000  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0), ("120", 120), ("0000000005", 5), ("00000000000", 0), (" 5 ", 5), ("999999999999999999999", 86_400), ("86401", 86_400),
        ("Tue, 24 Nov 2026 11:19:33 GMT", 60), ("Tue, 24 Nov 2020 11:19:33 GMT", 0), ("Tue, 24 Nov 2099 11:19:33 GMT", 86_400),
        ("-5", None), ("soon", None), ("", None), ("1.5", None), ("٣", None), ("Tue, 99 Nov 2026 99:99:99 GMT", None),
    ],
)  # fmt: skip
def test_retry_after(text: str, seconds: float | None) -> None:
    assert parse_retry_after(text, NOW) == seconds


@given(
    st.integers(0, 12), st.integers(0, 10), st.lists(st.floats(0, 604_800), max_size=10), st.integers(0, 999),
    st.none() | st.text(max_size=30) | st.integers(-9, 10**6).map(str), st.floats(0, 1, exclude_max=True),
)  # fmt: skip
def test_bounds(
    done: int, count: int, schedule: list[float], status: int, retry_after: str | None, chance: float
) -> None:
    planned = plan(
        retries_done=done,
        retry_count=count,
        schedule=schedule,
        status=status,
        retry_after=retry_after,
        now_s=NOW,
        chance=chance,
    )
    assert (planned.wait_ms is None) == (done >= count)
    assert planned.disable_endpoint == (status == 410)
    assert 0 <= planned.slow_lane_ms <= 86_400_000
    if planned.wait_ms is not None:
        wait = schedule[min(done, len(schedule) - 1)] if schedule else 0
        asked = (parse_retry_after(retry_after, NOW) if retry_after is not None else None) or 0
        assert planned.wait_ms >= asked * 1_000
        assert planned.wait_ms >= int(wait * 800)
        assert planned.wait_ms <= max(wait * 1_200, asked * 1_000) + 1


def test_the_timetable_adds_up() -> None:
    assert timetable(3, DEFAULT_SCHEDULE_S) == [5, 35, 155]
    assert timetable(0, DEFAULT_SCHEDULE_S) == []
    assert timetable(3, (10,)) == [10, 20, 30]
