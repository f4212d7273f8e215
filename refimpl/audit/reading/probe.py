"""A few rows, looked at closely: what the formulas of a run are guessed from.

    256 rows drawn at random, 64 coordinates each      a few rows whole, for sums over coordinates

The guess is verified afterwards on every row; a probe only has to be rich enough to tell the
candidates apart.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor

from . import precision
from .fields import FIELDS
from .layout import Rows, Table

ROWS = 256
COORDINATES = 64
_AT_ONCE = 2**18
"""Rows of a column of scalars that are read at one time."""

_WHOLE = 2**21
"""Coordinates that are read whole, all rows together."""


@dataclass(frozen=True)
class Probe:
    """Some rows of a group of tables.

    Attributes:
        raw: by name, (n, k) as stored.
        roundoff: by name, of the values that were seen.
        dims: D of each row, (n, 1).
        picks: (table, row) of each probed row.
        whole: the picks that may be read whole.
    """

    raw: dict[str, Tensor]
    roundoff: dict[str, float]
    dims: Tensor
    picks: list[tuple[int, int]]
    whole: list[tuple[int, int]]


def width(table: Table) -> int:
    """D: numbers in a latent of this table."""
    return max([r.width for n, r in table.columns.items() if FIELDS[n].kind == "latent"], default=1)


def shapes(table: Table) -> list[tuple[int, ...]]:
    """The shapes that a latent of this table has: as it was stored, and flat."""
    found, D = list[tuple[int, ...]](), width(table)
    for column in table.shard.columns.values():
        for k in range(1, len(column.shape) - 1):
            shape = tuple(column.shape[k:])
            if prod(shape) == D and shape not in found:
                found.append(shape)
    return [*found, (D,)]


def take(tables: Sequence[Table]) -> Probe:
    """Probe tables that have the same columns."""
    sizes = [table.n for table in tables]
    total = sum(sizes)
    draw = torch.Generator().manual_seed(0)
    if total <= ROWS:
        chosen = list(range(total))
    else:
        drawn = torch.randint(total, (ROWS,), generator=draw).tolist()
        chosen = sorted({*drawn, *range(4), *range(total - 4, total)})
    picks = [_locate(sizes, row) for row in chosen]
    k = min(COORDINATES, *(width(t) for t in tables))
    raw, roundoff = {}, {}
    for name, example in tables[0].columns.items():
        wide = FIELDS[name].kind == "latent" or example.width > 1
        raw[name] = _heads([t.columns[name] for t in tables], picks, k if wide else 1)
        u = precision.effective(raw[name])
        roundoff[name] = u if wide else precision.logged(raw[name])
        if name in ("log_prob", "log_prob_old", "kl"):
            roundoff[name] = u
    latents = [roundoff[n] for n in raw if FIELDS[n].kind == "latent"]
    if max(latents, default=0.0) >= precision.HALF:  # the run was in half precision: its levels too
        for name in set(raw) & {"t", "s", "std", "g"}:
            roundoff[name] = precision.effective(raw[name], 3)
    largest = max(width(t) for t in tables)
    few = max(16, min(len(picks), _WHOLE // largest))
    some = torch.randperm(len(picks), generator=draw)[:few].sort().values.tolist()
    dims = torch.tensor([[width(tables[i])] for i, _ in picks], dtype=torch.float64)
    return Probe(raw, roundoff, dims, picks, [picks[j] for j in some])


def _heads(columns: Sequence[Rows], picks: Sequence[tuple[int, int]], k: int) -> Tensor:
    """The first k numbers of each pick; small columns are read at once."""
    made = []
    for i, column in enumerate(columns):
        rows = [row for j, row in picks if j == i]
        if column.width == 1 and rows and rows[-1] < _AT_ONCE:
            made.append(column.read(0, rows[-1] + 1)[rows])
        elif rows:
            made.append(column.heads(rows, k))
    return torch.cat(made)


def _locate(sizes: Sequence[int], row: int) -> tuple[int, int]:
    for i, size in enumerate(sizes):
        if row < size:
            return i, row
        row -= size
    raise IndexError(row)
