"""Training by likelihood, and what it costs."""

from ...statistics import budget
from ...toy import maximum_likelihood
from ...toy.training import Plan
from ..check import Evidence, check


@check("training", covers=("likelihood.instantaneous",), rows=("NF-4",))
def likelihood_training_costs_more(seed: int) -> Evidence:
    """Step for step maximum likelihood is ahead of flow matching, second for second behind."""
    g = budget.generator("training.likelihood", seed)
    plan = maximum_likelihood.Config(Plan(40, rate=8e-3), Plan(1000, rate=3e-3), held_out=200)
    found = maximum_likelihood.run(plan, generator=g)
    slow, fast = found.maximum_likelihood, found.flow_matching
    if not found.flow_matching_as_few_steps.gap > slow.gap > fast.gap:
        raise AssertionError(f"gaps to the entropy: {vars(found)}")
    return Evidence(
        f"nats above the entropy: likelihood {slow.gap:.3f}, flow matching {fast.gap:.3f}; "
        f"network calls a step {slow.evaluations} against {fast.evaluations}",
        {"likelihood: gap": slow.gap, "flow matching: gap": fast.gap},
    )
