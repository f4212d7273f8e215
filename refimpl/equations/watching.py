"""Which equations are called: noted while somebody watches, at the price of one look otherwise.

with watched() as called:
    check(0)
called        {"sde.transition", "sde.drift", ...}, those that others called among them
"""

from collections.abc import Iterator
from contextlib import contextmanager

WATCHERS: list[set[str]] = []
"""The sets of ids that are being filled now."""


@contextmanager
def watched() -> Iterator[set[str]]:
    """The ids of the equations that are called inside, as they come in."""
    called: set[str] = set()
    WATCHERS.append(called)
    try:
        yield called
    finally:
        WATCHERS[:] = [other for other in WATCHERS if other is not called]


def note(equation_id: str) -> None:
    """Tell everybody who watches."""
    for called in WATCHERS:
        called.add(equation_id)
