"""Second routes for Gaussians and moving densities, and the tools of all second routes.

    score = d/dx log N        ∂_t p = the derivative of a flux        a mean = a minimiser

The tools: mpmath's own normal density, its differentiation, a straight line by a linear solver, and
α data + σ noise as the real part of a complex product.
"""

from typing import Any

import mpmath as mp
import numpy as np

from ..evidence.independent import route


def log_npdf(y: Any, mean: Any, std: Any) -> Any:
    """log N(y; mean, std²) through mpmath's density."""
    return mp.log(mp.npdf(y, mean, std))


def slope(f: Any, at: Any) -> Any:
    """df/dy by mpmath's differentiation, at twice the working precision."""
    return mp.diff(f, at)


def line(x0: Any, y0: Any, x1: Any, y1: Any, at: Any) -> Any:
    """The value at `at` of the straight line through two points, by a linear solver."""
    intercept, rise = mp.lu_solve(mp.matrix([[1, x0], [1, x1]]), mp.matrix([y0, y1]))
    return intercept + rise * at


def mix(alpha: Any, sigma: Any, data: Any, noise: Any) -> Any:
    """α data + σ noise as the real part of (α − iσ)(data + i noise)."""
    return (mp.mpc(alpha, -sigma) * mp.mpc(data, noise)).real


@route("gaussian.sample")
def sample(mean: Any, std: Any, noise: Any) -> Any:
    """The point at which N(mean, std²) has the quantile that N(0, 1) has at the noise."""
    if std == 0:
        return mean
    level = mp.ncdf(noise)
    ends = (mean - 5 * std, mean + 6 * std)
    return mp.findroot(
        lambda y: mp.ncdf(y, mean, std) - level, ends, solver="illinois", maxsteps=200
    )


@route("gaussian.log_prob")
def log_prob(x: Any, mean: Any, std: Any) -> Any:
    """The logarithm of the integral's own integrand."""
    return log_npdf(x, mean, std)


@route("gaussian.score")
def score(x: Any, mean: Any, std: Any) -> Any:
    """The derivative of the log-density."""
    return slope(lambda y: log_npdf(y, mean, std), x)


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


def columns(f: Any, *arrays: Any) -> np.ndarray:
    """f of every column along the leading axis; f returns a number, or a column again."""
    index = list(np.ndindex(arrays[0].shape[1:]))
    first = [f(*([row[i] for row in a] for a in arrays)) for i in index]
    deep = isinstance(first[0], list)
    out = np.empty(arrays[0].shape if deep else arrays[0].shape[1:], dtype=object)
    for i, value in zip(index, first, strict=True):
        if deep:
            for z, entry in enumerate(value):
                out[(z, *i)] = entry
        else:
            out[i] = value
    return out
