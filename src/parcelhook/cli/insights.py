"""`parcelhook insights`: figures of deliveries and of tracking over any range."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer
from rich.text import Text

from parcelhook.cli.connection import connected
from parcelhook.cli.output import as_json, facts, out, spent, table

app = typer.Typer(help="Figures over any range: deliveries, tracking.", no_args_is_help=True)

Since = Annotated[str | None, typer.Option(help="From this time on, to the hour; default 30 days before --until.")]
Until = Annotated[str | None, typer.Option(help="Before this time, to the hour; default now.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Figures = Mapping[str, Any]

_COUNTS = ("Attempts", "Passed", "Failed", "Retries", "Delivered", "Gave up")


@app.command()
def deliveries(
    since: Since = None,
    until: Until = None,
    endpoint: Annotated[str | None, typer.Option(help="Endpoint id.")] = None,
    json: Json = False,
) -> None:
    """Sent, passed, failed, retries and Time Spent, by endpoint, event, code and cause; and what waits."""
    with connected() as client:
        found = client.delivery_insights(**_asked(since=since, until=until, endpoint=endpoint))
    if json:
        as_json(found)
        return
    facts(
        {
            "Counted": _range(found),
            **dict(zip(_COUNTS, _counts(found), strict=True)),
            "Time Spent": _time_spent(found["time_spent"]),
            "Waiting": _waiting(found),
        }
    )
    if not found["attempts"]:
        return
    _titled(
        "By endpoint", ("Endpoint", *_COUNTS, "Time Spent", "Waiting"),
        [
            (one["label"] or one["endpoint_url"], *_counts(one), _time_spent(one["time_spent"]), _waiting(one))
            for one in found["by_endpoint"]
        ],
    )  # fmt: skip
    _titled("By event", ("Event", *_COUNTS), [(one["event"], *_counts(one)) for one in found["by_event"]])
    codes = [(f"{one['http_code'] or '-'} {one['name']}", *_counts(one)) for one in found["by_code"]]
    _titled("By answer", ("Code", *_COUNTS), codes)
    causes = [(one["title"], one["cause"], f"{one['attempts']:,}") for one in found["by_cause"]]
    if causes:
        _titled("Why they failed", ("Cause", "Code", "Attempts"), causes)


@app.command()
def tracking(
    since: Since = None,
    until: Until = None,
    carrier: Annotated[str | None, typer.Option(help="Carrier.")] = None,
    returns: Annotated[str | None, typer.Option("--return", help="true: returns only, false: none.")] = None,
    silent_days: Annotated[str | None, typer.Option(help="Days without a scan that make a shipment silent; 3.")] = None,
    json: Json = False,
) -> None:
    """Where shipments stand, what came late, days to delivery by carrier and route, and who was not scanned any more."""
    asked = {"since": since, "until": until, "carrier": carrier, "return": returns, "silent_days": silent_days}
    with connected() as client:
        found = client.tracking_insights(**_asked(**asked))
    if json:
        as_json(found)
        return
    now, total = found["now"], found["total"]
    facts(
        {
            "On the way": f"{now['on_the_way']:,}, {now['late']:,} of them late",
            "Silent": f"{now['silent']:,} without a scan for {now['silent_days']} days",
            "Counted": _range(found),
            "Started": f"{total['started']:,}, {_share(total['returns_share'])} of them returns",
            "Delivered": f"{total['delivered']:,}, {_share(total['late_share'])} of the promised ones late",
            "Days to delivery": _took(found["transit"]),
            "Scan to receipt": _received(found["receipts"]),
        }
    )
    standing = [(one["status"], f"{one['shipments']:,}") for one in now["by_status"] if one["shipments"]]
    _titled("By status, now", ("Status", "Shipments"), standing)
    _titled("By carrier", _CARRIER, list(_by_carrier(found)))
    routes = [
        (f"{one['from_country'] or '?'} → {one['to_country'] or '?'}", f"{one['shipments']:,}", _took(one))
        for one in found["transit_by_route"]
    ]
    _titled("By route", ("Route", "Delivered", "Days to delivery"), routes)
    silent = [
        (one["transaction_id"], one["carrier"], one["status"], (one["last_scan_date"] or "")[:16].replace("T", " "))
        for one in now["silent_shipments"]
    ]
    _titled("Silent the longest", ("Transaction ID", "Carrier", "Status", "Last scan"), silent)


_CARRIER = (
    "Carrier", "Started", "Delivered", "Late", "Failed attempts", "Exceptions", "Days to delivery", "Scan to receipt",
)  # fmt: skip


def _by_carrier(found: Figures) -> list[tuple[str, ...]]:
    took = {one["carrier"]: one for one in found["transit_by_carrier"]}
    received = {one["carrier"]: one for one in found["receipts_by_carrier"]}
    return [
        (
            one["carrier"] or "-",
            f"{one['started']:,}",
            f"{one['delivered']:,}",
            _share(one["late_share"]),
            f"{one['failed_attempts']:,}",
            f"{one['exceptions']:,}",
            _took(took.get(one["carrier"])),
            _received(received.get(one["carrier"])),
        )
        for one in found["by_carrier"]
    ]


def _titled(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    if rows:
        out.print(Text(f"\n{title}", "bold"))
        table(columns, rows, empty="")


def _asked(**given: str | None) -> dict[str, str]:
    return {name: value for name, value in given.items() if value is not None}


def _range(found: Figures) -> str:
    return f"{found['since'][:16].replace('T', ' ')} to {found['until'][:16].replace('T', ' ')} UTC"


def _counts(one: Figures) -> tuple[str, ...]:
    return tuple(f"{one[name]:,}" for name in ("attempts", "passed", "failed", "retries", "delivered", "gave_up"))


def _time_spent(figures: Figures) -> str:
    if figures["p50_ms"] is None:
        return "-"
    return ", ".join(f"{name} {spent(figures[f'{name}_ms'])}" for name in ("p50", "p95", "p99"))


def _waiting(one: Figures) -> str:
    oldest = f", the oldest since {one['oldest_waiting'][:16].replace('T', ' ')}" if one["oldest_waiting"] else ""
    return f"{one['waiting']:,}{oldest}"


def _share(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"


def _took(took: Figures | None) -> str:
    if not took or took["median_days"] is None:
        return "-"
    return f"median {took['median_days']:.1f}, 9 of 10 within {took['p90_days']:.1f}"


def _received(received: Figures | None) -> str:
    if not received or received["p50_s"] is None:
        return "-"
    return f"median {_seconds(received['p50_s'])}, 95 % within {_seconds(received['p95_s'])}"


def _seconds(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7_200 else f"{seconds / 3_600:.1f} h"
