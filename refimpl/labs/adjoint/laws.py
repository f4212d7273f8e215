"""Where the best policies end, exactly: by number of steps, and as the flow of a tuned velocity."""

import math

from ...equations import Coefficients, Gaussian, adjoint, paths, tilting
from ...toy.grpo import adjoint as matching
from ...toy.grpo.exact import Affine
from ..chains import WIDE
from .problem import BETA, DATA, REWARD, chain_of, objective_of

STEPS = (5, 10, 20, 40)


def laws() -> list[dict[str, float]]:
    """By number of steps: the end of the loop's policy, ã read after a step or before it."""
    star = tilting.quadratic(DATA, REWARD.goal, BETA)
    rows = []
    for steps in STEPS:
        settings = matching.Settings(T=steps, beta=BETA)
        reference = chain_of(Affine(WIDE, settings.grid), settings.method, settings.grid)
        found: dict[str, float] = {"T": steps}
        for name in ("after", "before"):
            rested = matching.resting(reference, REWARD, BETA, taken=name)
            mean, variance = rested.moments()
            gain = objective_of(rested, reference) - objective_of(reference, reference)
            found |= {f"{name}, mean": float(mean[-1]) - star.mean}
            found |= {f"{name}, std": float(variance[-1]) ** 0.5 - star.std}
            found |= {f"{name}, gain": gain}
        rows.append(found)
    return rows


def flow_after(kappa: float, n: int = 20_000) -> Gaussian:
    """The end of the *flow* of the velocity that is optimal at κ times the memoryless noise.

    The tuned sampler itself ends in p* for every κ. Its velocity follows from the control,
    (1 + κ)(v* − v) = g² ∇J; the flow is a line in x at every t, and is solved by midpoints in the
    variable (1 − t)^κ, in which it is smooth.
    """
    mean, std = 0.0, 1.0
    for i in range(n):
        low, high, at = (((i + d) / n) ** (1 / kappa) for d in (0.0, 1.0, 0.5))
        h = high - low
        ends = [_tuned(kappa, at, x) for x in (0.0, 1.0)]
        slope, offset = ends[1] - ends[0], ends[0]
        shrink = math.exp(-h * slope)
        mean = mean * shrink - offset * -math.expm1(-h * slope) / slope if slope else mean
        std *= shrink
    return Gaussian(mean, std)


def _tuned(kappa: float, alpha: float, x: float) -> float:
    """v* at x, by Doob's transform of the sampler with κ times the memoryless noise."""
    c = Coefficients(alpha, 1 - alpha, -1.0, 1.0)
    variance = c.alpha**2 * DATA.std**2 + c.sigma**2
    rho = float(adjoint.memory(c, DATA.std, kappa))
    slope = rho * DATA.std / variance**0.5
    predicted = DATA.mean + slope * (x - c.alpha * DATA.mean)
    left = DATA.std**2 * (1 - rho**2)
    gradient = slope * (predicted - REWARD.goal) / (BETA + left)
    v = -DATA.mean + (c.sigma - alpha * DATA.std**2) / variance * (x - alpha * DATA.mean)
    return v + 2 * kappa * c.sigma / alpha * gradient / (1 + kappa)


def flows() -> list[dict[str, float]]:
    """For several noises: how much of its start the continuous sampler remembers at level 0.9, and
    where the flow of its tuned velocity ends, less where it should."""
    star = tilting.quadratic(DATA, REWARD.goal, BETA)
    rows = []
    for a in (0.7, 1.0, math.sqrt(2), 2.0):
        ended = flow_after(a**2 / 2)
        rows.append({
            "a": a,
            "kappa": a**2 / 2,
            "memory": float(adjoint.memory(paths.linear(0.9), DATA.std, a**2 / 2)),
            "mean": ended.mean - star.mean,
            "std": ended.std - star.std,
        })  # fmt: skip
    return rows
