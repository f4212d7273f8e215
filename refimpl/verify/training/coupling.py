"""Transport: pairs matched in the batch, measured against independent ones."""

from ...statistics import budget
from ...toy import coupling as trained
from ...toy.training import Plan
from ..accepting import below
from ..check import Evidence, check


@check("training", covers=("objectives.flow_matching",), rows=("OT-1", "OT-2"))
def minibatch_transport_straightens(seed: int) -> Evidence:
    """Minibatch transport: cheaper pairs, quieter targets, straighter paths, fewer steps."""
    g = budget.generator("training.transport", seed)
    config = trained.Config(batch=128, width=64, train=Plan(350, rate=5e-3), n=800)
    rows = trained.run(config, generator=g).rows
    free, matched = rows["independent"], rows["minibatch OT"]
    shares = {
        "cost": matched.cost / free.cost,
        "variance of the target": matched.target_variance / free.target_variance,
        "straightness": matched.straightness / free.straightness,
        "energy distance of one Euler step": matched.distance[1] / free.distance[1],
    }
    for name, share in shares.items():
        below(f"the share of the independent coupling's {name}", share, 0.5)
    return Evidence(
        "shares of the independent coupling's: "
        + ", ".join(f"{name} {share:.2f}" for name, share in shares.items()),
        shares,
    )
