"""What a network is told besides x: the noise level t and, perhaps, a label y.

    e = MLP(cos(f_k t), sin(f_k t)) + E[y]          f_k from 1 to 100, geometrically

A level (or a level and a label) that all rows share is worked out once: solvers ask so, with an
expanded tensor. Labels count from 0 to labels − 1. One more row of the table is the null label
∅ = labels: "no label", which classifier-free guidance trains beside the others. Leaving y out means
∅.
"""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn


def waves(t: Float[Tensor, " B"], width: int) -> Float[Tensor, "B width"]:
    """cos(f_k t), sin(f_k t): a level as `width` numbers, slow and fast ones.

    A level is in [0, 1], so f = 1 tells the two ends apart and f = 100 resolves a hundredth.
    """
    f = torch.exp(torch.linspace(0, math.log(100), width // 2, dtype=t.dtype, device=t.device))
    angle = t[:, None] * f
    return torch.cat([angle.cos(), angle.sin()], dim=1)


class Condition(nn.Module):
    """(t, y) ↦ e, shape (B, width), or (1, width) where t and y are one number, expanded.

    Attributes:
        width: even.
        labels: how many there are; 0 for a network without labels.

    Raises:
        ValueError: an odd width or a negative number of labels.
    """

    def __init__(self, width: int, labels: int = 0) -> None:
        super().__init__()
        if width < 2 or width % 2:
            raise ValueError(f"the condition's width must be even and positive, got {width!r}")
        if labels < 0:
            raise ValueError(f"labels are counted, got {labels!r}")
        self.width, self.labels = width, labels
        self.level = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
        self.label = nn.Embedding(labels + 1, width) if labels else None

    @property
    def null(self) -> int:
        """∅, the label that says nothing."""
        return self.labels

    def forward(
        self, t: Float[Tensor, " B"], y: Int[Tensor, " B"] | None = None
    ) -> Float[Tensor, "rows width"]:
        """e(t, y), a row for each of t or one for all; y = None stands for ∅ in every row.

        Raises:
            ValueError: t or y not (B,), a label out of range, or labels for a network without.
        """
        if t.ndim != 1:
            raise ValueError(f"t must be one noise level per row, (B,), got {tuple(t.shape)}")
        e: Tensor = self.level(waves(_once(t), self.width))
        if self.label is None:
            if y is not None:
                raise ValueError("this network was made without labels: leave y out")
            return e
        if y is None:
            y = torch.tensor(self.null, device=t.device).expand(t.shape)
        self._check(t, y)
        return e + self.label(_once(y))

    def _check(self, t: Tensor, y: Tensor) -> None:
        if y.shape != t.shape or y.is_floating_point():
            raise ValueError(
                f"y must be one whole number per row, {tuple(t.shape)}, got {tuple(y.shape)} "
                f"of {y.dtype}"
            )
        if y.device.type == "cpu" and y.numel():  # an accelerator is not stopped to look
            low, high = int(y.min()), int(y.max())
            if low < 0 or high > self.null:
                raise ValueError(
                    f"labels run from 0 to {self.labels - 1}, and {self.null} is the null label; "
                    f"got values from {low} to {high}"
                )


def _once(x: Tensor) -> Tensor:
    """One entry for all where all are one, expanded."""
    return x[:1] if x.stride() == (0,) else x
