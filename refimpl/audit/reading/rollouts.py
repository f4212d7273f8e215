"""A rollout as `refimpl sample --out` writes it, by the audit's own names.

    states (T + 1, B, ...) at levels (T + 1,)   →   x_t, x_s (T, B, ...) and t, s (T,)
    means, stds, noise, log_prob (T, ...)       →   mean, std, noise, log_prob

The latent after one step is the latent before the next, so a rollout holds each once.
"""

from collections.abc import Mapping
from math import prod

from torch import Tensor

from .files import Column

_RENAMED = {"means": "mean", "stds": "std"}


def is_rollout(columns: Mapping[str, Column]) -> bool:
    """One state more than there are steps, and a level for each."""
    if not {"states", "levels"} <= set(columns) or "x_t" in columns:
        return False
    states, levels = columns["states"].shape, columns["levels"].shape
    return len(levels) == 1 and len(states) > 2 and levels == states[:1] and levels[0] > 1


def stepwise(columns: Mapping[str, Column]) -> dict[str, Column]:
    """The columns of a rollout as those of its steps; others stay as they are."""
    if not is_rollout(columns):
        return dict(columns)
    made = {_RENAMED.get(name, name): c for name, c in columns.items()}
    for name, before, after in (("states", "x_t", "x_s"), ("levels", "t", "s")):
        whole = made.pop(name)
        made[before], made[after] = _from(whole, before, 0), _from(whole, after, 1)
    return made


def _from(whole: Column, name: str, first: int) -> Column:
    """All entries but one along the first dimension, from the first or the second on."""

    def read(a: int, b: int, lead: int = 1) -> Tensor:
        skipped = first * prod(whole.shape[1:lead])
        return whole.read(a + skipped, b + skipped, lead).clone()  # two columns share a buffer

    return Column(name, (whole.shape[0] - 1, *whole.shape[1:]), whole.dtype, read)
