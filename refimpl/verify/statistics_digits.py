"""Lab 3 in short: digits by label, read by a classifier that never met the generator.

    w = 1 → p(x | y)        w = 4 → surer labels, less variety

Three hundred steps instead of three thousand: enough to see the trade-off, with bounds far from
chance (one label in ten) and from a network that ignores its label.
"""

import torch

from ..equations.ode import heun
from ..labs import digits
from ..simulate.grids import uniform
from ..simulate.ode import solve
from ..statistics import budget
from ..toy.batches import from_table
from ..toy.digits import LABELS, load
from ..toy.losses import flow_matching
from ..toy.networks import DiT, build, classifier_free_field
from ..toy.training import Plan, train
from .check import Evidence, check


@check("statistics", covers=("guidance.classifier_free",), rows=("CFG-5", "LAB-3"))
def digits_are_made_by_label(seed: int) -> Evidence:
    """A transformer trained on 1,078 digits: labels read back, surer and less varied as w grows."""
    g = budget.generator("training.digits", seed)
    table = load(0.6, g)
    quality = digits.judge(table)
    network = build(lambda: DiT(labels=LABELS), g)
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
