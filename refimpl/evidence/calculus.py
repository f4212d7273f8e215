"""The tools of second routes: quadrature-free calculus with 50 digits.

    slope: a derivative        line, solve: linear systems        mix: a complex product's real part

No formula of `refimpl.equations` is used: a score is the slope of mpmath's own normal density, a
conditioned Gaussian is read off the peak and curvature of its log-density.
"""

from collections.abc import Callable
from typing import Any

import mpmath as mp
import numpy as np

Parts = dict[str, Any]


def solve(alpha: Any, sigma: Any, d_alpha: Any, d_sigma: Any, **known: Any) -> Parts:
    """x, v, data and noise from any two of them that determine the pair, by elimination."""
    rows = {"x": (alpha, sigma), "v": (d_alpha, d_sigma), "data": (1, 0), "noise": (0, 1)}
    matrix = mp.matrix([rows[name] for name in known])
    data, noise = mp.lu_solve(matrix, mp.matrix(list(known.values())))
    return {name: mix(a, b, data, noise) for name, (a, b) in rows.items()}


def score_at(alpha: Any, sigma: Any, x: Any, data: Any) -> Any:
    """The derivative of log N(x; α data, σ²)."""
    return slope(lambda y: log_npdf(y, alpha * data, sigma), x)


def data_of_score(alpha: Any, sigma: Any, x: Any, score: Any) -> Any:
    """The datum whose Gaussian has this score at x: a straight line in the datum, inverted."""
    at_0, at_1 = (score_at(alpha, sigma, x, data) for data in (mp.mpf(0), mp.mpf(1)))
    return line(at_0, 0, at_1, 1, score)


def log_npdf(y: Any, mean: Any, std: Any) -> Any:
    """log N(y; mean, std²) through mpmath's density; of either root of the variance."""
    return mp.log(mp.npdf(y, mean, abs(std)))


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


def square(a: Any, b: Any) -> Any:
    """(a − b)², multiplied out."""
    return mp.fsum((a * a, -2 * a * b, b * b))


def peak(log_density: Callable[[Any], Any], at: Any) -> Parts:
    """Mean and std of a Gaussian from two derivatives of its log-density, normalised or not."""
    first, second = (mp.diff(log_density, at, n) for n in (1, 2))
    return {"mean": at - first / second, "std": mp.sqrt(-1 / second)}
