"""Second routes for likelihoods: the mass of a cell, the growth of a unit volume."""

from typing import Any

import mpmath as mp
import numpy as np

from ..calculus import line, mix, slope
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


@route("likelihood.coupled")
def coupled(x: Any, log_scale: Any, offset: Any) -> Any:
    """The complex product (e^s + i b)(x − i), its real part."""
    return (mp.mpc(mp.exp(log_scale), offset) * mp.mpc(x, -1)).real


@route("likelihood.uncoupled")
def uncoupled(y: Any, log_scale: Any, offset: Any) -> Any:
    """The line through the images of 0 and of 1, solved for y."""
    return line(coupled(0, log_scale, offset), 0, coupled(1, log_scale, offset), 1, y)


@route("likelihood.through_block")
def through_block(log_p: Any, log_scale: Any) -> Any:
    """A cell of unit mass, e^s times as wide."""
    return mp.log(mp.exp(log_p) / (coupled(1, log_scale, 0) - coupled(0, log_scale, 0)))
