"""The way out: which addresses may be reached, from which source, through which proxy."""

from __future__ import annotations

import socket
from urllib.parse import unquote, urlsplit

import certifi
import pycurl
from msgspec import Struct

from parcelhook.errors import SettingsError
from parcelhook.webhooks.addresses import AddressGuard

_PROXY_TYPES = {
    "http": pycurl.PROXYTYPE_HTTP,
    "socks5": pycurl.PROXYTYPE_SOCKS5,
}


class Proxy(Struct, frozen=True, kw_only=True):
    """An outgoing proxy. Names are resolved here, not there, so that the guard judges the address it will reach."""

    kind: str  # http or socks5
    host: str
    port: int
    username: str = ""
    password: str = ""


class Egress(Struct, frozen=True, kw_only=True):
    """How requests leave. `source` is a local address or interface to send from, "" for the system's choice."""

    guard: AddressGuard
    source: str = ""
    proxy: Proxy | None = None
    ca_file: str = ""  # the certificates that are trusted, "" for the public ones that come with certifi


def parse_proxy(text: str) -> Proxy | None:
    """`http://user:password@host:3128` or `socks5://host:1080`; None for an empty text."""
    if not text:
        return None
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in _PROXY_TYPES or not parts.hostname or not port:
        raise SettingsError(
            "PARCELHOOK_EGRESS_PROXY must look like http://host:3128 or socks5://user:password@host:1080."
        )
    return Proxy(
        kind=parts.scheme,
        host=parts.hostname,
        port=port,
        username=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
    )


def check_source(text: str) -> str:
    """A local IP address or the name of a network interface, if this machine has it."""
    if not text:
        return ""
    if any(text == name for _, name in socket.if_nameindex()):
        return text
    family = socket.AF_INET6 if ":" in text else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((text, 0))
    except OSError:
        raise SettingsError(
            f'PARCELHOOK_EGRESS_SOURCE: this machine has no address or network interface "{text}".'
        ) from None
    return text


def configure(handle: pycurl.Curl, egress: Egress) -> None:
    """Set what all requests leave by."""
    handle.setopt(pycurl.CAINFO, egress.ca_file or certifi.where())
    if egress.source:
        handle.setopt(pycurl.INTERFACE, egress.source)
    if egress.proxy is None:
        handle.setopt(pycurl.PROXY, "")  # an http_proxy in the environment is not ours to follow
        return
    proxy = egress.proxy
    host = f"[{proxy.host}]" if ":" in proxy.host else proxy.host
    handle.setopt(pycurl.PROXY, f"{proxy.kind}://{host}:{proxy.port}")
    handle.setopt(pycurl.PROXYTYPE, _PROXY_TYPES[proxy.kind])
    handle.setopt(pycurl.HTTPPROXYTUNNEL, 1)  # plain http as well: the proxy must connect where we say
    if proxy.username:
        handle.setopt(pycurl.PROXYUSERNAME, proxy.username)
        handle.setopt(pycurl.PROXYPASSWORD, proxy.password)


def resolve(host: str, port: int, guard: AddressGuard) -> tuple[str, str]:
    """An address of `host` that may be reached, and "" ; or "" and why none may. OSError if the name is unknown."""
    refusal = ""
    for *_, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        found = str(address[0])
        reason = guard.refusal(found)
        if reason is None:
            return found, ""
        refusal = reason
    return "", refusal
