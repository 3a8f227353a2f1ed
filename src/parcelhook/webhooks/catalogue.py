"""Looks up what a status, a fault or a known cause means. Total: there is an answer for every number."""

from __future__ import annotations

import re

from parcelhook.webhooks.causes import FAULTS, KNOWN_CAUSES, Cause
from parcelhook.webhooks.faults import Fault
from parcelhook.webhooks.statuses import STATUSES

__all__ = ["FAULTS", "KNOWN_CAUSES", "STATUSES", "Cause", "cause", "fault", "status"]

_BY_STATUS = {entry.status: entry for entry in STATUSES}
_BY_CODE = {entry.code: entry for entry in (*STATUSES, *FAULTS, *KNOWN_CAUSES)}
_STATUS_CODE = re.compile("http_(0|-?[1-9][0-9]{0,8})")  # as `status` writes it, ASCII digits only
_LIKE = {1: 100, 2: 200, 3: 302, 4: 400, 5: 500}


def status(number: int) -> Cause:
    """What an HTTP status means; one that is not listed means what its hundred does."""
    known = _BY_STATUS.get(number)
    if known is not None:
        return known
    like = _BY_STATUS.get(_LIKE.get(number // 100, 0))
    if like is None:
        return Cause(
            code=f"http_{number}",
            title=f"{number} is not an HTTP status",
            meaning="The answer's status is outside 100 to 599.",
            cause="The server speaks a dialect of its own.",
            remedy="Answer with a standard status, such as 200.",
            status=number,
            name="Unknown",
        )
    return Cause(
        code=f"http_{number}",
        title=f"{number}, not a standard status",
        meaning=f"The server uses a status of its own; it counts like {like.status}. {like.meaning}",
        cause=like.cause,
        remedy=like.remedy,
        status=number,
        name="Unassigned",
    )


def fault(which: Fault) -> Cause:
    """What it means that no answer came."""
    return _BY_CODE[which.value]


def cause(code: str) -> Cause | None:
    """The entry of that code; None if there is none."""
    known = _BY_CODE.get(code)
    if known is None and _STATUS_CODE.fullmatch(code):
        return status(int(code.removeprefix("http_")))
    return known
