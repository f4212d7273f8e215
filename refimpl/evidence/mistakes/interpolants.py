"""Mistakes about interpolants: scales forgotten, a Gaussian's score for another start.

Each entry: name, equation, the wrong formula, what is wrong, where it was seen, the remedy.
"""

from ...equations.elementary import log
from ..mistake import CLASSIC, Mistake

# fmt: off
MISTAKES: tuple[Mistake, ...] = (
    Mistake(
        "no change of scale", "interpolants.log_density",
        lambda start_log_density, sigma: start_log_density + 0 * sigma,
        "A density that is squeezed grows.", CLASSIC, "subtract log σ",
    ),
    Mistake(
        "sign of the scale", "interpolants.log_density",
        lambda start_log_density, sigma: start_log_density + log(sigma),
        "As if the density were that of x/σ.", CLASSIC, "subtract",
    ),
    Mistake(
        "not divided", "interpolants.score",
        lambda start_score, sigma: start_score + 0 * sigma,
        "The slope in y, not in x.", CLASSIC, "over σ",
    ),
    Mistake(
        "over σ²", "interpolants.score",
        lambda start_score, sigma: start_score / sigma**2,
        "That is for −σ y, the displacement.", CLASSIC, "over σ",
    ),
    Mistake(
        "plain start", "interpolants.from_point",
        lambda x, t: x + 0 * t,
        "The start's place is x/t.", CLASSIC, "over t",
    ),
    Mistake(
        "over t²", "interpolants.from_point",
        lambda x, t: x / t**2,
        "Minus the score of a Gaussian start.", "one for the other", "over t",
    ),
    Mistake(
        "what turns left out", "interpolants.turning",
        lambda x, turned, t, turn: (
            ((2 * t - 1) * x + 0 * turn * turned) / ((1 - t) ** 2 + t**2)
        ),
        "The flow with the same densities, and other paths.", "velocities made from scores",
        "τ x^⊥ more",
    ),
    Mistake(
        "not divided by the spread", "interpolants.turning",
        lambda x, turned, t, turn: (2 * t - 1) * x + turn * turned,
        "Right at the ends alone.", CLASSIC, "over (1 − t)² + t²",
    ),
)
# fmt: on
