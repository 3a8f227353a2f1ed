"""The faults of an exchange that has no usable HTTP status: what kept an answer from coming.

Their meaning, cause and remedy stand in the one table in `webhooks.catalogue`.
"""

from __future__ import annotations

from enum import StrEnum


class Fault(StrEnum):
    """Why no answer came. The value is the stable code in API, log and docs."""

    ADDRESS_REFUSED = "address_refused"  # our own guard: private, loopback, link-local ...
    DNS = "dns_not_found"
    REFUSED = "connection_refused"
    UNREACHABLE = "network_unreachable"
    RESET = "connection_reset"
    TLS_EXPIRED = "tls_expired"
    TLS_SELF_SIGNED = "tls_self_signed"
    TLS_WRONG_HOST = "tls_wrong_host"
    TLS_OTHER = "tls_failed"
    TIMEOUT_DNS = "timeout_dns"
    TIMEOUT_CONNECT = "timeout_connect"
    TIMEOUT_TLS = "timeout_tls"
    TIMEOUT_FIRST_BYTE = "timeout_first_byte"
    TIMEOUT_BODY = "timeout_body"
    HEADERS_TOO_LARGE = "answer_headers_too_large"
    NOT_HTTP = "not_http"
    PROXY = "proxy_failed"  # our own way out, never the endpoint's fault
    OTHER = "exchange_failed"
