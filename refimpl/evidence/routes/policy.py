"""Second routes for the policy of a step: log-ratios from densities, sums and means as loops."""

from typing import Any

import mpmath as mp
import numpy as np

from ..route import route


@route("policy.total", whole=True)
def total(values: Any) -> Any:
    """The logarithm of a product of densities."""
    return _each(lambda row: mp.log(mp.fprod(mp.exp(x) for x in row)), values)


@route("policy.average", whole=True)
def average(values: Any) -> Any:
    """The running mean, one coordinate at a time."""

    def running(row: Any) -> Any:
        mean = mp.mpf(0)
        for k, x in enumerate(row, start=1):
            mean += (x - mean) / k
        return mean

    return _each(running, values)


def _each(f: Any, values: Any) -> np.ndarray:
    out = np.empty(values.shape[0], dtype=object)
    out[:] = [f(list(row.ravel())) for row in values]
    return out


@route("policy.log_ratio")
def log_ratio(log_prob: Any, log_prob_old: Any) -> Any:
    """The logarithm of a quotient of densities."""
    return mp.log(mp.exp(log_prob) / mp.exp(log_prob_old))


@route("policy.log_ratio_of_means")
def log_ratio_of_means(x: Any, mean: Any, mean_old: Any, std: Any) -> Any:
    """The logarithm of a quotient of densities, each an exponential of a squared distance."""
    new, old = (mp.exp(-(((x - m) / std) ** 2) / 2) for m in (mean, mean_old))
    return mp.log(new / old)


@route("policy.log_ratio_of_products")
def log_ratio_of_products(along: Any, squared: Any, lever: Any, std: Any) -> Any:
    """A quotient of densities, on the axis along which v moved: across it they cancel."""
    length = mp.sqrt(squared)
    x = along / length if length else mp.mpf(0)
    new, old = (mp.exp(-(((x - m) / std) ** 2) / 2) for m in (lever * length, mp.mpf(0)))
    return mp.log(new / old)


@route("policy.ratio")
def ratio(log_prob: Any, log_prob_old: Any) -> Any:
    """A quotient of densities."""
    return mp.power(mp.e, log_prob) / mp.power(mp.e, log_prob_old)
