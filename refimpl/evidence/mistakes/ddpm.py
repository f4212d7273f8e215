"""Mistakes about DDPM: β for its root, a posterior's two variances confused.

Each entry: name, equation, the wrong formula, what is wrong, where it was seen, the remedy.
"""

from ...equations import Gaussian
from ...equations.elementary import sqrt
from ..mistake import CLASSIC, Mistake

# fmt: off
MISTAKES: tuple[Mistake, ...] = (
    Mistake(
        "variance for std", "ddpm.forward",
        lambda x, beta: Gaussian(sqrt(1 - beta) * x, beta),
        "β is the variance of the step.", CLASSIC, "√β",
    ),
    Mistake(
        "signal without root", "ddpm.forward",
        lambda x, beta: Gaussian((1 - beta) * x, sqrt(beta)),
        "Variance is not preserved.", CLASSIC, "√(1 − β)",
    ),
    Mistake(
        "ᾱ for √ᾱ", "ddpm.marginal",
        lambda data, alpha_bar: Gaussian(alpha_bar * data, sqrt(1 - alpha_bar)),
        "The signal is scaled by the variance's share.", "notations of ᾱ_t", "√ᾱ",
    ),
    Mistake(
        "variance for std", "ddpm.marginal",
        lambda data, alpha_bar: Gaussian(sqrt(alpha_bar) * data, 1 - alpha_bar),
        "1 − ᾱ is the variance.", "notations of ᾱ_t", "√(1 − ᾱ)",
    ),
    Mistake(
        "β for β̃", "ddpm.posterior",
        lambda x, data, beta, alpha_bar_prev: Gaussian(
            (sqrt(alpha_bar_prev) * beta * data + sqrt(1 - beta) * (1 - alpha_bar_prev) * x)
            / (1 - (1 - beta) * alpha_bar_prev),
            sqrt(beta),
        ),
        "The other standard choice, exact for standard normal data alone.",
        "a printed remark that σ_t² = β_t", "β (1 − ᾱ′)/(1 − ᾱ)",
    ),
    Mistake(
        "weights swapped", "ddpm.posterior",
        lambda x, data, beta, alpha_bar_prev: Gaussian(
            (sqrt(alpha_bar_prev) * beta * x + sqrt(1 - beta) * (1 - alpha_bar_prev) * data)
            / (1 - (1 - beta) * alpha_bar_prev),
            sqrt(beta * (1 - alpha_bar_prev) / (1 - (1 - beta) * alpha_bar_prev)),
        ),
        "x_0 and x_t change places.", CLASSIC, "β goes with x_0",
    ),
    Mistake(
        "always β", "ddpm.reverse_variance",
        lambda beta, alpha_bar_prev, data_variance: beta + 0 * alpha_bar_prev * data_variance,
        "One of two choices, stated as the reverse variance.", "a printed remark",
        "exact for s = 1 alone",
    ),
    Mistake(
        "always β̃", "ddpm.reverse_variance",
        lambda beta, alpha_bar_prev, data_variance: beta * (1 - alpha_bar_prev)
        / (1 - (1 - beta) * alpha_bar_prev) + 0 * data_variance,
        "The variance given x_0, which is not given.", CLASSIC, "exact for s = 0 alone",
    ),
)
# fmt: on
