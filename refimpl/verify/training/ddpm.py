"""DDPM: a network trained to predict noise, and run backwards."""

from ...statistics import budget
from ...toy import ddpm as trained
from ...toy.training import Plan
from ..accepting import below
from ..check import Evidence, check


@check("training", covers=("ddpm.marginal", "ddpm.posterior"), rows=("DDPM-1",))
def a_trained_ddpm_nears_the_mixture(seed: int) -> Evidence:
    """Noise prediction and ancestral sampling, both variances; more steps are better."""
    g = budget.generator("training.ddpm", seed)
    config = trained.Config(train=Plan(450, rate=5e-3), width=96, lengths=(10, 100), n=4000)
    found = trained.run(config, generator=g)
    figures = {f"{who}, {v}, T={T}": d for (who, v, T), d in found.distance.items()}
    for variance in ("beta", "posterior"):
        many = found.distance["learnt", variance, 100]
        below(f"the Kolmogorov distance with {variance}", many, 0.09)
        if not found.distance["learnt", variance, 10] > many:
            raise AssertionError(f"ten steps should be worse than a hundred ({variance})")
    return Evidence("Kolmogorov distances below 0.09 at T = 100 for both variances", figures)
