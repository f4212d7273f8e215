"""Facts about torchcfm: its conditional flow matchers.

    data-time: t = 1 − (noise level), x0 is the source, x1 the target; x_t = μ_t + σ_t ε

Each matcher's target must move its own path: u_t = μ̇_t + (σ̇_t/σ_t)(x_t − μ_t), as on every
affine path (Tong et al. 2024, arXiv:2302.00482, Theorem 2.1).
"""

from typing import Any

import numpy as np
import torch

from ...conformance.checks.register import Finding
from ...equations import paths
from ...equations.conventions import flip_time, flip_velocity
from ...equations.elementary import sqrt
from ..facts import fact, law, near
from ..flow_matching.facts import numbers

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
    """μ_t and σ_t that a matcher claims, from this package's paths."""
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


@fact("torchcfm", "matchers.ends")
def ends(library: Any) -> Finding:
    """At t = 0 and 1 and beside them, x_t is within σ noise of its end and the target is finite."""
    worst, at = 0.0, torch.tensor([0.0, 1e-6, 1 - 1e-6, 1.0], dtype=torch.float64)
    x0, x1, noise = (numbers(4, 3, start=i) for i in range(3))
    for name, m in matchers(library).items():
        x = m.sample_xt(x0, x1, at, noise)
        std = torch.as_tensor(m.compute_sigma_t(at), dtype=torch.float64).expand(4)[:, None]
        first = 0 * x0 if name.startswith("Target") else x0
        want = torch.cat([first[:2], x1[2:]]) + std * noise
        worst = max(worst, near(f"{name}: x_t at the ends", x, want, unit=1e-5))
        target = m.compute_conditional_flow(x0, x1, at, x)
        law(f"{name}: the target at the ends", bool(target.isfinite().all()), f"{target}")
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
