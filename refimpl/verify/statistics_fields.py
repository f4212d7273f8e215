"""Samples of paths, regressions and flows against their exact laws.

The laws are those of `toy`: closed forms at every noise level. What a regression would learn is
tested without training: the exact field leaves residuals that no function of x can predict.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
import torch

from ..equations import conversions, ode, paths
from ..equations.ode import Field
from ..equations.paths import Coefficients
from ..simulate import grids
from ..simulate.ode import adaptive, solve, trajectory
from ..statistics import budget, distribution, gaussian, residuals
from ..statistics.budget import claim
from ..statistics.ledger import FLOW_LEVELS, MARGINAL_LEVELS, N_WIDE, REGRESSIONS, SCHEDULES, N
from ..toy import Mixture, field, mixture_1d, mixture_2d, rotated_8d
from . import pictures
from .check import Evidence, check
from .accepting import evidence_of, frequencies, must_reject, standard_normal


def schedule(name: str, t: float) -> Coefficients:
    """The four schedules by name, with their usual constants."""
    if name == "vp":
        return paths.vp(t, 0.1, 20.0)
    if name == "ve":
        return paths.ve(t, 0.01, 5.0)
    return {"linear": paths.linear, "cosine": paths.cosine}[name](t)


@check(
    "statistics",
    covers=("paths.interpolate", "paths.conditional", "gaussian.sample"),
    rows=("PATH-2",),
)
def conditional_paths_are_gaussian(seed: int) -> Evidence:
    """α·data + σ·noise has mean α·data and std σ on each schedule (exact z and χ²)."""
    data = torch.tensor([[1.5, -0.7]], dtype=torch.float64)
    outcomes = []
    for name in SCHEDULES:
        c = schedule(name, 0.3)
        law = paths.conditional(c, data)
        noise = standard_normal(N, 2, generator=budget.generator(f"conditional.{name}", seed))
        x = paths.interpolate(c, data, noise)
        covariance = law.std**2 * torch.eye(2, dtype=torch.float64)
        # .03 and .016: what n = 1e5 finds at alpha = 1e-9 and beta = 1e-3 in two dimensions
        outcomes += [
            gaussian.mean(
                x, law.mean[0], covariance, claim(f"conditional.{name}.mean"), detects=0.035
            ),
            gaussian.variance(
                x, law.mean, law.std, claim(f"conditional.{name}.variance"), detects=0.016
            ),
        ]
    return evidence_of(outcomes)


@check("statistics", covers=("paths.interpolate", "density.marginal"), rows=("PATH-3",))
def marginals_by_data_then_noise(seed: int) -> Evidence:
    """Drawing data, then noise, samples p_t, both ends included (DKW; features in 8 dimensions)."""
    p, outcomes, shown = mixture_1d(), [], {}
    for t in MARGINAL_LEVELS:
        generator = budget.generator(f"marginal.mixture_1d.t{t}", seed)
        data, c = p.sample(N, generator), paths.linear(t)
        x = paths.interpolate(c, data, standard_normal(N, 1, generator=generator))
        name = claim(f"marginal.mixture_1d.t{t}")
        outcomes.append(distribution.cdf(x[:, 0], p.at(c).cdf, name, detects=0.017))
        if t == 0.3:
            shown["Samples of p_t at t = 0.3 with its exact density"] = pictures.histogram(
                x,
                density_of(p.at(c)),
                x=(-3.5, 4.5),
            )
    q, c = rotated_8d(), paths.linear(0.5)
    generator = budget.generator("marginal.rotated_8d.features", seed)
    x = paths.interpolate(
        c, q.sample(N_WIDE, generator), standard_normal(N_WIDE, 8, generator=generator)
    )
    outcomes.append(
        distribution.features(
            x,
            frequencies(8),
            q.at(c).characteristic,
            claim("marginal.rotated_8d.features"),
            detects=0.07,
        )
    )
    return evidence_of(outcomes, shown)


@check(
    "statistics",
    covers=(
        "paths.velocity",
        "density.conditional_mean",
        "conversions.noise_from_velocity",
        "conversions.data_from_velocity",
        "conversions.score_from_velocity",
        "conversions.score_from_noise",
    ),
    rows=("VF-4", "SC-2", "SC-8"),
)
def regressions_leave_nothing_to_predict(seed: int) -> Evidence:
    """v, noise, data and score are conditional means: target − field is unpredictable from x."""
    p, outcomes = mixture_1d(), []
    for path in ("linear", "cosine"):
        c = schedule(path, 0.5)
        generator = budget.generator(f"regression.{path}", seed)
        data, noise = p.sample(N, generator), standard_normal(N, 1, generator=generator)
        x = paths.interpolate(c, data, noise)
        v = p.velocity(c, x)
        # Given x, each target is (a constant) + slope · data, and data is a mixture of Gaussians.
        cases = {
            "velocity": (
                paths.velocity(c, data, noise) - v,
                c.d_alpha - c.d_sigma * c.alpha / c.sigma,
            ),
            "noise": (noise - conversions.noise_from_velocity(c, x, v), c.alpha / c.sigma),
            "data": (data - conversions.data_from_velocity(c, x, v), 1.0),
            "score": (
                conversions.score_from_noise(c, noise) - conversions.score_from_velocity(c, x, v),
                c.alpha / c.sigma**2,
            ),
        }
        means = torch.stack([k.posterior_data(c, x) for k in p.components])
        spread = (p.stds * c.sigma) ** 2 / ((c.alpha * p.stds) ** 2 + c.sigma**2)
        proxy = (means.amax(dim=0) - means.amin(dim=0)) ** 2 / 4 + spread.max()
        weights = {"1": torch.ones(N, dtype=torch.float64)} | {
            f"{f.__name__}({k}x)": f(k * x[:, 0]) for k in (1, 2) for f in (torch.cos, torch.sin)
        }
        late = paths.velocity(c, data, noise) - p.velocity(schedule(path, 0.6), x)
        must_reject(
            "the velocity of another level",
            partial(
                residuals.zero_mean,
                late[:, 0],
                cases["velocity"][1] ** 2 * proxy[:, 0],
                weights,
                claim(f"regression.velocity.{path}"),
                detects=0.035,
            ),
        )
        for what in REGRESSIONS:
            error, slope = cases[what]
            name = claim(f"regression.{what}.{path}")
            outcomes.append(
                residuals.zero_mean(
                    error[:, 0], slope**2 * proxy[:, 0], weights, name, detects=0.035
                )
            )
    return evidence_of(outcomes)


@check(
    "statistics", covers=("ode.rk4", "paths.velocity", "density.posterior"), rows=("VF-3", "DYN-9")
)
def flow_carries_noise_to_data(seed: int) -> Evidence:
    """The marginal velocity, integrated from noise, has law p_t at every t (d = 1, 2, 8)."""
    p, v = mixture_1d(), field(mixture_1d())
    grid, x = (
        grids.uniform(20),
        standard_normal(N, 1, generator=budget.generator("flow.mixture_1d", seed)),
    )
    states = trajectory(ode.rk4, v, x, grid)
    quantiles = torch.special.ndtri(torch.arange(1, 2000, dtype=torch.float64) / 2000)[:, None]
    checked = trajectory(ode.rk4, v, quantiles, grid)
    outcomes = []
    for t in FLOW_LEVELS:
        i = next(i for i, level in enumerate(grid.levels) if abs(level - t) < 1e-9)
        law = p.at(paths.linear(grid.levels[i]))
        # The flow keeps order in 1-D, so F_t(x_t) = Φ(x_1): what the solver misses is computed.
        slack = float((law.cdf(checked[i]) - torch.special.ndtr(quantiles)).abs().max())
        name = claim(f"flow.mixture_1d.t{t}")
        outcomes.append(
            distribution.cdf(states[i, :, 0], law.cdf, name, detects=0.018, slack=slack)
        )
    shown = {
        "ODE: 100,000 samples and the exact density (1-D)": pictures.histogram(
            states[-1],
            density_of(p),
            x=(-3.5, 4.5),
        ),
        "ODE: trajectories from noise to data (1-D)": pictures.trajectories(grid.levels, states),
    }
    for make in (mixture_2d, rotated_8d):
        q, wide = make(), f"flow.{make.__name__}.features"
        generator = budget.generator(wide, seed)
        noise, w = standard_normal(N_WIDE, q.d, generator=generator), frequencies(q.d)
        x = solve(ode.rk4, field(q), noise, grid)
        slack = _solver_error(field(q), noise[:64], x[:64], w)
        outcomes.append(
            distribution.features(x, w, q.characteristic, claim(wide), detects=0.08, slack=slack)
        )
        if q.d == 2:
            title = "ODE: samples beside exact ones (eight modes)"
            shown[title] = pictures.scatter(x, beside=q.sample(1200, generator))
    return evidence_of(outcomes, shown)


def density_of(p: Mixture) -> Callable[[np.ndarray], np.ndarray]:
    """The density of a one-dimensional law, for pictures."""
    return lambda u: p.log_density(torch.from_numpy(u)[:, None]).exp().numpy()


def _solver_error(v: Field, noise: torch.Tensor, x: torch.Tensor, w: torch.Tensor) -> float:
    """A bound on what the solver's error does to cos(w·x): its largest displacement along a w."""
    exact = adaptive(v, noise, 1.0, 0.0, tolerance=1e-6)
    return float(((x - exact) @ w.T).abs().max())
