"""Insights on deliveries as they are shown: the same for API and dashboard."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection

from parcelhook import times
from parcelhook.edge.insight_questions import DeliveryQuestion
from parcelhook.store import delivery_insights, ids
from parcelhook.store.counting import HOUR_MS
from parcelhook.store.delivery_insights import Sent, Waiting
from parcelhook.store.insights import TimeSpent
from parcelhook.webhooks import catalogue
from parcelhook.webhooks.endpoint import Endpoint


class TimeSpentView(Struct, frozen=True, kw_only=True):
    """Time Spent in milliseconds, each within 5 %: half of the attempts, 95 % and 99 % took no longer. null: no attempt."""

    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None


class SentView(Struct, frozen=True, kw_only=True):
    """Attempts, and the deliveries that ended with them. `success` is the share of attempts that passed."""

    sent: int
    passed: int
    failed: int
    success: float | None
    retries: int
    delivered: int
    gave_up: int


class EndpointSentView(SentView, frozen=True, kw_only=True):
    """Of one endpoint; `url` is null where it was deleted."""

    endpoint: str
    url: str | None
    label: str
    time_spent: TimeSpentView
    waiting: int
    oldest_waiting_since: str | None


class EventSentView(SentView, frozen=True, kw_only=True):
    """Of one of the three events."""

    event: str


class CodeSentView(SentView, frozen=True, kw_only=True):
    """Of one HTTP code; 0 is no answer."""

    code: int
    name: str


class CauseView(Struct, frozen=True, kw_only=True):
    """How many attempts failed for one cause."""

    cause: str
    title: str
    failed: int
    gave_up: int


class DeliveriesView(Struct, frozen=True, kw_only=True):
    """What was sent from `since` until `until`, the whole hours that were used; and what waits now."""

    since: str
    until: str
    total: SentView
    time_spent: TimeSpentView
    waiting: int
    oldest_waiting_since: str | None
    by_endpoint: list[EndpointSentView]
    by_event: list[EventSentView]
    by_code: list[CodeSentView]
    by_cause: list[CauseView]


def deliveries(
    connection: Connection, account_id: int, asked: DeliveryQuestion, endpoints: Sequence[Endpoint]
) -> DeliveriesView:
    """The answer; `endpoints` are the account's own, for their names."""
    found = delivery_insights.sent(connection, account_id, asked.when, asked.endpoint_id)
    waiting = delivery_insights.waiting(connection, account_id, asked.endpoint_id)
    named = {endpoint.id: endpoint for endpoint in endpoints}
    oldest = [one.oldest_ms for one in waiting.values() if one.oldest_ms is not None]
    return DeliveriesView(
        since=times.iso(asked.when.first * HOUR_MS),
        until=times.iso(asked.when.end * HOUR_MS),
        total=SentView(**_figures(found.total)),
        time_spent=_times(found.time_spent),
        waiting=sum(one.deliveries for one in waiting.values()),
        oldest_waiting_since=_when(min(oldest, default=None)),
        by_endpoint=[
            EndpointSentView(
                endpoint=ids.public(ids.Prefix.ENDPOINT, number),
                url=named[number].url if number in named else None,
                label=named[number].label if number in named else "",
                time_spent=_times(found.time_spent_by_endpoint.get(number, TimeSpent())),
                waiting=waiting.get(number, Waiting()).deliveries,
                oldest_waiting_since=_when(waiting.get(number, Waiting()).oldest_ms),
                **_figures(found.by_endpoint.get(number, Sent())),
            )
            for number in sorted(found.by_endpoint.keys() | waiting.keys())
        ],
        by_event=[EventSentView(event=kind.choice, **_figures(one)) for kind, one in sorted(found.by_event.items())],
        by_code=[
            CodeSentView(code=code, name=catalogue.status(code).name if code else "No answer", **_figures(one))
            for code, one in sorted(found.by_code.items())
        ],
        by_cause=[
            CauseView(cause=code, title=_title(code), failed=one.failed, gave_up=one.gave_up)
            for code, one in sorted(found.by_cause.items(), key=lambda pair: (-pair[1].failed, pair[0]))
        ],
    )


def _figures(found: Sent) -> dict[str, Any]:
    return {
        "sent": found.attempts, "passed": found.passed, "failed": found.failed,
        "success": round(found.passed / found.attempts, 6) if found.attempts else None, "retries": found.retries,
        "delivered": found.delivered, "gave_up": found.gave_up,
    }  # fmt: skip


def _times(found: TimeSpent) -> TimeSpentView:
    return TimeSpentView(p50_ms=_round(found.p50), p95_ms=_round(found.p95), p99_ms=_round(found.p99))


def _title(code: str) -> str:
    cause = catalogue.cause(code)
    return code if cause is None else cause.title


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


def _when(ms: int | None) -> str | None:
    return None if ms is None else times.iso(ms)
