"""`parcelhook hubs`: connect carrier hubs, look at what came from them, try a sample."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from parcelhook.cli.connection import connected
from parcelhook.cli.output import as_json, facts, out, table
from parcelhook.errors import InvalidInput

app = typer.Typer(help="Connect carrier hubs: add, list, show, edit, remove, try.", no_args_is_help=True)

Name = Annotated[
    str, typer.Argument(metavar="HUB", help="easypost, aftership, sendcloud, shipengine, shippo or 17track.")
]
Id = Annotated[str, typer.Argument(metavar="ID", help="The hub's id, hub_…")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Label = Annotated[str | None, typer.Option("--label", help="A name of your own for it.")]
Secret = Annotated[
    str | None,
    typer.Option(
        "--secret", envvar="PARCELHOOK_HUB_SECRET", help="What it signs with. Others on this machine can see it here."
    ),
]
SecretFile = Annotated[
    Path | None, typer.Option("--secret-file", help="A file with the secret, or with ShipEngine's key set.")
]
SecretPrompt = Annotated[bool, typer.Option("--secret-prompt", help="Ask for the secret, unseen.")]


@app.command()
def add(
    hub: Name,
    secret: Secret = None,
    secret_file: SecretFile = None,
    secret_prompt: SecretPrompt = False,
    label: Label = None,
    json: Json = False,
) -> None:
    """Connect a hub; prints the address to paste there, and where."""
    with connected() as client:
        made = client.connect_hub(
            hub, secret=_secret(secret, secret_file, prompt=secret_prompt) or "", label=label or ""
        )
    if json:
        as_json(made)
        return
    out.print(f"{made['title']} is connected as {made['id']}. Its address:")
    out.print(f"\n  {made['url']}\n", soft_wrap=True)
    for number, step in enumerate(made["steps"], start=1):
        out.print(f"{number}. {step}", soft_wrap=True)
    if not made["secret_set"]:
        out.print(
            f"\nNo secret is kept, so its requests are not verified: parcelhook hubs edit {made['id']} --secret-prompt"
        )


@app.command("list")
def list_all(json: Json = False) -> None:
    """All connected hubs."""
    with connected() as client:
        found = client.hubs()
    if json:
        as_json(found)
        return
    table(
        ("Hub", "Id", "Label", "Secret", "Verified", "Refused", "Last received"),
        (
            (
                one["title"],
                one["id"],
                one["label"],
                "set" if one["secret_set"] else "none",
                str(one["verified"]),
                str(one["refused"]),
                one["last_received_at"] or "never",
            )
            for one in found
        ),
        empty="No hub is connected. `parcelhook hubs add easypost` connects one.",
    )


@app.command()
def show(hub_id: Id, json: Json = False) -> None:
    """A hub's address, and the last that came from it."""
    with connected() as client:
        one = client.hub(hub_id)
        requests = client.hub_requests(hub_id)
    if json:
        as_json({**one, "requests": requests})
        return
    facts(
        {
            "Hub": one["title"],
            "Label": one["label"],
            "Address": one["url"] or "not shown to a key that only reads",
            "Secret": "set" if one["secret_set"] else "none",
            "Verified": str(one["verified"]),
            "Refused": str(one["refused"]),
        }
    )
    table(
        ("Received", "Result", "Scans", "New", "Note"),
        (
            (request["received_at"], request["result"], str(request["scans"]), str(request["told"]), request["note"])
            for request in requests
        ),
        empty="Nothing has come yet.",
    )


@app.command()
def edit(
    hub_id: Id,
    secret: Secret = None,
    secret_file: SecretFile = None,
    secret_prompt: SecretPrompt = False,
    label: Label = None,
    json: Json = False,
) -> None:
    """Another secret or label; the address stays."""
    given: dict[str, str] = {}
    found = _secret(secret, secret_file, prompt=secret_prompt)
    if found is not None:
        given["secret"] = found
    if label is not None:
        given["label"] = label
    with connected() as client:
        changed = client.update_hub(hub_id, **given)
    as_json(changed) if json else out.print(f"{changed['title']} {changed['id']} is changed.")


@app.command()
def remove(hub_id: Id) -> None:
    """Disconnect a hub: its address leads nowhere from now on."""
    with connected() as client:
        client.disconnect_hub(hub_id)
    out.print(f"{hub_id} is disconnected.")


@app.command("try")
def try_out(
    hub: Name,
    file: Annotated[str, typer.Argument(metavar="FILE", help="A body as the hub sends it; - reads standard input.")],
    json: Json = False,
) -> None:
    """What a body would be read as. Nothing is stored, nothing is sent."""
    with connected() as client:
        tried = client.try_hub(hub, sys.stdin.read() if file == "-" else _read(Path(file)))
    if json:
        as_json(tried)
        return
    table(
        ("Date", "Tracking", "Status", "Code", "Message", "City", "In the hub's words"),
        (
            (
                scan["date"],
                scan["tracking"],
                scan["status"],
                "" if scan["code"] is None else str(scan["code"]),
                scan["message"],
                scan["city"],
                " / ".join(part for part in (scan["status_text"], scan["detail_text"]) if part),
            )
            for scan in tried["scans"]
        ),
        empty="It tells of no scan.",
    )
    if tried["note"]:
        out.print(tried["note"])


def _secret(given: str | None, file: Path | None, *, prompt: bool) -> str | None:
    if prompt:
        asked: Any = typer.prompt("Secret", hide_input=True)
        return str(asked)
    return _read(file).strip() if file is not None else given


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        why = fault.strerror if isinstance(fault, OSError) else "it is not text in UTF-8"
        raise InvalidInput(
            f"{path} cannot be read: {why}.", field="file", value=str(path), remedy="Name another."
        ) from None
