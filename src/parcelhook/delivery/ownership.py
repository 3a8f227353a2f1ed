"""What a worker owns: partitions of endpoints, each under a fence, and until when. Alone it owns them all, for ever.

Pure but for the clock that is handed in: seconds on the monotonic clock, so a process that stood still knows that its lease
has ended.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Mapping

from parcelhook.webhooks import partitions


class Ownership:
    """Belongs to the worker's thread."""

    def __init__(self, *, alone: bool) -> None:
        self._alone = alone
        self._fences: Mapping[int, int] = dict.fromkeys(partitions.ALL, 0) if alone else {}
        self._until_s = math.inf
        self._unsettled: Counter[int] = Counter()  # by partition: in flight, or ended and not recorded yet
        self._handing_over: dict[int, Callable[[int], None]] = {}

    def __contains__(self, partition: int) -> bool:
        return partition in self._fences

    def holds(self, now_s: float) -> bool:
        """Whether anything may be sent: the leases have not ended."""
        return self._alone or now_s < self._until_s

    def take(self, fences: Mapping[int, int], until_s: float) -> tuple[set[int], bool]:
        """From now on these and no others; those that are lost, and whether any are new."""
        lost = {number for number, fence in self._fences.items() if fences.get(number) != fence}
        gained = any(self._fences.get(number) != fence for number, fence in fences.items())
        self._fences = fences
        self._until_s = until_s
        return lost, gained

    def give_up(self, numbers: Collection[int], settled: Callable[[int], None]) -> None:
        """Own these no longer; `settled` is called for each of which nothing is in flight and all is recorded."""
        self._fences = {number: fence for number, fence in self._fences.items() if number not in numbers}
        self._handing_over |= dict.fromkeys(numbers, settled)
        self._tell(numbers)

    def sent(self, partition: int) -> int:
        """Something of that partition is in flight; under which fence."""
        self._unsettled[partition] += 1
        return self._fences[partition]

    def recorded(self, numbers: Counter[int]) -> None:
        """So many of each partition are in the store."""
        self._unsettled -= numbers
        if self._handing_over:
            self._tell(numbers)

    def _tell(self, numbers: Collection[int]) -> None:
        for number in numbers:
            if not self._unsettled[number] and number in self._handing_over:
                self._handing_over.pop(number)(number)
