"""Mistakes about moving densities: signs of fluxes, a lost ½, weights that are not normalised.

Each entry: name, equation, the wrong formula, what is wrong, where it was seen, the remedy.
"""

from ..mistake import CLASSIC, Mistake

# fmt: off
MISTAKES: tuple[Mistake, ...] = (
    Mistake(
        "sign of the flux", "density.continuity",
        lambda p, dp_dx, v, dv_dx: p * dv_dx + v * dp_dx,
        "Probability flows backwards.", CLASSIC, "∂_t p = −∇·(p v)",
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
        "Diffusion is twice too fast.", CLASSIC, "½ g² Δp",
    ),
    Mistake(
        "g for g²", "density.fokker_planck",
        lambda p, dp_dx, d2p_dx2, f, df_dx, g: -(p * df_dx + f * dp_dx) + g * d2p_dx2 / 2,
        "The coefficient of diffusion is a variance per time.", CLASSIC, "½ g² Δp",
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
        "All data count alike.", CLASSIC, "weight by p_data(z)",
    ),
    Mistake(
        "prior forgotten", "density.posterior",
        lambda prior, likelihood: likelihood / likelihood.sum(axis=0),
        "Likelihoods are normalised without the prior.", CLASSIC, "multiply by p_data(z) first",
    ),
    Mistake(
        "not normalised", "density.posterior",
        lambda prior, likelihood: prior * likelihood,
        "The joint weight is taken for the posterior.", CLASSIC, "divide by p_t(x)",
    ),
    Mistake(
        "all z alike", "density.conditional_mean",
        lambda posterior, values: values.sum(axis=0) / values.shape[0],
        "The plain average: the prior's mean, not the posterior's.", CLASSIC,
        "weight by P(z | x)",
    ),
)
# fmt: on
