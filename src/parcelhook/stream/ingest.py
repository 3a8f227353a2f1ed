"""The way on: from the stream into the store, in order, each message once.

The position in the stream is changed in the very transaction that accepts, so nothing is taken twice whatever is killed when,
and nothing needs to be acknowledged. One worker has this duty at a time; should two think so, the position lets one of them
through. A request that cannot be taken is set aside with its reason, and what comes after it goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Final

import msgspec
import structlog
from msgspec import Struct

from parcelhook import times
from parcelhook.delivery.intake import Given
from parcelhook.delivery.platform import Platform
from parcelhook.errors import Busy, NotStorable
from parcelhook.store import events, leases, set_aside
from parcelhook.store.accepting import Acceptance
from parcelhook.store.database import Transaction
from parcelhook.store.set_aside import UNREADABLE, SetAside
from parcelhook.stream.jetstream import JetStream, Message, Position, Reader
from parcelhook.stream.messages import NotReadable, decode

MESSAGES_AT_ONCE: Final = 16
WAIT_S: Final = 1.0  # for the next message, before we look whether we are still to
TURN_PAUSE_S: Final = 0.5
FAULT_PAUSE_S: Final = 1.0
FORGET_EVERY_S: Final = 2.0

log = structlog.get_logger(__name__)


class _Overtaken(Exception):
    """Somebody else has gone on from our position."""


class _Taken(Struct, frozen=True):
    """The content of whole messages, and the sequence of the last part of them."""

    contents: tuple[bytes, ...]
    sequence: int


class Ingest:
    """Runs beside everything else, on the event loop of every node that delivers."""

    def __init__(self, platform: Platform, stream: JetStream) -> None:
        self._platform = platform
        self._stream = stream
        self._task: asyncio.Task[None] | None = None
        self._position: Position | None = None
        self._stored: int | None = None  # the sequence that the store has, of whichever stream; None if it has none yet
        self._forgotten_at = 0.0
        self.waiting = 0  # messages that are not in the store yet, where the duty is ours

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """End; a batch that was begun is in the store or is not."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        while True:
            if not self._is_ours():
                await asyncio.sleep(TURN_PAUSE_S)
                continue
            try:
                await self._go_on()
            except _Overtaken:
                log.info("stream.overtaken")
            except Exception as error:
                # Whatever it is: nothing of the stream is lost, and it is gone on from where the store is.
                log.warning("stream.not_ingested", error=str(error), exc_info=not isinstance(error, Busy))
                await asyncio.sleep(FAULT_PAUSE_S)

    def _is_ours(self) -> bool:
        membership = self._platform.membership
        return membership is not None and membership.has(leases.INGEST)

    async def _go_on(self) -> None:
        """From where the store is, until we are not to any more, or something fails."""
        end, _ = await self._stream.info()
        stored = await self._platform.database.read(set_aside.position)
        self._stored = None if stored is None else stored[1]
        # Another stream of the same name begins anew; of ours the rest is there.
        sequence = stored[1] if stored is not None and stored[0] == end.created else 0
        self._position = Position(end.created, sequence)
        reader = await self._stream.read_from(sequence)
        log.info("stream.ingesting", after=sequence, end=end.sequence)
        try:
            while self._is_ours():
                await self._step(reader)
        finally:
            await reader.close()

    async def _step(self, reader: Reader) -> None:
        found = await reader.next(MESSAGES_AT_ONCE, WAIT_S)
        while found and not found[-1].last:
            rest = await reader.next(1, WAIT_S)
            if not rest:
                raise Busy("The other parts of a message did not come. Reading begins anew.")
            found += rest
        if found:
            await self._take(_whole(found))
        else:
            end, _ = await self._stream.info()
            if end != self._position and end.sequence > 0:
                raise Busy("The stream has more than was read. Reading begins anew.")
        await self._forget()

    async def _take(self, taken: _Taken) -> None:
        given: list[Given] = []
        unreadable: list[SetAside] = []
        for content in taken.contents:
            try:
                given += decode(content)
            except NotReadable as error:
                unreadable.append(self._aside(UNREADABLE, str(error), 0, content))
        try:
            await self._record(given, unreadable, taken.sequence)
        except NotStorable as error:
            log.error("stream.batch_refused", error=str(error))
            await self._one_by_one(given, unreadable, taken.sequence)

    async def _one_by_one(self, given: Sequence[Given], unreadable: list[SetAside], sequence: int) -> None:
        """One of them cannot be taken: the others are, and it is set aside. What was taken before we were killed stands."""
        for one in given:
            if await self._platform.database.read(partial(events.any_of, numbers=one.numbers)):
                continue
            try:
                await self._record([one], [], None)
            except NotStorable as error:
                log.error("stream.set_aside", account_id=one.account_id, error=str(error))
                unreadable.append(self._of_request(one, f"It could not be taken into the store: {error}"))
        await self._record([], unreadable, sequence)

    async def _record(self, given: Sequence[Given], aside: Sequence[SetAside], sequence: int | None) -> None:
        """By one transaction, with the new position if there is one."""
        position = self._position
        assert position is not None  # noqa: S101  (we have read it before we take anything)
        before = self._stored

        def finish(transaction: Transaction, acceptances: Sequence[Acceptance]) -> None:
            for one in aside:
                set_aside.insert(transaction.sql, one)
            for one_given, acceptance in zip(given, acceptances, strict=True):
                if acceptance.error is not None:
                    set_aside.insert(transaction.sql, self._of_request(one_given, str(acceptance.error)))
            if sequence is not None and not set_aside.advance(transaction.sql, position.created, before, sequence):
                raise _Overtaken

        await self._platform.intake.ingest(given, finish)
        if sequence is not None:
            self._position = Position(position.created, sequence)
            self._stored = sequence

    async def _forget(self) -> None:
        now = asyncio.get_running_loop().time()
        if self._position is not None and now >= self._forgotten_at + FORGET_EVERY_S:
            self._forgotten_at = now
            await self._stream.forget_until(self._position.sequence)
            _, self.waiting = await self._stream.info()

    def _of_request(self, given: Given, reason: str) -> SetAside:
        return self._aside(given.account_id, reason, len(given.events), msgspec.json.encode(given.events))

    def _aside(self, account_id: int, reason: str, events: int, body: bytes) -> SetAside:
        return SetAside(
            id=self._platform.ids.next(), account_id=account_id, received_ms=times.now_ms(), reason=reason,
            events=events, body=body,
        )  # fmt: skip


def _whole(found: Sequence[Message]) -> _Taken:
    """Parts that belong together, put together."""
    contents: list[bytes] = []
    parts: list[bytes] = []
    for message in found:
        parts.append(message.content)
        if message.last:
            contents.append(b"".join(parts))
            parts = []
    return _Taken(tuple(contents), found[-1].sequence)
