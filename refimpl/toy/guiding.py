"""Guidance, exact and trained, on a law whose fields and classifier are known.

    classifier guidance        v + w a_t ∇log p_t(y | x)              a classifier of noised data
    classifier-free guidance   (1 − w) v(x) + w v(x | y)              one network, y ← ∅ at rate η

With exact ingredients the two are one field. A trained network adds its error, a solver adds its
own: each is measured against the same sampling with the exact field. w = 1 samples p(x | y); at
w > 1 samples crowd where the label is sure, and follow no law that Bayes would name.
"""

from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from ..equations import expand_like, paths, sde
from ..equations.ode import Field, heun
from ..simulate import diffusion, rollout
from ..simulate.grids import Grid, uniform
from ..simulate.ode import solve
from .batches import Batch
from .labelled import Labelled, classifier_field, three_labels
from .losses import flow_matching
from .losses import uniform as uniform_levels
from .measures import energy_distance, field_error
from .networks import MLP, as_field, build, classifier_free_field
from .training import Plan, train


@dataclass(frozen=True)
class Config:
    """One guided network, one classifier, several scales.

    Attributes:
        eta: how often the label is dropped in training.
        scales: w.
        width: of both networks.
        y: the label that is asked for.
        ode_steps, sde_steps: of Heun and of Flow-GRPO's chain.
        a: the chain's noise.
        start: where classifier guidance starts, below its singularity at t = 1.
    """

    eta: float = 0.2
    scales: tuple[float, ...] = (0.0, 1.0, 2.0, 4.0)
    y: int = 2
    train: Plan = field(default_factory=lambda: Plan(4000))
    classifier: Plan = field(default_factory=lambda: Plan(2000))
    batch: int = 256
    width: int = 128
    n: int = 2000
    ode_steps: int = 40
    sde_steps: int = 100
    a: float = 0.7
    start: float = 0.999

    def __post_init__(self) -> None:
        if not 0 <= self.eta <= 1 or not 0 < self.start < 1:
            raise ValueError(f"eta is a probability and start a level below 1, got {self!r}")


@dataclass(frozen=True)
class Row:
    """Samples at one scale.

    Attributes:
        accuracy: the mean of the exact p(y | x) over samples.
        spread: the root mean square distance from the samples' mean.
        from_conditional: energy distance to p(x | y); 0 only for w = 1.
        from_exact: energy distance to the samples of the same solver under the exact guided field.
    """

    accuracy: float
    spread: float
    from_conditional: float
    from_exact: float


@dataclass(frozen=True)
class Result:
    """Errors of the fields, and a row per (method, w).

    Attributes:
        unconditional_error, conditional_error: relative L² errors of the trained fields.
        classifier_error: relative L² error of the trained classifier's gradient.
        rows: methods "ode", "sde" (classifier-free, trained), "classifier, exact" and "classifier,
            trained" (guiding the exact unconditional field).
        floor: the energy distance that chance alone makes.
        samples: per (method, w), shape (n, 2).
    """

    unconditional_error: float
    conditional_error: float
    classifier_error: float
    rows: dict[tuple[str, float], Row]
    floor: float
    samples: dict[tuple[str, float], Tensor] = field(repr=False)


