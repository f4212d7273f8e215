"""Second routes for objectives, likelihoods, couplings and tilted laws.

    a squared error, multiplied out        a variance by pairs        W₂² over quantiles

A denoising target is the derivative of log N; a tilted Gaussian is the peak of its log-density; the
value of a reward is what the tilted law earns, less what it costs.
"""

from functools import cache
from typing import Any

import mpmath as mp
import numpy as np

from ..evidence.independent import route
from .routes_conversions import Parts, score_at, solve
from .routes_gaussian import columns, log_npdf, mix, sample, slope
from .routes_processes import noise_rate, peak


def square(a: Any, b: Any) -> Any:
    """(a − b)², multiplied out."""
    return mp.fsum((a * a, -2 * a * b, b * b))


@route("objectives.flow_matching")
def flow_matching(v: Any, target: Any) -> Any:
    """The binomial."""
    return square(v, target)


@route("objectives.gap", whole=True)
def gap(posterior: Any, targets: Any) -> Any:
    """Minus the variance, by pairs."""

    def by_pairs(p: Any, f: Any) -> Any:
        total = mp.fsum(p)  # 1, but for the nudge that measures the condition
        pairs = mp.fsum(p[i] * p[j] * (f[i] - f[j]) ** 2 for i in range(len(p)) for j in range(i))
        second = mp.fsum(w * y * y for w, y in zip(p, f, strict=True))
        return -pairs - (1 - total) * second

    return columns(by_pairs, posterior, targets)


@route("objectives.denoising")
def denoising(score: Any, noise: Any, sigma: Any) -> Any:
    """The distance to the score of a datum at 0, where the noise has taken it."""
    return square(score, score_at(0, sigma, sigma * noise, 0))


@route("objectives.weighted_denoising")
def weighted_denoising(score: Any, noise: Any, sigma: Any) -> Any:
    """The same, in units of 1/σ."""
    return sigma**2 * denoising(score, noise, sigma)


@route("objectives.implicit")
def implicit(score: Any, dscore_dx: Any) -> Any:
    """2 (√p)″/√p at a place where p = 1."""
    return 2 * mp.diff(lambda y: mp.exp((score * y + dscore_dx * y**2 / 2) / 2), 0, 2)


@route("objectives.energy_score")
def energy_score(df_dx: Any) -> Any:
    """The logarithmic derivative of e^(−f)."""
    return slope(lambda y: mp.log(mp.exp(-df_dx * y)), 0)


@route("objectives.energy_gradient")
def energy_gradient(df_dtheta: Any, expected_df_dtheta: Any) -> Any:
    """The logarithmic derivative of e^(−f)/Z, where ∂ log Z is minus the expectation."""
    return slope(lambda y: mp.log(mp.exp(-df_dtheta * y) / mp.exp(-expected_df_dtheta * y)), 0)


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


@route("coupling.cost")
def cost(data: Any, noise: Any) -> Any:
    """The binomial."""
    return square(noise, data)


@route("coupling.gaussian_map")
def gaussian_map(noise: Any, data_law_mean: Any, data_law_std: Any) -> Any:
    """The point with the noise's quantile."""
    return sample(data_law_mean, data_law_std, noise)


@route("coupling.gaussian_cost")
def gaussian_cost(p_mean: Any, p_std: Any, q_mean: Any, q_std: Any) -> Any:
    """∫ (F⁻¹ − G⁻¹)² over quantiles, by Gauss–Hermite with three nodes: exact for a parabola."""
    nodes = ((mp.mpf(2) / 3, 0), (mp.mpf(1) / 6, mp.sqrt(3)), (mp.mpf(1) / 6, -mp.sqrt(3)))
    return mp.fsum(w * square(p_mean + p_std * z, q_mean + q_std * z) for w, z in nodes)


@route("coupling.correlated_velocity_variance")
def correlated_velocity_variance(t: Any, std: Any, correlation: Any) -> Any:
    """A Schur complement: the determinant of the covariance of (v, x) over the variance of x."""
    ends = mp.matrix([[std**2, correlation * std], [correlation * std, 1]])
    to_v_x = mp.matrix([[-1, 1], [1 - t, t]])
    covariance = to_v_x * ends * to_v_x.T
    return mp.det(covariance) / covariance[1, 1]


