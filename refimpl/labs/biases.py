"""What trainers do to the gradient, as one table: refimpl study bias.

Data N(1.5, 0.25), the reward is the end, Flow-GRPO at a = 0.7 on ten steps of SD3.5's grid: ρ of a
step is the root of its share of the end's variance. Nothing is sampled.
"""

from pathlib import Path
from typing import Any

from ..equations import bias
from ..simulate.grids import sd35_once_shifted
from ..toy.grpo import bias as shares
from . import comparison
from .folder import write

GROUPS, CHANCES, MOVES, DIMENSIONS = (2, 4, 8, 16, 24), (0.02, 0.1, 0.5), (0.1, 0.3, 1.0), 65_536
CLIP = 0.2


def by_group() -> dict[str, dict[str, float]]:
    """By size of the group: the share that is left of the gradient."""
    return {
        str(n): {
            "own mean": float(bias.centred(float(n))),
            "others' mean": 1.0,
            "std, ddof 0": shares.group_std(n, 0),
            "std, ddof 1": shares.group_std(n, 1),
        }
        for n in GROUPS
    }


def by_chance() -> dict[str, dict[str, float]]:
    """By group and chance of success: silent groups, and what a prompt counts for."""
    return {
        f"n = {n}, p = {p}": {
            "silent": float(bias.silent(p, float(n))),
            "silent left out": shares.kept_groups(p, n),
            "group std": shares.binary_weight(p, n),
            "against p = ½": shares.binary_weight(p, n) / shares.binary_weight(0.5, n),
        }
        for n in (8, 24)
        for p in CHANCES
    }


def by_move() -> dict[str, dict[str, float]]:
    """By how far the policy has moved: clip, ratios averaged over coordinates, stale batches.

    The correlation is that of the step that decides most of the end.
    """
    share = max(row["share"] for row in comparison.by_step(sd35_once_shifted(10)))
    rho = share**0.5
    return {
        f"d = {d}": {
            "KL": d**2 / 2,
            "clip": shares.clipped(d, CLIP, rho),
            "clip, gains only": shares.clipped(d, CLIP, rho, "upper"),
            "mean ratio, times D": shares.mean_ratio(d, DIMENSIONS) * DIMENSIONS,
            "samples that count": float(bias.effective(d**2 / 2)),
            "no ratio, c = 1": float(bias.stale(1.0, d)),
        }
        for d in MOVES
    }


def run(folder: Path) -> dict[str, Any]:
    """Compute the tables; write bias.json into the folder, made if absent."""
    folder.mkdir(parents=True, exist_ok=True)
    record = {"group": by_group(), "chance": by_chance(), "move": by_move()}
    write(folder / "bias.json", record)
    return record
