"""The law from which training draws noise levels, and the weight that it gives each of them.

    logit-normal   logit t = m + s ε        mode, cosmap   a curve applied to a uniform u
    a shift moves a law: logit-normal's m by log k, any density by the slope of the shift

What is trained is the product of density and weight. Where the network can be right at every level the
minimiser does not depend on either; the noise of its gradient does.
"""

from typing import Annotated, TypeAlias

from .arguments import SAMPLE, Argument, Level
from .domain import INNER_LEVEL, NONNEGATIVE, POSITIVE, POSITIVE_LEVEL, REAL, SHARE, nonnegative
from .elementary import Num, cos, exp, expm1, log, minimum, pi, sin, sqrt
from .registry import equation
from .schedules import Shift

Inner: TypeAlias = Annotated[Level, INNER_LEVEL]
Draw: TypeAlias = Annotated[Num, Argument(r"\varepsilon", "a draw of N(0, 1)", REAL, SAMPLE)]
Uniform: TypeAlias = Annotated[
    Num, Argument("u", "a uniform draw from [0, 1]", SHARE, SAMPLE, between=("0", "1"))
]
Location: TypeAlias = Annotated[Num, Argument("m", "the median of the logit", REAL, SAMPLE)]
Scale: TypeAlias = Annotated[
    Num, Argument("s", "the standard deviation of the logit", POSITIVE, SAMPLE)
]
Mode: TypeAlias = Annotated[
    Num,
    Argument(
        "a",
        "how far the law leans to the middle (a > 0) or to the ends, −1 to 2/(π − 2)",
        REAL,
        SAMPLE,
        between=("-0.9", "1.7"),
    ),
]
First: TypeAlias = Annotated[Num, Argument("a", "the exponent of t, plus 1", POSITIVE, SAMPLE)]
Second: TypeAlias = Annotated[Num, Argument("b", "the exponent of 1 − t, plus 1", POSITIVE, SAMPLE)]
Normaliser: TypeAlias = Annotated[Num, Argument("B", "the beta function B(a, b)", POSITIVE, SAMPLE)]
Density: TypeAlias = Annotated[
    Num, Argument("p", "the density at the level before the shift", NONNEGATIVE, SAMPLE)
]
Wanted: TypeAlias = Annotated[
    Num, Argument("p", "the density that is wanted, at a level", NONNEGATIVE, SAMPLE)
]
Drawn: TypeAlias = Annotated[
    Num, Argument("q", "the density that levels are drawn from, there", POSITIVE, SAMPLE)
]
LossWeight: TypeAlias = Annotated[
    Num, Argument("w", "the weight of the loss at the level", NONNEGATIVE, SAMPLE)
]
Gamma: TypeAlias = Annotated[
    Num, Argument(r"\gamma", "the largest signal-to-noise ratio let through", POSITIVE, SAMPLE)
]
LAWS = ("esser2024", "Section 3.1")
DENSITIES = ("diffusers", "compute_density_for_timestep_sampling")
WEIGHTS = ("diffusers", "compute_loss_weighting_for_sd3")


@equation("levels.logit_normal", rows=("LEVEL-1",), also=(LAWS, DENSITIES))
def logit_normal(eps: Draw, location: Location, scale: Scale) -> Num:
    """t = 1/(1 + e^−(m + s ε)): a level whose logit log t/(1 − t) is N(m, s²).

    Raises:
        ValueError: s ≤ 0, NaN, or shapes that do not agree.
    """
    return 1 / (1 + exp(-(location + scale * eps)))


@equation("levels.logit_normal_eps", rows=("LEVEL-1",), also=(LAWS,), remark="solved for the draw")
def logit_normal_eps(t: Inner, location: Location, scale: Scale) -> Num:
    """ε = (log t/(1 − t) − m)/s: the draw behind a level; the mass above t is that of N(0, 1) above ε.

    Raises:
        ValueError: t = 0, t = 1, outside [0, 1], s ≤ 0, NaN, or shapes that do not agree.
    """
    return (log(t / (1 - t)) - location) / scale


@equation("levels.logit_normal_density", rows=("LEVEL-1",), also=(LAWS,))
def logit_normal_density(t: Inner, location: Location, scale: Scale) -> Num:
    """exp(−(log t/(1 − t) − m)²/(2 s²))/(s √(2π) t (1 − t)): the density of the logit-normal law.

    Raises:
        ValueError: t = 0, t = 1, outside [0, 1], s ≤ 0, NaN, or shapes that do not agree.
    """
    z = (log(t / (1 - t)) - location) / scale
    return exp(-(z**2) / 2) / (scale * sqrt(2 * pi(t)) * t * (1 - t))


@equation("levels.mode", rows=("LEVEL-1",), also=(LAWS, DENSITIES))
def mode(u: Uniform, scale: Mode) -> Num:
    """t = 1 − u − a (cos²(πu/2) − 1 + u): a = 0 is uniform, a > 0 prefers the middle.

    Raises:
        ValueError: u outside [0, 1], a outside [−1, 2/(π − 2)], where levels would turn back, NaN,
            or shapes that do not agree.
    """
    _one_way(scale)
    return 1 - u - scale * (cos(pi(u) * u / 2) ** 2 - 1 + u)


