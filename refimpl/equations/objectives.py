"""What networks are trained on: one squared error per coordinate, one target per method.

    flow matching   (v_θ − v(x | data))²          conditional; equals the marginal one up to C ≤ 0
    denoising       (s_θ + ε/σ)²                  blows up like 1/σ²; σ² times it does not
    implicit        ∂s_θ + ½ s_θ²                 no target at all, by integration by parts

Losses are elementwise. Expectations belong to whoever draws the samples.
"""

from typing import Annotated, TypeAlias

from .arguments import Argument, Noise, Posterior, Score, Sigma, Target, Velocity
from .domain import NOISED, REAL
from .elementary import Array, Num
from .registry import equation

Targets: TypeAlias = Annotated[
    Array, Argument("v", "of each component, leading axis", REAL, "array", axes=1)
]
ScoreSlope: TypeAlias = Annotated[
    Num, Argument(r"\partial_x s_\theta", "the derivative of the score")
]
EnergySlope: TypeAlias = Annotated[
    Num, Argument(r"\nabla_x f", "the derivative of the energy in x")
]
EnergyGradient: TypeAlias = Annotated[
    Num, Argument(r"\nabla_\theta f", "the derivative of the energy in a parameter")
]
ExpectedEnergyGradient: TypeAlias = Annotated[
    Num, Argument(r"\mathbb E[\nabla_\theta f]", "its expectation under the model")
]


@equation(
    "objectives.flow_matching",
    rows=("FM-1", "FM-2", "FM-3"),
    paper="Eq. 2",
    article="Section 3",
    also=(("lipman2023", "Eq. 9"),),
)
def flow_matching(v: Velocity, target: Target) -> Num:
    """(v_θ − v)²: with v = noise − data conditional flow matching, with E[v | x] the marginal one."""
    return (v - target) ** 2


@equation(
    "objectives.gap",
    rows=("FM-1", "SM-1"),
    also=(
        ("lipman2023", "Theorem 2"),
        ("course", "Theorem 18"),
    ),
)
def gap(posterior: Posterior, targets: Targets) -> Array:
    """C(x) = −Var(target | x): marginal minus conditional loss, at one x; summed over the leading axis.

    It does not depend on the network, is never positive, and is zero only where x determines the
    target.

    Args:
        posterior: P(z | x), shape (K, ...), adding up to 1.
        targets: the conditional targets, shape (K, ...).
    """
    mean = (posterior * targets).sum(axis=0)
    return mean**2 - (posterior * targets**2).sum(axis=0)


@equation(
    "objectives.denoising",
    rows=("SM-2",),
    also=(
        ("vincent2011", ""),
        ("songermon2019", "Eq. 2"),
        ("course", "Algorithm 4"),
        ("course_zh", "Algorithm 6"),
    ),
)
def denoising(score: Score, noise: Noise, sigma: Annotated[Sigma, NOISED]) -> Num:
    """(s_θ + ε/σ)²: denoising score matching on x = α data + σ ε; its size grows like 1/σ².

    Raises:
        ValueError: σ ≤ 0, NaN, or shapes that do not agree.
    """
    return (score + noise / sigma) ** 2


@equation(
    "objectives.weighted_denoising",
    rows=("LD-3", "SM-2"),
    also=(
        ("songermon2019", "Eq. 6"),
        ("ho2020", "Eq. 14"),
    ),
)
def weighted_denoising(score: Score, noise: Noise, sigma: Sigma) -> Num:
    """(σ s_θ + ε)² = σ² (s_θ + ε/σ)²: the remedy; with s_θ = −ε_θ/σ it is DDPM's (ε_θ − ε)²."""
    return (sigma * score + noise) ** 2


@equation(
    "objectives.implicit",
    rows=("SM-3",),
    also=(
        ("hyvarinen2005", "Theorem 1"),
        ("ddpm_zh", ""),
    ),
)
def implicit(score: Score, dscore_dx: ScoreSlope) -> Num:
    """∂_x s_θ + ½ s_θ²: one coordinate of implicit score matching; its mean is ½E(s_θ − ∇log p)² + const."""
    return dscore_dx + score**2 / 2


@equation("objectives.energy_score", rows=("SM-4",), also=(("ddpm_zh", ""),))
def energy_score(df_dx: EnergySlope) -> Num:
    """∇ₓ log p = −∇ₓ f for p = e^{−f}/Z: the constant Z does not depend on x."""
    return -df_dx


@equation(
    "objectives.energy_gradient",
    rows=("SM-4",),
    also=(
        ("ddpm_zh", ""),
        ("hinton2002", ""),
    ),
)
def energy_gradient(df_dtheta: EnergyGradient, expected_df_dtheta: ExpectedEnergyGradient) -> Num:
    """∇_θ log p_θ(x) = −∇_θ f(x) + E_{x'~p_θ}[∇_θ f(x')]."""
    return -df_dtheta + expected_df_dtheta
