"""Second routes for closed-form flows and diffusions: integrals and derivatives.

OU's variance = ∫₀ᵗ σ² e^{−2θu} du        Euler's method is run, not summed up
"""

from typing import Any

import mpmath as mp

from ..calculus import Parts, line
from ..route import route


@route("dynamics.linear_flow")
def linear_flow(x: Any, theta: Any, t: Any) -> Any:
    """A matrix exponential of one entry."""
    return mp.expm(mp.matrix([[-theta * t]]), method="taylor")[0] * x


@route("dynamics.root_flow")
def root_flow(t: Any, delay: Any) -> Any:
    """The integral of the slope √x = (u − delay)/2 once the solution has left 0."""
    return mp.quad(lambda u: (u - delay) / 2, [delay, t]) if t > delay else mp.mpf(0)


@route("dynamics.picard_bound")
def picard_bound(previous: Any, lipschitz: Any, t: Any, n: Any) -> Any:
    """The integral of L times the bound before, which grows like u^(n−1)."""
    return mp.quad(lambda u: lipschitz * previous * (u / t) ** (n - 1), [0, t]) if t else mp.mpf(0)


@route("dynamics.brownian")
def brownian(w: Any, h: Any) -> Parts:
    """Four independent quarters: variances add up."""
    return {"mean": w, "std": mp.sqrt(mp.fsum(h / 4 for _ in range(4)))}


@route("dynamics.ornstein_uhlenbeck")
def ornstein_uhlenbeck(x: Any, theta: Any, sigma: Any, t: Any) -> Parts:
    """The variance as an integral over past noise, each faded since."""
    variance = mp.quad(lambda u: sigma**2 * mp.exp(-2 * theta * u), [0, t])
    return {"mean": linear_flow(x, theta, t), "std": mp.sqrt(variance)}


@route("dynamics.stationary")
def stationary(theta: Any, sigma: Any) -> Parts:
    """The variance v at rest, where −2θv + σ² = 0."""
    return {"mean": mp.mpf(0), "std": mp.sqrt(line(sigma**2, 0, sigma**2 - 2 * theta, 1, 0))}


@route("dynamics.euler_on_linear")
def euler_on_linear(x: Any, theta: Any, t: Any, steps: Any) -> Any:
    """The loop itself."""
    for _ in range(int(steps)):
        x = x - theta * x * t / steps
    return x
