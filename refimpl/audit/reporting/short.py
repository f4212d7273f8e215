"""Levels that were cut or rounded: when they were recorded, or in the step itself. And stds.

    t = 0.964 where s of the step before is 0.96428...        t, s in bfloat16 in the scheduler

What they were in full is told by the other end of the step before, or by a grid with a name; of a
std, by the schedule whose stds are rounded to the recorded ones.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from ..judging import implied
from ..judging.block import SCALARS, Model, block
from ..judging.finding import Finding
from ..judging.gridded import GRIDS, levels_of
from ..judging.identify import readings_of
from ..reading.clocks import Reading, clock_of
from ..reading.layout import Table
from ..reading.manifest import Manifest
from ..reading.probe import take

Mended = tuple[Sequence[Table], Manifest, Finding]
"""What to judge instead, and what says so."""

Cut = Callable[[Tensor], Tensor]

_CUTS: tuple[tuple[str, Cut], ...] = (
    ("cut to thousandths", implied.cut),
    ("rounded to thousandths", lambda t: torch.round(1000 * t) / 1000),
    ("rounded to bfloat16", lambda t: t.bfloat16().double()),
    ("rounded to float16", lambda t: t.half().double()),
)
_SAME = 2.0**-22
"""Levels that differ by less are one, stored in float32."""

_FEWEST = 3


def recorded_short(tables: Sequence[Table], manifest: Manifest) -> Iterator[Mended]:
    """Levels that were cut when they were recorded, in full."""
    found = _Levels(tables, manifest)
    for words, cut in _CUTS:
        for name, end in (("t", "s"), ("s", "t")):
            whole = found.of[end]
            if (
                not _are(found.of[name], cut)
                or _are(whole, cut)
                or not _lead(whole, found.of[name], cut)
            ):
                continue
            detail = (
                f"{name} was {words} when it was recorded: {end} has the same levels in full, and "
                "the rest is judged with these"
            )
            yield found.changed(tables, manifest, [name], whole, cut, detail)
        both = torch.unique(torch.cat([found.of["t"], found.of["s"]]))
        if not _are(both, cut) or len(both) < _FEWEST:
            continue
        for T in range(len(both) - 1, len(both) + 3):
            for grid in GRIDS:
                whole = levels_of(grid, T)
                if not _are(whole, cut) and _every(both, whole, cut):
                    detail = (
                        f"t and s were {words} when they were recorded: levels of grids.{grid}, of "
                        f"{T} steps, are cut to them, and the rest is judged with these"
                    )
                    yield found.changed(tables, manifest, ["t", "s"], whole, cut, detail)


def stepped_short(tables: Sequence[Table], manifest: Manifest) -> Iterator[Mended]:
    """Levels that were cut in the step, which were recorded in full."""
    found = _Levels(tables, manifest)
    for words, cut in _CUTS:
        for names in (["t", "s"], ["t"], ["s"]):
            if all(_are(found.of[n], cut) for n in names):
                continue
            detail = (
                f"{' and '.join(names)} of the step {'were' if len(names) > 1 else 'was'} {words}, "
                "and recorded in full; the rest is judged as the step was made"
            )
            yield found.changed(tables, manifest, names, None, cut, detail)


def std_short(tables: Sequence[Table], manifest: Manifest) -> Iterator[Mended]:
    """Stds that were rounded, in full: on record, where a mean or noise shows that."""
    names = [n for n in SCALARS if n in tables[0].columns]
    if manifest.std == "g" or "g" in names or not {"t", "s", "std"} <= set(names):
        return
    raw = take([replace(x, columns={n: x.columns[n] for n in names}) for x in tables]).raw
    clock = clock_of(raw["t"], raw["s"], manifest.time, manifest.time_scale)
    std, levels = raw["std"].double(), {n: raw[n] for n in ("t", "s")}
    few = len(torch.unique(std)) < _STDS
    when = " when it was recorded" if {"mean", "noise"} & set(tables[0].columns) else ""
    for words, cut in _ROUNDED if not few else ():
        if not torch.equal(cut(std), std):
            continue
        for reading in readings_of(levels, manifest, clock):
            whole = _std(reading, raw["t"], raw["s"])
            if whole is None or torch.equal(whole.float().double(), cut(whole)):
                continue
            ends = [cut(whole * (1 + by)) for by in (-_SAME, _SAME)]
            if bool(((ends[0] <= std) & (std <= ends[1])).all()):
                detail = (
                    f"std was {words}{when}: those of {reading.told} are rounded to "
                    "it, and the rest is judged with these"
                )
                rule = partial(_in_full, reading)
                made = [other(x, "std", rule, "t", "s") for x in tables]
                yield made, manifest, Finding("std", "differs", detail=detail)


_ROUNDED = _CUTS[2:]
_STDS = 4
"""Of so many stds, 8 bits each, no two schedules have the same."""


def _std(reading: Reading, t: Tensor, s: Tensor) -> Tensor | None:
    """The std of a schedule at levels as they are told; None where one of them has none."""
    rows = block({"t": t, "s": s}, Model(reading, None, None, {}))
    try:
        return rows.resolved["std"] if rows.n == len(t) else None
    except ValueError:  # g is singular at t = 1
        return None


def _in_full(reading: Reading, std: Tensor, t: Tensor, s: Tensor) -> Tensor:
    """The schedule's std; as it was recorded where there is none."""
    whole = _std(reading, t, s)
    return std.double() if whole is None else whole.reshape(std.shape)


