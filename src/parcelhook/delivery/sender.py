"""The sender: libcurl's multi interface on an epoll loop of our own, for one thread.

Everything that is dangerous about an outgoing request is held here: the address check when the socket opens, time
limits, the bound on what is read, no redirects. Handles are pooled and connections kept alive. What becomes of an
exchange is a value (`Sent`), never an exception.
"""

from __future__ import annotations

import os
import select
import socket
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Final
from urllib.parse import urlsplit

import pycurl
from msgspec import Struct

from parcelhook import times
from parcelhook.delivery import egress as way_out
from parcelhook.delivery.answers import MAX_ANSWER_BYTES, read_answer
from parcelhook.delivery.curl_faults import explain
from parcelhook.delivery.egress import Egress
from parcelhook.delivery.request import Outgoing
from parcelhook.webhooks.exchange import Answer, NoAnswer, Timing
from parcelhook.webhooks.faults import Fault

CONNECT_TIMEOUT_MS: Final = 5_000
IDLE_HANDLES: Final = 512  # kept with their settings, ready for the next request to the same endpoint
OPEN_CONNECTIONS: Final = 1_024  # kept alive
RESOLVED_FOR_S: Final = 30.0  # how long an address looked up for the proxy is used

_NO_TIMING = Timing()


class Sent(Struct, frozen=True, kw_only=True):
    """One exchange that has ended. `tag` is what `start` was given; the head is status line and headers as received."""

    tag: Any
    outcome: Answer | NoAnswer
    timing: Timing
    address: str
    response_head: str | None
    started_ms: int
    ended_ms: int


class _Lent(socket.socket):
    """A socket for pycurl, which makes a duplicate of its own and lets go of this one."""

    def __del__(self) -> None:
        self.close()


class _Channel:
    """A pooled handle with the place that its answer is gathered in."""

    __slots__ = (
        "body", "curl", "endpoint_id", "head", "outgoing", "refusal", "size", "started_ms", "tag", "tried",
    )  # fmt: skip

    def __init__(self) -> None:
        self.curl = pycurl.Curl()
        self.outgoing: Outgoing | None = None
        self.endpoint_id = 0
        self.tag: Any = None
        self.head: list[bytes] = []
        self.body: list[bytes] = []
        self.size = 0
        self.refusal = ""
        self.tried = False  # an address that may be reached: then the refusal of another is not the reason
        self.started_ms = 0

    def on_body(self, part: bytes) -> int | None:
        self.size += len(part)
        self.body.append(part)
        return -1 if self.size > MAX_ANSWER_BYTES else None  # -1 makes libcurl cut the connection


