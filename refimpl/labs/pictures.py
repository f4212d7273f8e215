"""Axes for the labs: a grid of panels, clouds of points, sheets of digits.

    figure, axes = panels(rows, columns)          axes[row][column]

Figures are objects, not a global state: no backend is chosen and no window can open.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import pad

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DATA, MODEL = "#1f4e79", "#c55a11"
"""Blue is exact, orange is computed, in every picture."""


def panels(
    rows: int, columns: int, width: float = 3.2, height: float = 2.8
) -> "tuple[Figure, list[list[Any]]]":
    """A figure and its axes."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width * columns, height * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False)
    return figure, [list(row) for row in axes]


def cloud(axis: Any, x: Float[Tensor, "n 2"], title: str, colour: str, limit: float = 3.6) -> None:
    """Points of the plane, at most a thousand and a half of them."""
    x = x[:1500]
    axis.scatter(x[:, 0], x[:, 1], s=2, alpha=0.5, color=colour, linewidths=0)
    axis.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal", xticks=[], yticks=[])
    axis.set_title(title, fontsize=9)


def sheet(
    axis: Any, pictures: Float[Tensor, "rows columns H W"], title: str, rows: Sequence[str] = ()
) -> None:
    """Pictures side by side with a margin, one row each; −1 is white and 1 is black."""
    framed = pad(pictures, (0, 2, 0, 2), value=-1.0)
    r, c, height, width = framed.shape
    page = framed.permute(0, 2, 1, 3).reshape(r * height, c * width)
    axis.imshow(page.numpy(), cmap="gray_r", vmin=-1, vmax=1, interpolation="nearest")
    axis.set(xticks=[], yticks=[(i + 0.5) * height - 1.5 for i in range(len(rows))])
    axis.set_yticklabels(rows, fontsize=7)
    axis.tick_params(length=0)
    axis.set_title(title, fontsize=9)
