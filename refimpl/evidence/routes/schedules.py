"""Second routes for schedules: odds multiplied one by one, lines through two points, roots found.

shift: a bet's odds        stretch, μ: two points        Karras: Lagrange's line in σ^(1/ρ)
"""

from typing import Any

import mpmath as mp

from ..calculus import line, slope
from ..route import route


@route("schedules.shift")
def shift(t: Any, by: Any) -> Any:
    """k parts of noise to one of data, as the mixture's share of noise."""
    noise, data = by * t, 1 - t
    return noise / mp.fsum((noise, data))


@route("schedules.shift_between")
def shift_between(t: Any, to: Any) -> Any:
    """The difference of two logits, each an area under 1/(u(1 − u))."""
    return mp.exp(_logit(to) - _logit(t))


def _logit(t: Any) -> Any:
    """2 artanh(2t − 1)."""
    return 2 * mp.atanh(2 * t - 1)


@route("schedules.dynamic")
def dynamic(t: Any, mu: Any) -> Any:
    """Two populations with growth rates ± μ/2, and the share of the first: its logit rises by μ."""
    return t * mp.exp(mu / 2) / mp.fsum((t * mp.exp(mu / 2), (1 - t) * mp.exp(-mu / 2)))


@route("schedules.mu")
def mu(tokens: Any, base_tokens: Any, max_tokens: Any, base_mu: Any, max_mu: Any) -> Any:
    """The straight line through both points, by a linear solver."""
    return line(base_tokens, base_mu, max_tokens, max_mu, tokens)


@route("schedules.stretch")
def stretch(t: Any, last: Any, terminal: Any) -> Any:
    """The line through (1, 1) and (the last level, the terminal one)."""
    return line(1, 1, last, terminal, t)


@route("schedules.karras")
def karras(u: Any, low: Any, high: Any, rho: Any) -> Any:
    """A line between the two roots, each through its logarithm, and the power through its own."""
    first, second = (mp.exp(mp.log(end) / rho) for end in (high, low))
    return mp.exp(rho * mp.log(line(0, first, 1, second, u)))


@route("schedules.exponential")
def exponential(u: Any, low: Any, high: Any) -> Any:
    """A line between two logarithms."""
    return mp.exp(line(0, mp.log(high), 1, mp.log(low), u))


@route("schedules.log_snr")
def log_snr(t: Any) -> Any:
    """Minus the slope in u of the log of a power of the odds: log (t/(1 − t))^u."""
    return -slope(lambda u: mp.log(mp.power(t / (1 - t), u)), 0)


@route("schedules.level_of_sigma")
def level_of_sigma(sigma: Any) -> Any:
    """The level at which noise and data are mixed as σ to one."""
    return 1 - 1 / mp.fsum((1, sigma))
