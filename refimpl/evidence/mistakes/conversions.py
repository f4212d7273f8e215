"""Mistakes about conversions between velocity, score, noise and data.

    the other clock's velocity, t for 1 − t, a lost division by α or σ, Tweedie with σ for σ²

Each entry: name, equation, the wrong formula, what is wrong, where it was seen, the remedy.
"""

from ..mistake import CLASSIC, CLOCKS, Mistake

# fmt: off
MISTAKES: tuple[Mistake, ...] = (
    Mistake(
        "velocity of the other clock", "conversions.noise_from_velocity",
        lambda c, x, v: -(c.alpha * v + c.d_alpha * x)
        / (c.alpha * c.d_sigma - c.d_alpha * c.sigma),
        "A data-time velocity used as it is: x − (1 − t) v on the linear path.", CLOCKS,
        "flip the velocity",
    ),
    Mistake(
        "σ for α", "conversions.noise_from_velocity",
        lambda c, x, v: (c.sigma * v - c.d_alpha * x) / (c.alpha * c.d_sigma - c.d_alpha * c.sigma),
        "t for 1 − t: x + t v on the linear path.", CLASSIC, "noise = x + (1 − t) v",
    ),
    Mistake(
        "velocity of the other clock", "conversions.data_from_velocity",
        lambda c, x, v: (c.d_sigma * x + c.sigma * v) / (c.alpha * c.d_sigma - c.d_alpha * c.sigma),
        "x + t v on the linear path: away from the data.", CLOCKS, "data = x − t v",
    ),
    Mistake(
        "sign of the score", "conversions.score_from_noise",
        lambda c, noise: noise / c.sigma,
        "The score points towards the noise.", CLASSIC, "−noise/σ",
    ),
    Mistake(
        "score = −noise", "conversions.score_from_noise",
        lambda c, noise: -noise,
        "Not divided by σ_t.", "noise predictors used as scores", "divide by σ_t",
    ),
    Mistake(
        "variance for std", "conversions.score_from_noise",
        lambda c, noise: -noise / c.sigma**2,
        "The noise is divided by σ_t², as x − α data would be.", CLASSIC, "divide by σ_t",
    ),
    Mistake(
        "not divided by α", "conversions.data_from_noise",
        lambda c, x, noise: x - c.sigma * noise,
        "α_t data is taken for the datum.", CLASSIC, "divide by α_t",
    ),
    Mistake(
        "std for variance", "conversions.score_from_data",
        lambda c, x, data: -(x - c.alpha * data) / c.sigma,
        "That is −noise.", "noise predictors used as scores", "divide by σ_t²",
    ),
    Mistake(
        "Tweedie with σ", "conversions.data_from_score",
        lambda c, x, score: (x + c.sigma * score) / c.alpha,
        "Tweedie's formula has the variance.", CLASSIC, "σ_t² times the score",
    ),
    Mistake(
        "sign of the score", "conversions.velocity_from_score",
        lambda c, x, score: c.d_alpha / c.alpha * x
        - c.sigma / c.alpha * (c.d_alpha * c.sigma - c.d_sigma * c.alpha) * score,
        "+t/(1 − t) before the score on the linear path.",
        "a printed formula carried to the other clock", "v = −x/(1 − t) − t/(1 − t) score",
    ),
    Mistake(
        "velocity of the other clock", "conversions.score_from_velocity",
        lambda c, x, v: (c.d_alpha * x + c.alpha * v)
        / (c.sigma * (c.alpha * c.d_sigma - c.d_alpha * c.sigma)),
        "A data-time velocity used as it is.", CLOCKS, "flip the velocity",
    ),
    Mistake(
        "σ for α", "conversions.score_from_velocity",
        lambda c, x, v: (c.d_alpha * x - c.sigma * v)
        / (c.sigma * (c.alpha * c.d_sigma - c.d_alpha * c.sigma)),
        "t for 1 − t: −x/t − v on the linear path.", CLASSIC, "−x/t − ((1 − t)/t) v",
    ),
    Mistake(
        "sign of the score", "conversions.noise_from_score",
        lambda c, score: c.sigma * score,
        "The noise points down the density.", CLASSIC, "−σ_t times the score",
    ),
    Mistake(
        "not divided by σ", "conversions.noise_from_data",
        lambda c, x, data: x - c.alpha * data,
        "σ_t noise is taken for the noise.", CLASSIC, "divide by σ_t",
    ),
    Mistake(
        "velocity of the other clock", "conversions.velocity_from_noise",
        lambda c, x, noise: -c.d_alpha * (x - c.sigma * noise) / c.alpha - c.d_sigma * noise,
        "data − noise on the linear path.", CLOCKS, "flip the velocity",
    ),
    Mistake(
        "velocity of the other clock", "conversions.velocity_from_data",
        lambda c, x, data: -c.d_sigma * (x - c.alpha * data) / c.sigma - c.d_alpha * data,
        "data − noise on the linear path.", CLOCKS, "flip the velocity",
    ),
)
# fmt: on
