"""`parcelhook keys`: API keys, made and revoked on the data itself by whoever may read it."""

from __future__ import annotations

from typing import Annotated

import typer

from parcelhook import times
from parcelhook.cli.output import as_json, choice, out, table

app = typer.Typer(help="API keys, on this machine's data (PARCELHOOK_DATA).", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def create(
    account: Annotated[str, typer.Option(help="The account; made if it does not exist.")] = "default",
    name: Annotated[str, typer.Option(help="A name to tell keys apart by.")] = "",
    scope: Annotated[str, typer.Option(help="full, feed (feed events in, nothing else) or read.")] = "full",
    json: Json = False,
) -> None:
    """Make an API key. It is shown this once."""
    from parcelhook.operating import operator
    from parcelhook.settings import load
    from parcelhook.store.accounts import Scope

    with operator(load()) as hands:
        key = hands.create_key(account, name, choice("scope", scope, Scope))
    as_json({"key": key, "account": account}) if json else out.print(key)


@app.command("list")
def list_all(json: Json = False) -> None:
    """All keys of all accounts."""
    from parcelhook.operating import operator
    from parcelhook.settings import load

    with operator(load()) as hands:
        found = hands.keys()
    if json:
        as_json(found)
        return
    table(
        ("Key", "Account", "Name", "Begins with", "Scope", "Created", "Revoked"),
        (
            (
                key.id,
                key.account,
                key.name,
                key.hint + "…",
                key.scope.value,
                times.iso(key.created_ms),
                "" if key.revoked_ms is None else times.iso(key.revoked_ms),
            )
            for key in found
        ),
        empty="No key yet. `parcelhook serve` makes one at its first start.",
    )


@app.command()
def revoke(key: Annotated[str, typer.Argument(metavar="KEY", help="The key's id, key_…")]) -> None:
    """Make a key open nothing. A running server notices within two seconds."""
    from parcelhook.operating import operator
    from parcelhook.settings import load

    with operator(load()) as hands:
        hands.revoke_key(key)
    out.print(f"{key} is revoked.")


@app.command()
def secret() -> None:
    """A new value for PARCELHOOK_SECRET_KEY, for rotating the key that credentials are encrypted with."""
    from parcelhook.store.vault import new_key

    out.print(new_key())
