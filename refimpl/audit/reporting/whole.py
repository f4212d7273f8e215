"""Rows that are read whole: what their log-probabilities and divergences were made by.

read(tables, picks, model) → measures and recorded numbers     explain(subject, ...) → formulas
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..judging import numbers
from ..judging.block import Latents, Model, block
from ..judging.fit import Match
from ..judging.identify import Identified
from ..judging.measures import Rowwise, by_width, joined, measured, rowwise
from ..reading.layout import Rows, Table
from ..reading.manifest import Manifest
from ..reading.probe import Probe, width
from .stream import TILE, is_latent, per_row


@dataclass(frozen=True)
class Whole:
    """Rows that were read whole: what was measured, and the numbers recorded for them."""

    rows: Rowwise
    got: dict[str, Tensor]


def read(tables: Sequence[Table], picks: Sequence[tuple[int, int]], model: Model) -> Whole | None:
    """Some rows of some tables, whole: their scalars at one time, their latents tile by tile."""
    parts, got, room = [], dict[str, list[Tensor]](), dict[str, Tensor]()
    for i in sorted({i for i, _ in picks}):
        rows = [row for j, row in picks if j == i]
        columns, wide = tables[i].columns, width(tables[i])
        raw = {n: c.some(rows) for n, c in columns.items() if not is_latent(n)}
        b = block(raw, model, room, len(rows))
        tiles = b.tiles(max(1, TILE // wide), _latents(columns, rows))
        sizes = [measured(tile) for tile in tiles]
        if sizes:
            parts.append(rowwise(b, by_width(sizes, wide), wide))
        for name in numbers.SUBJECTS:
            if name in b.raw and sizes:
                got.setdefault(name, []).append(per_row(b.raw[name])[b.noisy])
    made = Whole(joined(parts), {name: torch.cat(x) for name, x in got.items()}) if parts else None
    if made is None or not len(made.rows.dims):
        return None
    every = [*made.rows.sizes.values(), *made.rows.scalars.values(), *made.got.values()]
    used = torch.isfinite(torch.cat(every, dim=1)).all(dim=1)
    return Whole(made.rows.take(used), {k: x[used] for k, x in made.got.items()})


def _latents(columns: Mapping[str, Rows], rows: Sequence[int]) -> Callable[[int, int], Latents]:
    """What reads the latents of some of these rows."""
    wide = {n: c for n, c in columns.items() if is_latent(n)}
    return lambda a, b: {n: c.some(rows[a:b]) for n, c in wide.items()}


_FIRST, _MOST = 2**9, 2**11
_NUMBERS = 2**20


def window(table: Table, lag: int) -> int:
    """So many of the first rows are held against each other: a few steps of all samples, if that is
    not too many pairs."""
    return min(table.n, max(3 * lag, _FIRST), _MOST, max(8, _NUMBERS // width(table)))


Explained = dict[str, list[Match]]
_Likely = tuple[Match, Model, Whole | None, Explained]


def sharper(
    tables: Sequence[Table], probe: Probe, known: Identified, whole: Whole | None,
    explained: Explained,
) -> tuple[Identified, Whole | None, Explained]:  # fmt: skip
    """Among means that residuals cannot tell apart, the one that log-probabilities follow from."""
    if len(known.means) < 2 and any(m.level == "exact" for m in explained["log_prob"]):
        return known, whole, explained
    likely: list[_Likely] = []
    mistaken: list[_Likely] = []
    for m in known.means:
        model = replace(known.model, mean=m.formula, reading=m.reading, known={}, names={})
        rows = read(tables, probe.whole, model)
        found = {s: explain(s, rows, probe) for s in explained}
        exact = [f for f in found["log_prob"] if f.level == "exact"]
        if exact:
            right = any(f.formula.standing != "mistake" for f in exact)
            (likely if right else mistaken).append((m, model, rows, found))
    likely = likely or mistaken
    if not likely:
        return known, whole, explained
    _, model, rows, found = likely[0]
    return replace(known, model=model, means=[m for m, *_ in likely]), rows, found


def explain(
    subject: str, whole: Whole | None, probe: Probe, manifest: Manifest | None = None, *,
    mistakes: bool = True,
) -> list[Match]:  # fmt: skip
    """The formulas that give the numbers recorded for these rows, likeliest first."""
    if whole is None or not len(whole.rows.dims):
        return []
    got, u = whole.got[subject], probe.roundoff[subject]
    return numbers.explain(subject, whole.rows, got, u, manifest, mistakes=mistakes)
