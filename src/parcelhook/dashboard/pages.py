"""Templates, and what every page has: the frame with its navigation, the theme, the visitor's time zone, the form's token."""

from __future__ import annotations

import zoneinfo
from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import jinja2
import msgspec
from litestar import Request, Response
from litestar.response import Redirect
from markupsafe import Markup, escape

from parcelhook import __version__, times
from parcelhook.dashboard import assets, charts
from parcelhook.dashboard.visitors import csrf_token, session_token, visitor
from parcelhook.errors import InvalidInput
from parcelhook.shipping.events import EventKind
from parcelhook.store import ids
from parcelhook.store.users import Role
from parcelhook.webhooks import catalogue

THEME: Final = "parcelhook_theme"
GLANCE: Final = 48  # characters
THEMES: Final = ("auto", "light", "dark")
NAVIGATION: Final = (
    ("overview", "/", "Overview"),
    ("webhooks", "/webhooks", "Webhooks"),
    ("logs", "/logs", "Webhooks Logs"),
    ("events", "/events", "Events"),
    ("shipments", "/shipments", "Shipments"),
    ("carriers", "/carriers", "Carriers"),
    ("insights", "/insights", "Insights"),
    ("reference", "/reference", "Reference"),
    ("settings", "/settings", "Settings"),
)


