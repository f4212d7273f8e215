"""Mistakes about Gaussians: variance for std, a lost constant, the wrong sign of the score.

Each entry: name, equation, the wrong formula, what is wrong, where it was seen, the remedy.
"""

from ...equations.elementary import log, pi
from ..mistake import CLASSIC, Mistake

# fmt: off
MISTAKES: tuple[Mistake, ...] = (
    Mistake(
        "variance for std", "gaussian.sample",
        lambda mean, std, noise: mean + std**2 * noise,
        "The noise is multiplied by the variance.",
        "code that keeps one name for both", "multiply by the square root: g √h",
    ),
    Mistake(
        "noise × 1.01", "gaussian.sample",
        lambda mean, std, noise: mean + std * noise * 101 / 100,
        "One per cent too much noise: the smallest error a step test should see.",
        "a probe of a test's power", "compare standardised residuals with N(0, 1)",
    ),
    Mistake(
        "no log std", "gaussian.log_prob",
        lambda x, mean, std: -((x - mean) ** 2) / (2 * std**2) - log(2 * pi(std)) / 2,
        "The normaliser is lost; where std varies by step or is learnt, so does the error.",
        "MixGRPO's Dance branch (a dangling line)", "subtract log std per coordinate",
    ),
    Mistake(
        "no ½ log 2π", "gaussian.log_prob",
        lambda x, mean, std: -((x - mean) ** 2) / (2 * std**2) - log(std),
        "A constant is lost: harmless in a ratio, wrong as a density.",
        "a classic", "subtract ½ log 2π per coordinate",
    ),
    Mistake(
        "log 2π without its half", "gaussian.log_prob",
        lambda x, mean, std: -((x - mean) ** 2) / (2 * std**2) - log(std) - log(2 * pi(std)),
        "log 2π enters whole, where √(2π) has half of it.",
        CLASSIC, "halve it",
    ),
    Mistake(
        "std for variance", "gaussian.log_prob",
        lambda x, mean, std: -((x - mean) ** 2) / (2 * std) - log(std) - log(2 * pi(std)) / 2,
        "The square is divided by 2 std where the density has 2 std².",
        "code that keeps one name for both", "divide by twice the variance",
    ),
    Mistake(
        "no ½ in the square", "gaussian.log_prob",
        lambda x, mean, std: -((x - mean) ** 2) / std**2 - log(std) - log(2 * pi(std)) / 2,
        "The exponent of the Gaussian lost its half.",
        CLASSIC, "divide by twice the variance",
    ),
    Mistake(
        "bare square", "gaussian.log_prob",
        lambda x, mean, std: -((x - mean) ** 2),
        "The quadratic without the variance: steps are weighted by their own noise, and the clip's "
        "width varies tenfold over the grid.",
        "every CPS implementation", "divide by 2 std² and keep −log std",
    ),
    Mistake(
        "sign of the score", "gaussian.score",
        lambda x, mean, std: (x - mean) / std**2,
        "The score points away from the mean.", CLASSIC, "−(x − mean)/std²",
    ),
    Mistake(
        "std for variance", "gaussian.score",
        lambda x, mean, std: -(x - mean) / std,
        "That is −noise, not the score.", "networks that predict noise, read as scores",
        "divide by the variance",
    ),
)
# fmt: on
