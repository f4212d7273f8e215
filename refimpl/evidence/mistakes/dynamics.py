"""Mistakes about closed-form flows and diffusions.

Each entry: name, equation, the wrong formula, what is wrong, where it was seen, the remedy.
"""

from ...equations import Gaussian
from ...equations.elementary import exp, sqrt
from ..mistake import CLASSIC, Mistake

# fmt: off
MISTAKES: tuple[Mistake, ...] = (
    Mistake(
        "growth for decay", "dynamics.linear_flow",
        lambda x, theta, t: exp(theta * t) * x,
        "The sign of the rate is lost.", CLASSIC, "e^(−θt)",
    ),
    Mistake(
        "½ for ¼", "dynamics.root_flow",
        lambda t, delay: ((t - delay) * (t > delay)) ** 2 / 2,
        "Then dx/dt is √(2x).", CLASSIC, "(t − delay)²/4",
    ),
    Mistake(
        "no division by n", "dynamics.picard_bound",
        lambda previous, lipschitz, t, n: previous * lipschitz * t,
        "A geometric bound, which converges for L t < 1 alone.", CLASSIC, "divide by n",
    ),
    Mistake(
        "h for √h", "dynamics.brownian",
        lambda w, h: Gaussian(w, h),
        "The variance is handed on as the std.", CLASSIC, "√h",
    ),
    Mistake(
        "no 2 in the rate of the variance", "dynamics.ornstein_uhlenbeck",
        lambda x, theta, sigma, t: Gaussian(
            exp(-theta * t) * x, sigma * sqrt((1 - exp(-theta * t)) / (2 * theta))
        ),
        "A variance forgets twice as fast as a mean.", CLASSIC, "1 − e^(−2θt)",
    ),
    Mistake(
        "Brownian variance", "dynamics.ornstein_uhlenbeck",
        lambda x, theta, sigma, t: Gaussian(exp(-theta * t) * x, sigma * sqrt(t)),
        "Past noise fades too.", "one Euler step taken for the law", "∫ σ² e^(−2θu) du",
    ),
    Mistake(
        "no 2 in the stationary variance", "dynamics.stationary",
        lambda theta, sigma: Gaussian(0 * theta, sigma / sqrt(theta)),
        "σ²/θ where σ²/(2θ) is at rest.", CLASSIC, "σ²/(2θ)",
    ),
    Mistake(
        "last step dropped", "dynamics.euler_on_linear",
        lambda x, theta, t, steps: (1 - theta * t / steps) ** (steps - 1) * x,
        "The loop runs n − 1 times and ends at t (1 − 1/n).",
        "the notes' Algorithm 1", "n steps",
    ),
)
# fmt: on
