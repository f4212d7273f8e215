"""The laws that samples are held to, by a second route: no equation of the register is called.

    E[data | x], E[noise | x]      from responsibilities over the components, in float64
    a step down, t to s:           N((1 − s) E[data | x] + (s − g² h/(2t)) E[noise | x], g² h)
    a step up, t to s:             N(x + h ((1 − g²/(2t)) E[noise | x] − E[data | x]), g² h)

A null law that is read off the kernel under test moves with the kernel's mistakes, and the test
passes. So laws come from here: other formulas, from the parameters of a mixture alone. The tests
hold them to the 50-digit routes, and demand that nothing registered is called on the way.
"""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor

from ..equations.gaussian import Gaussian
from ..simulate import laws
from ..simulate.sde import Kernel
from ..toy import Mixture, Product

Levels: TypeAlias = Sequence[float]
"""Noise levels, falling or rising."""

Noise: TypeAlias = Callable[[float, float], float]
"""g of a step from its two levels."""


def posterior(p: Mixture | Product, x: Tensor, alpha: float, sigma: float) -> tuple[Tensor, Tensor]:
    """E[data | x] and E[noise | x] for x = α data + σ noise, shape (n, d) each.

    Bayes' rule over the components: log w_k − ½ Σ_i ((x_i − α m_ki)²/V_ki + log V_ki), normalised.
    """
    if isinstance(p, Product):
        y = x @ p.rotation
        pairs = [
            posterior(factor, y[:, i : i + 1], alpha, sigma) for i, factor in enumerate(p.factors)
        ]
        data, noise = (torch.cat(columns, dim=1) for columns in zip(*pairs, strict=True))
        return data @ p.rotation.T, noise @ p.rotation.T
    spread = (alpha * p.stds) ** 2 + sigma**2
    off = x[None] - alpha * p.means[:, None]
    fit = -(off**2 / spread[:, None]).sum(-1) / 2 - (spread.log().sum(-1) / 2)[:, None]
    share = torch.softmax(p.weights.log()[:, None] + fit, dim=0)[:, :, None]
    pull = off / spread[:, None]
    data = (share * (p.means[:, None] + alpha * p.stds[:, None] ** 2 * pull)).sum(0)
    return data, (share * sigma * pull).sum(0)


def velocity(p: Mixture | Product) -> Callable[[Tensor, float], Tensor]:
    """The marginal velocity on the linear path: E[noise − data | x]."""

    def v(x: Tensor, t: float) -> Tensor:
        data, noise = posterior(p, x, 1 - t, t)
        return noise - data

    return v


def odds(a: float, inside: Callable[[float, float], float] = lambda t, s: t) -> Noise:
    """g = a √(t/(1 − inside)), by the logarithm of the odds."""
    return lambda t, s: a * math.exp((math.log(t) - math.log1p(-inside(t, s))) / 2)


def next_level(t: float, s: float) -> float:
    """What flow_grpo puts for t in 1/(1 − t): the lower level, at t = 1 alone."""
    return s if t == 1.0 else t


def denoising(p: Mixture | Product, levels: Levels, g: Noise) -> tuple[Kernel, ...]:
    """The kernels of sampling on the linear path, t falling."""

    def kernel(t: float, s: float) -> Kernel:
        def at(x: Tensor) -> Gaussian:
            (data, noise), h, level = posterior(p, x, 1 - t, t), t - s, g(t, s)
            mean = (1 - s) * data + (s - level**2 * h / (2 * t)) * noise
            return Gaussian(mean, level * math.sqrt(h))

        return at

    return tuple(kernel(t, s) for t, s in pairwise(levels))


def noising(p: Mixture | Product, levels: Levels, g: float) -> tuple[Kernel, ...]:
    """The kernels of the forward SDE that keeps the marginals, t rising."""

    def kernel(t: float, s: float) -> Kernel:
        def at(x: Tensor) -> Gaussian:
            (data, noise), h = posterior(p, x, 1 - t, t), s - t
            return Gaussian(x + h * ((1 - g**2 / (2 * t)) * noise - data), g * math.sqrt(h))

        return at

    return tuple(kernel(t, s) for t, s in pairwise(levels))


def chain_law(kernels: Sequence[Kernel], start: Mixture, smallest_std: float) -> laws.DensityLaw:
    """The law of a one-dimensional chain by quadrature, its start a mixture."""
    nodes = laws.nodes_for(smallest_std, half_width=8.5, resolution=2.0)
    z = (nodes - start.means) / start.stds
    heights = start.weights[:, None] / start.stds / math.sqrt(2 * math.pi)
    return laws.density_law(kernels, (heights * torch.exp(-(z**2) / 2)).sum(0), nodes)


