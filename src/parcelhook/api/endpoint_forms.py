"""What the routes of endpoints take and show, and how the one becomes the other."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType

from parcelhook import times
from parcelhook.edge.asking import chosen, chosen_event
from parcelhook.errors import InvalidInput
from parcelhook.shipping.events import EventKind
from parcelhook.store import ids
from parcelhook.webhooks.endpoint import (
    DEFAULT_CONCURRENCY,
    DEFAULT_TIMEOUT_MS,
    MAX_RETRY_COUNT,
    CustomHeader,
    Endpoint,
    Ordering,
    ResponseRule,
)
from parcelhook.webhooks.filters import NO_FILTERS, Filters
from parcelhook.webhooks.formats import Format
from parcelhook.webhooks.retry import timetable

RULES = {rule.value: rule for rule in ResponseRule}
ORDERINGS = {ordering.value: ordering for ordering in Ordering}
FORMATS = {form.value: form for form in Format}


class HeaderInput(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A custom header. On an edit, one without `value` keeps the value that is stored under its key."""

    key: str
    value: str | UnsetType = UNSET


Url = Annotated[str, Meta(description="Where the events are sent: https:// or http://")]
Events = Annotated[list[str], Meta(description="One or several of `order_shipped`, `order_error`, `tracking_update`")]
Retry = Annotated[bool, Meta(description="Whether a failed webhook is sent again")]
RetryCount = Annotated[
    int, Meta(description="Count of Retry, up to 10", extra_json_schema={"minimum": 0, "maximum": MAX_RETRY_COUNT})
]
Schedule = Annotated[list[float], Meta(description="Seconds before each retry; empty: the server's schedule")]
Rule = Annotated[str, Meta(description="`json` (2xx with JSON, or 204) or `any_2xx`")]
Order = Annotated[
    str, Meta(description="`relaxed`, or `strict`: later events of a shipment wait for an earlier one that is failing")
]
Timeout = Annotated[int, Meta(description="Milliseconds for the whole exchange, 1000 to 30000")]
Rate = Annotated[int, Meta(description="Deliveries per second at most, 0 for no limit")]
Concurrency = Annotated[int, Meta(description="Requests open at once, 1 to 100")]
Filtered = Annotated[Filters | None, Meta(description="Which of the events are sent; null or {} sends all of them")]
Form = Annotated[str, Meta(description="`page` (the body alone), `standard`, `cloudevents` or `cloudevents_binary`")]


