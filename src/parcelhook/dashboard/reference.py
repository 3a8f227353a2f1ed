"""Reference: the three bodies field by field, checking a signature in five languages, the statuses and every known cause."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import msgspec
from litestar import Response, Router, get
from msgspec import Struct

from parcelhook.dashboard.given import Asked
from parcelhook.dashboard.pages import page
from parcelhook.dashboard.visitors import require_user
from parcelhook.shipping.events import EventKind, encode, sample
from parcelhook.shipping.fields import FIELDS
from parcelhook.webhooks.catalogue import FAULTS, KNOWN_CAUSES, STATUSES

_SNIPPETS: Final = Path(__file__).parent / "snippets"


class Snippet(Struct, frozen=True, kw_only=True):
    """How to check a signature in one language."""

    language: str
    file: str

    @property
    def text(self) -> str:
        """The code."""
        return (_SNIPPETS / self.file).read_text(encoding="utf-8")


SNIPPETS: Final = (
    Snippet(language="Python", file="verify.py"),
    Snippet(language="JavaScript (Node.js)", file="verify.mjs"),
    Snippet(language="PHP", file="verify.php"),
    Snippet(language="Ruby", file="verify.rb"),
    Snippet(language="Go", file="verify.go"),
)


@get("/reference", sync_to_thread=False)
def bodies(request: Asked) -> Response[Any]:
    """What arrives: headers, and the three bodies."""
    samples = {kind: msgspec.json.format(encode(sample(kind)), indent=2).decode() for kind in EventKind}
    return page(request, "reference.html", {"fields": FIELDS, "samples": samples})


@get("/reference/signatures", sync_to_thread=False)
def signatures(request: Asked) -> Response[Any]:
    """How a receiver knows that a webhook is genuine."""
    return page(request, "signatures.html", {"snippets": SNIPPETS})


@get("/reference/statuses", sync_to_thread=False)
def statuses(request: Asked) -> Response[Any]:
    """What each status means, and what to change."""
    return page(request, "statuses.html", {"statuses": STATUSES, "faults": FAULTS, "known": KNOWN_CAUSES})


router = Router(path="/", guards=[require_user], route_handlers=[bodies, signatures, statuses])
