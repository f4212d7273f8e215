"""What reports show, as data; a picture is drawn, by matplotlib, only where a page asks for it.

    histogram(samples, density, x=(-3, 3))     scatter(samples, beside=exact)     sheet(images)
    trajectories(levels, states)               curves({"reward": (steps, values)}, ...)

Each returns a `Picture`, which travels between processes and needs no library; `picture.svg()` is
one `<svg>` for a page (see `drawing`).
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import pad

from . import drawing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BLUE, ORANGE = drawing.COLOURS[:2]
"""Blue is computed, orange is exact."""


class Picture(ABC):
    """Something that can be drawn."""

    size: tuple[float, float] = (4.6, 2.8)
    """Inches."""

    @abstractmethod
    def draw(self, figure: "Figure") -> None:
        """Put it on a figure of matplotlib."""

    def svg(self, title: str = "") -> str:
        """As one `<svg>`, which follows the colours of its page.

        Args:
            title: read out by screen readers.

        Raises:
            ModuleNotFoundError: matplotlib is not installed, with the remedy.
        """
        return drawing.svg(self.draw, self.size, title)


@dataclass(frozen=True, eq=False)
class Histogram(Picture):
    """Shares of samples in bins, with the exact density over them."""

    edges: np.ndarray
    heights: np.ndarray
    density: tuple[np.ndarray, np.ndarray]
    label: str
    count: int

    def draw(self, figure: "Figure") -> None:
        """One panel."""
        axes = figure.subplots()
        axes.stairs(self.heights, self.edges, fill=True, color=BLUE, alpha=0.45,
                    label=f"{self.count:,} samples")  # fmt: skip
        axes.plot(*self.density, color=ORANGE, label="exact density")
        axes.set(xlabel=self.label, ylabel="density", xlim=(self.edges[0], self.edges[-1]))
        axes.set_ylim(bottom=0)
        drawing.legend(axes)


def histogram(
    samples: Tensor,
    density: Callable[[np.ndarray], np.ndarray],
    *,
    x: tuple[float, float],
    label: str = "x",
    bins: int = 60,
) -> Histogram:
    """A histogram of samples (n,) with the exact density drawn over it."""
    values = np.asarray(samples.detach().flatten())
    edges = np.linspace(*x, bins + 1)
    counts, _ = np.histogram(values, edges)
    at = np.linspace(*x, 241)
    heights = counts / (len(values) * (edges[1] - edges[0]))
    return Histogram(edges, heights, (at, np.asarray(density(at))), label, len(values))


@dataclass(frozen=True, eq=False)
class Scatter(Picture):
    """Two clouds (n, 2) on the same axes, side by side."""

    clouds: tuple[np.ndarray, np.ndarray]
    labels: tuple[str, str]

    def draw(self, figure: "Figure") -> None:
        """Two panels."""
        panels = figure.subplots(1, 2, sharex=True, sharey=True)
        for axes, points, name, colour in zip(
            panels, self.clouds, self.labels, (BLUE, ORANGE), strict=True
        ):
            axes.scatter(*points.T, s=3, alpha=0.55, color=colour, linewidths=0, rasterized=True)
            axes.set(xlabel="x₁", title=name)
        panels[0].set_ylabel("x₂")


def scatter(
    samples: Tensor,
    *,
    beside: Tensor,
    show: int = 1200,
    labels: tuple[str, str] = ("sampled", "exact"),
) -> Scatter:
    """Samples (n, 2) in the left panel, exact ones in the right, on the same axes."""
    left, right = (np.asarray(points.detach())[:show] for points in (samples, beside))
    return Scatter((left, right), labels)


@dataclass(frozen=True, eq=False)
class Trajectories(Picture):
    """Paths of samples against the noise level, which falls to the right."""

    levels: np.ndarray
    paths: np.ndarray
    label: str

    def draw(self, figure: "Figure") -> None:
        """One panel."""
        axes = figure.subplots()
        axes.plot(self.levels, self.paths, linewidth=0.8, alpha=0.6)
        axes.set(xlabel="noise level t (1 = noise, 0 = data)", ylabel=self.label)
        axes.set_xlim(self.levels.max(), self.levels.min())


def trajectories(
    levels: Sequence[float], states: Tensor, *, show: int = 40, label: str = "x"
) -> Trajectories:
    """Paths of the first samples: noise level on the horizontal axis, falling to the right."""
    paths = np.asarray(states.detach()).reshape(len(levels), -1)[:, :show]
    return Trajectories(np.asarray(levels, float), paths, label)


_TURNS = ("-", "--", ":", "-.")
"""How lines are dashed as the colours come round again; their dots are hollow then."""


@dataclass(frozen=True, eq=False)
class Curves(Picture):
    """Named curves on shared axes.

    Attributes:
        lines: name to (x, y).
        marks: horizontal lines, by what they mean.
        band: where the values should lie; None if nothing is expected.
    """

    lines: dict[str, tuple[np.ndarray, np.ndarray]]
    x_label: str
    y_label: str
    log_x: bool = False
    log_y: bool = False
    marks: dict[str, float] = field(default_factory=dict)
    band: tuple[float, float] | None = None

    def draw(self, figure: "Figure") -> None:
        """One panel."""
        axes = figure.subplots()
        if self.band is not None:
            axes.axhspan(*self.band, color=drawing.COLOURS[2], alpha=0.12, linewidth=0,
                         label="expected")  # fmt: skip
        for k, (name, (x, y)) in enumerate(self.lines.items()):
            dots, turn = "o" if len(x) <= 40 else "", k // len(drawing.COLOURS)
            axes.plot(x, y, marker=dots, markersize=3, label=name, linestyle=_TURNS[turn],
                      fillstyle="none" if turn else "full")  # fmt: skip
        for (name, value), dashes in zip(self.marks.items(), ("--", ":", "-.") * 3, strict=False):
            axes.axhline(value, linestyle=dashes, linewidth=1.1, color=drawing.INK, label=name)
        if self.log_x:
            axes.set_xscale("log")
        elif all((x % 1 == 0).all() for x, _ in self.lines.values()):
            drawing.whole(axes.xaxis)
        if self.log_y:
            axes.set_yscale("log")
        axes.set(xlabel=self.x_label, ylabel=self.y_label)
        if len(self.lines) > 1 or self.marks or self.band:
            drawing.legend(axes)


def curves(
    lines: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    *,
    x_label: str,
    y_label: str,
    log_x: bool = False,
    log_y: bool = False,
    marks: Mapping[str, float] | None = None,
    band: tuple[float, float] | None = None,
) -> Curves:
    """Named curves (x, y) on shared axes, either of them logarithmic.

    Raises:
        ValueError: nothing to draw, more than can be told apart, or a value ≤ 0 on a logarithmic
            axis.
    """
    if not lines:
        raise ValueError("nothing to draw: no curve was given")
    most = len(drawing.COLOURS) * len(_TURNS)
    if len(lines) > most:
        raise ValueError(
            f"{len(lines)} curves cannot be told apart, {most} can: draw fewer in one picture"
        )
    held = {name: (np.asarray(x, float), np.asarray(y, float)) for name, (x, y) in lines.items()}
    for axis, log, which in (("x", log_x, 0), ("y", log_y, 1)):
        values = np.concatenate([line[which] for line in held.values()])
        if not np.isfinite(values).all() or (log and values.min() <= 0):
            raise ValueError(
                f"{axis} must be finite, and positive on a log axis, got {values.tolist()}"
            )
    return Curves(held, x_label, y_label, log_x, log_y, dict(marks or {}), band)


@dataclass(frozen=True, eq=False)
class Sheet(Picture):
    """Grey images in a grid, a named row each."""

    page: np.ndarray
    centres: tuple[float, ...]
    rows: tuple[str, ...]

    @property
    def size(self) -> tuple[float, float]:  # type: ignore[override]
        """As wide as the others, as high as it needs."""
        return 4.6, 4.6 * self.page.shape[0] / self.page.shape[1] + 0.1

    def draw(self, figure: "Figure") -> None:
        """One panel without axes."""
        axes = figure.subplots()
        axes.imshow(self.page, cmap="gray_r", vmin=-1, vmax=1, interpolation="nearest")
        axes.set(xticks=[], yticks=self.centres[: len(self.rows)], yticklabels=self.rows)
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)


def sheet(images: Float[Tensor, "rows columns H W"], rows: Sequence[str] = ()) -> Sheet:
    """Grey images side by side with a margin; −1 is white and 1 is black."""
    framed = pad(images.detach().double().clamp(-1, 1), (0, 1, 0, 1), value=-1.0)
    r, c, height, width = framed.shape
    page = framed.permute(0, 2, 1, 3).reshape(r * height, c * width).numpy()
    return Sheet(page, tuple((i + 0.5) * height - 1 for i in range(r)), tuple(rows))