def flow_grpo_law(p: Mixture, T: int, a: float) -> laws.DensityLaw:
    """The law at t = 0 of Flow-GRPO's chain from pure noise, uniform grid, `next_level`."""
    levels, g = uniform(T), odds(a, next_level)
    smallest = min(g(t, s) * math.sqrt(t - s) for t, s in pairwise(levels))
    one = torch.ones(1, 1, dtype=torch.float64)
    return chain_law(denoising(p, levels, g), Mixture(one[0], 0 * one, one), smallest)


def uniform(T: int, start: float = 1.0, end: float = 0.0) -> tuple[float, ...]:
    """T + 1 equally spaced levels."""
    return tuple(end if i == T else start + (end - start) * i / T for i in range(T + 1))


def gaussian_law(p: Mixture, levels: Levels, g: Noise) -> laws.GaussianLaw:
    """The law of the chain on a Gaussian, from the exact law at the first level down."""
    t = levels[0]
    mean, std = (1 - t) * p.means[0], torch.sqrt(((1 - t) * p.stds[0]) ** 2 + t**2)
    return laws.gaussian_law(denoising(p, levels, g), mean, std)


Table: TypeAlias = tuple[tuple[tuple[float, float], ...], tuple[float, ...]]
"""A Runge–Kutta rule in which each stage leans on the one before: (c, a) of each stage, and b."""

EULER: Table = (((0.0, 0.0),), (1.0,))
HEUN: Table = (((0.0, 0.0), (1.0, 1.0)), (0.5, 0.5))
CLASSICAL: Table = (
    ((0.0, 0.0), (0.5, 0.5), (0.5, 0.5), (1.0, 1.0)),
    (1 / 6, 1 / 3, 1 / 3, 1 / 6),
)


def carried(
    table: Table, slope: Callable[[Tensor, float], Tensor], x: Tensor, levels: Levels
) -> Tensor:
    """x at the last level: k_i = slope(x + h a_i k_{i−1}, t + c_i h), x + h Σ b_i k_i, h signed."""
    stages, weights = table
    for t, s in pairwise(levels):
        h, k, total = s - t, torch.zeros_like(x), torch.zeros_like(x)
        for (c, a), b in zip(stages, weights, strict=True):
            k = slope(x + h * a * k, t + c * h)
            total = total + b * k
        x = x + h * total
    return x


def carried_law(
    table: Table, slope: Callable[[Tensor, float], Tensor], levels: Levels, parts: int = 20_000
) -> Callable[[Tensor], Tensor]:
    """F of what a rule makes of N(0, 1) in one dimension, exact to 1/parts.

    A rule with small steps keeps order, so the quantiles of the noise are carried to those of the
    end; between them F is a straight line.

    Raises:
        ValueError: the rule does not keep order.
    """
    share = torch.arange(1, parts, dtype=torch.float64) / parts
    ends = carried(table, slope, torch.special.ndtri(share)[:, None], levels)[:, 0]
    if not bool((ends.diff() > 0).all()):
        raise ValueError("the rule does not keep order: take smaller steps")

    def cdf(x: Tensor) -> Tensor:
        i = torch.searchsorted(ends, x).clamp(1, parts - 2)
        between = ((x - ends[i - 1]) / (ends[i] - ends[i - 1])).clamp(0, 1)
        return share[i - 1] + between / parts

    return cdf


def vp(t: float, low: float = 0.1, high: float = 20.0) -> tuple[float, float, float]:
    """α, σ and the rate β(t) of the VP SDE dx = −½ β x dt + √β dw, β a straight line."""
    total = low * t + (high - low) * t * t / 2
    return math.exp(-total / 2), math.sqrt(-math.expm1(-total)), low + (high - low) * t


# ---------------------------------------------------------------- solvers as deployed, on an axis

Predicted: TypeAlias = Callable[[Tensor, float], Tensor]
"""E[data | x] on one axis, a function of x and the level."""


def along(mean: float, std: float) -> Predicted:
    """E[data | x] for data N(mean, std²) on the linear path, by precisions."""

    def data(x: Tensor, t: float) -> Tensor:
        prior, seen = 1 / std**2, ((1 - t) / t) ** 2
        return (prior * mean + seen * x / (1 - t)) / (prior + seen)

    return data


