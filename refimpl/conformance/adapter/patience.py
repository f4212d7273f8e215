"""How long a search may take: counted in programs tried, so that every run finds the same.

patience.begin()        patience.spend()   →   whether one more may be tried
"""

MOST = 16_000
"""Programs tried for one question: less than a second of one core."""

ALTOGETHER = 64_000
"""Programs tried for one adapter."""


class Patience:
    """How many programs may still be tried for an adapter; counted, so that every run agrees."""

    def __init__(self, left: int = ALTOGETHER) -> None:
        self.left, self._now = left, 0

    def begin(self) -> None:
        """A new question."""
        self._now = min(MOST, self.left)

    def spend(self) -> bool:
        """Whether one more may be tried."""
        self._now, self.left = self._now - 1, self.left - 1
        return self._now >= 0
