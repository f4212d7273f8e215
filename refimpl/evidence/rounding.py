"""Where a formula loses digits that its arguments do not explain.

    e^r − 1 − r  at small r: each term is rounded at the size of 1, whatever the result's size

A tolerance here is a number of rounding errors times the condition of the result. The condition is
measured by nudging the arguments; it misses terms inside a formula that cancel. They are named
here, one by one, with their size and the reason.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import mpmath as mp

ROUNDINGS = 8
"""The rounding errors allowed for: the longest chain of dependent operations in a closed form has
eight, and each errs by at most one unit roundoff of a term that the condition accounts for."""


@dataclass(frozen=True)
class Cancellation:
    """The size of inner terms that cancel.

    Attributes:
        size: from the flat arguments, the size at which rounding happens, or one size for each
            part of the result that is concerned.
        reason: why, in words.
    """

    size: Callable[..., Any]
    reason: str


def _log_prob(x: Any, mean: Any, std: Any) -> Any:
    return ((x - mean) / std) ** 2 + abs(mp.log(std)) + 1


def _kl_gaussian(p_mean: Any, p_std: Any, q_mean: Any, q_std: Any) -> Any:
    return abs(mp.log(q_std / p_std)) + (p_std / q_std) ** 2 + 1


def _vp(t: Any, beta_min: Any, beta_max: Any) -> dict[str, Any]:
    rate = beta_min + (beta_max - beta_min) * t
    sigma = mp.sqrt(-mp.expm1(-(beta_min + rate) / 2 * t))
    return {"sigma": 1 / sigma, "d_sigma": rate / sigma**3}


def _ve(t: Any, sigma_min: Any, sigma_max: Any) -> dict[str, Any]:
    rate = mp.log(sigma_max / sigma_min)
    growth = mp.expm1(2 * rate * t)
    lost = (1 + growth) / growth  # the relative error of growth − 1, in units of one rounding
    sigma = sigma_min * mp.sqrt(growth)
    return {"sigma": sigma * lost, "d_sigma": sigma_min**2 * rate * (1 + growth) / sigma * lost}


def _ornstein_uhlenbeck(x: Any, theta: Any, sigma: Any, t: Any) -> dict[str, Any]:
    faded = -mp.expm1(-2 * theta * t)
    return {"std": sigma / mp.sqrt(2 * theta * faded) if faded else mp.mpf(0)}


def _one(**_: Any) -> Any:
    return mp.mpf(1)


CANCELLATION: dict[str, Cancellation] = {
    "gaussian.log_prob": Cancellation(_log_prob, "square, log std and ½ log 2π may cancel"),
    "kl.gaussian": Cancellation(
        _kl_gaussian, "log(σ_q/σ_p) and the quadratic terms cancel at p = q"
    ),
    "kl.k3": Cancellation(
        lambda log_ratio: mp.exp(log_ratio) + 1 + abs(log_ratio), "eʳ − 1 − r cancels near r = 0"
    ),
    "paths.vp": Cancellation(_vp, "1 − α² cancels as t → 0; the derivative divides by its root"),
    "paths.ve": Cancellation(_ve, "(σ_max/σ_min)^{2t} − 1 cancels as t → 0"),
    "dynamics.ornstein_uhlenbeck": Cancellation(
        _ornstein_uhlenbeck, "1 − e^(−2θt) cancels as θt → 0"
    ),
    "grpo.surrogate": Cancellation(
        lambda ratio, advantage, clip: abs(advantage), "1 ± clip is rounded at the size of 1"
    ),
    "conventions.flip_time": Cancellation(_one, "1 − t is rounded at the size of 1"),
}
"""Inner cancellations by equation id."""
