"""`parcelhook send`: feed events in."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from parcelhook.cli.connection import connected
from parcelhook.cli.output import as_json, out
from parcelhook.errors import InvalidInput
from parcelhook.shipping.events import EventKind, encode, sample

AT_ONCE = 1_000
CHOICES = {kind.choice: kind for kind in EventKind}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(send)


def send(
    file: Annotated[
        str | None, typer.Argument(help="A file with one event, an array, or an event a line; - for standard input.")
    ] = None,
    sample_of: Annotated[
        str | None, typer.Option("--sample", help="Send the sample: order_shipped, order_error or tracking_update.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Feed events in. When it returns they are accepted and on disk."""
    events = _sample(sample_of) if sample_of else _read(file)
    accepted: list[dict[str, Any]] = []
    with connected() as client:
        for start in range(0, len(events), AT_ONCE):
            accepted += client.send(events[start : start + AT_ONCE])
    if json:
        as_json({"accepted": accepted})
        return
    for line in accepted:
        out.print(f"accepted {line['id']}" + (" (known already)" if line["duplicate"] else ""))


def _sample(choice: str) -> list[dict[str, Any]]:
    if choice not in CHOICES:
        raise typer.BadParameter(f'"{choice}" is not one of {", ".join(CHOICES)}.', param_hint="--sample")
    return [msgspec.json.decode(encode(sample(CHOICES[choice])))]


def _read(file: str | None) -> list[dict[str, Any]]:
    if file is None:
        raise typer.BadParameter("name a file, - for standard input, or give --sample.", param_hint="FILE")
    try:
        text = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as fault:
        raise InvalidInput(f"{file} cannot be read: {fault.strerror}.", remedy="Check the name of the file.") from None
    try:
        content = msgspec.json.decode(text)
        return content if isinstance(content, list) else [content]
    except (msgspec.DecodeError, UnicodeDecodeError):
        pass
    events = []
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            try:
                events.append(msgspec.json.decode(line))
            except (msgspec.DecodeError, UnicodeDecodeError) as fault:
                raise InvalidInput(
                    f"Line {number} of {file} is not JSON: {fault}. Nothing was sent.",
                    remedy="Give one event, an array, or one event a line.",
                ) from None
    return events
