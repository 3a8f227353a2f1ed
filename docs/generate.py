"""Writes the pages of the documentation that come from the code, so that they cannot tell another story.

`python docs/generate.py` writes them, `--check` says which are stale and exits with 1.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import typer

from parcelhook.api.reference import error_codes
from parcelhook.carriers.catalogue import HUBS
from parcelhook.carriers.hub import Hub
from parcelhook.cli.main import app
from parcelhook.settings import CATALOGUE, PREFIX
from parcelhook.webhooks.catalogue import FAULTS, KNOWN_CAUSES, STATUSES, Cause

HERE = Path(__file__).parent
NOTE = "<!-- Written by docs/generate.py (`make docs`). Change the code, not this page. -->\n"


def pages() -> dict[str, str]:
    """Every generated page by its name."""
    return {
        "troubleshooting.md": troubleshooting(),
        "settings.md": settings(),
        "cli.md": cli(),
        "errors.md": errors(),
        "hubs.md": hubs(),
    }


def troubleshooting() -> str:
    """From the one table of causes."""
    by_code = {cause.code: cause for cause in (*STATUSES, *FAULTS, *KNOWN_CAUSES)}
    lines = [
        NOTE,
        "# Troubleshooting\n",
        "Every failed attempt in the Webhooks Logs names its cause and what to change; this page lists them all.\n",
        "In general, the webhook test passes only if your server answers\n",
        "- with a status from 200 to 299 **and** JSON: the content type as well as the body, or",
        "- with 204 and no body.\n",
        "An endpoint with the response rule `any_2xx` takes any status from 200 to 299, whatever the body.\n",
        "## The messages\n",
        "### HTTP response must be in JSON format. Please Retry\n",
        "Your server took the webhook, but did not answer JSON. Usually the content type of the answer has not been set as "
        "application/json.\n",
        *_entries(by_code[code] for code in (
            "wrong_content_type", "html_answer", "login_page", "empty_body", "not_json_body", "answer_too_large",
            "unreadable_encoding",
        )),
        "### {\"success\":false, \"reason\": \"CSRF token mismatch\"}\n",
        *_entries(by_code[code] for code in ("csrf_mismatch", "laravel_419")),
        "### HTTP response code is 500, it must be 200\n",
        *_entries([by_code["http_500"]]),
        "### HTTP response code is 403, it must be 200. Please Retry!\n",
        *_entries(by_code[code] for code in ("http_403", "waf_block")),
        "### HTTP response code is 302, it must be 200. Please Retry!\n",
        *_entries([by_code["redirect"]]),
        "## When no answer comes\n",
        *_entries(FAULTS),
        "## What is the meaning of each status?\n",
        "| status | meaning | likely cause | what to change |",
        "| --- | --- | --- | --- |",
        *(f"| {cause.title} | {cause.meaning} | {cause.cause} | {cause.remedy} |" for cause in STATUSES),
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def settings() -> str:
    """From the catalogue of settings."""
    lines = [
        NOTE,
        "# Settings\n",
        "Each setting is an environment variable, or the same key in lower case without the prefix in `parcelhook.toml` (in the "
        "working folder, or where `PARCELHOOK_CONFIG` points). The environment wins. A secret may be given as a file: "
        "`PARCELHOOK_API_KEY_FILE=/run/secrets/key`. A bad value stops the start with a sentence. "
        "`parcelhook settings` prints what is in force and where it comes from.\n",
    ]
    for setting in CATALOGUE:
        default = f"`{setting.default}`" if setting.default else "empty"
        lines += [
            f"## {PREFIX}{setting.key}\n",
            f"{setting.sentence}\n",
            f"Default: {default}. Unit: {setting.unit}.\n",
        ]
    lines += [
        "## Rotating the encryption key\n",
        "`parcelhook keys secret` prints a new key. Start once with `PARCELHOOK_SECRET_KEY=new,old`: everything is encrypted "
        "anew under the first. From then on the new one alone is enough. (The key that the first start made lies in "
        "`secret.key` in the data folder.)",
    ]
    return "\n".join(lines) + "\n"


def cli() -> str:
    """From the commands' own help."""
    lines = [
        NOTE,
        "# The command line\n",
        "`serve`, `demo`, `settings`, `migrate`, `prune` and `keys` work on this machine's data; the others talk to a running "
        "server: `PARCELHOOK_URL` (default http://127.0.0.1:8080) and `PARCELHOOK_API_KEY`. With `--json` they print JSON. "
        "Exit codes: 0 done, 1 refused or failed, 2 wrong usage.\n",
    ]
    group = typer.main.get_command(app)
    for path, command in _commands(group, ("parcelhook",)):
        lines += [f"## {' '.join(path)}\n", f"{(command.help or '').strip()}\n"]
        rows = list(_parameters(command))
        if rows:
            lines += ["| option | meaning |", "| --- | --- |", *rows, ""]
    return "\n".join(lines).rstrip() + "\n"


