"""`parcelhook import`: reads files, sends what is good, and tells of what is not."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer
from msgspec import Struct

from parcelhook.cli.connection import connected
from parcelhook.cli.importing.lines import Good, Refused
from parcelhook.cli.importing.progress import Progress
from parcelhook.cli.importing.reading import form_of, read
from parcelhook.cli.importing.refusals import Refusals
from parcelhook.cli.importing.sending import Sender, Sent, batches
from parcelhook.cli.importing.source import Source, check
from parcelhook.cli.output import as_json, out
from parcelhook.errors import InvalidInput

INTERRUPTED: Final = 130


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("import")(import_files)


def import_files(
    files: Annotated[
        list[str], typer.Argument(metavar="FILE...", help="NDJSON or CSV, also compressed (.gz); - for standard input.")
    ],
    silent: Annotated[
        bool, typer.Option("--silent", help="History: it becomes known, and nothing of it is delivered.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check every line and send nothing.")] = False,
    refused: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="Where refused lines are written; if not given, FILE.refused.ndjson."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Import orders, errors and scans from files. Run again, it adds nothing twice. Exit code 1 if a line was refused."""
    for given in files:
        check(given)
    totals = Totals()
    began = time.monotonic()
    with Refusals(refused) as refusals:
        try:
            with ExitStack() as open_things:
                client = None if dry_run else open_things.enter_context(connected())
                progress = open_things.enter_context(Progress())
                sender = None if client is None else Sender(client, deliver=not silent, waiting=progress.waiting)
                for given in files:
                    _import(given, sender, totals, refusals, progress)
            totals.complete = True
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None
        finally:
            if totals.complete or totals.read:
                _summary(totals, refusals, time.monotonic() - began, silent=silent, dry_run=dry_run, json=json)
    if totals.refused:
        raise typer.Exit(1)


class Totals(Struct):
    """What became of the lines. `good` are those that a dry run would have sent."""

    read: int = 0
    accepted: int = 0
    known: int = 0
    good: int = 0
    refused: int = 0
    complete: bool = False


def _import(given: str, sender: Sender | None, totals: Totals, refusals: Refusals, progress: Progress) -> None:
    with Source(given) as source, _naming(source):
        progress.begin(source.name, source.size)
        for batch in batches(read(source.lines(), form_of(given))):
            good = [one for one in batch if isinstance(one, Good)]
            sent = Sent() if sender is None or not good else sender.send(good)
            bad = sorted([*(one for one in batch if isinstance(one, Refused)), *sent.refused], key=lambda one: one.line)
            for one in bad:
                refusals.add(given, one)
            totals.read += len(batch)
            totals.accepted += sent.accepted
            totals.known += sent.known
            totals.good += len(batch) - len(bad)
            totals.refused += len(bad)
            progress.advance(source.position, len(batch))


@contextmanager
def _naming(source: Source) -> Iterator[None]:
    """What is wrong with a file as a whole is told with its name: it may be one of many."""
    try:
        yield
    except InvalidInput as error:
        raise InvalidInput(
            f"{source.name}: {error.message}", field=error.field, value=error.value, remedy=error.remedy
        ) from None


def _summary(totals: Totals, refusals: Refusals, took_s: float, *, silent: bool, dry_run: bool, json: bool) -> None:
    if json:
        kept = ("read", "good", "refused") if dry_run else ("read", "accepted", "known", "refused")
        found = {name: getattr(totals, name) for name in kept}
        as_json({**found, "complete": totals.complete, "reports": [str(path) for path in refusals.paths]})
        return
    if dry_run:
        figures = f"{totals.good:,} good, {totals.refused:,} refused. Nothing was sent."
    else:
        figures = f"{totals.accepted:,} accepted, {totals.known:,} known already, {totals.refused:,} refused."
    out.print(f"{totals.read:,} lines read: {figures} {totals.read / max(took_s, 0.001):,.0f} lines/s.", soft_wrap=True)
    if silent and totals.accepted:
        out.print("It is history: nothing of it is delivered.")
    for path in refusals.paths:
        out.print(f"The refused lines stand in {path}.", soft_wrap=True, markup=False)
    if not totals.complete:
        out.print("It did not come to its end. Run it again to go on: nothing is added twice.")
