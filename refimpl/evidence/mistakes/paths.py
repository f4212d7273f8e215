"""Mistakes about paths and conversions.

    swapped ends, the other clock's path, the other clock's velocity, σ for α, Tweedie with σ

Each entry: name, equation, the wrong formula, what is wrong, where it was seen, the remedy.
"""

from ...equations import Coefficients, Gaussian
from ...equations.elementary import Num, cos, exp, log, pi, sin, sqrt
from ..mistake import CLASSIC, CLOCKS, Mistake


def _vp(t: Num, beta_min: Num, beta_max: Num, divisor: int) -> Coefficients:
    """The VP path with the integrated rate divided by something, where the paper has 2."""
    spent = beta_min * t + (beta_max - beta_min) * t**2 / 2
    rate = beta_min + (beta_max - beta_min) * t
    alpha = exp(-spent / divisor)
    sigma = sqrt(1 - alpha**2)
    return Coefficients(alpha, sigma, -rate * alpha / divisor, rate * alpha**2 / (divisor * sigma))


def _variance(c: Coefficients) -> Coefficients:
    """The path with σ² where σ belongs."""
    return Coefficients(c.alpha, c.sigma**2, c.d_alpha, 2 * c.sigma * c.d_sigma)


# fmt: off
MISTAKES: tuple[Mistake, ...] = (
    Mistake(
        "data-time path", "paths.linear",
        lambda t: Coefficients(t, 1 - t, 1, -1),
        "The other clock's path: at t = 0 it is noise.", CLOCKS,
        "flip time and velocity through refimpl.equations.conventions",
    ),
    Mistake(
        "velocity of the other clock", "paths.linear",
        lambda t: Coefficients(1 - t, t, 1, -1),
        "Right positions, derivatives of the other sign.", CLOCKS, "flip the derivatives too",
    ),
    Mistake(
        "data-time path", "paths.cosine",
        lambda t: Coefficients(
            sin(pi(t) * t / 2), cos(pi(t) * t / 2),
            pi(t) / 2 * cos(pi(t) * t / 2), -pi(t) / 2 * sin(pi(t) * t / 2),
        ),
        "The other clock's path: at t = 0 it is noise.", CLOCKS,
        "flip time and velocity through refimpl.equations.conventions",
    ),
    Mistake(
        "no chain rule", "paths.cosine",
        lambda t: Coefficients(
            cos(pi(t) * t / 2), sin(pi(t) * t / 2), -sin(pi(t) * t / 2), cos(pi(t) * t / 2)
        ),
        "The derivative by the angle, not by t: π/2 is missing.", CLASSIC, "multiply by π/2",
    ),
    Mistake(
        "no ½ in the exponent", "paths.vp",
        lambda t, beta_min, beta_max: _vp(t, beta_min, beta_max, 1),
        "α² of the process taken for α: the signal fades twice too fast.",
        "mixing ᾱ_t with √ᾱ_t", "α = exp(−B/2)",
    ),
    Mistake(
        "variance for std", "paths.vp",
        lambda t, beta_min, beta_max: _variance(_vp(t, beta_min, beta_max, 2)),
        "1 − α² is the variance of the noise.", "mixing 1 − ᾱ_t with its root", "take the root",
    ),
    Mistake(
        "σ without − 1", "paths.ve",
        lambda t, sigma_min, sigma_max: Coefficients(
            1, sigma_min * exp(t * log(sigma_max / sigma_min)), 0,
            sigma_min * exp(t * log(sigma_max / sigma_min)) * log(sigma_max / sigma_min),
        ),
        "The geometric scale itself: noise σ_min is left in the data at t = 0.",
        "the usual VE sampler, where σ_min is small", "√(σ² − σ_min²)",
    ),
    Mistake(
        "ends swapped", "paths.interpolate",
        lambda c, data, noise: c.alpha * noise + c.sigma * data,
        "Data and noise change places.", "x_0 and x_1 mean opposite things in two literatures",
        "name the ends data and noise",
    ),
    Mistake(
        "variance for std", "paths.conditional",
        lambda c, data: Gaussian(c.alpha * data, c.sigma**2),
        "σ² is handed on as the standard deviation.", "notations N(m, σ² I) read too fast",
        "hand on σ",
    ),
    Mistake(
        "velocity sign", "paths.velocity",
        lambda c, data, noise: -c.d_alpha * data - c.d_sigma * noise,
        "The velocity of the other clock: on the linear path, data − noise.", CLOCKS,
        "noise − data on the clock where t is the noise level",
    ),
    Mistake(
        "ends swapped", "paths.velocity",
        lambda c, data, noise: c.d_alpha * noise + c.d_sigma * data,
        "Data and noise change places.", "x_0 and x_1 mean opposite things in two literatures",
        "name the ends data and noise",
    ),
    Mistake(
        "α forgotten", "paths.conditional_velocity",
        lambda c, data, x: (c.d_alpha - c.d_sigma / c.sigma) * data + c.d_sigma / c.sigma * x,
        "The datum is not scaled by α_t: right on VE, wrong elsewhere.", CLASSIC,
        "(α̇ − (σ̇/σ) α) data",
    ),
)
# fmt: on
