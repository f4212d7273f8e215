"""Contrastive divergence at rest: its steps keep the data's law; the right model's do not."""

from functools import partial

import torch

from ...equations import energy, langevin
from ...statistics import budget
from ...statistics import gaussian as exact
from ...statistics.budget import claim
from ...statistics.ledger import N
from ...statistics.outcome import Outcome
from ..accepting import evidence_of, must_reject, standard_normal
from ..check import Evidence, check

STD, EPS, STEPS, HEAT = 1.5, 0.4, 3, 2.0


@check(
    "statistics",
    covers=("energy.resting", "energy.tempered"),
    rows=("SM-5",),
)
def contrastive_divergence_rests_where_its_chain_has_the_data_law(seed: int) -> Evidence:
    """Langevin steps on the energy θ_CD x²/2 leave N(0, s²) as it is, however long they are.

    And at temperature T, run from its own N(0, T s²) on a score over T, the rest is that of √T s.
    """
    generator = budget.generator("energy.resting", seed)

    def after(precision: float, std: float, heat: float) -> torch.Tensor:
        x = std * standard_normal(N, generator=generator)
        for _ in range(STEPS):
            score = energy.tempered(-precision * x, heat)
            drawn = standard_normal(N, generator=generator)
            x = langevin.step(x, score, EPS).sample(drawn)
        return x

    def keeps(x: torch.Tensor, std: float, name: str) -> Outcome:
        return exact.variance(x, 0.0, std, claim(name), detects=0.025)

    resting = float(energy.resting(STD, EPS))
    right = after(1 / STD**2, STD, 1.0)
    must_reject("the data's own precision", partial(keeps, right, STD, "energy.resting"))
    warm = HEAT**0.5 * STD
    cold = HEAT * float(energy.resting(warm, EPS))  # the precision at T = 1 whose chain at T rests
    outcomes = [
        keeps(after(resting, STD, 1.0), STD, "energy.resting"),
        keeps(after(cold, warm, HEAT), warm, "energy.tempered"),
    ]
    evidence = evidence_of(outcomes)
    evidence.figures.update({"precision at rest": resting, "the data's": 1 / STD**2})
    return evidence
