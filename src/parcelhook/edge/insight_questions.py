"""What may be asked of the insights, as texts in the address: the same for API and dashboard."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from parcelhook.edge.asking import filter_choice, filter_id, filter_number, filter_time
from parcelhook.edge.log_query import YES_NO
from parcelhook.edge.shipment_views import LONGEST_SILENCE
from parcelhook.errors import InvalidInput
from parcelhook.store import ids, spans
from parcelhook.store.counting import HOUR_MS
from parcelhook.store.insights import Range
from parcelhook.store.tracking_insights import Whose

DELIVERY_NAMES: Final = frozenset({"since", "until", "endpoint"})
TRACKING_NAMES: Final = frozenset({"since", "until", "carrier", "return", "silent_days"})
USUAL_HOURS: Final = 7 * 24
USUAL_SILENCE: Final = 3  # days


class DeliveryQuestion(Struct, frozen=True, kw_only=True):
    """A range, and of which endpoint; None is all."""

    when: Range
    endpoint_id: int | None = None


class TrackingQuestion(Struct, frozen=True, kw_only=True):
    """A range, whose shipments, and after how many days without a scan one is silent."""

    when: Range
    whose: Whose
    silent_days: int
    now_s: int


def read_deliveries(texts: Mapping[str, str], now_ms: int) -> DeliveryQuestion:
    """What is asked of deliveries, or InvalidInput; an empty text counts as not given, as forms send it."""
    return DeliveryQuestion(
        when=_range(texts, now_ms),
        endpoint_id=filter_id("endpoint", ids.Prefix.ENDPOINT, _given(texts, "endpoint")),
    )


def read_tracking(texts: Mapping[str, str], now_ms: int) -> TrackingQuestion:
    """What is asked of tracking, or InvalidInput."""
    return TrackingQuestion(
        when=_range(texts, now_ms),
        whose=Whose(
            carrier=_given(texts, "carrier"), is_return=filter_choice("return", _given(texts, "return"), YES_NO)
        ),
        silent_days=filter_number("silent_days", _given(texts, "silent_days"), 1, LONGEST_SILENCE) or USUAL_SILENCE,
        now_s=now_ms // 1_000,
    )


def _range(texts: Mapping[str, str], now_ms: int) -> Range:
    """In whole hours: what is given is rounded outwards, and nothing is kept from before a certain hour."""
    since_ms, until_ms = (filter_time(name, _given(texts, name)) for name in ("since", "until"))
    end = now_ms // HOUR_MS + 1 if until_ms is None else -(-until_ms // HOUR_MS)
    first = end - USUAL_HOURS if since_ms is None else since_ms // HOUR_MS
    if first >= end:
        raise InvalidInput(
            "since must be before until.",
            field="since",
            value=texts.get("since", ""),
            remedy="Give an earlier since, or a later until.",
        )
    kept = spans.kept_from(now_ms)
    return Range(max(first, kept), max(end, kept))


def _given(texts: Mapping[str, str], name: str) -> str | None:
    return texts.get(name, "").strip() or None
