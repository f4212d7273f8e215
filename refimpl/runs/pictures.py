"""Small pictures as inline SVG: no library, no font to load, legible on light and dark pages.

    histogram(samples, density)   scatter(samples, beside=exact)   trajectories(…)   curves(…)

Every picture is one `<svg>` string. Text and axes are drawn in `currentColor`, so they follow the
page; data colours (blue, orange, green, …) keep their contrast on white and on black alike.
"""

import html
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 460, 280, 52, 12, 28, 38
COLOURS = ("#3b82f6", "#f97316", "#10b981", "#a855f7", "#ef4444", "#eab308")


@dataclass(frozen=True)
class Frame:
    """The plot's window: data ranges, and whether an axis is logarithmic."""

    x: tuple[float, float]
    y: tuple[float, float]
    log_x: bool = False
    log_y: bool = False
    left: float = LEFT
    width: float = WIDTH - LEFT - RIGHT

    def px(self, x: float) -> float:
        """Pixels from the left edge."""
        return self.left + self.width * _share(x, self.x, self.log_x)

    def py(self, y: float) -> float:
        """Pixels from the top edge."""
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * _share(y, self.y, self.log_y)


def histogram(
    samples: Tensor,
    density: Callable[[np.ndarray], np.ndarray],
    *,
    x: tuple[float, float],
    label: str = "x",
    bins: int = 60,
) -> str:
    """A histogram of samples (n,) with the exact density drawn over it."""
    values = np.asarray(samples.detach().flatten())
    edges = np.linspace(*x, bins + 1)
    counts, _ = np.histogram(values, edges)
    heights = counts / (len(values) * (edges[1] - edges[0]))
    line_x = np.linspace(*x, 241)
    line_y = np.asarray(density(line_x))
    frame = Frame(x, (0.0, 1.08 * float(max(heights.max(), line_y.max()))))
    base = frame.py(0)
    bars = "".join(
        f'<rect x="{frame.px(a):.1f}" y="{frame.py(h):.1f}" '
        f'width="{frame.px(b) - frame.px(a):.2f}" '
        f'height="{base - frame.py(h):.1f}"/>'
        for a, b, h in zip(edges, edges[1:], heights, strict=False)
        if h > 0
    )
    body = f'<g fill="{COLOURS[0]}" fill-opacity="0.45" shape-rendering="crispEdges">{bars}</g>'
    body += _line(frame, line_x, line_y, COLOURS[1])
    legend = [(f"{len(values):,} samples", COLOURS[0]), ("exact density", COLOURS[1])]
    return page(body + _axes(frame, label, "density") + _legend(legend))


def scatter(
    samples: Tensor,
    *,
    beside: Tensor,
    show: int = 1200,
    labels: tuple[str, str] = ("sampled", "exact"),
) -> str:
    """Samples (n, 2) in the left panel, exact ones in the right, on the same axes."""
    both = [np.asarray(points.detach())[:show] for points in (samples, beside)]
    low, high = np.concatenate(both).min(), np.concatenate(both).max()
    pad = 0.05 * (high - low)
    body, half = "", (WIDTH - LEFT - RIGHT - 30) / 2
    for i, (points, name) in enumerate(zip(both, labels, strict=True)):
        left = LEFT + i * (half + 30)
        frame = Frame((low - pad, high + pad), (low - pad, high + pad), left=left, width=half)
        dots = "".join(f"M{frame.px(a):.1f} {frame.py(b):.1f}h0" for a, b in points)
        body += (
            f'<path d="{dots}" stroke="{COLOURS[i]}" stroke-width="2.2" stroke-linecap="round" '
            'stroke-opacity="0.55" fill="none"/>'
        )
        body += _axes(frame, "x₁", "x₂" if i == 0 else "")
        body += text(left + half / 2, 18, name)
    return page(body)


def trajectories(
    levels: Sequence[float], states: Tensor, *, show: int = 40, label: str = "x"
) -> str:
    """Paths of the first samples: noise level on the horizontal axis, falling to the right."""
    paths = np.asarray(states.detach()).reshape(len(levels), -1)[:, :show]
    pad = 0.05 * (paths.max() - paths.min())
    frame = Frame((max(levels), min(levels)), (paths.min() - pad, paths.max() + pad))
    body = "".join(
        _line(frame, np.asarray(levels), path, COLOURS[i % len(COLOURS)], width=0.9, opacity=0.6)
        for i, path in enumerate(paths.T)
    )
    return page(body + _axes(frame, "noise level t (1 = noise, 0 = data)", label))


