"""What figures are asked for, as texts: the same for API and dashboard."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from parcelhook import times
from parcelhook.edge.asking import filter_choice, filter_id, filter_number, filter_time
from parcelhook.edge.log_query import YES_NO
from parcelhook.edge.shipment_views import LONGEST_SILENCE
from parcelhook.errors import InvalidInput
from parcelhook.store import ids, spans
from parcelhook.store.counting import HOUR_MS
from parcelhook.store.insights import Range
from parcelhook.store.tracking_insights import Question

DEFAULT_HOURS: Final = 30 * 24
SILENT_DAYS: Final = 3
OF_DELIVERIES: Final = frozenset({"since", "until", "endpoint"})
OF_TRACKING: Final = frozenset({"since", "until", "carrier", "return", "silent_days"})


def read_range(texts: Mapping[str, str], now_ms: int) -> Range:
    """Whole hours that hold all of what is asked for, and nothing of the future or of what is forgotten."""
    since_ms = filter_time("since", _given(texts, "since"))
    until_ms = filter_time("until", _given(texts, "until"))
    now = now_ms // HOUR_MS + 1
    end = now if until_ms is None else min(now, -(-until_ms // HOUR_MS))
    first = end - DEFAULT_HOURS if since_ms is None else since_ms // HOUR_MS
    kept = spans.kept_from(now_ms)
    if max(first, kept) < end:
        return Range(max(first, kept), end)
    field = "since" if since_ms is not None else "until"
    raise InvalidInput(
        f"Nothing lies between: `since` must come before `until` and before now, and figures begin {_iso(kept)}.",
        field=field,
        value=texts[field][:100],
        remedy=f"Give a range between {_iso(kept)} and {_iso(now)}.",
    )


def read_endpoint(texts: Mapping[str, str]) -> int | None:
    """The endpoint whose deliveries are asked for, None for all."""
    return filter_id("endpoint", ids.Prefix.ENDPOINT, _given(texts, "endpoint"))


def read_tracking(texts: Mapping[str, str], now_ms: int) -> Question:
    """What is asked of tracking."""
    return Question(
        when=read_range(texts, now_ms),
        now_s=now_ms // 1_000,
        carrier=_given(texts, "carrier"),
        is_return=filter_choice("return", _given(texts, "return"), YES_NO),
        silent_days=filter_number("silent_days", _given(texts, "silent_days"), 1, LONGEST_SILENCE) or SILENT_DAYS,
    )


def _given(texts: Mapping[str, str], name: str) -> str | None:
    return texts.get(name, "").strip() or None


def _iso(hour: int) -> str:
    return times.iso(hour * HOUR_MS)
