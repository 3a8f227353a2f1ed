"""The platform of one process: what happens when the worker itself breaks."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from parcelhook.delivery import connecting, worker
from parcelhook.delivery.platform import Platform
from parcelhook.settings import load
from parcelhook.shipping.events import EventKind, sample
from parcelhook.store import events
from parcelhook.store.schema import DeliveryState
from parcelhook.webhooks.endpoint import Endpoint
from receiver import Receiver
from server import wait_until

LIMIT_S = 15


def settings(folder: Path) -> Any:
    return load({"PARCELHOOK_DATA": str(folder / "data"), "PARCELHOOK_EGRESS_ALLOW": "127.0.0.1/32"})


async def accept(platform: Platform, url: str) -> str:
    """An event for a webhook that was saved unverified; its id."""
    draft = Endpoint(id=0, account_id=1, url=url, events=frozenset(EventKind))
    await connecting.connect(platform, draft, verify=False)
    (accepted,) = await platform.intake.accept(1, [sample(EventKind.TRACKING_UPDATE)])
    return accepted.id


def test_a_worker_that_breaks_is_told_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, receiver: Receiver
) -> None:
    async def broken() -> str:
        crashed = asyncio.Event()
        loop = asyncio.get_running_loop()
        platform = Platform(settings(tmp_path), crashed=lambda _: loop.call_soon_threadsafe(crashed.set))
        platform.start()
        name = await accept(platform, receiver.url())
        await asyncio.wait_for(crashed.wait(), LIMIT_S)
        await loop.run_in_executor(None, wait_until, lambda: platform.ready()["worker"] != "ok")
        await platform.intake.accept(1, [sample(EventKind.ORDER_ERROR)])  # still durable: the next start delivers it
        await platform.close()
        return name

    async def mended(name: str) -> DeliveryState:
        platform = Platform(settings(tmp_path), crashed=lambda _: None)
        platform.start()
        await asyncio.get_running_loop().run_in_executor(None, receiver.wait_for, 3)
        event = await platform.database.read(lambda connection: events.one(connection, 1, name))
        assert event is not None
        await platform.close()
        opened = Platform(settings(tmp_path), crashed=lambda _: None)
        found = await opened.database.read(lambda connection: events.deliveries_of(connection, event.id))
        await opened.close()
        return found[0].state

    def fault(*_: object, **__: object) -> None:
        raise RuntimeError("a fault of ours")

    with monkeypatch.context() as patched:
        patched.setattr(worker, "conclude", fault)
        patched.setattr("threading.excepthook", lambda _: None)
        name = asyncio.run(broken())
    assert asyncio.run(mended(name)) is DeliveryState.DELIVERED
