"""Single deliveries: looked up and made due by hand. Whole batches are the business of `accepting`, `claiming` and `recording`."""

from __future__ import annotations

from sqlalchemy import Connection, case, null, select

from parcelhook.store.schema import DeliveryState, deliveries
from parcelhook.webhooks.delivery import WAS_DELIVERED


def endpoint_of(connection: Connection, account_id: int, delivery_id: int) -> int | None:
    """The endpoint that a delivery goes to; None if the account has no such delivery."""
    found: int | None = connection.execute(
        select(deliveries.c.endpoint_id).where(deliveries.c.id == delivery_id, deliveries.c.account_id == account_id)
    ).scalar()
    return found


def make_due(connection: Connection, delivery_id: int, now_ms: int) -> None:
    """Make a delivery due now, by hand.

    Where it stood is kept in `resume_ms`, so that a failed attempt by hand takes nothing away: neither an automatic
    retry that was still to come, nor the fact that it had been delivered.
    """
    stood = case(
        (deliveries.c.manual.is_(True), deliveries.c.resume_ms),
        (deliveries.c.state == int(DeliveryState.PENDING), deliveries.c.due_ms),
        (deliveries.c.state == int(DeliveryState.DELIVERED), WAS_DELIVERED),
        else_=null(),
    )
    connection.execute(
        deliveries.update()
        .where(deliveries.c.id == delivery_id)
        .values(resume_ms=stood, state=int(DeliveryState.PENDING), due_ms=now_ms, manual=True, ended_ms=None)
    )