@route("coupling.straightness", whole=True)
def straightness(ends: Any, velocities: Any) -> Any:
    """A running mean of squares."""
    mean = np.vectorize(lambda _: mp.mpf(0), otypes=[object])(ends)
    for k, v in enumerate(velocities, start=1):
        mean = mean + (np.vectorize(square, otypes=[object])(v, ends) - mean) / k
    return mean


@route("tilting.linear")
def linear(p_mean: Any, p_std: Any, slope: Any, beta: Any) -> Parts:
    """The peak of log p + k x/β."""
    return peak(lambda y: log_npdf(y, p_mean, p_std) + slope * y / beta, p_mean)


@route("tilting.quadratic")
def quadratic(p_mean: Any, p_std: Any, goal: Any, beta: Any) -> Parts:
    """The peak of log p − (x − c)²/(2β)."""
    return peak(lambda y: log_npdf(y, p_mean, p_std) - (y - goal) ** 2 / (2 * beta), p_mean)


@route("tilting.fixed_start")
def fixed_start(p_mean: Any, p_std: Any, slope: Any, beta: Any, correlation: Any) -> Parts:
    """Each end's peak given its start, averaged over starts by two-point Gauss–Hermite."""
    given = p_std * mp.sqrt(1 - correlation**2)
    ends = [linear(p_mean + correlation * p_std * z, given, slope, beta) for z in (-1, 1)]
    mean = (ends[0]["mean"] + ends[1]["mean"]) / 2
    spread = mp.fsum(e["std"] ** 2 + (e["mean"] - mean) ** 2 for e in ends) / 2
    return {"mean": mean, "std": mp.sqrt(spread)}


@cache
def _growth(s: Any) -> Any:
    """∫ v(x, t)/x dt from data to noise for N(0, s²) on the linear path: log of a width's ratio."""

    def slope_of(t: Any) -> Any:
        return (t - (1 - t) * s**2) / ((1 - t) ** 2 * s**2 + t**2)

    return mp.quad(
        slope_of, [0, mp.mpf(1) / 4, mp.mpf(1) / 2, mp.mpf(3) / 4, 1], method="gauss-legendre"
    )


@route("guidance.gaussian_std")
def gaussian_std(std_uncond: Any, std_cond: Any, w: Any) -> Any:
    """Integrate the guided field's slope from noise to data, on the linear path."""
    return mp.exp(-((1 - w) * _growth(std_uncond) + w * _growth(std_cond)))


@route("guidance.tilted_std")
def tilted_std(std_uncond: Any, std_cond: Any, w: Any) -> Any:
    """The curvature of log p + w (log p_y − log p)."""

    def log_p(y: Any) -> Any:
        plain, given = (log_npdf(y, 0, s) for s in (std_uncond, std_cond))
        return plain + w * (given - plain)

    return peak(log_p, mp.mpf(0))["std"]


def _tilted(p: Any, r: Any, beta: Any) -> list[Any]:
    """Odds: 1/p* = Σ of every outcome's tilted weight over this one's."""
    return [
        1 / mp.fsum(pj * mp.exp((rj - ri) / beta) / pi for pj, rj in zip(p, r, strict=True))
        for pi, ri in zip(p, r, strict=True)
    ]


@route("tilting.weights", whole=True)
def weights(prior: Any, reward: Any, beta: Any) -> Any:
    """Odds against every other outcome."""
    return columns(lambda p, r: _tilted(p, r, beta), prior, reward)


@route("tilting.value", whole=True)
def value(prior: Any, reward: Any, beta: Any) -> Any:
    """E_q[r] − β KL(q ‖ p) at the tilted law q, with its logarithm of the total weight as it is."""

    def earned(p: Any, r: Any) -> Any:
        q = _tilted(p, r, beta)
        return mp.fsum(
            qi * (ri - beta * mp.log(qi / pi)) for qi, ri, pi in zip(q, r, p, strict=True)
        )

    return columns(earned, prior, reward)


@route("tilting.memoryless_drift")
def memoryless_drift(alpha: Any, sigma: Any, d_alpha: Any, d_sigma: Any, x: Any, v: Any) -> Any:
    """v less half the memoryless g² times the score, each by its own second route."""
    data = solve(alpha, sigma, d_alpha, d_sigma, x=x, v=v)["data"]
    rate = noise_rate(alpha, sigma, d_alpha, d_sigma)
    return v - rate / 2 * score_at(alpha, sigma, x, data)
