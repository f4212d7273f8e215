"""What a command prints, wherever it goes: a terminal, a pipe, a pipe that closes, plain ASCII.

What the encoding of the output lacks is spelled out. A reader that leaves (`| head -1`) changes
neither the work nor the exit code: what comes after is written to nowhere.
"""

import io
import os
import shutil
import sys
from typing import Any, TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from .spelling import SPELLED

PIPED = 150
"""Columns where the output is no terminal and COLUMNS does not say."""


class Screen(Console):
    """rich's console; text is spelled out before it is laid out, so that columns stay true."""

    def render_str(self, text: str, **options: Any) -> Text:
        """See `rich.console.Console.render_str`."""
        written = text.encode(self.encoding, SPELLED).decode(self.encoding)
        return super().render_str(written, **options)


def columns() -> int:
    """COLUMNS, else the terminal's width, else 150."""
    return shutil.get_terminal_size((PIPED, 25)).columns


console = Screen(highlight=False, width=columns())


def listing(*names: str, wrapped: str) -> Table:
    """An empty table; only the columns in `wrapped` break their lines, where there is room."""
    table = Table(header_style="bold", pad_edge=False)
    for name in names:
        table.add_column(name, no_wrap=name not in wrapped.split(", ") and console.width >= 100)
    return table


def errors(stream: TextIO | None = None) -> Screen:
    """The console of standard error, or of another stream; one line a message however long."""
    return Screen(file=stream, stderr=stream is None, highlight=False, soft_wrap=True)


def tolerate() -> None:
    """Make both streams write what their encoding lacks in ASCII, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=SPELLED)


class _Pipe(io.FileIO):
    """A descriptor whose reader may leave: what comes after is written to nowhere."""

    def write(self, content: Any, /) -> int:
        try:
            return super().write(content) or 0
        except BrokenPipeError:
            self.forget()
            return super().write(content) or 0

    def forget(self) -> None:
        """Point the descriptor to the null device."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.fileno())
        os.close(nowhere)


def lasting(stream: TextIO | None, descriptor: int) -> TextIO:
    """The stream, such that a reader who leaves breaks nothing; nowhere if it was closed before."""
    if stream is None:
        return open(os.devnull, "w", encoding="utf-8")
    if not isinstance(stream, io.TextIOWrapper):
        return stream
    return io.TextIOWrapper(
        io.BufferedWriter(_Pipe(descriptor, "wb", closefd=False)),
        encoding=stream.encoding,
        errors=SPELLED,
        line_buffering=stream.line_buffering or stream.isatty(),
    )


def close() -> str:
    """Write out what is held back; what went wrong, if anything did (a full disk)."""
    try:
        sys.stdout.flush()
    except OSError as error:
        _Pipe(1, "wb", closefd=False).forget()
        return str(error)
    return ""
