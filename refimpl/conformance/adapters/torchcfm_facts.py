"""Facts about torchcfm: its conditional flow matchers and its optimal couplings.

    data-time: t = 1 − (noise level), x0 is the source, x1 the target; x_t = μ_t + σ_t ε

Each matcher's target must move its own path: u_t = μ̇_t + (σ̇_t/σ_t)(x_t − μ_t), as on every
affine path (Tong et al. 2024, arXiv:2302.00482, Theorem 2.1). A coupling is held to what it
minimises.
"""

from itertools import permutations
from typing import Any

import numpy as np
import torch

from ...equations import paths
from ...equations.conventions import flip_time, flip_velocity
from ...equations.coupling import cost
from ...equations.elementary import log, sqrt
from ..kit.checks import Finding
from .facts import fact, law, near
from .flow_matching_facts import numbers

T = torch.tensor([0.25, 0.875, 0.5], dtype=torch.float64)

SMALL = 1e-7
"""torchcfm adds 1e-8 to denominators of at least a tenth."""


def matchers(library: Any) -> dict[str, Any]:
    """One of each kind, with its σ."""
    m = library.module
    return {
        "ConditionalFlowMatcher": m.ConditionalFlowMatcher(sigma=0.25),
        "ConditionalFlowMatcher, sigma 0": m.ConditionalFlowMatcher(),
        "ExactOptimalTransportConditionalFlowMatcher":
            m.ExactOptimalTransportConditionalFlowMatcher(sigma=0.25),
        "TargetConditionalFlowMatcher": m.TargetConditionalFlowMatcher(sigma=0.25),
        "SchrodingerBridgeConditionalFlowMatcher":
            m.SchrodingerBridgeConditionalFlowMatcher(sigma=0.75),
        "VariancePreservingConditionalFlowMatcher":
            m.VariancePreservingConditionalFlowMatcher(sigma=0.25),
    }  # fmt: skip


def mean_and_std(name: str, x0: Any, x1: Any, t: Any, sigma: float) -> tuple[Any, Any]:
    """μ_t and σ_t that a matcher claims, from the house's paths."""
    level = flip_time(t)
    if name.startswith("Target"):
        return paths.interpolate(paths.linear(level), x1, 0 * x0), 1 - (1 - sigma) * t
    if name.startswith("Variance"):
        return paths.interpolate(paths.cosine(level), x1, x0), sigma + 0 * t
    mean = paths.interpolate(paths.linear(level), x1, x0)
    return mean, sigma * sqrt(t * level) if name.startswith("Schr") else sigma + 0 * t


@fact("torchcfm", "matchers.points", covers=("paths.interpolate", "paths.linear", "paths.cosine"))
def points(library: Any) -> Finding:
    """Every matcher's mean, standard deviation and sample are those of its path."""
    worst = 0.0
    for shape in ((3, 2, 4), (3, 3)):
        x0, x1, noise = (numbers(*shape, start=i) for i in range(3))
        t = T.reshape(-1, *(1,) * (len(shape) - 1))
        for name, m in matchers(library).items():
            mean, std = mean_and_std(name, x0, x1, t, float(m.sigma))
            other = {"t for 1 - t": mean_and_std(name, x1, x0, t, float(m.sigma))[0]}
            worst = max(worst, near(f"{name}: mean", m.compute_mu_t(x0, x1, T), mean,
                                    readings=other))  # fmt: skip
            claimed = torch.as_tensor(m.compute_sigma_t(T), dtype=torch.float64).expand(3)
            worst = max(worst, near(f"{name}: std", claimed, std.reshape(3)))
            got = m.sample_xt(x0, x1, T, noise)
            readings = {
                "variance for std": mean + std * std * noise,
                "no noise": mean,
                "noise subtracted": mean - std * noise,
                "t for 1 - t": mean_and_std(name, x1, x0, t, float(m.sigma))[0] + std * noise,
            }
            worst = max(worst, near(f"{name}: x_t", got, mean + std * noise, readings=readings))
    return Finding(worst)


@fact("torchcfm", "matchers.velocity", covers=("paths.velocity", "paths.conditional_velocity",
      "conventions.flip_velocity"))  # fmt: skip