def page(
    request: Request[Any, Any, Any],
    template: str,
    context: Mapping[str, Any],
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response[bytes]:
    """A whole page. A form that is shown again with what is wrong is a page like any other: 200."""
    body = _environment.get_template(template).render({**frame(request), **context})
    return Response(
        body.encode(),
        status_code=status,
        media_type="text/html",
        headers={"Cache-Control": "no-store", "Vary": "Cookie", **(headers or {})},
    )


def fragment(request: Request[Any, Any, Any], template: str, macro: str, **arguments: Any) -> str:
    """What a macro of a template makes, for what is added to a page that is open already."""
    module = _environment.get_template(template).make_module(frame(request))
    return str(getattr(module, macro)(**arguments))


def see(path: str) -> Redirect:
    """After a form: the page that shows what it did."""
    return Redirect(path, status_code=303)


def frame(request: Request[Any, Any, Any]) -> dict[str, Any]:
    """What the frame of every page needs."""
    found = visitor(request)
    theme = request.cookies.get(THEME, "auto")
    zone = found.user.time_zone if found else ""
    return {
        "visitor": found,
        "member": found is not None and found.may(Role.MEMBER),
        "owner": found is not None and found.may(Role.OWNER),
        "csrf": csrf_token(session_token(request)),
        "path": request.url.path,
        "here": request.url.path + (f"?{request.url.query}" if request.url.query else ""),
        "theme": theme if theme in THEMES else "auto",
        "zone": zone,
        "zone_info": zone_info(zone),
        "static": assets.PREFIX,
        "now_ms": times.now_ms(),
    }


@lru_cache(maxsize=64)
def zone_info(name: str) -> tzinfo:
    """The time zone of that name; UTC for the browser's own, which only a script knows."""
    if not name:
        return UTC
    try:
        return zoneinfo.ZoneInfo(name)
    except (ValueError, zoneinfo.ZoneInfoNotFoundError, OSError):
        raise InvalidInput(
            f'"{name[:100]}" is not a time zone.', field="time_zone", value=name[:100], remedy="Such as Europe/Rome."
        ) from None


def errors_by_field(flaws: list[InvalidInput]) -> dict[str, list[str]]:
    """The words of each flaw under the name of its field."""
    found: dict[str, list[str]] = {}
    for flaw in flaws:
        found.setdefault(flaw.field, []).append(f"{flaw.message} {flaw.remedy}".strip())
    return found


@jinja2.pass_context
def _when(context: jinja2.runtime.Context, ms: int, *, long: bool = False) -> Markup:
    """A time in the visitor's zone; the exact one in UTC on hover. Script makes it the browser's own where that is chosen."""
    shown = datetime.fromtimestamp(ms / 1_000, context["zone_info"])
    today = datetime.fromtimestamp(context["now_ms"] / 1_000, context["zone_info"])
    form = "%H:%M:%S" if shown.date() == today.date() and not long else "%d %b %H:%M:%S"
    if shown.year != today.year:
        form = "%d %b %Y %H:%M:%S"
    exact = times.iso(ms)
    return Markup('<time datetime="{}" title="{} ({})"{}>{}</time>').format(
        exact,
        exact.replace("T", " ").replace("Z", " UTC"),
        ago(ms, context["now_ms"]),
        Markup(' data-local="{}"').format("long" if long else "short") if not context["zone"] else "",
        shown.strftime(form),
    )


@jinja2.pass_context
def _iso_when(context: jinja2.runtime.Context, text: str) -> Markup:
    """The same of a time as the API writes it; a midnight in UTC is how a date without a time is told."""
    if text.endswith("T00:00:00.000Z"):
        return Markup('<time datetime="{0}">{0}</time>').format(text[:10])
    return _when(context, times.parse_iso(text))


def ago(ms: int, now_ms: int) -> str:
    """How long ago, or in how long, in one unit."""
    seconds = abs(now_ms - ms) / 1_000
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            words = f"{seconds / length:.0f} {unit}"
            break
    else:
        words = f"{seconds:.0f} s"
    return f"{words} ago" if ms <= now_ms else f"in {words}"


def spent(ms: float | None) -> str:
    """A Time Spent."""
    if ms is None:
        return "–"
    if ms < 10:
        return f"{ms:.1f} ms"
    return f"{ms:.0f} ms" if ms < 1_000 else f"{ms / 1_000:.2f} s"


def span(seconds: float) -> str:
    """A wait, in the two largest units that say something."""
    units = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
    left = round(seconds)
    if left < 1:
        return f"{seconds:.1f} s"
    words = []
    for unit, length in units:
        if left >= length:
            words.append(f"{left // length} {unit}")
            left %= length
    return " ".join(words[:2])


def number(value: float) -> str:
    """A whole number with thin gaps between the thousands."""
    return f"{value:,.0f}".replace(",", "\u202f")


def percent(share: float | None) -> str:
    """A share; never 100 % where something failed."""
    if share is None:
        return "–"
    rounded = f"{100 * share:.1f}"
    if rounded == "100.0":
        return "100 %" if share == 1 else "99.9 %"
    return rounded + " %"


def body_text(text: str) -> str:
    """A body to read: JSON is set out, anything else is left as it is."""
    try:
        return msgspec.json.format(text.encode(), indent=2).decode()
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return text


def glance(text: str) -> str:
    """The beginning of a body; the event's name, which all begin with and which has its own column, is left out."""
    start = text.find(",") + 1 if text.startswith('{"Event":') else 0
    return (text[start:] if len(text) - start <= GLANCE else text[start : start + GLANCE].rstrip() + "…").strip()


def words(text: str) -> Markup:
    """A sentence whose `code` is set as code."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return escape(text)
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if index % 2 else escape(part) for index, part in enumerate(parts)
    )


def _make_environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters.update(
        when=_when,
        iso_when=_iso_when,
        spent=spent,
        span=span,
        number=number,
        percent=percent,
        body_text=body_text,
        words=words,
        glance=glance,
        ago=ago,
    )
    environment.globals.update(
        version=__version__,
        navigation=NAVIGATION,
        themes=THEMES,
        kinds=list(EventKind),
        cause=catalogue.cause,
        event_title=lambda value: EventKind(value).title,
        status_name=lambda code: catalogue.status(code).name if code else "No answer",
        public=lambda prefix, value: ids.public(ids.Prefix(prefix), value),
        charts=charts,
    )
    return environment


_environment = _make_environment()
