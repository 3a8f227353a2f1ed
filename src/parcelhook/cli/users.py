"""`parcelhook users`: who can log in to the dashboard, and one-time links to let somebody in."""

from __future__ import annotations

from typing import Annotated

import typer

from parcelhook import times
from parcelhook.cli.output import as_json, choice, out, table

app = typer.Typer(help="Users of the dashboard, on this machine's data (PARCELHOOK_DATA).", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Email = Annotated[str, typer.Argument(metavar="E-MAIL", help="The user's e-mail address.")]


@app.command()
def link(
    email: Email,
    account: Annotated[str, typer.Option(help="The account of a new user; made if it does not exist.")] = "default",
    role: Annotated[str, typer.Option(help="The role of a new user: owner, member or viewer.")] = "owner",
    json: Json = False,
) -> None:
    """A one-time link: a new password for a user who is there, a new user for an address that is not. Valid for a week."""
    from parcelhook.operating import operator
    from parcelhook.settings import load
    from parcelhook.store.users import Role

    with operator(load()) as hands:
        made = hands.login_link(email, account, choice("role", role, Role))
    as_json({"email": email, "link": made}) if json else out.print(made, soft_wrap=True)


@app.command("list")
def list_all(json: Json = False) -> None:
    """All users of all accounts."""
    from parcelhook.operating import operator
    from parcelhook.settings import load

    with operator(load()) as hands:
        found = hands.users()
    if json:
        as_json([{"email": user.email, "role": user.role.value, "created_ms": user.created_ms} for user in found])
        return
    table(
        ("E-mail", "Role", "Since"),
        ((user.email, user.role.value, times.iso(user.created_ms)) for user in found),
        empty="No user yet. `parcelhook serve` prints a one-time link as long as there is none.",
    )


@app.command()
def remove(email: Email) -> None:
    """Remove a user; their sessions end at once."""
    from parcelhook.operating import operator
    from parcelhook.settings import load

    with operator(load()) as hands:
        hands.remove_user(email)
    out.print(f"{email} is removed.")
