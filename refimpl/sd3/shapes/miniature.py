"""The miniature under Flow-GRPO: shapes that were pre-trained, improved with the trainer of SD3.5.

    learn(out, seconds=600)      pre-train for a third of the time, improve for the rest, measure

The loop, the settings and the artefact are those of `train sd3`; only the parts are small.
"""

import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from ...runs import metrics
from ..engine import processes as engine
from ..engine.assemble import Parts, fitted
from ..engine.processes import Engine
from ..loop.data import Prompted
from ..model.text import Store
from ..rewards import Mixture
from ..run import starting as run
from ..run.progress import Progress, Say
from ..settings import presets
from ..settings.config import Config
from . import network, pretraining
from .captions import splits
from .words import Words

LARGE = ("sampling.batch=384", "training.rows=1152")
"""Batches for a GPU; a CPU is faster with smaller ones."""


class OutOfTime(Exception):
    """The time given to a part is over."""


def parts(config: Config, pretrained: Path, device: torch.device) -> Parts:
    """The pre-trained miniature with an adapter on it.

    Raises:
        ValueError: no pipeline in that folder.
    """
    words = Words()
    store = Store(words, digest=words.digest(), folder=config.text.cache)
    return fitted(config, network.load(pretrained), store, device)


def improve(
    config: Config,
    pretrained: Path,
    out: Path,
    *,
    resume: bool = False,
    say: Say = lambda progress: None,
) -> dict[str, Any]:
    """Flow-GRPO from a pre-trained folder: a run's folder, and what its summary says."""
    accelerator = engine.accelerator(config.model.dtype)
    made = parts(config, pretrained, accelerator.device)
    ready = Engine(accelerator, made.transformer, config.training)
    train, held_out = splits()
    mixture = Mixture.named(config.rewards.weights, config.rewards.options)
    return run.carry_out(config, made, Prompted(train, held_out), mixture, ready, out,
                         resume=resume, say=say)  # fmt: skip


def learn(out: Path, *, seconds: float, device: torch.device) -> dict[str, Any]:
    """Everything in a given time: how good before, after, and on the way.

    Returns:
        Held-out strict reward by second, and what the run's summary holds if it came to an end.
    """
    begun = time.perf_counter()
    settings = pretraining.Settings(steps=_affordable(seconds / 3, device))
    pretrained = pretraining.pretrain(out / "pretraining", settings, device=device)
    config = presets.resolve(
        ["miniature"], None, [*LARGE, "training.iterations=800", "run.tensorboard=false"]
    )
    curve: list[dict[str, float]] = []
    summary: dict[str, Any] = {}
    with contextlib.suppress(OutOfTime):
        summary = improve(
            config, pretrained, out / "improved", say=_until(begun + seconds, curve, begun)
        )
    return {"pre-training steps": settings.steps, "curve": curve, "summary": summary,
            "seconds": time.perf_counter() - begun, "run": _told(out / "improved")}  # fmt: skip


def _affordable(seconds: float, device: torch.device) -> int:
    """Steps of pre-training that fit, from a short trial."""
    import tempfile

    trial = pretraining.Settings(steps=20, checkpoint_every=20)
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        pretraining.pretrain(Path(folder) / "trial", trial, device=device)
        each = (time.perf_counter() - start) / trial.steps
    return max(20, int(seconds / each))


def _until(deadline: float, curve: list[dict[str, float]], begun: float) -> Callable[..., None]:
    def say(progress: Progress) -> None:
        now = time.perf_counter()
        curve.append({"iteration": progress.done, "seconds": now - begun, **progress.values})
        if now > deadline:
            raise OutOfTime

    return say


def _told(folder: Path) -> dict[str, Any]:
    """Held-out rewards of the run, as its metrics have them."""
    rows = metrics.read(folder / "metrics.jsonl")
    return {
        str(row["step"]): row["eval/shapes/strict"] for row in rows if "eval/shapes/strict" in row
    }
