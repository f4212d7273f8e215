"""A run in its folder: evaluation, lines of metrics, checkpoints, records, export.

    session = Session(trainer, out, resume, warn)      with session.held(): session.go(say)

Only the main process writes. After `kill -9` at any moment, a session that resumes goes on from the
newest checkpoint that is whole.
"""

import contextlib
import json
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

import torch
import yaml

from ...runs import folder as folders
from ...runs import report
from ..engine import disk, memory
from ..loop.together import Stopped
from ..loop.train import Iteration, Trainer
from ..model import adapters, whole
from ..settings.config import plain
from . import card, leaving, progress, recording, resuming
from .evaluate import Evaluated, evaluate
from .progress import Pace, Progress, Say
from .resuming import flat
from .trackers import Trackers

KIND = "sd3"
LIBRARIES = ("diffusers", "transformers", "peft", "accelerate", "safetensors", "tokenizers")


PERSISTS = 8
"""Updates skipped one after another, from which on it is no longer fp16's scale being found."""


class Session:
    """A trainer and its folder; only the main process writes."""

    def __init__(
        self, trainer: Trainer, out: Path, resume: bool, warn: Callable[[str], None]
    ) -> None:
        self.trainer, self.config, self.engine = trainer, trainer.config, trainer.engine
        self.out, self.warn = out, warn
        self.engine.on_main(self._create if not resume else lambda: None)
        self.changes = resuming.changes(out, self.config)
        kept, begun = self.config.run, folders.about(out)["config"]
        self.folder = folders.reopen(out, KIND, begun, keep=kept.keep, milestone=kept.milestone)
        self.resume = resume
        self.first: dict[str, float] = {}
        self.trackers: Trackers | None = None
        self._saved = time.monotonic()
        self._told_of_skipped = 0

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
        self.engine.on_main(self._open_trackers)
        if config.run.record_every and not self.engine.sharded:
            trainer.before_update.append(self._record)
        with leaving.heeded() as asked, disk.guarded(self.folder.path):
            trainer.together.asked = lambda: asked.signal
            try:
                self._iterate(say)
                return self._finish()
            except Stopped:
                self._leave()
                raise

    def _open_trackers(self) -> None:
        self.trackers = Trackers(self.config, self.folder.path, self.trainer.done)

    def _iterate(self, say: Say) -> None:
        """Every iteration that is left."""
        trainer, config, pace = self.trainer, self.config, Pace()
        while trainer.done < config.training.iterations:
            step = trainer.done
            trainer.together.heed()
            found = self._evaluate(step) if step % config.evaluation.every == 0 else None
            measured = trainer.iterate()
            self.engine.on_main(partial(self._write, step, measured, found))
            self._warn_of_overflow()
            if self._due():
                self._checkpoint()
            pace.done()
            if self.engine.main:
                rewards = {k: v for k, v in measured.values.items() if k.startswith("reward")}
                held_out = found.means["reward"] if found else None
                left = config.training.iterations - trainer.done
                line = progress.line(measured.values, held_out, pace, left)
                say(Progress(trainer.done, config.training.iterations, line, rewards))

    def _warn_of_overflow(self) -> None:
        """Say that fp16 does not get on, each time that twice as many updates were skipped."""
        skipped = self.trainer.skipped_in_a_row
        if self.engine.main and skipped >= PERSISTS and skipped > 2 * self._told_of_skipped:
            self._told_of_skipped = skipped
            self.warn(
                f"the last {skipped} updates were skipped, for gradients overflow in fp16 however "
                "small the loss is scaled: start again with model.dtype=bf16"
            )
        if not skipped:
            self._told_of_skipped = 0

    def _due(self) -> bool:
        """Whether it is time for a checkpoint; the main process's clock counts."""
        run, done = self.config.run, self.trainer.done
        if done % run.checkpoint_every == 0:
            return True
        if run.checkpoint_minutes is None:
            return False
        late = time.monotonic() - self._saved > 60 * run.checkpoint_minutes
        return bool(self.engine.gathered(torch.tensor([late], dtype=torch.int32))[0])

    def _leave(self) -> None:
        """Keep what is done before the process ends; a new run has nothing to keep."""
        done = self.trainer.done
        if done and not self.folder.checkpoints.file(done).exists():
            self._checkpoint()
        if self.engine.main:
            self.folder.note("stopped", done)
        self.engine.wait()

    def _take_up(self) -> None:
        """Where the newest whole checkpoint was; every process reads it for itself."""
        if not self.resume:
            return
        self.engine.on_main(self._put_back)
        found = self.folder.checkpoints.newest()
        if found is not None:
            self.first = found.state.pop("first")
            self.trainer.restore(found.state)
        if self.changes.keys() & {*resuming.COMPARED}:
            self.first = {}

    def _put_back(self) -> None:
        """The folder as it was at its newest whole checkpoint."""
        taken = folders.take_up(self.folder)
        for message in taken.messages:
            self.warn(message)
        self._record_changes(taken.step)

    def _record_changes(self, step: int) -> None:
        """Other settings than before: told, and kept in the run's history.

        Raises:
            ValueError: fewer iterations than are done.
        """
        if step > self.config.training.iterations:
            raise ValueError(
                f"training.iterations={self.config.training.iterations} is less than the {step} "
                f"iterations that the run in {self.out} has done"
            )
        if step < self.config.training.iterations:  # a finished run may go on
            (self.out / "summary.json").unlink(missing_ok=True)
        if self.changes:
            told = ", ".join(f"{key} {a!r} → {b!r}" for key, (a, b) in self.changes.items())
            self.warn(f"from iteration {step} with other settings: {told}")
            self.folder.note("changed", step, changes=self.changes)
            self.folder.write("config.yaml", yaml.safe_dump(plain(self.config), sort_keys=False))

    def _evaluate(self, step: int) -> Evaluated | None:
        if not self.trainer.data.held_out:
            return None
        found = evaluate(self.trainer, self.trainer.data.held_out)
        if step == 0:
            self.first = found.means
        self.engine.on_main(lambda: self._draw(step, found))
        return found

    def _draw(self, step: int, found: Evaluated) -> None:
        sheet = found.sheet()
        self.folder.write(f"pictures/{step:08d}.png", sheet)
        if self.trackers is not None:
            self.trackers.picture(step, sheet)

    def _write(self, step: int, measured: Iteration, found: Evaluated | None) -> None:
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
        if self.trackers is not None:
            self.trackers.add(step, {**values, **speed})

    def _checkpoint(self) -> None:
        """State, and the average in diffusers' format beside it."""
        state = {**self.trainer.state(), "first": self.first}
        self.engine.on_main(lambda: self.folder.checkpoints.save(self.trainer.done, state))
        self._export({})
        self._saved = time.monotonic()

    def _export(self, means: dict[str, float]) -> None:
        path = self.folder.path / card.FOLDERS[self.config.adapter.kind]
        export = whole.export if self.config.adapter.kind == "full" else adapters.export
        with self.trainer.average.applied():
            tensors = self.engine.adapter()
            moved = self.trainer.average.moved
            text = card.write(self.config, self.trainer.done, self.first, means, moved=moved)
            self.engine.on_main(
                lambda: export(self.trainer.parts.transformer, path, state=tensors, card=text)
            )

    def _record(self, trainer: Trainer, experience: Any, judged: Any, advantages: Any) -> None:
        if trainer.done % self.config.run.record_every:
            return
        groups = judged.total.reshape(advantages.shape)
        self.engine.on_main(
            lambda: recording.record(self.folder.path / "record", self.config, trainer.local,
                                     experience, groups, advantages, trainer.done)
        )  # fmt: skip

    def _finish(self) -> dict[str, Any]:
        done = self.trainer.done
        found = self._evaluate(done)
        if not self.folder.checkpoints.file(done).exists():
            self._checkpoint()
        means = found.means if found else {}
        self._export(means)
        average = self.trainer.average
        summary = {"iterations": done, "before": self.first, "after": means,
                   "average_moved": average.moved}  # fmt: skip
        if self.engine.main and not average.moved:
            self.warn(
                f"the exported {card.FOLDERS[self.config.adapter.kind]} is untouched: the average "
                f"moves every {average.every} "
                f"optimiser steps, and the run made {average.steps}; train for longer, or set "
                "ema.every=1"
            )
        self.engine.on_main(lambda: report.write(self.folder, flat(summary)))
        self.engine.on_main(lambda: self.folder.finish(summary, done))
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
