"""The platform: the store, the registry, intake, worker and upkeep of one process, opened and closed as one."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import func, select

from parcelhook import __version__, times
from parcelhook.delivery import connecting
from parcelhook.delivery.egress import Egress, check_source, parse_proxy
from parcelhook.delivery.intake import Intake
from parcelhook.delivery.membership import Membership
from parcelhook.delivery.news import News
from parcelhook.delivery.registry import Registry
from parcelhook.delivery.sender import Sender
from parcelhook.delivery.upkeep import Upkeep
from parcelhook.delivery.worker import Worker
from parcelhook.errors import Busy, SettingsError
from parcelhook.settings import Settings
from parcelhook.store import accounts, days, endpoints, hubs, leases
from parcelhook.store import vault as vaults
from parcelhook.store.accounts import KeyHolder
from parcelhook.store.database import Database, open_store
from parcelhook.store.ids import IdMaker
from parcelhook.store.leases import Node
from parcelhook.store.schema import attempts
from parcelhook.store.signals import Signal, Signals
from parcelhook.store.vault import Vault, key_in_file
from parcelhook.webhooks.addresses import AddressGuard
from parcelhook.webhooks.delivery import Delivery, Outcome
from parcelhook.webhooks.endpoint import Endpoint

KEY_KNOWN_FOR_S = 1.0  # how long an API key that was revoked on the command line may still work
KEY_KNOWN_WITHOUT_STORE_S = 5.0  # before the store, which is away, is asked again

if TYPE_CHECKING:
    from parcelhook.delivery.tracing import Tracing

log = structlog.get_logger(__name__)


class Platform:
    """What the floors above work with."""

    def __init__(self, settings: Settings, *, crashed: Callable[[BaseException], None]) -> None:
        """Open everything. Belongs to a running event loop. `crashed` is called if the worker's thread dies."""
        self._loop = asyncio.get_running_loop()
        self.settings = settings
        self.retry_schedule = settings.retry_schedule
        egress = Egress(
            guard=AddressGuard(settings.egress_allow),
            source=check_source(settings.egress_source),
            proxy=parse_proxy(settings.egress_proxy),
            ca_file=settings.egress_ca_file,
        )
        self.database = open_store(settings.data, settings.database_url)
        self.vault = open_vault(settings, self.database)
        self.ids = IdMaker()
        shared = self.database.shared
        self.database.write_now(lambda transaction: days.prepare(transaction, times.now_ms()))
        node = Node(
            name=f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}",
            host=socket.gethostname(),
            role=settings.role,
            version=__version__,
            delivers=settings.role != "api",
        )
        self.registry = Registry(self.database.read_now(lambda connection: endpoints.changes(connection, self.vault)))
        self.news = News(self.database.read_now(lambda c: c.execute(select(func.max(attempts.c.id))).scalar()) or 0)
        self.worker = Worker(
            self.database,
            self.registry,
            Sender(egress),
            self.ids,
            schedule=settings.retry_schedule,
            recorded=self._on_recorded,
            gone=self._on_gone,
            crashed=crashed,
            node=node.name if shared else None,
        )
        self._tracing = _tracing(settings)
        self.signals = Signals(settings.database_url, node.name, self._on_heard) if shared else None
        self.membership = (
            Membership(self.database, node, self.worker, self.ids, partial(self._tell, leases=True)) if shared else None
        )
        self.intake = Intake(
            self.database,
            self.registry,
            self.ids,
            self.worker,
            self._on_accepted,
            self.refresh if shared else None,
        )
        self.upkeep = Upkeep(self.database, retention_days=settings.retention_days, ours=self._does_upkeep)
        self._figures = _Figures(self)
        self.metrics_registry = CollectorRegistry()
        self.metrics_registry.register(self._figures)
        # Of the stream that events are accepted into, if there is one.
        self.stream_state: Callable[[], str] | None = None
        self._known_keys: dict[str, tuple[KeyHolder, float]] = {}
        self._disabling: set[asyncio.Task[Endpoint]] = set()

    def start(self) -> None:
        """Begin to deliver what is pending."""
        self.worker.start()
        if self.signals is not None:
            self.signals.start()
        if self.membership is not None:
            self.membership.start()
        self.upkeep.start()

    async def close(self) -> None:
        """Stop sending, record what has ended, let go of the store."""
        await self.upkeep.stop()
        await self._loop.run_in_executor(None, self.worker.stop, self.settings.stop_grace_s)
        if self.membership is not None:
            await self._loop.run_in_executor(None, self.membership.stop)
        if self.signals is not None:
            await self._loop.run_in_executor(None, self.signals.close)
        if self._tracing is not None:
            await self._loop.run_in_executor(None, self._tracing.close)
        await self._loop.run_in_executor(None, self.database.close)

    def known_holder(self, key: str) -> KeyHolder | None:
        """Whom a key opens the door to, if that was looked up a moment ago; the hot route asks this first."""
        known = self._known_keys.get(key)
        return known[0] if known is not None and known[1] > time.monotonic() else None

    async def holder_of_key(self, key: str) -> KeyHolder | None:
        """Whom an API key opens the door to, None if it opens none."""
        known = self.known_holder(key)
        if known is not None:
            return known
        digest = accounts.digest(key)
        try:
            found = await self.database.read(lambda connection: accounts.holder_of_key(connection, digest))
        except Busy:
            last = self._known_keys.get(key)
            if last is None or self.intake.through is None:
                raise
            # What it opened when the store was last heard of: events are accepted without it.
            self._known_keys[key] = (last[0], time.monotonic() + KEY_KNOWN_WITHOUT_STORE_S)
            return last[0]
        if len(self._known_keys) > 10_000:
            self._known_keys.clear()
        if found is None:
            self._known_keys.pop(key, None)
        else:
            self._known_keys[key] = (found, time.monotonic() + KEY_KNOWN_FOR_S)
        return found

    def forget_keys(self) -> None:
        """Look every API key up anew: one was revoked here, and whoever did it expects it to open nothing now."""
        self._known_keys.clear()
        self._tell(keys=True)

    def endpoint_changed(self, endpoint_id: int, endpoint: Endpoint | None, version: int) -> None:
        """An endpoint was added or changed here, or deleted (None): matching, lanes and the other nodes are to know."""
        if endpoint is None:
            self.registry.remove(endpoint_id, version)
        else:
            self.registry.put(endpoint, version)
        self.worker.endpoint_changed(endpoint_id)
        self._tell(endpoints=True)

    async def refresh(self) -> None:
        """Take in what other nodes changed of endpoints."""
        since = self.registry.version
        self._take(await self.database.read(lambda connection: endpoints.changes(connection, self.vault, since)))

    def due_now(self, endpoint_id: int) -> None:
        """Something of this endpoint was made due in the store."""
        self.worker.due_now(endpoint_id)
        self._tell(due=(endpoint_id,))

    def log_grew(self, log_id: int) -> None:
        """The log has grown up to this id; from any thread."""
        self.news.publish(log_id)
        self._tell(logged=log_id)

    def ready(self) -> dict[str, str]:
        """Each part with "ok", or why it does not work."""
        parts = {"store": "ok", "worker": "ok"}
        if self.membership is not None:
            parts["membership"] = (
                "ok" if self.membership.standing else "the store did not answer when it was asked last"
            )
        try:
            self.database.check()
        except Exception as error:
            parts["store"] = str(error)
        if self.stream_state is not None:
            parts["stream"] = self.stream_state()
        if not self.worker.alive:
            parts["worker"] = "the worker has stopped"
        return parts

    def _on_recorded(self, outcomes: Sequence[Outcome], log_ids: Sequence[int]) -> None:
        """On the writer's thread, once a batch."""
        self._figures.count(outcomes)
        if self._tracing is not None:
            self._tracing.attempted(outcomes)
        self.log_grew(log_ids[-1])

    def _on_accepted(self, deliveries: Sequence[Delivery]) -> None:
        """On the writer's thread, once a commit."""
        if self.signals is not None:  # on the hot path: nobody to tell, nothing to gather
            self._tell(due={delivery.endpoint_id for delivery in deliveries})
        if self._tracing is not None:
            self._tracing.accepted(deliveries)

    def _does_upkeep(self) -> bool:
        return self.membership is None or self.membership.has(leases.UPKEEP)

    def _tell(self, **news: Any) -> None:
        """Let the other nodes know, if there may be any."""
        if self.signals is not None:
            self.signals.tell(**news)

    def _on_heard(self, signal: Signal) -> None:
        """On the listener's thread: another node has news."""
        for endpoint_id in signal.due:
            self.worker.due_now(endpoint_id)
        if signal.endpoints or signal.missed:
            since = self.registry.version
            found = self.database.read_now(lambda connection: endpoints.changes(connection, self.vault, since))
            self._loop.call_soon_threadsafe(self._take, found)
        if signal.logged:
            self.news.publish(signal.logged)
        if signal.keys or signal.missed:
            self._loop.call_soon_threadsafe(self._known_keys.clear)
        if signal.leases and self.membership is not None:
            self.membership.look()
        if signal.missed:
            self.worker.look_again()

    def _take(self, found: endpoints.Changes) -> None:
        """Into the registry, which belongs to the loop, and on to the lanes."""
        for endpoint_id in self.registry.take(found):
            self.worker.endpoint_changed(endpoint_id)

    def _on_gone(self, endpoint: Endpoint) -> None:
        """On the worker's thread: the receiver answered 410 Gone, which asks for no more."""
        self._loop.call_soon_threadsafe(self._disable, endpoint)

    def _disable(self, endpoint: Endpoint) -> None:
        if self.registry.get(endpoint.id) is not endpoint:
            return  # edited or deleted meanwhile, or disabled already
        reason = "The receiver answered 410 Gone, which says that this URL wants no more webhooks."
        task = asyncio.create_task(connecting.disable(self, endpoint.account_id, endpoint.id, reason))
        self._disabling.add(task)
        task.add_done_callback(self._disabling.discard)
        log.warning("endpoint.disabled", endpoint_id=endpoint.id, reason=reason)


