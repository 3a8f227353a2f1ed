"""What is told of refused lines: the first on the terminal, all in a file beside the one that they come from."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final

import msgspec
from rich.text import Text

from parcelhook.cli.importing.lines import Refused
from parcelhook.cli.importing.source import REPORT_SUFFIX, STDIN
from parcelhook.cli.output import err
from parcelhook.errors import InvalidInput

SHOWN: Final = 20
_encoder = msgspec.json.Encoder()


class Refusals:
    """Takes refused lines as they come; the files are made when there is something to write."""

    def __init__(self, path: Path | None) -> None:
        self.count = 0
        self.paths: list[Path] = []
        self._path = path
        self._open = ExitStack()
        self._files: dict[Path, BinaryIO] = {}

    def __enter__(self) -> Refusals:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def add(self, given: str, refused: Refused) -> None:
        """A line of a file."""
        self.count += 1
        line = {
            "file": given, "line": refused.line, "field": refused.field, "value": refused.value, "reason": refused.reason,
            "remedy": refused.remedy, "original": refused.original.decode("utf-8", "replace").rstrip("\r\n"),
        }  # fmt: skip
        self._file(given).write(_encoder.encode(line) + b"\n")
        if self.count <= SHOWN:
            err.print(_words(given, refused))
        elif self.count == SHOWN + 1:
            err.print(Text(f"More are refused; all stand in {self.paths[-1]}.", "dim"))

    def _file(self, given: str) -> BinaryIO:
        path = self._path or Path(("stdin" if given == STDIN else given) + REPORT_SUFFIX)
        if path not in self._files:
            try:
                self._files[path] = self._open.enter_context(path.open("wb"))
            except OSError as fault:
                raise InvalidInput(
                    f"The report of refused lines cannot be written to {path}: {fault.strerror}.",
                    remedy="Say with --refused where it may be.",
                ) from None
            self.paths.append(path)
        return self._files[path]


def _words(given: str, refused: Refused) -> Text:
    where = "standard input" if given == STDIN else given
    words = Text.assemble((f"{where}, line {refused.line}: ", "bold"), refused.reason)
    if refused.value is not None and str(refused.value) not in refused.reason:
        words.append(f" Given: {refused.value}.", "dim")
    if refused.remedy:
        words.append(f"\n    {refused.remedy}")
    return words
