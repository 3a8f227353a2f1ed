"""A request as a command line, to try it out from elsewhere. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from typing import Any

from parcelhook.delivery.request import MASK


def as_curl(url: str, headers: Iterable[Any], body: str) -> str:
    """The same request for curl. What is masked here stays for the reader to fill in."""
    lines = [f"curl -X POST {shlex.quote(url)}"]
    for header in headers:
        name, value = (header["name"], header["value"]) if isinstance(header, dict) else (header.name, header.value)
        if name.lower() not in {"host", "content-length"}:
            lines.append("-H " + shlex.quote(f"{name}: {value.replace(MASK, '<fill in>')}"))
    lines.append("--data-raw " + shlex.quote(body))
    return " \\\n  ".join(lines)
