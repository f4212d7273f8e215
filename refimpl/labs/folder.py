"""The folder of a lab: pictures, checkpoints while it runs, and metrics.json when it is done.

    settings.json      which lab, seed and size made this; a resumed run must agree
    *.png              pictures
    metrics.json       the numbers, the configuration and the versions; written last, whole or not

Files are written beside and renamed, so that a stopped lab leaves nothing half written.
"""

import json
import os
import platform
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import torch

from .. import outside

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Progress: TypeAlias = Callable[[float, str], None]
"""on_progress(share done in [0, 1], what is being done)."""


@dataclass(frozen=True)
class Settings:
    """What decides a lab's outcome.

    Attributes:
        quick: a few seconds instead of minutes: the same code, too short to learn much.
    """

    lab: int
    seed: int
    quick: bool


@dataclass(frozen=True)
class Folder:
    """Where a lab writes, and how it reports.

    Attributes:
        resume: training goes on from its checkpoints.
    """

    path: Path
    settings: Settings
    resume: bool
    on_progress: Progress | None = None
    started: float = field(default_factory=time.perf_counter)
    cpu_started: float = field(default_factory=time.process_time)

    @property
    def quick(self) -> bool:
        """Whether everything is cut short."""
        return self.settings.quick

    def say(self, share: float, message: str) -> None:
        """Report progress."""
        if self.on_progress is not None:
            self.on_progress(min(max(share, 0.0), 1.0), message)

    def checkpoint(self, name: str) -> Path:
        """The file of one training."""
        return self.path / "checkpoints" / f"{name}.pt"

    def training(self, start: float, end: float, what: str) -> Callable[[int, int, float], None]:
        """A training's progress as the lab's, between two shares."""
        return lambda step, steps, loss: self.say(
            start + (end - start) * step / steps, f"{what}: step {step} of {steps}, loss {loss:.4g}"
        )

    def picture(self, figure: "Figure", name: str) -> None:
        """Save a figure as PNG, without the date, so that equal runs give equal files."""
        beside = self.path / f".{name}.part"
        figure.savefig(beside, format="png", dpi=80, metadata={"Software": None})
        os.replace(beside, self.path / name)

    def finish(self, config: dict[str, Any], metrics: dict[str, Any]) -> None:
        """Write metrics.json."""
        record = {
            "lab": self.settings.lab,
            "seed": self.settings.seed,
            "quick": self.settings.quick,
            "resumed": self.resume,
            "seconds": round(time.perf_counter() - self.started, 1),
            "cpu_seconds": round(time.process_time() - self.cpu_started, 1),
            "config": config,
            "metrics": metrics,
            "pictures": sorted(file.name for file in self.path.glob("*.png")),
            "versions": {"python": platform.python_version(), "torch": torch.__version__},
        }
        write(self.path / "metrics.json", record)
        self.say(1.0, "done")


def prepare(
    path: Path, settings: Settings, resume: bool, on_progress: Progress | None = None
) -> Folder:
    """Make the folder, or take up the one of a stopped run.

    Raises:
        NotADirectoryError: `path` is a file.
        ValueError: resuming a run of other settings.
    """
    if path.exists() and not path.is_dir():
        raise NotADirectoryError(f"{path} is a file: give a folder for the lab's pictures")
    path.mkdir(parents=True, exist_ok=True)
    file, wanted = path / "settings.json", vars(settings)
    if resume and file.exists():
        found = outside.settings(file)
        if found != wanted:
            raise ValueError(
                f"{path} holds a run with {found}, asked for {wanted}: resume with the same "
                "settings, or give another folder"
            )
    else:
        shutil.rmtree(path / "checkpoints", ignore_errors=True)
        (path / "metrics.json").unlink(missing_ok=True)
        write(file, wanted)
    (path / "checkpoints").mkdir(exist_ok=True)
    return Folder(path, settings, resume, on_progress)


def write(file: Path, content: dict[str, Any]) -> None:
    """Write JSON beside `file`, then rename it into place."""
    beside = file.with_name(f".{file.name}.part")
    beside.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    os.replace(beside, file)
