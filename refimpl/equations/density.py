"""How a density moves: the continuity and Fokker–Planck equations, and the marginalisation trick.

    ∂_t p = −∇·(p v)          ∂_t p = −∇·(p f) + ½ g² Δp          v(x) = Σ_z P(z | x) v(x | z)

The first two return the contribution of one coordinate, so in d dimensions the caller adds d of
them (`sum` over the coordinate axis); that is also how they are proved for every d.
"""

from .domain import fields, nonnegative, positive
from .elementary import Array, Num
from .registry import equation


@equation(
    "density.continuity",
    rows=("VF-2", "VF-3"),
    source="Lipman et al. 2023, arXiv:2210.02747, Eq. 26; Flow-GRPO, arXiv:2505.05470, Eq. 7",
)
def continuity(p: Num, dp_dx: Num, v: Num, dv_dx: Num) -> Num:
    """∂_t p = −∂_x(p v) = −(p ∂_x v + v ∂_x p): what one coordinate of the flow adds to ∂_t p."""
    fields(p=p, dp_dx=dp_dx, v=v, dv_dx=dv_dx)
    return -(p * dv_dx + v * dp_dx)


@equation(
    "density.fokker_planck",
    rows=("SC-3", "SC-4", "SC-10"),
    source="Flow-GRPO, arXiv:2505.05470, Eq. 6, reconstructed",
)
def fokker_planck(p: Num, dp_dx: Num, d2p_dx2: Num, f: Num, df_dx: Num, g: Num) -> Num:
    """∂_t p = −∂_x(p f) + ½ g² ∂²_x p: what one coordinate of dx = f dt + g dw adds to ∂_t p."""
    fields(p=p, dp_dx=dp_dx, d2p_dx2=d2p_dx2, f=f, df_dx=df_dx, g=g)
    nonnegative(g=g)
    return -(p * df_dx + f * dp_dx) + g**2 / 2 * d2p_dx2


@equation("density.marginal", rows=("PATH-3",), source="MIT 6.S184, Section 2.1.5")
def marginal(prior: Array, likelihood: Array) -> Array:
    """p_t(x) = Σ_z p_t(x | z) p_data(z), summed over the leading axis z.

    Args:
        prior: p_data(z), shape (K, ...), adding up to 1 over the leading axis.
        likelihood: p_t(x | z), shape (K, ...).
    """
    fields(prior=prior, likelihood=likelihood)
    return (prior * likelihood).sum(axis=0)


@equation(
    "density.posterior",
    rows=("VF-3", "SC-2", "CFG-2"),
    source="Bayes; Lipman et al. 2023, arXiv:2210.02747, Eq. 8",
)
def posterior(prior: Array, likelihood: Array) -> Array:
    """P(z | x) = p_t(x | z) p_data(z)/p_t(x), over the leading axis z.

    Raises:
        ValueError: p_t(x) = 0: x cannot come from any z (or its likelihoods have underflowed).
    """
    fields(prior=prior, likelihood=likelihood)
    p = marginal(prior, likelihood)
    positive(density=p)
    return prior * likelihood / p


@equation(
    "density.conditional_mean",
    rows=("VF-3", "VF-4", "SC-2"),
    source="Lipman et al. 2023, arXiv:2210.02747, Eq. 8; Flow-GRPO, arXiv:2505.05470, Eq. 12–14",
)
def conditional_mean(posterior: Array, values: Array) -> Array:
    """E[f(z) | x] = Σ_z P(z | x) f(z): velocity, score, noise and data all average like this."""
    fields(posterior=posterior, values=values)
    return (posterior * values).sum(axis=0)
