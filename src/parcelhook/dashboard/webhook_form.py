"""The form of Add Webhook and Edit: what was typed, kept as typed, and the endpoint that it asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from litestar.datastructures import FormMultiDict
from msgspec import Struct
from msgspec.structs import replace

from parcelhook.dashboard import filter_form
from parcelhook.dashboard.filter_form import TypedFilters, at_its_field, filters_of
from parcelhook.edge.asking import chosen, chosen_event
from parcelhook.errors import InvalidInput
from parcelhook.shipping.events import EventKind
from parcelhook.webhooks.endpoint import (
    DEFAULT_CONCURRENCY,
    DEFAULT_TIMEOUT_MS,
    MAX_RETRY_COUNT,
    CustomHeader,
    Endpoint,
    Ordering,
    ResponseRule,
    flaws,
)
from parcelhook.webhooks.formats import Format

T = TypeVar("T")

CHOICES = {kind.choice: kind for kind in EventKind}


class HeaderRow(Struct, frozen=True):
    """A custom header as typed. `stored` says that its value is kept here and never shown: empty leaves it as it is."""

    key: str = ""
    value: str = ""
    stored: bool = False


class Typed(Struct, frozen=True, kw_only=True):
    """Every field of the form, as text."""

    url: str = ""
    label: str = ""
    events: frozenset[str] = frozenset()
    username: str = ""
    password: str = ""
    password_stored: bool = False
    password_removed: bool = False
    retry: bool = False
    retry_count: str = "5"
    with_headers: bool = False
    headers: tuple[HeaderRow, ...] = (HeaderRow(),)
    response_rule: str = ResponseRule.JSON.value
    ordering: str = Ordering.RELAXED.value
    timeout_s: str = str(DEFAULT_TIMEOUT_MS // 1_000)
    rate_limit: str = "0"
    concurrency: str = str(DEFAULT_CONCURRENCY)
    filters: TypedFilters = TypedFilters()
    format: str = Format.PAGE.value


def of_endpoint(endpoint: Endpoint) -> Typed:
    """The form as it stands for an endpoint that is there; credentials are not in it."""
    return Typed(
        url=endpoint.url,
        label=endpoint.label,
        events=frozenset(kind.choice for kind in endpoint.events),
        username=endpoint.username,
        password_stored=bool(endpoint.password),
        retry=endpoint.retry_count > 0,
        retry_count=str(endpoint.retry_count or 5),
        with_headers=bool(endpoint.custom_headers),
        headers=tuple(HeaderRow(header.key, "", stored=True) for header in endpoint.custom_headers) or (HeaderRow(),),
        response_rule=endpoint.response_rule.value,
        ordering=endpoint.ordering.value,
        timeout_s=f"{endpoint.timeout_ms / 1_000:g}",
        rate_limit=str(endpoint.rate_limit),
        concurrency=str(endpoint.concurrency),
        filters=filter_form.of_filters(endpoint.filters),
        format=endpoint.format.value,
    )


def of_form(form: FormMultiDict, stored: Endpoint | None) -> Typed:
    """The form as it was sent."""

    def text(name: str, default: str = "") -> str:
        return str(form.get(name, default)).strip()

    kept = {header.key.lower() for header in stored.custom_headers} if stored else set()
    keys, values = form.getall("header_key", []), form.getall("header_value", [])
    rows = [
        HeaderRow(str(key).strip(), str(value).strip(), stored=str(key).strip().lower() in kept)
        for key, value in zip(keys, values, strict=False)
        if str(key).strip() or str(value).strip()
    ]
    return Typed(
        url=text("url"),
        label=text("label"),
        events=frozenset(str(word) for word in form.getall("events", [])),
        username=text("username"),
        password=str(form.get("password", "")),
        password_stored=stored is not None and bool(stored.password),
        password_removed="password_removed" in form,
        retry="retry" in form,
        retry_count=text("retry_count", "5"),
        with_headers="with_headers" in form,
        headers=tuple(rows) or (HeaderRow(),),
        response_rule=text("response_rule", ResponseRule.JSON.value),
        ordering=text("ordering", Ordering.RELAXED.value),
        timeout_s=text("timeout_s", "15"),
        rate_limit=text("rate_limit", "0"),
        concurrency=text("concurrency", str(DEFAULT_CONCURRENCY)),
        filters=filter_form.of_form(form),
        format=text("format", Format.PAGE.value),
    )


def endpoint_of(typed: Typed, account_id: int, stored: Endpoint | None) -> tuple[Endpoint, list[InvalidInput]]:
    """The endpoint that the form asks for, and everything that is wrong with it."""
    found: list[InvalidInput] = []
    base = stored or Endpoint(id=0, account_id=account_id, url="", events=frozenset())
    fields: dict[str, Any] = {
        "url": typed.url,
        "label": typed.label,
        "events": _events(typed.events, found),
        "username": typed.username,
        "password": _password(typed, stored),
        "retry_count": _retry_count(typed.retry_count, found) if typed.retry else 0,
        "custom_headers": _headers(typed, stored, found) if typed.with_headers else (),
        "response_rule": _choice(
            "response_rule", typed.response_rule, {rule.value: rule for rule in ResponseRule}, found
        ),
        "ordering": _choice("ordering", typed.ordering, {order.value: order for order in Ordering}, found),
        "timeout_ms": _milliseconds(typed.timeout_s, found),
        "rate_limit": _number("rate_limit", typed.rate_limit, found),
        "concurrency": _number("concurrency", typed.concurrency, found),
        "filters": filters_of(typed.filters, found),
        "format": _choice("format", typed.format, {form.value: form for form in Format}, found),
    }
    if not fields["events"]:
        remedy = "Choose Order Shipped, Order Error or Tracking Updates; several are possible."
        found.append(_flaw("events", "", "A webhook needs at least one event.", remedy))
    endpoint = replace(base, **{name: value for name, value in fields.items() if value is not None})
    known = {flaw.field for flaw in found}
    return endpoint, found + [flaw for flaw in map(at_its_field, flaws(endpoint)) if flaw.field not in known]


def _events(words: frozenset[str], found: list[InvalidInput]) -> frozenset[EventKind]:
    kinds = set()
    for word in sorted(words):
        try:
            kinds.add(chosen_event("events", word))
        except InvalidInput as flaw:
            found.append(flaw)
    return frozenset(kinds)


def _password(typed: Typed, stored: Endpoint | None) -> str:
    if typed.password:
        return typed.password
    if stored is None or typed.password_removed or not typed.username:
        return ""
    return stored.password


def _headers(typed: Typed, stored: Endpoint | None, found: list[InvalidInput]) -> tuple[CustomHeader, ...]:
    kept: Mapping[str, str] = {header.key.lower(): header.value for header in stored.custom_headers} if stored else {}
    headers = []
    for index, row in enumerate(typed.headers):
        value = row.value or kept.get(row.key.lower(), "")
        if not row.key and not row.value:
            found.append(
                _flaw(
                    "custom_headers[0].key", "", "Custom Header is on, but has no Key.", "Give one, or switch it off."
                )
            )
            continue
        if not value:
            found.append(
                _flaw(
                    f"custom_headers[{index}].value",
                    "",
                    f'The header "{row.key[:100]}" has no value.',
                    "Give its value.",
                )
            )
        headers.append(CustomHeader(row.key, value))
    return tuple(headers)


def _retry_count(text: str, found: list[InvalidInput]) -> int | None:
    count = _number("retry_count", text, found)
    if count == 0:
        remedy = f"Give 1 to {MAX_RETRY_COUNT}, or switch Retry off."
        found.append(_flaw("retry_count", text, "Retry is on, but Count of Retry is 0.", remedy))
    return count


def _number(field: str, text: str, found: list[InvalidInput]) -> int | None:
    if text.isascii() and text.isdigit() and len(text) < 10:
        return int(text)
    found.append(_flaw(field, text, f'"{text[:50]}" is not a whole number.', "Give one, such as 5."))
    return None


def _milliseconds(text: str, found: list[InvalidInput]) -> int | None:
    try:
        seconds = float(text.replace(",", "."))
    except ValueError:
        seconds = float("nan")
    if 1 <= seconds <= 30:
        return round(seconds * 1_000)
    found.append(_flaw("timeout_ms", text, f'"{text[:50]}" is not a time limit.', "Give 1 to 30 seconds."))
    return None


def _choice(field: str, word: str, choices: dict[str, T], found: list[InvalidInput]) -> T | None:
    try:
        return chosen(field, word, choices)
    except InvalidInput as flaw:
        found.append(flaw)
        return None


def _flaw(field: str, value: str, message: str, remedy: str) -> InvalidInput:
    return InvalidInput(message, field=field, value=value[:100], remedy=remedy)
