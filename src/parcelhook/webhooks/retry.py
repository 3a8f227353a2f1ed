"""When a failed delivery is sent again, if at all. Pure: time and chance come in as arguments."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC
from email.utils import parsedate_to_datetime
from itertools import accumulate

from msgspec import Struct

DEFAULT_SCHEDULE_S: tuple[float, ...] = (5, 30, 120, 600, 1_800, 3_600, 10_800, 21_600, 43_200, 86_400)
JITTER = 0.2  # each wait is spread by this much either way, so that retries of an outage do not come back as one wave
LONGEST_RETRY_AFTER_S = 86_400
SLOWED_S = 1.0  # how long a lane pauses for an overloaded receiver that does not say how long it needs

_GONE = 410
_OVERLOADED = frozenset({429, 502, 504})


class Plan(Struct, frozen=True, kw_only=True):
    """What follows a failed attempt. `wait_ms` is None if no retry is left: then the delivery has failed.

    `slow_lane_ms` above 0 pauses everything to the endpoint, not this delivery alone.
    """

    wait_ms: int | None
    disable_endpoint: bool = False
    slow_lane_ms: int = 0


def plan(
    *,
    retries_done: int,
    retry_count: int,
    schedule: Sequence[float],
    status: int,
    retry_after: str | None,
    now_s: float,
    chance: float,
) -> Plan:
    """What follows a failed attempt that was answered with `status` (0: no answer came).

    With the default schedule the retries come 5 s, 30 s, 2 min, 10 min, 30 min, 1 h, 3 h, 6 h, 12 h and 24 h after the
    failure before, each times 0.8 to 1.2 as `chance` in [0, 1) has it; a schedule that is too short goes on with its last
    wait. `retry_count` (the page: "up to 10 times") is how many there are. Retry-After makes a wait at least that long,
    up to 24 h. 410 asks for the endpoint to be disabled; the delivery keeps the retries it has. 429, 502 and 504, and 503
    with a Retry-After, slow the lane (Standard Webhooks 1.0).
    """
    asked_s = parse_retry_after(retry_after, now_s) if retry_after is not None else None
    slow_s = 0.0
    if status in _OVERLOADED or (status == 503 and asked_s is not None):
        slow_s = SLOWED_S if asked_s is None else asked_s
    wait_ms: int | None = None
    if retries_done < retry_count:
        wait_s = schedule[min(retries_done, len(schedule) - 1)] if schedule else 0.0
        wait_s *= 1 - JITTER + 2 * JITTER * chance
        wait_ms = math.ceil(max(wait_s, asked_s or 0.0) * 1_000)
    return Plan(wait_ms=wait_ms, disable_endpoint=status == _GONE, slow_lane_ms=math.ceil(slow_s * 1_000))


def parse_retry_after(value: str, now_s: float) -> float | None:
    """The seconds that a Retry-After header asks for (RFC 9110 10.2.3: seconds, or a date), at most 24 h.

    None for anything else; 0 for a date that has passed.
    """
    text = value.strip()
    if text.isascii() and text.isdigit():
        digits = text.lstrip("0") or "0"
        return float(LONGEST_RETRY_AFTER_S if len(digits) > 9 else min(int(digits), LONGEST_RETRY_AFTER_S))
    try:
        when = parsedate_to_datetime(text)
        if when.tzinfo is None:
            when = when.replace(tzinfo=UTC)
        seconds = when.timestamp() - now_s
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    return min(max(seconds, 0.0), float(LONGEST_RETRY_AFTER_S))


def timetable(retry_count: int, schedule: Sequence[float]) -> list[float]:
    """When each retry comes, in seconds after the first failure, not counting jitter: `[5, 35, 155]` for three."""
    waits = [schedule[min(number, len(schedule) - 1)] for number in range(retry_count)] if schedule else []
    return list(accumulate(waits))
