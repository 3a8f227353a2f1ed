"""Looking back: how many of the last day's events an endpoint would have received."""

from __future__ import annotations

from typing import Final

from msgspec import Struct
from sqlalchemy import Connection

from parcelhook.delivery.platform import Platform
from parcelhook.shipping.events import EventKind, decode
from parcelhook.store import events
from parcelhook.webhooks.endpoint import check_events
from parcelhook.webhooks.filters import Filters, flaws, normal, wants

SPAN_MS: Final = 86_400_000  # a day
MOST_EVENTS: Final = 10_000  # that are looked into, the newest first
MOST_BYTES: Final = 64 * 1024 * 1024  # of their bodies: labels are large


class Lookback(Struct, frozen=True, kw_only=True):
    """Of `events` that were accepted since `since_ms`, `matching` would have been sent.

    It speaks of the last day where it is `exact`; else there were too many, and of the newest alone.
    """

    since_ms: int
    events: int
    matching: int
    exact: bool


async def look_back(
    platform: Platform, account_id: int, kinds: frozenset[EventKind], filters: Filters, now_ms: int
) -> Lookback:
    """What an endpoint with these events and filters would have received; InvalidInput if they are not valid."""
    check_events(kinds)
    wrong = flaws(filters)
    if wrong:
        raise wrong[0]
    wanted = normal(filters)
    return await platform.database.read(lambda connection: _count(connection, account_id, kinds, wanted, now_ms))


def _count(
    connection: Connection, account_id: int, kinds: frozenset[EventKind], filters: Filters, now_ms: int
) -> Lookback:
    since_ms = now_ms - SPAN_MS
    seen = matching = size = 0
    oldest_ms = now_ms
    for event in events.newest(connection, account_id, since_ms, MOST_EVENTS + 1):
        if seen == MOST_EVENTS or (seen and size + len(event.body) > MOST_BYTES):
            return Lookback(since_ms=oldest_ms, events=seen, matching=matching, exact=False)
        seen += 1
        size += len(event.body)
        oldest_ms = event.accepted_ms
        if event.kind in kinds and (not filters or wants(filters, decode(event.body))):
            matching += 1
    return Lookback(since_ms=since_ms, events=seen, matching=matching, exact=True)
