"""A run as an artefact: one folder that says what was run, how, and what came of it.

    run.json            kind, configuration, seeds, versions, commit; written once, before all else
    metrics.jsonl       a line a step; the same bytes however often the run was killed and resumed
    sessions.jsonl      when it was started, resumed and finished, and where
    checkpoints/        the newest ones, each with its digest
    record/             rollouts, for `refimpl audit`
    *.svg, *.png        pictures;   report.md, report.html   a page;   tensorboard/   curves
    summary.json        what came of it; written last, so a run that has it is finished

The folder appears at once, by a rename, and every file in it is written beside and renamed (or
appended and repaired). After `kill -9`, `take_up` continues where the newest checkpoint was.
"""

import contextlib
import json
import os
import shutil
import socket
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..outside import MIB, settings
from . import atomic, metrics
from .checkpoint import Series
from .versions import versions


@dataclass(frozen=True)
class Folder:
    """A run's directory, for the one process that writes to it.

    Attributes:
        path: the directory.
        checkpoints: the series of its states.
    """

    path: Path
    checkpoints: Series

    @property
    def metrics(self) -> Path:
        """metrics.jsonl."""
        return self.path / "metrics.jsonl"

    @property
    def finished(self) -> bool:
        """Whether the run came to its end."""
        return (self.path / "summary.json").exists()

    def append(self, step: int, values: Mapping[str, Any]) -> None:
        """One line of metrics, synced before this returns."""
        metrics.append(self.metrics, step, values)

    def write(self, name: str, content: str | bytes) -> Path:
        """A file of the folder, whole or as it was."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic.write(path, content.encode() if isinstance(content, str) else content)
        return path

    def note(self, event: str, step: int, **more: Any) -> None:
        """A line of sessions.jsonl: what differs between two equal runs belongs here."""
        row = {
            "event": event,
            "step": step,
            **metrics.plain(more),
            "time": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
            "host": socket.gethostname(),
            "process": os.getpid(),
        }
        with open(self.path / "sessions.jsonl", "a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")

    def finish(self, summary: Mapping[str, Any], step: int) -> None:
        """summary.json, the last file: the run is done."""
        self.note("finished", step)
        self.write("summary.json", json.dumps(metrics.plain(summary), indent=2) + "\n")


@dataclass(frozen=True)
class TakenUp:
    """Where a run goes on.

    Attributes:
        step: the number of steps that are done.
        state: what was saved then; None at the very beginning.
        messages: what a user should be told: damaged checkpoints, removed lines, other versions.
    """

    step: int
    state: dict[str, Any] | None
    messages: tuple[str, ...]


def create(
    path: Path,
    kind: str,
    config: Mapping[str, Any],
    seeds: Mapping[str, int],
    *,
    keep: int = 2,
    milestone: int | None = None,
) -> Folder:
    """A new run's folder, with its run.json; it appears whole.

    Raises:
        FileExistsError: something is there: nothing is overwritten.
    """
    if path.exists():
        raise FileExistsError(
            f"{path} exists: continue that run with --resume, or name another folder with --out"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    shutil.rmtree(beside, ignore_errors=True)
    folder = Folder(beside, Series(beside / "checkpoints", keep, milestone))
    folder.checkpoints.folder.mkdir(parents=True)
    about = {
        "kind": kind,
        "config": metrics.plain(config),
        "seeds": dict(seeds),
        "versions": versions(),
    }
    folder.write("run.json", json.dumps(about, indent=2) + "\n")
    folder.write("metrics.jsonl", b"")
    folder.note("started", 0)
    os.rename(beside, path)
    atomic.sync(path.parent)
    return Folder(path, Series(path / "checkpoints", keep, milestone))


def about(path: Path) -> dict[str, Any]:
    """What run.json says.

    Raises:
        FileNotFoundError: not the folder of a run.
        ValueError: a run.json that was damaged.
    """
    file = path / "run.json"
    if not file.is_file():
        raise FileNotFoundError(f"{path} is not the folder of a run: it has no run.json")
    found = settings(file, 64 * MIB)
    kinds = {"kind": str, "config": dict, "versions": dict}
    if not all(isinstance(found.get(key), wanted) for key, wanted in kinds.items()):
        raise ValueError(f"{file} does not describe a run: it needs kind, config and versions")
    return metrics.restored(found)


def summary(path: Path) -> dict[str, Any]:
    """What summary.json says of a finished run.

    Raises:
        FileNotFoundError: the run is not finished.
        ValueError: a summary.json that was damaged.
    """
    file = path / "summary.json"
    if not file.is_file():
        raise FileNotFoundError(f"the run in {path} is not finished: continue it with --resume")
    return metrics.restored(settings(file, 64 * MIB))


def reopen(
    path: Path,
    kind: str,
    config: Mapping[str, Any],
    *,
    keep: int = 2,
    milestone: int | None = None,
) -> Folder:
    """The folder of a run that was stopped, if it is a run of this kind and configuration.

    Raises:
        FileNotFoundError: not the folder of a run.
        ValueError: another run; the settings that differ are named.
    """
    found, wanted = about(path), metrics.restored(metrics.plain(config))
    if found["kind"] != kind:
        raise ValueError(f"{path} holds a run of {found['kind']}, not of {kind}")
    before = found["config"]
    if before != wanted:
        different = [
            f"{key}: {before.get(key)!r} there, {wanted.get(key)!r} here"
            for key in sorted({*before, *wanted})
            if before.get(key) != wanted.get(key)
        ]
        raise ValueError(
            f"{path} was started with other settings ({'; '.join(different)}): "
            "resume with the same, or name another folder with --out"
        )
    return Folder(path, Series(path / "checkpoints", keep, milestone))


def take_up(folder: Folder) -> TakenUp:
    """Find the newest whole checkpoint and put the folder back to that moment.

    Raises:
        ValueError: every checkpoint is damaged, or metrics are missing.
    """
    atomic.sweep(folder.path)
    found = folder.checkpoints.newest()
    step = found.step if found else 0
    messages = (
        [f"{text}; the one of step {step} is used" for text in found.refused] if found else []
    )
    removed = metrics.cut(folder.metrics, step)
    folder.checkpoints.forget_after(step)
    folder.checkpoints.prune()
    if strays := folder.checkpoints.strays:
        messages.append(f"ignored in {folder.checkpoints.folder}: {', '.join(strays)}")
    if removed:
        messages.append(f"{removed} lines of metrics after step {step} are computed again")
    before, now = about(folder.path)["versions"], versions()
    changed = [f"{k} {before.get(k)} → {now[k]}" for k in now if before.get(k) != now[k]]
    if changed:
        messages.append(f"other versions than at the start, bits may differ: {', '.join(changed)}")
    folder.note("resumed", step)
    return TakenUp(step, found.state if found else None, tuple(messages))


@contextlib.contextmanager
def held(folder: Folder) -> Iterator[None]:
    """Keep every other process out while this one writes; a killed process lets go by itself.

    Raises:
        BlockingIOError: another process is writing to this run.
    """
    import fcntl

    with open(folder.path / ".lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BlockingIOError(
                f"another process is writing to {folder.path}: wait for it, or stop it"
            ) from None
        yield
