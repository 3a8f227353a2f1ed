"""A receiver that is never the bottleneck: counts webhooks and notes when each arrived. Run as a process of its own.

`POST /hang…` is never answered. `GET /__stats` gives the counts, `GET /__times` the arrivals, `GET /__reset` starts anew.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

import uvloop

OK = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n{"ok":true}'


class Counts:
    """What has arrived since the last reset."""

    def __init__(self) -> None:
        self.arrivals: dict[bytes, int] = {}  # webhook-id to the time of its first arrival
        self.requests = 0
        self.hanging = 0


class Connection(asyncio.Protocol):
    """As much HTTP as libcurl and requests speak, and no more."""

    counts = Counts()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # always a stream
        self.transport = transport
        self.rest = b""

    def data_received(self, data: bytes) -> None:
        data = self.rest + data if self.rest else data
        while True:
            end = data.find(b"\r\n\r\n")
            if end < 0:
                break
            if data.startswith(b"GET "):
                self.control(data[4 : data.index(b" ", 4)])
                data = data[end + 4 :]
                continue
            at = data.find(b"Content-Length: ", 0, end) + 16
            whole = end + 4 + int(data[at : data.index(b"\r\n", at)])
            if len(data) < whole:
                break
            self.webhook(data, end)
            data = data[whole:]
        self.rest = data

    def webhook(self, data: bytes, end: int) -> None:
        counts = Connection.counts
        if data.startswith(b"POST /hang"):
            counts.hanging += 1
            return
        at = data.find(b"webhook-id: ", 0, end) + 12
        counts.arrivals.setdefault(data[at : data.index(b"\r\n", at)], time.time_ns())
        counts.requests += 1
        self.transport.write(OK)

    def control(self, path: bytes) -> None:
        counts = Connection.counts
        answer: object
        if path == b"/__stats":
            times = counts.arrivals.values()
            answer = {
                "requests": counts.requests, "distinct": len(counts.arrivals), "hanging": counts.hanging,
                "last_ns": max(times, default=0),
            }  # fmt: skip
        elif path == b"/__times":
            answer = {name.decode(): when for name, when in counts.arrivals.items()}
        else:
            Connection.counts = Counts()
            answer = {}
        body = json.dumps(answer).encode()
        self.transport.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
        )


async def main(port: int) -> None:
    """Until the process is stopped."""
    server = await asyncio.get_running_loop().create_server(Connection, "127.0.0.1", port, backlog=2048)
    print(f"ready {server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 0))
