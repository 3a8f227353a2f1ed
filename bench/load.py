"""Load: a closed loop of connections for throughput, a fixed pace for latency. Run as a process of its own.

Prints one line of JSON: for the closed loop when the first request was sent, for the pace when each event was.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Iterator

import uvloop


def event(number: int, kind: str = "TRACKING_UPDATE") -> dict[str, object]:
    """The page's tracking update, or an order error, of the shop's next shipment."""
    order = {"OrderID": str(24_957_298 + number), "TransactionID": f"{48_572 + number}_1", "TrackingCarrier": "FedEx"}
    if kind == "ORDER_ERROR":
        return {"Event": kind, **order, "Message": "The carrier refused the shipment."}
    return {
        "Event": kind, "tracking": f"WZ{116_539_070 + number}", "date": 1622671204 + number, "message": "Shipment delivered",
        "city": "Florence", "est_delivery_date": "0", "first_status_date": "1622152801", "late": "0", "code": 6, **order,
        "MarketplaceID": "0", "MarketplacePlatform": "Manual shipment", "ExternalLink": "",
        "FromAddressCompany": "John Doe srl.", "ToAddressCompany": "", "FromAddressCountry": "IT", "ToAddressCountry": "IT",
    }  # fmt: skip


def request(key: str, body: object) -> bytes:
    """An HTTP request, whole."""
    content = json.dumps(body, separators=(",", ":")).encode()
    return (
        b"POST /v1/events HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n%s" % (key.encode(), len(content), content)
    )


class Connection(asyncio.Protocol):
    """Sends the next request when the answer to the last has come; the same one again if it was refused for now."""

    def __init__(self, requests: Iterator[bytes], ended: asyncio.Semaphore) -> None:
        self.requests = requests
        self.ended = ended
        self.rest = b""
        self.current = b""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # always a stream
        self.transport = transport
        self.send_next()

    def send_next(self) -> None:
        following = next(self.requests, None)
        if following is None:
            self.ended.release()
            self.transport.close()
            return
        self.current = following
        self.transport.write(following)

    def data_received(self, data: bytes) -> None:
        data = self.rest + data
        end = data.find(b"\r\n\r\n")
        if end < 0:
            self.rest = data
            return
        head = data[:end].lower()
        at = head.find(b"content-length: ") + 16
        stop = head.find(b"\r\n", at)
        if len(data) < end + 4 + int(head[at : stop if stop > 0 else end]):
            self.rest = data
            return
        self.rest = b""
        if data[9:12] == b"202":
            self.send_next()
        elif data[9:12] in {b"503", b"429"}:
            asyncio.get_running_loop().call_later(0.05, self.transport.write, self.current)
        else:
            raise SystemExit(f"refused: {data[:400]!r}")


async def closed_loop(args: argparse.Namespace) -> object:
    """As fast as the server takes them."""
    numbers = range(args.first, args.first + args.events)
    requests = [
        request(args.key, event(numbers[start], args.kind) if args.batch == 1 else [event(n, args.kind) for n in numbers[start : start + args.batch]])
        for start in range(0, args.events, args.batch)
    ]  # fmt: skip
    ended = asyncio.Semaphore(0)
    pending = iter(requests)
    loop = asyncio.get_running_loop()
    started = time.time_ns()
    for _ in range(args.connections):
        await loop.create_connection(lambda: Connection(pending, ended), "127.0.0.1", args.port)
    for _ in range(args.connections):
        await ended.acquire()
    return {"started_ns": started, "accepted_ns": time.time_ns()}


async def paced(args: argparse.Namespace) -> object:
    """So many a second, each over a kept-alive connection; when each was sent, by the id that it was given."""
    sent: dict[str, int] = {}
    idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def one(number: int) -> None:
        reader, writer = idle.pop() if idle else await asyncio.open_connection("127.0.0.1", args.port)
        at = time.time_ns()
        writer.write(request(args.key, event(number)))
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
        sent[json.loads(await reader.readexactly(length))["accepted"][0]["id"]] = at
        idle.append((reader, writer))

    start, tasks = time.monotonic(), []
    for index in range(args.events):
        await asyncio.sleep(max(0.0, start + index / args.pace - time.monotonic()))
        tasks.append(asyncio.create_task(one(args.first + index)))
    await asyncio.gather(*tasks)
    return {"sent": sent}


def main() -> None:
    """By the arguments."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument("--events", type=int, required=True)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--connections", type=int, default=1)
    parser.add_argument("--kind", default="TRACKING_UPDATE")
    parser.add_argument("--pace", type=float, default=0)
    args = parser.parse_args()
    print(json.dumps(uvloop.run(paced(args) if args.pace else closed_loop(args))), flush=True)


if __name__ == "__main__":
    main()
