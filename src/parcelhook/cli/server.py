"""`parcelhook serve` and what an operator does beside it. Imports wait until a command runs: `--help` is for people."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from parcelhook import times
from parcelhook.cli.output import as_json, out, table


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (serve, demo, settings, migrate, nodes, set_aside, prune):
        app.command()(command)


def serve() -> None:
    """Run Parcelhook until it is told to stop (Ctrl-C, SIGTERM). `parcelhook settings` lists what can be set."""
    from parcelhook.app import serve as run
    from parcelhook.settings import load

    raise typer.Exit(run(load()))


def demo(
    data: Annotated[Path, typer.Option(help="The folder of the demo's data.")] = Path("./data"),
    port: Annotated[int, typer.Option(help="The port; if it is taken, the next free one.")] = 8080,
    shipments: Annotated[int, typer.Option(help="How many shipments are fed in.", min=0)] = 6,
    pace: Annotated[float, typer.Option(help="Seconds between two events.", min=0)] = 0.35,
    exit_after: Annotated[bool, typer.Option("--exit-after", help="Stop by itself when all has arrived.")] = False,
) -> None:
    """Watch it work: a server, a merchant beside it, a connected webhook, and shipments coming in."""
    from parcelhook.cli.demo.run import run

    raise typer.Exit(run(data, port=port, shipments=shipments, pace_s=pace, exit_after=exit_after))


def settings(json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Every setting with its value, default, unit and meaning. Secrets are masked."""
    from parcelhook.settings import PREFIX, describe, load

    load()
    found = describe()
    if json:
        as_json([
            {"name": PREFIX + setting.key, "value": value, "from": origin, "default": setting.default,
             "unit": setting.unit, "meaning": setting.sentence}
            for setting, value, origin in found
        ])  # fmt: skip
        return
    for setting, value, origin in found:
        out.print(
            Text.assemble(
                (PREFIX + setting.key, "bold"), f" = {value or '(empty)'}  ", (f"{origin}; {setting.unit}", "dim")
            )
        )
        out.print(Text(f"    {setting.sentence}"))


def migrate() -> None:
    """Bring the store up to this version. `serve` does it by itself at its start."""
    from parcelhook.operating import operator
    from parcelhook.settings import load

    with operator(load()) as hands:
        applied = hands.migrated
    out.print(f"Applied {', '.join(applied)}." if applied else "The store is up to date.")


def nodes(json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """The nodes that share a PostgreSQL store, and how many of the 64 partitions of endpoints each delivers for."""
    from parcelhook.operating import operator
    from parcelhook.settings import load

    with operator(load()) as hands:
        found = hands.nodes()
    if json:
        as_json([
            {"number": node.number, "host": node.host, "role": node.role, "version": node.version,
             "started_at": times.iso(node.started_ms), "partitions": node.partitions}
            for node in found
        ])  # fmt: skip
        return
    columns = ("Number", "Host", "Role", "Version", "Started", "Partitions")
    rows = [
        (str(node.number), node.host, node.role, node.version, times.iso(node.started_ms), str(node.partitions))
        for node in found
    ]
    table(columns, rows, empty="No node runs on a shared store. The embedded store has one node, which does all.")


def set_aside(
    write: Annotated[Path | None, typer.Option(help="A folder to write each of them to, as it came.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """What was accepted into JetStream and could not be taken into the store, of all accounts, with its reason."""
    from parcelhook.operating import operator
    from parcelhook.settings import load
    from parcelhook.store import ids

    with operator(load()) as hands:
        found = [(ids.public(ids.Prefix.SET_ASIDE, one.id), one, name) for one, name in hands.set_aside()]
    if write is not None:
        write.mkdir(parents=True, exist_ok=True)
        for number, one, _ in found:
            (write / number).write_bytes(one.body)
    if json:
        as_json([
            {"id": number, "account": name, "received_at": times.iso(one.received_ms), "events": one.events,
             "bytes": len(one.body), "reason": one.reason}
            for number, one, name in found
        ])  # fmt: skip
        return
    columns = ("Id", "Account", "Received", "Events", "Bytes", "Reason")
    rows = [
        (number, name or "?", times.iso(one.received_ms), str(one.events), str(len(one.body)), one.reason)
        for number, one, name in found
    ]
    table(columns, rows, empty="Nothing is set aside.")


def prune(json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Delete what is older than PARCELHOOK_RETENTION_DAYS. `serve` does it by itself every ten minutes."""
    from parcelhook.operating import operator
    from parcelhook.settings import load

    with operator(load()) as hands:
        gone = hands.prune()
    as_json({"deleted_rows": gone}) if json else out.print(f"{gone} rows deleted.")
