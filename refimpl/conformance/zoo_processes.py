"""Mistakes about flows and diffusions with closed forms, DDPM and Langevin dynamics.

    decay for growth, a loop one step short, β̃ for β, the lost 2 of √(2ε), ᾱ for √ᾱ

Each entry: name, equation, the wrong formula, what is wrong, where it was seen, the remedy.
"""

from ..equations import Gaussian
from ..equations.elementary import exp, sqrt
from ..evidence.mistake import Mistake

_CLASSIC = "a classic"

# fmt: off
MISTAKES: tuple[Mistake, ...] = (
    Mistake(
        "growth for decay", "dynamics.linear_flow",
        lambda x, theta, t: exp(theta * t) * x,
        "The sign of the rate is lost.", _CLASSIC, "e^(−θt)",
    ),
    Mistake(
        "½ for ¼", "dynamics.root_flow",
        lambda t, delay: ((t - delay) * (t > delay)) ** 2 / 2,
        "Then dx/dt is √(2x).", _CLASSIC, "(t − delay)²/4",
    ),
    Mistake(
        "no division by n", "dynamics.picard_bound",
        lambda previous, lipschitz, t, n: previous * lipschitz * t,
        "A geometric bound, which converges for L t < 1 alone.", _CLASSIC, "divide by n",
    ),
    Mistake(
        "h for √h", "dynamics.brownian",
        lambda w, h: Gaussian(w, h),
        "The variance is handed on as the std.", _CLASSIC, "√h",
    ),
    Mistake(
        "no 2 in the rate of the variance", "dynamics.ornstein_uhlenbeck",
        lambda x, theta, sigma, t: Gaussian(
            exp(-theta * t) * x, sigma * sqrt((1 - exp(-theta * t)) / (2 * theta))
        ),
        "A variance forgets twice as fast as a mean.", _CLASSIC, "1 − e^(−2θt)",
    ),
    Mistake(
        "Brownian variance", "dynamics.ornstein_uhlenbeck",
        lambda x, theta, sigma, t: Gaussian(exp(-theta * t) * x, sigma * sqrt(t)),
        "Past noise fades too.", "one Euler step taken for the law", "∫ σ² e^(−2θu) du",
    ),
    Mistake(
        "no 2 in the stationary variance", "dynamics.stationary",
        lambda theta, sigma: Gaussian(0 * theta, sigma / sqrt(theta)),
        "σ²/θ where σ²/(2θ) is at rest.", _CLASSIC, "σ²/(2θ)",
    ),
    Mistake(
        "last step dropped", "dynamics.euler_on_linear",
        lambda x, theta, t, steps: (1 - theta * t / steps) ** (steps - 1) * x,
        "The loop runs n − 1 times and ends at t (1 − 1/n).",
        "the notes' Algorithm 1", "n steps",
    ),
    Mistake(
        "variance for std", "ddpm.forward",
        lambda x, beta: Gaussian(sqrt(1 - beta) * x, beta),
        "β is the variance of the step.", _CLASSIC, "√β",
    ),
    Mistake(
        "signal without root", "ddpm.forward",
        lambda x, beta: Gaussian((1 - beta) * x, sqrt(beta)),
        "Variance is not preserved.", _CLASSIC, "√(1 − β)",
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
        "x_0 and x_t change places.", _CLASSIC, "β goes with x_0",
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
        "The variance given x_0, which is not given.", _CLASSIC, "exact for s = 0 alone",
    ),
    Mistake(
        "√ε for √(2ε)", "langevin.step",
        lambda x, score, eps: Gaussian(x + eps * score, sqrt(eps)),
        "Half the noise: the chain settles at half the variance.", "two conventions of ε",
        "ε on the score goes with √(2ε), ε/2 with √ε",
    ),
    Mistake(
        "sign of the score", "langevin.step",
        lambda x, score, eps: Gaussian(x - eps * score, sqrt(2 * eps)),
        "Down the density: the chain diverges.", "energies taken for log-densities", "plus",
    ),
    Mistake(
        "no bias", "langevin.stationary_variance",
        lambda std, eps: std**2 + 0 * eps,
        "The continuous limit's variance.", "discretisation forgotten", "s²/(1 − ε/(2s²))",
    ),
    Mistake(
        "scale for its square", "langevin.annealed_eps",
        lambda eps, sigma, sigma_min: eps * sigma / sigma_min,
        "Signal to noise differs between scales.", _CLASSIC, "σ_i²/σ_1²",
    ),
    Mistake(
        "σ for σ²", "langevin.perturbed_weight",
        lambda sigma: sigma + 0,
        "Fine scales still dominate the loss.", _CLASSIC, "square it",
    ),
    Mistake(
        "decay forgotten", "langevin.noise_rate",
        lambda alpha, sigma, d_alpha, d_sigma: 2 * sigma * d_sigma,
        "VE's rate on a path whose signal fades too.", "VE formulas carried to VP",
        "subtract 2 (α̇/α) σ²",
    ),
)
# fmt: on