def remembering(data: Predicted, x: Tensor, levels: Levels, *, corrects: bool) -> Tensor:
    """DPM-Solver++(2M), or UniPC of order 2 with B(h) = e^h − 1: weights by linear systems.

    In y = λ − λ_t over the step's length, a step is (s/t) x plus (1 − s/t) times the predicted data
    in the mean; the weights of differences solve for the moments that they should have.
    """
    clock = [math.inf if t == 0 else math.log1p(-t) - math.log(t) for t in levels]
    seen: list[Tensor] = []
    origin = x
    for i, (t, s) in enumerate(pairwise(levels)):
        seen.append(data(x, t))
        if corrects and i:
            x = _moved(origin, seen[:i], clock[: i + 1], levels[i - 1 : i + 1], seen[i])
        origin = x
        last = i == len(levels) - 2
        x = _moved(x, seen[-1:] if last else seen, clock[: i + 2], (t, s), None)
    return x


def _moved(
    x: Tensor, seen: Sequence[Tensor], clock: Sequence[float], ends: Levels, after: Tensor | None
) -> Tensor:
    (t, s), now = ends, seen[-1]
    points, slopes = [], []
    reach = clock[-1] - clock[-2]
    if len(seen) > 1:
        points.append((clock[-3] - clock[-2]) / reach)
        slopes.append((seen[-2] - now) / points[-1])
    if after is not None:
        points.append(1.0)
        slopes.append(after - now)
    weights = [0.5] if len(points) == 1 else _moments(points, reach) if points else []
    lean = sum((w * slope for w, slope in zip(weights, slopes, strict=True)), torch.zeros_like(x))
    return s / t * x + (1 - s / t) * (now + lean)


def _moments(points: Sequence[float], reach: float) -> list[float]:
    """w with Σ w p^(k−1) = the k-th moment of y under the weight e^{(y−1)·reach}, by quadrature."""
    nodes, shares = np.polynomial.legendre.leggauss(24)
    y = (nodes + 1) / 2
    weight = shares * np.exp((y - 1) * reach)
    wanted = [float((weight * y**k).sum() / weight.sum()) for k in range(1, len(points) + 1)]
    rows = [[p ** (k - 1) for p in points] for k in range(1, len(points) + 1)]
    return [float(w) for w in np.linalg.solve(np.array(rows), np.array(wanted))]


def drawing(
    data: Predicted, x: Tensor, levels: Levels, noise: Sequence[Tensor], *, eta: float
) -> Tensor:
    """DDIM: from the predicted data up by fresh noise, of η² of the posterior's variance."""
    for (t, s), e in zip(pairwise(levels), noise, strict=True):
        datum = data(x, t)
        if s == 0:
            return datum
        up = t**2 - ((1 - t) / (1 - s) * s) ** 2  # the variance that noising adds from s to t
        fresh = eta**2 / (1 / s**2 + ((1 - t) / (1 - s)) ** 2 / up)
        x = (1 - s) * datum + math.sqrt(s**2 - fresh) * (x - (1 - t) * datum) / t
        x = x + math.sqrt(fresh) * e
    return x


def churning(
    data: Predicted, x: Tensor, levels: Levels, noise: Sequence[Tensor], *, churn: float
) -> Tensor:
    """EDM's sampler in its own coordinates: x/(1 − t) is the data plus t/(1 − t) times noise."""
    gamma = min(churn / (len(levels) - 1), math.sqrt(2) - 1)
    for (t, s), e in zip(pairwise(levels), noise, strict=True):
        odds_t = t / (1 - t)
        high = odds_t * (1 + gamma)
        top = high / (1 + high)
        x = (x / (1 - t) + math.sqrt(high**2 - odds_t**2) * e) * (1 - top)
        slope = (x - data(x, top)) / top
        guess = x + (s - top) * slope
        if s > 0:
            slope = (slope + (guess - data(guess, s)) / s) / 2
        x = x + (s - top) * slope
    return x


def affine(march: Callable[[Tensor, Sequence[Tensor]], Tensor], draws: int) -> tuple[float, float]:
    """Mean and variance of an affine march from N(0, 1), its slopes read off one at a time."""
    rows = torch.eye(2 + draws, dtype=torch.float64)
    ends = march(rows[1], list(rows[2:]))
    slopes = ends[1:] - ends[0]
    return float(ends[0]), float((slopes**2).sum())
