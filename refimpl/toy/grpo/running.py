"""A tuning run as an artefact: a folder that can be killed at any moment and taken up again.

    iterate → a line of metrics → now and then a checkpoint, a measurement, a record → conclude

Whatever happens between two checkpoints is computed again after a kill, with the same bits.
"""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...runs import folder as runs
from ...runs import metrics, report
from ...runs.board import Board
from . import recording, tasks
from .loop import Trainer
from .settings import Settings
from .tasks import Say, Task
from .watching import Iteration

MEASURE = 10
"""Iterations between measurements of the averaged policy."""


@dataclass(frozen=True)
class Request:
    """What to run, and where.

    Attributes:
        changes: settings by name, of the loop, the method or the task.
        out: the run's folder; None takes the first free one of runs/toy-NAME, runs/toy-NAME-2, …,
            or with `resume` the last one that is there.
        every: iterations between checkpoints; it changes no result.
        record: iterations between rollouts that are kept for `refimpl audit`; 0 for none.
        board: write TensorBoard curves.
    """

    task: str
    changes: Mapping[str, Any]
    short: bool = False
    resume: bool = False
    out: Path | None = None
    every: int = 10
    record: int = 50
    board: bool = False


@dataclass(frozen=True)
class Done:
    """A finished run.

    Attributes:
        first, last: lines of its metrics.
        worst_ratio_gap: the largest max |r − 1| before the first update of an iteration.
    """

    path: Path
    summary: Mapping[str, Any]
    first: Mapping[str, Any]
    last: Mapping[str, Any]
    worst_ratio_gap: float


def run(
    request: Request,
    say: Say = lambda share, text: None,
    warn: Callable[[str], None] = lambda text: None,
) -> Done:
    """Run a task to its end, from its beginning or from where it was stopped.

    Args:
        say: told the share that is done, and of what.
        warn: told what a user should know of a run that was taken up.

    Raises:
        ValueError: unknown names, values out of range, another run's folder, damaged checkpoints.
        FileExistsError: the folder exists, and `resume` was not asked for.
        FileNotFoundError: `resume` was asked for, and there is no run.
        RewardError: the reward function raised.
    """
    settings, options = tasks.configured(request.task, request.changes, request.short)
    config = {**settings.config, **options, "quick": request.short}
    kind = f"toy/{request.task}"
    path = request.out or default(request.task, request.resume)
    if request.resume:
        folder = runs.reopen(path, kind, config)
    else:
        folder = runs.create(path, kind, config, {"seed": settings.seed})
    try:
        with runs.held(folder):
            if not folder.finished:
                _go(folder, settings, options, request, say, warn)
    except Exception:
        if not request.resume and not metrics.read(folder.metrics):
            shutil.rmtree(path)  # it never began: nothing in it could be taken up
            if request.out is None and not any(path.parent.iterdir()):
                path.parent.rmdir()
        raise
    rows = metrics.read(folder.metrics)
    worst = max(row["readings"]["ratio_gap"][0] for row in rows)
    return Done(path, runs.summary(path), rows[0], rows[-1], worst)


def default(task: str, resume: bool) -> Path:
    """runs/toy-NAME, or that with the next number."""
    base = Path("runs") / f"toy-{task}"
    names = [base, *(base.with_name(f"{base.name}-{i}") for i in range(2, 1000))]
    free = next(i for i, name in enumerate(names) if not name.exists())
    return names[max(free - 1, 0)] if resume else names[free]


def _go(
    folder: runs.Folder,
    settings: Settings,
    options: Mapping[str, Any],
    request: Request,
    say: Say,
    warn: Callable[[str], None],
) -> None:
    taken = runs.take_up(folder)
    for message in taken.messages:
        warn(message)
    task = tasks.make(request.task, settings, options, folder.path, request.short, say)
    trainer = Trainer(task.problem, settings)
    if taken.state is not None:
        trainer.restore(taken.state["trainer"])
    shards = taken.state["shards"] if taken.state else 0
    recording.forget_after(folder.path / "record", shards)
    board = Board(folder.path, trainer.done) if request.board else None
    while trainer.done < settings.iterations:
        measured = trainer.iterate()
        row = line(measured, trainer, task)
        folder.append(trainer.done - 1, row)
        if board:
            board.add(trainer.done - 1, row)
        if request.record and (trainer.done - 1) % request.record == 0:
            recording.keep(folder.path / "record", measured, settings, shards)
            shards += 1
        if trainer.done % request.every == 0 or trainer.done == settings.iterations:
            folder.checkpoints.save(trainer.done, {"trainer": trainer.state(), "shards": shards})
        say(trainer.done / settings.iterations, f"reward {measured.reward:.3f}")
    if board:
        board.close()
    came = {"reward_first": metrics.read(folder.metrics)[0]["reward"], **task.conclude(trainer)}
    report.write(folder, came, drawn=task.draw(trainer), known=task.known)
    folder.finish(came, trainer.done)


def line(measured: Iteration, trainer: Trainer, task: Task) -> dict[str, Any]:
    """An iteration as a line of metrics; every so often with a measurement of the policy."""
    row: dict[str, Any] = {
        "reward": measured.reward,
        "kl": measured.kl,
        "objective": measured.objective,
        "gradient_norm": measured.norm,
        "clipped": measured.clipped,
        "zero_groups": measured.zero_groups,
        "dropped_groups": measured.dropped_groups,
        "readings": {reading.name: reading.row for reading in measured.readings},
    }
    if measured.signal:
        row["signal"] = list(measured.signal)
    if trainer.done % MEASURE == 0:
        row |= task.measure(trainer)
    return row
