"""An endpoint: a connected webhook, and what a valid one is.

The help page's form, field by field: URL, one or several of three events, optional Username and Password, Retry with a
Count of Retry up to 10, Custom Header with Key and Value. What goes beyond the page (several headers, time limit, rate,
concurrency, ordering, response rule, own retry schedule, filters, format) has defaults that a merchant need not touch.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import StrEnum
from ipaddress import ip_address
from urllib.parse import urlsplit

from msgspec import Struct
from msgspec.structs import replace

from parcelhook.errors import InvalidInput
from parcelhook.shipping.events import EventKind
from parcelhook.webhooks import filters
from parcelhook.webhooks.filters import NO_FILTERS, Filters
from parcelhook.webhooks.formats import Format

MAX_RETRY_COUNT = 10  # the page: "set the maximum Count of Retry up to 10 times"
MAX_CUSTOM_HEADERS = 20
MAX_HEADER_VALUE = 4_096  # characters
MAX_URL = 2_000  # characters
LONGEST_LABEL = 63  # characters between two dots of a host name (RFC 1035)
MAX_CREDENTIAL = 1_000  # characters
DEFAULT_TIMEOUT_MS = 15_000
DEFAULT_CONCURRENCY = 16

# Headers that Parcelhook itself sets, or that would change how the request is framed.
RESERVED_HEADERS = frozenset({
    "connection", "content-encoding", "content-length", "content-type", "date", "expect", "host", "keep-alive",
    "proxy-authorization", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "user-agent", "via",
})  # fmt: skip
RESERVED_PREFIXES = ("webhook-", "x-webhook-", "ce-", "proxy-")

_HEADER_KEY = re.compile(r"^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,128}$")  # RFC 9110, token
_HEADER_VALUE = re.compile(r"^[\x20-\x7e\t]*$")  # RFC 9110 field-value, without obs-text
_HOST = re.compile(r"^[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?\.?$")
_ODD_IPV4 = re.compile(r"^(0x[0-9a-f]*|[0-9]+)(\.(0x[0-9a-f]*|[0-9]+)){0,3}\.?$", re.IGNORECASE)


class ResponseRule(StrEnum):
    """What counts as passed: the page's rule (2xx with JSON, or 204), or any 2xx."""

    JSON = "json"
    ANY_2XX = "any_2xx"


class Ordering(StrEnum):
    """`relaxed`: in order unless one is failing. `strict`: later events of a shipment wait until that one has ended."""

    RELAXED = "relaxed"
    STRICT = "strict"


class EndpointState(StrEnum):
    """`active` receives; `disabled` receives nothing, what is due for it waits until it is enabled again."""

    ACTIVE = "active"
    DISABLED = "disabled"


class CustomHeader(Struct, frozen=True):
    """A header of the merchant's own, sent with every request; the value is a secret."""

    key: str
    value: str


class SigningSecret(Struct, frozen=True):
    """A secret that requests are signed with (`whsec_...`); after a rotation the old one signs too, until `until_ms`."""

    secret: str
    until_ms: int | None = None


class Endpoint(Struct, frozen=True, kw_only=True):
    """A connected webhook with its credentials in the clear: never log one, never answer with one."""

    id: int
    account_id: int
    url: str
    label: str = ""
    events: frozenset[EventKind]
    username: str = ""
    password: str = ""
    retry_count: int = 0  # 0 is "Retry off"
    custom_headers: tuple[CustomHeader, ...] = ()
    secrets: tuple[SigningSecret, ...] = ()  # newest first
    response_rule: ResponseRule = ResponseRule.JSON
    ordering: Ordering = Ordering.RELAXED
    retry_schedule: tuple[float, ...] = ()  # seconds; empty: the server's
    timeout_ms: int = DEFAULT_TIMEOUT_MS
    rate_limit: int = 0  # deliveries per second, 0 for none
    concurrency: int = DEFAULT_CONCURRENCY
    filters: Filters = NO_FILTERS
    format: Format = Format.PAGE
    state: EndpointState = EndpointState.ACTIVE
    state_reason: str = ""
    verified: bool = False
    created_ms: int = 0
    updated_ms: int = 0

    def __repr__(self) -> str:
        """Without its secrets, so that none reaches a log or a test's output by accident."""
        return f"Endpoint(id={self.id}, url={self.url!r}, state={self.state.value!r})"


def check(endpoint: Endpoint) -> Endpoint:
    """The same endpoint with URL and filters in normal form, or InvalidInput naming the field, the value and the remedy."""
    found = flaws(endpoint)
    if found:
        raise found[0]
    return replace(endpoint, url=check_url(endpoint.url), filters=filters.normal(endpoint.filters))


def flaws(endpoint: Endpoint) -> list[InvalidInput]:
    """Everything that is wrong with an endpoint, in the order of the page's form; a form shows all of it at once."""
    found = []
    for rule in _RULES:
        try:
            rule(endpoint)
        except InvalidInput as flaw:
            found.append(flaw)
    return found + filters.flaws(endpoint.filters)


