"""`parcelhook move`: from the embedded store into PostgreSQL, resumable, compared row by row at the end."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from parcelhook.cli.output import as_json, err, out


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(move)


def move(
    data: Annotated[
        Path | None, typer.Option(help="The folder of the embedded store; default PARCELHOOK_DATA.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Move everything from the embedded store into the database of PARCELHOOK_DATABASE_URL. Nothing may run on either.

    The source stays as it is. A move that was broken off goes on where it was; at the end every table is compared.
    """
    from parcelhook.operating import mover
    from parcelhook.settings import load

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    moved: dict[str, int] = {}
    with mover(load(), data) as steps, Progress(*columns, console=err, transient=True) as shown:
        bars = {}
        for step in steps:
            name = f"{'compare' if step.compared else 'move':<8}{step.table}"
            if name not in bars:
                bars[name] = shown.add_task(name, total=step.of)
            shown.update(bars[name], completed=step.rows, visible=step.rows < step.of)
            moved[step.table] = step.of
    if json:
        as_json({"tables": moved, "compared": True})
        return
    total = sum(moved.values())
    out.print(f"{total:,} rows of {len(moved)} tables moved, and found alike: the same counts, the same checksums.")
    out.print(
        "The embedded store is as it was. Start the nodes with PARCELHOOK_SECRET_KEY as it was there (DATA/secret.key)."
    )
