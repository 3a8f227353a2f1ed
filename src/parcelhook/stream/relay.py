"""The way in: what is accepted at the same time goes into the stream as one message, as it would into one commit."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

from parcelhook.delivery.intake import MOST_WAITING, Given
from parcelhook.errors import Busy
from parcelhook.stream.jetstream import JetStream
from parcelhook.stream.messages import encode

EVENTS_A_MESSAGE: Final = 1_000


class Relay:
    """See `delivery.intake.Through`. Belongs to the event loop."""

    def __init__(self, stream: JetStream) -> None:
        self._stream = stream
        self._waiting: deque[tuple[Given, asyncio.Future[None]]] = deque()
        self._waiting_events = 0
        self._publishing: asyncio.Task[None] | None = None

    async def take(self, given: Given) -> None:
        """Durable in the stream when this returns. Busy if it is not taken, or too much waits already."""
        if self._waiting_events >= MOST_WAITING:
            raise Busy("More events are arriving than the stream takes. Nothing of this request was accepted.")
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((given, future))
        self._waiting_events += len(given.events)
        if self._publishing is None or self._publishing.done():
            self._publishing = asyncio.create_task(self._publish())
        await future

    async def close(self) -> None:
        """Wait for what is being published."""
        if self._publishing is not None:
            await self._publishing

    async def _publish(self) -> None:
        """One message after the other: what is accepted later lies behind what was accepted before."""
        while self._waiting:
            await asyncio.sleep(0)  # what other connections brought in the same turn goes along
            batch = self._next()
            try:
                await self._stream.publish(encode([given for given, _ in batch]))
            except Exception as error:
                for _, future in batch:
                    if not future.done():
                        future.set_exception(error)
            else:
                for _, future in batch:
                    if not future.done():
                        future.set_result(None)

    def _next(self) -> list[tuple[Given, asyncio.Future[None]]]:
        batch: list[tuple[Given, asyncio.Future[None]]] = []
        events = 0
        while self._waiting and (not batch or events + len(self._waiting[0][0].events) <= EVENTS_A_MESSAGE):
            batch.append(self._waiting.popleft())
            events += len(batch[-1][0].events)
        self._waiting_events -= events
        return batch