class Sender:
    """Sends requests and gathers answers. All methods but `wake` belong to the one thread that owns it."""

    def __init__(self, egress: Egress) -> None:
        self._egress = egress
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._on_socket)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._on_timer)
        self._multi.setopt(pycurl.M_MAXCONNECTS, OPEN_CONNECTIONS)
        self._epoll = select.epoll()
        self._wake_fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._epoll.register(self._wake_fd, select.EPOLLIN)
        self._watched: set[int] = set()
        self._parked: set[int] = set()
        self._closed = False
        self._timer_at: float | None = None  # on the monotonic clock
        self._busy: dict[pycurl.Curl, _Channel] = {}
        self._idle: dict[int, list[_Channel]] = {}  # by endpoint
        self._idle_count = 0
        self._finished: list[Sent] = []
        self._resolver = ThreadPoolExecutor(4, thread_name_prefix="resolver") if egress.proxy else None
        self._resolved: dict[tuple[str, int], tuple[float, str, str]] = {}
        self._resolving: dict[tuple[str, int], list[Callable[[], None]]] = {}
        self._answers: deque[tuple[tuple[str, int], str, str]] = deque()

    def __len__(self) -> int:
        """How many exchanges are under way."""
        return len(self._busy) + (sum(map(len, self._resolving.values())) if self._resolving else 0)

    def wake(self) -> None:
        """Make `wait` return; from any thread, and harmless once the sender is closed."""
        if not self._closed:
            os.eventfd_write(self._wake_fd, 1)

    def start(self, tag: object, outgoing: Outgoing, lines: list[str], body: bytes) -> None:
        """Begin an exchange; it comes out of `wait` when it has ended, however it does."""
        if self._egress.proxy is not None:
            self._start_by_proxy(tag, outgoing, lines, body)
        else:
            self._begin(tag, outgoing, lines, body)

    def wait(self, timeout_ms: int) -> list[Sent]:
        """Let the exchanges go on until something happened, was woken, or the time is up; what has ended by then."""
        wait_s = max(timeout_ms, 0) / 1_000
        if self._timer_at is not None:
            wait_s = min(wait_s, max(0.0, self._timer_at - time.monotonic()))
        if self._finished:
            wait_s = 0
        multi = self._multi
        for fd, events in self._epoll.poll(wait_s, 256):
            if fd == self._wake_fd:
                os.eventfd_read(self._wake_fd)
            elif fd in self._watched:
                mask = 0
                if events & select.EPOLLIN:
                    mask |= pycurl.CSELECT_IN
                if events & select.EPOLLOUT:
                    mask |= pycurl.CSELECT_OUT
                if events & (select.EPOLLERR | select.EPOLLHUP):
                    mask |= pycurl.CSELECT_ERR
                multi.socket_action(fd, mask)
            else:
                self._unpark(fd)
        if self._timer_at is not None and time.monotonic() >= self._timer_at:
            self._timer_at = None
            multi.socket_action(pycurl.SOCKET_TIMEOUT, 0)
        self._go_on_resolved()
        self._collect()
        finished, self._finished = self._finished, []
        return finished

    def close(self) -> None:
        """Cut what is still open."""
        self._closed = True
        for channel in self._busy.values():
            self._multi.remove_handle(channel.curl)
            channel.curl.close()
        self._busy.clear()
        for channels in self._idle.values():
            for channel in channels:
                channel.curl.close()
        self._idle.clear()
        self._multi.close()
        self._epoll.close()
        os.close(self._wake_fd)
        if self._resolver is not None:
            self._resolver.shutdown(cancel_futures=True)

    def _begin(self, tag: object, outgoing: Outgoing, lines: list[str], body: bytes, connect_to: str = "") -> None:
        channel = self._channel(outgoing)
        curl = channel.curl
        channel.tag = tag
        curl.setopt(pycurl.HTTPHEADER, lines)
        curl.setopt(pycurl.POSTFIELDS, body)
        if connect_to:
            curl.setopt(pycurl.CONNECT_TO, [connect_to])
        channel.started_ms = times.now_ms()
        self._busy[curl] = channel
        self._multi.add_handle(curl)

    def _channel(self, outgoing: Outgoing) -> _Channel:
        endpoint_id = outgoing.endpoint.id
        kept = self._idle.get(endpoint_id)
        if kept:
            channel = kept.pop()
            self._idle_count -= 1
            if channel.outgoing is outgoing:
                return channel
            channel.curl.reset()
        else:
            channel = _Channel()
        channel.outgoing = outgoing
        channel.endpoint_id = endpoint_id
        self._configure(channel, outgoing)
        return channel

    def _configure(self, channel: _Channel, outgoing: Outgoing) -> None:
        curl = channel.curl
        curl.setopt(pycurl.URL, outgoing.url)
        curl.setopt(pycurl.POST, 1)
        curl.setopt(pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS)
        curl.setopt(pycurl.FOLLOWLOCATION, 0)
        curl.setopt(pycurl.NOSIGNAL, 1)
        curl.setopt(pycurl.CONNECTTIMEOUT_MS, min(CONNECT_TIMEOUT_MS, outgoing.endpoint.timeout_ms))
        curl.setopt(pycurl.TIMEOUT_MS, outgoing.endpoint.timeout_ms)
        curl.setopt(pycurl.HTTP09_ALLOWED, 0)
        curl.setopt(pycurl.HEADERFUNCTION, channel.head.append)  # cleared between requests, never replaced
        curl.setopt(pycurl.WRITEFUNCTION, channel.on_body)
        curl.setopt(pycurl.OPENSOCKETFUNCTION, lambda purpose, address: self._open(channel, address))
        way_out.configure(curl, self._egress)

    def _open(self, channel: _Channel, address: Any) -> socket.socket | int:
        """The guard: asked by libcurl with the very address, after resolution, before the socket exists."""
        if self._egress.proxy is None:
            refusal = self._egress.guard.refusal(str(address.addr[0]))
            if refusal is not None:
                channel.refusal = channel.refusal or refusal
                return int(pycurl.SOCKET_BAD)
            channel.tried = True
        return _Lent(address.family, address.socktype, address.protocol)

    def _on_socket(self, what: int, fd: int, _multi: object, _data: object) -> None:
        """libcurl lets go of a connection after each request and takes it up again for the next. It stays registered
        meanwhile (`_parked`), which saves two calls of the system per request.
        """
        if what == pycurl.POLL_REMOVE:
            if fd in self._watched:
                self._watched.discard(fd)
                self._parked.add(fd)
            return
        mask = 0
        if what & pycurl.POLL_IN:
            mask |= select.EPOLLIN
        if what & pycurl.POLL_OUT:
            mask |= select.EPOLLOUT
        if fd in self._watched:
            self._epoll.modify(fd, mask)
            return
        self._watched.add(fd)
        if fd in self._parked:
            self._parked.discard(fd)
            try:
                self._epoll.modify(fd, mask)
            except FileNotFoundError:  # it was closed, which unregistered it, and this is a new one of that number
                pass
            else:
                return
        self._epoll.register(fd, mask)

    def _unpark(self, fd: int) -> None:
        """Something happened on a connection that nobody uses: its other side has closed it, most likely."""
        self._parked.discard(fd)
        with suppress(OSError):
            self._epoll.unregister(fd)

    def _on_timer(self, timeout_ms: int) -> None:
        self._timer_at = None if timeout_ms < 0 else time.monotonic() + timeout_ms / 1_000

    def _collect(self) -> None:
        while True:
            left, passed, failed = self._multi.info_read(256)
            for curl in passed:
                self._finish(curl, 0, "")
            for curl, error, message in failed:
                self._finish(curl, error, message)
            if not left:
                return

    def _finish(self, curl: pycurl.Curl, error: int, message: str) -> None:
        self._multi.remove_handle(curl)
        channel = self._busy.pop(curl)
        status = curl.getinfo(pycurl.RESPONSE_CODE)
        cut = error == pycurl.E_WRITE_ERROR and channel.size > MAX_ANSWER_BYTES
        head: str | None = None
        outcome: Answer | NoAnswer
        if (error == 0 or cut) and status:
            head, outcome = read_answer(status, channel.head, b"".join(channel.body), cut=cut)
        else:
            refusal = "" if channel.tried else channel.refusal
            outcome = explain(curl, error, message, refusal, proxied=self._egress.proxy is not None)
        total_us = curl.getinfo(pycurl.TOTAL_TIME_T)
        self._finished.append(
            Sent(
                tag=channel.tag,
                outcome=outcome,
                timing=_timing(curl, total_us),
                address=curl.getinfo(pycurl.PRIMARY_IP) or "",
                response_head=head,
                started_ms=channel.started_ms,
                ended_ms=channel.started_ms + total_us // 1_000,
            )
        )
        self._keep(channel)

    def _keep(self, channel: _Channel) -> None:
        channel.tag = None
        channel.head.clear()
        channel.body.clear()
        channel.size = 0
        channel.refusal = ""
        channel.tried = False
        if self._idle_count >= IDLE_HANDLES:
            channel.curl.close()
            return
        self._idle.setdefault(channel.endpoint_id, []).append(channel)
        self._idle_count += 1

    def _start_by_proxy(self, tag: object, outgoing: Outgoing, lines: list[str], body: bytes) -> None:
        """Look the name up here and hand the proxy an address that the guard let pass."""
        parts = urlsplit(outgoing.url)
        host = parts.hostname or ""
        port = parts.port or (443 if parts.scheme == "https" else 80)
        place = (host, port)

        def go_on() -> None:
            _, address, refusal = self._resolved[place]
            if address:
                shown = f"[{address}]" if ":" in address else address
                asked = f"[{host}]" if ":" in host else host
                self._begin(tag, outgoing, lines, body, f"{asked}:{port}:{shown}:{port}")
            else:
                self._fail(tag, refusal)

        known = self._resolved.get(place)
        if known is not None and known[0] > time.monotonic():
            go_on()
            return
        waiting = self._resolving.setdefault(place, [])
        waiting.append(go_on)
        if len(waiting) == 1 and self._resolver is not None:
            self._resolver.submit(self._resolve, place)

    def _resolve(self, place: tuple[str, int]) -> None:
        try:
            address, refusal = way_out.resolve(*place, self._egress.guard)
        except (OSError, UnicodeError) as error:  # unknown, or a name that no name server can be asked for
            address, refusal = "", f"\0{error}"
        self._answers.append((place, address, refusal))
        self.wake()

    def _go_on_resolved(self) -> None:
        while self._answers:
            place, address, refusal = self._answers.popleft()
            self._resolved[place] = (time.monotonic() + RESOLVED_FOR_S, address, refusal)
            for go_on in self._resolving.pop(place, ()):
                go_on()

    def _fail(self, tag: object, refusal: str) -> None:
        now_ms = times.now_ms()
        fault = Fault.DNS if refusal.startswith("\0") else Fault.ADDRESS_REFUSED
        outcome = NoAnswer(fault=fault, detail=refusal.lstrip("\0"))
        self._finished.append(
            Sent(
                tag=tag, outcome=outcome, timing=_NO_TIMING, address="", response_head=None,
                started_ms=now_ms, ended_ms=now_ms,
            )
        )  # fmt: skip


