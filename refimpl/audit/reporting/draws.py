"""What x_s was drawn from, where it is not mean + std noise: other rows, another draw, another std.

x_s, its noise and its std are held against each other before the kit's diagnosis is asked.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from ...evidence.rounding import ROUNDINGS
from ...statistics.gaussian import chi_square, normal
from ...statistics.outcome import ALPHA
from ..judging import elsewhere, readings
from ..judging.block import SCALARS, Block, Model, block
from ..reading.layout import Table
from ..reading.probe import Probe
from .unexplained import COORDINATES, finite, scalars_of
from .whole import some, window


def of_draw(
    tables: Sequence[Table], probe: Probe, model: Model, lag: int, *, known: bool
) -> str:  # fmt: skip
    """What x_s is instead, in words; "" where nothing fits.

    Args:
        known: whether the mean shows what std is.
    """
    if words := _of_other_rows(tables[0], probe, model, lag):
        return words
    b = block(probe.raw, model)
    if not b.n or not b.has("x_s", "mean", "noise") or not {"t", "s", "std"} <= set(b.resolved):
        return ""
    given = {n: b.latent(n)[:, :COORDINATES] for n in ("mean", "noise")} | scalars_of(b, "std")
    u = max(probe.roundoff[n] for n in ("x_s", "mean", "noise"))
    told = readings.cases_of(*finite(given, b.latent("x_s")[:, :COORDINATES]))
    return readings.read("x_s", *told, u, known=("std",) if known else ())


def _of_other_rows(table: Table, probe: Probe, model: Model, lag: int) -> str:
    rows = range(window(table, lag))
    names = [n for n in (*SCALARS, "x_t", "v", "mean", "x_s", "noise") if n in table.columns]
    b = block({n: some(table.columns[n], rows)[:, :COORDINATES] for n in names}, model)
    mean = _mean(b) if b.n == len(rows) else None
    if mean is None or not b.has("x_s", "noise") or "std" not in b.resolved:
        return ""
    x_s, noise, std = b.latent("x_s"), b.latent("noise"), b.resolved["std"]
    u = max(probe.roundoff[n] for n in ("x_s", "noise", *(("mean",) if b.has("mean") else ("v",))))
    made = mean + std * noise
    allowed = ROUNDINGS * u * (mean.abs() + (std * noise).abs() + x_s.abs()).amax(dim=1)
    at = elsewhere.places(x_s, made, 2 * allowed)
    if at is not None:
        return f"it is that of {elsewhere.told(at, lag)}"
    for by, which in ((lag, "after"), (-lag, "before")) if lag else ():
        inside = (torch.arange(b.n) + by >= 0) & (torch.arange(b.n) + by < b.n)
        off = (mean + std.roll(-by, 0) * noise - x_s).abs().amax(dim=1)
        if int(inside.sum()) >= lag and bool((off <= 2 * allowed)[inside].all()):
            return f"its noise has the std of the step {which}"
    return _another_draw(x_s - mean, std, noise)


def _mean(b: Block) -> Tensor | None:
    if b.has("mean"):
        return b.latent("mean").clone()
    made = b.mean_of("v") if b.has("x_t", "v") else None
    return None if made is None else made.clone()


def _another_draw(deviation: Tensor, std: Tensor, noise: Tensor) -> str:
    """Whether x_s − mean has the law of the noise, and nothing to do with what was recorded."""
    used = (std > 0)[:, 0] & torch.isfinite(deviation + noise).all(dim=1)
    if int(used.sum()) < _FEWEST:
        return ""
    e, n = deviation[used] / std[used], noise[used]
    z = float((e * n).sum() / torch.linalg.vector_norm(n))
    parts = (chi_square("", float((e**2).sum()), e.numel(), ALPHA)[0], normal("", z, ALPHA))
    if any(part.statistic > part.bound for part in parts):
        return ""
    return (
        "x_s − mean has the law of its noise, and is unrelated to the noise that was recorded: "
        "that is another draw. Remedy: record the noise that was used"
    )


_FEWEST = 8
