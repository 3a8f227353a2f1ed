"""Which endpoints an event goes to."""

from __future__ import annotations

from collections.abc import Iterable

from parcelhook.shipping.events import EventKind
from parcelhook.webhooks.endpoint import Endpoint

Matches = dict[EventKind, tuple[Endpoint, ...]]


def matches(endpoints: Iterable[Endpoint]) -> Matches:
    """The endpoints of one account by the event they chose.

    A disabled endpoint stays in: what is accepted meanwhile waits for it, so that nothing is missing once it is
    enabled again.
    """
    listed = list(endpoints)
    return {kind: tuple(endpoint for endpoint in listed if kind in endpoint.events) for kind in EventKind}
