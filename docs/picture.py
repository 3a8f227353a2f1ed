"""Draws docs/demo.svg from a real run of the demo: `parcelhook demo --exit-after | python docs/picture.py`."""

from __future__ import annotations

import html
import re
import sys
from pathlib import Path

WIDTH, LINE, LINES = 1_000, 19, 24
COLOURS = (
    (r"\bpassed(?: \d+)?", "#7fd6a3"),
    (r"\bfailed(?: \d+)?|HTTP response code.*", "#f59a93"),
    (r"(?<=\d  )in(?=  )", "#86b8f2"),
    (r"(?<=\d  )out(?=  )", "#7fd6a3"),
    (r"Retry \d", "#f0bf6c"),
)


def main() -> None:
    """The lines around the failure that heals, for there is most to see."""
    lines = [line.rstrip()[:118] for line in sys.stdin.read().splitlines()]
    failure = next(number for number, line in enumerate(lines) if "failed 500" in line)
    shown = [*lines[:6], "...", *lines[failure - 3 : failure - 7 + LINES]]
    height = LINE * (len(shown) + 2)
    texts = [
        f'<text x="18" y="{LINE * (number + 2)}" xml:space="preserve">{coloured(line)}</text>'
        for number, line in enumerate(shown)
    ]
    Path(__file__).with_name("demo.svg").write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="A run of the demo">\n'
        f'<rect width="{WIDTH}" height="{height}" rx="10" fill="#16181c"/>\n'
        '<g font-family="ui-monospace, Menlo, Consolas, monospace" font-size="13" fill="#e8e6e1">\n'
        + "\n".join(texts)
        + "\n</g>\n</svg>\n",
        encoding="utf-8",
    )


def coloured(line: str) -> str:
    """The line with its telling words in colour."""
    marked = html.escape(line, quote=False)
    for pattern, colour in COLOURS:
        marked = re.sub(pattern, lambda found, c=colour: f'<tspan fill="{c}">{found[0]}</tspan>', marked, count=1)
    return marked


if __name__ == "__main__":
    main()
