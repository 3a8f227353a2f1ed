"""A real receiver on loopback that a test can tell to misbehave. Plain asyncio streams, so that it can break HTTP."""

from __future__ import annotations

import asyncio
import gzip
import socket
import ssl
import struct
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType

Writer = asyncio.StreamWriter
Behaviour = Callable[["Received", Writer], Awaitable[None]]


@dataclass(frozen=True)
class Received:
    """One request as it arrived; `at` on the monotonic clock, in seconds."""

    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    at: float
    connection: int

    def header(self, name: str) -> str | None:
        """The first header of that name."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    @property
    def id(self) -> str:
        """Its `webhook-id`."""
        return self.header("webhook-id") or ""


class Receiver:
    """Listens in a thread of its own. What it answers may be changed at any time, for all paths or for one."""

    def __init__(self, tls: ssl.SSLContext | None = None, port: int = 0) -> None:
        self._tls = tls
        self._port = port
        self._behaviours: dict[str | None, Behaviour] = {None: ok_json}
        self._received: list[Received] = []
        self._changed = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="receiver", daemon=True)
        self._tasks: set[asyncio.Task[None]] = set()
        self._connections = 0
        self.peers: set[str] = set()  # the addresses that connected
        self.host = "127.0.0.1"

    def __enter__(self) -> Receiver:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._open(), self._loop).result(10)
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._port

    def url(self, path: str = "/webhooks", host: str | None = None) -> str:
        """An address of it."""
        return f"{'https' if self._tls else 'http'}://{host or self.host}:{self._port}{path}"

    def behave(self, behaviour: Behaviour, path: str | None = None) -> None:
        """From now on answer like that, on one path or on all that have none of their own."""
        self._behaviours[path] = behaviour

    @property
    def received(self) -> list[Received]:
        """Everything that arrived."""
        with self._changed:
            return list(self._received)

    def events(self, path: str | None = None) -> list[Received]:
        """What arrived and was not a test."""
        return [one for one in self.received if one.header("x-webhook-test") is None and path in {None, one.path}]

    def wait_for(self, count: int, timeout: float = 15, path: str | None = None) -> list[Received]:
        """The events, as soon as there are that many; AssertionError after the time."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while True:
                found = [
                    one for one in self._received if one.header("x-webhook-test") is None and path in {None, one.path}
                ]
                if len(found) >= count:
                    return found
                left = deadline - time.monotonic()
                assert left > 0, f"{len(found)} of {count} webhooks arrived within {timeout} s"
                self._changed.wait(left)

    async def _open(self) -> None:
        self._server = await asyncio.start_server(self._serve, self.host, self._port, ssl=self._tls, backlog=512)
        self._port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: Writer) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self._connections += 1
        self.peers.add(writer.get_extra_info("peername")[0])
        number = self._connections
        try:
            while True:
                received = await self._read(reader, number)
                with self._changed:
                    self._received.append(received)
                    self._changed.notify_all()
                path = received.path.partition("?")[0]
                await (self._behaviours.get(path) or self._behaviours[None])(received, writer)
                if writer.is_closing():
                    return
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError, ssl.SSLError):
            pass
        finally:
            writer.transport.abort()
            with suppress(Exception):
                await asyncio.wait_for(writer.wait_closed(), 1)

    async def _read(self, reader: asyncio.StreamReader, number: int) -> Received:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.rstrip("\r\n").split("\r\n")
        headers = tuple((key, value.strip()) for key, _, value in (line.partition(":") for line in lines))
        length = next((int(value) for key, value in headers if key.lower() == "content-length"), 0)
        body = await reader.readexactly(length)
        return Received(first.split(" ")[1], headers, body, time.monotonic(), number)


def answer(
    status: int = 200, body: bytes = b'{"ok": true}', content_type: str = "application/json", **headers: str
) -> Behaviour:
    """A proper HTTP answer."""
    lines = [f"HTTP/1.1 {status} Because", f"Content-Length: {len(body)}"]
    if content_type:
        lines.append(f"Content-Type: {content_type}")
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    whole = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body

    async def behave(_received: Received, writer: Writer) -> None:
        writer.write(whole)
        await writer.drain()

    return behave


ok_json = answer()
server_error = answer(500)


async def no_content(_received: Received, writer: Writer) -> None:
    """204 and no body."""
    writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
    await writer.drain()


async def no_content_with_body(_received: Received, writer: Writer) -> None:
    """204, and bytes after it that must not be there."""
    writer.write(b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello")
    await writer.drain()


def fails_then_heals(failures: int, status: int = 500) -> Behaviour:
    """The first so many of each `webhook-id` fail."""
    seen: dict[str, int] = {}
    failing = answer(status)

    async def behave(received: Received, writer: Writer) -> None:
        seen[received.id] = seen.get(received.id, 0) + 1
        await (failing if seen[received.id] <= failures else ok_json)(received, writer)

    return behave


def first_fails(failures: int, status: int = 500) -> Behaviour:
    """The first so many of all requests fail."""
    count = 0
    failing = answer(status)

    async def behave(received: Received, writer: Writer) -> None:
        nonlocal count
        count += 1
        await (failing if count <= failures else ok_json)(received, writer)

    return behave


async def hang(_received: Received, _writer: Writer) -> None:
    """Never answer."""
    await asyncio.Event().wait()


def slow(seconds: float) -> Behaviour:
    """Answer well, but late."""

    async def behave(received: Received, writer: Writer) -> None:
        await asyncio.sleep(seconds)
        await ok_json(received, writer)

    return behave


async def drip(_received: Received, writer: Writer) -> None:
    """A proper head, and then a byte now and then without end."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n")
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.05)


async def reset(_received: Received, writer: Writer) -> None:
    """Cut the connection by a RST."""
    raw = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def reset_in_answer(received: Received, writer: Writer) -> None:
    """Promise more than is sent, then cut."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
    await writer.drain()
    await reset(received, writer)


async def close_without_answer(_received: Received, writer: Writer) -> None:
    """Hang up politely, without a word."""
    writer.close()


async def garbage(_received: Received, writer: Writer) -> None:
    """Something that is not HTTP."""
    writer.write(b"SSH-2.0-OpenSSH_9.6\r\n")
    await writer.drain()
    writer.close()


async def endless_headers(_received: Received, writer: Writer) -> None:
    """Headers without end."""
    writer.write(b"HTTP/1.1 200 OK\r\n")
    for number in range(100_000):
        if writer.transport.is_closing():
            return
        writer.write(b"X-Filler-%d: %s\r\n" % (number, b"x" * 200))
        await writer.drain()


def huge(size: int) -> Behaviour:
    """Valid JSON of that many bytes."""
    return answer(body=b'{"filler": "' + b"x" * size + b'"}')


def gzip_bomb() -> Behaviour:
    """100 MB of zeros in 100 KB... and less on the wire than the bound."""
    bomb = gzip.compress(gzip.compress(b"\0" * 100_000_000))
    assert len(bomb) < 60_000
    return answer(body=gzip.compress(b"[" + b" " * 20_000_000 + b"]"), Content_Encoding="gzip")


def gzip_json() -> Behaviour:
    """A proper answer, compressed though nobody asked for it."""
    return answer(body=gzip.compress(b'{"ok": true}'), Content_Encoding="gzip")


def redirect(target: str, status: int = 302) -> Behaviour:
    """Elsewhere."""
    return answer(status, b"", "", Location=target)
