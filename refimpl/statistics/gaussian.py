"""Exact tests of samples that are Gaussian when all is well.

    n (x̄ − μ)ᵀ Σ⁻¹ (x̄ − μ) ~ χ²_d      Σ ((x − μ)/σ)² ~ χ²_{nd}      T² ~ d(n − 1)/(n − d) F

The null law holds at every n: nothing is asymptotic. (Samples of a non-Gaussian law go to
`distribution`, whose bounds hold for any law.)
"""

from functools import cache

import torch
from jaxtyping import Float64
from scipy import optimize, special, stats
from torch import Tensor

from ..equations.domain import positive
from ..typed import held
from ..typed.problems import shown
from .outcome import BETA, Claim, Outcome, Part, judge, samples


@held
def mean(
    x: Float64[Tensor, "n d"],
    mean: Float64[Tensor, " d"],
    covariance: Float64[Tensor, "d d"],
    claim: Claim,
    *,
    detects: float,
) -> Outcome:
    """z on the mean, in d dimensions at once; the covariance is known.

    Args:
        detects: a shift in standard deviations (Mahalanobis) that must be found.

    Raises:
        ValueError: a covariance that is not symmetric and positive definite, NaN, or another n.
    """
    samples(claim, x)
    n, d = x.shape
    _spread(covariance)
    gap = x.mean(dim=0) - mean
    statistic = float(n * gap @ torch.linalg.solve(covariance, gap))
    bound = float(stats.chi2.isf(claim.alpha, d))
    part = Part("the mean's chi-square", statistic, bound, float(stats.chi2.sf(statistic, d)))
    return judge(claim, [part], (_noncentrality(bound, d) / n) ** 0.5, detects)


FEWEST = 50
"""Samples below which a covariance that is estimated leaves Hotelling's test without power."""


@held
def hotelling(
    x: Float64[Tensor, "n d"], mean: Float64[Tensor, " d"], claim: Claim, *, detects: float
) -> Outcome:
    """T² on the mean, the covariance estimated from the samples.

    Its power is exact: (n − d)/(d(n − 1)) T² is a non-central F, with n δ² where the mean is off by
    δ standard deviations.

    Args:
        detects: a shift in standard deviations (Mahalanobis) that must be found.

    Raises:
        ValueError: n below 50, or below 10 d.
    """
    samples(claim, x)
    n, d = x.shape
    if n < max(FEWEST, 10 * d):
        raise ValueError(
            f"{claim.name}: Hotelling's test estimates the covariance from n={n} samples in d={d} "
            f"dimensions, and with so few finds no effect worth promising: it needs "
            f"n >= max({FEWEST}, 10 d); draw more, or use `mean` with a known covariance"
        )
    gap = x.mean(dim=0) - mean
    covariance = torch.cov(x.T).reshape(d, d)
    ratio = float(n * gap @ torch.linalg.solve(covariance, gap)) * (n - d) / (d * (n - 1))
    bound = float(stats.f.isf(claim.alpha, d, n - d))
    part = Part("Hotelling's F", ratio, bound, float(stats.f.sf(ratio, d, n - d)))
    return judge(claim, [part], (_noncentral_f(bound, d, n - d) / n) ** 0.5, detects)


@held
def variance(
    x: Float64[Tensor, "n ..."],
    mean: Float64[Tensor, "..."] | float,
    std: Float64[Tensor, "..."] | float,
    claim: Claim,
    *,
    detects: float,
) -> Outcome:
    """Chi-square on the variance of independent coordinates, mean and std known, two-sided.

    Args:
        detects: a relative error of the standard deviation that must be found.

    Raises:
        ValueError: std ≤ 0, NaN, or another n.
    """
    samples(claim, x)
    positive(std=std)
    for name, value in (("mean", mean), ("std", std)):
        _meets(name, value, x)
    statistic = float((((x - mean) / std) ** 2).sum())
    part, detectable = chi_square("the standardised square", statistic, x.numel(), claim.alpha)
    return judge(claim, [part], detectable, detects)


def _meets(name: str, value: Tensor | float, x: Tensor) -> None:
    """Refuse what is neither a number nor an array that is expanded to x."""
    own = tuple(value.shape) if isinstance(value, Tensor) else ()
    last = tuple(x.shape)[x.ndim - len(own) :]
    if len(own) > x.ndim or any(n not in (1, m) for n, m in zip(own, last, strict=True)):
        raise ValueError(f"{name} must meet x of shape {tuple(x.shape)}, got shape {own}")


def chi_square(name: str, statistic: float, df: int, alpha: float) -> tuple[Part, float]:
    """Two-sided chi-square as one part, and the relative error of a std that it detects."""
    low, high, least, most = _chi_square_quantiles(df, alpha)
    tail = min(float(stats.chi2.cdf(statistic, df)), float(stats.chi2.sf(statistic, df)))
    up, down = (high / least) ** 0.5 - 1, 1 - (low / most) ** 0.5
    # Told as a distance from df in units of the bound on its own side, so that one number decides.
    side = high - df if statistic > df else df - low
    part = Part(f"{name}, off its mean {df} by", abs(statistic - df), side, min(1.0, 2 * tail))
    return part, max(up, down)


@cache
def _chi_square_quantiles(df: int, alpha: float) -> tuple[float, float, float, float]:
    """Where α/2 lies below and above, and where β does."""
    law = stats.chi2(df)
    return (
        float(law.ppf(alpha / 2)), float(law.isf(alpha / 2)),
        float(law.ppf(BETA)), float(law.isf(BETA)),
    )  # fmt: skip


def normal(name: str, z: float, alpha: float) -> Part:
    """|z| of an exactly standard normal statistic, two-sided, as one part."""
    size = abs(z)
    return Part(name, size, float(stats.norm.isf(alpha / 2)), 2 * float(stats.norm.sf(size)))


def normal_power(alpha: float) -> float:
    """The shift of a standard normal z that is found with probability 1 − β."""
    return float(stats.norm.isf(alpha / 2) + stats.norm.isf(BETA))


def _spread(covariance: Tensor) -> None:
    """Refuse a square matrix that is no covariance."""
    if not torch.allclose(covariance, covariance.mT, rtol=1e-12):
        raise ValueError(f"covariance must be symmetric, got {shown(covariance.tolist())}")
    if bool(torch.linalg.cholesky_ex(covariance).info):
        least = float(torch.linalg.eigvalsh(covariance)[0])
        raise ValueError(f"covariance must be positive definite, its least eigenvalue is {least}")


@cache
def _noncentral_f(bound: float, d: int, rest: int) -> float:
    """λ with P(F_{d, rest}(λ) ≤ bound) = β."""

    def missed(shift: float) -> float:
        return float(special.ncfdtr(d, rest, shift, bound)) - BETA

    return float(optimize.brentq(missed, 1e-6, 1e4))


@cache
def _noncentrality(bound: float, d: int) -> float:
    """λ with P(χ²_d(λ) ≤ bound) = β."""
    return float(optimize.brentq(lambda s: special.chndtr(bound, d, s) - BETA, 1e-6, 1e4))
