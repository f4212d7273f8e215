"""Solvers as deployed, on correlated data: sampled, against the exact law of each chain."""

import math
from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor

from ...equations import correlated
from ...simulate import grids, solvers
from ...simulate.solvers import Solver
from ...statistics import budget
from ...statistics import gaussian as exact
from ...statistics.budget import claim
from ...statistics.ledger import DEPLOYED, N
from .. import independent
from ..accepting import evidence_of, must_reject, standard_normal
from ..check import Evidence, check

ETA, CHURN, T = 0.6, 3.0, 6
GRID = grids.uniform(T, 0.999)
MEAN = (1.5, -0.5)
AXES = ((0.8, 0.6), (-0.6, 0.8))
STDS = (0.9, 0.3)
"""Data: independent along two axes that are turned against the coordinates."""

ONE_AXIS: dict[str, Callable[[independent.Predicted, Tensor, Sequence[Tensor]], Tensor]] = {
    "dpmpp_2m": lambda data, x, e: independent.remembering(data, x, GRID.levels, corrects=False),
    "unipc": lambda data, x, e: independent.remembering(data, x, GRID.levels, corrects=True),
    "ddim": lambda data, x, e: independent.drawing(data, x, GRID.levels, e, eta=ETA),
    "heun_churn": lambda data, x, e: independent.churning(data, x, GRID.levels, e, churn=CHURN),
}
SAMPLERS: dict[str, Solver] = {
    "dpmpp_2m": solvers.DPMPP_2M,
    "unipc": solvers.UNIPC,
    "ddim": solvers.ddim(ETA),
    "heun_churn": solvers.churned(CHURN),
}


def _field(x: Tensor, t: float) -> Tensor:
    """The velocity of correlated data, one coordinate after the other."""
    turn = torch.tensor(AXES, dtype=torch.float64)
    c = turn.T @ torch.diag(torch.tensor(STDS, dtype=torch.float64) ** 2) @ turn
    xx, xy, yy = (float(entry) for entry in (c[0, 0], c[0, 1], c[1, 1]))
    first, second = x[:, 0], x[:, 1]
    return torch.stack(
        (
            correlated.velocity(first, second, *MEAN, xx, xy, yy, t),
            correlated.velocity(second, first, *MEAN[::-1], yy, xy, xx, t),
        ),
        dim=1,
    )


def _law(name: str) -> tuple[Tensor, Tensor]:
    """Mean and variance of the end along the data's axes, each axis by itself."""
    turn = torch.tensor(AXES, dtype=torch.float64)
    means = turn @ torch.tensor(MEAN, dtype=torch.float64)
    draws = SAMPLERS[name].draws(GRID)
    found = [
        independent.affine(partial(ONE_AXIS[name], independent.along(m, s)), draws)
        for m, s in zip(means.tolist(), STDS, strict=True)
    ]
    law = torch.tensor(found, dtype=torch.float64)
    return law[:, 0], law[:, 1]


@check(
    "statistics",
    covers=("multistep.dpmpp_2m", "multistep.unic_2", "multistep.unic_1", "multistep.first",
            "kernels.ddim_std", "kernels.renoised", "correlated.velocity"),
    rows=("DYN-10", "DYN-11"),
)  # fmt: skip
def deployed_solvers_have_the_law_of_their_chain(seed: int) -> Evidence:
    """DPM-Solver++(2M), UniPC, DDIM and EDM's churn: mean, spread and tilt of six steps.

    Along the axes of the data each chain is one-dimensional and affine; its law there comes from
    another route. What is seen half-way between the axes shows a covariance that should not be.
    """
    turn = torch.tensor(AXES, dtype=torch.float64)
    between = torch.ones(2, 1, dtype=torch.float64) / math.sqrt(2)
    outcomes, ends = [], {}
    for name in DEPLOYED:
        generator = budget.generator(f"deployed.{name}", seed)
        x = standard_normal(N, 2, generator=generator)
        made = solvers.run(SAMPLERS[name], _field, x, GRID, generator=generator)
        mean, variance = _law(name)
        covariance = turn.T @ torch.diag(variance) @ turn
        outcomes.append(
            exact.mean(made, turn.T @ mean, covariance, claim(f"deployed.{name}.mean"),
                       detects=0.035)
        )  # fmt: skip
        z = (made @ turn.T - mean) / variance.sqrt()
        for what, seen, detects in (("spread", z, 0.016), ("tilt", z @ between, 0.022)):
            named = claim(f"deployed.{name}.{what}")
            outcomes.append(exact.variance(seen, 0.0, 1.0, named, detects=detects))
        ends[name] = made
    mean, variance = _law("unipc")
    plain = (ends["dpmpp_2m"] @ turn.T - mean) / variance.sqrt()
    must_reject(
        "the spread of the corrected chain",
        partial(exact.variance, plain, 0.0, 1.0, claim("deployed.dpmpp_2m.spread"), detects=0.016),
    )
    return evidence_of(outcomes)
