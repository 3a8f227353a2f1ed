"""Puts it together: settings to a running server, and the few things an operator does beside it."""

from __future__ import annotations

import asyncio
import gc
import logging
import resource
import secrets
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

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
from parcelhook.delivery.platform import Platform, open_vault
from parcelhook.delivery.upkeep import prune
from parcelhook.errors import NotFound, SettingsError
from parcelhook.settings import Settings
from parcelhook.store import accounts, leases, moving, set_aside, users, vault
from parcelhook.store.accounts import ApiKey
from parcelhook.store.accounts import Scope as KeyScope
from parcelhook.store.database import Database, Transaction, open_store
from parcelhook.store.ids import IdMaker
from parcelhook.store.leases import MOST_NODES, NodeLine
from parcelhook.store.set_aside import SetAside
from parcelhook.store.users import Role, User
from parcelhook.store.vault import Vault, key_in_file
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


class Operator:
    """What the command line does on the data itself, with no server between."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings = settings
        self._database = database
        # Beside nodes that have numbers: one of those that are left for whoever joins nothing.
        self._ids = IdMaker(secrets.randbelow(16) + MOST_NODES if database.shared else None)

    @property
    def migrated(self) -> list[str]:
        """The schema revisions that opening the store applied, oldest first."""
        return self._database.migrated

    def create_key(self, account: str, name: str, scope: KeyScope = KeyScope.FULL) -> str:
        """A new API key for an account, which is made if it does not exist. The key cannot be shown again."""
        key = accounts.new_key()

        def job(transaction: Transaction) -> None:
            account_id = accounts.ensure_account(transaction.sql, account, self._ids, times.now_ms())
            accounts.add_key(transaction.sql, account_id, name, key, self._ids, times.now_ms(), scope)

        self._database.write_now(job)
        return key

    def keys(self) -> list[ApiKey]:
        """All keys, without themselves."""
        return self._database.read_now(accounts.list_keys)

    def users(self) -> list[User]:
        """Everybody who can log in to the dashboard."""
        return self._database.read_now(users.everyone)

    def login_link(self, email: str, account: str, role: Role) -> str:
        """A one-time link to the dashboard, from its root: for that user a new password, for a new address a new user."""
        address = users.checked_email(email)
        token = users.new_token()
        now_ms = times.now_ms()

        def job(transaction: Transaction) -> None:
            known = users.by_email(transaction.sql, address)
            if known is not None:
                user = known[0]
                made = users.invitation(user.account_id, now_ms, email=user.email, role=user.role, user_id=user.id)
            else:
                account_id = accounts.ensure_account(transaction.sql, account, self._ids, now_ms)
                made = users.invitation(account_id, now_ms, email=address, role=role)
            users.add_link(transaction.sql, token, made, now_ms)

        self._database.write_now(job)
        return f"{self._settings.public_url or f'http://{self._settings.host}:{self._settings.port}'}/welcome/{token}"

    def remove_user(self, email: str) -> None:
        """Remove a user with their sessions."""
        address = users.checked_email(email)

        def job(transaction: Transaction) -> None:
            known = users.by_email(transaction.sql, address)
            if known is None:
                raise NotFound(f"There is no user {address}. `parcelhook users list` shows all.")
            users.remove(transaction.sql, known[0].account_id, known[0].id, times.now_ms())

        self._database.write_now(job)

    def revoke_key(self, key_id: str) -> None:
        """Make a key open nothing."""
        self._database.write_now(lambda transaction: accounts.revoke_key(transaction.sql, key_id, times.now_ms()))

    def nodes(self) -> list[NodeLine]:
        """The nodes that share the store; none where it is the embedded one."""
        return self._database.read_now(leases.living) if self._database.shared else []

    def set_aside(self) -> list[tuple[SetAside, str]]:
        """What could not be taken from the stream into the store, of all accounts, each with the account's name."""
        return self._database.read_now(set_aside.everything)

    def prune(self) -> int:
        """Delete what is older than the retention; how many rows."""
        return asyncio.run(prune(self._database, retention_days=self._settings.retention_days))

    def check_vault(self) -> None:
        """Raise SettingsError if the stored credentials cannot be opened."""
        open_vault(self._settings, self._database)


@contextmanager
def mover(settings: Settings, folder: Path | None) -> Iterator[Iterator[moving.Progress]]:
    """From the embedded store in that folder (or DATA) into the database of the settings, step by step."""
    configure_log(settings.log_format)
    if not settings.database_url:
        raise SettingsError("PARCELHOOK_DATABASE_URL says where to move to; it is not set.")
    place = folder or settings.data
    if not (place / "parcelhook.db").exists():
        raise SettingsError(f"There is no embedded store in {place}. PARCELHOOK_DATA or --data says where it is.")
    source = open_store(place)
    try:
        key = place / "secret.key"
        keys = (key_in_file(key),) if key.exists() else settings.secret_keys
        source.read_now(lambda connection: vault.check_key(connection, Vault(settings.secret_keys or keys)))
        target = open_store(settings.data, settings.database_url)
        try:
            moving.check_target(source, target)
            yield moving.move(source, target)
        finally:
            target.close()
    finally:
        source.close()


@contextmanager
def operator(settings: Settings) -> Iterator[Operator]:
    """The operator's hands on the data folder."""
    configure_log(settings.log_format)
    database = open_store(settings.data, settings.database_url, beside=True)
    try:
        yield Operator(settings, database)
    finally:
        database.close()
