"""Pre-training of the miniature: flow matching on captioned pictures, drawn anew at every step.

    x_t = (1 − t) z + t ε        ‖v_θ(x_t, t, caption) − (ε − z)‖²        caption ← "" at rate η

Levels are logit-normal, towards noise, where a picture's objects are decided and captions are
needed; a tenth of them are uniform, so that the ends are learnt too. A run is a
folder of `refimpl.runs`: killed at any moment it goes on from its newest checkpoint to the same
bits. What it leaves is a pipeline of diffusers with the averaged weights.
"""

import copy
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor

from ...equations import conventions, expand_like, objectives, paths
from ...runs import folder as runs
from ..model.text import Text
from .captions import Caption, caption_of, splits
from .drawing import draw
from .network import latents, save, transformer
from .words import Words

Progress: TypeAlias = Callable[[int, int, float], None]
"""on_progress(steps done, steps in all, loss)."""


@dataclass(frozen=True)
class Settings:
    """How long and how fast.

    Attributes:
        steps: of the optimiser.
        batch: pictures a step.
        rate: AdamW's first learning rate; it falls to zero along half a cosine.
        average: the decay of the weights' exponential average, which is what is kept; less in the
            beginning, so that the random weights are soon forgotten.
        dropped: the share of captions replaced by the empty one, for guidance.
        uniform: the share of levels drawn evenly; the others are logit-normal.
        location: of the logit's normal law; log 2 is a shift of the levels by 2.
        seed: of weights, pictures, levels and noise.
        checkpoint_every: steps between checkpoints.

    Raises:
        ValueError: a number out of range.
    """

    steps: int = 2000
    batch: int = 64
    rate: float = 1.5e-3
    average: float = 0.998
    dropped: float = 0.1
    uniform: float = 0.1
    location: float = math.log(2)
    seed: int = 0
    checkpoint_every: int = 100

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "checkpoint_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)!r}")
        for name in ("dropped", "uniform"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is a share in [0, 1], got {getattr(self, name)!r}")
        if not math.isfinite(self.location):
            raise ValueError(f"location must be finite, got {self.location!r}")
        if not 0 < self.average < 1 or not self.rate > 0:
            raise ValueError(
                f"average must lie in (0, 1) and rate be positive, got {self.average!r} and "
                f"{self.rate!r}"
            )

    def rate_at(self, step: int) -> float:
        """The learning rate of a step, step = 0 first."""
        return self.rate * (1 + math.cos(math.pi * step / self.steps)) / 2

    def decay_at(self, step: int) -> float:
        """The average's decay at a step: min(average, (1 + step)/(10 + step))."""
        return min(self.average, (1 + step) / (10 + step))


def levels(
    n: int, uniform: float, location: float, generator: torch.Generator
) -> Float[Tensor, " n"]:
    """Noise levels: sigmoid of location plus a normal number, or even with probability `uniform`.

    Source: Esser et al. 2024, arXiv:2403.03206, Section 3.1 (logit-normal, scale 1).
    """
    central = (location + torch.randn(n, generator=generator)).sigmoid()
    even = torch.rand(n, generator=generator)
    return torch.where(torch.rand(n, generator=generator) < uniform, even, central)


def loss(
    network: Any, z: Float[Tensor, "B 3 16 16"], text: Text, t: Float[Tensor, " B"], noise: Tensor
) -> Tensor:
    """‖v_θ − (ε − z)‖², averaged over pixels and batch."""
    c = paths.linear(expand_like(t, z))
    (v,) = network(
        hidden_states=paths.interpolate(c, z, noise),
        encoder_hidden_states=text.embeddings,
        pooled_projections=text.pooled,
        timestep=conventions.network_time(t),
        return_dict=False,
    )
    found: Tensor = objectives.flow_matching(v, paths.velocity(c, z, noise)).mean()
    return found


class _State:
    """All that a resumed run needs: weights, average, optimiser, generator."""

    def __init__(self, settings: Settings, device: torch.device, shape: dict[str, Any]) -> None:
        self.network = transformer(settings.seed, **shape).to(device)
        self.averaged = copy.deepcopy(self.network).requires_grad_(False)
        self.optimiser = torch.optim.AdamW(self.network.parameters(), lr=settings.rate, fused=True)
        self.generator = torch.Generator().manual_seed(settings.seed)

    def saved(self) -> dict[str, Any]:
        return {
            "network": self.network.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "generator": self.generator.get_state(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        self.network.load_state_dict(state["network"])
        self.averaged.load_state_dict(state["averaged"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.generator.set_state(state["generator"])


class _Captions:
    """The captions to train on and their text, the empty one last."""

    def __init__(self, device: torch.device) -> None:
        train, _ = splits()
        self.captions: list[Caption] = [caption_of(prompt) for prompt in train]
        self.text = Words()([prompt.text for prompt in train] + [""]).to(device)

    def draw(self, settings: Settings, generator: torch.Generator) -> tuple[Tensor, Text]:
        """A batch: latents on the CPU, and text."""
        chosen = torch.randint(len(self.captions), (settings.batch,), generator=generator)
        z = latents(draw([self.captions[i] for i in chosen.tolist()], generator))
        kept = torch.rand(settings.batch, generator=generator) >= settings.dropped
        told = torch.where(kept, chosen, len(self.captions))
        return z, self.text.rows(told.to(self.text.embeddings.device))


def pretrain(
    out: Path,
    settings: Settings,
    *,
    resume: bool = False,
    device: torch.device | str = "cpu",
    shape: dict[str, Any] | None = None,
    on_progress: Progress | None = None,
) -> Path:
    """Train from random weights; the folder of the pipeline with the averaged ones.

    Args:
        out: the run's folder; it must not exist, or be this run's when `resume`.
        shape: entries of `network.TRANSFORMER` to change, for smaller ones.

    Raises:
        FileExistsError: `out` exists and `resume` is not asked for.
        ValueError: `out` is another run's, or its checkpoints are all damaged.
        FloatingPointError: the loss is not finite.
    """
    kind, config = "shapes pre-training", {**asdict(settings), "transformer": shape or {}}
    device = torch.device(device)
    state, done = _State(settings, device, shape or {}), 0
    if resume:
        run = runs.reopen(out, kind, config)
    else:
        run = runs.create(out, kind, config, {"seed": settings.seed})
    with runs.held(run):
        if resume:
            taken = runs.take_up(run)
            done = taken.step
            if taken.state is not None:
                state.restore(taken.state)
        if not run.finished:
            _train(run, state, settings, done, on_progress)
    return run.path / "pipeline"


def _train(
    run: runs.Folder, state: _State, settings: Settings, done: int, on_progress: Progress | None
) -> None:
    device = next(state.network.parameters()).device
    captions, cpu = _Captions(device), time.process_time()
    for step in range(done, settings.steps):
        for group in state.optimiser.param_groups:
            group["lr"] = settings.rate_at(step)
        z, text = captions.draw(settings, state.generator)
        t = levels(len(z), settings.uniform, settings.location, state.generator)
        noise = torch.randn(z.shape, generator=state.generator)
        value = loss(state.network, z.to(device), text, t.to(device), noise.to(device))
        number = value.item()
        if not math.isfinite(number):
            raise FloatingPointError(
                f"the loss of step {step} is {number!r}: lower the rate ({settings.rate!r})"
            )
        state.optimiser.zero_grad()
        torch.autograd.backward(value)
        state.optimiser.step()
        _follow(state.averaged, state.network, settings.decay_at(step))
        run.append(step, {"loss": number, "rate": settings.rate_at(step)})
        if (step + 1) % settings.checkpoint_every == 0 or step + 1 == settings.steps:
            run.checkpoints.save(step + 1, state.saved())
        if on_progress is not None:
            on_progress(step + 1, settings.steps, number)
    save(state.averaged, run.path / "pipeline")
    run.finish({"cpu_seconds_of_this_session": time.process_time() - cpu}, settings.steps)


@torch.no_grad()
def _follow(averaged: Any, network: Any, decay: float) -> None:
    """averaged ← decay · averaged + (1 − decay) · network."""
    for slow, fast in zip(averaged.parameters(), network.parameters(), strict=True):
        slow.lerp_(fast, 1 - decay)
