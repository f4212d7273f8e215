"""The rows of a training step that have one number each: ratio, loss, and what they are made of."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from ..reading import precision
from ..reading.layout import Table
from ..reading.probe import width

_NAMES = ("ratio", "log_prob", "log_prob_old", "kl", "loss", "advantages", "t", "s", "std", "step")
_OF_STEPS = ("t", "s", "std", "step")
_OPEN = (*_OF_STEPS, "rewards", "groups")
"""Numbers that a row may lack."""

_ROWS = 2**18


@dataclass(frozen=True)
class Part:
    """Rows' numbers in float64, (n,) by name, and their roundoff; a sample's are its rows'."""

    of: dict[str, Tensor]
    roundoff: dict[str, float]
    dims: int

    @property
    def n(self) -> int:
        """Rows."""
        return len(next(iter(self.of.values())))

    @property
    def order(self) -> Tensor | None:
        """What tells the steps apart: t, or their numbers."""
        return self.of.get("t", self.of.get("step"))

    @cached_property
    def batches(self) -> tuple[Tensor, Tensor, Tensor]:
        """The different losses, which of them each row has, and how many rows have it: rows with
        one loss are of one batch, where a loss is one number a batch."""
        ids, index, size = torch.unique(self.of["loss"], return_inverse=True, return_counts=True)
        return ids, index, size

    def but(self, **columns: Tensor) -> "Part":
        """The same rows with other columns."""
        return replace(self, of=self.of | columns)


def parts_of(table: Table) -> Iterator[Part]:
    """The rows of a table, a bounded number at a time; those whose numbers are finite."""
    columns = {n: c for n, c in table.columns.items() if n in _NAMES and c.width == 1}
    if not {"ratio", "loss"} & set(columns):
        return
    columns |= {n: c for n, c in table.samples.items() if c.width == 1}
    for a in range(0, table.n, _ROWS):
        raw = {n: c.read(a, min(a + _ROWS, table.n))[:, 0].clone() for n, c in columns.items()}
        if not {"t", "step"} & set(raw) and table.steps > 1:
            rows = torch.arange(a, min(a + _ROWS, table.n))
            together = table.lag != 1  # a step's rows follow each other
            raw["step"] = rows // (table.n // table.steps) if together else rows % table.steps
        finite = torch.ones(len(next(iter(raw.values()))), dtype=torch.bool)
        for name, x in raw.items():
            finite &= torch.isfinite(x) | (name in _OPEN)
        yield Part(
            {n: x[finite].double() for n, x in raw.items()},
            {n: precision.logged(x) for n, x in raw.items()},
            width(table),
        )
