"""Second routes for likelihoods: the mass of a cell, the growth of a unit volume."""

from typing import Any

import mpmath as mp
import numpy as np

from ..calculus import mix, slope
from ..route import route


@route("likelihood.change_of_variables")
def change_of_variables(log_p: Any, determinant: Any) -> Any:
    """The mass of a cell is kept, and its volume is |det| times as large."""
    return mp.log(mp.exp(log_p) / abs(determinant))


@route("likelihood.residual_step")
def residual_step(x: Any, u: Any, delta: Any) -> Any:
    """A complex product's real part."""
    return mix(1, delta, x, u)


@route("likelihood.instantaneous")
def instantaneous(divergence: Any) -> Any:
    """Minus the growth rate of a unit volume."""
    return slope(lambda u: mp.log(1 / (1 + divergence * u)), 0)


@route("likelihood.hutchinson", whole=True)
def hutchinson(eps: Any, jacobian_eps: Any) -> Any:
    """A scalar product a row."""
    out = np.empty(eps.shape[:-1], dtype=object)
    for i in np.ndindex(out.shape):
        out[i] = mp.fdot(eps[i], jacobian_eps[i])
    return out