class _Levels:
    """The different levels of each end, as they are told, over their scale."""

    def __init__(self, tables: Sequence[Table], manifest: Manifest) -> None:
        few = [replace(x, columns={n: x.columns[n] for n in ("t", "s")}) for x in tables]
        raw = take(few).raw
        self.scale = clock_of(raw["t"], raw["s"], manifest.time, manifest.time_scale).scale
        self.of = {n: torch.unique(raw[n].double() / self.scale) for n in ("t", "s")}

    def changed(
        self, tables: Sequence[Table], manifest: Manifest, names: Sequence[str],
        whole: Tensor | None, cut: Cut, detail: str,
    ) -> Mended:  # fmt: skip
        """The tables with other levels in these columns: in full, or cut where `whole` is None."""
        made = list(tables)
        for name in names:
            rule = cut if whole is None else _uncut(self.of[name], whole, cut)
            made = [other(x, name, self._told(rule)) for x in made]
        return made, manifest, Finding(names[0], "differs", detail=detail)

    def _told(self, rule: Cut) -> Cut:
        return lambda x: rule(x.double() / self.scale) * self.scale


def _apart(given: Tensor, whole: Tensor, cut: Cut) -> Tensor:
    """How far given levels are from full ones that are cut, (k, n), whose rounding may lead across
    an edge."""
    each = [(given[:, None] - cut(whole + by)).abs() for by in (0.0, _SAME, -_SAME)]
    return torch.stack(each).amin(dim=0)


def _are(x: Tensor, cut: Cut) -> bool:
    """Whether levels are as short as a cut leaves them, stored in float32."""
    return bool((_apart(x, x, cut).diagonal() <= _SAME).all())


def _every(given: Tensor, whole: Tensor, cut: Cut) -> bool:
    """Whether each level is one of the full ones, cut."""
    return bool((_apart(given, whole, cut).amin(dim=1) <= _SAME).all())


def _lead(whole: Tensor, given: Tensor, cut: Cut) -> bool:
    """Whether full levels are cut to the given ones: all but one, the end that the others lack."""
    met = _apart(given, whole, cut).amin(dim=1) <= _SAME
    return int(met.sum()) >= max(_FEWEST, len(given) - 1)


def _uncut(given: Tensor, whole: Tensor, cut: Cut) -> Cut:
    """Given levels in full; the one that no full level is cut to as it is."""
    apart, at = _apart(given, whole, cut).min(dim=1)
    full = torch.where(apart <= _SAME, whole[at], given)
    return lambda x: full[(x.reshape(-1, 1) - given).abs().argmin(dim=1)].reshape(x.shape)


def other(table: Table, name: str, change: Callable[..., Tensor], *beside: str) -> Table:
    """A table with one column changed, by what stands beside it in the same rows."""
    columns = [table.columns[n] for n in (name, *beside)]
    own = replace(
        columns[0], read=lambda a, b: change(*(c.read(a, b) for c in columns)),
        head=lambda row, k: change(*(c.head(row, min(k, c.width)) for c in columns)),
    )  # fmt: skip
    return replace(table, columns=table.columns | {name: own})
