"""A run from its settings: what can be refused is refused, then model and processes are made ready.

    run(config, out=Path("runs/ocr"), resume=False)

Settings, prompts, rewards and weights are looked at before the folder is made. The rest is
`session`'s.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from ..engine import memory
from ..engine import processes as engine
from ..engine.assemble import Parts, assemble
from ..engine.processes import Engine
from ..loop import data
from ..loop.data import Prompted
from ..loop.prompts import Prompts
from ..loop.train import Trainer
from ..rewards import Mixture, Reward
from ..settings.config import Config
from . import resuming
from .progress import Say
from .session import Session


def run(
    config: Config,
    out: Path,
    *,
    resume: bool = False,
    say: Say = lambda progress: None,
    warn: Callable[[str], None] = lambda text: None,
) -> dict[str, Any]:
    """Train as the configuration says; what summary.json holds.

    Args:
        out: the run's folder; must not exist, unless `resume`.
        say, warn: told of progress, and of what a user should know, by the main process.

    Raises:
        ValueError, OSError, RewardError, MemoryError: each with what to do.
    """
    _check(config, out, resume)
    prompted = data.gather(config)
    engine.deterministic(config.run.deterministic, tf32=config.run.tf32)
    accelerator = engine.accelerator(config.model.dtype)
    with engine.all_or_none(accelerator):
        mixture, examiner = judges(config, accelerator.device)
        for judge, prompts in ((mixture, prompted.train), (examiner, prompted.held_out)):
            rehearse(judge, prompts[:1], config.sampling.resolution)
    with engine.all_or_none(accelerator), memory.guarded("loading the model"):
        parts = assemble(
            config, accelerator.device, prompted.texts,
            rank=accelerator.process_index, world=accelerator.num_processes,
        )  # fmt: skip
    ready = Engine(accelerator, parts.transformer, config.training)
    return carry_out(config, parts, prompted, mixture, ready, out,
                     examiner=examiner, resume=resume, say=say, warn=warn)  # fmt: skip


def judges(config: Config, device: torch.device) -> tuple[Mixture, Mixture]:
    """The rewards of training and those of evaluation; one that is in both is made once.

    Args:
        device: of this process. accelerate must have set it, so that reward models of eight
            processes lie on eight GPUs.

    Raises:
        ValueError, RewardError: a reward that is unknown or cannot be made.
    """

    def named(weights: Mapping[str, float], made: Mapping[str, Reward]) -> Mixture:
        options = {name: x for name, x in config.rewards.options.items() if name in weights}
        return Mixture.named(weights, options, device=device, made=made)

    training = named(config.rewards.weights, {})
    if config.rewards.evaluation is None:
        return training, training
    return training, named(config.rewards.evaluation, training.rewards)


def rehearse(mixture: Mixture, prompts: Prompts, resolution: int) -> None:
    """Show the rewards one grey image, so that a server that is away, or metadata that are missing,
    stop the run before it begins.

    Raises:
        RewardError: what a reward has to say.
    """
    for prompt in prompts:
        image = torch.full((1, 3, resolution, resolution), 0.5)
        mixture(image, [prompt.text], [prompt.metadata])


def carry_out(
    config: Config,
    parts: Parts,
    prompted: Prompted,
    mixture: Mixture,
    ready: Engine,
    out: Path,
    *,
    examiner: Mixture | None = None,
    resume: bool = False,
    say: Say = lambda progress: None,
    warn: Callable[[str], None] = lambda text: None,
) -> dict[str, Any]:
    """The same with parts of your own."""
    with Trainer(config, parts, prompted, mixture, ready, examiner) as trainer:
        session = Session(trainer, out, resume, warn)
        with session.held():
            return session.go(say)


def _check(config: Config, out: Path, resume: bool) -> None:
    if resume and not (out / "run.json").is_file():
        raise FileNotFoundError(f"{out} is not the folder of a run: nothing to resume")
    if resume:
        resuming.changes(out, config)  # refused before anything is loaded
    if not resume and out.exists():
        raise FileExistsError(
            f"{out} exists: go on with --resume, or name another folder with --out"
        )
