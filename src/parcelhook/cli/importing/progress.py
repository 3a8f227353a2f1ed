"""How far an import is: a bar on a terminal, and nothing where nobody looks."""

from __future__ import annotations

import time
from types import TracebackType

from rich import progress
from rich.markup import escape

from parcelhook.cli.output import err


class Progress:
    """A bar for each file, by the bytes of it that were read; the figures are lines, and lines a second."""

    def __init__(self) -> None:
        self._bars = progress.Progress(
            progress.TextColumn("{task.description}"),
            progress.BarColumn(),
            progress.TextColumn("{task.fields[figures]}"),
            progress.TimeRemainingColumn(),
            console=err,
            transient=True,
            disable=not err.is_terminal,
        )
        self._bar = progress.TaskID(0)
        self._began = 0.0
        self._lines = 0

    def __enter__(self) -> Progress:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def begin(self, name: str, size: int | None) -> None:
        """The next file."""
        self._bar = self._bars.add_task(escape(name), total=size, figures="")
        self._began = time.monotonic()
        self._lines = 0

    def advance(self, position: int, lines: int) -> None:
        """So many lines more, up to this byte."""
        self._lines += lines
        rate = self._lines / max(time.monotonic() - self._began, 0.001)
        self._bars.update(self._bar, completed=position, figures=f"{self._lines:,} lines, {rate:,.0f}/s")

    def waiting(self, why: str) -> None:
        """It goes on when the server does."""
        self._bars.update(self._bar, figures=f"{self._lines:,} lines; waiting: {why}")
