"""Training levels: drawn as their laws say, and weighed so that the product of both stays."""

import math
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch import Tensor

from ...equations import levels, paths, schedules
from ...statistics import budget, distribution, residuals
from ...statistics.budget import claim
from ...statistics.ledger import N
from ...statistics.outcome import Outcome
from ...toy import gaussian as gaussian_problem
from ..accepting import evidence_of, must_reject, standard_normal
from ..check import Evidence, check

SHIFT = 3.0


def _shares(curve: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """The share below a level, for a rising curve of shares, through 20001 of its points."""
    p = torch.linspace(0, 1, 20001, dtype=torch.float64)
    at = curve(p)
    return lambda t: torch.from_numpy(np.interp(t.numpy(), at.numpy(), p.numpy()))


@check(
    "statistics",
    covers=(
        "levels.logit_normal",
        "levels.logit_normal_eps",
        "levels.mode",
        "levels.cosmap",
        "schedules.shift",
    ),
    rows=("LEVEL-1",),
)
def levels_follow_their_laws(seed: int) -> Evidence:
    """Curves of one draw have the stated mass below every level, shifted or not (DKW).

    The laws are written out here: Φ((logit t − m)/s), and the curves of mode and cosmap, inverted.
    """
    outcomes = []

    def held(name: str, t: Tensor, below: Callable[[Tensor], Tensor], slack: float = 0.0) -> None:
        """Hold the draws against their law."""
        listed = claim(f"levels.{name}")
        outcomes.append(distribution.cdf(t, below, listed, detects=0.017, slack=slack))

    def uniform(name: str) -> Tensor:
        generator = budget.generator(f"levels.{name}", seed)
        return torch.rand(N, generator=generator, dtype=torch.float64)

    eps = standard_normal(N, generator=budget.generator("levels.logit_normal", seed))
    t = levels.logit_normal(eps, 0.5, 1.25)
    held("logit_normal", t, lambda t: torch.special.ndtr((t.logit() - 0.5) / 1.25))
    held("logit_normal_eps", t, lambda t: torch.special.ndtr(levels.logit_normal_eps(t, 0.5, 1.25)))
    moved = 0.5 + math.log(SHIFT)
    held(
        "logit_normal_shifted",
        schedules.shift(t, SHIFT),
        lambda t: torch.special.ndtr((t.logit() - moved) / 1.25),
    )
    # the points of a curve with second derivative below 8 lie within 3e-9 of its chords
    held("mode", levels.mode(uniform("mode"), 1.29),
         _shares(lambda p: p - 1.29 * (torch.sin(math.pi * p / 2) ** 2 - p)), 1e-6)  # fmt: skip
    held("cosmap", levels.cosmap(uniform("cosmap")),
         _shares(lambda p: 1 - 1 / (1 + torch.tan(math.pi * p / 2))), 1e-6)  # fmt: skip
    u = uniform("uniform_shifted")
    held("uniform_shifted", schedules.shift(u, SHIFT), lambda t: t / (SHIFT - (SHIFT - 1) * t))
    late = levels.logit_normal(eps, -0.5, 1.25)
    must_reject(
        "the other clock's m",
        partial(
            distribution.cdf,
            late,
            lambda t: torch.special.ndtr(levels.logit_normal_eps(t, 0.5, 1.25)),
            claim("levels.logit_normal"),
            detects=0.017,
        ),
    )
    return evidence_of(outcomes)


@check(
    "statistics",
    covers=("levels.importance", "levels.logit_normal_density", "levels.cosmap_density"),
    rows=("LEVEL-2",),
)
def importance_keeps_the_gradient_and_moves_its_variance(seed: int) -> Evidence:
    """Uniform levels weighed by w p/q train what logit-normal ones do, with a known noise."""
    std = 0.5
    generator = budget.generator("levels.importance", seed)
    t = torch.rand(N, generator=generator, dtype=torch.float64).clamp(1e-9, 1 - 1e-9)
    weigh = levels.importance(
        levels.cosmap_density(t), levels.logit_normal_density(t, 0.0, 1.0), torch.ones_like(t)
    )
    # w p is largest at 1/2, and Var(v | x) where Var x is least, at t = std²/(1 + std²)
    highest = _weight(0.5) * _density(0.5)
    spread = std**2 / ((1 - t) ** 2 * std**2 + t**2)
    least = 1 + std**2
    known = _mean(_weight)
    exact = _mean(lambda t: _weight(t) ** 2 * _density(t) * std**2
                  / ((1 - t) ** 2 * std**2 + t**2))  # fmt: skip
    outcomes = [
        _bounded(weigh - known, highest, "levels.importance"),
        _bounded(weigh**2 * spread - exact, highest**2 * least, "levels.importance.noise"),
        _gradient(t, weigh, spread, std, generator),
    ]
    must_reject(
        "levels of another law without their weight",
        partial(_bounded, levels.cosmap_density(t) - known, highest, "levels.importance"),
    )
    return evidence_of(outcomes)


def _weight(t: float) -> float:
    """The cosmap law's density by its quantile: d/dt of 2/π arctan(t/(1 − t))."""
    return 2 / (math.pi * ((1 - t) ** 2 + t**2))


def _density(t: float) -> float:
    """The standard logit-normal density: φ(log t/(1 − t))/(t (1 − t))."""
    return math.exp(-(math.log(t / (1 - t)) ** 2) / 2) / (math.sqrt(2 * math.pi) * t * (1 - t))


def _bounded(e: Tensor, width: float, name: str) -> Outcome:
    """Zero mean of numbers in an interval of that width: Hoeffding's proxy is width²/4."""
    proxy = torch.full_like(e, width**2 / 4)
    return residuals.zero_mean(e, proxy, {"1": torch.ones_like(e)}, claim(name), detects=0.035)


def _gradient(
    t: Tensor, weigh: Tensor, spread: Tensor, std: float, generator: torch.Generator
) -> Outcome:
    """The weighed gradient at the minimiser: given the levels it is exactly Gaussian, of mean 0."""
    data = gaussian_problem([0.0], [std]).sample(N, generator)[:, 0]
    noise = standard_normal(N, generator=generator)
    c = paths.linear(t)
    x, v = paths.interpolate(c, data, noise), paths.velocity(c, data, noise)
    # E[v | x] of Gaussian data, level by level
    mean = x * (t - (1 - t) * std**2) / (t**2 + (1 - t) ** 2 * std**2)
    return residuals.zero_mean(
        mean - v, spread, {"w p/q": weigh}, claim("levels.importance.gradient"), detects=0.035
    )


def _mean(f: Callable[[float], float], n: int = 4000) -> float:
    """E f(t) of a standard logit-normal t, by the midpoint rule over shares."""
    shares = (torch.arange(n, dtype=torch.float64) + 0.5) / n
    return sum(f(t) for t in torch.sigmoid(torch.special.ndtri(shares)).tolist()) / n
