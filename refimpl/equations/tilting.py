"""Reward fine-tuning's target: the reference tilted by the reward.

    p*(x) ∝ p(x) e^{r(x)/β}  =  argmax_q E_q[r] − β KL(q ‖ p)

On a Gaussian a linear reward shifts it and a quadratic one also narrows it. A generative process
reaches p* only if its start is independent of its end: that is the memoryless noise g² = 2σσ̇ −
2(α̇/α)σ².
"""

from typing import Annotated, TypeAlias

from .arguments import SAMPLE, Argument, Correlation, Prior, State, Velocity, asks
from .domain import DENSE, NOISED, POSITIVE, REAL, UNMIXED, positive
from .elementary import Array, Num, exp, log, sqrt
from .gaussian import Gaussian
from .paths import Coefficients
from .registry import equation

Slope: TypeAlias = Annotated[Num, Argument("k", "of the linear reward", REAL, SAMPLE, own=True)]
Goal: TypeAlias = Annotated[Num, Argument("c", "the maximiser of the reward")]
Temperature: TypeAlias = Annotated[
    Num, Argument(r"\beta", "the weight of the KL", POSITIVE, SAMPLE)
]
Reward: TypeAlias = Annotated[
    Array, Argument("r", "of each outcome, leading axis", REAL, "array", axes=1)
]


@equation(
    "tilting.linear",
    rows=("RFT-1", "GRPO-2"),
    also=(("domingo2025", "Eq. 1"),),
    remark="completing the square",
)
def linear(
    p: Annotated[Gaussian, asks(mean=REAL, std=DENSE)], slope: Slope, beta: Temperature
) -> Gaussian:
    """p ∝ N(m, s²) e^{kx/β} is N(m + k s²/β, s²): a linear reward shifts.

    Raises:
        ValueError: β ≤ 0, s ≤ 0, NaN, or shapes that do not agree.
    """
    return Gaussian(mean=p.mean + slope * p.std**2 / beta, std=p.std)


@equation(
    "tilting.quadratic",
    rows=("RFT-1", "GRPO-2"),
    also=(("domingo2025", "Eq. 1"),),
    remark="the product of two Gaussians",
)
def quadratic(
    p: Annotated[Gaussian, asks(mean=REAL, std=DENSE)], goal: Goal, beta: Temperature
) -> Gaussian:
    """p ∝ N(m, s²) e^{−(x−c)²/(2β)} is N((β m + s² c)/(β + s²), β s²/(β + s²)): shifted and narrowed.

    Raises:
        ValueError: β ≤ 0, s ≤ 0, NaN, or shapes that do not agree.
    """
    total = beta + p.std**2
    return Gaussian(
        mean=(beta * p.mean + p.std**2 * goal) / total, std=sqrt(beta * p.std**2 / total)
    )


@equation(
    "tilting.fixed_start",
    rows=("RFT-1",),
    also=(("domingo2025", "Section 4.2"),),
    remark="Gaussian conditioning",
)
def fixed_start(
    p: Annotated[Gaussian, asks(mean=REAL, std=DENSE)],
    slope: Slope,
    beta: Temperature,
    correlation: Correlation,
) -> Gaussian:
    """N(m + k s²(1 − ρ²)/β, s²): where tuning a sampler leads if its end remembers its start.

    The start's law cannot be tilted: noise is drawn before the policy acts. With correlation ρ between
    start and end, only the share 1 − ρ² of the end's variance is the policy's to move; ρ = 0, the
    memoryless case, reaches the tilted law.

    Raises:
        ValueError: β ≤ 0, s ≤ 0, |ρ| > 1, NaN, or shapes that do not agree.
    """
    return Gaussian(mean=p.mean + slope * p.std**2 * (1 - correlation**2) / beta, std=p.std)


@equation("tilting.weights", rows=("RFT-1", "GRPO-2"), also=(("domingo2025", "Eq. 1"),))
def weights(prior: Prior, reward: Reward, beta: Temperature) -> Array:
    """p*_i = p_i e^{r_i/β}/Σ_j p_j e^{r_j/β}: the tilted law on finitely many outcomes, leading axis.

    Raises:
        ValueError: β ≤ 0, a prior that vanishes everywhere, NaN, or shapes that do not agree.
    """
    tilted = prior * exp(reward / beta)
    positive(normaliser=tilted.sum(axis=0), otherwise="prior vanishes everywhere, or is negative")
    return tilted / tilted.sum(axis=0)


@equation(
    "tilting.value",
    rows=("GRPO-2",),
    also=(
        ("donsker1975", ""),
        ("domingo2025", "Eq. 19"),
    ),
    remark="Gibbs' variational principle",
)
def value(prior: Prior, reward: Reward, beta: Temperature) -> Array:
    """max_q E_q[r] − β KL(q ‖ p) = β log Σ_i p_i e^{r_i/β}, reached at the tilted law.

    Raises:
        ValueError: β ≤ 0, a prior that vanishes everywhere, NaN, or shapes that do not agree.
    """
    normaliser = (prior * exp(reward / beta)).sum(axis=0)
    positive(normaliser=normaliser, otherwise="prior vanishes everywhere, or is negative")
    return beta * log(normaliser)


@equation(
    "tilting.memoryless_drift", rows=("RFT-1",), also=(("domingo2025", "Proposition 1; Eq. 27"),)
)
def memoryless_drift(
    c: Annotated[Coefficients, asks(alpha=UNMIXED, sigma=NOISED, d_alpha=REAL)],
    x: State,
    v: Velocity,
) -> Num:
    """2v − (α̇/α) x: the drift v − ½ g² ∇log p_t of sampling at the memoryless g² = 2σσ̇ − 2(α̇/α)σ².

    Raises:
        ValueError: α ≤ 0, σ ≤ 0, NaN, or shapes that do not agree.
    """
    return 2 * v - c.d_alpha / c.alpha * x
