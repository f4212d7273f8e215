"""Mistakes about laws of levels: variance for std, the other clock, a weight in place of a law.

Each entry: name, equation, the wrong formula, what is wrong, where it was seen, the remedy.
"""

from ...equations.elementary import cos, exp, log, maximum, minimum, pi, sin, sqrt
from ..mistake import CLASSIC, Mistake

# fmt: off
MISTAKES: tuple[Mistake, ...] = (
    Mistake(
        "the other clock", "levels.logit_normal",
        lambda eps, location, scale: 1 / (1 + exp(location + scale * eps)),
        "m > 0 then prefers data, and the draw runs the other way.",
        "levels looked up in a list of timesteps that falls", "minus m in the exponent",
    ),
    Mistake(
        "variance for std", "levels.logit_normal",
        lambda eps, location, scale: 1 / (1 + exp(-(location + scale**2 * eps))),
        "The spread of the logit is squared.", CLASSIC, "s ε",
    ),
    Mistake(
        "m scaled too", "levels.logit_normal",
        lambda eps, location, scale: 1 / (1 + exp(-scale * (location + eps))),
        "A sigmoid scale applied to mean and draw alike.", "sigmoid_scale in place of logit_std",
        "m + s ε",
    ),
    Mistake(
        "not divided by s", "levels.logit_normal_eps",
        lambda t, location, scale: log(t / (1 - t)) - location + 0 * scale,
        "The logit's distance from m, not the draw.", CLASSIC, "divide by s",
    ),
    Mistake(
        "log t for the logit", "levels.logit_normal_eps",
        lambda t, location, scale: (log(t) - location) / scale,
        "The log-normal law: right near data alone.", CLASSIC, "log t/(1 − t)",
    ),
    Mistake(
        "no slope", "levels.logit_normal_density",
        lambda t, location, scale:
            exp(-((log(t / (1 - t)) - location) / scale) ** 2 / 2) / (scale * sqrt(2 * pi(t))),
        "The density of the logit, not of the level.", CLASSIC, "divide by t (1 − t)",
    ),
    Mistake(
        "no normalisation by s", "levels.logit_normal_density",
        lambda t, location, scale:
            exp(-((log(t / (1 - t)) - location) / scale) ** 2 / 2)
            / (sqrt(2 * pi(t)) * t * (1 - t)),
        "Its mass is s.", CLASSIC, "divide by s",
    ),
    Mistake(
        "cosine not squared", "levels.mode",
        lambda u, scale: 1 - u - scale * (cos(pi(u) * u / 2) - 1 + u),
        "No longer the same on both clocks.", CLASSIC, "cos²",
    ),
    Mistake(
        "sign of a", "levels.mode",
        lambda u, scale: 1 - u + scale * (cos(pi(u) * u / 2) ** 2 - 1 + u),
        "Leans to the ends where the middle is meant.", CLASSIC, "minus a",
    ),
    Mistake(
        "the slope", "levels.mode_density",
        lambda u, scale: 1 + scale - scale * pi(u) / 2 * sin(pi(u) * u),
        "Where levels are dense the slope is small.", CLASSIC, "one over the slope",
    ),
    Mistake(
        "half the angle", "levels.mode_density",
        lambda u, scale: 1 / (1 + scale - scale * pi(u) / 2 * sin(pi(u) * u / 2)),
        "2 sin x cos x was taken for sin x.", CLASSIC, "sin πu",
    ),
    Mistake(
        "sine alone", "levels.cosmap", lambda u: sin(pi(u) * u / 2),
        "The σ of the cosine path, which is no level of the linear one.", CLASSIC,
        "over sine plus cosine",
    ),
    Mistake(
        "uniform", "levels.cosmap", lambda u: u + 0,
        "Not mapped.", "a weighting scheme named cosmap that samples uniformly", "the quotient",
    ),
    Mistake(
        "no π", "levels.cosmap_density", lambda t: 1 / (1 - 2 * t + 2 * t**2),
        "Its mass is π/2.", CLASSIC, "2/π in front",
    ),
    Mistake(
        "2t for 2t²", "levels.cosmap_density", lambda t: 2 / (pi(t) * (1 - 2 * t + t**2)),
        "(1 − t)² below: infinite at noise.", CLASSIC, "1 − 2t + 2t²",
    ),
    Mistake(
        "exponents a and b", "levels.beta_density",
        lambda t, a, b, normaliser: t**a * (1 - t) ** b / normaliser,
        "Beta(a + 1, b + 1), and not normalised.", CLASSIC, "a − 1 and b − 1",
    ),
    Mistake(
        "the other clock", "levels.beta_density",
        lambda t, a, b, normaliser: t ** (b - 1) * (1 - t) ** (a - 1) / normaliser,
        "a and b changed places, as they do between data-time and noise levels.",
        "ports from data-time (pi0's Beta(1.5, 1))", "a belongs to t",
    ),
    Mistake(
        "density not transformed", "levels.shifted_density",
        lambda density, t, by: density + 0 * t * by,
        "Its mass is no longer one.", CLASSIC, "divide by the slope of the shift",
    ),
    Mistake(
        "slope of the shift", "levels.shifted_density",
        lambda density, t, by: density * by / (1 + (by - 1) * t) ** 2,
        "Taken at the level after the shift, as if it were the one before.", CLASSIC,
        "k over (k − (k − 1) t)²",
    ),
    Mistake(
        "1/t", "levels.sigma_sqrt", lambda t: 1 / t,
        "The root of what is meant, as the name suggests.", "the name sigma_sqrt", "t^−2",
    ),
    Mistake(
        "t²", "levels.sigma_sqrt", lambda t: t**2,
        "The reciprocal.", CLASSIC, "t^−2",
    ),
    Mistake(
        "weight of the datum's loss", "levels.min_snr",
        lambda t, gamma: minimum(((1 - t) / t) ** 2, gamma),
        "The velocity's loss is t^−2 of the datum's: t² is missing.", CLASSIC, "times t²",
    ),
    Mistake(
        "max for min", "levels.min_snr",
        lambda t, gamma: t**2 * maximum(((1 - t) / t) ** 2, gamma),
        "The large ratios are kept, the small ones raised.", CLASSIC, "min",
    ),
    Mistake(
        "SNR not squared", "levels.min_snr",
        lambda t, gamma: t**2 * minimum((1 - t) / t, gamma),
        "α/σ for its square.", CLASSIC, "((1 − t)/t)²",
    ),
    Mistake(
        "not lowered", "levels.bell", lambda t: exp(2 * t * (1 - t)),
        "The Gaussian itself: it does not vanish at the ends.", CLASSIC, "minus 1",
    ),
    Mistake(
        "parabola", "levels.bell", lambda t: 2 * t * (1 - t),
        "Its beginning in powers of t (1 − t).", CLASSIC, "e^(2t(1 − t)) − 1",
    ),
    Mistake(
        "quotient turned round", "levels.importance",
        lambda weight, wanted, drawn: weight * drawn / wanted,
        "What is drawn too often is weighed up.", CLASSIC, "p over q",
    ),
    Mistake(
        "weight left alone", "levels.importance",
        lambda weight, wanted, drawn: weight + 0 * (wanted + drawn),
        "Other levels are drawn, so other levels are trained.", CLASSIC, "times p/q",
    ),
)
# fmt: on