def open_vault(settings: Settings, database: Database) -> Vault:
    """The vault by the keys that were given, or by the one in the data folder; seals anew if a key is being rotated."""
    if settings.database_url and not settings.secret_keys:
        raise SettingsError(
            "PARCELHOOK_SECRET_KEY must be set where PARCELHOOK_DATABASE_URL is: every node needs the same key. "
            "`parcelhook keys secret` prints a new one."
        )
    keys = settings.secret_keys or (key_in_file(settings.data / "secret.key"),)
    vault = Vault(keys)
    database.write_now(lambda transaction: vaults.check(transaction.sql, vault))
    if vault.rotating:
        sealed = database.write_now(
            lambda transaction: (endpoints.seal_anew(transaction.sql, vault), hubs.seal_anew(transaction.sql, vault))
        )
        log.info("vault.rotated", endpoints=sealed[0], hubs=sealed[1])
    return vault


def _tracing(settings: Settings) -> Tracing | None:
    if not settings.traces_url:
        return None
    # Only where it is wanted: what it stands on takes longer to import than all the rest.
    from parcelhook.delivery.tracing import Tracing  # noqa: PLC0415

    return Tracing(settings.traces_url, settings.traces_share)


class _Figures(Collector):
    """What /metrics shows. Counted once a batch; read only when somebody asks."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._passed = 0
        self._failed = 0
        self._time_spent_ms = 0.0

    def count(self, outcomes: Sequence[Outcome]) -> None:
        """Add a batch of attempts."""
        passed = sum(outcome.attempt.passed for outcome in outcomes)
        self._passed += passed
        self._failed += len(outcomes) - passed
        self._time_spent_ms += sum(outcome.attempt.time_spent_ms for outcome in outcomes)

    def collect(self) -> Iterator[Metric]:
        """The figures in Prometheus' form."""
        yield CounterMetricFamily(
            "parcelhook_events_accepted", "Events accepted since the start", self._platform.intake.accepted_total
        )
        attempted = CounterMetricFamily("parcelhook_attempts", "Attempts recorded since the start", labels=["result"])
        attempted.add_metric(["passed"], self._passed)
        attempted.add_metric(["failed"], self._failed)
        yield attempted
        yield CounterMetricFamily(
            "parcelhook_time_spent_seconds", "Time Spent of all attempts together", self._time_spent_ms / 1_000
        )
        yield GaugeMetricFamily(
            "parcelhook_requests_in_flight", "Requests open right now", self._platform.worker.in_flight
        )
        yield GaugeMetricFamily(
            "parcelhook_unrecorded_outcomes", "Attempts that are not in the store yet", self._platform.worker.unrecorded
        )
        if self._platform.membership is not None:
            standing = self._platform.membership.standing
            yield GaugeMetricFamily(
                "parcelhook_partitions_owned",
                "Of the 64 partitions of endpoints, those that this node delivers for",
                len(standing.owned) if standing else 0,
            )
