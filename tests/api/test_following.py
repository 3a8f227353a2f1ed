"""The live stream on its own: each line once, and never silent for long."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from parcelhook.api.logs import as_events
from parcelhook.delivery.following import follow
from parcelhook.delivery.news import News
from parcelhook.shipping.events import EventKind
from parcelhook.store import ids, recording
from parcelhook.store.database import Database, open_store
from parcelhook.store.log_filter import LogFilter
from parcelhook.webhooks.delivery import Attempt
from stores import Databases

LIMIT_S = 10.0
SILENCE = b": nothing new\n\n"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """An empty store."""
    opened = open_store(tmp_path / "data")
    yield opened
    opened.close()


def grow(database: Database, *numbers: int) -> None:
    """Lines under these ids, in the store but not announced."""
    line = Attempt(
        account_id=1, endpoint_id=7, event_id=None, delivery_id=None, kind=EventKind.ORDER_ERROR, order_id="1",
        transaction_id="", carrier="", is_return=False, date_ms=1, date_end_ms=2, passed=True, retry=0, manual=False,
        time_spent_ms=1.0, http_code=204, cause="passed", reason=None, hint=None, request_head="POST / HTTP/1.1",
        request_body=b"{}", response_head="HTTP/1.1 204 No Content", response_body=b"", truncated=False,
        address="127.0.0.1", dns_ms=0.0, connect_ms=0.0, tls_ms=0.0, first_byte_ms=1.0,
    )  # fmt: skip
    database.write_now(lambda t: recording.insert_attempts(t, [line] * len(numbers), numbers))


@pytest.fixture
def shared(databases: Databases, tmp_path: Path) -> Iterator[Database]:
    """An empty store that other nodes may write to."""
    with databases.one() as url:
        opened = open_store(tmp_path / "data", url)
        yield opened
        opened.close()


async def let_in() -> bool:
    """The key still opens the door."""
    return True


async def take(parts: AsyncIterator[bytes]) -> bytes:
    return await asyncio.wait_for(anext(parts), LIMIT_S)


async def shown(parts: AsyncIterator[bytes]) -> int | None:
    """The id of the next line that is shown."""
    _, name, _ = (await take(parts)).split(b"\n", 2)
    return ids.parse(ids.Prefix.ATTEMPT, name.removeprefix(b"id: ").decode())


def test_a_line_that_was_read_before_its_news_came_is_shown_once(database: Database) -> None:
    async def scene() -> list[int | None]:
        news = News(0)
        parts = as_events(follow(database, news, 1, LogFilter(), 0), let_in)
        await take(parts)
        grow(database, 1, 2)
        news.publish(1)  # 2 is committed already, and its news on the way
        found = [await shown(parts), await shown(parts)]
        news.publish(2)
        grow(database, 3)
        news.publish(3)
        return [*found, await shown(parts)]

    assert asyncio.run(scene()) == [1, 2, 3]


def test_a_line_that_another_node_commits_late_is_shown_too_and_each_once(shared: Database) -> None:
    base = ids.first_id_at(1_795_519_113_000)
    grow(shared, base - 2)

    async def scene() -> list[int | None]:
        news = News(base)
        parts = as_events(follow(shared, news, 1, LogFilter(), base), let_in)
        await take(parts)
        step = asyncio.ensure_future(shown(parts))
        await asyncio.sleep(0.1)  # it has seen what was there before
        grow(shared, base + 5)
        news.publish(base + 5)
        found = [await step]
        grow(shared, base + 3, base - 1)  # of other nodes: begun before, committed after
        news.publish(base + 3)
        found += [await shown(parts), await shown(parts)]
        grow(shared, base + 9)
        news.publish(base + 9)
        return [*found, await shown(parts)]

    assert [number and number - base for number in asyncio.run(scene())] == [5, -1, 3, 9]


def test_a_log_that_grows_by_what_the_filter_holds_back_still_beats(database: Database) -> None:
    async def scene() -> list[bytes]:
        news = News(0)
        parts = as_events(follow(database, news, 1, LogFilter(order_id="another"), 0, heartbeat_s=0.0), let_in)
        await take(parts)
        found = []
        for number in range(1, 4):
            grow(database, number)
            news.publish(number)
            found.append(await take(parts))
        return found

    assert asyncio.run(scene()) == [SILENCE] * 3


def test_a_silent_log_beats_and_a_server_that_stops_ends_the_stream(database: Database) -> None:
    async def scene() -> None:
        news = News(0)
        parts = as_events(follow(database, news, 1, LogFilter(), 0, heartbeat_s=0.01), let_in)
        await take(parts)
        assert [await take(parts) for _ in range(3)] == [SILENCE] * 3
        news.close()
        with pytest.raises(StopAsyncIteration):
            await take(parts)

    asyncio.run(scene())


def test_a_key_that_is_revoked_ends_the_stream_before_the_next_line(database: Database) -> None:
    async def scene() -> None:
        news = News(0)
        keys = iter((True, False))

        async def still() -> bool:
            return next(keys)

        parts = as_events(follow(database, news, 1, LogFilter(), 0), still)
        await take(parts)
        grow(database, 1)
        news.publish(1)
        assert await shown(parts) == 1
        grow(database, 2)
        news.publish(2)
        with pytest.raises(StopAsyncIteration):
            await take(parts)

    asyncio.run(scene())