def velocity(library: Any) -> Finding:
    """Every matcher's target is the velocity of its own path, u = μ̇ + (σ̇/σ)(x − μ)."""
    worst = 0.0
    x0, x1, noise = (numbers(3, 2, 4, start=i) for i in range(3))
    for name, m in matchers(library).items():
        t = T.clone().reshape(3, 1, 1).requires_grad_()
        mean, std = mean_and_std(name, x0, x1, t, float(m.sigma))
        x = (mean + std * noise).detach()
        drift = torch.autograd.functional.jvp(  # type: ignore[no-untyped-call]
            lambda u, n=name, s=float(m.sigma): mean_and_std(n, x0, x1, u, s)[0],
            t,
            torch.ones_like(t),
        )[1]
        if m.sigma > 0 and std.requires_grad:
            (rate,) = torch.autograd.grad(std.sum(), t)
            drift = drift + rate / std.detach() * (x - mean.detach())
        got = m.compute_conditional_flow(x0, x1, T, x)
        worst = max(worst, near(f"{name}: target", got, drift, unit=SMALL, roundings=10))
    plain = matchers(library)["ConditionalFlowMatcher, sigma 0"]
    got = flip_velocity(plain.compute_conditional_flow(x0, x1, T, None))
    want = paths.velocity(paths.linear(flip_time(T.reshape(3, 1, 1))), x1, x0)
    worst = max(worst, near("the plain target", got, want, equation="paths.velocity"))
    target = library.module.TargetConditionalFlowMatcher(sigma=0.0)
    got = flip_velocity(target.compute_conditional_flow(x0, x1, T, noise))
    c = paths.linear(flip_time(T.reshape(3, 1, 1)))
    worst = max(worst, near("Lipman's target", got, paths.conditional_velocity(c, x1, noise)))
    return Finding(worst)


@fact("torchcfm", "matchers.drawn")
def drawn(library: Any) -> Finding:
    """What a matcher draws fits together: x_t its own t and noise, the target its own pair."""
    worst = 0.0
    x0, x1 = numbers(3, 2, 4), numbers(3, 2, 4, start=1)
    for name, m in matchers(library).items():
        coupled = name.startswith(("Exact", "Schr"))
        for t in (T, None):
            torch.manual_seed(3)
            np.random.seed(3)
            times, x, u, noise = m.sample_location_and_conditional_flow(
                x0, x1, t, return_noise=True
            )
            law(f"{name}: t", bool(((times >= 0) & (times <= 1)).all()), f"{times}")
            a, b = x0, x1
            if coupled:
                np.random.seed(3)
                a, b = m.ot_sampler.sample_plan(x0, x1)
            worst = max(worst, near(f"{name}: x_t", x, m.sample_xt(a, b, times, noise)))
            want = m.compute_conditional_flow(a, b, times, x)
            worst = max(worst, near(f"{name}: target", u, want))
        if coupled:
            np.random.seed(3)
            labels = torch.arange(3)
            _, x, u, y0, y1, noise = m.guided_sample_location_and_conditional_flow(
                x0, x1, labels, labels, T, return_noise=True)  # fmt: skip
            worst = max(
                worst, near(f"{name}: labelled x_t", x, m.sample_xt(x0[y0], x1[y1], T, noise))
            )
            want = m.compute_conditional_flow(x0[y0], x1[y1], T, x)
            worst = max(worst, near(f"{name}: labelled target", u, want))
    return Finding(worst)


@fact("torchcfm", "matchers.lambda")
def weight(library: Any) -> Finding:
    """compute_lambda is 2 σ_t/σ², the weight that makes the score's loss of order one."""
    worst = 0.0
    for name, m in matchers(library).items():
        if float(m.sigma) == 0:
            continue
        got = torch.as_tensor(m.compute_lambda(T), dtype=torch.float64).expand(3)
        std = torch.as_tensor(m.compute_sigma_t(T), dtype=torch.float64).expand(3)
        want = 2 * std / (m.sigma * m.sigma)
        worst = max(worst, near(f"{name}: lambda", got, want, unit=SMALL, roundings=10))
    return Finding(worst)


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