@equation("levels.mode_density", rows=("LEVEL-1",), also=(LAWS,), remark="one over the slope")
def mode_density(u: Uniform, scale: Mode) -> Num:
    """1/(1 + a − a (π/2) sin πu): the density of the mode law at the level of u, see `mode`.

    Raises:
        ValueError: as `mode`.
    """
    _one_way(scale)
    return 1 / (1 + scale - scale * pi(u) / 2 * sin(pi(u) * u))


def _one_way(scale: Num) -> None:
    """Refuse a scale at which the slope changes its sign."""
    nonnegative(one_plus_scale=1 + scale, otherwise="below −1 the levels turn back at the ends")
    nonnegative(
        two_minus_scale_times_pi_minus_2=2 - scale * (pi(scale) - 2),
        otherwise="above 2/(π − 2) = 1.7519 the levels turn back in the middle",
    )


@equation("levels.cosmap", rows=("LEVEL-1",), also=(LAWS,))
def cosmap(u: Uniform) -> Num:
    """t = sin(πu/2)/(sin(πu/2) + cos(πu/2)): levels whose signal-to-noise is the cosine schedule's.

    Raises:
        ValueError: u outside [0, 1] or NaN.
    """
    angle = pi(u) * u / 2
    return sin(angle) / (sin(angle) + cos(angle))


@equation("levels.cosmap_density", rows=("LEVEL-1", "LEVEL-2"), also=(LAWS, WEIGHTS))
def cosmap_density(t: Level) -> Num:
    """2/(π (1 − 2t + 2t²)): the density of the cosmap law, and the loss weight of that name.

    Raises:
        ValueError: t outside [0, 1] or NaN.
    """
    return 2 / (pi(t) * (1 - 2 * t + 2 * t**2))


@equation("levels.beta_density", rows=("LEVEL-1",), remark="the beta law of probability theory")
def beta_density(t: Inner, a: First, b: Second, normaliser: Normaliser) -> Num:
    """t^(a−1) (1 − t)^(b−1)/B: the density of Beta(a, b), B being the beta function B(a, b).

    Raises:
        ValueError: t = 0, t = 1, outside [0, 1], a, b or B ≤ 0, NaN, or shapes that do not agree.
    """
    return t ** (a - 1) * (1 - t) ** (b - 1) / normaliser


@equation("levels.shifted_density", rows=("LEVEL-1",), remark="the rule for densities of a map")
def shifted_density(density: Density, t: Level, by: Shift) -> Num:
    """p k/(k − (k − 1) t)²: the density at t after a shift by k, p being that before it, at t's origin.

    Raises:
        ValueError: p < 0, t outside [0, 1], k ≤ 0, NaN, or shapes that do not agree.
    """
    return density * by / (by - (by - 1) * t) ** 2


@equation("levels.sigma_sqrt", rows=("LEVEL-2",), also=(WEIGHTS,))
def sigma_sqrt(t: Annotated[Level, POSITIVE_LEVEL]) -> Num:
    """t^−2: the loss of the predicted datum, so weighed, is the loss of the velocity.

    Raises:
        ValueError: t = 0, outside [0, 1], or NaN.
    """
    return 1 / t**2


@equation(
    "levels.min_snr", rows=("LEVEL-2",), also=(("hang2023", ""),), remark="on a velocity's loss"
)
def min_snr(t: Annotated[Level, POSITIVE_LEVEL], gamma: Gamma) -> Num:
    """t² min(((1 − t)/t)², γ): min-SNR's weight of the data's loss, carried to the velocity's.

    Raises:
        ValueError: t = 0, outside [0, 1], γ ≤ 0, NaN, or shapes that do not agree.
    """
    return t**2 * minimum(((1 - t) / t) ** 2, gamma)


@equation("levels.bell", rows=("LEVEL-2",), also=(("ai_toolkit", "linear_timesteps_weights"),))
def bell(t: Level) -> Num:
    """e^(2t(1 − t)) − 1: a Gaussian bell about ½ that vanishes at both ends, up to a factor.

    Written exp(−2(t − ½)²) − e^(−½) elsewhere, which is this times e^(−½); trainers divide by its
    mean. Near the ends it is a difference of numbers near 1.

    Raises:
        ValueError: t outside [0, 1] or NaN.
    """
    return expm1(2 * t * (1 - t))


@equation("levels.importance", rows=("LEVEL-2",), remark="importance sampling")
def importance(weight: LossWeight, wanted: Wanted, drawn: Drawn) -> Num:
    """w p/q: the weight with which levels drawn from q train what p with weight w does.

    Raises:
        ValueError: w or p < 0, q ≤ 0, NaN, or shapes that do not agree.
    """
    return weight * wanted / drawn
