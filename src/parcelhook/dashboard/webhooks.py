"""Webhooks: the list (Integrations and API > API > Webhooks), Add Webhook, Edit, and one webhook with its charts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from litestar import Response, Router, get, post
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Connection

from parcelhook import times
from parcelhook.dashboard import figures
from parcelhook.dashboard.filter_form import LISTS
from parcelhook.dashboard.given import Asked, PathId, ThePlatform, Who
from parcelhook.dashboard.pages import errors_by_field, page, see
from parcelhook.dashboard.visitors import check_form, require_user
from parcelhook.dashboard.webhook_form import CHOICES, HeaderRow, Typed, endpoint_of, of_endpoint, of_form
from parcelhook.delivery import connecting
from parcelhook.delivery.lookback import Lookback, look_back
from parcelhook.delivery.platform import Platform
from parcelhook.edge.asking import filter_choice, public_id
from parcelhook.edge.log_items import whole_item
from parcelhook.errors import VerificationFailed
from parcelhook.shipping.events import encode, sample
from parcelhook.shipping.status import CODES
from parcelhook.store import ids, insights, log
from parcelhook.store.insights import Latest, Range, Tally
from parcelhook.webhooks.endpoint import Endpoint, EndpointState, ResponseRule
from parcelhook.webhooks.filters import in_words
from parcelhook.webhooks.formats import Format
from parcelhook.webhooks.retry import timetable

STATES = {"active": "Active", "failing": "Failing", "paused": "Paused"}
PAUSED_AT_SAVE = "Saved as paused: its first connection has not passed yet."


class Row(Struct, frozen=True, kw_only=True):
    """A webhook in the list."""

    id: str
    endpoint: Endpoint
    state: str
    events: list[str]
    day: Tally
    spark: Any
    latest: Latest | None
    waiting: int
    more_waiting: bool
    due_ms: int | None


@get("/webhooks")
async def list_all(request: Asked, platform: ThePlatform, who: Who) -> Response[Any]:
    """All webhooks of the account, with what became of the last day."""
    state = filter_choice("state", request.query_params.get("state") or None, {word: word for word in STATES})
    event = filter_choice("event", request.query_params.get("event") or None, CHOICES)
    text = request.query_params.get("text", "").strip()
    rows = await rows_of(platform, who.user.account_id)
    shown = [
        row
        for row in rows
        if state in {None, row.state}
        and (event is None or event in row.endpoint.events)
        and text.lower() in f"{row.endpoint.url} {row.endpoint.label}".lower()
    ]
    context = {
        "rows": shown,
        "any": bool(rows),
        "state": state,
        "event": event,
        "text": text,
        "states": STATES,
        "deleted": "deleted" in request.query_params,
    }
    return page(request, "webhooks.html", context)


@get("/webhooks/new")
async def add_page(request: Asked, platform: ThePlatform) -> Response[Any]:
    """The form of Add Webhook."""
    return _form(request, platform, Typed(), None)


@post("/webhooks/new")
async def add(request: Asked, platform: ThePlatform, who: Who) -> Response[Any]:
    """Save: the first connection sends a sample Order Shipped, and only if that passes is the webhook saved.

    What else the form can ask for: one more header row, a count of the events that match, saving as paused, taking any
    2xx for an answer.
    """
    form = await request.form()
    action = str(form.get("action", "save"))
    typed = of_form(form, None)
    if action == "add_header":
        return _form(request, platform, replace(typed, with_headers=True, headers=(*typed.headers, HeaderRow())), None)
    if action == "count":
        return await _count(request, platform, typed, None, who.user.account_id)
    if action == "any_2xx":
        typed = replace(typed, response_rule=ResponseRule.ANY_2XX.value)
    endpoint, wrong = endpoint_of(typed, who.user.account_id, None)
    if wrong:
        return _form(request, platform, typed, None, errors=errors_by_field(wrong))
    if action == "paused":
        paused = replace(endpoint, state=EndpointState.DISABLED, state_reason=PAUSED_AT_SAVE)
        saved, _ = await connecting.connect(platform, paused, verify=False)
        return see(f"/webhooks/{_public(saved)}")
    try:
        saved, trial = await connecting.connect(platform, endpoint, verify=True)
    except VerificationFailed as failed:
        return _form(request, platform, typed, None, trial=failed.exchange)
    shown = (
        "" if trial is None or trial.log_id is None else f"?connected={ids.public(ids.Prefix.ATTEMPT, trial.log_id)}"
    )
    return see(f"/webhooks/{_public(saved)}{shown}")


@get("/webhooks/{endpoint_id:str}")
async def show(request: Asked, platform: ThePlatform, who: Who, endpoint_id: PathId) -> Response[Any]:
    """One webhook: its settings in short, and its charts."""
    endpoint = find(platform, who, endpoint_id)
    account_id = endpoint.account_id
    hours = figures.chosen_range(request.query_params.get("range"))

    def look(connection: Connection) -> tuple[Row, list[figures.Chart]]:
        day = figures.day()
        of_day = insights.by_hour(connection, account_id, day, endpoint.id)
        return (
            _row(connection, platform, endpoint, day, of_day),
            figures.charts(connection, account_id, hours, endpoint.id),
        )

    row, shown = await platform.database.read(look)
    connected = None
    if "connected" in request.query_params:
        number = public_id(ids.Prefix.ATTEMPT, request.query_params["connected"])
        line = await platform.database.read(lambda connection: log.one(connection, account_id, number))
        connected = whole_item(line) if line is not None and line.endpoint_id == endpoint.id else None
    context = {
        "row": row,
        "endpoint": endpoint,
        "figures": shown,
        "hours": hours,
        "ranges": figures.RANGES,
        "connected": connected,
        "schedule": _schedule(platform, endpoint.retry_count, endpoint),
        "filters": in_words(endpoint.filters),
        "states": STATES,
    }
    return page(request, "webhook.html", context)


@get("/webhooks/{endpoint_id:str}/edit")
async def edit_page(request: Asked, platform: ThePlatform, who: Who, endpoint_id: PathId) -> Response[Any]:
    """The form of Edit."""
    endpoint = find(platform, who, endpoint_id)
    return _form(request, platform, of_endpoint(endpoint), endpoint)


@post("/webhooks/{endpoint_id:str}/edit")
async def edit(request: Asked, platform: ThePlatform, who: Who, endpoint_id: PathId) -> Response[Any]:
    """Save the changes. What waits for the webhook goes out under the new settings."""
    stored = find(platform, who, endpoint_id)
    form = await request.form()
    typed = of_form(form, stored)
    if form.get("action") == "add_header":
        return _form(
            request, platform, replace(typed, with_headers=True, headers=(*typed.headers, HeaderRow())), stored
        )
    if form.get("action") == "count":
        return await _count(request, platform, typed, stored, stored.account_id)
    endpoint, wrong = endpoint_of(typed, stored.account_id, stored)
    if wrong:
        return _form(request, platform, typed, stored, errors=errors_by_field(wrong))
    await connecting.change(platform, endpoint)
    return see(f"/webhooks/{endpoint_id}?saved=1")


def find(platform: Platform, who: Who, endpoint_id: str) -> Endpoint:
    """The account's endpoint of that id, or NotFound."""
    return platform.registry.endpoint(who.user.account_id, public_id(ids.Prefix.ENDPOINT, endpoint_id))


