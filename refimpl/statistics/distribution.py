"""Tests that hold for any law: bands on a CDF, and bounded features.

    DKW:        P(sup |F_n − F| > e) ≤ 2 exp(−2 n e²)                        (Massart's constant)
    Bernstein:  P(|mean − E| > e) ≤ 2 exp(−n e²/(2 V + 2 b e/3)),   |X − E| ≤ b,   V = Var X

Neither is asymptotic: the false-alarm rate is at most α at every n. Features cos(w·x), sin(w·x)
see the joint structure that coordinate-wise tests miss.
"""

import math
from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor

from ..typed import held
from .outcome import BETA, Claim, Outcome, Part, judge, samples


@held
def cdf(
    x: Float64[Tensor, " n"],
    law: Callable[[Tensor], Tensor],
    claim: Claim,
    *,
    detects: float,
    slack: float = 0.0,
) -> Outcome:
    """sup |F_n − F| within the DKW band.

    Args:
        law: F, continuous.
        slack: a *computed* distance between F and the law the samples truly have (a solver's bias).
        detects: a Kolmogorov distance that must be found.
    """
    samples(claim, x)
    part = band("the Kolmogorov distance", law(ordered(x)), claim.alpha, slack)
    return judge(claim, [part], part.bound + slack + _dkw(claim.n, BETA), detects)


def ordered(x: Float64[Tensor, "*shape"]) -> Float64[Tensor, " n"]:
    """x_(1) ≤ … ≤ x_(n), all entries of x; without the permutation, which costs as much again."""
    return torch.from_numpy(np.sort(x.detach().flatten().numpy()))


def band(name: str, levels: Tensor, alpha: float, slack: float = 0.0) -> Part:
    """The Kolmogorov distance of n sorted values F(x_(i)) from uniform ones, as one part."""
    n = len(levels)
    i = torch.arange(1, n + 1, dtype=torch.float64)
    distance = float(torch.maximum(i / n - levels, levels - (i - 1) / n).max())
    p_value = min(1.0, 2 * math.exp(-2 * n * max(0.0, distance - slack) ** 2))
    return Part(name, distance, _dkw(n, alpha) + slack, p_value)


@held
def bounded(
    x: Float64[Tensor, "n m"],
    mean: Float64[Tensor, " m"],
    variance: Float64[Tensor, " m"],
    low: float,
    high: float,
    claim: Claim,
    *,
    detects: float,
    slack: float = 0.0,
) -> Outcome:
    """Bernstein on the means of m features with values in [low, high], α shared out evenly.

    Args:
        mean, variance: exact, of each feature under the stated law; averages over the samples where
            independent samples have laws of their own.
        slack: a *computed* bias of the features' means (a solver's), granted on top.
        detects: a shift of any feature's mean that must be found.

    Raises:
        ValueError: a sample outside [low, high].
    """
    samples(claim, x)
    if float(x.min()) < low or float(x.max()) > high:
        raise ValueError(
            f"{claim.name}: features must lie in [{low}, {high}], got values from "
            f"{float(x.min())} to {float(x.max())}"
        )
    n, m = x.shape
    gaps = (x.mean(dim=0) - mean).abs()
    parts, detectable = [], 0.0
    b = high - low  # bounds |X − E X| whatever the mean
    for j in range(m):
        v, gap = float(variance[j]), float(gaps[j])
        bound = _bernstein(n, v, b, claim.alpha / m) + slack
        beyond = max(0.0, gap - slack)
        p_value = min(1.0, 2 * math.exp(-n * beyond**2 / (2 * v + 2 * b * beyond / 3)))
        parts.append(Part(f"feature {j}'s mean error", gap, bound, p_value))
        hoeffding = (high - low) * math.sqrt(math.log(1 / BETA) / (2 * n))  # whatever the true law
        detectable = max(detectable, bound + slack + hoeffding)
    return judge(claim, parts, detectable, detects)


@held
def features(
    x: Float64[Tensor, "n d"],
    w: Float64[Tensor, "m d"],
    characteristic: Callable[[Tensor], Tensor],
    claim: Claim,
    *,
    detects: float,
    slack: float = 0.0,
) -> Outcome:
    """E[cos(w·x)] and E[sin(w·x)] against the characteristic function, for m frequencies.

    Means are Re φ(w), Im φ(w); variances follow from φ(2w): Var cos = (1 + Re φ(2w))/2 − (Re φ)².
    """
    phase = x @ w.T
    once, twice = characteristic(w), characteristic(2 * w)
    mean = torch.cat([once.real, once.imag])
    second = torch.cat([(1 + twice.real) / 2, (1 - twice.real) / 2])
    values = torch.cat([phase.cos(), phase.sin()], dim=1)
    return bounded(values, mean, second - mean**2, -1.0, 1.0, claim, detects=detects, slack=slack)


def _dkw(n: int, alpha: float) -> float:
    return math.sqrt(math.log(2 / alpha) / (2 * n))


def _bernstein(n: int, variance: float, b: float, alpha: float) -> float:
    """The e at which Bernstein's bound equals α."""
    log = math.log(2 / alpha)
    return (b * log / 3 + math.sqrt((b * log / 3) ** 2 + 2 * n * variance * log)) / n
