"""Second routes for the kernels that keep the noise level: angles, clocks and two-point rules.

    retained: ∫ g²/τ² dτ by quadrature    frozen data: an Ornstein–Uhlenbeck process in that clock

The share of noise that a step keeps is integrated, not written down; a mean and a std that add up
to the level's own noise are the two legs of a right triangle.
"""

from typing import Any

import mpmath as mp

from ..calculus import Parts, log_npdf, mix, peak, solve
from ..route import route
from .sde import eq_2


@route("kernels.preserving")
def preserving(
    alpha: Any, sigma: Any, d_alpha: Any, d_sigma: Any, data: Any, noise: Any, std: Any
) -> Parts:
    """A right triangle with hypotenuse σ: fresh noise is one leg, retained noise the other."""
    angle = mp.asin(std / sigma) if sigma else mp.mpf(0)
    return {"mean": mix(alpha, sigma * mp.cos(angle), data, noise), "std": sigma * mp.sin(angle)}


@route("kernels.cps_std")
def cps_std(s: Any, eta: Any) -> Any:
    """The imaginary part of s i^η."""
    return s * mp.power(mp.mpc(0, 1), eta).imag


def _share(g_squared: Any, t: Any, s: Any) -> Any:
    """e^{−Λ}, Λ = ∫ g²/τ² dτ from s to t by quadrature in log τ."""
    if not s or t >= 1:
        return mp.mpf(0)
    clock = mp.quad(lambda u: g_squared(mp.exp(u)) / mp.exp(u), [mp.log(s), mp.log(t)])
    return mp.exp(-clock)


@route("kernels.kept_flow_grpo")
def kept_flow_grpo(t: Any, s: Any, a: Any) -> Any:
    """The clock of g² = a² τ/(1 − τ); at either end it has run for ever."""
    return _share(lambda tau: a**2 * tau / (1 - tau), t, s)


@route("kernels.kept_constant")
def kept_constant(t: Any, s: Any, g: Any) -> Any:
    """The clock of a constant g², in 1/τ: it runs at a constant rate there."""
    return mp.exp(-mp.quad(lambda u: g**2, [1 / t, 1 / s]))


@route("kernels.frozen_data")
def frozen_data(data: Any, noise: Any, s: Any, kept: Any) -> Parts:
    """In units of the level the noise decays at rate ½ for a time Λ and collects ∫ e^{−u} du."""
    clock = -mp.log(kept) if kept else mp.inf
    collected = mp.quad(lambda u: mp.exp(-u), [0, clock])
    return {
        "mean": mix(1 - s, s * mp.exp(-clock / 2), data, noise),
        "std": s * mp.sqrt(collected),
    }


@route("kernels.ddim_std")
def ddim_std(t: Any, s: Any, eta: Any) -> Any:
    """η times the width of the noise at s, seen through the noise that leads up to t."""
    if not s:
        return mp.mpf(0)
    keeps = (1 - t) / (1 - s)
    added = mp.sqrt((t - keeps * s) * (t + keeps * s))
    return eta * peak(lambda y: log_npdf(y, 0, s) + log_npdf(0, keeps * y, added), mp.mpf(0))["std"]


@route("kernels.renoised")
def renoised(x: Any, t: Any, s: Any) -> Parts:
    """x/(1 − τ) is the data plus a Brownian motion that has run for the odds' square."""
    if t == 1:
        return {"mean": 0 * x, "std": mp.mpf(1)}
    time = mp.quad(lambda u: 2 * u / (1 - u) ** 3, mp.linspace(s, t, 5))
    return {"mean": (1 - t) * (x / (1 - s)), "std": (1 - t) * mp.sqrt(time)}


@route("kernels.noise_variance")
def noise_variance(variance: Any, g: Any, t: Any, s: Any) -> Any:
    """The paper's Eq. 9 from noises ±√V, equally likely, round a datum at 0: velocity x/t."""
    up, down = (eq_2(x, x / t, g, t, s - t) for x in (mp.sqrt(variance), -mp.sqrt(variance)))
    return ((up["mean"] - down["mean"]) / 2) ** 2 + up["std"] ** 2


@route("kernels.posterior_variance")
def posterior_variance(t: Any, gap: Any) -> Any:
    """Two equally likely velocities through one x_t, and half the distance of their data."""
    ends = (solve(1 - t, t, -1, 1, x=mp.mpf(1), v=v)["data"] for v in (mp.sqrt(gap), -mp.sqrt(gap)))
    first, second = ends
    return ((first - second) / 2) ** 2


@route("kernels.moment_matched")
def moment_matched(data: Any, noise: Any, std: Any, variance: Any, t: Any, s: Any) -> Parts:
    """Two equally likely data behind one x_t; where their steps lead, half a distance apart."""
    x = mix(1 - t, t, data, noise)
    kept = s * mp.cos(mp.asin(std / s)) if s else mp.mpf(0)
    first, second = (
        mix(1 - s, kept, datum, (x - (1 - t) * datum) / t)
        for datum in (data + mp.sqrt(variance), data - mp.sqrt(variance))
    )
    return {"mean": (first + second) / 2, "std": mp.hypot(std, (first - second) / 2)}
