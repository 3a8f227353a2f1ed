"""The API without its hot route: everything that is asked now and then, on Litestar."""

from __future__ import annotations

from litestar import Litestar
from litestar.datastructures import State
from litestar.di import Provide
from litestar.exceptions import HTTPException
from litestar.types import Message, Scope

from parcelhook.api import (
    deliveries,
    endpoints,
    events,
    health,
    hubs,
    insights,
    logs,
    reference,
    set_aside,
    shipments,
    statuses,
)
from parcelhook.api.auth import account_of
from parcelhook.api.problems import SECURITY_HEADERS, on_http_exception, on_parcelhook_error, on_unexpected
from parcelhook.delivery.platform import Platform
from parcelhook.errors import ParcelhookError

HANDLERS = (
    endpoints.router,
    events.router,
    deliveries.router,
    set_aside.router,
    logs.router,
    shipments.router,
    insights.router,
    hubs.router,
    hubs.inbound,
    statuses.statuses,
    health.healthz,
    health.readyz,
    health.metrics,
)


PATHS = ("/v1/", "/inbound/", "/docs", "/openapi.json", "/healthz", "/readyz", "/metrics")


def is_of_api(path: str) -> bool:
    """Whether a path belongs to the API and not to the pages."""
    return path.startswith(PATHS) or path == "/v1"


def create_api(platform: Platform) -> Litestar:
    """The ASGI application."""
    return Litestar(
        route_handlers=[*HANDLERS, *described().handlers],
        dependencies=_dependencies(platform),
        exception_handlers={
            ParcelhookError: on_parcelhook_error,
            HTTPException: on_http_exception,
            Exception: on_unexpected,
        },
        before_send=[_add_headers],
        state=State({"platform": platform}),
        openapi_config=None,  # `reference` makes the document, and a page of ours shows it
        logging_config=None,
    )


def described() -> reference.Reference:
    """The reference of these handlers."""
    return reference.Reference(HANDLERS, _dependencies(None))


async def _add_headers(message: Message, _scope: Scope) -> None:
    """Here and not as the application's response headers, which the framework leaves off every error."""
    if message["type"] == "http.response.start":
        message["headers"] = [*message["headers"], *SECURITY_HEADERS]


def _dependencies(platform: Platform | None) -> dict[str, Provide]:
    return {
        "platform": Provide(lambda: platform, sync_to_thread=False),
        "account_id": Provide(account_of, sync_to_thread=False),
    }
