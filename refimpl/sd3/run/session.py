"""A run in its folder: evaluation, lines of metrics, checkpoints, records, export.

    session = Session(trainer, out, resume, warn)      with session.held(): session.go(say)

Only the main process writes. After `kill -9` at any moment, a session that resumes goes on from the
newest checkpoint that is whole.
"""

import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import torch
import yaml

from ...runs import folder as folders
from ..engine import memory
from ..loop.train import Iteration, Trainer
from ..model import adapters
from ..settings.config import plain
from . import card, recording
from .evaluate import Evaluated, evaluate
from .trackers import Trackers

KIND = "sd3"
LIBRARIES = ("diffusers", "transformers", "peft", "accelerate", "safetensors", "tokenizers")


@dataclass(frozen=True)
class Progress:
    """What a front end shows.

    Attributes:
        done, of: iterations.
        line: what the last one brought, in words.
        values: its rewards, by name.
    """

    done: int
    of: int
    line: str
    values: dict[str, float]


Say = Callable[[Progress], None]


class Session:
    """A trainer and its folder; only the main process writes."""

    def __init__(
        self, trainer: Trainer, out: Path, resume: bool, warn: Callable[[str], None]
    ) -> None:
        self.trainer, self.config, self.engine = trainer, trainer.config, trainer.engine
        self.out, self.warn = out, warn
        if self.engine.main and not resume:
            self._create()
        self.engine.wait()
        kept = self.config.run
        self.folder = folders.reopen(
            out, KIND, plain(self.config), keep=kept.keep, milestone=kept.milestone
        )
        self.resume = resume
        self.first: dict[str, float] = {}
        self.trackers: Trackers | None = None

    def _create(self) -> None:
        kept, seeds = self.config.run, {"run": self.config.run.seed}
        folder = folders.create(
            self.out, KIND, plain(self.config), seeds, keep=kept.keep, milestone=kept.milestone
        )
        folder.write("config.yaml", yaml.safe_dump(plain(self.config), sort_keys=False))
        folder.write("environment.json", json.dumps(environment(), indent=2) + "\n")

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """The folder, for this run alone."""
        with folders.held(self.folder) if self.engine.main else contextlib.nullcontext():
            yield

    def go(self, say: Say) -> dict[str, Any]:
        """Iterate to the end."""
        self._take_up()
        trainer, config = self.trainer, self.config
        if self.engine.main:
            self.trackers = Trackers(config, self.folder.path, trainer.done)
        if config.run.record_every and not self.engine.sharded:
            trainer.before_update.append(self._record)
        while trainer.done < config.training.iterations:
            step = trainer.done
            found = self._evaluate(step) if step % config.evaluation.every == 0 else None
            measured = trainer.iterate()
            self._write(step, measured, found)
            if trainer.done % config.run.checkpoint_every == 0:
                self._checkpoint()
            if self.engine.main:
                rewards = {k: v for k, v in measured.values.items() if k.startswith("reward")}
                line = _line(measured, found)
                say(Progress(trainer.done, config.training.iterations, line, rewards))
        return self._finish()

    def _take_up(self) -> None:
        """Where the newest whole checkpoint was; every process reads it for itself."""
        if not self.resume:
            return
        if self.engine.main:
            for message in folders.take_up(self.folder).messages:
                self.warn(message)
        self.engine.wait()
        found = self.folder.checkpoints.newest()
        if found is not None:
            self.first = found.state.pop("first")
            self.trainer.restore(found.state)

    def _evaluate(self, step: int) -> Evaluated | None:
        if not self.trainer.data.held_out:
            return None
        found = evaluate(self.trainer, self.trainer.data.held_out)
        if step == 0:
            self.first = found.means
        if self.engine.main:
            self.folder.write(f"pictures/{step:08d}.png", found.sheet())
        return found

    def _write(self, step: int, measured: Iteration, found: Evaluated | None) -> None:
        if not self.engine.main or self.trackers is None:
            return
        means = {f"eval/{name}": x for name, x in found.means.items()} if found else {}
        values = {**means, **measured.values}
        self.folder.append(step, values)
        seconds = measured.seconds
        images = self.config.images / sum(seconds.values())
        peak = memory.peak_gib()
        speed = {**{f"seconds/{k}": v for k, v in seconds.items()}, "images a second": images,
                 **({"peak GiB": peak} if peak is not None else {})}  # fmt: skip
        with open(self.folder.path / "speed.jsonl", "a", encoding="utf-8") as file:
            file.write(json.dumps({"step": step, **speed}) + "\n")
        self.trackers.add(step, {**values, **speed})

    def _checkpoint(self) -> None:
        """State, and the averaged adapter in diffusers' format beside it."""
        state = {**self.trainer.state(), "first": self.first}
        if self.engine.main:
            self.folder.checkpoints.save(self.trainer.done, state)
        self._export(self.folder.path / "adapter", {})

    def _export(self, path: Path, means: dict[str, float]) -> None:
        with self.trainer.average.applied():
            tensors = self.engine.adapter()
            if self.engine.main:
                text = card.write(self.config, self.trainer.done, self.first, means)
                adapters.export(self.trainer.parts.transformer, path, state=tensors, card=text)
        self.engine.wait()

    def _record(self, trainer: Trainer, experience: Any, judged: Any, advantages: Any) -> None:
        if trainer.done % self.config.run.record_every == 0 and self.engine.main:
            groups = judged.total.reshape(advantages.shape)
            recording.record(self.folder.path / "record", self.config, trainer.local, experience,
                             groups, advantages, trainer.done)  # fmt: skip

    def _finish(self) -> dict[str, Any]:
        done = self.trainer.done
        found = self._evaluate(done)
        if not self.folder.checkpoints.file(done).exists():
            self._checkpoint()
        means = found.means if found else {}
        self._export(self.folder.path / "adapter", means)
        summary = {"iterations": done, "before": self.first, "after": means}
        if self.engine.main:
            self.folder.finish(summary, done)
        if self.trackers is not None:
            self.trackers.close()
        return summary


def environment() -> dict[str, str]:
    """The libraries, and the accelerator, that a run's numbers depend on."""
    found = {name: _version(name) for name in LIBRARIES}
    if torch.cuda.is_available():
        found |= {"gpu": torch.cuda.get_device_name(), "cuda": str(torch.version.cuda)}
    return {**found, "command": " ".join(sys.argv)}


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "none"


def _line(measured: Iteration, found: Evaluated | None) -> str:
    told = f"reward {measured.values['reward']:.4g}"
    return f"{told}, held out {found.means['reward']:.4g}" if found else told
