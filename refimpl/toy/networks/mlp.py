"""A residual MLP for points: the network of every two-dimensional toy.

    h ← h + W silu(h + U e(t, y)),   out = V silu(h)

128 wide and 3 deep it has 0.13 million parameters, and a training step on 256 points takes three
milliseconds on one core. V starts at zero, so that an untrained network is the zero field.
"""

from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import silu

from .condition import Condition


class MLP(nn.Module):
    """(x, t, y) ↦ a vector per point.

    Attributes:
        d: coordinates of x.
        out: coordinates of the answer; those of x unless given (a classifier has one per label).

    Raises:
        ValueError: a size that is not positive.
    """

    def __init__(
        self, d: int, *, width: int = 128, depth: int = 3, labels: int = 0, out: int | None = None
    ) -> None:
        super().__init__()
        if min(d, width, depth) < 1:
            raise ValueError(f"sizes must be positive, got d={d}, width={width}, depth={depth}")
        self.d = d
        self.condition = Condition(width, labels)
        self.first = nn.Linear(d, width)
        self.told = nn.ModuleList(nn.Linear(width, width) for _ in range(depth))
        self.layers = nn.ModuleList(nn.Linear(width, width) for _ in range(depth))
        self.last = nn.Linear(width, d if out is None else out)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def forward(
        self,
        x: Float[Tensor, "B d"],
        t: Float[Tensor, " B"],
        y: Int[Tensor, " B"] | None = None,
    ) -> Float[Tensor, "B out"]:
        """The answer at x, at noise level t, under label y (None: the null label).

        Raises:
            ValueError: shapes that do not fit, or a label out of range.
        """
        if x.ndim != 2 or x.shape[1] != self.d or t.shape != x.shape[:1]:
            raise ValueError(
                f"this network takes x (B, {self.d}) and t (B,), got {tuple(x.shape)} and "
                f"{tuple(t.shape)}"
            )
        e = self.condition(t, y)
        h: Tensor = self.first(x)
        for layer, told in zip(self.layers, self.told, strict=True):
            h = h + layer(silu(h + told(e)))
        answer: Tensor = self.last(silu(h))
        return answer
