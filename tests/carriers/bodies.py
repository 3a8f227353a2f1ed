"""Bodies of the hubs: the samples, and small ones of a single scan."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

SAMPLES: Final = Path(__file__).parent / "samples"
SAMPLE_OF: Final = {
    "easypost": "easypost-tracker-updated.json",
    "aftership": "aftership-tracking-update.json",
    "sendcloud": "sendcloud-parcel-status-changed.json",
    "shipengine": "shipengine-track.json",
    "shippo": "shippo-track-updated.json",
    "17track": "17track-tracking-updated.json",
}
WHEN: Final = "2026-04-30T13:05:00Z"


def sample(name: str) -> bytes:
    """A file of `samples`, or the sample of a hub."""
    return (SAMPLES / SAMPLE_OF.get(name, name)).read_bytes()


def saying(hub: str, status: str, detail: str = "", when: Any = WHEN) -> bytes:
    """A body of this hub with one scan, of this status and detail."""
    return several(hub, [(status, detail, when)])


def several(hub: str, said: list[tuple[str, str, Any]]) -> bytes:
    """A body of this hub with these scans (status, detail, date) in its list. Sendcloud has but one."""
    return json.dumps(_body(hub, said)).encode()


def _body(hub: str, said: list[tuple[str, str, Any]]) -> dict[str, Any]:
    match hub:
        case "easypost":
            details = [{"status": s, "status_detail": d, "datetime": when} for s, d, when in said]
            return {"description": "tracker.updated", "result": {"tracking_code": "1Z", "tracking_details": details}}
        case "aftership":
            details = [{"tag": s, "subtag": d, "checkpoint_time": when} for s, d, when in said]
            return {"event": "tracking_update", "msg": {"tracking_number": "1Z", "checkpoints": details}}
        case "sendcloud":
            ((status, _, when),) = said
            parcel = {"tracking_number": "1Z", "status": {"id": int(status) if status.isdigit() else status}}
            return {"action": "parcel_status_changed", "timestamp": when, "parcel": parcel}
        case "shipengine":
            details = [{"status_code": s, "status_detail_code": d, "occurred_at": when} for s, d, when in said]
            return {"resource_type": "API_TRACK", "data": {"tracking_number": "1Z", "events": details}}
        case "shippo":
            details = [
                {
                    "status": s,
                    "substatus": {"code": d, "action_required": d == "action_required"},
                    "status_date": when,
                }
                for s, d, when in said
            ]
            return {"event": "track_updated", "data": {"tracking_number": "1Z", "tracking_history": details}}
        case "17track":
            details = [{"stage": s, "sub_status": d or None, "time_utc": when} for s, d, when in said]
            info = {"tracking": {"providers": [{"events": details}]}}
            return {"event": "TRACKING_UPDATED", "data": {"number": "1Z", "track_info": info}}
        case _:
            raise AssertionError(f"tests do not know the bodies of {hub}")