async def rows_of(platform: Platform, account_id: int) -> list[Row]:
    """Every webhook of an account with its figures."""
    endpoints = platform.registry.endpoints(account_id)

    def look(connection: Connection) -> list[Row]:
        day = figures.day()
        hours = insights.by_endpoint(connection, account_id, day, [endpoint.id for endpoint in endpoints])
        return [_row(connection, platform, endpoint, day, hours[endpoint.id]) for endpoint in endpoints]

    return await platform.database.read(look)


def _row(connection: Connection, platform: Platform, endpoint: Endpoint, day: Range, hours: Mapping[int, Tally]) -> Row:
    waiting, due_ms = insights.waiting(connection, endpoint.id)
    latest = insights.latest(connection, endpoint.id)
    return Row(
        id=_public(endpoint),
        endpoint=endpoint,
        state=_state(platform, endpoint, latest),
        events=[kind.title for kind in CHOICES.values() if kind in endpoint.events],
        day=insights.total(hours),
        spark=figures.spark(hours, day),
        latest=latest,
        waiting=min(waiting, insights.MOST_COUNTED),
        more_waiting=waiting > insights.MOST_COUNTED,
        due_ms=due_ms,
    )


def _state(platform: Platform, endpoint: Endpoint, latest: Latest | None) -> str:
    if endpoint.state is EndpointState.DISABLED:
        return "paused"
    pace = platform.worker.pace(endpoint.id)
    failing = (pace is not None and pace.failing) or (latest is not None and not latest.passed)
    return "failing" if failing else "active"


async def _count(
    request: Asked, platform: Platform, typed: Typed, stored: Endpoint | None, account_id: int
) -> Response[bytes]:
    """The form once more, with how many of the last day's events would have been sent. What else is wrong can wait."""
    endpoint, wrong = endpoint_of(typed, account_id, stored)
    hinders = [flaw for flaw in wrong if flaw.field.partition(".")[0] in {"events", "filters"}]
    if hinders:
        return _form(request, platform, typed, stored, errors=errors_by_field(hinders))
    found = await look_back(platform, account_id, endpoint.events, endpoint.filters, times.now_ms())
    return _form(request, platform, typed, stored, matching=found)


def _form(
    request: Asked,
    platform: Platform,
    typed: Typed,
    stored: Endpoint | None,
    *,
    errors: dict[str, list[str]] | None = None,
    trial: dict[str, Any] | None = None,
    matching: Lookback | None = None,
) -> Response[bytes]:
    context = {
        "typed": typed,
        "stored": stored,
        "id": _public(stored) if stored else "",
        "errors": errors or {},
        "trial": trial,
        "matching": matching,
        "choices": CHOICES,
        "formats": list(Format),
        "filter_lists": LISTS,
        "codes": CODES,
        "samples": {kind.choice: encode(sample(kind)).decode() for kind in CHOICES.values()},
        "schedule": _schedule(platform, 10, stored),
    }
    return page(request, "webhook_form.html", context)


def _schedule(platform: Platform, count: int, endpoint: Endpoint | None) -> list[float]:
    return timetable(count, (endpoint.retry_schedule if endpoint else ()) or platform.retry_schedule)


def _public(endpoint: Endpoint) -> str:
    return ids.public(ids.Prefix.ENDPOINT, endpoint.id)


router = Router(
    path="/",
    guards=[require_user],
    before_request=check_form,
    route_handlers=[list_all, add_page, add, show, edit_page, edit],
)
