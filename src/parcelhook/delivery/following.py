"""Following the log: new lines as they are recorded, each once, for as long as somebody listens.

Where several workers record, a line may be committed after one that has a greater id. So a follower looks back a little with
every step, and knows what it has shown.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial

from parcelhook.delivery.news import News
from parcelhook.store import ids, log
from parcelhook.store.database import Database
from parcelhook.store.log import LogLine
from parcelhook.store.log_filter import LogFilter

HEARTBEAT_S = 15.0  # a live stream that is silent says so, or proxies cut it
STEP = 500  # lines at a time
LOOK_AGAIN_S = 2.0  # then also for lines that came late, of which there is no news
LOOK_BACK_MS = 5_000  # longer than a transaction that records may take


async def follow(
    database: Database, news: News, account_id: int, wanted: LogFilter, seen: int, *, heartbeat_s: float = HEARTBEAT_S
) -> AsyncIterator[list[LogLine]]:
    """The lines after the id `seen` that pass the filter, oldest first; an empty list after `heartbeat_s` without any."""
    clock = asyncio.get_running_loop().time
    spoke = clock()
    look_back_ms = LOOK_BACK_MS if database.shared else 0
    start = _earlier(seen, look_back_ms)
    earlier = partial(log.between, account_id=account_id, wanted=wanted, after=start, until=seen)
    known = await database.read(earlier) if look_back_ms else set[int]()
    while not news.closed:
        pause = max(0.0, spoke + heartbeat_s - clock())
        newest = await news.wait(seen, min(pause, LOOK_AGAIN_S) if look_back_ms else pause)
        begin = max(start, _earlier(seen, look_back_ms))
        known = {number for number in known if number > begin}
        newer = partial(
            log.after, account_id=account_id, wanted=wanted, after=begin, limit=STEP, known=frozenset(known)
        )
        lines = await database.read(newer) if newest > seen or look_back_ms else []
        if look_back_ms:
            known.update(line.id for line in lines)
        # The log may have grown between the news and the reading: what was shown then must not be shown again.
        last = lines[-1].id if lines else 0
        seen = max(last, begin) if len(lines) == STEP else max(seen, newest, last)
        # News of lines that the filter holds back is silence to the follower.
        if lines or clock() >= spoke + heartbeat_s:
            spoke = clock()
            yield lines


def _earlier(log_id: int, by_ms: int) -> int:
    return max(0, ids.first_id_at(ids.made_at(log_id) - by_ms)) if by_ms else log_id
