"""What was accepted into the stream and could not be taken into the store: kept with its reason, until it is tried again."""

from __future__ import annotations

from typing import Any, Final

from msgspec import Struct
from sqlalchemy import Connection, Row, delete, func, select

from parcelhook.store.schema import accounts, set_aside, stream_position

UNREADABLE: Final = 0  # the account of what cannot even be read


class SetAside(Struct, frozen=True, kw_only=True):
    """The events of one request, as a JSON array; of what cannot be read, the bytes as they came."""

    id: int
    account_id: int
    received_ms: int
    reason: str
    events: int
    body: bytes


def insert(connection: Connection, one: SetAside) -> None:
    """Keep it."""
    connection.execute(
        set_aside.insert().values(
            id=one.id,
            account_id=one.account_id,
            received_ms=one.received_ms,
            reason=one.reason,
            events=one.events,
            body=one.body,
        )
    )


def of_account(connection: Connection, account_id: int, limit: int = 100) -> list[SetAside]:
    """The newest of an account."""
    mine = select(set_aside).where(set_aside.c.account_id == account_id)
    return [_one(row) for row in connection.execute(mine.order_by(set_aside.c.id.desc()).limit(limit))]


def everything(connection: Connection) -> list[tuple[SetAside, str]]:
    """Of all accounts, oldest first, each with the account's name; empty where it cannot be read whose it is."""
    query = select(set_aside, accounts.c.name).outerjoin(accounts, accounts.c.id == set_aside.c.account_id)
    return [(_one(row), row.name or "") for row in connection.execute(query.order_by(set_aside.c.id))]


def count(connection: Connection, account_id: int) -> int:
    """How many an account has."""
    mine = select(func.count()).select_from(set_aside).where(set_aside.c.account_id == account_id)
    return int(connection.execute(mine).scalar_one())


def one(connection: Connection, account_id: int, number: int) -> SetAside | None:
    """That of the account; None if it has none such."""
    mine = (set_aside.c.account_id == account_id, set_aside.c.id == number)
    row = connection.execute(select(set_aside).where(*mine)).first()
    return None if row is None else _one(row)


def remove(connection: Connection, number: int) -> None:
    """It was taken, or is not wanted any more."""
    connection.execute(delete(set_aside).where(set_aside.c.id == number))


def position(connection: Connection) -> tuple[str, int] | None:
    """In which stream (when that was made), and up to which message all is in the store; None if there was none yet."""
    row = connection.execute(select(stream_position.c.created, stream_position.c.sequence)).first()
    return None if row is None else (row.created, row.sequence)


def advance(connection: Connection, created: str, before: int | None, after: int) -> bool:
    """Go on from one message to another; False if somebody else has gone on from there, and nothing is changed."""
    if before is None:
        connection.execute(stream_position.insert().values(id=1, created=created, sequence=after))
        return True
    done = connection.execute(
        stream_position.update().where(stream_position.c.sequence == before).values(created=created, sequence=after)
    )
    return done.rowcount == 1


def _one(row: Row[Any]) -> SetAside:
    return SetAside(
        id=row.id,
        account_id=row.account_id,
        received_ms=row.received_ms,
        reason=row.reason,
        events=row.events,
        body=row.body,
    )
