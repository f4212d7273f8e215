"""Where training data come from: a law that is known, or a table of samples.

    draw(generator) → Batch(data, label)

A batch is drawn anew at every step. From a law the supply is endless, so that what a network gets
wrong is not overfitting. From a table rows are drawn with replacement.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor


@runtime_checkable
class Law(Protocol):
    """Anything that draws: a Mixture, a Product."""

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """n samples, shape (n, d)."""


@dataclass(frozen=True, eq=False)
class Batch:
    """Data, and a label for each row where there are labels.

    Raises:
        ValueError: data that are not finite, or another number of labels.
    """

    data: Float[Tensor, "B ..."]
    label: Int[Tensor, " B"] | None = None

    def __post_init__(self) -> None:
        if not bool(torch.isfinite(self.data).all()):
            bad = int((~torch.isfinite(self.data)).sum())
            raise ValueError(
                f"data must be finite, got {bad} entries that are NaN or infinite: clean the data"
            )
        if self.label is not None and self.label.shape != self.data.shape[:1]:
            raise ValueError(
                f"one label per row, ({len(self.data)},), got {tuple(self.label.shape)}"
            )


def from_law(
    law: Law, n: int, dtype: torch.dtype = torch.float32
) -> Callable[[torch.Generator], Batch]:
    """n fresh samples at every step, in the precision of the network."""
    _count(n)
    return lambda generator: Batch(law.sample(n, generator).to(dtype))


def from_table(
    data: Float[Tensor, "N ..."], label: Int[Tensor, " N"] | None = None, *, n: int
) -> Callable[[torch.Generator], Batch]:
    """n rows at every step, drawn with replacement.

    Raises:
        ValueError: an empty table, NaN, or labels that do not fit.
    """
    _count(n)
    whole = Batch(data, label)
    if not len(data):
        raise ValueError("a table needs at least one row, got none")

    def draw(generator: torch.Generator) -> Batch:
        row = torch.randint(len(whole.data), (n,), generator=generator)
        return Batch(whole.data[row], None if whole.label is None else whole.label[row])

    return draw


def _count(n: int) -> None:
    if n < 1:
        raise ValueError(f"a batch needs at least one row, got n={n!r}")
