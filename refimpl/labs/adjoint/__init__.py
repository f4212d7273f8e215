"""Adjoint Matching beside Flow-GRPO, where the best policy is known: what is reached, at what cost.

    run(folder)   →   adjoint.json        one command: refimpl study adjoint

What a policy earns and costs is computed, not sampled; what a trainer does is sampled, with its
seed. `problem`: what is asked; `laws`: where it ends; `trainers`: who tries; `measured`: how far.
"""

from pathlib import Path
from typing import Any

from ..folder import Progress, write
from .laws import flow_after, flows, laws
from .measured import FULL, QUICK, Effort, frontier, noise, reached, train
from .problem import BETA, DATA, REWARD
from .trainers import COST, NAMES, Runner, runner, settle

__all__ = [
    "BETA", "COST", "DATA", "FULL", "NAMES", "QUICK", "REWARD", "Effort", "Runner", "flow_after",
    "flows", "frontier", "laws", "noise", "reached", "run", "runner", "settle", "train",
]  # fmt: skip


def run(folder: Path, on_progress: Progress | None = None, effort: Effort = FULL) -> dict[str, Any]:
    """Compute all of it; write adjoint.json into the folder, made if absent."""
    folder.mkdir(parents=True, exist_ok=True)
    trainers = {}
    for i, name in enumerate(NAMES):
        if on_progress is not None:
            on_progress(i / len(NAMES), name)
        trainers[name] = {
            "cost": COST[name],
            **noise(name, effort.samples),
            **reached(name, effort),
        }
    record = {"laws": laws(), "flows": flows(), "trainers": trainers}
    write(folder / "adjoint.json", record)
    return record
