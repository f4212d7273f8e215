"""Figures of matplotlib as SVG for a page: self-contained, the same bytes every time.

Text and axes take the page's colour (`currentColor`), so that they can be read on light and dark
pages; data colours keep their contrast on both.
"""

import io
import re
from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

COLOURS = ("#3b82f6", "#f97316", "#10b981", "#a855f7", "#ef4444", "#ca8a04")
INK = "#010203"
"""Stands for the page's own colour, which matplotlib has no name for."""

STYLE: dict[str, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "refimpl",
    "savefig.dpi": 150,
    "font.size": 8.5,
    "axes.titlesize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.facecolor": "none",
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "lines.linewidth": 1.6,
    "legend.frameon": False,
    "legend.fontsize": 8,
}


def svg(draw: Callable[["Figure"], None], size: tuple[float, float], title: str = "") -> str:
    """What `draw` puts on a figure, as one `<svg>`.

    Args:
        size: in inches; the picture shrinks with its page and never grows beyond that.
        title: read out by screen readers; without one the picture counts as decoration.

    Raises:
        ModuleNotFoundError: matplotlib is not installed, with the remedy.
    """
    try:
        import matplotlib
        from cycler import cycler
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "pictures are drawn by matplotlib: pip install 'refimpl[pictures]'", name="matplotlib"
        ) from error
    style: Any = {**STYLE, "axes.prop_cycle": cycler(color=COLOURS)}
    with matplotlib.rc_context(style):
        figure = Figure(figsize=size, layout="constrained")
        draw(figure)
        file = io.StringIO()
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(file, format="svg", transparent=True, metadata=nothing)
    return _tidied(file.getvalue(), title)


def legend(axes: "Axes") -> None:
    """Above the panel, in a row, where it hides nothing."""
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, borderaxespad=0.2,
                handlelength=1.4, columnspacing=1.2)  # fmt: skip


def whole(axis: "Axis") -> None:
    """Ticks at whole numbers only."""
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator("auto", integer=True))


def _tidied(drawn: str, title: str) -> str:
    """Without prologue, names and fixed size; with the page's colour, and said to be an image."""
    body = drawn[drawn.index("<svg") :].strip()
    body = body.replace(INK, "currentColor")
    body = re.sub(r'<g id="[^"]*">', "<g>", body)
    body = re.sub(r"<style.*?</style>", "", body, flags=re.DOTALL)  # it would rule the whole page
    body = body.replace("xlink:href", "href")
    width, height = re.findall(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', body)[0]
    told = f'role="img" aria-label="{escape(title)}"' if title else 'role="presentation"'
    start = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" {told} '
        'fill="currentColor" stroke-linejoin="round" '
        f'style="max-width:{float(width) * 4 / 3:.0f}px;width:100%;height:auto">'
    )
    return start + body[body.index(">") + 1 :]
