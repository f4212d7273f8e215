"""Learnt scores, and Langevin dynamics that runs on them."""

from ...statistics import budget
from ...toy import ncsn
from ...toy.training import Plan
from ..accepting import below
from ..check import Evidence, check


@check("training", covers=("langevin.step", "langevin.annealed_eps"), rows=("LD-2", "LD-3"))
def scales_find_the_modes_weights(seed: int) -> Evidence:
    """Learnt scores are wrong between modes; plain Langevin loses weights that scales recover."""
    g = budget.generator("training.scales", seed)
    config = ncsn.Config(train=Plan(900, rate=3e-3), width=64, chains=800)
    found = ncsn.run(config, generator=g)
    below("the score's error where data is dense", found.error_where_dense, 0.08)
    if not found.error_between > 3 * found.error_where_dense:
        raise AssertionError("between the modes the learnt score should be far worse")
    plain, annealed = found.weights["plain, learnt"], found.weights["annealed, learnt"]
    if not abs(plain - 0.8) > 0.2:
        raise AssertionError(f"plain Langevin should lose the weight 0.8, it found {plain:.3f}")
    below("annealed Langevin's error of the weight 0.8", abs(annealed - 0.8), 0.12)
    return Evidence(
        f"weight 0.8: plain {plain:.2f}, annealed {annealed:.2f}",
        {
            "relative error of the score where dense": found.error_where_dense,
            "relative error of the score between modes": found.error_between,
            **{f"weight, {name}": w for name, w in found.weights.items()},
        },
    )
