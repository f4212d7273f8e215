"""GRPO: the gradient of the surrogate, and its value away from the old policy."""

import math
from functools import partial

import torch
from scipy import stats

from ...equations import gaussian, grpo, policy
from ...statistics import budget, distribution
from ...statistics.budget import claim
from ...statistics.ledger import N
from ...statistics.outcome import BETA, Part, judge
from ..accepting import evidence_of, must_reject, standard_normal
from ..check import Evidence, check


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


@check("statistics", covers=("grpo.surrogate", "policy.ratio"), rows=("GRPO-4",))
def surrogate_away_from_the_old_policy(seed: int) -> Evidence:
    """At θ ≠ θ_old, E[min(rA, clip(r)A)] for A = ±1 is what a log-normal r makes of it.

    log r ~ N(−d²/2, d²) under the old policy. Gains are held at 1 + ε; losses −max(r, 1 − ε) have
    no floor, and are cut at −M for the test.
    """
    d, clip, most = 0.6, 0.2, 3.0
    e = standard_normal(N, generator=budget.generator("surrogate", seed))
    r = policy.ratio(d * e - d**2 / 2, torch.zeros_like(e))
    one, outcomes = torch.ones_like(e), []
    for name, sign, low, high in (("gain", 1.0, 0.0, 1 + clip), ("loss", -1.0, 1 - clip, most)):
        value = sign * grpo.surrogate(r, sign * one, clip)
        first, second = (_held_moment(k, d, low, high) for k in (1, 2))
        outcomes.append(
            distribution.bounded(
                value.clamp(-most, most)[:, None],
                torch.tensor([first], dtype=torch.float64),
                torch.tensor([second - first**2], dtype=torch.float64),
                -most,
                most,
                claim(f"surrogate.{name}"),
                detects=0.08,
            )
        )
    return evidence_of(outcomes)


def _held_moment(k: int, d: float, low: float, high: float) -> float:
    """E[min(max(r, low), high)^k] for log r ~ N(−d²/2, d²)."""

    def below(bound: float, tilt: float) -> float:
        at = -math.inf if bound == 0 else (math.log(bound) + d**2 / 2) / d
        return float(stats.norm.cdf(at - tilt))

    between = below(high, k * d) - below(low, k * d)
    middle = math.exp(k * (k - 1) * d**2 / 2) * between
    return low**k * below(low, 0.0) + middle + high**k * (1 - below(high, 0.0))


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
