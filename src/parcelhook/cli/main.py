"""`parcelhook`: the commands a person types. Errors become one sentence and an exit code here, and only here."""

from __future__ import annotations

import os
import sys

import typer
from rich.text import Text

from parcelhook.cli import endpoints, hubs, insights, keys, logs, moving, send, server, users
from parcelhook.cli.importing import command as importing
from parcelhook.cli.output import as_json, err
from parcelhook.client import ApiError
from parcelhook.errors import InvalidInput, ParcelhookError

app = typer.Typer(
    name="parcelhook",
    help="The webhook system of a shipping platform. `serve` runs it, the other commands talk to it "
    "(PARCELHOOK_URL, PARCELHOOK_API_KEY).",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
server.register(app)
moving.register(app)
app.add_typer(endpoints.app, name="endpoints")
send.register(app)
importing.register(app)
app.add_typer(logs.app, name="logs")
app.add_typer(insights.app, name="insights")
app.add_typer(hubs.app, name="hubs")
app.add_typer(keys.app, name="keys")
app.add_typer(users.app, name="users")


def main() -> None:
    """The entry point. Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 130 interrupted."""
    try:
        app()
    except ApiError as error:
        _refused(error.message, error.remedy, error.problem)
    except InvalidInput as error:
        _refused(error.message, error.remedy, {})
    except ParcelhookError as error:
        _refused(error.message, "", {})
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # The reader (`head`, say) has seen enough; what Python would still flush at its end has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def _refused(message: str, remedy: str, problem: dict[str, object]) -> None:
    if "--json" in sys.argv and problem:
        as_json(problem)
    else:
        err.print(Text.assemble(("Error: ", "bold red"), message))
        if remedy:
            err.print(Text(f"       {remedy}"))
    sys.exit(1)


if __name__ == "__main__":
    main()
