"""What was set aside on its way from the stream into the store: look at it, feed it in again, or let it go."""

from __future__ import annotations

import hashlib
from typing import Final

import msgspec

from parcelhook.delivery.platform import Platform
from parcelhook.errors import Conflict, NotFound
from parcelhook.shipping.events import Event
from parcelhook.store import ids, set_aside
from parcelhook.store.accepting import Accepted
from parcelhook.store.set_aside import SetAside

_decoder: Final[msgspec.json.Decoder[list[Event]]] = msgspec.json.Decoder(list[Event])


async def all_of(platform: Platform, account_id: int) -> list[SetAside]:
    """The newest, up to a hundred."""
    return await platform.database.read(lambda connection: set_aside.of_account(connection, account_id))


async def feed_again(platform: Platform, account_id: int, number: int) -> tuple[Accepted, ...]:
    """Its events, as if they came now and with no Idempotency-Key of before; asked for twice, they are fed in once."""
    one = await _one(platform, account_id, number)
    try:
        events = _decoder.decode(one.body)
    except msgspec.DecodeError as error:
        raise Conflict(f"Its events cannot be read, so they cannot be fed in: {error}.") from None
    key, fingerprint = ids.public(ids.Prefix.SET_ASIDE, number), hashlib.sha256(one.body).digest()
    accepted = await platform.intake.accept(account_id, events, key=key, fingerprint=fingerprint)
    await platform.database.write(lambda transaction: set_aside.remove(transaction.sql, number))
    return accepted


async def let_go(platform: Platform, account_id: int, number: int) -> None:
    """It is not wanted any more."""
    await _one(platform, account_id, number)
    await platform.database.write(lambda transaction: set_aside.remove(transaction.sql, number))


async def _one(platform: Platform, account_id: int, number: int) -> SetAside:
    found = await platform.database.read(lambda connection: set_aside.one(connection, account_id, number))
    if found is None:
        raise NotFound(f'Nothing is set aside as "{ids.public(ids.Prefix.SET_ASIDE, number)}".')
    return found