def _timing(curl: pycurl.Curl, total_us: int) -> Timing:
    """The phases; libcurl counts each from the start of the exchange, we from the end of the one before."""
    if not curl.getinfo(pycurl.REQUEST_SIZE):
        return _timing_before_request(curl, total_us)
    first_byte_us = curl.getinfo(pycurl.STARTTRANSFER_TIME_T) or total_us
    waited_ms = max(0, first_byte_us - curl.getinfo(pycurl.PRETRANSFER_TIME_T)) / 1_000
    if not curl.getinfo(pycurl.NUM_CONNECTS):
        return Timing(first_byte_ms=waited_ms, total_ms=total_us / 1_000)
    dns_us = curl.getinfo(pycurl.NAMELOOKUP_TIME_T)
    connected_us = curl.getinfo(pycurl.CONNECT_TIME_T)
    tls_us = curl.getinfo(pycurl.APPCONNECT_TIME_T)
    return Timing(
        dns_ms=dns_us / 1_000,
        connect_ms=max(0, connected_us - dns_us) / 1_000,
        tls_ms=max(0, tls_us - connected_us) / 1_000,
        first_byte_ms=waited_ms,
        total_ms=total_us / 1_000,
    )


def _timing_before_request(curl: pycurl.Curl, total_us: int) -> Timing:
    """It ended before the request was sent: all the time left belongs to the phase that it ended in."""
    dns_us = curl.getinfo(pycurl.NAMELOOKUP_TIME_T)
    connected_us = curl.getinfo(pycurl.CONNECT_TIME_T)
    if not dns_us:
        return Timing(dns_ms=total_us / 1_000, total_ms=total_us / 1_000)
    if not connected_us:
        return Timing(dns_ms=dns_us / 1_000, connect_ms=(total_us - dns_us) / 1_000, total_ms=total_us / 1_000)
    return Timing(
        dns_ms=dns_us / 1_000,
        connect_ms=(connected_us - dns_us) / 1_000,
        tls_ms=(total_us - connected_us) / 1_000,
        total_ms=total_us / 1_000,
    )
