"""Samples of ratios, gradients and divergences: what GRPO averages.

    log r | x_t ~ N(−d²/2, d²),    d² = Σ(m − m′)²/std²      for two steps with a common std

Hence E_old[r] = 1 and KL = d²/2; the mean-reduced ratio has E[r^c] = exp(−c(1 − c)d²/2), c = 1/D.
"""

import math
from functools import partial

import torch
from scipy import stats
from torch import Tensor

from ..equations import gaussian, grpo, kl, paths, policy, sde
from ..equations.gaussian import Gaussian
from ..simulate import diffusion, grids, rollout
from ..statistics import budget, distribution, residuals
from ..statistics.budget import claim
from ..statistics.ledger import N
from ..statistics.outcome import BETA, Outcome, Part, judge
from ..toy import field, rotated_2d
from .check import Evidence, check
from .accepting import evidence_of, must_reject, standard_normal

_STEP = 5  # of ten: from t = 0.5 down to 0.4
_M = 4.0  # ratios are cut at 4: their law is known, and Bernstein's bound wants a bounded variable


def _two_policies(
    name: str, seed: int
) -> tuple[Tensor, Gaussian, Gaussian, Tensor, Tensor, float, sde.Step]:
    """A rollout's x_s, the kernels of the old and a shifted field, their velocities, g, step."""
    p, grid, g = rotated_2d(), grids.uniform(10), diffusion.flow_grpo(0.7, sde.next_level)
    generator = budget.generator(name, seed)
    done = rollout(
        field(p), standard_normal(N, 2, generator=generator), grid, diffusion=g, generator=generator
    )
    x, step = done.states[_STEP], grid.steps[_STEP]
    v = field(p)(x, step.t)
    other = v + 0.35 + 0.1 * x.cos()
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
    d2 = policy.total(2 * kl.of_means(new.mean, old.mean, old.std))
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


@check(
    "statistics", covers=("grpo.surrogate", "policy.ratio", "gaussian.log_prob"), rows=("GRPO-4",)
)
def surrogate_gradient_is_the_policy_gradient(seed: int) -> Evidence:
    """At θ = θ_old, for any clip, ∇ of the surrogate is an unbiased ∇E[R]; its law is exact here.

    With x ~ N(θ, s²) and R = x, ∇E[R] = 1; n times the estimate is Σe² + (θ/s)Σe, a shifted
    non-central χ².
    """
    mean, std = 0.8, 0.5
    e = standard_normal(N, 1, generator=budget.generator("gradient.surrogate", seed))
    x = gaussian.sample(mean, std, e)

    def estimate(clip: float) -> float:
        theta = torch.full((1, 1), mean, dtype=torch.float64, requires_grad=True)
        log_p = policy.total(gaussian.log_prob(x, theta, std))
        r = policy.ratio(log_p, log_p.detach())
        objective = grpo.surrogate(r, x[:, 0], clip).mean()
        (slope,) = torch.autograd.grad(objective, theta)
        return float(slope)

    found = estimate(0.2)
    shift = (mean / std) ** 2 / 4
    part, detectable = _noncentral(
        N * (found + shift), N, N * shift, claim("gradient.surrogate").alpha
    )
    outcome = judge(claim("gradient.surrogate"), [part], detectable, 0.065)
    for wrong, value in {"half the gradient": found / 2, "the sign turned": -found}.items():
        bad, _ = _noncentral(N * (value + shift), N, N * shift, claim("gradient.surrogate").alpha)
        must_reject(wrong, partial(judge, claim("gradient.surrogate"), [bad], detectable, 0.065))
    evidence = evidence_of([outcome])
    evidence.figures["estimate (exact: 1)"] = found
    evidence.figures["change with clip = 1e-4"] = estimate(1e-4) - found
    return evidence


@check(
    "statistics", covers=("kl.flow_grpo", "kl.of_means", "kl.k1", "kl.without_h"), rows=("GRPO-8",)
)
def kl_is_the_mean_log_ratio(seed: int) -> Evidence:
    """Eq. 3, summed over coordinates, is E[log p/p_ref]; without h or ½, or averaged, it is not."""
    x, old, new, v, other, g, step = _two_policies("kl", seed)
    k1 = kl.k1(policy.total(policy.log_ratio(new.log_prob(x), old.log_prob(x))))  # old is sampled
    exact = policy.total(kl.flow_grpo(v, other, g, step.t, step.h))

    def test(value: Tensor) -> Outcome:
        e = (k1 - value) / (2 * exact).sqrt()
        return residuals.white(
            e[None, :, None],
            {"KL": exact[None, :, None]},
            claim("kl.monte_carlo"),
            detects_std=0.025,
            detects_shift=0.032,
        )

    outcome = test(exact)
    wrong = {
        "KL without ½": 2 * exact,
        "KL averaged over coordinates": exact / 2,
        "KL without h": policy.total(kl.without_h(old.mean, new.mean, g)),
        "KL with the sign turned": -exact,
    }
    for name, value in wrong.items():
        must_reject(name, partial(test, value))
    evidence = evidence_of([outcome])
    evidence.figures["mean KL of the step"] = float(exact.mean())
    evidence.figures["k1's mean"] = float(k1.mean())
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


def _noncentral(statistic: float, df: int, shift: float, alpha: float) -> tuple[Part, float]:
    """Two-sided non-central χ², and the absolute error of the gradient that it finds."""
    law = stats.ncx2(df, shift)
    low, high = float(law.ppf(alpha / 2)), float(law.isf(alpha / 2))
    centre = df + shift
    side = high - centre if statistic > centre else centre - low
    tail = min(float(law.cdf(statistic)), float(law.sf(statistic)))
    room = max(float(law.isf(BETA)) - centre, centre - float(law.ppf(BETA)))
    part = Part(
        "the gradient's non-central chi-square, off its mean by",
        abs(statistic - centre),
        side,
        min(1.0, 2 * tail),
    )
    return part, (max(high - centre, centre - low) + room) / df
