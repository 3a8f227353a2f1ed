"""What a delivery waits for now, in words for the merchant. Pure: the moment comes in as an argument."""

from __future__ import annotations

from msgspec import Struct

from parcelhook.delivery.lanes import Pace
from parcelhook.store.deliveries import Story
from parcelhook.store.schema import DeliveryState
from parcelhook.webhooks.endpoint import Endpoint, EndpointState


class Waiting(Struct, frozen=True):
    """The reason, and when it ends (Unix ms) where that is known."""

    reason: str
    until_ms: int | None = None


def waits_for(story: Story, endpoint: Endpoint | None, pace: Pace | None, now_ms: int) -> Waiting | None:
    """Why a pending delivery has not been sent yet; None for one that has ended."""
    if story.state is not DeliveryState.PENDING:
        return None
    if endpoint is None:
        return Waiting("The webhook was deleted; what was still waiting is being cancelled.")
    if endpoint.state is EndpointState.DISABLED:
        return Waiting("The webhook is paused. It goes out when the webhook is resumed.")
    if story.due_ms is not None and story.due_ms > now_ms:
        done = max((made.retry for made in story.attempts), default=0)
        return Waiting(f"Retry {done + 1} of {endpoint.retry_count} is due.", story.due_ms)
    if story.behind_another:
        return Waiting("An earlier event of this shipment goes first: the webhook keeps strict order.")
    if pace is not None and pace.failing:
        return Waiting(
            "The webhook keeps failing, so one delivery at a time is tried until one passes. This uses up no retry.",
            pace.paused_until_ms if pace.paused_until_ms > now_ms else None,
        )
    if pace is not None and pace.paused_until_ms > now_ms:
        return Waiting("Your server asked us to slow down (429, 502, 503 or 504).", pace.paused_until_ms)
    if endpoint.rate_limit and pace is not None:
        return Waiting(f"Its turn comes within the rate limit of {endpoint.rate_limit} a second.")
    return Waiting("It is its turn now.")
