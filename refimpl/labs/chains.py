"""Chains of every kernel on problems with exact answers, and where they end: no sample is drawn.

    chain(SAMPLERS["matched"], noise, problem, grid) → kernels        end(kernels) → std, explored

The explored share of a sampler is 1 − ρ², ρ the correlation of its end with its start: the share
of the end's variance that its steps decide and that a reward can move (`tilting.fixed_start`). Two
samplers explore equally if their explored share on N(1.5, 0.25) is the same.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch

from .. import methods
from ..equations import conversions, kernels, paths
from ..equations.gaussian import Gaussian
from ..equations.sde import Step
from ..methods import Method
from ..simulate import laws
from ..simulate.grids import Grid
from ..simulate.sde import Kernel
from ..toy import Mixture, field, gaussian, gaussian_1d, mixture_1d

ZERO, ONE = torch.zeros(1, dtype=torch.float64), torch.ones(1, dtype=torch.float64)

POINT, NARROW, WIDE = gaussian([1.5], [0.0]), gaussian([1.5], [0.1]), gaussian_1d()
MODES = mixture_1d()
"""One point at 1.5; N(1.5, 0.1²); N(1.5, 0.5²); three unequal modes."""


@dataclass(frozen=True)
class Sampler:
    """A kernel with one free number, its noise.

    Attributes:
        noise: what the number is: a, g or η.
        published: its value where the kernel was proposed, or ours.
        most: the largest value that has a meaning or was tried.
        method: the choices of `refimpl.methods`, from the number.
        last: whether the last step draws noise.
    """

    noise: str
    published: float
    most: float
    method: Callable[[float], Method]
    last: bool = True


SAMPLERS: dict[str, Sampler] = {
    "flow_grpo": Sampler("a", 0.7, 2.0, lambda a: Method(noise=a)),
    "flow_grpo, clamp .99": Sampler("a", 0.7, 2.0, lambda a: Method(noise=a, boundary="clamp")),
    "flow_grpo, mean last": Sampler("a", 0.7, 2.0, lambda a: Method(noise=a), last=False),
    "constant g": Sampler("g", 0.3, 3.0, lambda g: Method(kernel="constant", noise=g)),
    "cps": Sampler("η", 0.8, 1.0, lambda eta: Method(kernel="cps", noise=eta)),
    "exact": Sampler("a", 0.7, 2.0, lambda a: Method(kernel="exact", noise=a)),
    "matched": Sampler("η", 0.4, 1.0, lambda eta: Method(kernel="matched", noise=eta)),
    "matched, mean last": Sampler(
        "η", 0.4, 1.0, lambda eta: Method(kernel="matched", noise=eta), last=False
    ),
}
"""The kernels that are compared, by name."""


@cache
def open_variance(problem: Mixture, t: float) -> float:
    """V = E Var[data | x_t] of a one-dimensional problem, from the irreducible loss at level t."""
    second = float((problem.weights @ (problem.means**2 + problem.stds**2)).sum())
    if problem is POINT:
        return 0.0
    at = problem.at(paths.linear(t))
    nodes = laws.nodes_for(float(at.stds.min()), half_width=12.0, resolution=4.0)[:, None]
    weight = at.log_density(nodes).exp() * (nodes[1, 0] - nodes[0, 0])
    v = problem.velocity(paths.linear(t), nodes)[:, 0]
    gap = 1 + second - float(weight @ v**2)  # E v*² is that of noise, plus that of data
    return float(kernels.posterior_variance(t, max(gap, 0.0)))


def chain(sampler: Sampler, noise: float, problem: Mixture, grid: Grid) -> tuple[Kernel, ...]:
    """The kernels of a sampler on a problem, from the first level of the grid to the last.

    Args:
        noise: a, g or η; 0 makes every kernel but "matched" Euler's step of the flow.
    """
    v = field(problem)

    def kernel(i: int, step: Step) -> Kernel:
        noisy = sampler.last or i < grid.T - 1
        method = sampler.method(noise or 1.0)
        if method.kernel != "matched" or not noisy:
            noisy = noisy and noise > 0
            return lambda x: methods.kernel(method, x, v(x, step.t), step, noisy=noisy)
        variance = open_variance(problem, step.t)
        if noise == 0:  # no exploration, and the spread of the data alone
            return lambda x: _unexplored(x, v(x, step.t), variance, step)
        return lambda x: methods.kernel(method, x, v(x, step.t), step, variance=variance)

    return tuple(kernel(i, step) for i, step in enumerate(grid.steps))


def _unexplored(x: torch.Tensor, v: torch.Tensor, variance: float, step: Step) -> Gaussian:
    """The moment-matched step at η = 0, which no method has: it could not be trained."""
    c = paths.linear(step.t)
    data, noise = conversions.data_from_velocity(c, x, v), conversions.noise_from_velocity(c, x, v)
    return kernels.moment_matched(data, noise, 0.0, variance, step)


@dataclass(frozen=True)
class End:
    """Where a chain on Gaussian data ends.

    Attributes:
        std: of the end.
        memory: ρ, the correlation of the end with the start; NaN where the end has no spread.
    """

    std: float
    memory: float

    @property
    def explored(self) -> float:
        """1 − ρ²."""
        return 1 - self.memory**2


def end(sampler: Sampler, noise: float, problem: Mixture, grid: Grid) -> End:
    """The exact end of a chain on Gaussian data, or on data that are one point."""
    law = laws.gaussian_law(chain(sampler, noise, problem, grid), ZERO, ONE)
    return End(float(law.std[-1]), float(law.correlation_with_start[-1]))


def noise_for(sampler: Sampler, explored: float, grid: Grid) -> float | None:
    """The least noise that explores the wanted share on N(1.5, 0.25), to 1e-5; None if none does.

    "exact" forgets its start for every a > 0 and explores all: it gets its published noise.
    """
    if sampler.method(1.0).kernel == "exact":
        return sampler.published
    tried = np.linspace(0.0, sampler.most, 21)[1:]
    high = next((x for x in tried if end(sampler, float(x), WIDE, grid).explored >= explored), None)
    if high is None:
        return None
    low, high = float(high) - sampler.most / 20, float(high)
    while high - low > 1e-5:
        middle = (low + high) / 2
        enough = end(sampler, middle, WIDE, grid).explored >= explored
        low, high = (low, middle) if enough else (middle, high)
    return high


def transport(sampler: Sampler, noise: float, problem: Mixture, grid: Grid) -> float:
    """W₁(end, data) = ∫ |F − F_0| of a chain on a one-dimensional mixture, by quadrature.

    A last step without noise moves the law along a rising map: F is carried over.
    """
    made = chain(sampler, noise, problem, grid)
    spread = [float(kernel(ZERO[None]).std) for kernel in made]
    nodes = laws.nodes_for(min(std for std in spread if std > 0), half_width=12.0, resolution=2.0)
    start = Gaussian(ZERO, ONE).log_prob(nodes).exp()
    noisy = made if spread[-1] > 0 else made[:-1]
    law = laws.density_law(noisy, start, nodes)
    places = nodes if spread[-1] > 0 else made[-1](nodes[:, None]).mean[:, 0]
    gap = (law.cdf(nodes) - problem.cdf(places)).abs()
    return float(torch.trapezoid(gap, places))
