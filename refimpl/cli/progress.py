"""Progress of what takes more than a second: a bar on a terminal, a line now and then on a pipe.

    with progress("verifying", total=210) as told:
        told.advance("numbers: kl")          or  told.at(0.3, "step 300"), a share of one

Both go to standard error. The lines come from a thread, so a long silent part is told of too.
"""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from . import output

FIRST, LONGEST, GROWTH = 2.0, 30.0, 1.5
"""Seconds before the first line, between the last ones, and how the pauses grow."""


class Told(Protocol):
    """Something that is told how far the work is."""

    def at(self, done: float, text: str = "", total: float | None = None) -> None:
        """This much is done; the total too, if it was not known before."""

    def advance(self, text: str = "") -> None:
        """One more is done."""

    def say(self, text: str) -> None:
        """A line that stays."""


@contextmanager
def progress(what: str, total: float | None = 1.0) -> Iterator[Told]:
    """Tell of a piece of work.

    Args:
        total: how much there is to do; 1.0 where shares are told, None where it is not known.
    """
    kind = _Bar if sys.stderr.isatty() else _Lines
    told = kind(what, total)
    with told.running():
        yield told


class _Bar:
    """rich's bar, gone when the work is done."""

    def __init__(self, what: str, total: float | None) -> None:
        count = BarColumn(), *([MofNCompleteColumn()] if total != 1.0 else [])
        self.bar = Progress(
            *(TextColumn("{task.description:<60.60}"), *count, TimeElapsedColumn()),
            console=output.errors(),
            transient=True,
            redirect_stdout=sys.stdout.isatty(),  # else what is printed would leave its pipe
        )
        self.task = self.bar.add_task(what, total=total)

    def running(self) -> Progress:
        """While the work runs."""
        return self.bar

    def at(self, done: float, text: str = "", total: float | None = None) -> None:
        """See `Told`."""
        self.bar.update(self.task, completed=done, description=escape(text) or None, total=total)

    def advance(self, text: str = "") -> None:
        """See `Told`."""
        self.bar.update(self.task, advance=1, description=escape(text) or None)

    def say(self, text: str) -> None:
        """See `Told`."""
        self.bar.console.print(escape(text))


class _Lines:
    """A line after two seconds, then at ever longer intervals, half a minute at most."""

    def __init__(self, what: str, total: float | None) -> None:
        self.what, self.total, self.done, self.text = what, total, 0.0, ""
        self.start, self.ended = time.monotonic(), threading.Event()
        self.stream = sys.stderr  # work may silence what it prints; this goes on

    @contextmanager
    def running(self) -> Iterator[None]:
        """While the work runs."""
        thread = threading.Thread(target=self._now_and_then, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self.ended.set()
            thread.join()

    def at(self, done: float, text: str = "", total: float | None = None) -> None:
        """See `Told`."""
        self.done, self.text, self.total = done, text, total or self.total

    def advance(self, text: str = "") -> None:
        """See `Told`."""
        self.done, self.text = self.done + 1, text

    def say(self, text: str) -> None:
        """See `Told`."""
        output.errors(self.stream).print(escape(text))

    def line(self) -> str:
        """How far it is, of what, since when."""
        if self.total == 1.0:
            far = f"{self.done:.0%}"
        else:
            far = f"{self.done:g}" + (f" of {self.total:g}" if self.total else "")
        parts = (self.what, far if self.done else "", self.text)
        seconds = f"{time.monotonic() - self.start:.0f} s"
        return "   ".join([part for part in parts if part] + [seconds])

    def _now_and_then(self) -> None:
        pause = FIRST
        while not self.ended.wait(pause):
            self.say(self.line())
            pause = min(pause * GROWTH, LONGEST)
