"""What a body tells, put in order: oldest first, bounded, and with a note of what was left out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from parcelhook.carriers.hub import Reading
from parcelhook.shipping.scan import Scan
from parcelhook.shipping.status import Status

MOST_SCANS: Final = 1_000  # of one body
BY_THE_HUB: Final = frozenset({Status.EXPIRED, Status.CANCELLED})
"""What the hub declares itself; no carrier's scan in its list says so."""


def told(
    scans: Iterable[Scan | None], *, headline: Scan | None = None, event_id: str = "", oldest_first: bool = False
) -> Reading:
    """The reading of a list of scans, of which None stands for an entry whose date cannot be read.

    `headline` is the body's own word on the parcel, beside its list: told if the list is empty, or does not end with what the
    hub has declared. `oldest_first` says that the hub promises this order, which then counts more than the dates.
    """
    given = list(scans)
    dated = [scan for scan in given if scan]
    notes = (
        [f"{_count(len(given) - len(dated))} left out: no date from 1970 to 9999."] if len(dated) < len(given) else []
    )
    ordered = dated if oldest_first else _by_date(dated)
    if headline and (not ordered or (headline.status in BY_THE_HUB and headline.status is not ordered[-1].status)):
        ordered.append(headline)
    if len(ordered) > MOST_SCANS:
        notes.append(f"{_count(len(ordered) - MOST_SCANS)} left out: the newest {MOST_SCANS:,} were kept.")
    if not ordered and not notes:
        notes.append("It says nothing of where the parcel is.")
    return Reading(event_id=event_id, scans=tuple(ordered[-MOST_SCANS:]), note=" ".join(notes))


def _by_date(scans: list[Scan]) -> list[Scan]:
    """By date. A list that runs backwards is turned first, so that scans of the same second come out in their true order."""
    backwards = bool(scans) and scans[0].date > scans[-1].date
    return sorted(reversed(scans) if backwards else scans, key=lambda scan: scan.date)


def _count(number: int) -> str:
    return "1 entry" if number == 1 else f"{number:,} entries"