def check_url(url: str) -> str:
    """The URL in normal form, or InvalidInput. Refused are forms that hide which host they mean.

    Those are: user and password in the URL, IPv4 written as one number or in octal or hex, IPv6 that wraps an IPv4
    address. Whether the host may be reached at all is the sender's question, asked at the socket.
    """
    remedy = "Give the address of your server, such as https://shop.example/webhooks."
    if not url or len(url) > MAX_URL:
        raise InvalidInput(
            f"A URL of 1 to {MAX_URL} characters is needed.", field="url", value=url[:100], remedy=remedy
        )
    if any(ord(c) <= 0x20 or ord(c) == 0x7F or c in '\\<>"`{}|^' for c in url):
        raise InvalidInput(
            "The URL holds a space, a line break or a character that must be percent-encoded.",
            field="url", value=url, remedy="Percent-encode it (a space is %20)." ,
        )  # fmt: skip
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as fault:
        raise InvalidInput(f"The URL cannot be read: {fault}.", field="url", value=url, remedy=remedy) from None
    if parts.scheme.lower() not in {"http", "https"}:
        raise InvalidInput(
            f'A URL must begin with https:// or http://, not with "{parts.scheme or url[:20]}".',
            field="url", value=url, remedy=remedy,
        )  # fmt: skip
    if "@" in parts.netloc:
        raise InvalidInput(
            "User and password do not belong in the URL.",
            field="url", value=f"{parts.scheme}://…@{parts.netloc.rpartition('@')[2]}{parts.path}",
            remedy="Put them into Username and Password.",
        )  # fmt: skip
    host = parts.hostname or ""
    if port == 0:
        raise InvalidInput("Port 0 cannot be connected to.", field="url", value=url, remedy=remedy)
    host = _check_host(host, url, remedy)
    netloc = host if port is None else f"{host}:{port}"
    path = parts.path or "/"
    if not path.isascii() or not parts.query.isascii():
        raise InvalidInput(
            "The path of the URL holds a character outside ASCII.",
            field="url", value=url, remedy="Percent-encode it (é is %C3%A9).",
        )  # fmt: skip
    query = f"?{parts.query}" if parts.query else ""
    return f"{parts.scheme.lower()}://{netloc}{path}{query}"  # the fragment never goes over the wire


def _check_host(host: str, url: str, remedy: str) -> str:
    if not host:
        raise InvalidInput("The URL names no host.", field="url", value=url, remedy=remedy)
    if ":" in host:
        return _check_ipv6(host, url)
    if not host.isascii():
        try:
            host = host.encode("idna").decode("ascii")
        except UnicodeError:
            raise InvalidInput(f'"{host}" is not a host name.', field="url", value=url, remedy=remedy) from None
    if _ODD_IPV4.match(host):
        try:
            return str(ip_address(host))
        except ValueError:
            raise InvalidInput(
                f'"{host}" is an IPv4 address in an odd form (one number, octal or hexadecimal).',
                field="url", value=url, remedy="Write it as four decimal numbers, such as 203.0.113.7.",
            ) from None  # fmt: skip
    too_long = len(host) > 253 or any(len(label) > LONGEST_LABEL for label in host.split("."))
    if too_long or ".." in host or not _HOST.match(host):
        raise InvalidInput(f'"{host}" is not a host name.', field="url", value=url, remedy=remedy)
    return host.lower()


def _check_ipv6(host: str, url: str) -> str:
    try:
        address = ip_address(host)
    except ValueError:
        raise InvalidInput(
            f'"{host}" is not an IPv6 address.', field="url", value=url, remedy="Write it as [2001:db8::7]."
        ) from None
    if "%" in host:
        raise InvalidInput(
            "An IPv6 address with a zone is reachable from one machine only.",
            field="url", value=url, remedy="Use a public address or a host name.",
        )  # fmt: skip
    if address.version == 6 and (address.ipv4_mapped or address.sixtofour or address.teredo):
        raise InvalidInput(
            f'"{host}" hides an IPv4 address in an IPv6 one.',
            field="url", value=url, remedy="Write the IPv4 address itself.",
        )  # fmt: skip
    return f"[{address.compressed}]"


def check_events(events: frozenset[EventKind]) -> None:
    """At least one event must be chosen, else InvalidInput."""
    if not events:
        raise InvalidInput(
            "An endpoint needs at least one event.",
            field="events",
            value=[],
            remedy="Choose one or several of order_shipped, order_error, tracking_update.",
        )


