"""Tells the event loop that the log has grown, for those who follow it live."""

from __future__ import annotations

import asyncio


class News:
    """The newest log id, and a way to wait for the next."""

    def __init__(self, latest: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._latest = latest
        self._waiting: set[asyncio.Future[None]] = set()
        self.closed = False

    @property
    def latest(self) -> int:
        """The id of the newest line of the log."""
        return self._latest

    def publish(self, log_id: int) -> None:
        """The log has grown up to this id; from any thread."""
        self._latest = max(self._latest, log_id)
        if self._waiting:
            self._loop.call_soon_threadsafe(self._ring)

    async def wait(self, after: int, timeout_s: float) -> int:
        """The newest id, as soon as it is beyond `after` or the time is up."""
        if self._latest > after or self.closed:
            return self._latest
        bell: asyncio.Future[None] = self._loop.create_future()
        self._waiting.add(bell)
        if self._latest <= after:  # it may have grown before the bell hung
            await asyncio.wait((bell,), timeout=timeout_s)
        self._waiting.discard(bell)
        return self._latest

    def close(self) -> None:
        """There will be no more; everybody who waits is let go, and must look at `closed`."""
        self.closed = True
        self._ring()

    def _ring(self) -> None:
        for bell in self._waiting:
            if not bell.done():
                bell.set_result(None)
