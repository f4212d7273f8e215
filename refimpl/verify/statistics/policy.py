"""The ratio of two policies: its law, and the law of its bounded part."""

import math

import torch
from torch import Tensor

from ...equations import paths, policy, sde
from ...equations.gaussian import Gaussian
from ...simulate import diffusion, grids, rollout
from ...statistics import budget, distribution, residuals
from ...statistics.budget import claim
from ...statistics.ledger import N
from ...statistics.outcome import Outcome
from ...toy import field, rotated_2d
from ..accepting import evidence_of, must_reject, standard_normal
from ..check import Evidence, check

_STEP = 3  # of ten: from t = 0.7 down to 0.6, where t and 1 − t differ


_M = 4.0  # ratios are cut at 4: their law is known, and Bernstein's bound wants a bounded variable


def _two_policies(
    name: str, seed: int, shift: float = 0.35
) -> tuple[Tensor, Gaussian, Gaussian, Tensor, Tensor, float, sde.Step]:
    """A rollout's x_s, the kernels of the old and a shifted field, their velocities, g, step."""
    p, grid, g = rotated_2d(), grids.uniform(10), diffusion.flow_grpo(0.7, sde.next_level)
    generator = budget.generator(name, seed)
    done = rollout(
        field(p), standard_normal(N, 2, generator=generator), grid, diffusion=g, generator=generator
    )
    x, step = done.states[_STEP], grid.steps[_STEP]
    v = field(p)(x, step.t)
    other = v + shift + 0.1 * x.cos()
    c = paths.linear(step.t)
    old, new = (sde.transition(c, x, u, g(step), step) for u in (v, other))
    return done.states[_STEP + 1], old, new, v, other, g(step), step


@check(
    "statistics",
    covers=(
        "policy.ratio",
        "policy.log_ratio",
        "policy.total",
        "policy.average",
        "gaussian.log_prob",
    ),
    rows=("GRPO-5",),
)
def ratios_have_their_law(seed: int) -> Evidence:
    """E_old[r] = 1 and E_old[r^(1/D)] = exp(−c(1 − c)d²/2) < 1; log r is N(−d²/2, d²)."""
    x, old, new, *_ = _two_policies("ratio", seed)
    log_r = policy.log_ratio(new.log_prob(x), old.log_prob(x))
    d2 = (((new.mean - old.mean) / old.std) ** 2).sum(dim=1)
    e = (policy.total(log_r) + d2 / 2) / d2.sqrt()
    outcomes = [
        residuals.white(
            e[None, :, None],
            {"d²": d2[None, :, None]},
            claim("ratio.log"),
            detects_std=0.025,
            detects_shift=0.032,
        )
    ]
    whole = policy.ratio(policy.total(log_r), torch.zeros_like(d2))
    reduced = policy.ratio(policy.average(log_r), torch.zeros_like(d2))
    outcomes.append(_cut_ratio(whole, -d2 / 2, d2.sqrt(), "ratio.whole"))
    c = 1 / x.shape[1]
    outcomes.append(_cut_ratio(reduced, -c * d2 / 2, c * d2.sqrt(), "ratio.mean_reduced"))
    must_reject(
        "E[r^(1/D)] = 1",
        lambda: _cut_ratio(
            reduced, -((c * d2.sqrt()) ** 2) / 2, c * d2.sqrt(), "ratio.mean_reduced"
        ),
    )
    must_reject(
        "log r without −d²/2",
        lambda: residuals.white(
            (e - d2.sqrt() / 2)[None, :, None],
            {},
            claim("ratio.log"),
            detects_std=0.025,
            detects_shift=0.032,
        ),
    )
    evidence = evidence_of(outcomes)
    evidence.figures["exact mean of the mean-reduced ratio"] = float(
        torch.exp(-c * (1 - c) * d2 / 2).mean()
    )
    return evidence


def _cut_ratio(r: Tensor, mean: Tensor, std: Tensor, name: str) -> Outcome:
    """min(r, M) against the exact mean and variance of a log-normal cut at M."""
    first, second = (_cut_moment(k, mean, std) for k in (1, 2))
    return distribution.bounded(
        r.clamp_max(_M)[:, None],
        first.mean()[None],
        (second - first**2).mean()[None],
        0.0,
        _M,
        claim(name),
        detects=0.04,
    )


def _cut_moment(k: int, mean: Tensor, std: Tensor) -> Tensor:
    """E[min(e^L, M)^k] for L ~ N(mean, std²)."""
    z = (math.log(_M) - mean) / std
    below = torch.exp(k * mean + (k * std) ** 2 / 2) * torch.special.ndtr(z - k * std)
    return below + _M**k * torch.special.ndtr(-z)