class NoisedClassifier(nn.Module):
    """Logits of p_t(y | x_t), from a network that is handed α_t x_t instead of x_t.

    Noised data tell labels apart through α x alone, so nothing is lost; and the gradient carries a
    factor α = 1 − t, which is what cancels the infinity of a_t = −t/(1 − t) near pure noise.
    Without it a small error of the classifier there is multiplied by a thousand.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Float[Tensor, "B d"], t: Float[Tensor, " B"]) -> Float[Tensor, "B labels"]:
        """Unnormalised log-probabilities on the linear path."""
        answer: Tensor = self.network(paths.linear(expand_like(t, x)).alpha * x, t)
        return answer


def noised_classification(network: nn.Module, batch: Batch, generator: torch.Generator) -> Tensor:
    """Cross-entropy of the label of data at a random noise level: how p_t(y | x) is learnt."""
    t = uniform_levels()(len(batch.data), generator).to(batch.data.dtype)
    noise = torch.randn(batch.data.shape, generator=generator, dtype=batch.data.dtype)
    c = paths.linear(expand_like(t, batch.data))
    if batch.label is None:
        raise ValueError("a classifier needs labels: this batch has none")
    return cross_entropy(network(paths.interpolate(c, batch.data, noise), t), batch.label)


def trained_classifier_score(network: nn.Module, y: int) -> Field:
    """∇ₓ log p_θ(y | x_t), by differentiating the classifier."""
    dtype = next(network.parameters()).dtype

    def score(x: Tensor, t: float) -> Tensor:
        with torch.enable_grad():
            z = x.detach().to(dtype).requires_grad_()
            logits = network(z, torch.tensor(t, dtype=dtype).expand(len(z)))
            (slope,) = torch.autograd.grad(logits.log_softmax(dim=1)[:, y].sum(), z)
        return slope.to(x.dtype)

    return score


def run(config: Config, *, generator: torch.Generator) -> Result:
    """Train both, sample at every scale, and compare with the exact fields."""
    p, y = three_labels(), config.y
    loss, draw = flow_matching(eta=config.eta), p.draw(config.batch)
    network = build(lambda: MLP(2, width=config.width, labels=p.labels), generator)
    train(network, loss, draw, config.train, generator=generator)
    judge = build(lambda: NoisedClassifier(MLP(2, width=config.width, out=p.labels)), generator)
    train(judge, noised_classification, draw, config.classifier, generator=generator)

    def exact_score(x: Tensor, t: float) -> Tensor:
        return p.classifier_score(paths.linear(t), x, y)

    learnt_score = trained_classifier_score(judge, y)
    target = p.given[y].sample(config.n, generator)
    noise = torch.randn(config.n, 2, generator=generator, dtype=torch.float64)
    below = Grid((config.start, *uniform(config.ode_steps).levels[1:]))
    samples: dict[tuple[str, float], Tensor] = {}
    rows: dict[tuple[str, float], Row] = {}
    for w in config.scales:
        guided, free = p.guided(y, w), classifier_free_field(network, y, w)
        plain = p.guided(y, 0.0)
        walks: dict[str, tuple[Field, Field, Any]] = {
            "ode": (free, guided, uniform(config.ode_steps)),
            "sde": (free, guided, None),
            "classifier, exact": (classifier_field(plain, exact_score, w), guided, below),
            "classifier, trained": (classifier_field(plain, learnt_score, w), guided, below),
        }
        references: dict[Grid | None, Tensor] = {}
        for method, (used, exact, grid) in walks.items():
            x = _sample(used, noise, grid, config, generator)
            if grid not in references:
                references[grid] = _sample(exact, noise, grid, config, generator)
            reference = references[grid]
            samples[method, w] = x
            rows[method, w] = _row(p, y, x, reference, target)
    whole, part = p.guided(y, 0.0), p.guided(y, 1.0)
    levels = (0.1, 0.3, 0.5, 0.7, 0.9)
    return Result(
        field_error(as_field(network), whole, p.law, generator=generator).overall,
        field_error(as_field(network, y), part, p.given[y], generator=generator).overall,
        field_error(learnt_score, exact_score, p.law, generator=generator, levels=levels).overall,
        rows,
        energy_distance(p.given[y].sample(config.n, generator), target),
        samples,
    )


def _sample(
    used: Field, noise: Tensor, grid: Grid | None, config: Config, generator: torch.Generator
) -> Tensor:
    """Heun on a grid, or Flow-GRPO's chain where no grid is given."""
    if grid is not None:
        return solve(heun, used, noise, grid)
    g = diffusion.flow_grpo(config.a, sde.next_level)
    steps = uniform(config.sde_steps)
    return rollout(used, noise, steps, diffusion=g, generator=generator).states[-1]


def _row(p: Labelled, y: int, x: Tensor, reference: Tensor, target: Tensor) -> Row:
    spread = float(((x - x.mean(dim=0)) ** 2).sum(dim=1).mean().sqrt())
    accuracy = float(p.log_posterior(paths.linear(0.0), x)[:, y].exp().mean())
    return Row(accuracy, spread, energy_distance(x, target), energy_distance(x, reference))
