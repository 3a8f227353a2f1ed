"""Puts it together: settings to a running server, and the few things an operator does beside it."""

from __future__ import annotations

import asyncio
import gc
import logging
import resource
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec
import structlog
import uvicorn
import uvloop
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

from parcelhook import times
from parcelhook.api.app import create_api, is_of_api
from parcelhook.api.feed import Feed
from parcelhook.dashboard.app import create_dashboard
from parcelhook.delivery.platform import Platform
from parcelhook.errors import SettingsError
from parcelhook.settings import Settings
from parcelhook.store import accounts, users
from parcelhook.store.database import Transaction
from parcelhook.stream.streaming import Streaming

# The interpreter hands its lock on after this long. The default of 5 ms would let a thread that parses hold up the one
# that sends; much less would be spent on handing over.
SWITCH_INTERVAL_S = 0.001
OPEN_FILES = 16_384
GARBAGE_LOOK = 20_000  # new objects between two looks for cycles; the default of 700 is a few requests' worth

_ELSEWHERE = msgspec.json.encode(
    {
        "title": "This node only delivers",
        "status": 421,
        "code": "misdirected",
        "detail": "This node has PARCELHOOK_ROLE=worker. Ask one with the role api or all.",
    }
)

log = structlog.get_logger(__name__)


def serve(settings: Settings) -> int:
    """Run the server until it is told to stop (SIGINT, SIGTERM); the exit code."""
    configure_log(settings.log_format)
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    _allow_open_files()
    listening = _listen(settings.host, settings.port)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_serve(settings, listening))


async def _serve(settings: Settings, listening: socket.socket) -> int:
    crashes: list[BaseException] = []
    loop = asyncio.get_running_loop()

    def crashed(error: BaseException) -> None:
        crashes.append(error)
        loop.call_soon_threadsafe(stop)

    platform = Platform(settings, crashed=crashed)
    stream = await Streaming.open(platform) if settings.nats_url else None
    shown_key = await _first_key(platform)
    link = None if settings.role == "worker" else await _first_link(platform)
    server = _Server(
        lambda: _say_ready(listening, shown_key, link, settings, platform.database.place),
        uvicorn.Config(
            _application(platform),
            http="httptools",
            ws="none",
            loop="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            backlog=2_048,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=max(1, int(settings.stop_grace_s)),
        ),
    )

    def stop() -> None:
        server.should_exit = True
        platform.news.close()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    platform.start()
    if stream is not None:
        stream.start()
    gc.freeze()  # what lives from the start lives to the end; the collector need not look at it again
    gc.set_threshold(GARBAGE_LOOK, 20, 20)
    try:
        await server.serve(sockets=[listening])
    finally:
        if stream is not None:
            await stream.close()
        await platform.close()
    log.info("server.stopped")
    return 1 if crashes else 0


def _application(platform: Platform) -> ASGIApp:
    """What answers requests: API and dashboard; of a node that only delivers, what is asked by those who watch over it."""
    api = create_api(platform)
    if platform.settings.role == "worker":
        return _Watched(api)
    return Feed(platform, _Front(api, create_dashboard(platform)))


class _Watched:
    """Health, readiness and figures; nothing else is answered here."""

    def __init__(self, api: ASGIApp) -> None:
        self._api = api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, or the server's start and stop."""
        if scope["type"] != ScopeType.HTTP or scope["path"] in {"/healthz", "/readyz", "/metrics"}:
            await self._api(scope, receive, send)
            return
        head = [(b"content-type", b"application/problem+json"), (b"content-length", b"%d" % len(_ELSEWHERE))]
        await send({"type": "http.response.start", "status": 421, "headers": head})
        await send({"type": "http.response.body", "body": _ELSEWHERE, "more_body": False})


class _Front:
    """Which of the two applications a path belongs to: the API's own paths are few, all others are pages."""

    def __init__(self, api: ASGIApp, dashboard: ASGIApp) -> None:
        self._api = api
        self._dashboard = dashboard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request; what is not a request (the server's start and stop) is the API's."""
        if scope["type"] == ScopeType.HTTP and not is_of_api(scope["path"]):
            await self._dashboard(scope, receive, send)
        else:
            await self._api(scope, receive, send)


class _Server(uvicorn.Server):
    """uvicorn, told when to stop by us and telling us when it is ready."""

    def __init__(self, on_ready: Callable[[], None], config: uvicorn.Config) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Open for requests, and say so."""
        await super().startup(sockets)
        self._on_ready()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are ours: uvicorn would raise them again before the platform is closed."""
        yield


async def _first_key(platform: Platform) -> str | None:
    """Make sure the first account and a key exist; the key if one had to be made, for it is shown this once."""
    given = platform.settings.api_key

    def job(transaction: Transaction) -> str | None:
        account_id = accounts.ensure_account(transaction.sql, accounts.FIRST_ACCOUNT, platform.ids, times.now_ms())
        made = None if given or accounts.has_keys(transaction.sql) else accounts.new_key()
        key = given or made
        if key:
            accounts.add_key(transaction.sql, account_id, "first", key, platform.ids, times.now_ms())
        return made

    return await platform.database.write(job)


async def _first_link(platform: Platform) -> str | None:
    """While nobody can log in: the path of a fresh one-time link to the first account; those of earlier starts end."""
    token = users.new_token()
    now_ms = times.now_ms()

    def job(transaction: Transaction) -> bool:
        if users.any_user(transaction.sql):
            return False
        account_id = accounts.ensure_account(transaction.sql, accounts.FIRST_ACCOUNT, platform.ids, now_ms)
        users.forget_first_links(transaction.sql, account_id)
        users.add_link(transaction.sql, token, users.invitation(account_id, now_ms), now_ms)
        return True

    return f"/welcome/{token}" if await platform.database.write(job) else None


def _say_ready(
    listening: socket.socket, shown_key: str | None, link: str | None, settings: Settings, place: str
) -> None:
    host, port = listening.getsockname()[:2]
    shown_host = f"[{host}]" if ":" in host else host
    if link:
        base = settings.public_url or f"http://{shown_host}:{port}"
        print(f"Dashboard (this link works once): {base}{link}", flush=True)  # noqa: T201
    if shown_key:
        print(f"API key (shown this once): {shown_key}", flush=True)  # noqa: T201
    print(f"Parcelhook is ready at http://{shown_host}:{port} (data in {place})", flush=True)  # noqa: T201


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as fault:
        listening.close()
        raise SettingsError(
            f"PARCELHOOK_HOST and PARCELHOOK_PORT: {host}:{port} cannot be listened on: {fault.strerror}."
        ) from None
    listening.listen(2_048)
    return listening


def _allow_open_files() -> None:
    """As many sockets as the system lets us have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def configure_log(form: str) -> None:
    """The server's own log, to standard error: a line a step, as text or JSON."""
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