def curves(
    lines: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    *,
    x_label: str,
    y_label: str,
    log_x: bool = False,
    log_y: bool = False,
) -> str:
    """Named curves (x, y) on shared axes, either of them logarithmic.

    Raises:
        ValueError: nothing to draw, or a value ≤ 0 on a logarithmic axis.
    """
    xs = np.concatenate([np.asarray(x, float) for x, _ in lines.values()])
    ys = np.concatenate([np.asarray(y, float) for _, y in lines.values()])
    for name, values, log in (("x", xs, log_x), ("y", ys, log_y)):
        if not np.isfinite(values).all() or (log and values.min() <= 0):
            raise ValueError(
                f"{name} must be finite, and positive on a log axis, got {values.tolist()}"
            )
    frame = Frame(_padded(xs, log_x, 0.0), _padded(ys, log_y, 0.05), log_x, log_y)
    body = ""
    for i, (x, y) in enumerate(lines.values()):
        body += _line(frame, x, y, COLOURS[i % len(COLOURS)])
        dots = "".join(
            f'<circle cx="{frame.px(a):.1f}" cy="{frame.py(b):.1f}" r="2.6"/>'
            for a, b in zip(x, y, strict=True)
        )
        body += f'<g fill="{COLOURS[i % len(COLOURS)]}">{dots}</g>'
    legend = [(name, COLOURS[i % len(COLOURS)]) for i, name in enumerate(lines)]
    return page(body + _axes(frame, x_label, y_label) + _legend(legend))


def _share(value: float, span: tuple[float, float], log: bool) -> float:
    low, high = (math.log10(edge) for edge in span) if log else span
    return (float(math.log10(value) if log else value) - low) / (high - low)


def _padded(values: np.ndarray, log: bool, by: float) -> tuple[float, float]:
    ends = np.log10([values.min(), values.max()]) if log else np.array([values.min(), values.max()])
    room = by * (ends[1] - ends[0]) or (0.0 if ends[1] > ends[0] else 0.5)
    low, high = float(ends[0] - room), float(ends[1] + room)
    return (10**low, 10**high) if log else (low, high)


def _line(
    frame: Frame,
    x: Sequence[float] | np.ndarray,
    y: Sequence[float] | np.ndarray,
    colour: str,
    *,
    width: float = 2.0,
    opacity: float = 1.0,
) -> str:
    points = " ".join(f"{frame.px(a):.1f},{frame.py(b):.1f}" for a, b in zip(x, y, strict=True))
    return (
        f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="{width}" '
        f'stroke-opacity="{opacity}" stroke-linejoin="round"/>'
    )


def _ticks(span: tuple[float, float], log: bool) -> list[float]:
    low, high = min(span), max(span)
    if log:
        first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
        tens = [10.0**k for k in range(first, last + 1)]
        return tens if len(tens) > 1 else [low, high]
    raw = (high - low) / 5
    unit = 10 ** math.floor(math.log10(raw))
    step = next(m * unit for m in (1, 2, 2.5, 5, 10) if m * unit >= raw)
    first = math.ceil(low / step - 1e-9)
    return [k * step for k in range(first, math.floor(high / step + 1e-9) + 1)]


def _number(value: float, log: bool) -> str:
    power = math.log10(value) if log else 0.0
    if log and power == round(power) and abs(power) > 2:
        return "10" + f"{round(power)}".translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"{value:.2g}" if log and value < 1 else f"{value:.3g}"


def _axes(frame: Frame, x_label: str, y_label: str) -> str:
    left, right, top, bottom = frame.left, frame.left + frame.width, TOP, HEIGHT - BOTTOM
    out = (
        '<g stroke="currentColor" stroke-opacity="0.55" fill="none">'
        f'<path d="M{left:.1f} {top}V{bottom}H{right:.1f}"/></g>'
    )
    for x in _ticks(frame.x, frame.log_x):
        out += text(frame.px(x), bottom + 14, _number(x, frame.log_x))
    for y in _ticks(frame.y, frame.log_y):
        out += text(left - 5, frame.py(y) + 4, _number(y, frame.log_y), "end")
    out += text((left + right) / 2, HEIGHT - 6, x_label)
    middle = (top + bottom) / 2
    return out + (f'<g transform="rotate(-90 12 {middle:.0f})">{text(12, middle, y_label)}</g>')


def text(x: float, y: float, words: str, anchor: str = "middle") -> str:
    """Words at a place, in pixels."""
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}">{html.escape(words)}</text>'


def _legend(entries: Sequence[tuple[str, str]]) -> str:
    out, x = "", float(LEFT)
    for name, colour in entries:
        out += f'<rect x="{x:.0f}" y="9" width="10" height="10" rx="2" fill="{colour}"/>'
        out += f'<text x="{x + 14:.0f}" y="18">{html.escape(name)}</text>'
        x += 26 + 6.4 * len(name)
    return out


def page(body: str) -> str:
    """The `<svg>` round a body."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        'font-family="system-ui, sans-serif" font-size="11" fill="currentColor" '
        f'style="max-width:{WIDTH}px;width:100%;height:auto">{body}</svg>'
    )
