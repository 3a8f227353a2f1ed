"""Errors as HTTP answers: `application/problem+json` (RFC 9457) with a stable `code` and words for people."""

from __future__ import annotations

import secrets
from typing import Any, Final

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException

from parcelhook.errors import Busy, NotAuthenticated, ParcelhookError

MEDIA_TYPE: Final = "application/problem+json"

# On every answer. Nothing here needs a script, a frame or a foreign host; the reference needs its own style sheet only.
SECURITY_HEADERS: Final = [
    (
        b"content-security-policy",
        b"default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
]

log = structlog.get_logger(__name__)

_TITLES = {
    400: ("bad_request", "The request could not be read"),
    401: ("not_authenticated", "An API key is needed"),
    404: ("not_found", "Not found"),
    405: ("method_not_allowed", "This method is not possible here"),
    413: ("payload_too_large", "Too much at once"),
    415: ("unsupported_media_type", "This Content-Type is not read here"),
}


def document(error: ParcelhookError) -> dict[str, Any]:
    """The problem document of one of our errors."""
    return _document(error.status, error.code, error.title, error.message) | error.details()


def problem_answer(error: ParcelhookError) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    """Status, headers and body for the route that answers by hand."""
    headers = [(b"content-type", MEDIA_TYPE.encode()), *SECURITY_HEADERS]
    headers += [(name.lower().encode(), value.encode()) for name, value in _headers(error).items()]
    return error.status, headers, msgspec.json.encode(document(error))


def fault_answer(method: str, path: str, error: Exception) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    """The same for a fault of ours."""
    headers = [(b"content-type", MEDIA_TYPE.encode()), *SECURITY_HEADERS]
    return 500, headers, msgspec.json.encode(_incident(method, path, error))


def on_parcelhook_error(_request: Request[Any, Any, Any], error: ParcelhookError) -> Response[bytes]:
    """One of our own, raised below."""
    return _response(error.status, document(error), _headers(error))


def on_http_exception(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """The framework's own: no such route, wrong method, a body that it could not read."""
    if error.status_code >= 500:
        return on_unexpected(request, error)
    code, title = _TITLES.get(error.status_code, ("bad_request", "The request could not be read"))
    words = {
        404: f"There is nothing at {request.url.path}. The reference is at /docs.",
        405: f"{request.method} is not possible at {request.url.path}. The reference is at /docs.",
    }
    headers = {key: value for key, value in (error.headers or {}).items() if key.lower() == "allow"}
    return _response(
        error.status_code,
        _document(error.status_code, code, title, words.get(error.status_code, error.detail)),
        headers,
    )


def on_unexpected(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """A fault of ours: logged whole under a number that the answer names, and no word of it in the answer."""
    return _response(500, _incident(request.method, request.url.path, error), {})


def _incident(method: str, path: str, error: Exception) -> dict[str, Any]:
    incident = secrets.token_hex(4)
    log.error("api.fault", incident=incident, method=method, path=path, exc_info=error)
    words = f"This is a fault of the server, logged as incident {incident}. Nothing you sent is to blame."
    return _document(500, "internal_error", "Something went wrong", words) | {"incident": incident}


def _document(status: int, code: str, title: str, detail: str) -> dict[str, Any]:
    return {"type": f"/docs#error-{code}", "title": title, "status": status, "code": code, "detail": detail}


def _headers(error: ParcelhookError) -> dict[str, str]:
    if isinstance(error, NotAuthenticated):
        return {"WWW-Authenticate": 'Bearer realm="parcelhook"'}
    if isinstance(error, Busy):
        return {"Retry-After": str(error.retry_after_s)}
    return {}


def _response(status: int, content: dict[str, Any], headers: dict[str, str]) -> Response[bytes]:
    return Response(msgspec.json.encode(content), status_code=status, media_type=MEDIA_TYPE, headers=headers)
