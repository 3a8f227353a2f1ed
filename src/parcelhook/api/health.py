"""For those who watch over it: is it alive, is it ready, and what does it count."""

from __future__ import annotations

import asyncio
from typing import Any

from litestar import Response, get
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from parcelhook.api.given import ThePlatform


@get("/healthz", summary="Alive", tags=["Operation"])
async def healthz() -> dict[str, str]:
    """Whether the process answers at all."""
    return {"status": "ok"}


@get("/readyz", summary="Ready", tags=["Operation"])
async def readyz(platform: ThePlatform) -> Response[dict[str, Any]]:
    """Whether events are accepted and delivered: 200, or 503 with what does not work."""
    checks = await asyncio.get_running_loop().run_in_executor(None, platform.ready)
    fine = all(state == "ok" for state in checks.values())
    found: dict[str, Any] = {"status": "ok" if fine else "not ready", "checks": checks}
    if platform.membership is not None:
        standing = platform.membership.standing
        found["node"] = {
            "role": platform.settings.role,
            "number": standing.number if standing else None,
            "partitions": len(standing.owned) if standing else 0,
            "upkeep": bool(standing and standing.upkeep),
        }
    return Response(found, status_code=200 if fine else 503)


@get("/metrics", summary="Figures for Prometheus", tags=["Operation"], media_type="text/plain")
async def metrics(platform: ThePlatform) -> Response[bytes]:
    """Counters and gauges in Prometheus' text form."""
    return Response(generate_latest(platform.metrics_registry), media_type=CONTENT_TYPE_LATEST)
