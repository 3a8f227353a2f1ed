"""Time as everything here counts it: Unix milliseconds, UTC; and as people and APIs read it: ISO 8601."""

from __future__ import annotations

import time
from datetime import UTC, datetime


def now_ms() -> int:
    """The wall clock. Only the wiring and the worker's loop ask it; everything else is told the time."""
    return time.time_ns() // 1_000_000


def iso(when_ms: int) -> str:
    """`2026-11-24T10:15:00.123Z`."""
    return datetime.fromtimestamp(when_ms / 1_000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_iso(text: str) -> int:
    """Milliseconds of an ISO 8601 time or date; without a zone it is UTC. ValueError if it is neither."""
    when = datetime.fromisoformat(text)
    return round((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() * 1_000)
