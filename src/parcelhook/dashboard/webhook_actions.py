"""What is done with a webhook: Test, Delete, pause, resume, the signing secret."""

from __future__ import annotations

from typing import Any

from litestar import Response, Router, get, post

from parcelhook.dashboard.curl import as_curl
from parcelhook.dashboard.given import Asked, PathId, ThePlatform, Who
from parcelhook.dashboard.pages import page, see
from parcelhook.dashboard.visitors import check_form, require_user
from parcelhook.dashboard.webhook_form import CHOICES
from parcelhook.dashboard.webhooks import find
from parcelhook.delivery import connecting
from parcelhook.edge.asking import filter_choice
from parcelhook.shipping.events import EventKind, encode, sample
from parcelhook.store.users import Role

OVERLAPS = {"0": "at once", "3600": "after an hour", "86400": "after a day", "604800": "after a week"}


@get("/webhooks/{endpoint_id:str}/test")
async def test_page(request: Asked, platform: ThePlatform, who: Who, endpoint_id: PathId) -> Response[Any]:
    """Choose the event, and see the body that will be sent."""
    endpoint = find(platform, who, endpoint_id)
    kind = filter_choice("event", request.query_params.get("event") or None, CHOICES) or EventKind.ORDER_SHIPPED
    return _test(request, {"id": endpoint_id, "endpoint": endpoint, "kind": kind, "trial": None})


@post("/webhooks/{endpoint_id:str}/test")
async def test(request: Asked, platform: ThePlatform, who: Who, endpoint_id: PathId) -> Response[Any]:
    """Send it now, and show all the information transmitted."""
    endpoint = find(platform, who, endpoint_id)
    form = await request.form()
    kind = filter_choice("event", str(form.get("event", "")) or None, CHOICES) or EventKind.ORDER_SHIPPED
    trial = connecting.view(await connecting.try_out(platform, endpoint.account_id, endpoint.id, kind))
    return _test(request, {"id": endpoint_id, "endpoint": endpoint, "kind": kind, "trial": trial})


@get("/webhooks/{endpoint_id:str}/delete")
async def delete_page(request: Asked, platform: ThePlatform, who: Who, endpoint_id: PathId) -> Response[Any]:
    """Ask once more, with what is still waiting."""
    endpoint = find(platform, who, endpoint_id)
    waiting = await connecting.waiting(platform, endpoint.id)
    return page(request, "delete.html", {"id": endpoint_id, "endpoint": endpoint, "waiting": waiting})


@post("/webhooks/{endpoint_id:str}/delete")
async def delete(request: Asked, platform: ThePlatform, who: Who, endpoint_id: PathId) -> Response[Any]:
    """Delete it. What was waiting is cancelled; the log keeps what was sent."""
    endpoint = find(platform, who, endpoint_id)
    await connecting.remove(platform, endpoint.account_id, endpoint.id)
    return see("/webhooks?deleted=1")


@post("/webhooks/{endpoint_id:str}/pause")
async def pause(request: Asked, platform: ThePlatform, who: Who, endpoint_id: PathId) -> Response[Any]:
    """Send nothing for now; what is accepted waits."""
    endpoint = find(platform, who, endpoint_id)
    await connecting.disable(platform, endpoint.account_id, endpoint.id, f"Paused by {who.user.email}.")
    return see(f"/webhooks/{endpoint_id}")


@post("/webhooks/{endpoint_id:str}/resume")
async def resume(request: Asked, platform: ThePlatform, who: Who, endpoint_id: PathId) -> Response[Any]:
    """Send again, what waited first."""
    endpoint = find(platform, who, endpoint_id)
    await connecting.enable(platform, endpoint.account_id, endpoint.id)
    return see(f"/webhooks/{endpoint_id}")


@get("/webhooks/{endpoint_id:str}/secret", opt={"role": Role.MEMBER})
async def secret_page(request: Asked, platform: ThePlatform, who: Who, endpoint_id: PathId) -> Response[Any]:
    """The signing secret. A viewer may not see it: with it, anybody could sign."""
    endpoint = find(platform, who, endpoint_id)
    context = {"id": endpoint_id, "endpoint": endpoint, "secrets": endpoint.secrets, "overlaps": OVERLAPS}
    return page(request, "secret.html", context)


@post("/webhooks/{endpoint_id:str}/secret")
async def rotate(request: Asked, platform: ThePlatform, who: Who, endpoint_id: PathId) -> Response[Any]:
    """Make a new one; the old one signs too for as long as was chosen."""
    endpoint = find(platform, who, endpoint_id)
    form = await request.form()
    choices = {word: int(word) for word in OVERLAPS}
    overlap_s = filter_choice("overlap", str(form.get("overlap", "86400")), choices) or 0
    await connecting.rotate_secret(platform, endpoint.account_id, endpoint.id, overlap_s)
    return see(f"/webhooks/{endpoint_id}/secret")


def _test(request: Asked, context: dict[str, Any]) -> Response[bytes]:
    trial = context["trial"]
    body = encode(sample(context["kind"])).decode()
    curl = as_curl(trial["request"]["url"], trial["request"]["headers"], trial["request"]["body"]) if trial else ""
    return page(request, "test.html", {**context, "choices": CHOICES, "body": body, "curl": curl})


router = Router(
    path="/",
    guards=[require_user],
    before_request=check_form,
    route_handlers=[test_page, test, delete_page, delete, pause, resume, secret_page, rotate],
)
