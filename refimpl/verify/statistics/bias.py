"""What trainers do to the gradient, held to its exact share on samples."""

import math
from functools import partial

import torch
from torch import Tensor

from ...equations import bias, grpo
from ...statistics import budget, distribution, residuals
from ...statistics.budget import claim
from ...statistics.ledger import N
from ...statistics.outcome import Outcome
from ...toy.grpo import bias as shares
from ..accepting import evidence_of, must_reject, standard_normal
from ..check import Evidence, check

GROUP, CHANCE = 4, 0.25


@check(
    "statistics",
    covers=("grpo.advantage", "grpo.leave_one_out", "bias.centred", "bias.silent"),
    rows=("GRPO-14",),
)
def trainers_leave_a_known_share_of_the_gradient(seed: int) -> Evidence:
    """Groups of four: centred, leave-one-out, silent on rewards of 0 and 1; divided on Gaussians.

    The score of a success is R − p. The standard deviation of n Gaussian rewards is a function of
    them that is 1/√n-Lipschitz, so its mean is sub-Gaussian with that proxy.
    """
    generator = budget.generator("bias", seed)
    rewards = (torch.rand(N, GROUP, generator=generator, dtype=torch.float64) < CHANCE).double()
    score = rewards - CHANCE
    truth = CHANCE * (1 - CHANCE)

    def share(advantage: Tensor) -> Tensor:
        return (advantage * score).mean(dim=1)

    centred = grpo.advantage(rewards, std="none", ddof=0, eps=0.0)
    others = grpo.leave_one_out(rewards)
    silent = (rewards == rewards[:, :1]).all(dim=1).double()
    chance = CHANCE**4 + (1 - CHANCE) ** 4  # multiplied out
    left = float(bias.centred(float(GROUP)))
    if abs(float(bias.silent(CHANCE, float(GROUP))) - chance) > 1e-14:
        raise AssertionError(f"a group of four is silent with chance {chance}")

    def held(name: str, values: Tensor, mean: float) -> Outcome:
        # the group's variance lies between 0 and 1/4, its unbiased form between 0 and 1/3
        spread = torch.tensor([1 / 36 if name != "silent" else 1 / 4], dtype=torch.float64)
        return distribution.bounded(
            values[:, None], torch.tensor([mean], dtype=torch.float64), spread, -1e-12, 1.0,
            claim(f"bias.{name}"), detects=0.03,
        )  # fmt: skip

    must_reject("no bias", partial(held, "centred", share(centred), truth))
    outcomes = [
        held("centred", share(centred), left * truth),
        held("others", share(others), truth),
        held("silent", silent, chance),
        *(_divided(ddof, seed) for ddof in (0, 1)),
    ]
    return evidence_of(outcomes)


def _divided(ddof: int, seed: int) -> Outcome:
    """Gaussian rewards that are their own scores: the estimate is a standard deviation."""
    name = f"bias.group_std.{ddof}"
    rewards = standard_normal(N, GROUP, generator=budget.generator(name, seed))
    found = (grpo.advantage(rewards, std="group", ddof=ddof, eps=0.0) * rewards).mean(dim=1)
    lipschitz = 1 / GROUP if ddof == 0 else (GROUP - 1) / GROUP / GROUP
    proxy = torch.full((N,), lipschitz, dtype=torch.float64)

    def held(share: float) -> Outcome:
        one = {"1": torch.ones_like(found)}
        return residuals.zero_mean(found - share, proxy, one, claim(name), detects=0.035)

    must_reject("the share for large groups", partial(held, math.sqrt(1 - ddof / GROUP)))
    return held(shares.group_std(GROUP, ddof))
