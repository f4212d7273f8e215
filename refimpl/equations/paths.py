"""Probability paths: x_t = α_t · data + σ_t · noise, with noise ~ N(0, I).

House clock: t is the noise level, t = 0 is data and t = 1 is noise. So the velocity dx/dt points
*towards noise*, and sampling walks t downhill. Other clocks are converted in `conventions` alone.
A schedule returns its coefficients together with their exact time derivatives.
"""

from dataclasses import dataclass
from typing import Annotated, TypeAlias

from .arguments import (
    SAMPLE,
    Alpha,
    AlphaRate,
    Argument,
    Data,
    Level,
    Noise,
    Sigma,
    SigmaMin,
    SigmaRate,
    State,
    asks,
    structure,
)
from .domain import NOISED, POSITIVE, POSITIVE_LEVEL, REAL, positive
from .elementary import Num, cos, exp, expm1, log, pi, sin, sqrt
from .gaussian import Gaussian
from .registry import equation

BetaMin: TypeAlias = Annotated[
    Num, Argument(r"\beta_{\min}", "the rate of noising at t = 0", POSITIVE, SAMPLE)
]
BetaMax: TypeAlias = Annotated[
    Num, Argument(r"\beta_{\max}", "the rate of noising at t = 1", POSITIVE, SAMPLE)
]
SigmaMax: TypeAlias = Annotated[
    Num,
    Argument(
        r"\sigma_{\max}",
        "the largest scale of noise",
        REAL,
        SAMPLE,
        usual=POSITIVE,
        between=("1", "3"),
    ),
]

TOO_EARLY = "t is so small that its precision holds no noise there: stop the grid earlier"


@structure()
@dataclass(frozen=True)
class Coefficients:
    """One moment of a path: α_t, σ_t and their time derivatives."""

    alpha: Alpha
    sigma: Sigma
    d_alpha: AlphaRate
    d_sigma: SigmaRate


@equation(
    "paths.linear",
    rows=("PATH-2", "PATH-4"),
    paper="Eq. 1",
    article="Section 3",
    also=(("liu2023", ""),),
)
def linear(t: Level) -> Coefficients:
    """Rectified flow, the path of SD3.5: α_t = 1 − t, σ_t = t.

    Raises:
        ValueError: t outside [0, 1].
    """
    return Coefficients(alpha=1 - t, sigma=t, d_alpha=-1, d_sigma=1)


@equation(
    "paths.cosine",
    rows=("PATH-2", "PATH-5"),
    also=(("nichol2021", "Eq. 17"),),
    remark="without offset",
)
def cosine(t: Level) -> Coefficients:
    """The variance-preserving quarter circle: α_t = cos(πt/2), σ_t = sin(πt/2).

    Raises:
        ValueError: t outside [0, 1].
    """
    quarter = pi(t) / 2
    alpha, sigma = cos(quarter * t), sin(quarter * t)
    return Coefficients(alpha, sigma, d_alpha=-quarter * sigma, d_sigma=quarter * alpha)


@equation(
    "paths.vp",
    rows=("PATH-2", "PATH-5"),
    also=(
        ("song2021", "Eq. 11"),
        ("lipman2023", "Eq. 18"),
    ),
)
def vp(t: Annotated[Level, POSITIVE_LEVEL], beta_min: BetaMin, beta_max: BetaMax) -> Coefficients:
    """Variance preserving: α_t = exp(−B/2), σ_t = √(1 − α_t²), B = β_min t + (β_max − β_min) t²/2.

    At t = 1 a trace of data is left, α_1 = exp(−(β_min + β_max)/4): 0.0066 for the usual 0.1 and
    20. At t = 0 the noise scale grows like √t: its derivative is infinite there.

    Raises:
        ValueError: t = 0 or outside [0, 1], or a β that is not positive.
    """
    rate = beta_min + (beta_max - beta_min) * t
    spent = beta_min * t + (beta_max - beta_min) * t**2 / 2
    alpha, sigma = exp(-spent / 2), sqrt(-expm1(-spent))
    positive(sigma=sigma, otherwise=TOO_EARLY)
    return Coefficients(
        alpha, sigma, d_alpha=-rate * alpha / 2, d_sigma=rate * alpha**2 / (2 * sigma)
    )


