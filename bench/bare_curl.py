"""(a) The physical limit: nothing but a CurlMulti loop on epoll, with as many headers and bytes as Parcelhook sends."""

from __future__ import annotations

import json
import select
import sys
import time

import pycurl

from load import event

CONCURRENT = 64


def run(url: str, count: int) -> float:
    """Requests per second."""
    body = json.dumps(event(1), separators=(",", ":")).encode()
    multi, epoll, timer = pycurl.CurlMulti(), select.epoll(), [0.0]
    watched: set[int] = set()

    def on_socket(what: int, fd: int, _multi: object, _data: object) -> None:
        if what == pycurl.POLL_REMOVE:
            watched.discard(fd)
            epoll.unregister(fd)
            return
        mask = (select.EPOLLIN if what & pycurl.POLL_IN else 0) | (select.EPOLLOUT if what & pycurl.POLL_OUT else 0)
        (epoll.modify if fd in watched else epoll.register)(fd, mask)
        watched.add(fd)

    def on_timer(timeout_ms: int) -> None:
        timer[0] = -1.0 if timeout_ms < 0 else time.monotonic() + timeout_ms / 1000

    multi.setopt(pycurl.M_SOCKETFUNCTION, on_socket)
    multi.setopt(pycurl.M_TIMERFUNCTION, on_timer)
    started, ended = 0, 0

    def start(handle: pycurl.Curl) -> None:
        nonlocal started
        handle.setopt(pycurl.HTTPHEADER, [
            "Content-Type: application/json", "Accept: application/json", "User-Agent: Parcelhook/bench",
            f"webhook-id: bare_{started}", "webhook-timestamp: 1795519113",
            "webhook-signature: v1,UEHWLHyZxbZJS+k1WAoEk9rXAzZDcuMP0ue8my0dZYY=", "x-webhook-event: TRACKING_UPDATE",
            "x-webhook-attempt: 1", "X-Shop: demo",
        ])  # fmt: skip
        handle.setopt(pycurl.POSTFIELDS, body)
        multi.add_handle(handle)
        started += 1

    begin = time.monotonic()
    for _ in range(CONCURRENT):
        handle = pycurl.Curl()
        handle.setopt(pycurl.URL, url)
        handle.setopt(pycurl.POST, 1)
        handle.setopt(pycurl.NOSIGNAL, 1)
        handle.setopt(pycurl.WRITEFUNCTION, lambda part: None)
        start(handle)
    while ended < count:
        wait = 1.0 if timer[0] < 0 else min(1.0, max(0.0, timer[0] - time.monotonic()))
        for fd, events in epoll.poll(wait):
            mask = (pycurl.CSELECT_IN if events & select.EPOLLIN else 0) | (
                pycurl.CSELECT_OUT if events & select.EPOLLOUT else 0
            )
            multi.socket_action(fd, mask)
        if 0 <= timer[0] <= time.monotonic():
            multi.socket_action(pycurl.SOCKET_TIMEOUT, 0)
        left = 1
        while left:
            left, passed, failed = multi.info_read(256)
            assert not failed, failed
            for handle in passed:
                multi.remove_handle(handle)
                ended += 1
                if started < count:
                    start(handle)
    return count / (time.monotonic() - begin)


if __name__ == "__main__":
    print(run(sys.argv[1], int(sys.argv[2])), flush=True)
