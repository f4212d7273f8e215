"""Levels, stds and states that are another step's: recorded a step late, or a step early.

    t_k, s_k of step k + 1        std_k of step k − 1        x_t of the step before

Then levels and stds follow no schedule with a name, states do not go on, and they do where each
step has its own: the record is what is wrong, and the steps are judged with these.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby

import torch
from torch import Tensor

from ..judging import levels
from ..judging.block import block
from ..judging.finding import Finding
from ..judging.identify import Identified, identify
from ..reading.layout import Rows, Table
from ..reading.manifest import Manifest
from ..reading.probe import Probe, take
from .causes import moved
from .crossed import scored, sure
from .draws import parted
from .short import Mended

_MOST = 2**14
"""Of more rows none is looked up one by one."""

_TOGETHER = (("t", "s"), ("std", "g"), ("std",), ("t",), ("s",))
"""What is recorded together, and may be late together."""


def of_another_step(
    tables: Sequence[Table], probe: Probe, known: Identified, manifest: Manifest, lag: int
) -> Mended | None:
    """The record with each step's own levels and stds; None where they were, or nothing shows it.

    Args:
        lag: rows from a step to the next of the same sample, 0 where it is not known.
    """
    told = known.target and {"t", "s"} <= set(probe.raw)
    if not lag or not told or sum(t.n for t in tables) > _MOST:
        return None
    parts = [] if levels.named(block(probe.raw, known.model), manifest) else [*_TOGETHER]
    parts += [("x_t",)] if _parted(tables, lag) else []
    for changed, finding in _tried(tables, parts, lag):
        try:
            closer = take(changed)
            found = identify(closer, manifest, mistakes=False)
        except ValueError:
            continue
        b = block(closer.raw, found.model)
        by_law = found.target == "residuals" and "log_prob" in probe.raw
        if (
            b.n and sure(found) and levels.named(b, manifest) and not _parted(changed, lag)
            and (not by_law or scored(changed, manifest))
        ):  # fmt: skip
            return changed, manifest, finding
    return None


def _parted(tables: Sequence[Table], lag: int) -> bool:
    """Whether a sample's x_s is not the x_t of its next step."""
    return bool(parted(replace(tables[0], lag=lag))[0])


def _tried(
    tables: Sequence[Table], parts: Sequence[Sequence[str]], lag: int
) -> Iterator[tuple[list[Table], Finding]]:
    for names in parts:
        if not set(names) <= set(tables[0].columns):
            continue
        for by, which, end in ((lag, "before", "last"), (-lag, "after", "first")):
            changed = [_with_own(t, names, by) for t in tables]
            if all(t.n for t in changed):
                are = f"{' and '.join(names)} {'are those' if len(names) > 1 else 'is that'}"
                detail = (
                    f"{are} of the step {which}; the rest is judged with each step's own, and "
                    f"without the {end} step, whose own was not recorded"
                )
                yield changed, Finding(names[0], "differs", detail=detail)


def _with_own(table: Table, names: Sequence[str], by: int) -> Table:
    """The rows whose own numbers stand in another row, with these."""
    others = {n: moved(table, n, by) for n in names}
    missing = torch.isnan(others[names[0]].heads(range(table.n), 1))[:, 0]
    known = (~missing).nonzero()[:, 0].tolist()
    columns = table.columns | others
    return replace(table, n=len(known), columns={n: _of(c, known) for n, c in columns.items()})


def _of(column: Rows, rows: Sequence[int]) -> Rows:
    """Some rows of a column."""

    def read(a: int, b: int) -> Tensor:
        parts = []
        for _, run in groupby(enumerate(rows[a:b]), key=lambda k: k[1] - k[0]):
            at = [row for _, row in run]
            parts.append(column.read(at[0], at[-1] + 1).clone())
        return torch.cat(parts)

    return replace(column, read=read, head=lambda row, k: column.head(rows[row], k))
