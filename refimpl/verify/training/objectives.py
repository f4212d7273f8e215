"""Networks trained on the objectives, held to the exact field and score."""

import torch

from ...equations import ode, paths
from ...simulate import grids
from ...simulate.ode import solve
from ...statistics import budget
from ...toy import batches, field, latent, losses, mixture_2d, rotated_2d
from ...toy.labelled import three_labels
from ...toy.measures import energy_distance, field_error
from ...toy.networks import MLP, as_field, build
from ...toy.scores import NoiseScore
from ...toy.training import Plan, train
from ..accepting import below
from ..check import Evidence, check


@check(
    "training",
    covers=("objectives.flow_matching", "paths.velocity"),
    rows=("FM-1", "FM-3", "LAB-2"),
)
def flow_matching_learns_the_exact_field(seed: int) -> Evidence:
    """A network trained by conditional flow matching, on two paths, nears the marginal field."""
    law, figures = mixture_2d(), {}
    for name, path in (("linear", paths.linear), ("cosine", paths.cosine)):
        g = budget.generator(f"training.flow.{name}", seed)
        network = build(lambda: MLP(2, width=96, depth=3), g)
        loss = losses.flow_matching(path)
        trained = train(network, loss, batches.from_law(law, 256), Plan(1200), generator=g)
        v = as_field(trained.network)
        found = field_error(v, field(law, path), law, generator=g, path=path)
        figures[f"{name}: relative L2 error of the field"] = found.overall
        below(f"the field's relative squared error ({name})", found.overall, 0.04)
        noise = torch.randn(2000, 2, generator=g, dtype=torch.float64)
        ends = solve(ode.heun, v, noise, grids.uniform(30))
        far = energy_distance(ends, law.sample(2000, g))
        figures[f"{name}: energy distance of its samples"] = far
        below(f"the energy distance of its samples ({name})", far, 0.05)
    worst = max(v for k, v in figures.items() if "L2" in k)
    return Evidence(f"relative L2 error of the velocity at most {worst:.3f}", figures)


@check(
    "training",
    covers=("objectives.implicit",),
    rows=("SM-1", "SM-2", "SM-3", "LAB-2"),
)
def score_matching_learns_the_exact_score(seed: int) -> Evidence:
    """Weighted denoising and implicit score matching reach one score, by two losses."""
    law, figures = rotated_2d(), {}
    levels = losses.uniform(0.3, 0.9)
    plan = Plan(600, rate=5e-3)
    for name, loss in (
        ("denoising", losses.denoising(levels=levels, weighted=True)),
        ("implicit", losses.implicit(levels=levels)),
    ):
        g = budget.generator(f"training.score.{name}", seed)
        network = build(lambda: NoiseScore(MLP(2, width=64, depth=2), paths.linear), g)
        trained = train(network, loss, batches.from_law(law, 256), plan, generator=g)

        def exact(x: torch.Tensor, t: float) -> torch.Tensor:
            return law.at(paths.linear(t)).score(x)

        found = field_error(
            as_field(trained.network), exact, law, generator=g, levels=(0.3, 0.5, 0.7, 0.9)
        )
        figures[f"{name}: relative L2 error of the score"] = found.overall
        below(f"the score's relative squared error ({name})", found.overall, 0.1)
    worst = max(figures.values())
    return Evidence(f"relative L2 error of the score at most {worst:.3f}", figures)


@check("training", covers=("objectives.flow_matching",), rows=("ARCH-3",))
def a_latent_flow_finds_the_labels(seed: int) -> Evidence:
    """Encoder, flow in the latent, decoder: labels of a plane in nine dimensions come back."""
    p, g = three_labels(), budget.generator("training.latent", seed)
    frame = torch.linalg.qr(torch.randn(9, 2, generator=g)).Q
    x, y = p.sample(2000, g)
    short, long = Plan(300, rate=5e-3), Plan(600, rate=5e-3)
    config = latent.Config(latent=2, width=96, autoencoder=short, flow=long, w=1.0, n=300)
    found = latent.run(x.float() @ frame.T, y, x[:200].float() @ frame.T, config, generator=g)
    below("the share of variance that the code loses", found.unexplained, 0.03)
    read = p.log_posterior(paths.linear(0.0), (found.samples @ frame).double()).argmax(dim=1)
    right = float((read == found.labels).double().mean())
    best = float((p.log_posterior(paths.linear(0.0), x).argmax(dim=1) == y).double().mean())
    below("the distance to the Bayes accuracy", abs(right - best), 0.1)
    return Evidence(
        f"label accuracy {right:.3f}, Bayes {best:.3f}", {"accuracy": right, "Bayes": best}
    )
