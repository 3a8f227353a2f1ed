"""For those who watch over it: is it alive, is it ready, and what does it count."""

from __future__ import annotations

import asyncio
from typing import Any

from litestar import Response, get
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from parcelhook.api.given import ThePlatform
from parcelhook.store import leases


@get("/healthz", summary="Alive", tags=["Operation"])
async def healthz() -> dict[str, str]:
    """Whether the process answers at all."""
    return {"status": "ok"}


@get("/readyz", summary="Ready", tags=["Operation"])
async def readyz(platform: ThePlatform) -> Response[dict[str, Any]]:
    """Whether events are accepted and delivered: 200, or 503 with what does not work."""
    checks = await asyncio.get_running_loop().run_in_executor(None, platform.ready)
    wrong = {name for name, state in checks.items() if state != "ok"}
    # With a stream events are accepted while the store is away; a node that takes them is not to be taken out for that.
    accepting = checks.get("stream") == "ok" and wrong <= {"store", "membership"}
    fine = not wrong or (accepting and platform.settings.role != "worker")
    status = "ok" if not wrong else "accepting" if fine else "not ready"
    found: dict[str, Any] = {"status": status, "checks": checks}
    if platform.membership is not None:
        standing = platform.membership.standing
        found["node"] = {
            "role": platform.settings.role,
            "number": standing.number if standing else None,
            "partitions": len(standing.owned) if standing else 0,
            "duties": [name for name, duty in leases.DUTIES.items() if platform.membership.has(duty)],
        }
    return Response(found, status_code=200 if fine else 503)


@get("/metrics", summary="Figures for Prometheus", tags=["Operation"], media_type="text/plain")
async def metrics(platform: ThePlatform) -> Response[bytes]:
    """Counters and gauges in Prometheus' text form."""
    return Response(generate_latest(platform.metrics_registry), media_type=CONTENT_TYPE_LATEST)