def _check_credentials(username: str, password: str) -> None:
    for field, value in (("username", username), ("password", password)):
        _check_length(field, value, MAX_CREDENTIAL, secret=field == "password")
        if any(ord(c) < 0x20 or ord(c) == 0x7F for c in value):
            raise InvalidInput(f"The {field} holds a control character.", field=field, remedy="Type it without.")
    if ":" in username:
        raise InvalidInput(
            "A Username cannot hold a colon: Basic authentication separates it from the Password by one.",
            field="username", value=username, remedy="Leave the colon out.",
        )  # fmt: skip
    if password and not username:
        raise InvalidInput(
            "A Password needs a Username.", field="username", value="", remedy="Give both, or leave both empty."
        )


def _check_headers(headers: tuple[CustomHeader, ...], *, has_username: bool) -> None:
    if len(headers) > MAX_CUSTOM_HEADERS:
        raise InvalidInput(
            f"{len(headers)} custom headers are more than the {MAX_CUSTOM_HEADERS} an endpoint may have.",
            field="custom_headers", value=len(headers), remedy=f"Keep at most {MAX_CUSTOM_HEADERS}.",
        )  # fmt: skip
    seen: set[str] = set()
    for index, header in enumerate(headers):
        field = f"custom_headers[{index}].key"
        key = header.key.lower()
        if not _HEADER_KEY.match(header.key):
            raise InvalidInput(
                f"{header.key[:100]!r} is not a header name.",
                field=field, value=header.key[:100], remedy="Use letters, digits and dashes, such as X-Api-Key.",
            )  # fmt: skip
        if key in RESERVED_HEADERS or key.startswith(RESERVED_PREFIXES):
            raise InvalidInput(
                f'"{header.key}" is set by Parcelhook itself.',
                field=field, value=header.key, remedy="Choose another name, such as X-Api-Key.",
            )  # fmt: skip
        if key == "authorization" and has_username:
            raise InvalidInput(
                "Username and Password already make the Authorization header.",
                field=field, value=header.key, remedy="Remove this header, or the Username and Password.",
            )  # fmt: skip
        if key in seen:
            raise InvalidInput(f'"{header.key}" is there twice.', field=field, value=header.key, remedy="Keep one.")
        seen.add(key)
        if len(header.value) > MAX_HEADER_VALUE or not _HEADER_VALUE.match(header.value):
            raise InvalidInput(
                f'The value of "{header.key}" holds a line break or another character that a header cannot carry, '
                f"or more than {MAX_HEADER_VALUE} characters.",
                field=f"custom_headers[{index}].value", remedy="Use printable ASCII characters on one line.",
            )  # fmt: skip


def _check_schedule(schedule: tuple[float, ...]) -> None:
    if len(schedule) > MAX_RETRY_COUNT:
        raise InvalidInput(
            f"A retry schedule has at most {MAX_RETRY_COUNT} waits.",
            field="retry_schedule", value=list(schedule), remedy="Give one wait in seconds for each retry.",
        )  # fmt: skip
    for index, wait in enumerate(schedule):
        if not 0 <= wait <= 7 * 86_400:  # also refuses NaN
            raise InvalidInput(
                "A wait between retries is 0 to 604800 seconds (7 days).",
                field=f"retry_schedule[{index}]", value=str(wait), remedy="Give it in seconds.",
            )  # fmt: skip


def _check_number(field: str, value: int, low: int, high: int, remedy: str) -> None:
    if not low <= value <= high:
        raise InvalidInput(f"{field} must be {low} to {high}, not {value}.", field=field, value=value, remedy=remedy)


def _check_length(field: str, value: str, longest: int, *, secret: bool = False) -> None:
    if len(value) > longest:
        raise InvalidInput(
            f"The {field} has {len(value)} characters, at most {longest} are possible.",
            field=field, value=None if secret else value[:100], remedy="Shorten it.",
        )  # fmt: skip


_RULES: tuple[Callable[[Endpoint], object], ...] = (
    lambda endpoint: check_url(endpoint.url),
    lambda endpoint: check_events(endpoint.events),
    lambda endpoint: _check_length("label", endpoint.label, 200),
    lambda endpoint: _check_credentials(endpoint.username, endpoint.password),
    lambda endpoint: _check_number(
        "retry_count", endpoint.retry_count, 0, MAX_RETRY_COUNT, 'Count of Retry goes up to 10; 0 is "Retry off".'
    ),
    lambda endpoint: _check_headers(endpoint.custom_headers, has_username=bool(endpoint.username)),
    lambda endpoint: _check_number(
        "timeout_ms", endpoint.timeout_ms, 1_000, 30_000, "Give the time limit in milliseconds."
    ),
    lambda endpoint: _check_number(
        "rate_limit", endpoint.rate_limit, 0, 10_000, "Deliveries per second; 0 is no limit."
    ),
    lambda endpoint: _check_number(
        "concurrency", endpoint.concurrency, 1, 100, "How many requests may be open at once."
    ),
    lambda endpoint: _check_schedule(endpoint.retry_schedule),
)
