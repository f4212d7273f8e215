"""How a density moves: the continuity and Fokker–Planck equations, and the marginalisation trick.

    ∂_t p = −∇·(p v)          ∂_t p = −∇·(p f) + ½ g² Δp          v(x) = Σ_z P(z | x) v(x | z)

The first two return the contribution of one coordinate, so in d dimensions the caller adds d of
them (`sum` over the coordinate axis); that is also how they are proved for every d.
"""

from typing import Annotated, TypeAlias

from .arguments import Argument, Diffusion, Drift, Posterior, Prior, Velocity
from .domain import POSITIVE, REAL, positive
from .elementary import Array, Num
from .registry import equation

Density: TypeAlias = Annotated[Num, Argument("p", "the density at a point", usual=POSITIVE)]
DensitySlope: TypeAlias = Annotated[Num, Argument(r"\partial_x p", "the derivative of p")]
DensityCurvature: TypeAlias = Annotated[
    Num, Argument(r"\partial_x^2 p", "the second derivative of p")
]
VelocitySlope: TypeAlias = Annotated[Num, Argument(r"\partial_x v", "the derivative of v")]
DriftSlope: TypeAlias = Annotated[Num, Argument(r"\partial_x f", "the derivative of f")]
Likelihood: TypeAlias = Annotated[
    Array, Argument(r"p_t(x\mid z)", "p(x | component), leading axis", REAL, "array", axes=1)
]
Values: TypeAlias = Annotated[
    Array,
    Argument(
        "f", "an array whose leading axis counts samples, or components", REAL, "array", axes=1
    ),
]


@equation(
    "density.continuity",
    rows=("VF-2", "VF-3"),
    paper="Eq. 13",
    article="Eq. 7",
    also=(
        ("lipman2023", "Eq. 26"),
        ("course", "Theorem 12"),
    ),
)
def continuity(p: Density, dp_dx: DensitySlope, v: Velocity, dv_dx: VelocitySlope) -> Num:
    """∂_t p = −∂_x(p v) = −(p ∂_x v + v ∂_x p): what one coordinate of the flow adds to ∂_t p."""
    return -(p * dv_dx + v * dp_dx)


@equation(
    "density.fokker_planck",
    rows=("SC-3", "SC-4", "SC-10"),
    paper="Eq. 12",
    article="Eq. 6",
    also=(
        ("course", "Theorem 15"),
        ("song2021", "Eq. 35"),
    ),
)
def fokker_planck(
    p: Density,
    dp_dx: DensitySlope,
    d2p_dx2: DensityCurvature,
    f: Drift,
    df_dx: DriftSlope,
    g: Diffusion,
) -> Num:
    """∂_t p = −∂_x(p f) + ½ g² ∂²_x p: what one coordinate of dx = f dt + g dw adds to ∂_t p."""
    return -(p * df_dx + f * dp_dx) + g**2 / 2 * d2p_dx2


@equation(
    "density.marginal",
    rows=("PATH-3",),
    also=(
        ("course", "Eq. 13"),
        ("course_zh", "chapter 2, 2.1.5"),
        ("lipman2023", "Eq. 6"),
    ),
)
def marginal(prior: Prior, likelihood: Likelihood) -> Array:
    """p_t(x) = Σ_z p_t(x | z) p_data(z), summed over the leading axis z.

    Args:
        prior: p_data(z), shape (K, ...), adding up to 1 over the leading axis.
        likelihood: p_t(x | z), shape (K, ...).
    """
    return (prior * likelihood).sum(axis=0)


@equation(
    "density.posterior",
    rows=("VF-3", "SC-2", "CFG-2"),
    also=(
        ("course", "Eq. 19"),
        ("lipman2023", "Eq. 8"),
    ),
    remark="Bayes' rule",
)
def posterior(prior: Prior, likelihood: Likelihood) -> Array:
    """P(z | x) = p_t(x | z) p_data(z)/p_t(x), over the leading axis z.

    Raises:
        ValueError: p_t(x) = 0: x cannot come from any z (or its likelihoods have underflowed).
    """
    p = marginal(prior, likelihood)
    positive(
        density=p,
        otherwise="x cannot come from any z: a prior or likelihood is wrong, or has underflowed",
    )
    return prior * likelihood / p


@equation(
    "density.conditional_mean",
    rows=("VF-3", "VF-4", "SC-2"),
    paper="Eq. 24",
    article="Eq. 12; Eq. 13; Eq. 14",
    also=(
        ("course", "Theorem 10"),
        ("lipman2023", "Eq. 8"),
    ),
)
def conditional_mean(posterior: Posterior, values: Values) -> Array:
    """E[f(z) | x] = Σ_z P(z | x) f(z): velocity, score, noise and data all average like this."""
    return (posterior * values).sum(axis=0)
