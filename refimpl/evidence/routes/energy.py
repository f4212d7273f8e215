"""Second routes for energies: two-point averages, a fixed point found, powers of densities."""

from typing import Any

import mpmath as mp

from ..calculus import log_npdf, slope
from ..route import route


@route("energy.after")
def after(precision: Any, variance: Any, eps: Any) -> Any:
    """The mean square over two signs of the state and two of the noise."""
    root, noise = mp.sqrt(variance), mp.sqrt(2 * eps)
    ends = (
        root * z + eps * slope(lambda x: -precision * x**2 / 2, root * z) + noise * w
        for z in (-1, 1)
        for w in (-1, 1)
    )
    return mp.fsum(x**2 for x in ends) / 4


@route("energy.contrastive")
def contrastive(moved: Any, std: Any) -> Any:
    """The slope, in θ, of the data's energy less the samples', turned round."""
    return slope(lambda theta: theta * moved / 2 - theta * std * std / 2, mp.mpf(1))


@route("energy.resting")
def resting(std: Any, step_size: Any) -> Any:
    """The smaller root of ε s² θ² − 2 s² θ + 2 = 0, by the other formula."""
    a, b, c = step_size * std**2, -2 * std**2, mp.mpf(2)
    return 2 * c / (-b + mp.sqrt(b * b - 4 * a * c))


@route("energy.tempered")
def tempered(score: Any, temperature: Any) -> Any:
    """The slope of the log of N(score, 1) at 0 to the power 1/T."""
    return slope(lambda y: log_npdf(y, score, 1) / temperature, mp.mpf(0))
