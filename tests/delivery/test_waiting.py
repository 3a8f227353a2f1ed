"""What a delivery waits for, in words: one reason, the one that keeps it back longest."""

from __future__ import annotations

from typing import Any

import pytest

from parcelhook.delivery.lanes import Pace
from parcelhook.delivery.waiting import Waiting, waits_for
from parcelhook.shipping.events import EventKind
from parcelhook.store.deliveries import Made, Story
from parcelhook.store.schema import DeliveryState
from parcelhook.webhooks.endpoint import Endpoint, EndpointState

NOW = 1_795_519_113_000
SLOW, FAILING, FREE = (
    Pace(failing=False, paused_until_ms=NOW + 60_000, in_flight=0),
    Pace(failing=True, paused_until_ms=NOW + 30_000, in_flight=0),
    Pace(failing=False, paused_until_ms=0, in_flight=1),
)
MADE = [
    Made(id=n, date_ms=NOW, passed=False, http_code=500, cause="500", retry=n, manual=False, time_spent_ms=1.0)
    for n in range(3)
]


def story(**changes: Any) -> Story:
    """A delivery that is due now, unless it is changed."""
    due: dict[str, Any] = {
        "id": 1, "endpoint_id": 7, "event_name": "evt_1", "accepted_ms": NOW, "state": DeliveryState.PENDING, "due_ms": NOW,
        "ended_ms": None, "manual": False, "behind_another": False, "attempts": (),
    }  # fmt: skip
    return Story(**{**due, **changes})


def endpoint(**changes: Any) -> Endpoint:
    """An endpoint with five retries."""
    given = {"url": "https://shop.example/", "events": frozenset(EventKind), "retry_count": 5, **changes}
    return Endpoint(id=7, account_id=1, **given)


@pytest.mark.parametrize(
    ("told", "to", "pace", "words", "until"),
    [
        (story(), None, None, "was deleted", None),
        (story(), endpoint(state=EndpointState.DISABLED), FAILING, "is paused", None),
        (story(due_ms=NOW + 1), endpoint(state=EndpointState.DISABLED), None, "is paused", None),
        (story(due_ms=NOW + 9, attempts=tuple(MADE[:1])), endpoint(), FREE, "Retry 1 of 5 is due", NOW + 9),
        (story(due_ms=NOW + 9, attempts=tuple(MADE)), endpoint(), SLOW, "Retry 3 of 5 is due", NOW + 9),
        (story(behind_another=True), endpoint(), FAILING, "An earlier event of this shipment", None),
        (story(), endpoint(), FAILING, "keeps failing", NOW + 30_000),
        (story(), endpoint(), Pace(failing=True, paused_until_ms=NOW, in_flight=1), "keeps failing", None),
        (story(), endpoint(), SLOW, "asked us to slow down", NOW + 60_000),
        (story(), endpoint(rate_limit=5), FREE, "rate limit of 5 a second", None),
        (story(), endpoint(rate_limit=5), None, "It is its turn now", None),
        (story(), endpoint(), FREE, "It is its turn now", None),
        (story(due_ms=None), endpoint(), None, "It is its turn now", None),
    ],
)  # fmt: skip
def test_what_keeps_it_back(told: Story, to: Endpoint | None, pace: Pace | None, words: str, until: int | None) -> None:
    found = waits_for(told, to, pace, NOW)
    assert found is not None
    assert words in found.reason
    assert found == Waiting(found.reason, until)


@pytest.mark.parametrize("state", [state for state in DeliveryState if state is not DeliveryState.PENDING])
def test_what_has_ended_waits_for_nothing(state: DeliveryState) -> None:
    assert waits_for(story(state=state, due_ms=NOW + 9), endpoint(), SLOW, NOW) is None
    assert waits_for(story(state=state), None, None, NOW) is None
