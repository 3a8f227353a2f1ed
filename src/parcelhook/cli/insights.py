"""`parcelhook insights`: figures of deliveries and of tracking over a range."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.text import Text

from parcelhook.cli.connection import connected
from parcelhook.cli.output import as_json, facts, out, spent, table

app = typer.Typer(help="Figures of deliveries and of tracking over any range.", no_args_is_help=True)

Since = Annotated[
    str | None, typer.Option(help="From this time on, such as 2026-11-01; default seven days before --until.")
]
Until = Annotated[str | None, typer.Option(help="Before this time; default now.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]

_SENT = ("Sent", "Passed", "Failed", "Success", "Retries", "Gave up")


@app.command()
def deliveries(
    since: Since = None,
    until: Until = None,
    endpoint: Annotated[str | None, typer.Option(help="Endpoint id.")] = None,
    json: Json = False,
) -> None:
    """What was sent, what became of it and how long it took."""
    with connected() as client:
        found = client.delivery_insights(**_given(since=since, until=until, endpoint=endpoint))
    if json:
        as_json(found)
        return
    total, time = found["total"], found["time_spent"]
    oldest = f", the oldest since {found['oldest_waiting_since']}" if found["waiting"] else ""
    facts({
        "Range": _range(found),
        "Sent": f"{total['sent']:,}: {total['passed']:,} passed, {total['failed']:,} failed, {total['retries']:,} retries",
        "Success": _share(total["success"]),
        "Deliveries": f"{total['delivered']:,} delivered, {total['gave_up']:,} given up, {found['waiting']:,} waiting{oldest}",
        "Time Spent": f"p50 {_ms(time['p50_ms'])}, p95 {_ms(time['p95_ms'])}, p99 {_ms(time['p99_ms'])}",
    })  # fmt: skip
    _section(
        "By endpoint",
        ("Endpoint", *_SENT, "Waiting", "p50", "p95"),
        [
            [
                one["label"] or one["url"] or f"{one['endpoint']} (deleted)", *_sent(one), f"{one['waiting']:,}",
                _ms(one["time_spent"]["p50_ms"]), _ms(one["time_spent"]["p95_ms"]),
            ]
            for one in found["by_endpoint"]
        ],
    )  # fmt: skip
    _section("By event", ("Event", *_SENT), [[one["event"], *_sent(one)] for one in found["by_event"]])
    _section(
        "By answer",
        ("Code", *_SENT),
        [[f"{one['code'] or '-'} {one['name']}", *_sent(one)] for one in found["by_code"]],
    )
    _section(
        "Why attempts failed",
        ("Cause", "Failed", "Gave up"),
        [[one["title"], f"{one['failed']:,}", f"{one['gave_up']:,}"] for one in found["by_cause"]],
    )


@app.command()
def tracking(
    since: Since = None,
    until: Until = None,
    carrier: Annotated[str | None, typer.Option(help="Carrier.")] = None,
    returns: Annotated[str | None, typer.Option(help="true: returns only, false: none.")] = None,
    silent_days: Annotated[int | None, typer.Option(help="Days without a scan, default 3.", min=1)] = None,
    json: Json = False,
) -> None:
    """How shipments stand, and what happened to them."""
    filters = _given(since=since, until=until, carrier=carrier, silent_days=silent_days) | (
        {"return": returns} if returns is not None else {}
    )
    with connected() as client:
        found = client.tracking_insights(**filters)
    if json:
        as_json(found)
        return
    now, total, back, receipt = found["now"], found["total"], found["returns"], found["receipt"]
    before = found["before"]["late_share"]
    facts({
        "Range": _range(found),
        "On the way": f"{now['on_the_way']:,} now, {now['late']:,} of them late, "
        f"{now['silent']:,} without a scan for {now['silent_days']} days",
        "Delivered": f"{total['delivered']:,}, {_share(total['late_share'])} late (the time before: {_share(before)})",
        "Took": _transit(found["transit"]),
        "Returns": f"{back['started']:,} of {total['started']:,} that started ({_share(back['share'])})",
        "Scan to webhook": f"p50 {_seconds(receipt['p50_s'])}, p95 {_seconds(receipt['p95_s'])}",
    })  # fmt: skip
    _section(
        "By status, now",
        ("Status", "Shipments"),
        [[one["status"], f"{one['shipments']:,}"] for one in now["by_status"]],
    )
    _section(
        "By carrier",
        ("Carrier", "Started", "Delivered", "Late", "Failed attempts", "Exceptions", "From first status to delivery"),
        [
            [
                one["carrier"] or "(none)", f"{one['started']:,}", f"{one['delivered']:,}", _share(one["late_share"]),
                f"{one['failed_attempts']:,}", f"{one['exceptions']:,}", _transit(one["transit"]),
            ]
            for one in found["by_carrier"]
        ],
    )  # fmt: skip
    _section(
        "By route",
        ("Route", "Delivered", "From first status to delivery"),
        [
            [f"{one['from_country'] or '?'} > {one['to_country'] or '?'}", f"{one['shipments']:,}", _transit(one)]
            for one in found["by_route"]
        ],
    )
    _section(
        f"Silent for {now['silent_days']} days and more",
        ("Transaction ID", "Order ID", "Carrier", "Status", "Last scan"),
        [
            [one["transaction_id"], one["order_id"], one["carrier"], one["status"], one["last_scan_date"]]
            for one in now["longest_silent"]
        ],
    )


def _given(**filters: str | int | None) -> dict[str, str]:
    return {name: str(value) for name, value in filters.items() if value is not None}


def _section(title: str, columns: tuple[str, ...], rows: list[list[str]]) -> None:
    out.print(Text(f"\n{title}", "bold"))
    table(columns, rows, empty="Nothing.")


def _range(found: Mapping[str, Any]) -> str:
    since, until = (found[name][:16].replace("T", " ") for name in ("since", "until"))
    return f"{since} to {until} UTC"


def _sent(one: Mapping[str, Any]) -> list[str]:
    return [
        f"{one['sent']:,}", f"{one['passed']:,}", f"{one['failed']:,}", _share(one["success"]), f"{one['retries']:,}",
        f"{one['gave_up']:,}",
    ]  # fmt: skip


def _transit(one: Mapping[str, Any]) -> str:
    if one["median_hours"] is None:
        return "-"
    return f"median {one['median_hours'] / 24:.1f} days, 90 % within {one['p90_hours'] / 24:.1f}"


def _share(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"


def _ms(value: float | None) -> str:
    return "-" if value is None else spent(value)


def _seconds(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.1f} s" if value < 120 else f"{value / 60:.0f} min" if value < 7_200 else f"{value / 3_600:.1f} h"
