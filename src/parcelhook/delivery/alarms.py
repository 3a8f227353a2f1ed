"""When to look at an endpoint again if nothing else happens. Pure: time comes in as Unix milliseconds."""

from __future__ import annotations

import heapq
from collections.abc import Iterator


class Alarms:
    """The earliest moment asked for, of each endpoint."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int]] = []  # when, endpoint
        self._when: dict[int, int] = {}

    def set(self, endpoint_id: int, when_ms: int | None) -> None:
        """Ring then, unless it rings sooner already; None asks for nothing."""
        known = self._when.get(endpoint_id)
        if when_ms is None or (known is not None and known <= when_ms):
            return
        self._when[endpoint_id] = when_ms
        heapq.heappush(self._heap, (when_ms, endpoint_id))

    def ringing(self, now_ms: int) -> Iterator[int]:
        """The endpoints whose time has come; each rings once."""
        while self._heap and self._heap[0][0] <= now_ms:
            _, endpoint_id = heapq.heappop(self._heap)
            self._when.pop(endpoint_id, None)
            yield endpoint_id

    def first_ms(self, otherwise_ms: int) -> int:
        """When the first rings, or that moment if it is sooner."""
        return min(otherwise_ms, self._heap[0][0]) if self._heap else otherwise_ms
