"""What the commands print: tables for people, JSON for machines. No wording of errors here but their form."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from enum import StrEnum
from typing import Any, TypeVar

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from parcelhook.errors import InvalidInput

Choice = TypeVar("Choice", bound=StrEnum)

out = Console(highlight=False, soft_wrap=False)
err = Console(stderr=True, highlight=False)

# The page's twelve columns, in its order; `None` takes what is left.
LOG_COLUMNS = (
    ("Date", 19), ("Date End", 8), ("Order ID", 12), ("Transaction ID", 14), ("Carrier", 8), ("Endpoint", None),
    ("Event", 15), ("Result", 10), ("Retry", 6), ("Time Spent", 10), ("Request", 9), ("Response", 12),
)  # fmt: skip
NARROW = 150  # below this width the log is shown as lines


def as_json(value: Any) -> None:
    """One JSON value, indented on a terminal."""
    encoded = msgspec.json.encode(value)
    if sys.stdout.isatty():
        encoded = msgspec.json.format(encoded, indent=2)
    sys.stdout.write(encoded.decode() + "\n")
    sys.stdout.flush()


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, empty: str) -> None:
    """A table, or the sentence for an empty one."""
    listed = [[Text(cell) for cell in row] for row in rows]
    if not listed:
        out.print(empty)
        return
    shown = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for row in listed:
        shown.add_row(*row)
    out.print(shown)


def facts(pairs: Mapping[str, str]) -> None:
    """Names and values, one a line."""
    width = max(map(len, pairs), default=0)
    for name, value in pairs.items():
        out.print(Text.assemble((f"{name:<{width}}  ", "bold"), value))


def log_table(items: Sequence[Mapping[str, Any]]) -> None:
    """Lines of the log: the page's twelve columns where they fit, else a line each."""
    if out.width < NARROW:
        for item in items:
            out.print(log_line(item))
        return
    shown = Table(box=None, pad_edge=False, header_style="bold")
    for name, width in LOG_COLUMNS:
        shown.add_column(name, min_width=width, overflow="ellipsis", no_wrap=True)
    for item in items:
        shown.add_row(*log_cells(item))
    out.print(shown)


def log_cells(item: Mapping[str, Any]) -> list[Text]:
    """The page's twelve columns of one attempt."""
    response = item["response"]
    return [
        Text(item["date"][:19].replace("T", " ")),
        Text(item["date_end"][11:19]),
        Text(item["order_id"]),
        Text(item["transaction_id"]),
        Text(item["carrier"]),
        Text(item["endpoint_url"]),
        Text(item["event"]),
        result(item),
        Text(retry(item)),
        Text(spent(item["time_spent_ms"]), justify="right"),
        Text(f"{len(item['request']['body'])} chars"),
        Text(str(response["body"])[:40] if response else "no answer"),
    ]


def log_line(item: Mapping[str, Any]) -> Text:
    """One attempt in a line, and its reason and remedy beneath if it failed."""
    line = Text.assemble(
        (item["date"][11:19], "dim"), "  ", f"{item['event']:<15}  ", result(item), "  ", f"{retry(item):<9}  ",
        f"{spent(item['time_spent_ms']):>8}  ", f"{item['order_id']}/{item['transaction_id']}  ", (item["endpoint_url"], "dim"),
        f"  {item['id']}",
    )  # fmt: skip
    if item["result"] == "failed":
        line.append(f"\n          {item['reason']}", "red")
        line.append(f"\n          What to do: {item['hint']}")
    return line


def result(item: Mapping[str, Any]) -> Text:
    """`passed 200` in green, `failed 500` in red; the words stand without the colours."""
    code = item["http_code"] or "-"
    style = "green" if item["result"] == "passed" else "bold red"
    return Text(f"{item['result']} {code}", style)


def retry(item: Mapping[str, Any]) -> str:
    """The Retry column: the number, and whether it was by hand or a test."""
    if item["test"]:
        return "test"
    return "by hand" if item["manual"] else str(item["retry"])


def spent(milliseconds: float) -> str:
    """Time Spent."""
    return f"{milliseconds:.0f} ms" if milliseconds >= 10 else f"{milliseconds:.1f} ms"


def exchange(shown: Mapping[str, Any]) -> None:
    """All the information transmitted: request, answer, verdict, timing."""
    request, answer, verdict, timing = shown["request"], shown["answer"], shown["verdict"], shown["timing"]
    out.print(Text("Request", "bold"))
    out.print(Text(f"  {request['method']} {request['url']}"))
    for header in request["headers"]:
        out.print(Text(f"  {header['name']}: {header['value']}", "dim"))
    out.print(Text(f"\n{_indented(request['body'])}\n"))
    out.print(Text("Answer", "bold"))
    if answer is None:
        out.print(Text(f"  none: {shown['fault']['detail'] or shown['fault']['code']}"))
    else:
        out.print(Text(f"  {answer['status']} {answer['name']}"))
        for header in answer["headers"]:
            out.print(Text(f"  {header['name']}: {header['value']}", "dim"))
        out.print(Text(f"\n{_indented(answer['body'][:4000])}\n"))
    phases = (("DNS", "dns_ms"), ("connect", "connect_ms"), ("TLS", "tls_ms"), ("first byte", "first_byte_ms"))
    split = ", ".join(f"{name} {spent(timing[key])}" for name, key in phases)
    out.print(Text.assemble(("Time Spent", "bold"), f"  {spent(timing['total_ms'])} ({split})"))
    if verdict["passed"]:
        out.print(Text.assemble(("Verdict", "bold"), "     ", ("passed", "bold green")))
        return
    out.print(Text.assemble(("Verdict", "bold"), "     ", ("failed", "bold red"), f": {verdict['reason']}"))
    out.print(Text.assemble(("What to do", "bold"), f"  {verdict['hint']}"))
    if verdict["any_2xx_would_pass"]:
        out.print("            Or let any 2xx pass: --response-rule any_2xx")


def _indented(body: str) -> str:
    with suppress(msgspec.DecodeError, UnicodeEncodeError):
        body = msgspec.json.format(body, indent=2)
    return "\n".join(f"  {line}" for line in body.splitlines())


def choice(option: str, word: str, choices: type[Choice]) -> Choice:
    """One of a few words, or InvalidInput naming them."""
    try:
        return choices(word)
    except ValueError:
        raise InvalidInput(
            f'"{word}" is not possible for --{option}.',
            field=option, value=word, remedy="Possible are: " + ", ".join(choices) + ".",
        ) from None  # fmt: skip
