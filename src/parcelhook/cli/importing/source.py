"""Where the lines come from: a file, a compressed file, or standard input; one line in memory at a time."""

from __future__ import annotations

import gzip
import os
import sys
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from io import BufferedReader
from pathlib import Path
from types import TracebackType
from typing import Final, cast

from parcelhook.cli.importing.lines import LONGEST_LINE
from parcelhook.errors import InvalidInput

STDIN: Final = "-"
REPORT_SUFFIX: Final = ".refused.ndjson"
_GZIP: Final = b"\x1f\x8b"


class Source:
    """One file, open within `with`."""

    def __init__(self, given: str) -> None:
        self.name = "standard input" if given == STDIN else given
        self.size: int | None = None  # bytes; None where nobody knows
        self._path = None if given == STDIN else Path(given)
        self._open = ExitStack()
        self._raw = cast("BufferedReader", sys.stdin.buffer)

    def __enter__(self) -> Source:
        if self._path is not None:
            try:
                self._raw = self._open.enter_context(self._path.open("rb"))
            except OSError as fault:
                raise InvalidInput(
                    f"{self.name} cannot be read: {fault.strerror}.", remedy="Check the name of the file."
                ) from None
            self.size = os.fstat(self._raw.fileno()).st_size or None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    @property
    def position(self) -> int:
        """How many of its bytes were read, compressed ones as they lie there; 0 where the size is not known."""
        return self._raw.tell() if self.size is not None else 0

    def lines(self) -> Iterator[bytes]:
        """Line after line with its end. Of one that is too long, only its beginning: more than LONGEST_LINE bytes."""
        content = self._raw
        if content.peek(len(_GZIP)).startswith(_GZIP):
            content = cast("BufferedReader", self._open.enter_context(gzip.GzipFile(fileobj=self._raw)))
        try:
            while line := content.readline(LONGEST_LINE + 1):
                yield line
                while line and not line.endswith(b"\n"):
                    line = content.readline(LONGEST_LINE)
        except (EOFError, gzip.BadGzipFile, zlib.error) as fault:
            raise InvalidInput(
                f"It is compressed, and it breaks off or is damaged: {fault}.",
                remedy="Get the file anew and import it again: nothing is added twice.",
            ) from None
        except OSError as fault:
            raise InvalidInput(f"It cannot be read to its end: {fault.strerror}.") from None


def check(given: str) -> None:
    """Refuse a file that cannot be opened, or is a report of this command, before anything of any file is sent."""
    if given.endswith(REPORT_SUFFIX):
        raise InvalidInput(
            f"{given} is a report of refused lines, not a file to import. Nothing was sent.",
            remedy="Mend those lines in the file that they come from and import it again: nothing is added twice.",
        )
    if given != STDIN and not Path(given).is_fifo():
        with Source(given):
            pass
