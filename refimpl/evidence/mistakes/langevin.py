"""Mistakes about Langevin dynamics: the noise's factor, a step without its ½.

Each entry: name, equation, the wrong formula, what is wrong, where it was seen, the remedy.
"""

from ...equations import Gaussian
from ...equations.elementary import sqrt
from ..mistake import CLASSIC, Mistake

# fmt: off
MISTAKES: tuple[Mistake, ...] = (
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
        "Signal to noise differs between scales.", CLASSIC, "σ_i²/σ_1²",
    ),
    Mistake(
        "σ for σ²", "langevin.perturbed_weight",
        lambda sigma: sigma + 0,
        "Fine scales still dominate the loss.", CLASSIC, "square it",
    ),
    Mistake(
        "decay forgotten", "langevin.noise_rate",
        lambda alpha, sigma, d_alpha, d_sigma: 2 * sigma * d_sigma,
        "VE's rate on a path whose signal fades too.", "VE formulas carried to VP",
        "subtract 2 (α̇/α) σ²",
    ),
)
# fmt: on