class EndpointInput(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a new endpoint is made from."""

    url: Url
    events: Events
    label: str = ""
    username: str | None = None
    password: str | None = None
    retry: Retry | UnsetType = UNSET
    retry_count: RetryCount | UnsetType = UNSET
    retry_schedule: Schedule = []
    custom_headers: list[HeaderInput] = []
    response_rule: Rule = ResponseRule.JSON.value
    ordering: Order = Ordering.RELAXED.value
    timeout_ms: Timeout = DEFAULT_TIMEOUT_MS
    rate_limit: Rate = 0
    concurrency: Concurrency = DEFAULT_CONCURRENCY
    filters: Filtered = None
    format: Form = Format.PAGE.value
    verify: Annotated[bool, Meta(description="false saves it without the first connection")] = True


class EndpointChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What of an endpoint is to be changed; what is left out stays. `password: null` removes it."""

    url: Url | UnsetType = UNSET
    events: Events | UnsetType = UNSET
    label: str | UnsetType = UNSET
    username: str | UnsetType | None = UNSET
    password: str | UnsetType | None = UNSET
    retry: Retry | UnsetType = UNSET
    retry_count: RetryCount | UnsetType = UNSET
    retry_schedule: Schedule | UnsetType = UNSET
    custom_headers: list[HeaderInput] | UnsetType = UNSET
    response_rule: Rule | UnsetType = UNSET
    ordering: Order | UnsetType = UNSET
    timeout_ms: Timeout | UnsetType = UNSET
    rate_limit: Rate | UnsetType = UNSET
    concurrency: Concurrency | UnsetType = UNSET
    filters: Annotated[
        Filters | UnsetType | None, Meta(description="Replaces all filters; null or {} removes them")
    ] = UNSET
    format: Form | UnsetType = UNSET


class MatchingInput(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which events and filters are asked about."""

    events: Annotated[list[str] | UnsetType, Meta(description="As of an endpoint; all three if left out")] = UNSET
    filters: Filtered = None


class MatchingView(Struct, frozen=True, kw_only=True):
    """How many of the last day's events would have been sent."""

    since: Annotated[str, Meta(description="The figures speak of what was accepted from here on")]
    events: Annotated[int, Meta(description="All events that were accepted since then")]
    matching: Annotated[int, Meta(description="How many of them would have been sent")]
    exact: Annotated[bool, Meta(description="false: the day holds more; these are the newest of them")]


class TestInput(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which sample a test sends."""

    event: str = EventKind.ORDER_SHIPPED.choice


class RotateInput(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a signing secret is rotated."""

    overlap_s: Annotated[int, Meta(description="For so many seconds the old secret signs too")] = 86_400


class HeaderView(Struct, frozen=True):
    """A custom header as it is shown: its value never is."""

    key: str
    value_set: bool


class EndpointView(Struct, frozen=True, kw_only=True):
    """An endpoint as it is shown. Credentials never are, only that they are set."""

    id: str
    url: str
    label: str
    events: list[str]
    username: str
    password_set: bool
    custom_headers: list[HeaderView]
    retry: bool
    retry_count: int
    retry_schedule: list[float]
    retry_timetable: Annotated[list[float], Meta(description="Seconds after the first failure, not counting jitter")]
    response_rule: str
    ordering: str
    timeout_ms: int
    rate_limit: int
    concurrency: int
    filters: Filters
    format: str
    state: str
    state_reason: str
    verified: bool
    waiting: Annotated[int, Meta(description="Deliveries that are pending")]
    created_at: str
    updated_at: str


class ConnectedView(EndpointView, frozen=True, kw_only=True):
    """A new endpoint with the exchange of its first connection, null if it was not verified."""

    verification: dict[str, Any] | None


def draft(data: EndpointInput, account_id: int) -> Endpoint:
    """The endpoint that is asked for, not checked yet."""
    return Endpoint(
        id=0,
        account_id=account_id,
        url=data.url,
        label=data.label,
        events=events(data.events),
        username=data.username or "",
        password=data.password or "",
        retry_count=_retry_count(data.retry, data.retry_count, 0),
        retry_schedule=tuple(data.retry_schedule),
        custom_headers=_headers(data.custom_headers, ()),
        response_rule=chosen("response_rule", data.response_rule, RULES),
        ordering=chosen("ordering", data.ordering, ORDERINGS),
        timeout_ms=data.timeout_ms,
        rate_limit=data.rate_limit,
        concurrency=data.concurrency,
        filters=data.filters or NO_FILTERS,
        format=chosen("format", data.format, FORMATS),
    )


def changed(endpoint: Endpoint, data: EndpointChange) -> dict[str, Any]:
    """The fields of an endpoint that are to be replaced, and by what; not checked yet."""
    changes: dict[str, Any] = {
        name: getattr(data, name)
        for name in ("url", "label", "timeout_ms", "rate_limit", "concurrency")
        if getattr(data, name) is not UNSET
    }
    if data.events is not UNSET:
        changes["events"] = events(data.events)
    if data.username is not UNSET:
        changes["username"] = data.username or ""
        if not data.username:
            changes["password"] = ""
    if data.password is not UNSET:
        changes["password"] = data.password or ""
    if data.retry is not UNSET or data.retry_count is not UNSET:
        changes["retry_count"] = _retry_count(data.retry, data.retry_count, endpoint.retry_count)
    if data.retry_schedule is not UNSET:
        changes["retry_schedule"] = tuple(data.retry_schedule)
    if data.custom_headers is not UNSET:
        changes["custom_headers"] = _headers(data.custom_headers, endpoint.custom_headers)
    if data.response_rule is not UNSET:
        changes["response_rule"] = chosen("response_rule", data.response_rule, RULES)
    if data.ordering is not UNSET:
        changes["ordering"] = chosen("ordering", data.ordering, ORDERINGS)
    if data.filters is not UNSET:
        changes["filters"] = data.filters or NO_FILTERS
    if data.format is not UNSET:
        changes["format"] = chosen("format", data.format, FORMATS)
    return changes


def events(words: list[str]) -> frozenset[EventKind]:
    """The events of those names, or InvalidInput."""
    return frozenset(chosen_event(f"events[{index}]", word) for index, word in enumerate(words))


def _retry_count(retry: Retry | UnsetType, count: int | UnsetType, before: int) -> int:
    """The page's two fields, Retry and Count of Retry, as one number: 0 is off."""
    if retry is False:
        if count is not UNSET and count != 0:
            raise InvalidInput(
                f"Retry is off, but Count of Retry is {count}.",
                field="retry_count",
                value=count,
                remedy="Set retry to true, or leave retry_count out.",
            )
        return 0
    if count is not UNSET:
        if retry is True and count == 0:
            raise InvalidInput(
                "Retry is on, but Count of Retry is 0.",
                field="retry_count",
                value=0,
                remedy=f"Give 1 to {MAX_RETRY_COUNT}, or set retry to false.",
            )
        return count
    if retry is True:
        return before or MAX_RETRY_COUNT
    return before


def _headers(given: list[HeaderInput], stored: tuple[CustomHeader, ...]) -> tuple[CustomHeader, ...]:
    kept = {header.key.lower(): header.value for header in stored}
    found = []
    for index, header in enumerate(given):
        value = kept.get(header.key.lower()) if header.value is UNSET else header.value
        if value is None:
            raise InvalidInput(
                f'The header "{header.key[:100]}" has no value.',
                field=f"custom_headers[{index}].value",
                remedy="Give its value.",
            )
        found.append(CustomHeader(header.key, value))
    return tuple(found)


def view(endpoint: Endpoint, waiting: int, server_schedule: tuple[float, ...]) -> EndpointView:
    """An endpoint as it is shown."""
    return EndpointView(**fields(endpoint, waiting, server_schedule))


def fields(endpoint: Endpoint, waiting: int, server_schedule: tuple[float, ...]) -> dict[str, Any]:
    """The fields of an EndpointView."""
    return {
        "id": ids.public(ids.Prefix.ENDPOINT, endpoint.id),
        "url": endpoint.url,
        "label": endpoint.label,
        "events": [kind.choice for kind in EventKind if kind in endpoint.events],
        "username": endpoint.username,
        "password_set": bool(endpoint.password),
        "custom_headers": [HeaderView(header.key, bool(header.value)) for header in endpoint.custom_headers],
        "retry": endpoint.retry_count > 0,
        "retry_count": endpoint.retry_count,
        "retry_schedule": list(endpoint.retry_schedule),
        "retry_timetable": timetable(endpoint.retry_count, endpoint.retry_schedule or server_schedule),
        "response_rule": endpoint.response_rule.value,
        "ordering": endpoint.ordering.value,
        "timeout_ms": endpoint.timeout_ms,
        "rate_limit": endpoint.rate_limit,
        "concurrency": endpoint.concurrency,
        "filters": endpoint.filters,
        "format": endpoint.format.value,
        "state": endpoint.state.value,
        "state_reason": endpoint.state_reason,
        "verified": endpoint.verified,
        "waiting": waiting,
        "created_at": times.iso(endpoint.created_ms),
        "updated_at": times.iso(endpoint.updated_ms),
    }
