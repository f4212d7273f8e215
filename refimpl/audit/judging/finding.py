"""What the audit says about one quantity, as data.

consistent    follows the article, or what was declared, to rounding
convention    follows a known convention that nobody declared: said, and not held against it
differs       equals a mistake, contradicts what was declared, or equals nothing known
not checked   something that it takes was not recorded
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from ...conformance.adapter.printable import printable

Verdict = Literal["consistent", "convention", "differs", "not checked"]


UNLISTED = "equals no formula that is known for it"


def plain(f: "Finding") -> "Finding":
    """A finding whose cause says what the numbers equal: then it is not said before that they
    equal nothing."""
    return replace(f, detail=_NAMED.sub(r"\1", f.detail))


_NAMED = re.compile(rf"^{UNLISTED}: (it equals )")


@dataclass(frozen=True)
class Finding:
    """One verdict.

    Attributes:
        subject: the quantity, or the property, that was judged.
        formula: the ids of the formulas that give the recorded numbers, or "".
        gap: the largest gap to them, in the quantity's own unit; None where nothing was compared.
        allowed: what rounding allows at that row.
        rows: how many rows were compared.
        detail: the sentence to read: what was found, its size, its cause and its remedy.
    """

    subject: str
    verdict: Verdict
    formula: str = ""
    gap: float | None = None
    allowed: float | None = None
    rows: int = 0
    detail: str = ""

    def __post_init__(self) -> None:
        """Texts may quote names of the record: they are made safe to print."""
        for text in ("subject", "formula", "detail"):
            object.__setattr__(self, text, printable(getattr(self, text)))

    @property
    def judges(self) -> bool:
        """Whether a recorded quantity was held against a formula or a law, and not only described.

        Clock and grid say how levels are told; a grid is judged where one was declared.
        """
        if self.verdict in ("differs", "not checked"):
            return self.verdict == "differs"
        described = self.subject == "clock" or (
            self.subject == "grid" and self.verdict == "convention"
        )
        return bool(self.formula) and not described


@dataclass
class Tally:
    """The largest gap over all rows, and the rows that do not fit.

    Attributes:
        rows, gap, allowed, worst: compared; the largest gap in units of what is allowed, as gap,
            allowance and row.
        beyond: rows whose gap is larger than allowed.
        first: the first such row.
    """

    rows: int = 0
    gap: float = 0.0
    allowed: float = 0.0
    worst: int = -1
    beyond: int = 0
    first: int = -1
    strain: float = -1.0

    def add(self, size: Tensor, allowed: Tensor, rows: Sequence[int]) -> None:
        """Add the gaps of some rows, given by their numbers."""
        told = torch.isfinite(size)  # rows with NaN are counted elsewhere
        self.rows += int(told.sum())
        size, allowed = torch.where(told, size, 0.0), torch.where(told, allowed, 1.0)
        if not len(size):
            return
        strain = size / allowed.clamp_min(1e-300)
        at = int(strain.argmax())
        if float(strain[at]) > self.strain:
            self.strain, self.worst = float(strain[at]), rows[at]
            self.gap, self.allowed = float(size[at]), float(allowed[at])
        outside = size > allowed
        count = int(outside.sum())
        if count:
            self.beyond += count
            if self.first < 0:
                self.first = rows[int(outside.double().argmax())]
