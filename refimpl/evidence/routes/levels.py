"""Second routes for laws of levels: slopes of mpmath's own distribution functions, and angles.

density: the slope of the mass below        cosmap: an angle of exp(iπu/2)        min-SNR: by cases
"""

from typing import Any

import mpmath as mp

from ..calculus import line, slope
from ..route import route


def _logit(t: Any) -> Any:
    """2 artanh(2t − 1)."""
    return 2 * mp.atanh(2 * t - 1)


@route("levels.logit_normal")
def logit_normal(eps: Any, location: Any, scale: Any) -> Any:
    """The hyperbolic tangent of half the logit, from [−1, 1] to [0, 1]."""
    return line(-1, 0, 1, 1, mp.tanh(line(0, location, 1, location + scale, eps) / 2))


@route("levels.logit_normal_eps")
def logit_normal_eps(t: Any, location: Any, scale: Any) -> Any:
    """The place of the logit on the line on which m is 0 and m + s is 1."""
    return line(location, 0, location + scale, 1, _logit(t))


@route("levels.logit_normal_density")
def logit_normal_density(t: Any, location: Any, scale: Any) -> Any:
    """The slope of the mass below, by mpmath's normal distribution function."""
    return slope(lambda u: mp.ncdf(_logit(u), location, scale), t)


def _mode(u: Any, scale: Any) -> Any:
    """The same curve with cos² x = (1 + cos 2x)/2."""
    return line(0, 1, 1, 0, u) - scale * (line(0, 0, 1, 1, u) - (1 - mp.cospi(u)) / 2)


@route("levels.mode")
def mode(u: Any, scale: Any) -> Any:
    """A line, less what the half-angle formula leaves."""
    return _mode(u, scale)


@route("levels.mode_density")
def mode_density(u: Any, scale: Any) -> Any:
    """One over the slope of the curve, differentiated numerically."""
    return -1 / slope(lambda z: _mode(z, scale), u)


@route("levels.cosmap")
def cosmap(u: Any) -> Any:
    """The share of the imaginary part in exp(iπu/2)."""
    turned = mp.expjpi(u / 2)
    return turned.imag / mp.fsum((turned.real, turned.imag))


@route("levels.cosmap_density")
def cosmap_density(t: Any) -> Any:
    """The slope of the angle of (1 − t) + i t, in quarter turns."""
    return slope(lambda u: 2 * mp.atan2(u, 1 - u) / mp.pi, t)


@route("levels.beta_density")
def beta_density(t: Any, a: Any, b: Any, normaliser: Any) -> Any:
    """Through the logarithm."""
    powers = (a - 1) * mp.log(t) + (b - 1) * mp.log1p(-t)
    return mp.exp(powers - mp.log(normaliser))


@route("levels.shifted_density")
def shifted_density(density: Any, t: Any, by: Any) -> Any:
    """The density times the slope of the map that leads back."""
    return density * slope(lambda u: u / mp.fsum((u, by, -by * u)), t)


@route("levels.sigma_sqrt")
def sigma_sqrt(t: Any) -> Any:
    """Through the logarithm."""
    return mp.exp(-2 * mp.log(t))


@route("levels.min_snr")
def min_snr(t: Any, gamma: Any) -> Any:
    """By cases: the data's share squared near noise, γ times the noise's near data."""
    return min((1 - t) ** 2, gamma * t * t)


@route("levels.bell")
def bell(t: Any) -> Any:
    """√e times the lowered Gaussian, with expm1."""
    return mp.expm1(mp.mpf(1) / 2 - 2 * (t - mp.mpf(1) / 2) ** 2)


@route("levels.importance")
def importance(weight: Any, wanted: Any, drawn: Any) -> Any:
    """The line through the origin that takes q to p, read at w."""
    return line(0, 0, drawn, wanted, weight)
