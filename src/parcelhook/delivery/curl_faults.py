"""From libcurl's error numbers to our faults."""

from __future__ import annotations

import errno
from typing import Final

import pycurl

from parcelhook.webhooks.exchange import NoAnswer
from parcelhook.webhooks.faults import Fault

# libcurl and OpenSSL numbers that pycurl has no name for.
_CURLE_PROXY: Final = 97
_CURLE_TOO_LARGE: Final = 100
_X509_EXPIRED: Final = frozenset({9, 10})  # not yet valid, has expired
_X509_SELF_SIGNED: Final = frozenset({18, 19})
_X509_WRONG_HOST: Final = frozenset({62, 64})

_RESET: Final = frozenset({
    pycurl.E_GOT_NOTHING, pycurl.E_RECV_ERROR, pycurl.E_SEND_ERROR, pycurl.E_PARTIAL_FILE, pycurl.E_HTTP2,
})  # fmt: skip
_NOT_HTTP: Final = frozenset({pycurl.E_UNSUPPORTED_PROTOCOL, pycurl.E_BAD_CONTENT_ENCODING, 8})
_UNREACHABLE: Final = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL})


def explain(curl: pycurl.Curl, error: int, message: str, refusal: str, *, proxied: bool) -> NoAnswer:
    """Which fault it was. `refusal` is the guard's sentence if it refused an address on the way."""
    if refusal and error == pycurl.E_COULDNT_CONNECT:
        return NoAnswer(fault=Fault.ADDRESS_REFUSED, detail=refusal)
    return NoAnswer(fault=_fault(curl, error, message, proxied=proxied), detail=message)


def _fault(curl: pycurl.Curl, error: int, message: str, *, proxied: bool) -> Fault:
    if proxied and _blames_proxy(curl, error):
        return Fault.PROXY
    if error == pycurl.E_COULDNT_RESOLVE_HOST:
        return Fault.DNS
    if error == pycurl.E_COULDNT_CONNECT:
        return Fault.UNREACHABLE if curl.getinfo(pycurl.OS_ERRNO) in _UNREACHABLE else Fault.REFUSED
    if error == pycurl.E_OPERATION_TIMEDOUT:
        return _timeout(curl)
    if error == pycurl.E_PEER_FAILED_VERIFICATION:
        return _untrusted(curl, message)
    if error == pycurl.E_SSL_CONNECT_ERROR:
        return Fault.RESET if "reset" in message.lower() else Fault.TLS_OTHER
    if error == _CURLE_TOO_LARGE or "response headers" in message:
        return Fault.HEADERS_TOO_LARGE
    if error in _RESET:
        return Fault.RESET
    if error in _NOT_HTTP:
        return Fault.NOT_HTTP
    return Fault.OTHER


def _blames_proxy(curl: pycurl.Curl, error: int) -> bool:
    """Whether our way out failed before the endpoint could be at fault.

    A proxy that answers our CONNECT with a status, or a SOCKS reply, has refused; one that cannot be reached gives a
    connect error or a timeout before the connection stood.
    """
    if error in {pycurl.E_COULDNT_RESOLVE_PROXY, _CURLE_PROXY, pycurl.E_COULDNT_CONNECT}:
        return True
    if error == pycurl.E_OPERATION_TIMEDOUT:
        return not curl.getinfo(pycurl.CONNECT_TIME_T)
    connect_status: int = curl.getinfo(pycurl.HTTP_CONNECTCODE)
    return error == pycurl.E_RECV_ERROR and connect_status != 200


def _timeout(curl: pycurl.Curl) -> Fault:
    """Which phase it was in. Once the time is up libcurl fills in later times too, so those that precede are asked."""
    if curl.getinfo(pycurl.REQUEST_SIZE):
        return Fault.TIMEOUT_BODY if curl.getinfo(pycurl.STARTTRANSFER_TIME_T) else Fault.TIMEOUT_FIRST_BYTE
    if curl.getinfo(pycurl.CONNECT_TIME_T):
        return Fault.TIMEOUT_TLS
    return Fault.TIMEOUT_CONNECT if curl.getinfo(pycurl.NAMELOOKUP_TIME_T) else Fault.TIMEOUT_DNS


def _untrusted(curl: pycurl.Curl, message: str) -> Fault:
    result = curl.getinfo(pycurl.SSL_VERIFYRESULT)
    if result in _X509_EXPIRED:
        return Fault.TLS_EXPIRED
    if result in _X509_SELF_SIGNED:
        return Fault.TLS_SELF_SIGNED
    if result in _X509_WRONG_HOST or "subject name" in message or "does not match" in message:
        return Fault.TLS_WRONG_HOST
    return Fault.TLS_OTHER
