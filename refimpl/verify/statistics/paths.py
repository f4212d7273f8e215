"""Points of a path: Gaussian given the datum, mixtures without it."""

from collections.abc import Callable

import mpmath as mp
import numpy as np
import torch

from ...equations import paths
from ...equations.paths import Coefficients
from ...evidence.route import DIGITS
from ...evidence.routes import routes
from ...simulate import laws
from ...statistics import budget, distribution, gaussian
from ...statistics.budget import claim
from ...statistics.ledger import MARGINAL_LEVELS, N_WIDE, SCHEDULES, N
from ...toy import Mixture, mixture_1d, rotated_8d
from .. import pictures
from ..accepting import evidence_of, frequencies, standard_normal
from ..check import Evidence, check


def schedule(name: str, t: float) -> Coefficients:
    """The four schedules by name, with their usual constants."""
    if name == "vp":
        return paths.vp(t, 0.1, 20.0)
    if name == "ve":
        return paths.ve(t, 0.01, 5.0)
    return {"linear": paths.linear, "cosine": paths.cosine}[name](t)


def _route(name: str, t: float) -> dict[str, float]:
    """α and σ of a schedule by its 50-digit route."""
    more = {"vp": (0.1, 20.0), "ve": (0.01, 5.0)}.get(name, ())
    with mp.workdps(DIGITS):
        parts = routes()[f"paths.{name}"](*(mp.mpf(x) for x in (t, *more)))
        return {part: float(parts[part]) for part in ("alpha", "sigma")}


@check(
    "statistics",
    covers=("paths.interpolate", "paths.conditional"),
    rows=("PATH-2",),
)
def conditional_paths_are_gaussian(seed: int) -> Evidence:
    """α·data + σ·noise has mean α·data and std σ on each schedule (exact z and χ²)."""
    data = torch.tensor([[1.5, -0.7]], dtype=torch.float64)
    outcomes = []
    for name in SCHEDULES:
        c = schedule(name, 0.3)
        law, alone = paths.conditional(c, data), _route(name, 0.3)
        noise = standard_normal(N, 2, generator=budget.generator(f"conditional.{name}", seed))
        x = paths.interpolate(c, data, noise)
        # .03 and .016: what n = 1e5 finds at alpha = 1e-9 and beta = 1e-3 in two dimensions
        outcomes += [
            gaussian.mean(
                x,
                alone["alpha"] * data[0],
                alone["sigma"] ** 2 * torch.eye(2, dtype=torch.float64),
                claim(f"conditional.{name}.mean"),
                detects=0.035,
            ),
            gaussian.variance(
                x, law.mean, law.std, claim(f"conditional.{name}.variance"), detects=0.016
            ),
        ]
    return evidence_of(outcomes)


@check("statistics", covers=("paths.interpolate", "density.marginal"), rows=("PATH-3",))
def marginals_by_data_then_noise(seed: int) -> Evidence:
    """Drawing data, then noise, samples p_t, both ends included (DKW; features in 8 dimensions).

    At t = 0.6 the law is the integral of the density that `density.marginal` sums.
    """
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
    generator, c = budget.generator("marginal.density", seed), paths.linear(0.6)
    data = p.sample(N, generator)
    x = paths.interpolate(c, data, standard_normal(N, 1, generator=generator))
    nodes = torch.linspace(-8, 8, 1601, dtype=torch.float64)
    law = laws.DensityLaw(nodes, p.at(c).log_density(nodes[:, None]).exp())
    outcomes.append(distribution.cdf(x[:, 0], law.cdf, claim("marginal.density"), detects=0.017))
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


def density_of(p: Mixture) -> Callable[[np.ndarray], np.ndarray]:
    """The density of a one-dimensional law, for pictures."""
    return lambda u: p.log_density(torch.from_numpy(u)[:, None]).exp().numpy()