def errors() -> str:
    """From the tree of errors."""
    lines = [
        NOTE,
        "# Errors of the API\n",
        "An error is `application/problem+json` with `type`, `title`, `status`, `code` and `detail`. Bad input also has "
        "`field`, `value` and `remedy`, and `item` (from 0) if it was one of a batch. Bad input changes nothing.\n",
    ]
    for code, status, title, words in error_codes():
        lines += [f"## {code}\n", f"{status}. {title}. {words}\n"]
    return "\n".join(lines).rstrip() + "\n"


def hubs() -> str:
    """From the catalogue of hubs: how each is connected, how it signs, and what becomes of its words."""
    lines = [
        NOTE,
        "# Carrier hubs\n",
        "A hub tells Parcelhook of tracking updates by its own webhooks, at an address of Parcelhook that ends in the hub's name and "
        "a token of your own: `/inbound/easypost/...`. Whoever does not sign with the hub's secret is answered 401, what is no body of "
        "the hub 400, and the reason stands in the hub's log. What a hub sends again, as all of them do, is told once.\n",
        "Connect one in the dashboard under **Carriers**, or by `parcelhook hubs add easypost`: both show the address to paste there, and "
        "the steps. What came last, whether it was verified and what each scan became, is shown there too, and by `parcelhook hubs "
        "show`. `parcelhook hubs try easypost body.json` tells what a body would be read as. What a scan becomes: "
        "[shipments](shipments.md).\n",
        "A word of a hub that is not in its table becomes `unknown`: it is kept as the hub wrote it, and changes nothing.\n",
        "Each scan is told by its time in UTC. A time that names no zone is read as UTC, and its text is kept. Of one body the newest "
        "1,000 scans are taken, of each text the first 2,000 characters.\n",
        "No hub knows your TransactionID: the ids in its bodies are its own. A scan finds its shipment by carrier and tracking "
        "number, and gives the OrderID where the hub hands back the one that you gave it.\n",
        "How to add another: [Adding a hub](adding-a-hub.md).\n",
        "| hub | name in the address | secret |",
        "| --- | --- | --- |",
        *(f"| [{hub.title}](#{hub.title.lower()}) | `{hub.name}` | {_secret(hub)} |" for hub in HUBS.values()),
        "",
    ]
    for hub in HUBS.values():
        lines += [
            f"## {hub.title}\n",
            *(f"{number}. {step}" for number, step in enumerate(hub.steps, 1)),
            f"\nSignature: {hub.signed}\n",
            *(f"- {quirk}" for quirk in hub.quirks),
            f"\n| {hub.title} says | with the detail | Parcelhook says | code |",
            "| --- | --- | --- | --- |",
            *_words(hub),
            "",
        ]
    return "\n".join(lines).rstrip() + "\n"


def _secret(hub: Hub) -> str:
    kind = {"shared": "a shared secret", "key_set": "the hub's public keys", "none": "none"}[hub.secret]
    return kind if hub.secret_required else f"{kind}, if you set one there"


def _words(hub: Hub) -> Iterator[str]:
    for (status, detail), means in hub.words.table.items():
        title = f" ({hub.words.titles[status]})" if status in hub.words.titles else ""
        cells = (
            f"`{status}`{title}" if status else "any",
            f"`{detail}`" if detail else "any",
            f"`{means}`",
            str(means.code or "–"),
        )
        yield f"| {' | '.join(cells)} |"


def _entries(causes: Iterable[Cause]) -> Iterator[str]:
    for cause in causes:
        yield f"**{cause.title}** (`{cause.code}`). {cause.meaning}\n"
        yield f"- *Likely cause:* {cause.cause}"
        yield f"- *What to change:* {cause.remedy}\n"


def _commands(command: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    inner = getattr(command, "commands", None)
    if inner is None or getattr(command, "invoke_without_command", False):
        yield path, command
    for name, one in (inner or {}).items():
        yield from _commands(one, (*path, name))


def _parameters(command: Any) -> Iterator[str]:
    for parameter in command.params:
        names = [*parameter.opts, *parameter.secondary_opts]
        if "--help" in names:
            continue
        shown = (
            " / ".join(f"`{name}`" for name in names if name.startswith("-"))
            or f"`{parameter.metavar or parameter.name.upper()}`"
        )
        yield f"| {shown} | {getattr(parameter, 'help', None) or ''} |"


def main() -> int:
    """Write, or check."""
    stale = []
    for name, text in pages().items():
        path = HERE / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(name)
            if "--check" not in sys.argv:
                path.write_text(text, encoding="utf-8")
    if stale and "--check" in sys.argv:
        print("stale: " + ", ".join(stale) + "; run `make docs`")  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
