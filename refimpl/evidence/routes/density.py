"""Second routes for moving densities.

∂_t p = the derivative of a flux        a mean = a minimiser        a posterior = odds
"""

from typing import Any

import mpmath as mp

from ..calculus import columns, slope
from ..route import route


@route("density.continuity")
def continuity(p: Any, dp_dx: Any, v: Any, dv_dx: Any) -> Any:
    """Minus the derivative of the flux p v, of two locally linear functions."""
    return -slope(lambda y: (p + dp_dx * y) * (v + dv_dx * y), 0)


@route("density.fokker_planck")
def fokker_planck(p: Any, dp_dx: Any, d2p_dx2: Any, f: Any, df_dx: Any, g: Any) -> Any:
    """Minus the derivative of the flux p f − ∂(½ g² p)."""

    def density(y: Any) -> Any:
        return p + dp_dx * y + d2p_dx2 * y**2 / 2

    diffusion = mp.diff(lambda y: density(y) * g**2, 0, 2) / 2
    return diffusion - slope(lambda y: density(y) * (f + df_dx * y), 0)


@route("density.marginal", whole=True)
def marginal(prior: Any, likelihood: Any) -> Any:
    """The scalar product of two columns, compensated."""
    return columns(lambda w, like: mp.fdot(w, like), prior, likelihood)


@route("density.posterior", whole=True)
def posterior(prior: Any, likelihood: Any) -> Any:
    """Odds: 1/P = Σ of every component's weight over this one's."""

    def odds(w: Any, like: Any) -> Any:
        joint = [a * b for a, b in zip(w, like, strict=True)]
        return [1 / mp.fsum(b / a for b in joint) if a else mp.mpf(0) for a in joint]

    return columns(odds, prior, likelihood)


@route("density.conditional_mean", whole=True)
def conditional_mean(posterior: Any, values: Any) -> Any:
    """The number with the least mean squared error, as the vertex of a parabola."""

    def vertex(weights: Any, f: Any) -> Any:
        def loss(m: Any) -> Any:
            return mp.fsum(w * (y - m) ** 2 for w, y in zip(weights, f, strict=True))

        total = mp.fsum(weights)  # 1, but for the nudge that measures the condition
        return (loss(-1) - loss(1)) / (2 * (loss(-1) - 2 * loss(0) + loss(1))) * total

    return columns(vertex, posterior, values)
