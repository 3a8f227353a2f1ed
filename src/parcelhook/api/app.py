"""The API without its hot route: everything that is asked now and then, on Litestar."""

from __future__ import annotations

from litestar import Litestar
from litestar.datastructures import ResponseHeader, State
from litestar.di import Provide
from litestar.exceptions import HTTPException

from parcelhook.api import deliveries, endpoints, events, health, logs, reference, statuses
from parcelhook.api.auth import account_of
from parcelhook.api.problems import on_http_exception, on_parcelhook_error, on_unexpected
from parcelhook.delivery.platform import Platform
from parcelhook.errors import ParcelhookError

HANDLERS = (
    endpoints.router,
    events.router,
    deliveries.router,
    logs.router,
    statuses.statuses,
    health.healthz,
    health.readyz,
    health.metrics,
)

# Nothing here needs a script, a frame or a foreign host; the reference needs its own style sheet and nothing else.
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}


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
        response_headers=[ResponseHeader(name=name, value=value) for name, value in _HEADERS.items()],
        state=State({"platform": platform}),
        openapi_config=None,  # `reference` makes the document, and a page of ours shows it
        logging_config=None,
    )


def described() -> reference.Reference:
    """The reference of these handlers."""
    return reference.Reference(HANDLERS, _dependencies(None))


def _dependencies(platform: Platform | None) -> dict[str, Provide]:
    return {
        "platform": Provide(lambda: platform, sync_to_thread=False),
        "account_id": Provide(account_of, sync_to_thread=False),
    }
