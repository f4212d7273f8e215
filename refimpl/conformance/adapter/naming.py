"""Names that are checked: an unknown one is refused, and the nearest known one is named."""

import difflib
from collections.abc import Iterable

from .printable import printable


class CannotRun(ValueError):
    """A check that cannot start: the adapter, a convention, an option or a file is at fault.

    The message may hold names of other people's files; it is safe to print.
    """

    def __init__(self, message: object = "") -> None:
        super().__init__(printable(message))


def misspelt(name: str, known: Iterable[str]) -> bool:
    """Whether a name is a letter or two away from a known one."""
    return bool(difflib.get_close_matches(name, list(known), n=1, cutoff=0.8))


def nearest(name: str, known: Iterable[str]) -> str:
    """ "; did you mean 'std'?", or the whole list where nothing is near."""
    known = sorted(known)
    near = difflib.get_close_matches(str(name), known, n=2, cutoff=0.5)
    if near:
        return "; did you mean " + " or ".join(repr(n) for n in near) + "?"
    return f"; known are {', '.join(known)}"
