"""Second routes for closed-form flows and diffusions, DDPM, Langevin dynamics.

    OU's variance = ∫₀ᵗ σ² e^{−2θu} du        posterior = peak and curvature of a log-density

A Gaussian that is conditioned or tilted is read off its log-density: the curvature gives the
variance, the slope the mean. Euler's method is run, not summed up.
"""

from collections.abc import Callable
from typing import Any

import mpmath as mp

from ..evidence.independent import route
from .routes_conversions import Parts
from .routes_gaussian import line, log_npdf, slope


def peak(log_density: Callable[[Any], Any], at: Any) -> Parts:
    """Mean and std of a Gaussian from two derivatives of its log-density, normalised or not."""
    first, second = (mp.diff(log_density, at, n) for n in (1, 2))
    return {"mean": at - first / second, "std": mp.sqrt(-1 / second)}


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


@route("ddpm.forward")
def forward(x: Any, beta: Any) -> Parts:
    """Through logarithms."""
    return {"mean": x * mp.exp(mp.log1p(-beta) / 2), "std": mp.exp(mp.log(beta) / 2)}


@route("ddpm.marginal")
def marginal(data: Any, alpha_bar: Any) -> Parts:
    """A forward step that loses 1 − ᾱ at once."""
    return {
        "mean": data * mp.exp(mp.log(alpha_bar) / 2),
        "std": mp.exp(mp.log1p(-alpha_bar) / 2),
    }


@route("ddpm.posterior")
def posterior(x: Any, data: Any, beta: Any, alpha_bar_prev: Any) -> Parts:
    """Bayes: the log-densities of the step into x and of the marginal before it, added."""

    def log_density(y: Any) -> Any:
        step = log_npdf(x, mp.sqrt(1 - beta) * y, mp.sqrt(beta))
        return step + log_npdf(y, mp.sqrt(alpha_bar_prev) * data, mp.sqrt(1 - alpha_bar_prev))

    return peak(log_density, data)


@route("ddpm.reverse_variance")
def reverse_variance(beta: Any, alpha_bar_prev: Any, data_variance: Any) -> Any:
    """The curvature of the same sum, the datum averaged over N(0, s²)."""
    before = alpha_bar_prev * data_variance + 1 - alpha_bar_prev

    def log_density(y: Any) -> Any:
        return log_npdf(0, mp.sqrt(1 - beta) * y, mp.sqrt(beta)) + log_npdf(y, 0, mp.sqrt(before))

    return -1 / mp.diff(log_density, 0, 2)


@route("langevin.step")
def step(x: Any, score: Any, eps: Any) -> Parts:
    """Uphill on a log-density of that slope, with the noise of two Brownian motions."""
    return {"mean": x + eps * slope(lambda y: score * y, 0), "std": mp.sqrt(mp.fsum((eps, eps)))}


@route("langevin.stationary_variance")
def stationary_variance(std: Any, eps: Any) -> Any:
    """The fixed point of v ↦ (1 − ε/s²)² v + 2ε, a straight line."""

    def gain(v: Any) -> Any:
        return (1 - eps / std**2) ** 2 * v + 2 * eps - v

    return line(gain(mp.mpf(0)), 0, gain(mp.mpf(1)), 1, 0)


@route("langevin.annealed_eps")
def annealed_eps(eps: Any, sigma: Any, sigma_min: Any) -> Any:
    """Through logarithms."""
    return mp.exp(mp.log(eps) + 2 * (mp.log(sigma) - mp.log(sigma_min)))


@route("langevin.perturbed_weight")
def perturbed_weight(sigma: Any) -> Any:
    """Through the logarithm."""
    return mp.exp(2 * mp.log(sigma))


@route("langevin.noise_rate")
def noise_rate(alpha: Any, sigma: Any, d_alpha: Any, d_sigma: Any) -> Any:
    """α² times the growth of (σ/α)²: in the units of the datum, noise is only added."""
    return alpha**2 * slope(lambda u: ((sigma + d_sigma * u) / (alpha + d_alpha * u)) ** 2, 0)
