"""The hubs there are, by the name that stands in their address: `/inbound/{name}/{token}`."""

from __future__ import annotations

from typing import Final

from parcelhook.carriers import aftership, easypost, sendcloud, seventeentrack, shipengine, shippo
from parcelhook.carriers.hub import Hub

HUBS: Final[dict[str, Hub]] = {
    hub.name: hub
    for hub in (easypost.HUB, aftership.HUB, sendcloud.HUB, shipengine.HUB, shippo.HUB, seventeentrack.HUB)
}
