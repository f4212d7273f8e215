"""Langevin dynamics and noise-conditional scores.

    x ← x + ε ∇log p(x) + √(2ε) z          dx = ∇log p dt + √2 dw leaves p as it is

The discrete chain does not leave p as it is: on a Gaussian its stationary law is known exactly, and
is too wide by the factor 1/(1 − ε/(2s²)). Across noise scales σ_1 < … < σ_L the step follows σ_i².
"""

from typing import Annotated, TypeAlias

from .arguments import (
    SAMPLE,
    Alpha,
    AlphaRate,
    Argument,
    Score,
    Sigma,
    SigmaMin,
    SigmaRate,
    State,
    Std,
)
from .domain import NOISED, POSITIVE, UNMIXED, nonnegative, positive
from .elementary import Num, sqrt
from .gaussian import Gaussian
from .registry import equation

StepSize: TypeAlias = Annotated[Num, Argument(r"\varepsilon", "the step size", POSITIVE, SAMPLE)]


@equation(
    "langevin.step",
    rows=("LD-1",),
    also=(
        ("ddpm_zh", ""),
        ("song2021", "Eq. 2"),
        ("songermon2019", "Eq. 4"),
    ),
)
def step(x: State, score: Score, eps: StepSize) -> Gaussian:
    """N(x + ε ∇log p(x), 2ε): one step of unadjusted Langevin dynamics.

    Raises:
        ValueError: ε ≤ 0, NaN, or shapes that do not agree.
    """
    return Gaussian(mean=x + eps * score, std=sqrt(2 * eps))


@equation(
    "langevin.stationary_variance",
    rows=("LD-1",),
    also=(("roberts1996", ""),),
    remark="the exact law of the unadjusted chain on N(m, s²)",
)
def stationary_variance(std: Std, eps: StepSize) -> Num:
    """s²/(1 − ε/(2s²)): the variance that the discrete chain settles at on N(m, s²).

    Raises:
        ValueError: ε ≥ 2s² (the chain diverges), ε ≤ 0 or s ≤ 0.
    """
    positive(
        stability=1 - eps / (2 * std**2),
        otherwise="the chain diverges: eps must lie below 2 std²",
    )
    return std**2 / (1 - eps / (2 * std**2))


@equation("langevin.annealed_eps", rows=("LD-3",), also=(("songermon2019", "Algorithm 1"),))
def annealed_eps(eps: StepSize, sigma: Annotated[Sigma, NOISED], sigma_min: SigmaMin) -> Num:
    """ε σ_i²/σ_1²: the step size at scale σ_i, so that signal to noise is the same at every scale.

    Raises:
        ValueError: a scale or step that is not positive.
    """
    return eps * sigma**2 / sigma_min**2


@equation(
    "langevin.perturbed_weight", rows=("LD-3", "LD-4"), also=(("songermon2019", "Section 4.2"),)
)
def perturbed_weight(sigma: Annotated[Sigma, NOISED]) -> Num:
    """λ(σ) = σ²: with it the target's share of the loss, λ E‖ε/σ‖², is the same at every scale.

    Raises:
        ValueError: σ ≤ 0.
    """
    return sigma**2


@equation(
    "langevin.noise_rate",
    rows=("LD-4", "DDPM-2"),
    also=(
        ("song2021", "Eq. 9; Eq. 11"),
        ("karras2022", ""),
    ),
)
def noise_rate(
    alpha: Annotated[Alpha, UNMIXED], sigma: Sigma, d_alpha: AlphaRate, d_sigma: SigmaRate
) -> Num:
    """g² = 2σσ̇ − 2(α̇/α)σ²: the noise of the forward SDE dx = (α̇/α) x dt + g dw of a Gaussian path.

    VE (α = 1) gives g² = dσ²/dt, VP gives β(t); on the linear path it is 2t/(1 − t).

    Raises:
        ValueError: α ≤ 0, a rate that is negative (noise cannot be taken away), NaN.
    """
    rate = 2 * sigma * d_sigma - 2 * d_alpha / alpha * sigma**2
    nonnegative(
        noise_rate=rate,
        otherwise="noise cannot be taken away: sigma must grow no slower than alpha falls",
    )
    return rate
