"""Velocity, score, noise and data prediction: four views of one conditional mean.

    x = α data + σ noise          v = α̇ data + σ̇ noise          score = −noise/σ

Here `data` and `noise` are the posterior means E[data | x] and E[noise | x] (or the true ends, for
a conditional path: the algebra is the same). Any two of x, v, score, noise, data that determine the
pair determine the rest, as long as the determinant α σ̇ − α̇ σ does not vanish. On the linear path
it is 1, and noise = x + (1 − t) v, data = x − t v.
"""

from typing import Annotated

from .arguments import Data, Noise, Score, State, Velocity, asks
from .domain import NOISED, REAL, UNMIXED, nonzero
from .elementary import Num
from .paths import Coefficients
from .registry import equation


@equation(
    "conversions.noise_from_velocity",
    rows=("SC-8",),
    also=(
        ("course", "Proposition 1"),
        ("course_zh", "3.3.8"),
    ),
)
def noise_from_velocity(c: Coefficients, x: State, v: Velocity) -> Num:
    """E[noise | x] = (α v − α̇ x)/(α σ̇ − α̇ σ).

    Raises:
        ValueError: the determinant vanishes, NaN, or shapes that do not agree.
    """
    nonzero(determinant=c.alpha * c.d_sigma - c.d_alpha * c.sigma)
    return (c.alpha * v - c.d_alpha * x) / (c.alpha * c.d_sigma - c.d_alpha * c.sigma)


@equation(
    "conversions.data_from_velocity",
    rows=("SC-8",),
    also=(
        ("course", "Proposition 1"),
        ("course_zh", "3.3.8"),
    ),
)
def data_from_velocity(c: Coefficients, x: State, v: Velocity) -> Num:
    """E[data | x] = (σ̇ x − σ v)/(α σ̇ − α̇ σ).

    Raises:
        ValueError: the determinant vanishes, NaN, or shapes that do not agree.
    """
    nonzero(determinant=c.alpha * c.d_sigma - c.d_alpha * c.sigma)
    return (c.d_sigma * x - c.sigma * v) / (c.alpha * c.d_sigma - c.d_alpha * c.sigma)


@equation(
    "conversions.score_from_noise",
    rows=("SC-1", "SC-2", "SC-8"),
    paper="Eq. 23; Eq. 24",
    article="Eq. 12",
)
def score_from_noise(c: Annotated[Coefficients, asks(sigma=NOISED)], noise: Noise) -> Num:
    """∇log p_t(x) = −E[noise | x]/σ_t.

    Raises:
        ValueError: σ_t = 0: the score is infinite on clean data.
    """
    return -noise / c.sigma


@equation(
    "conversions.noise_from_score",
    rows=("SC-8",),
    paper="Eq. 24",
    article="Eq. 12",
    also=(("dhariwal2021", "Eq. 11"),),
    remark="solved for the noise",
)
def noise_from_score(c: Annotated[Coefficients, asks(sigma=REAL)], score: Score) -> Num:
    """E[noise | x] = −σ_t ∇log p_t(x)."""
    return -c.sigma * score


@equation("conversions.data_from_noise", rows=("SC-8",), also=(("ho2020", "Eq. 15"),))
def data_from_noise(
    c: Annotated[Coefficients, asks(alpha=UNMIXED, sigma=REAL)], x: State, noise: Noise
) -> Num:
    """E[data | x] = (x − σ_t E[noise | x])/α_t.

    Raises:
        ValueError: α_t = 0: no data is left in x.
    """
    return (x - c.sigma * noise) / c.alpha


@equation(
    "conversions.noise_from_data",
    rows=("SC-8",),
    also=(("ho2020", "Eq. 4"),),
    remark="solved for the noise",
)
def noise_from_data(
    c: Annotated[Coefficients, asks(alpha=REAL, sigma=NOISED)], x: State, data: Data
) -> Num:
    """E[noise | x] = (x − α_t E[data | x])/σ_t.

    Raises:
        ValueError: σ_t = 0: no noise is left in x.
    """
    return (x - c.alpha * data) / c.sigma


