"""What trainers do to the gradient, as shares of the true one: exact on Gaussian rewards and steps.

    share = what the estimate is on average / the gradient that is meant        bias = share − 1

On a chain of Gaussian steps with a linear reward, a step's standardised noise x and the advantage A
are jointly Gaussian, with a correlation ρ (`labs.comparison`); the policy that is trained has moved
by d standard deviations from the one that drew. What is algebra stands in `equations.bias`; the
rest needs Γ, Φ or an integral, and is here.
"""

import math
from collections.abc import Callable

import numpy as np
from scipy import special, stats

from ...equations import bias


def group_std(n: int, ddof: int) -> float:
    """τ E[mean of A S]/∇J: what is left where rewards N(·, τ²) are divided by their group's std.

    Above what 1/τ would give it is the mean of n samples' standard deviation over τ: with ddof 0
    √(2/n) Γ(n/2)/Γ((n − 1)/2), with ddof 1 that times √((n − 1)/n).

    Raises:
        ValueError: a group of one, or another ddof than 0 and 1.
    """
    if n < 2 or ddof not in (0, 1):
        raise ValueError(f"a group has 2 samples or more and ddof is 0 or 1, got {n!r}, {ddof!r}")
    gammas = math.exp(math.lgamma(n / 2) - math.lgamma((n - 1) / 2))
    return math.sqrt(2 / n) * gammas * (1 if ddof == 0 else math.sqrt((n - 1) / n))


def binary_weight(p: float, n: int) -> float:
    """E[std of a group]/(p (1 − p)): how much ∂p counts for a prompt with success p, ddof 0.

    Undivided and centred rewards give every prompt (n − 1)/n. For large groups this tends to
    1/√(p (1 − p)): hard and easy prompts count more, until their groups fall silent.

    Raises:
        ValueError: p outside (0, 1), or a group of one.
    """
    if not 0 < p < 1 or n < 2:
        raise ValueError(f"p lies inside (0, 1) and n is 2 or more, got p={p!r}, n={n!r}")
    k = np.arange(n + 1)
    std = np.sqrt(k / n * (1 - k / n))
    return float(stats.binom.pmf(k, n, p) @ std) / (p * (1 - p))


def kept_groups(p: float, n: int) -> float:
    """1/(1 − silent): how much larger a mean over the groups that speak is than one over all."""
    return 1 / (1 - float(bias.silent(p, float(n))))


def clipped(moved: float, clip: float, correlation: float, sides: str = "both") -> float:
    """The share of the gradient that min(r A, clip(r) A) lets through, d standard deviations away.

    Every sample's gradient is r A (x − d), and zero where r > 1 + ε and A > 0, or r < 1 − ε and
    A < 0. Given x the advantage is N(ρx, 1 − ρ²), so each part is known; the rest is an integral.

    Args:
        moved: d ≥ 0, along the gradient.
        clip: ε.
        correlation: ρ in (0, 1).
        sides: "both"; "upper" clips gains alone.

    Raises:
        ValueError: d < 0, ε outside [0, 1), ρ outside (0, 1).
    """
    if moved < 0 or not 0 <= clip < 1 or not 0 < correlation < 1:
        raise ValueError(
            "moved is 0 or more, clip lies in [0, 1) and correlation in (0, 1), got "
            f"{moved!r}, {clip!r}, {correlation!r}"
        )
    if moved == 0:
        return 1.0
    high, low = ((math.log(r) + moved**2 / 2) / moved for r in (1 + clip, 1 - clip))
    rest = math.sqrt(1 - correlation**2)

    def lost(sign: float) -> Callable[[np.ndarray], np.ndarray]:
        def at(x: np.ndarray) -> np.ndarray:
            z = correlation * x / rest
            cut = correlation * x * _normal(sign * z) + sign * rest * _density(z)
            return _density(x - moved) * (x - moved) * cut

        return at

    gone = _integral(lost(1.0), high, 12.0 + moved)
    if sides == "both":
        gone += _integral(lost(-1.0), -12.0, low)
    return 1 - gone / correlation


def mean_ratio(moved: float, dimensions: int) -> float:
    """The share of the gradient that r^(1/D) A has, d standard deviations away: 1/D at d = 0.

    Raises:
        ValueError: see `bias.mean_ratio`.
    """
    nats, D = moved**2 / 2, float(dimensions)
    level = float(bias.mean_ratio(nats, D))
    return level / D * (1 - 2 * nats * (1 - 1 / D) / D)


def _density(x: np.ndarray) -> np.ndarray:
    return np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)


def _normal(x: np.ndarray) -> np.ndarray:
    return np.asarray(special.ndtr(x))


def _integral(f: Callable[[np.ndarray], np.ndarray], low: float, high: float) -> float:
    """∫ f by Gauss and Legendre, 40 nodes to each of 24 pieces: a smooth f, to rounding."""
    nodes, masses = np.polynomial.legendre.leggauss(40)
    edges = np.linspace(low, high, 25)
    half = np.diff(edges)[:, None] / 2
    at = edges[:-1, None] + half * (1 + nodes)
    return float((half * masses * f(at)).sum())
