"""From figures to the table, with the ratios that count and what was to be reached."""

from __future__ import annotations

import os
import platform
import statistics
from importlib.metadata import version
from pathlib import Path


class Figures:
    """What was measured, by name; several rounds of the same."""

    def __init__(self) -> None:
        self._found: dict[str, list[float]] = {}
        self._skipped: dict[str, str] = {}
        self._notes: dict[str, int] = {}

    def add(self, name: str, value: float) -> None:
        """One figure."""
        self._found.setdefault(name, []).append(value)

    def add_all(self, name: str, values: list[float]) -> None:
        """Many figures of a kind."""
        self._found.setdefault(name, []).extend(values)

    def skip(self, name: str, why: str) -> None:
        """Not measured, and why."""
        self._skipped[name] = why

    def note(self, name: str, value: int) -> None:
        """With how many it was measured."""
        self._notes[name] = value

    def noted(self, name: str) -> int:
        """With how many it was measured."""
        return self._notes.get(name, 0)

    def why_skipped(self, name: str) -> str:
        """Why it was not measured, "" if it was."""
        return self._skipped.get(name, "")

    def median(self, name: str) -> float | None:
        """The middle one."""
        values = self._found.get(name)
        return statistics.median(values) if values else None

    def spread(self, name: str) -> str:
        """Median (lowest to highest)."""
        values = self._found[name]
        return f"{statistics.median(values):,.0f} ({min(values):,.0f} to {max(values):,.0f})"

    def quantile(self, name: str, share: float) -> float:
        """The value that so great a share lies below."""
        values = sorted(self._found[name])
        return values[min(len(values) - 1, int(share * len(values)))]

    def __contains__(self, name: str) -> bool:
        return name in self._found


def write(figures: Figures) -> str:
    """The table as Markdown."""
    rows = [("measured", "figure", "ratio", "to reach")]
    bare, celery = figures.median("bare"), figures.median("celery")
    if bare:
        rows.append(("(a) bare CurlMulti loop, the physical limit", f"{figures.spread('bare')}/s", "", ""))
    if celery:
        rows.append(("(b) Celery + Redis + requests", f"{figures.spread('celery')}/s", "", ""))
    elif figures.why_skipped("celery"):
        rows.append(("(b) Celery + Redis + requests", f"skipped: {figures.why_skipped('celery')}", "", ""))
    for name, words, goal in (
        ("singly", "one event a request", "10,000/s"),
        ("hundreds", "100 events a request", "16,000/s"),
    ):
        found = figures.median(name)
        if found is None:
            continue
        ratios = [f"{found / bare:.2f} of (a)"] if bare else []
        ratios += [f"{found / celery:.0f}x (b)"] if celery else []
        rows.append((f"(c) Parcelhook, {words}", f"{figures.spread(name)}/s", ", ".join(ratios), goal))
        rows.append(("    processor time a delivery", f"{figures.median(f'{name}_cpu_us'):.0f} µs", "", ""))
    if "latency_ms" in figures:
        for share, goal in ((0.5, "3 ms"), (0.99, "15 ms")):
            value = figures.quantile("latency_ms", share)
            rows.append((f"(c) latency at 50 events/s, p{share * 100:.0f}", f"{value:.2f} ms", "", f"at most {goal}"))
    if "memory_mb" in figures:
        rows.append(("(c) memory, just started", f"{figures.median('memory_idle_mb'):.0f} MB", "", ""))
        due = f"{figures.noted('memory_count'):,}"
        rows.append((f"(c) memory, {due} deliveries due", f"{figures.median('memory_mb'):.0f} MB", "", "under 300 MB"))
    if "beside_ms" in figures:
        dead = f"{figures.noted('dead_count'):,}"
        for share in (0.5, 0.99):
            alone, beside = figures.quantile("alone_ms", share), figures.quantile("beside_ms", share)
            rows.append((f"(d) p{share * 100:.0f} without a dead endpoint", f"{alone:.2f} ms", "", ""))
            goal = "at most 1.5x" if share == 0.99 else ""
            rows.append(
                (
                    f"(d) p{share * 100:.0f} beside one with {dead} due",
                    f"{beside:.2f} ms",
                    f"{beside / alone:.2f}x",
                    goal,
                )
            )
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    lines.insert(1, "| --- | --- | --- | --- |")
    return "\n".join(lines) + f"\n\n{_machine()}\n"


def _machine() -> str:
    model = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        "?",
    )
    return (
        f"Median (lowest to highest). {os.cpu_count()} processors, {model}; Python {platform.python_version()}, "
        f"pycurl {version('pycurl')}, uvicorn {version('uvicorn')}. The server had one processor to itself, receiver and "
        "load the other."
    )
