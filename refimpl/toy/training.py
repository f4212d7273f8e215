"""Training in one loop that can be read aloud.

    draw a batch,  loss,  gradient,  Adam step,  now and then a checkpoint

What is minimised is a function of `losses`, where data come from is a function of `batches`; all
randomness of a run comes from its one generator. A run that was stopped and resumed ends with the
same bits as one that was not: weights, optimiser, average, generator and step are saved together.
"""

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeAlias, TypeVar

import torch
from torch import Tensor, nn

from ..runs import checkpoint
from ..typed import typed
from .batches import Batch

Network = TypeVar("Network", bound=nn.Module)
Loss: TypeAlias = Callable[[nn.Module, Batch, torch.Generator], Tensor]
"""loss(network, batch, generator): one number to minimise; its noise comes from the generator."""
Draw: TypeAlias = Callable[[torch.Generator], Batch]
Progress: TypeAlias = Callable[[int, int, float], None]
"""on_progress(steps done, steps in all, loss)."""


@dataclass(frozen=True)
class Plan:
    """How long and how fast.

    Attributes:
        steps: of the optimiser.
        rate: Adam's first learning rate; it falls to zero along half a cosine.
        average: the decay of an exponential average of the weights; None for none.
        every: steps between checkpoints and between reports of progress.

    Raises:
        ValueError: a number out of range.
    """

    steps: int
    rate: float = 2e-3
    average: float | None = None
    every: int = 100

    def __post_init__(self) -> None:
        typed(self)
        if self.steps < 1 or self.every < 1:
            raise ValueError(
                f"steps are counted from 1, got steps={self.steps}, every={self.every}"
            )
        if not self.rate > 0:
            raise ValueError(f"the learning rate must be positive, got {self.rate!r}")
        if self.average is not None and not 0 < self.average < 1:
            raise ValueError(f"the average's decay must lie in (0, 1), got {self.average!r}")

    def rate_at(self, step: int) -> float:
        """The learning rate of a step, step = 0 first."""
        return self.rate * (1 + math.cos(math.pi * step / self.steps)) / 2


@dataclass(frozen=True, eq=False)
class Trained(Generic[Network]):
    """A finished run.

    Attributes:
        network: the trained network itself.
        averaged: its exponential average; the network itself where the plan has none.
        losses: one per step.
    """

    network: Network
    averaged: Network
    losses: tuple[float, ...] = field(repr=False)


def train(
    network: Network,
    loss: Loss,
    draw: Draw,
    plan: Plan,
    *,
    generator: torch.Generator,
    file: Path | None = None,
    resume: bool = False,
    on_progress: Progress | None = None,
) -> Trained[Network]:
    """Minimise the expected loss; the network is trained in place.

    Args:
        generator: all randomness of the run: batches, levels and noise.
        file: where checkpoints go; its folder must exist.
        resume: start from `file` if it exists. The plan must be the one it was written under.

    Raises:
        ValueError: a checkpoint that is damaged or of another run.
        FloatingPointError: the loss is not finite.
    """
    averaged = network if plan.average is None else copy.deepcopy(network)
    optimiser = torch.optim.Adam(network.parameters(), lr=plan.rate, fused=True)  # one pass
    losses: list[float] = []
    if resume and file is not None and file.exists():
        losses = _restore(file, network, averaged, optimiser, plan, generator)
    while len(losses) < plan.steps:
        for group in optimiser.param_groups:
            group["lr"] = plan.rate_at(len(losses))
        value = loss(network, draw(generator), generator)
        if not bool(torch.isfinite(value)):
            raise FloatingPointError(
                f"the loss of step {len(losses)} is {value.item()!r}: lower the rate "
                f"({plan.rate!r}), or keep levels away from where the target is infinite"
            )
        optimiser.zero_grad()
        torch.autograd.backward(value)
        optimiser.step()
        losses.append(value.item())
        if plan.average is not None:
            _follow(averaged, network, plan.average)
        if len(losses) % plan.every == 0 or len(losses) == plan.steps:
            if file is not None:
                _keep(file, network, averaged, optimiser, plan, generator, losses)
            if on_progress is not None:
                on_progress(len(losses), plan.steps, losses[-1])
    return Trained(network, averaged, tuple(losses))


@torch.no_grad()
def _follow(averaged: nn.Module, network: nn.Module, decay: float) -> None:
    """averaged ← decay · averaged + (1 − decay) · network."""
    for slow, fast in zip(averaged.parameters(), network.parameters(), strict=True):
        slow.lerp_(fast, 1 - decay)


def _settings(plan: Plan) -> dict[str, Any]:
    return {"steps": plan.steps, "rate": plan.rate, "average": plan.average}


def _keep(
    file: Path,
    network: nn.Module,
    averaged: nn.Module,
    optimiser: torch.optim.Optimizer,
    plan: Plan,
    generator: torch.Generator,
    losses: list[float],
) -> None:
    state = {
        "plan": _settings(plan),
        "network": network.state_dict(),
        "averaged": averaged.state_dict(),
        "optimiser": optimiser.state_dict(),
        "generator": generator.get_state(),
        "losses": losses,
    }
    checkpoint.save(file, state)


def _restore(
    file: Path,
    network: nn.Module,
    averaged: nn.Module,
    optimiser: torch.optim.Optimizer,
    plan: Plan,
    generator: torch.Generator,
) -> list[float]:
    state = checkpoint.load(file)
    if state.get("plan") != _settings(plan):
        raise ValueError(
            f"{file} was written under {state.get('plan')}, this run is {_settings(plan)}: "
            "use the same plan, or start without resume"
        )
    try:
        network.load_state_dict(state["network"])
        averaged.load_state_dict(state["averaged"])
    except RuntimeError as error:
        raise ValueError(f"{file} belongs to another network: {error}") from error
    optimiser.load_state_dict(state["optimiser"])
    generator.set_state(state["generator"])
    return list(state["losses"])
