"""Style sheet, scripts and icons, each under a path that changes with their content, so that browsers keep them for good."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

from litestar import Response, get
from litestar.params import FromPath

from parcelhook.errors import NotFound

_FOLDER: Final = Path(__file__).parent / "static"
_TYPES: Final = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_FILES: Final = {path.name: path.read_bytes() for path in sorted(_FOLDER.iterdir()) if path.suffix in _TYPES}
_DIGEST: Final = hashlib.sha256(b"\0".join(name.encode() + body for name, body in _FILES.items())).hexdigest()[:12]

PREFIX: Final = f"/static/{_DIGEST}"


@get("/static/{digest:str}/{name:str}", include_in_schema=False, sync_to_thread=False)
def asset(digest: FromPath[str], name: FromPath[str]) -> Response[bytes]:
    """One file. An older page may still ask by its own digest; what it gets is today's, and is not kept."""
    body = _FILES.get(name)
    if body is None:
        raise NotFound(f"There is no file {name[:100]}.")
    keep = "public, max-age=31536000, immutable" if digest == _DIGEST else "no-store"
    return Response(body, media_type=_TYPES[Path(name).suffix], headers={"Cache-Control": keep})


@get("/favicon.ico", include_in_schema=False, sync_to_thread=False)
def icon() -> Response[bytes]:
    """The icon, for pages that name none: the API documentation is one."""
    return Response(_FILES["icon.svg"], media_type=_TYPES[".svg"], headers={"Cache-Control": "public, max-age=86400"})
