"""`parcelhook logs`: View Webhooks Logs."""

from __future__ import annotations

import sys
from itertools import islice
from typing import Annotated, Any

import typer

from parcelhook.cli.connection import connected
from parcelhook.cli.output import as_json, exchange, log_line, log_table, out

app = typer.Typer(help="View Webhooks Logs: the newest attempts, one attempt whole, follow, export.")

Json = Annotated[bool, typer.Option("--json", help="Print JSON, an attempt a line.")]


@app.callback(invoke_without_command=True)
def logs(
    context: typer.Context,
    endpoint: Annotated[str | None, typer.Option(help="Endpoint id.")] = None,
    event: Annotated[str | None, typer.Option(help="order_shipped, order_error or tracking_update.")] = None,
    result: Annotated[str | None, typer.Option(help="passed or failed.")] = None,
    retry: Annotated[str | None, typer.Option(help="Retry number, or any for 1 and more.")] = None,
    order: Annotated[str | None, typer.Option(help="Order ID.")] = None,
    transaction: Annotated[str | None, typer.Option(help="Transaction ID.")] = None,
    carrier: Annotated[str | None, typer.Option(help="Carrier.")] = None,
    since: Annotated[str | None, typer.Option(help="From this time on, such as 2026-11-24T10:00:00Z.")] = None,
    until: Annotated[str | None, typer.Option(help="Before this time.")] = None,
    test: Annotated[str | None, typer.Option(help="true: tests only, false: none.")] = None,
    limit: Annotated[int, typer.Option(help="How many.", min=1)] = 20,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Show new attempts as they come.")] = False,
    export: Annotated[str | None, typer.Option(help="csv or ndjson: all of it to standard output.")] = None,
    json: Json = False,
) -> None:
    """The newest attempts, newest first."""
    if context.invoked_subcommand is not None:
        return
    given = {
        "endpoint": endpoint, "event": event, "result": result, "retry": retry, "order_id": order,
        "transaction_id": transaction, "carrier": carrier, "since": since, "until": until, "test": test,
    }  # fmt: skip
    filters = {name: value for name, value in given.items() if value is not None}
    with connected() as client:
        if export:
            for part in client.export_logs(export, **filters):
                sys.stdout.buffer.write(part)
        elif follow:
            for item in client.follow_logs(**filters):
                as_json(item) if json else out.print(log_line(item))
        else:
            _list(list(islice(client.logs(**filters), limit)), json=json)


@app.command()
def show(
    log_id: Annotated[str, typer.Argument(metavar="LOG", help="The attempt's id, att_…")], json: Json = False
) -> None:
    """One attempt with all the information transmitted."""
    with connected() as client:
        item = client.log(log_id)
    if json:
        as_json(item)
        return
    answer, reason = item["response"], {"code": item["cause"], "detail": item["reason"]}
    exchange({
        "request": item["request"], "answer": answer, "fault": reason, "timing": item["timing"],
        "verdict": {
            "passed": item["result"] == "passed", "reason": item["reason"], "hint": item["hint"], "any_2xx_would_pass": False,
        },
    })  # fmt: skip


def _list(items: list[dict[str, Any]], *, json: bool) -> None:
    if json:
        for item in items:
            as_json(item)
    elif items:
        log_table(items)
    else:
        out.print("No attempt matches. Send an event with `parcelhook send --sample order_shipped`.")
