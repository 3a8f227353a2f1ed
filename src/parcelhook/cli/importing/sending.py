"""Sends the events of a file: batch after batch, in their order, each so that sending it again adds nothing twice."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from msgspec import Struct

from parcelhook.cli.importing.lines import LONGEST_LINE, Good, Read, Refused
from parcelhook.client import ApiError, Client

PER_BATCH: Final = 500
MOST_BYTES: Final = LONGEST_LINE  # of a batch of several
PATIENCE_S: Final = 120.0  # how long a server may be too busy, or away, once it has taken something
PAUSE_S: Final = 1  # before the next try where the server does not say
_COMES_BACK: Final = frozenset({0, 429, 502, 503, 504})


class Sent(Struct, frozen=True):
    """What became of a batch."""

    accepted: int = 0
    known: int = 0
    refused: tuple[Refused, ...] = ()


def batches(found: Iterable[Read]) -> Iterator[list[Read]]:
    """Cut by place, refused lines included: one that is mended later leaves the other batches what they were."""
    batch: list[Read] = []
    size = 0
    for one in found:
        length = len(one.body) if isinstance(one, Good) else 0
        if batch and (len(batch) == PER_BATCH or size + length > MOST_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(one)
        size += length
    if batch:
        yield batch


class Sender:
    """Sends to one server. `waiting` is told why whenever it has to be patient."""

    def __init__(
        self,
        client: Client,
        *,
        deliver: bool,
        waiting: Callable[[str], None],
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._deliver = deliver
        self._waiting = waiting
        self._pause = pause
        self._was_there = False

    def send(self, batch: Sequence[Good]) -> Sent:
        """One batch. ApiError if the server wants none of it, or cannot be reached."""
        left = list(batch)
        refused: list[Refused] = []
        while left:
            body = b"[" + b",".join(good.body for good in left) + b"]"
            try:
                accepted = self._patiently(body, _key(left[0].line, body))
            except ApiError as error:
                # What is valid here may not be there, if the server is of another version.
                item = error.problem.get("item")
                if error.status != 422 or not isinstance(item, int) or not 0 <= item < len(left):
                    raise
                refused.append(_refused(left.pop(item), error))
                continue
            known = sum(line["duplicate"] is True for line in accepted)
            return Sent(len(accepted) - known, known, tuple(refused))
        return Sent(refused=tuple(refused))

    def _patiently(self, body: bytes, key: str) -> list[dict[str, object]]:
        until = time.monotonic() + PATIENCE_S
        while True:
            try:
                accepted = self._client.send_encoded(body, idempotency_key=key, deliver=self._deliver)
            except ApiError as error:
                # A server that was never there is a wrong address; one that told when to come again is none.
                worth_it = error.status in _COMES_BACK and (self._was_there or error.retry_after_s is not None)
                pause_s = PAUSE_S if error.retry_after_s is None else error.retry_after_s
                if not worth_it or time.monotonic() + pause_s > until:
                    raise
                self._waiting("the server is away" if error.status == 0 else "the server is busy")
                self._pause(pause_s)
            else:
                self._was_there = True
                return accepted


def _key(line: int, body: bytes) -> str:
    """The same for the same events at the same place of a file."""
    return f"import-{line}-{hashlib.sha256(body).hexdigest()[:40]}"


def _refused(good: Good, error: ApiError) -> Refused:
    said = error.problem
    reason = str(said.get("detail", error.message))
    return Refused(
        line=good.line, original=good.original, reason=reason, field=str(said.get("field", "")),
        value=said.get("value"), remedy=error.remedy,
    )  # fmt: skip
