"""Single deliveries: looked up, told from the beginning, made due by hand. Whole batches are the business of `accepting`, `claiming` and `recording`."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from sqlalchemy import Connection, case, func, null, select

from parcelhook.store import ids
from parcelhook.store.schema import PENDING, DeliveryState, attempts, deliveries, events
from parcelhook.webhooks.delivery import WAS_DELIVERED


class Made(Struct, frozen=True, kw_only=True):
    """One attempt within the story of its delivery."""

    id: int
    date_ms: int
    passed: bool
    http_code: int
    cause: str
    retry: int
    manual: bool
    time_spent_ms: float


class Story(Struct, frozen=True, kw_only=True):
    """A delivery from its acceptance on. `behind_another` says that an earlier event of the shipment goes first (strict)."""

    id: int
    endpoint_id: int
    event_name: str
    accepted_ms: int
    state: DeliveryState
    due_ms: int | None
    ended_ms: int | None
    manual: bool
    behind_another: bool
    attempts: tuple[Made, ...]


def endpoint_of(connection: Connection, account_id: int, delivery_id: int) -> int | None:
    """The endpoint that a delivery goes to; None if the account has no such delivery."""
    found: int | None = connection.execute(
        select(deliveries.c.endpoint_id).where(deliveries.c.id == delivery_id, deliveries.c.account_id == account_id)
    ).scalar()
    return found


class Standing(Struct, frozen=True, kw_only=True):
    """Where a delivery stands now."""

    state: DeliveryState
    due_ms: int
    newest_attempt: int | None


def standing(connection: Connection, delivery_ids: Sequence[int]) -> dict[int, Standing]:
    """Where each of these deliveries stands."""
    newest = (
        select(func.max(attempts.c.id))
        .where(attempts.c.event_id == deliveries.c.event_id, attempts.c.delivery_id == deliveries.c.id)
        .scalar_subquery()
    )
    rows = connection.execute(
        select(deliveries.c.id, deliveries.c.state, deliveries.c.due_ms, newest.label("newest")).where(
            deliveries.c.id.in_(set(delivery_ids))
        )
    )
    return {
        row.id: Standing(state=DeliveryState(row.state), due_ms=row.due_ms, newest_attempt=row.newest) for row in rows
    }


def story(connection: Connection, account_id: int, delivery_id: int) -> Story | None:
    """A delivery with every attempt made of it; None if the account has no such delivery."""
    row = connection.execute(
        select(deliveries, events.c.given_id, events.c.accepted_ms)
        .join(events, events.c.id == deliveries.c.event_id)
        .where(deliveries.c.id == delivery_id, deliveries.c.account_id == account_id)
    ).first()
    if row is None:
        return None
    made = connection.execute(
        select(attempts)
        .where(attempts.c.event_id == row.event_id, attempts.c.delivery_id == delivery_id)
        .order_by(attempts.c.id)
    )
    behind = (
        row.strict_key is not None
        and row.state == DeliveryState.PENDING
        and connection.execute(
            select(deliveries.c.id)
            .where(
                deliveries.c.endpoint_id == row.endpoint_id,
                deliveries.c.strict_key == row.strict_key,
                PENDING,
                deliveries.c.id < delivery_id,
            )
            .limit(1)
        ).first()
        is not None
    )
    return Story(
        id=row.id,
        endpoint_id=row.endpoint_id,
        event_name=ids.event_name(row.given_id, row.event_id),
        accepted_ms=row.accepted_ms,
        state=DeliveryState(row.state),
        due_ms=row.due_ms if row.state == DeliveryState.PENDING else None,
        ended_ms=row.ended_ms,
        manual=row.manual,
        behind_another=behind,
        attempts=tuple(
            Made(
                id=one.id,
                date_ms=one.date_ms,
                passed=one.passed,
                http_code=one.http_code,
                cause=one.cause,
                retry=one.retry,
                manual=one.manual,
                time_spent_ms=one.time_spent_ms,
            )
            for one in made
        ),
    )


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
