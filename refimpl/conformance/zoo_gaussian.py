"""Mistakes about Gaussians and moving densities.

    a variance for a std, a lost ½, a lost normaliser, diffusion's sign, a forgotten prior

Each entry: name, equation, the wrong formula, what is wrong, where it was seen, the remedy.
"""

from ..equations.elementary import log, pi
from ..evidence.mistake import Mistake

_CLASSIC = "a classic"

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
        _CLASSIC, "halve it",
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
        _CLASSIC, "divide by twice the variance",
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
        "The score points away from the mean.", _CLASSIC, "−(x − mean)/std²",
    ),
    Mistake(
        "std for variance", "gaussian.score",
        lambda x, mean, std: -(x - mean) / std,
        "That is −noise, not the score.", "networks that predict noise, read as scores",
        "divide by the variance",
    ),
    Mistake(
        "sign of the flux", "density.continuity",
        lambda p, dp_dx, v, dv_dx: p * dv_dx + v * dp_dx,
        "Probability flows backwards.", _CLASSIC, "∂_t p = −∇·(p v)",
    ),
    Mistake(
        "divergence without transport", "density.continuity",
        lambda p, dp_dx, v, dv_dx: -p * dv_dx,
        "The term v·∇p is missing: that is the change along a path, not at a place.",
        "the instantaneous change of variables, misread", "differentiate the product p v",
    ),
    Mistake(
        "no ½ before g²", "density.fokker_planck",
        lambda p, dp_dx, d2p_dx2, f, df_dx, g: -(p * df_dx + f * dp_dx) + g**2 * d2p_dx2,
        "Diffusion is twice too fast.", _CLASSIC, "½ g² Δp",
    ),
    Mistake(
        "g for g²", "density.fokker_planck",
        lambda p, dp_dx, d2p_dx2, f, df_dx, g: -(p * df_dx + f * dp_dx) + g * d2p_dx2 / 2,
        "The coefficient of diffusion is a variance per time.", _CLASSIC, "½ g² Δp",
    ),
    Mistake(
        "sign of the diffusion", "density.fokker_planck",
        lambda p, dp_dx, d2p_dx2, f, df_dx, g: -(p * df_dx + f * dp_dx) - g**2 * d2p_dx2 / 2,
        "Diffusion concentrates: the reversed clock's equation.", "reverse-time derivations",
        "+ ½ g² Δp on the process's own clock",
    ),
    Mistake(
        "prior forgotten", "density.marginal",
        lambda prior, likelihood: likelihood.sum(axis=0) / likelihood.shape[0],
        "All data count alike.", _CLASSIC, "weight by p_data(z)",
    ),
    Mistake(
        "prior forgotten", "density.posterior",
        lambda prior, likelihood: likelihood / likelihood.sum(axis=0),
        "Likelihoods are normalised without the prior.", _CLASSIC, "multiply by p_data(z) first",
    ),
    Mistake(
        "not normalised", "density.posterior",
        lambda prior, likelihood: prior * likelihood,
        "The joint weight is taken for the posterior.", _CLASSIC, "divide by p_t(x)",
    ),
    Mistake(
        "all z alike", "density.conditional_mean",
        lambda posterior, values: values.sum(axis=0) / values.shape[0],
        "The plain average: the prior's mean, not the posterior's.", _CLASSIC,
        "weight by P(z | x)",
    ),
)
# fmt: on
