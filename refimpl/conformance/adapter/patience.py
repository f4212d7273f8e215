"""How long a search may take: counted in programs tried, so that every run finds the same.

patience.begin()        patience.spend()   →   whether one more may be tried
"""

MOST = 8_000
"""Programs tried for one question: less than a second of one core."""

ALTOGETHER = 32_000
"""Programs tried for one adapter."""


DEEP = 2
"""Functions of one adapter of which two faults at once may be looked for in vain."""


class Patience:
    """How many programs may still be tried for an adapter; counted, so that every run agrees.

    Attributes:
        left: how many programs with two edits may still be tried.
        deep: for how many functions two faults may still be looked for in vain.
        slips: whether a slip is looked for together with a precaution.
    """

    def __init__(self, left: int = ALTOGETHER, *, slips: bool = True) -> None:
        self.left, self._now = left, 0
        self.deep, self.slips = DEEP, slips

    def begin(self) -> None:
        """A new question."""
        self._now = min(MOST, self.left)

    def spend(self) -> bool:
        """Whether one more may be tried."""
        self._now, self.left = self._now - 1, self.left - 1
        return self._now >= 0
