"""Divergences as means of log-ratios."""

from functools import partial

from torch import Tensor

from ...equations import kl, policy
from ...statistics import residuals
from ...statistics.budget import claim
from ...statistics.outcome import Outcome
from ..accepting import evidence_of, must_reject
from ..check import Evidence, check
from .policy import _two_policies


@check("statistics", covers=("kl.flow_grpo", "kl.k1"), rows=("GRPO-8",))
def kl_is_the_mean_log_ratio(seed: int) -> Evidence:
    """The paper's KL, summed, is E[log p/p_ref]; without h or ½, or averaged, it is not."""
    x, old, new, v, other, g, step = _two_policies("kl", seed, shift=1.0)
    k1 = kl.k1(policy.total(policy.log_ratio(new.log_prob(x), old.log_prob(x))))  # old is sampled
    exact = policy.total(kl.flow_grpo(v, other, g, step.t, step.h))
    half = (((new.mean - old.mean) / old.std) ** 2).sum(dim=1) / 2

    def test(value: Tensor) -> Outcome:
        e = (k1 - value) / (2 * half).sqrt()
        return residuals.white(
            e[None, :, None],
            {"KL": half[None, :, None]},
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
