"""Networks trained here and now, judged by exact answers and not by pictures.

    flow matching → E‖v_θ − v‖²/E‖v‖²    scales → mode weights    guidance → distance to p(x | y)

Runs are seeded by their names: a given version either passes or it does not. Each bound is a few
times what was measured over seeds, and far from what the mistake it guards against would give; the
same topics at full length are `python -m refimpl.labs.topics`.
"""

import torch

from ..equations import ode, paths
from ..simulate import grids
from ..simulate.ode import solve
from ..statistics import budget
from ..toy import (
    Mixture,
    batches,
    coupling,
    ddpm,
    field,
    guiding,
    latent,
    likelihood,
    losses,
    maximum_likelihood,
    mixture_2d,
    ncsn,
    rotated_2d,
)
from ..toy.labelled import three_labels
from ..toy.measures import energy_distance, field_error
from ..toy.networks import MLP, as_field, build
from ..toy.scores import NoiseScore
from ..toy.training import Plan, train
from .check import Evidence, check


def _below(what: str, value: float, bound: float) -> None:
    """Raise unless value < bound (NaN is never below)."""
    if not value < bound:
        raise AssertionError(f"{what} is {value:.4g}, not below {bound:g}")


@check(
    "statistics",
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
        _below(f"the field's relative squared error ({name})", found.overall, 0.04)
        noise = torch.randn(2000, 2, generator=g, dtype=torch.float64)
        ends = solve(ode.heun, v, noise, grids.uniform(30))
        far = energy_distance(ends, law.sample(2000, g))
        figures[f"{name}: energy distance of its samples"] = far
        _below(f"the energy distance of its samples ({name})", far, 0.05)
    worst = max(v for k, v in figures.items() if "L2" in k)
    return Evidence(f"relative L2 error of the velocity at most {worst:.3f}", figures)


@check(
    "statistics",
    covers=("objectives.weighted_denoising", "objectives.implicit"),
    rows=("SM-1", "SM-2", "SM-3", "LAB-2"),
)
def score_matching_learns_the_exact_score(seed: int) -> Evidence:
    """Weighted denoising and implicit score matching reach one score, by two losses."""
    law, figures = rotated_2d(), {}
    levels = losses.uniform(0.3, 0.9)
    for name, loss, steps in (
        ("denoising", losses.denoising(levels=levels, weighted=True), 1200),
        ("implicit", losses.implicit(levels=levels), 1200),
    ):
        g = budget.generator(f"training.score.{name}", seed)
        network = build(lambda: NoiseScore(MLP(2, width=64, depth=2), paths.linear), g)
        trained = train(network, loss, batches.from_law(law, 256), Plan(steps), generator=g)

        def exact(x: torch.Tensor, t: float) -> torch.Tensor:
            return law.at(paths.linear(t)).score(x)

        found = field_error(
            as_field(trained.network), exact, law, generator=g, levels=(0.3, 0.5, 0.7, 0.9)
        )
        figures[f"{name}: relative L2 error of the score"] = found.overall
        _below(f"the score's relative squared error ({name})", found.overall, 0.1)
    worst = max(figures.values())
    return Evidence(f"relative L2 error of the score at most {worst:.3f}", figures)


@check("statistics", covers=("langevin.step", "langevin.annealed_eps"), rows=("LD-2", "LD-3"))
def scales_find_the_modes_weights(seed: int) -> Evidence:
    """Learnt scores are wrong between modes; plain Langevin loses weights that scales recover."""
    g = budget.generator("training.scales", seed)
    found = ncsn.run(ncsn.Config(train=Plan(900, rate=3e-3), chains=800), generator=g)
    _below("the score's error where data is dense", found.error_where_dense, 0.08)
    if not found.error_between > 3 * found.error_where_dense:
        raise AssertionError("between the modes the learnt score should be far worse")
    plain, annealed = found.weights["plain, learnt"], found.weights["annealed, learnt"]
    if not abs(plain - 0.8) > 0.2:
        raise AssertionError(f"plain Langevin should lose the weight 0.8, it found {plain:.3f}")
    _below("annealed Langevin's error of the weight 0.8", abs(annealed - 0.8), 0.12)
    return Evidence(
        f"weight 0.8: plain {plain:.2f}, annealed {annealed:.2f}",
        {
            "relative error of the score where dense": found.error_where_dense,
            "relative error of the score between modes": found.error_between,
            **{f"weight, {name}": w for name, w in found.weights.items()},
        },
    )


@check("statistics", covers=("ddpm.marginal", "ddpm.posterior"), rows=("DDPM-1",))
def a_trained_ddpm_nears_the_mixture(seed: int) -> Evidence:
    """Noise prediction and ancestral sampling, both variances; more steps are better."""
    g = budget.generator("training.ddpm", seed)
    found = ddpm.run(ddpm.Config(train=Plan(900), lengths=(10, 100), n=4000), generator=g)
    figures = {f"{who}, {v}, T={T}": d for (who, v, T), d in found.distance.items()}
    for variance in ("beta", "posterior"):
        many = found.distance["learnt", variance, 100]
        _below(f"the Kolmogorov distance with {variance}", many, 0.09)
        if not found.distance["learnt", variance, 10] > many:
            raise AssertionError(f"ten steps should be worse than a hundred ({variance})")
    return Evidence("Kolmogorov distances below 0.09 at T = 100 for both variances", figures)


@check(
    "statistics",
    covers=("likelihood.instantaneous", "likelihood.residual_step"),
    rows=("NF-2", "NF-3"),
)
def the_flow_knows_its_density(seed: int) -> Evidence:
    """log p by −∫∇·v equals the mixture's, and residual steps near it at first order."""
    law = mixture_2d()
    x = law.sample(64, budget.generator("training.density", seed))
    truth = law.log_density(x)
    found = likelihood.log_likelihood(field(law), x, tolerance=1e-8)
    gap = float((found - truth).abs().max())
    _below("the log-density's error", gap, 1e-5)  # local errors of 1e-8, some hundred steps
    low, high = (_residual_error(law, x, truth, T) for T in (320, 640))
    if not 1.7 < low / high < 2.3:  # order 1: a ratio of 2, up to O(h)
        raise AssertionError(f"residual steps should halve the error, {low:.4g} to {high:.4g}")
    return Evidence(
        f"log-density within {gap:.1e}; 640 residual steps within {high:.1e}",
        {"adaptive": gap, "320 steps": low, "640 steps": high},
    )


def _residual_error(law: Mixture, x: torch.Tensor, truth: torch.Tensor, T: int) -> float:
    found = likelihood.fixed_step(field(law), x, ode.euler, grids.uniform(T)).detach()
    return float((found - truth).abs().mean())


@check("statistics", covers=("likelihood.instantaneous",), rows=("NF-4",))
def likelihood_training_costs_more(seed: int) -> Evidence:
    """Step for step maximum likelihood is ahead of flow matching, second for second behind."""
    g = budget.generator("training.likelihood", seed)
    plan = maximum_likelihood.Config(Plan(60, rate=5e-3), Plan(1500), held_out=200)
    found = maximum_likelihood.run(plan, generator=g)
    slow, fast = found.maximum_likelihood, found.flow_matching
    if not found.flow_matching_as_few_steps.gap > slow.gap > fast.gap:
        raise AssertionError(f"gaps to the entropy: {vars(found)}")
    return Evidence(
        f"nats above the entropy: likelihood {slow.gap:.3f}, flow matching {fast.gap:.3f}; "
        f"network calls a step {slow.evaluations} against {fast.evaluations}",
        {"likelihood: gap": slow.gap, "flow matching: gap": fast.gap},
    )


@check("statistics", covers=("coupling.cost", "coupling.straightness"), rows=("OT-1", "OT-2"))
def minibatch_transport_straightens(seed: int) -> Evidence:
    """Minibatch transport: cheaper pairs, quieter targets, straighter paths, fewer steps."""
    g = budget.generator("training.transport", seed)
    config = coupling.Config(batch=128, train=Plan(700), n=800)
    rows = coupling.run(config, generator=g).rows
    free, matched = rows["independent"], rows["minibatch OT"]
    shares = {
        "cost": matched.cost / free.cost,
        "variance of the target": matched.target_variance / free.target_variance,
        "straightness": matched.straightness / free.straightness,
        "energy distance of one Euler step": matched.distance[1] / free.distance[1],
    }
    for name, share in shares.items():
        _below(f"the share of the independent coupling's {name}", share, 0.5)
    return Evidence(
        "shares of the independent coupling's: "
        + ", ".join(f"{name} {share:.2f}" for name, share in shares.items()),
        shares,
    )


@check(
    "statistics",
    covers=("guidance.classifier", "guidance.classifier_free", "guidance.bayes_score"),
    rows=("CFG-1", "CFG-2", "CFG-4", "CFG-5"),
)
def guided_networks_sample_the_conditional_law(seed: int) -> Evidence:
    """Null-label training and classifiers, exact and trained: p(x | y) at w = 1, crowding above."""
    g = budget.generator("training.guidance", seed)
    config = guiding.Config(
        train=Plan(1200), classifier=Plan(700), scales=(1.0, 3.0), n=800, sde_steps=50
    )
    found = guiding.run(config, generator=g)
    _below("the unconditional field's error", found.unconditional_error, 0.06)
    _below("the conditional field's error", found.conditional_error, 0.06)
    figures = {}
    for method in ("ode", "sde", "classifier, exact", "classifier, trained"):
        one, three = found.rows[method, 1.0], found.rows[method, 3.0]
        _below(f"the distance to p(x | y) at w = 1 ({method})", one.from_conditional, 0.05)
        if not (three.from_conditional > 0.1 and three.accuracy > one.accuracy):
            raise AssertionError(f"w = 3 should crowd where the label is sure ({method})")
        figures[f"{method}: distance to p(x | y), w = 1"] = one.from_conditional
        figures[f"{method}: distance to p(x | y), w = 3"] = three.from_conditional
    worst = max(v for k, v in figures.items() if k.endswith("1"))
    return Evidence(f"energy distance to p(x | y) at w = 1 at most {worst:.3f}", figures)


@check("statistics", covers=("objectives.flow_matching",), rows=("ARCH-3",))
def a_latent_flow_finds_the_labels(seed: int) -> Evidence:
    """Encoder, flow in the latent, decoder: labels of a plane in nine dimensions come back."""
    p, g = three_labels(), budget.generator("training.latent", seed)
    frame = torch.linalg.qr(torch.randn(9, 2, generator=g)).Q
    x, y = p.sample(2000, g)
    config = latent.Config(latent=2, autoencoder=Plan(600), flow=Plan(1200), w=1.0, n=300)
    found = latent.run(x.float() @ frame.T, y, x[:200].float() @ frame.T, config, generator=g)
    _below("the share of variance that the code loses", found.unexplained, 0.03)
    read = p.log_posterior(paths.linear(0.0), (found.samples @ frame).double()).argmax(dim=1)
    right = float((read == found.labels).double().mean())
    best = float((p.log_posterior(paths.linear(0.0), x).argmax(dim=1) == y).double().mean())
    _below("the distance to the Bayes accuracy", abs(right - best), 0.1)
    return Evidence(
        f"label accuracy {right:.3f}, Bayes {best:.3f}", {"accuracy": right, "Bayes": best}
    )
