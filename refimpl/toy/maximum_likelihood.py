"""One flow trained twice: by maximum likelihood, and by flow matching.

    −E log p_θ(x), through an ODE solver           against           E‖v_θ(x_t, t) − ẋ_t‖²

Same network, same batches, same optimiser. Maximum likelihood minimises what is reported (the
negative log-likelihood of fresh data, whose least value is the entropy), but each of its steps
solves an ODE and differentiates through it; flow matching's costs one evaluation.
"""

import time
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from ..equations.ode import rk4
from ..simulate.grids import uniform
from .batches import Batch, from_law
from .examples import mixture_2d
from .likelihood import fixed_step, log_likelihood
from .losses import flow_matching
from .networks import MLP, as_field, build
from .training import Loss, Plan, train


@dataclass(frozen=True)
class Config:
    """Steps of each method, chosen for about the same wall time.

    Attributes:
        solver_steps: of RK4 in the likelihood; each evaluates the field four times.
        held_out: fresh samples for the reported likelihood.
    """

    likelihood: Plan = field(default_factory=lambda: Plan(150, rate=5e-3))
    matching: Plan = field(default_factory=lambda: Plan(3000))
    solver_steps: int = 8
    width: int = 64
    batch: int = 256
    held_out: int = 500


@dataclass(frozen=True)
class Row:
    """What a method cost, and what it reached.

    Attributes:
        evaluations: of the network, forward, per step of the optimiser.
        nll: −log p_θ of fresh data, the mean, by the adaptive solver with the exact divergence.
        gap: nll − entropy on the same data: an estimate of KL(data ‖ model).
        gap_error: its standard error.
    """

    steps: int
    seconds: float
    evaluations: int
    nll: float
    gap: float
    gap_error: float


@dataclass(frozen=True)
class Result:
    """Both methods at their full plans, and flow matching stopped at the other's steps."""

    maximum_likelihood: Row
    flow_matching: Row
    flow_matching_as_few_steps: Row
    entropy: float


def negative_log_likelihood(solver_steps: int) -> Loss:
    """−E log p_θ(data), differentiated through RK4; all its randomness is the batch."""
    grid = uniform(solver_steps)

    def loss(network: nn.Module, batch: Batch, generator: torch.Generator) -> Tensor:
        return -fixed_step(as_field(network), batch.data, rk4, grid).mean()

    return loss


def run(config: Config, *, generator: torch.Generator) -> Result:
    """Train three times from the same kind of start, and measure on the same fresh data."""
    law = mixture_2d()
    fresh = law.sample(config.held_out, generator)
    truth = law.log_density(fresh)

    def row(loss: Loss, plan: Plan, evaluations: int) -> Row:
        network = build(lambda: MLP(2, width=config.width, depth=2), generator)
        start = time.perf_counter()
        train(network, loss, from_law(law, config.batch), plan, generator=generator)
        seconds = time.perf_counter() - start
        log_p = log_likelihood(as_field(network), fresh, tolerance=1e-5)
        lost = truth - log_p
        error = float(lost.std()) / len(lost) ** 0.5
        gap = float(lost.mean())
        return Row(plan.steps, seconds, evaluations, -float(log_p.mean()), gap, error)

    matching = flow_matching()
    few = Plan(config.likelihood.steps, config.matching.rate)
    return Result(
        row(
            negative_log_likelihood(config.solver_steps),
            config.likelihood,
            4 * config.solver_steps,
        ),
        row(matching, config.matching, 1),
        row(matching, few, 1),
        -float(truth.mean()),
    )
