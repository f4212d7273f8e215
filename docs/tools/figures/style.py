"""How a figure looks, and the register of figures.

A figure is a function from a `Look` to the drawing and what it shows in words: the text for those
who do not see it, which states the finding, and the caption. Each is drawn once a theme, and kept
with English and with Chinese labels. Files are the same bytes on each run.
"""

import json
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .lettering import in_chinese

FOLDER = Path(__file__).resolve().parents[2] / "assets" / "figures"


@dataclass(frozen=True)
class Look:
    """The colours of one theme; the series' are told apart by those who see no red or green."""

    name: str
    paper: str
    ink: str
    faint: str
    series: tuple[str, ...]
    density: str

    @property
    def blue(self) -> str:
        """The flow, the data, what is right."""
        return self.series[0]

    @property
    def orange(self) -> str:
        """The SDE, the noise, what is compared."""
        return self.series[1]

    @property
    def green(self) -> str:
        """A third thing."""
        return self.series[2]

    @property
    def red(self) -> str:
        """What is wrong."""
        return self.series[3]


LIGHT = Look(
    "light", "#ffffff", "#1f2328", "#c8ccd0", ("#0b6fb8", "#c26a00", "#1b7f5c", "#b3261e"), "Blues"
)
DARK = Look(
    "dark", "#1e2129", "#e6e8ee", "#5a5f6e", ("#62b5f5", "#ffb454", "#6fd3a8", "#ff8a80"), "bone"
)


@dataclass(frozen=True)
class Told:
    """A drawing in words.

    Attributes:
        alt: the finding, for those who do not see the picture.
        caption: below the picture; Markdown.
    """

    alt: str
    caption: str


Drawn = tuple[Figure, Told]
FIGURES: dict[str, Callable[[Look], Drawn]] = {}


def picture(name: str) -> Callable[[Callable[[Look], Drawn]], Callable[[Look], Drawn]]:
    """Register a figure under a name."""

    def keep(draw: Callable[[Look], Drawn]) -> Callable[[Look], Drawn]:
        FIGURES[name] = draw
        return draw

    return keep


def canvas(
    look: Look, columns: int = 1, height: float = 2.7, rows: int = 1
) -> tuple[Figure, np.ndarray]:
    """Axes in a row, in the colours of the theme."""
    plt.rcParams.update({
        "font.size": 9, "font.family": "DejaVu Sans", "mathtext.fontset": "cm",
        "axes.edgecolor": look.faint, "axes.labelcolor": look.ink, "axes.titlecolor": look.ink,
        "xtick.color": look.ink, "ytick.color": look.ink, "text.color": look.ink,
        "axes.facecolor": look.paper, "figure.facecolor": look.paper,
        "savefig.facecolor": look.paper,
        "axes.spines.top": False, "axes.spines.right": False, "axes.titlesize": 9.5,
        "legend.frameon": False, "legend.fontsize": 8, "lines.linewidth": 1.5,
        "svg.hashsalt": "refimpl", "svg.fonttype": "path", "path.simplify_threshold": 0.5,
    })  # fmt: skip
    figure, axes = plt.subplots(
        rows, columns, figsize=(7.2, height), squeeze=False, layout="constrained"
    )
    return figure, axes


def label(axes: Axes, x: str = "", y: str = "", title: str = "") -> None:
    """The words at the axes."""
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    if title:
        axes.set_title(title, loc="left")


def write(names: list[str]) -> dict[str, Told]:
    """Draw figures in both themes and both languages, and keep their words beside them."""
    matplotlib.use("svg")
    FOLDER.mkdir(parents=True, exist_ok=True)
    kept = FOLDER / "figures.json"
    words = json.loads(kept.read_text("utf-8")) if kept.is_file() else {}
    told = {}
    for name in names:
        for look in (LIGHT, DARK):
            figure, told[name] = FIGURES[name](look)
            _save(figure, f"{name}.{look.name}")
            _save(in_chinese(figure), f"{name}.zh.{look.name}")
            plt.close(figure)
        words[name] = {"alt": told[name].alt, "caption": told[name].caption}
    kept.write_text(
        json.dumps(dict(sorted(words.items())), indent=1, ensure_ascii=False) + "\n", "utf-8"
    )
    return told


def _save(figure: Figure, name: str) -> None:
    """Write a drawing; a letter that its font has not is an error."""
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="Glyph .* missing")
        figure.savefig(FOLDER / f"{name}.svg", metadata={"Date": None})