@equation(
    "paths.ve",
    rows=("PATH-2", "PATH-5"),
    also=(
        ("song2021", "Eq. 9"),
        ("lipman2023", "Eq. 16"),
        ("songermon2019", "Section 4.1"),
    ),
)
def ve(
    t: Annotated[Level, POSITIVE_LEVEL], sigma_min: SigmaMin, sigma_max: SigmaMax
) -> Coefficients:
    """Variance exploding: α_t = 1, σ_t = σ_min √((σ_max/σ_min)^{2t} − 1).

    Data never fades: at t = 1 the law is data + N(0, σ_max² − σ_min²), a standard normal only after
    division by its scale. At t = 0 the noise scale grows like √t.

    Raises:
        ValueError: t = 0 or outside [0, 1], or not 0 < σ_min < σ_max.
    """
    positive(
        sigma_max_minus_sigma_min=sigma_max - sigma_min,
        otherwise="sigma_max must lie above sigma_min",
    )
    rate = log(sigma_max / sigma_min)
    sigma = sigma_min * sqrt(expm1(2 * rate * t))
    positive(sigma=sigma, otherwise=TOO_EARLY)
    growth = exp(2 * rate * t)
    return Coefficients(1, sigma, d_alpha=0, d_sigma=sigma_min**2 * rate * growth / sigma)


@equation("paths.interpolate", rows=("PATH-1", "PATH-4"), paper="Eq. 1", article="Section 3")
def interpolate(
    c: Annotated[Coefficients, asks(alpha=REAL, sigma=REAL)], data: Data, noise: Noise
) -> Num:
    """x_t = α_t · data + σ_t · noise: a point of the path between one datum and one noise."""
    return c.alpha * data + c.sigma * noise


@equation(
    "paths.conditional",
    rows=("PATH-1", "PATH-2"),
    paper="Eq. 22",
    article="Section 7.1",
    also=(
        ("course", "Example 9"),
        ("course_zh", "chapter 2, 2.1.4"),
        ("lipman2023", "Eq. 10"),
    ),
)
def conditional(c: Annotated[Coefficients, asks(alpha=REAL, sigma=REAL)], data: Data) -> Gaussian:
    """p_t(x | data) = N(α_t data, σ_t² I): all of the path's points that lead to one datum."""
    return Gaussian(mean=c.alpha * data, std=c.sigma)


@equation(
    "paths.velocity",
    rows=("FM-2", "VF-1", "VF-4"),
    paper="Eq. 2",
    article="Section 3",
    also=(("lipman2023", "Eq. 14"),),
)
def velocity(
    c: Annotated[Coefficients, asks(d_alpha=REAL, d_sigma=REAL)], data: Data, noise: Noise
) -> Num:
    """ẋ_t = α̇_t · data + σ̇_t · noise; on the linear path, noise − data."""
    return c.d_alpha * data + c.d_sigma * noise


@equation(
    "paths.conditional_velocity",
    rows=("VF-1",),
    also=(
        ("course", "Example 11"),
        ("course_zh", "chapter 2, 2.2.2"),
        ("lipman2023", "Theorem 3"),
    ),
)
def conditional_velocity(
    c: Annotated[Coefficients, asks(alpha=REAL, sigma=NOISED, d_alpha=REAL, d_sigma=REAL)],
    data: Data,
    x: State,
) -> Num:
    """v_t(x | data) = (α̇_t − (σ̇_t/σ_t) α_t) · data + (σ̇_t/σ_t) · x.

    Raises:
        ValueError: σ_t = 0: on clean data every noise gives the same x.
    """
    return (c.d_alpha - c.d_sigma / c.sigma * c.alpha) * data + c.d_sigma / c.sigma * x
