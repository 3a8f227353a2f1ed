"""A hub's words for statuses, and what each of them means here."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from parcelhook.shipping.status import Status


class Words(Struct, frozen=True):
    """The table of a hub: (status, detail) -> Status. An empty status or detail stands for any.

    One table for reading bodies, for the documentation and for the tests, so that these cannot differ. `titles` say what a
    status means where the hub's word is but a number.
    """

    table: Mapping[tuple[str, str], Status]
    titles: Mapping[str, str] = {}

    def meaning(self, status: str, detail: str = "") -> Status:
        """The two together first, then the detail alone, then the status alone; what is in none of them is unknown."""
        for key in ((status, detail), ("", detail), (status, "")):
            if key in self.table:
                return self.table[key]
        return Status.UNKNOWN
