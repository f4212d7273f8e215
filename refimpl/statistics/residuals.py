"""Tests of a sampler through its own steps: they see what no marginal can.

    e_i = (x_{i+1} − mean_i(x_i))/std_i   are iid N(0, I) given everything before, for any data law

The SDE keeps its marginals for *every* g: a g that is wrong in drift and noise alike is invisible
in them, and a residual test finds 1 % of it. A step's ⟨r, e⟩/|r| is exactly N(0, 1) when r depends
on the past alone, whatever r is: regressions are normalised per step, then added.
"""

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float64
from torch import Tensor

from ..equations.gaussian import Gaussian
from ..typed import held
from .distribution import band, ordered
from .gaussian import chi_square, normal, normal_power
from .outcome import Claim, Outcome, Part, judge, samples


@held
def residuals(
    states: Float64[Tensor, "levels n ..."], transitions: Sequence[Gaussian]
) -> Float64[Tensor, "T n D"]:
    """e_i = (x_{i+1} − mean_i)/std_i: the noise that the *declared* kernels would have needed.

    Args:
        states: what the sampler under test produced.
        transitions: the declared kernels at states[:-1].

    Raises:
        ValueError: a declared step without noise, or a length that does not fit.
    """
    if len(states) != len(transitions) + 1:
        raise ValueError(
            f"{len(transitions)} transitions join {len(transitions) + 1} states, got {len(states)}"
        )
    rows = []
    for i, (x, kernel) in enumerate(zip(states[1:], transitions, strict=True)):
        std = float(kernel.std)
        if not std > 0:
            raise ValueError(f"step {i} has std {std!r}: no residual exists, leave this step out")
        rows.append(((x - kernel.mean) / std).flatten(1))
    return torch.stack(rows)


@held
def white(
    e: Float64[Tensor, "T n D"],
    regressors: Mapping[str, Float64[Tensor, "T n D"]],
    claim: Claim,
    *,
    detects_std: float,
    detects_shift: float,
) -> Outcome:
    """Residuals are standard normal, unrelated to the past, to each other and to the particle.

    Parts, each at α/parts: the sum of squares (χ²); the distribution (DKW); regressions on 1 and on
    `regressors`; the correlation with the step before, and between the two halves of the batch.

    Args:
        e: from `residuals`; n is the batch.
        regressors: by name, functions of x_i alone: drift, x, v.
        detects_std: a relative error of std that must be found.
        detects_shift: a mean of e, common to all steps, that must be found.
    """
    samples(claim, e, axis=1)
    steps, n, _ = e.shape
    half = n // 2
    shares = 3 + len(regressors) + 1 + (steps > 1)
    alpha = claim.alpha / shares
    spread, detectable = chi_square("the residuals' square", float((e**2).sum()), e.numel(), alpha)
    if not detectable <= detects_std:
        judge(claim, [spread], detectable, detects_std, "residual")
    uniform = torch.special.ndtr(ordered(e))
    parts = [spread, band("the residuals' Kolmogorov distance", uniform, alpha)]
    parts.append(_regression("1", torch.ones_like(e), e, alpha))
    for name, r in regressors.items():
        if r.shape != e.shape:
            raise ValueError(f"regressor {name!r} must be {tuple(e.shape)}, got {tuple(r.shape)}")
        parts.append(_regression(name, r, e, alpha))
    if steps > 1:
        parts.append(_regression("the step before", e[:-1], e[1:], alpha))
    parts.append(_regression("another particle", e[:, :half], e[:, half : 2 * half], alpha))
    return judge(claim, parts, normal_power(alpha) / e.numel() ** 0.5, detects_shift, "residual")


def _regression(name: str, r: Tensor, e: Tensor, alpha: float) -> Part:
    inner = (r * e).flatten(1).sum(dim=1)
    size = (r**2).flatten(1).sum(dim=1).sqrt()
    z = (inner / size.clamp_min(torch.finfo(torch.float64).tiny))[size > 0]
    if not len(z):
        raise ValueError(f"regressor {name!r} vanishes at every step")
    return normal(f"|z| of the residuals on {name}", float(z.sum() / len(z) ** 0.5), alpha)


@held
def zero_mean(
    e: Float64[Tensor, " n"],
    proxy: Float64[Tensor, " n"],
    weights: Mapping[str, Float64[Tensor, " n"]],
    claim: Claim,
    *,
    detects: float,
) -> Outcome:
    """E[e | x] = 0, through Σ φ(x) e for several φ: what a regression minimiser leaves over.

    Given x, e is sub-Gaussian with variance proxy `proxy(x)`, so Z = Σ φ e/√(Σ φ² proxy) obeys
    P(|Z| > q) ≤ 2 exp(−q²/2) at every n.

    Args:
        e: target minus prediction.
        proxy: for a mixture of Gaussians N(m_k, τ_k²): max τ_k² + (max m_k − min m_k)²/4.
        weights: φ by name, functions of x alone.
        detects: a bias of e along any φ, in units of √proxy, that must be found.
    """
    samples(claim, e)
    parts, log = (
        [],
        2 * float(torch.tensor(2 * len(weights) / claim.alpha, dtype=torch.float64).log()),
    )
    for name, phi in weights.items():
        z = float((phi * e).sum() / (phi**2 * proxy).sum().sqrt())
        p_value = min(1.0, 2 * float(torch.tensor(-z * z / 2, dtype=torch.float64).exp()))
        parts.append(Part(f"|Z| against {name}", abs(z), log**0.5, p_value))
    missed = (2 * 6.907755278982137) ** 0.5  # √(2 log 1/β)
    return judge(claim, parts, (log**0.5 + missed) / claim.n**0.5, detects, "residual")
