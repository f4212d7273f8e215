"""Guidance: what trained networks make of a label."""

import torch

from ...equations.ode import heun
from ...labs import digits
from ...simulate.grids import uniform
from ...simulate.ode import solve
from ...statistics import budget
from ...toy import guiding
from ...toy.batches import from_table
from ...toy.digits import LABELS, load
from ...toy.losses import flow_matching
from ...toy.networks import DiT, build, classifier_free_field
from ...toy.training import Plan, train
from ..accepting import below
from ..check import Evidence, check


@check("training", covers=("guidance.classifier_free",), rows=("CFG-5", "LAB-3"))
def digits_are_made_by_label(seed: int) -> Evidence:
    """A transformer trained on 1,078 digits: labels read back, surer and less varied as w grows."""
    g = budget.generator("training.digits", seed)
    table = load(0.6, g)
    quality = digits.judge(table)
    network = build(lambda: DiT(depth=2, labels=LABELS), g)
    draw = from_table(table.train, table.train_label, n=64)
    plan = Plan(300, rate=2e-3, average=0.97)
    trained = train(network, flow_matching(eta=0.2), draw, plan, generator=g)
    asked = torch.arange(LABELS).repeat_interleave(20)
    noise = torch.randn(len(asked), 1, 8, 8, generator=g)
    figures = {}
    for w in (1.0, 4.0):
        field = classifier_free_field(trained.averaged, asked, w)
        found = quality(digits.grey(solve(heun, field, noise, uniform(10))), asked)
        figures[f"w={w:g}: accuracy"] = found.accuracy
        figures[f"w={w:g}: diversity"] = found.diversity
    if not figures["w=4: accuracy"] > max(0.8, figures["w=1: accuracy"]):
        raise AssertionError(f"guidance should make labels surer, got {figures}")
    if not figures["w=4: diversity"] < figures["w=1: diversity"]:
        raise AssertionError(f"guidance should make samples more alike, got {figures}")
    return Evidence(
        f"accuracy {figures['w=1: accuracy']:.2f} → {figures['w=4: accuracy']:.2f}, diversity "
        f"{figures['w=1: diversity']:.2f} → {figures['w=4: diversity']:.2f} from w = 1 to 4",
        figures,
    )


@check(
    "training",
    covers=("guidance.classifier", "guidance.classifier_free"),
    rows=("CFG-1", "CFG-2", "CFG-4", "CFG-5"),
)
def guided_networks_sample_the_conditional_law(seed: int) -> Evidence:
    """Null-label training and classifiers, exact and trained: p(x | y) at w = 1, crowding above."""
    g = budget.generator("training.guidance", seed)
    config = guiding.Config(
        train=Plan(600, rate=5e-3),
        classifier=Plan(350, rate=5e-3),
        width=64,
        scales=(1.0, 3.0),
        n=800,
        sde_steps=50,
    )
    found = guiding.run(config, generator=g)
    below("the unconditional field's error", found.unconditional_error, 0.06)
    below("the conditional field's error", found.conditional_error, 0.06)
    figures = {}
    for method in ("ode", "sde", "classifier, exact", "classifier, trained"):
        one, three = found.rows[method, 1.0], found.rows[method, 3.0]
        below(f"the distance to p(x | y) at w = 1 ({method})", one.from_conditional, 0.05)
        if not (three.from_conditional > 0.1 and three.accuracy > one.accuracy):
            raise AssertionError(f"w = 3 should crowd where the label is sure ({method})")
        figures[f"{method}: distance to p(x | y), w = 1"] = one.from_conditional
        figures[f"{method}: distance to p(x | y), w = 3"] = three.from_conditional
    worst = max(v for k, v in figures.items() if k.endswith("1"))
    return Evidence(f"energy distance to p(x | y) at w = 1 at most {worst:.3f}", figures)
