"""Facts about torchcfm's optimal couplings: plans, pairs drawn from them, distances.

exact: the least cost of all pairings        entropic: a Gibbs kernel, scaled to its marginals
"""

from itertools import permutations
from typing import Any

import numpy as np
import torch

from ...conformance.checks.register import Finding
from ...equations.coupling import cost
from ...equations.elementary import log, sqrt
from ..facts import fact, law, near
from ..flow_matching.facts import numbers


def _costs(a: Any, b: Any) -> np.ndarray:
    """Squared distances of all pairs."""
    pairs = [[float(cost(x, y).sum()) for y in b] for x in a]
    return np.array(pairs)


@fact("torchcfm", "coupling.plans", covers=("coupling.cost",))
def plans(library: Any) -> Finding:
    """The exact plan costs least of all pairings; the entropic one is a scaled Gibbs kernel."""
    worst = 0.0
    a, b = numbers(5, 2, 2), 0.75 * numbers(5, 2, 2, start=3) + 0.5
    costs = _costs(a, b)
    best = min(sum(costs[i, p[i]] for i in range(5)) for p in permutations(range(5))) / 5
    plan = library.module.OTPlanSampler(method="exact").get_map(a, b)
    worst = max(worst, near("the exact plan's cost", np.array((plan * costs).sum()), np.array(best),
                            roundings=1e4))  # fmt: skip
    uniform = np.full(5, 0.2)
    for axis in (0, 1):
        worst = max(worst, near("the exact plan's marginals", plan.sum(axis=axis), uniform,
                                roundings=1e4))  # fmt: skip
    for reg, kwargs in ((8.0, {}), (0.75, {"normalize_cost": True})):
        sampler = library.module.OTPlanSampler(method="sinkhorn", reg=reg, **kwargs)
        soft = sampler.get_map(a, b)
        scaled = costs / costs.max() if kwargs else costs
        # log P + C/reg is a sum of a row's and a column's number
        left = log(soft) + scaled / reg
        mixed = left - left[:1] - left[:, :1] + left[:1, :1]
        worst = max(worst, near("the entropic plan's mixed differences", 1 + mixed,
                                np.ones((5, 5)), unit=1e-9))  # fmt: skip
        worst = max(worst, near("its marginals", soft.sum(axis=1), uniform, unit=1e-7))
    bridge = library.module.SchrodingerBridgeConditionalFlowMatcher(
        sigma=0.75, ot_method="sinkhorn"
    )
    law("the bridge's regularisation", abs(bridge.ot_sampler.reg - 2 * 0.75 * 0.75) < 1e-12,
        f"{bridge.ot_sampler.reg:.6g}, wanted 2 sigma² = {2 * 0.75 * 0.75:.6g}")  # fmt: skip
    return Finding(worst)


@fact("torchcfm", "coupling.pairs")
def pairs(library: Any) -> Finding:
    """Pairs are drawn from the plan, source with its own target, with or without replacement."""
    sampler = library.module.OTPlanSampler(method="exact")
    a = numbers(6, 2)
    order = np.array([2, 0, 5, 1, 4, 3])
    b = a[order] + 0.01  # the optimal partner of a[order[j]] is b[j]
    x, y = sampler.sample_plan(a, b)
    worst = near("partners with replacement", y, x + 0.01)
    x, y, _, _ = sampler.sample_plan_with_labels(a, b, replace=False)
    worst = max(worst, near("partners without replacement", y, x + 0.01))
    told = f"{len({tuple(r.tolist()) for r in x})} of 6 sources are used"
    law("without replacement", len({tuple(r.tolist()) for r in x}) == 6, told)
    i, j = sampler.sample_map(np.eye(4)[:, [1, 2, 3, 0]] / 4, 64)
    law("sample_map", bool((j == (i - 1) % 4).all()), "draws pairs on which the plan has no mass")
    i, j = sampler.sample_map(np.array([[0.0, 0.0, 0.5], [0.5, 0.0, 0.0]]), 64)
    law("sample_map of 2 by 3", bool((j == np.where(i == 0, 2, 0)).all()), "reads the plan askew")
    np.random.seed(11)
    i, _ = sampler.sample_map(np.array([[0.5, 0.0], [0.0, 1.5]]), 4000)
    share = float((i == 1).mean())
    law(
        "sample_map",
        abs(share - 0.75) < 0.05,
        f"a row of mass 3/4 is drawn {share:.3f} of the time",
    )
    steps = torch.stack([a, b, a[order[order]]], dim=1)
    path = sampler.sample_trajectory(steps)
    law("sample_trajectory", path.shape == (6, 3, 2), f"shape {path.shape}")
    moved = np.abs(np.asarray(path)[:, 1] - np.asarray(path)[:, 0] - 0.01).max()
    law("sample_trajectory", moved < 1e-9, f"partners are {moved:.3g} off")
    return Finding(worst)


@fact("torchcfm", "coupling.wasserstein", covers=("coupling.cost",))
def distance(library: Any) -> Finding:
    """The Wasserstein distances are least means of distances, and roots of least mean squares."""
    worst = 0.0
    a, b = numbers(5, 2, 2), 0.75 * numbers(5, 2, 2, start=3) + 0.5
    squares = _costs(a, b)
    for power, costs in ((2, squares), (1, sqrt(squares))):
        best = min(sum(costs[i, p[i]] for i in range(5)) for p in permutations(range(5))) / 5
        want = float(sqrt(best)) if power == 2 else best
        got = library.distance(a, b, power=power)
        worst = max(worst, near(f"the distance of power {power}", np.array(got), np.array(want),
                                roundings=1e4))  # fmt: skip
    soft = library.distance(a, b, method="sinkhorn", reg=0.5, power=2)
    hard = library.distance(a, b, power=2)
    law("the entropic distance", hard - 1e-9 <= soft <= 1.2 * hard, f"{soft:.6g}, exact {hard:.6g}")
    return Finding(worst)