@equation(
    "conversions.velocity_from_noise",
    rows=("SC-8",),
    paper="Eq. 25",
    article="Section 7.1",
    also=(
        ("course", "Proposition 1"),
        ("course_zh", "3.3.8"),
    ),
)
def velocity_from_noise(
    c: Annotated[Coefficients, asks(alpha=UNMIXED, sigma=REAL, d_alpha=REAL, d_sigma=REAL)],
    x: State,
    noise: Noise,
) -> Num:
    """v = (α̇/α) x + (σ̇ − (α̇/α) σ) E[noise | x].

    Raises:
        ValueError: α_t = 0: no data is left in x.
    """
    return c.d_alpha / c.alpha * x + (c.d_sigma - c.d_alpha / c.alpha * c.sigma) * noise


@equation(
    "conversions.velocity_from_data",
    rows=("SC-8", "VF-1"),
    also=(
        ("course", "Proposition 1"),
        ("course_zh", "3.3.8"),
    ),
)
def velocity_from_data(
    c: Annotated[Coefficients, asks(alpha=REAL, sigma=NOISED, d_alpha=REAL, d_sigma=REAL)],
    x: State,
    data: Data,
) -> Num:
    """v = (σ̇/σ) x + (α̇ − (σ̇/σ) α) E[data | x].

    Raises:
        ValueError: σ_t = 0: no noise is left in x.
    """
    return c.d_sigma / c.sigma * x + (c.d_alpha - c.d_sigma / c.sigma * c.alpha) * data


@equation(
    "conversions.score_from_data",
    rows=("SC-2", "SC-8"),
    also=(("course", "Example 14"),),
    remark="Tweedie's formula",
)
def score_from_data(
    c: Annotated[Coefficients, asks(alpha=REAL, sigma=NOISED)], x: State, data: Data
) -> Num:
    """∇log p_t(x) = −(x − α_t E[data | x])/σ_t².

    Raises:
        ValueError: σ_t = 0: the score is infinite on clean data.
    """
    return -(x - c.alpha * data) / c.sigma**2


@equation(
    "conversions.data_from_score",
    rows=("SC-2", "SC-8"),
    also=(("course", "Example 14"),),
    remark="Tweedie's formula, solved for the data",
)
def data_from_score(
    c: Annotated[Coefficients, asks(alpha=UNMIXED, sigma=REAL)], x: State, score: Score
) -> Num:
    """E[data | x] = (x + σ_t² ∇log p_t(x))/α_t.

    Raises:
        ValueError: α_t = 0: no data is left in x.
    """
    return (x + c.sigma**2 * score) / c.alpha


@equation(
    "conversions.velocity_from_score",
    rows=("SC-7", "SC-8"),
    paper="Eq. 25; Eq. 26",
    article="Section 7.1",
    also=(
        ("course", "Proposition 1"),
        ("course_zh", "3.3.8"),
    ),
)
def velocity_from_score(
    c: Annotated[Coefficients, asks(alpha=UNMIXED, sigma=REAL, d_alpha=REAL, d_sigma=REAL)],
    x: State,
    score: Score,
) -> Num:
    """v = (α̇/α) x + (σ/α)(α̇ σ − σ̇ α) ∇log p_t(x).

    Raises:
        ValueError: α_t = 0: no data is left in x.
    """
    return (
        c.d_alpha / c.alpha * x
        + c.sigma / c.alpha * (c.d_alpha * c.sigma - c.d_sigma * c.alpha) * score
    )


@equation(
    "conversions.score_from_velocity",
    rows=("SC-7", "SC-8"),
    paper="Eq. 27",
    article="Section 7.1",
    also=(("course", "Eq. 55"),),
)
def score_from_velocity(
    c: Annotated[Coefficients, asks(alpha=REAL, sigma=NOISED, d_alpha=REAL, d_sigma=REAL)],
    x: State,
    v: Velocity,
) -> Num:
    """∇log p_t(x) = (α̇ x − α v)/(σ (α σ̇ − α̇ σ)); on the linear path −x/t − ((1 − t)/t) v.

    Raises:
        ValueError: σ_t = 0 (the score is infinite on clean data), or the determinant vanishes.
    """
    nonzero(determinant=c.alpha * c.d_sigma - c.d_alpha * c.sigma)
    return (c.d_alpha * x - c.alpha * v) / (c.sigma * (c.alpha * c.d_sigma - c.d_alpha * c.sigma))
