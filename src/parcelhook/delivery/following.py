"""Following the log: new lines as they are recorded, each once, for as long as somebody listens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial

from parcelhook.delivery.news import News
from parcelhook.store import log
from parcelhook.store.database import Database
from parcelhook.store.log import LogLine
from parcelhook.store.log_filter import LogFilter

HEARTBEAT_S = 15.0  # a live stream that is silent says so, or proxies cut it
STEP = 500  # lines at a time


async def follow(
    database: Database, news: News, account_id: int, wanted: LogFilter, seen: int, *, heartbeat_s: float = HEARTBEAT_S
) -> AsyncIterator[list[LogLine]]:
    """The lines after the id `seen` that pass the filter, oldest first; an empty list after `heartbeat_s` without any."""
    clock = asyncio.get_running_loop().time
    spoke = clock()
    while not news.closed:
        newest = await news.wait(seen, max(0.0, spoke + heartbeat_s - clock()))
        newer = partial(log.after, account_id=account_id, wanted=wanted, after=seen, limit=STEP)
        lines = await database.read(newer) if newest > seen else []
        # The log may have grown between the news and the reading: what was shown then must not be shown again.
        last = lines[-1].id if lines else 0
        seen = last if len(lines) == STEP else max(seen, newest, last)
        # News of lines that the filter holds back is silence to the follower.
        if lines or clock() >= spoke + heartbeat_s:
            spoke = clock()
            yield lines
