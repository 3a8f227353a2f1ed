"""Events: what came in, how far each has got, and a form to send one for trying out."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlencode

import msgspec
from litestar import Response, Router, get, post
from sqlalchemy import Connection

from parcelhook.dashboard.given import Asked, PathId, ThePlatform, Who
from parcelhook.dashboard.pages import body_text, page, see
from parcelhook.dashboard.visitors import check_form, require_user
from parcelhook.dashboard.webhook_form import CHOICES
from parcelhook.edge.asking import filter_choice, filter_id, filter_text
from parcelhook.errors import InvalidInput, NotFound
from parcelhook.shipping.events import Event, EventKind, check, encode, sample
from parcelhook.store import deliveries, events, ids

PAGE: Final = 50
LONGEST_BODY: Final = 1_000_000  # characters; labels are large, a form is not for larger ones

_decoder: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)


@get("/events")
async def show(request: Asked, platform: ThePlatform, who: Who) -> Response[Any]:
    """A page of events, newest first."""
    texts = {name: request.query_params.get(name, "").strip() for name in ("event", "search")}
    for name, text in texts.items():
        filter_text(name, text)
    kind = filter_choice("event", texts["event"] or None, CHOICES)
    before = filter_id("cursor", ids.Prefix.EVENT, request.query_params.get("cursor") or None)

    def look(connection: Connection) -> list[events.EventLine]:
        return events.page(
            connection, who.user.account_id, kind=kind, search=texts["search"] or None, before=before, limit=PAGE + 1
        )

    lines = await platform.database.read(look)
    older = ids.public(ids.Prefix.EVENT, lines[PAGE - 1].id) if len(lines) > PAGE else None
    given = {name: text for name, text in texts.items() if text}
    context = {
        "lines": lines[:PAGE],
        "texts": texts,
        "choices": CHOICES,
        "filtered": bool(given),
        "older": "/events?" + urlencode({**given, "cursor": older}) if older else None,
    }
    return page(request, "events.html", context)


@get("/events/new")
async def send_page(request: Asked) -> Response[Any]:
    """A sample to change and send."""
    kind = filter_choice("event", request.query_params.get("event") or None, CHOICES) or EventKind.TRACKING_UPDATE
    body = msgspec.json.format(encode(sample(kind)), indent=2).decode()
    return page(request, "event_new.html", {"kind": kind, "body": body, "choices": CHOICES, "error": ""})


@post("/events/new", request_max_body_size=4 * LONGEST_BODY)
async def send(request: Asked, platform: ThePlatform, who: Who) -> Response[Any]:
    """Feed it in, the way the API does."""
    form = await request.form()
    body = str(form.get("body", ""))
    try:
        event = _read(body)
        accepted = await platform.intake.accept(who.user.account_id, [event])
    except (msgspec.DecodeError, UnicodeDecodeError, InvalidInput) as flaw:
        words = (
            flaw.message
            if isinstance(flaw, InvalidInput)
            else f"The event cannot be read: {str(flaw).replace('`', '')}."
        )
        kind = EventKind.TRACKING_UPDATE
        context = {"kind": kind, "body": body, "choices": CHOICES, "error": words}
        return page(request, "event_new.html", context)
    return see(f"/events/{accepted[0].id}?{'known=1' if accepted[0].duplicate else 'sent=1'}")


@get("/events/{event_id:str}")
async def one(request: Asked, platform: ThePlatform, who: Who, event_id: PathId) -> Response[Any]:
    """One event: its body, and a row for each webhook it went, or goes, to."""

    def look(connection: Connection) -> tuple[Any, list[deliveries.Story]] | None:
        event = events.one(connection, who.user.account_id, event_id)
        if event is None:
            return None
        found = [
            deliveries.story(connection, who.user.account_id, delivery.id)
            for delivery in events.deliveries_of(connection, event.id)
        ]
        return event, [story for story in found if story is not None]

    found = await platform.database.read(look)
    if found is None:
        raise NotFound(f'There is no event "{event_id[:100]}".')
    event, stories = found
    names = {
        story.endpoint_id: endpoint.label or endpoint.url
        for story in stories
        if (endpoint := platform.registry.get(story.endpoint_id)) is not None
    }
    context = {
        "event": event,
        "body": body_text(event.body.decode("utf-8", "replace")),
        "stories": stories,
        "names": names,
        "sent": "sent" in request.query_params,
        "known": "known" in request.query_params,
    }
    return page(request, "event.html", context)


def _read(body: str) -> Event:
    if len(body) > LONGEST_BODY:
        raise InvalidInput(f"An event from this form has at most {LONGEST_BODY:,} characters.", field="body")
    event = _decoder.decode(body)
    check(event)
    return event


router = Router(path="/", guards=[require_user], before_request=check_form, route_handlers=[show, send_page, send, one])
