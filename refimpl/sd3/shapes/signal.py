"""Which steps teach: gradients of independent half batches, step by step and summed.

    cosine      what two halves have in common, about S/(S + N): S the signal's squared length, N
                the noise's in half a batch; near 0 there is nothing but noise
    norm        of the whole batch's gradient, at equal weights

A half is half of the prompts, with their whole groups. Nothing is trained: several batches of the
same policy are looked at, each step's gradient by itself, and then as different weights sum them.
All pairs of halves count, within a batch and across batches.
"""

import contextlib
import dataclasses
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from ... import methods
from ..engine import processes as engine
from ..engine.processes import Engine
from ..loop.data import Prompted
from ..loop.train import Trainer
from ..loop.update import Experience, batches, score
from ..rewards import Mixture
from ..settings.config import Config
from . import miniature
from .captions import splits


@dataclass(frozen=True)
class Signal:
    """What was seen.

    Attributes:
        steps: the trained steps, by index.
        levels: t of each.
        cosines: of each step's gradients, ⟨g, g′⟩ over ⟨g, g⟩, both averaged over halves.
        errors: standard errors of `cosines`, by leaving out one half after the other.
        norms: of each step's gradient, averaged over batches.
        weights: of each step, by the name of the rule ("equal", "levelled").
        summed: the cosine of the steps' sum with those weights, and its standard error.
        batches: how many.
    """

    steps: tuple[int, ...]
    levels: tuple[float, ...]
    cosines: tuple[float, ...]
    errors: tuple[float, ...]
    norms: tuple[float, ...]
    weights: dict[str, tuple[float, ...]]
    summed: dict[str, tuple[float, float]]
    batches: int


class _Seen(Exception):
    """The gradients of a batch are known: do not train on it."""


def look(config: Config, pretrained: Path, count: int) -> Signal:
    """The signal of the pre-trained policy under a configuration's noise.

    Args:
        config: its window decides which steps draw noise, and are looked at.
        count: batches, each of new prompts and noise; at least 2.

    Raises:
        ValueError: fewer than 2 batches.
    """
    if count < 2:
        raise ValueError(f"a standard error needs at least 2 batches, got {count!r}")
    equal = config.method.but(weight="equal")
    accelerator = engine.accelerator(config.model.dtype)
    made = miniature.parts(config, pretrained, accelerator.device)
    ready = Engine(accelerator, made.transformer, config.training)
    mixture = Mixture.named(config.rewards.weights, config.rewards.options)
    found: list[Tensor] = []

    def see(trainer: Trainer, experience: Experience, *_: Any) -> None:
        found.append(_halves(trainer, equal, experience))
        raise _Seen

    with Trainer(config, made, Prompted(*splits()), mixture, ready) as trainer:
        trainer.before_update.append(see)
        for batch in range(count):
            trainer.done = batch
            with contextlib.suppress(_Seen):
                trainer.iterate()
    return _told(config, found)


def _halves(
    trainer: Trainer, equal: methods.Method, experience: Experience
) -> Float[Tensor, "K 2 P"]:
    """The objective's gradient, step by step, of the even and of the odd prompts."""
    parameters, rows = trainer.engine.parameters, trainer.config.training.rows
    alike = dataclasses.replace(experience, weights=(1.0,) * experience.steps)
    steps = []
    for step in range(experience.steps):
        sides = []
        for half in (0, 1):
            members = (experience.prompt % 2 == half).nonzero().flatten().tolist()
            total = torch.zeros(sum(p.numel() for p in parameters), dtype=torch.float64)
            for part in batches(members, [step], rows, experience.prompt.device):
                scored = score(trainer.local, equal, alike, part)
                parts = torch.autograd.grad(
                    scored.objective.sum() / len(members), parameters, materialize_grads=True
                )
                total += torch.cat([part.flatten() for part in parts]).double().cpu()
            sides.append(total)
        steps.append(torch.stack(sides))
    return torch.stack(steps)


def _told(config: Config, found: Sequence[Float[Tensor, "K 2 P"]]) -> Signal:
    plan = methods.plan(config.method, config.grid)
    weights = {
        rule: methods.plan(config.method.but(weight=rule), config.grid).weights
        for rule in ("equal", "levelled")
    }
    halves = torch.cat(list(found), dim=1)
    by_step = [cosine(step) for step in halves]
    norms = torch.stack([one.mean(dim=1).norm(dim=1) for one in found]).mean(dim=0)
    summed = {
        rule: cosine(torch.einsum("k,khp->hp", torch.tensor(w, dtype=halves.dtype), halves))
        for rule, w in weights.items()
    }
    return Signal(
        steps=plan.trained,
        levels=tuple(config.grid.levels[i] for i in plan.trained),
        cosines=tuple(mean for mean, _ in by_step),
        errors=tuple(error for _, error in by_step),
        norms=tuple(norms.tolist()),
        weights=weights,
        summed=summed,
        batches=len(found),
    )


def cosine(gradients: Float[Tensor, "n P"]) -> tuple[float, float]:
    """What independent gradients of one expectation have in common, and its standard error.

    ⟨g, g′⟩ averaged over all pairs, over the average of ⟨g, g⟩. The error is the jackknife's, which
    errs to the large side: by up to √2 where noise prevails.
    """
    products, n = gradients @ gradients.T, len(gradients)
    value = _shared(products)
    others = [_shared(products[kept][:, kept]) for kept in ~torch.eye(n, dtype=torch.bool)]
    spread = statistics.pvariance(others) * (n - 1)
    return value, spread**0.5


def _shared(products: Float[Tensor, "n n"]) -> float:
    n, own = len(products), products.trace()
    return float((products.sum() - own) / (n - 1) / own) if own > 0 else 0.0
