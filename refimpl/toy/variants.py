"""What guidance as it is deployed samples: exact, without a sample drawn.

    end("cfg", GAUSSIANS, w=4.5, grid)   →   End(mean, std, wrong)

A sample has many coordinates that are alike and independent. Then what a variant computes over the
coordinates of a sample (a projection, a spread) is an average over the law of one, and one
coordinate follows a flow of its own. Its law is carried by the quantiles of the noise, which a flow
on a line never lets cross.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..equations import guidance, ode, paths
from ..equations.sde import Step
from ..simulate.grids import Grid
from .mixture import Mixture

POINTS = 4001
"""Quantiles of the noise: midpoints of as many equal shares."""


@dataclass(frozen=True)
class Pair:
    """An unconditional law and a conditional one, in one dimension."""

    uncond: Mixture
    cond: Mixture

    def velocities(self, x: Tensor, t: float) -> tuple[Tensor, Tensor]:
        """Both exact velocities at a level."""
        c = paths.linear(t)
        return (self.uncond.velocity(c, x[:, None])[:, 0], self.cond.velocity(c, x[:, None])[:, 0])


def _mixture(weights: list[float], means: list[float], stds: list[float]) -> Mixture:
    w, m, s = (torch.tensor(v, dtype=torch.float64) for v in (weights, means, stds))
    return Mixture(w, m[:, None], s[:, None])


GAUSSIANS = Pair(_mixture([1.0], [0.5], [1.0]), _mixture([1.0], [1.0], [0.5]))
"""N(0.5, 1), of which the label keeps N(1, 0.25)."""

MODES = Pair(_mixture([0.5, 0.5], [-1.0, 1.0], [0.25, 0.25]), _mixture([1.0], [1.0], [0.25]))
"""Two modes, of which the label keeps the right one."""


@dataclass(frozen=True)
class End:
    """Where a guided flow ends.

    Attributes:
        mean, std: of one coordinate.
        beyond: the share that lies more than two standard deviations of the conditional law away
            from its mean.
    """

    mean: float
    std: float
    beyond: float


Chosen = Callable[[Tensor, Tensor, Tensor, Step, float], Tensor]
"""The state after a step, from x, both velocities, the step and the scale."""


def _euler(guided: Callable[[Tensor, Tensor, float, float], Tensor]) -> Chosen:
    def chosen(x: Tensor, u: Tensor, c: Tensor, step: Step, w: float) -> Tensor:
        v = guided(u, c, step.t, w)
        return ode.euler(lambda x, t: v, x, step)

    return chosen


def _zero_star(u: Tensor, c: Tensor, t: float, w: float) -> Tensor:
    s = guidance.projection((u * c).mean(), (u * u).mean())
    return guidance.zero_star(u, c, w, s)


def _rescaled(share: float) -> Callable[[Tensor, Tensor, float, float], Tensor]:
    def guided(u: Tensor, c: Tensor, t: float, w: float) -> Tensor:
        v = guidance.classifier_free(u, c, w)
        spread = (v.std(correction=0), c.std(correction=0))
        return guidance.rescale(v, spread[1], spread[0], share)

    return guided


def _plus_plus(x: Tensor, u: Tensor, c: Tensor, step: Step, w: float) -> Tensor:
    """CFG++ at λ = w/10: its scales of 0 to 1 beside others' of 0 to 10."""
    return guidance.plus_plus(x, u, c, w / 10, step)


VARIANTS: dict[str, Chosen] = {
    "conditional": _euler(lambda u, c, t, w: guidance.classifier_free(u, c, 1.0)),
    "cfg": _euler(lambda u, c, t, w: guidance.classifier_free(u, c, w)),
    "interval .25 to .75": _euler(lambda u, c, t, w: guidance.interval(u, c, w, t, 0.25, 0.75)),
    "rescale .7": _euler(_rescaled(0.7)),
    "rescale 1": _euler(_rescaled(1.0)),
    "cfg-zero*": _euler(_zero_star),
    "cfg++, λ = w/10": _plus_plus,
}
"""Guidance as it is deployed, by name."""


def end(variant: str, pair: Pair, w: float, grid: Grid, zero_steps: int = 0) -> End:
    """The law at the end of the chain.

    Args:
        variant: a word of `VARIANTS`.
        pair: both laws.
        w: the scale.
        grid: the levels.
        zero_steps: steps at the start whose velocity is set to zero: x stays.

    Raises:
        ValueError: no such variant, or more zero steps than steps.
    """
    if variant not in VARIANTS:
        raise ValueError(f"no variant is called {variant!r}; there are {', '.join(VARIANTS)}")
    if not 0 <= zero_steps <= grid.T:
        raise ValueError(f"zero_steps lies in 0 to {grid.T}, got {zero_steps!r}")
    shares = (torch.arange(POINTS, dtype=torch.float64) + 0.5) / POINTS
    x = torch.special.ndtri(shares)
    for step in grid.steps[zero_steps:]:
        u, c = pair.velocities(x, step.t)
        x = VARIANTS[variant](x, u, c, step, w)
    wanted = pair.cond
    far = (x - wanted.means[0, 0]).abs() > 2 * wanted.stds[0, 0]
    return End(float(x.mean()), float(x.std(correction=0)), float(far.double().mean()))
