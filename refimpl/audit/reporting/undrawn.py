"""Steps that were taken without noise, though a std was recorded for them.

    x_s = x_t − h v, the ODE's step        x_s = mean        at some levels, in all rows there

They are told, and the noise of the others is judged without them.
"""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from ...equations import Step, paths, sde
from ...evidence.rounding import ROUNDINGS
from ..judging.block import Model, block
from ..judging.finding import Finding
from ..reading.layout import Rows, Table
from ..reading.probe import Probe


def undrawn(
    tables: Sequence[Table], probe: Probe, model: Model
) -> tuple[list[Table] | None, list[Finding]]:
    """The tables with std = 0 at such levels and without means, and what says so."""
    b = block(probe.raw, model)
    stored = {"std", "t"} <= set(probe.raw) and b.n and b.has("x_t", "x_s")
    if not stored or not {"t", "h", "std"} <= set(b.resolved):
        return None, []
    b = b.sound(*(n for n in ("x_t", "x_s", "v_old", "v", "mean") if b.has(n)))
    t, std = b.raw["t"][:, 0], b.resolved["std"][:, 0]
    x_t, x_s, level = b.latent("x_t"), b.latent("x_s"), b.resolved["t"]
    step, c = Step(level, b.resolved["s"]), paths.linear(level)
    made = {
        f"the ODE's step, x_t − h {n}":
            (n, sde.transition(c, x_t, b.latent(n), 0 * level, step).mean)
        for n in ("v_old", "v") if b.has(n)
    }  # fmt: skip
    made |= {"the mean": ("mean", b.latent("mean"))} if b.has("mean") else {}
    still = dict[str, list[float]]()
    for level in torch.unique(t[std > 0]).tolist():
        here = (t == level) & (std > 0)
        for words, (name, end) in made.items():
            u = max(probe.roundoff[n] for n in ("x_t", "x_s", name))
            size = (x_t.abs() + x_s.abs() + end.abs())[here]
            gap, drawn = (end - x_s)[here].abs(), std[here, None]
            none = gap.amax(dim=1, keepdim=True) < _NONE * drawn
            same = bool((none & (gap <= ROUNDINGS * u * size)).all())
            if int(here.sum()) >= _FEWEST and same:
                still.setdefault(words, []).append(level)
                break
    levels = {level for found in still.values() for level in found}
    if not levels or len(levels) == len(torch.unique(t[std > 0])):
        return None, []  # no step has noise: that is another matter
    told = "; ".join(
        f"at t = {', '.join(f'{x:.4g}' for x in sorted(found, reverse=True))} it is {words}"
        for words, found in still.items()
    )
    detail = (
        f"{told}, without noise, though a std was recorded there: its "
        "log-probability is none of a draw, and the noise of the other steps is judged without it"
    )
    quiet = [replace(x, columns={n: c for n, c in x.columns.items() if n != "mean"}
                     | {"std": _without(x, levels)}) for x in tables]  # fmt: skip
    return quiet, [Finding("x_s", "differs", detail=detail)]


_FEWEST = 4
_NONE = 1e-2
"""What is left of x_s beyond such a step, in units of the std, is no noise."""


def _without(table: Table, levels: set[float]) -> Rows:
    """The stds, with 0 at some levels."""
    own, t = table.columns["std"], table.columns["t"]

    def made(std: Tensor, level: Tensor) -> Tensor:
        gone = torch.isin(level, torch.tensor(sorted(levels), dtype=level.dtype))
        return torch.where(gone, 0.0, std).to(std.dtype)

    return replace(
        own, read=lambda a, b: made(own.read(a, b), t.read(a, b)),
        head=lambda row, k: made(own.head(row, k), t.head(row, k)),
    )  # fmt: skip
