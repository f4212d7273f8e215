"""Lectures 1 to 5: clocks, flows, paths, densities and targets."""

from itertools import pairwise

import numpy as np
import torch

from refimpl.equations import coupling, density, dynamics, paths
from refimpl.toy import field
from refimpl.toy.examples import mixture

from .style import Drawn, Look, Told, canvas, label, picture

F64 = torch.float64
DATA = mixture([0.35, 0.65], [[-1.6], [1.2]], [[0.25], [0.4]])
"""Two modes on a line, the data of most pictures here."""


def column(x: np.ndarray) -> torch.Tensor:
    """Places on a line, as samples of one coordinate."""
    return torch.as_tensor(x, dtype=F64)[:, None]


def shaded(axes: object, look: Look, low: float = 0.02) -> None:
    """The density of x_t over (t, x), as a picture behind curves."""
    t, x = np.linspace(low, 1, 56), np.linspace(-3.2, 3.2, 90)
    rows = [DATA.at(paths.linear(float(s))).log_density(column(x)).exp().numpy() for s in t]
    p = np.stack(rows, axis=1)
    p = (p / p.max(axis=0)) ** 0.7
    flat = "#0b6fb8" if look.name == "light" else "#62b5f5"
    alpha = 0.38 * p
    rgba = np.zeros((*p.shape, 4))
    rgba[..., :3] = [int(flat[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    rgba[..., 3] = alpha
    axes.imshow(
        rgba,
        extent=(low, 1, -3.2, 3.2),
        origin="lower",
        aspect="auto",
        zorder=0,
        interpolation="bicubic",
        interpolation_stage="rgba",
    )  # type: ignore[attr-defined]


@picture("clocks")
def clocks(look: Look) -> Drawn:
    """Two clocks over one path."""
    figure, ((axes,),) = canvas(look, height=1.7)
    axes.plot([0, 1], [0, 0], color=look.ink)
    for t in (0, 0.25, 0.5, 0.75, 1):
        axes.plot([t, t], [-0.08, 0.08], color=look.ink, lw=1)
        axes.text(t, 0.2, f"$t={t:g}$", ha="center", color=look.blue)
        axes.text(t, -0.42, f"$r={1 - t:g}$", ha="center", color=look.orange)
    axes.text(0, 0.72, "data", ha="center", weight="bold")
    axes.text(1, 0.72, "noise", ha="center", weight="bold")
    axes.annotate(
        "", (0.66, 0.78), (0.34, 0.78), arrowprops={"arrowstyle": "->", "color": look.blue}
    )
    axes.text(0.5, 0.9, "$v$ = noise − data: paper, SD3.5, diffusers", ha="center", color=look.blue)
    axes.annotate(
        "", (0.34, -0.72), (0.66, -0.72), arrowprops={"arrowstyle": "->", "color": look.orange}
    )
    axes.text(
        0.5, -1.05, "$u$ = data − noise: MIT 6.S184, Lipman et al.", ha="center", color=look.orange
    )
    axes.set(xlim=(-0.08, 1.08), ylim=(-1.15, 1.15))
    axes.axis("off")
    return figure, Told(
        "One path from data to noise with two scales: t rises from 0 at the data to 1 at the "
        "noise, "
        "r = 1 − t falls; the velocity v points to the noise and u = −v to the data.",
        "One path, two clocks. A level of one and the matching level of the other add up to 1, "
        "and the "
        "velocity changes its sign.",
    )


@picture("flow-and-sde")
def flow_and_sde(look: Look) -> Drawn:
    """The linear field without and with noise."""
    figure, ((left, right),) = canvas(look, 2)
    t = np.linspace(0, 3, 121)
    for x in np.linspace(-2, 2, 9):
        left.plot(
            t, [dynamics.linear_flow(float(x), 1.0, float(s)) for s in t], color=look.blue, lw=1
        )
    noise = np.random.default_rng(3).standard_normal((120, 9))
    h = float(t[1])
    for i, x in enumerate(np.linspace(-2, 2, 9)):
        path = [float(x)]
        for e in noise[:, i]:
            path.append(float(dynamics.ornstein_uhlenbeck(path[-1], 1.0, 0.7, h).sample(e)))
        right.plot(t, path, color=look.orange, lw=0.8)
    wide = 2 * float(dynamics.stationary(1.0, 0.7).std)
    for y in (-wide, wide):
        right.axhline(y, color=look.ink, lw=1, ls="--")
    label(left, "time", "$x$", r"$\mathrm{d}x=-x\,\mathrm{d}t$")
    label(right, "time", "", r"$\mathrm{d}x=-x\,\mathrm{d}t+0.7\,\mathrm{d}w$")
    right.set_ylim(left.set_ylim(-2.3, 2.3))
    return figure, Told(
        "Left: nine trajectories of dx = −x dt fall to zero and never cross. Right: with noise "
        "they "
        f"settle in a band; 95 percent of it lies within ±{wide:.2f}.",
        "Left, the flow of the linear field: one trajectory through each point. Right, the same "
        "field with "
        "noise, drawn from the exact transition; dashed, two standard deviations of the "
        "stationary law.",
    )


@picture("marginals")
def marginals(look: Look) -> Drawn:
    """The marginal density over t, with the velocity field."""
    figure, ((axes,),) = canvas(look, height=3.1)
    shaded(axes, look)
    levels, places = np.linspace(0.06, 0.98, 16), np.linspace(-2.8, 2.8, 15)
    for t in levels:
        v = DATA.velocity(paths.linear(float(t)), column(places))[:, 0].numpy()
        axes.quiver(
            np.full_like(places, t), places, -np.ones_like(v), -v, angles="xy", scale=26,
            width=0.0019,
            color=look.ink, headwidth=4,
        )  # fmt: skip
    label(axes, "noise level $t$ (sampling goes to the right)", "$x$")
    axes.set(xlim=(1, 0.02), ylim=(-3.2, 3.2))
    return figure, Told(
        "The density of x_t over the noise level: one normal hump at t = 1 splits into two modes "
        "at the "
        "data end; arrows of minus the velocity lead from noise to the modes.",
        "The marginals $p_t$ of data with two modes, from noise ($t = 1$, left) to data ($t = "
        "0$, right). Arrows: the direction in which "
        "sampling moves, minus the velocity $v(x, t)$. The exact field, nothing is learnt.",
    )


@picture("crossing-lines")
def crossing_lines(look: Look) -> Drawn:
    """Conditional lines cross, trajectories of the mean field do not."""
    figure, ((left, right),) = canvas(look, 2, height=2.9)
    generator = torch.Generator().manual_seed(5)
    noise = torch.linspace(-1.9, 1.9, 14, dtype=F64)
    data = DATA.sample(14, generator)[:, 0]
    for d, e in zip(data, noise, strict=True):
        left.plot([0, 1], [float(d), float(e)], color=look.orange, lw=0.9)
    t = np.linspace(1, 0.002, 140)
    v = field(DATA)
    x, rows = noise[:, None], [noise[:, None]]
    for high, low in pairwise(t):
        x = x - float(high - low) * v(x, float(high))
        rows.append(x)
    for line in torch.stack(rows)[:, :, 0].T.numpy():
        right.plot(t, line, color=look.blue, lw=0.9)
    label(left, "$t$", "$x$", "training: pairs drawn at random")
    label(right, "$t$", "", "sampling: the mean field")
    for axes in (left, right):
        axes.set(xlim=(1, 0), ylim=(-2.6, 2.6))
    return figure, Told(
        "Left: straight lines between random data and noises cross each other. Right: "
        "trajectories of the "
        "mean velocity from the same noises never cross; they bend, and each goes to one of the "
        "two modes.",
        "Left, the straight lines on which a network is trained. Where two cross, it can only "
        "learn the mean of "
        "their slopes. Right, the trajectories of that mean field, from the same noises: they "
        "bend and do not cross.",
    )


@picture("continuity")
def continuity(look: Look) -> Drawn:
    """Density, flux, and the rate of the density from its flux."""
    figure, ((left, right),) = canvas(look, 2)
    t, dt, x = 0.45, 1e-4, np.linspace(-3, 3, 241)
    law = DATA.at(paths.linear(t))

    def p(level: float) -> np.ndarray:
        return DATA.at(paths.linear(level)).log_density(column(x)).exp().numpy()  # type: ignore[no-any-return]

    v = DATA.velocity(paths.linear(t), column(x))[:, 0].numpy()
    slope, dv = p(t) * law.score(column(x))[:, 0].numpy(), np.gradient(v, x, edge_order=2)
    rate = np.asarray(density.continuity(p(t), slope, v, dv))
    left.plot(x, p(t), color=look.ink, label="$p_t$")
    left.plot(x, p(t) * v, color=look.orange, label="flux $p_t\\,v$")
    right.plot(
        x,
        (p(t + dt) - p(t - dt)) / (2 * dt),
        color=look.faint,
        lw=4,
        label="$\\partial_t p_t$, differences in $t$",
    )
    right.plot(x, rate, color=look.blue, lw=1.3, label="$-\\partial_x(p_t\\,v)$")
    gap = float(np.abs(rate - (p(t + dt) - p(t - dt)) / (2 * dt)).max())
    left.set_ylim(-0.85, 0.95)
    right.set_ylim(-1.3, 2.5)
    for axes in (left, right):
        axes.axhline(0, color=look.faint, lw=0.8)
        axes.legend(loc="upper left")
        label(axes, "$x$")
    return figure, Told(
        "Left: a density with two modes and its flux. Right: the rate of the density, by "
        "differences in t, "
        "and minus the slope of the flux lie on one another; they differ by less than "
        f"{max(gap, 1e-3):.0e}.",
        "Left, $p_t$ at $t = 0.45$ and its flux. Right, how fast the density changes, computed "
        "twice: from densities at two neighbouring levels "
        "(grey), and from the slope of the flux (blue). Where the flux rises, the density falls.",
    )


@picture("targets")
def targets(look: Look) -> Drawn:
    """What the network is told, and what it learns; sizes of targets over t."""
    figure, ((left, right),) = canvas(look, 2)
    t, generator = 0.5, torch.Generator().manual_seed(1)
    data, noise = DATA.sample(500, generator), torch.randn(500, 1, generator=generator, dtype=F64)
    x = paths.interpolate(paths.linear(t), data, noise)
    left.scatter(
        x[:, 0],
        (noise - data)[:, 0],
        s=5,
        color=look.orange,
        alpha=0.55,
        lw=0,
        label="targets, noise − data",
    )
    places = np.linspace(-2.2, 2.2, 121)
    mean = DATA.velocity(paths.linear(t), column(places))[:, 0].numpy()
    left.plot(places, mean, color=look.blue, lw=2, label="their mean given $x_t$")
    left.legend(loc="upper left", markerscale=2)
    left.set_ylim(-4, 7)
    level = np.linspace(0.02, 0.99, 98)
    right.plot(
        level,
        [coupling.correlated_velocity_variance(float(s), 0.5, 0.0) for s in level],
        color=look.blue,
        label="velocity target",
    )
    spread = [0.25 * (1 - s) ** 2 / (0.25 * (1 - s) ** 2 + s**2) / s**2 for s in level]
    right.plot(level, spread, color=look.red, label="score target")
    right.set_yscale("log")
    right.legend()
    label(left, "$x_t$ at $t=0.5$", "target", "one point, many targets")
    label(right, "$t$", "", "variance that $x_t$ does not explain")
    return figure, Told(
        "Left: at one place the targets scatter over several units, and the blue curve is their "
        "mean, which is "
        "what is learnt. Right: the unexplained variance of velocity targets stays below "
        f"{max(coupling.correlated_velocity_variance(float(s), 0.5, 0.0) for s in level):.1f}; "
        f"that of score targets grows to {spread[0]:,.0f} near the data.",
        "Left, 500 targets at $t = 0.5$ and the field that a network learns from them. Right, "
        "for data $N(0, 0.25)$: the variance that remains "
        "around a perfect prediction. It is the floor of the loss, bounded for velocities and "
        "unbounded for scores.",
    )
