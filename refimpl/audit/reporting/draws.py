"""What x_s was drawn from, where it is not mean + std noise: other rows, another draw, another std.

x_s, its noise and its std are held against each other before the kit's diagnosis is asked.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from ...equations import gaussian
from ...evidence.rounding import ROUNDINGS
from ...statistics.gaussian import chi_square, normal
from ...statistics.outcome import ALPHA
from ..judging import elsewhere, readings
from ..judging.block import SCALARS, Block, Model, block, rms
from ..judging.identify import by_sampler
from ..reading.layout import Table
from ..reading.probe import Probe
from .unexplained import COORDINATES, finite, scalars_of
from .whole import window
from .widths import of_width


def of_draw(
    tables: Sequence[Table], probe: Probe, model: Model, lag: int, *, known: bool
) -> str:  # fmt: skip
    """What x_s is instead, in words; "" where nothing fits.

    Args:
        known: whether the mean shows what std is.
    """
    if words := of_other_rows(tables[0], probe, model, lag):
        return words
    b = block(probe.raw, model)
    if not b.n or not b.has("x_s", "noise") or not {"t", "s", "std"} <= set(b.resolved):
        return ""
    b = b.sound("x_s", "noise", *(n for n in ("mean", "x_t", "v") if b.has(n)))
    if words := _scaled(b) or of_width(b, probe, "v_old"):
        return words
    if not b.has("mean"):
        return ""
    if words := _about_another(b, probe):
        return words
    given = {n: b.latent(n)[:, :COORDINATES] for n in ("mean", "noise")} | scalars_of(b, "std")
    u = max(probe.roundoff[n] for n in ("x_s", "mean", "noise"))
    told = readings.cases_of(*finite(given, b.latent("x_s")[:, :COORDINATES]))
    read = readings.read("x_s", *told, u, known=("std",) if known else ())
    return read or of_width(b, probe, "mean", "v")


def of_factor(probe: Probe, model: Model) -> str:
    """Whether x_s is right but for a factor of its noise, where no mean was recorded, in words."""
    b = block(probe.raw, model)
    b = b.sound(*(n for n in ("x_s", "noise", "x_t", "v", "v_old") if b.has(n)))
    return of_width(b, probe, "v_old", "v") if b.n and not b.has("mean") else ""


MISPLACED = "the noise beside it was recorded in the wrong rows"

_POLICIES = {
    "v_ref": "the reference's velocity, v_ref: was the adapter off in the rollout?",
    "v_cond": "v_cond, without guidance", "v_uncond": "v_uncond, without a prompt",
    "v_old": "v_old", "v": "v",
}  # fmt: skip


def _scaled(b: Block) -> str:
    """Whether x_s, at all steps or at some, is a multiple of what was drawn, or beside it."""
    x_s, t, mean = b.latent("x_s"), b.resolved["t"][:, 0], _mean(b)
    if mean is None:
        return ""
    made = gaussian.sample(mean, b.resolved["std"], b.latent("noise"))
    off = (x_s - made).abs().amax(dim=1) > _OFF * made.abs().amax(dim=1)
    levels = torch.unique(t[off])
    if int(off.sum()) < _FEWEST or bool(torch.isin(t[~off], levels).any()):
        return ""
    some = ", ".join(f"{x:.4g}" for x in reversed(levels.tolist()))
    where = "" if bool(off.all()) else f"at t = {some} "
    if b.has("x_t") and torch.equal(x_s[off], b.latent("x_t")[off]):
        return f"{where}it holds x_t, the state before the step"
    a, c = _line(made[off].flatten(), x_s[off].flatten())
    if bool(((a * made + c - x_s).abs().amax(dim=1) > _OFF * x_s.abs().amax(dim=1))[off].any()):
        return ""
    beside = f" {'+' if c > 0 else '−'} {abs(c):.4g}" if abs(c) > _OFF else ""
    return (
        f"{where}it is {a:.4g} (mean + std noise){beside}: scaled or shifted after it was drawn, "
        "as for a decoder"
    )


_OFF = 1e-5


def _line(x: Tensor, y: Tensor) -> tuple[float, float]:
    """a and c of y = a x + c, by least squares."""
    columns = torch.stack([x, torch.ones_like(x)], dim=1)
    a, c = torch.linalg.lstsq(columns, y[:, None]).solution[:, 0].tolist()
    return a, c


def _about_another(b: Block, probe: Probe) -> str:
    """Whether x_s was drawn about the mean of another velocity, in words."""
    x_s, noise, std = b.latent("x_s"), b.latent("noise"), b.resolved["std"]
    middle = x_s - std * noise
    for name, words in _POLICIES.items():
        if by_sampler(probe, b.model, name):
            return f"it was drawn about the mean of {words}"
    if b.mean_rule is None or not b.has("v"):
        return ""
    by = b.mean_rule.parts["v"][0].abs()
    off = ((middle - b.latent("mean")) / by).pow(2).mean(dim=1).sqrt()
    rounded, share = off * by[:, 0] / rms(x_s)[:, 0], off / rms(b.latent("v"))[:, 0]
    t, used = b.resolved["t"][:, 0], (std > 0)[:, 0]
    levels = [(t == x) & used for x in torch.unique(t[used])]
    if len(levels) < _LEVELS or not bool((off[used] > 0).all()):
        return ""
    spread = [
        float(torch.stack([x[here].median() for here in levels]).log().std())
        for x in (share, rounded)
    ]
    if spread[0] > _STEADY or spread[1] < 2 * spread[0]:
        return ""  # as likely the rounding of x_s, or of what it is made of
    return (
        f"x_s − std noise is the mean of a velocity {float(share.median()):.2g} of v's size from "
        "it, at every step: of weights that were not recorded (an average of them, or those of "
        "another update)"
    )


_LEVELS, _STEADY = 4, 0.3


def of_other_rows(table: Table, probe: Probe, model: Model, lag: int) -> str:
    """Whether x_s, its std or its noise are those of other rows, or of another draw, in words."""
    rows = range(window(table, lag))
    names = [n for n in (*SCALARS, *_OF_MEANS, "x_s", "noise") if n in table.columns]
    b = block({n: table.columns[n].some(rows)[:, :COORDINATES] for n in names}, model)
    mean = _mean(b) if b.n == len(rows) else None
    if mean is None or not b.has("x_s", "noise") or "std" not in b.resolved:
        return ""
    x_s, noise, std = b.latent("x_s"), b.latent("noise"), b.resolved["std"]
    u = max(probe.roundoff[n] for n in ("x_s", "noise", *(("mean",) if b.has("mean") else ("v",))))
    t = b.resolved["t"][:, 0] if "t" in b.resolved else None
    made = mean + std * noise
    allowed = ROUNDINGS * u * (mean.abs() + (std * noise).abs() + x_s.abs()).amax(dim=1)
    at = elsewhere.places(x_s, made, 2 * allowed)
    if at is not None:
        return f"it is that of {elsewhere.told(at, lag, t)}"
    for by, which in ((lag, "after"), (-lag, "before")) if lag else ():
        inside = (torch.arange(b.n) + by >= 0) & (torch.arange(b.n) + by < b.n)
        off = (mean + std.roll(-by, 0) * noise - x_s).abs().amax(dim=1)
        if int(inside.sum()) >= lag and bool((off <= 2 * allowed)[inside].all()):
            return f"its noise has the std of the step {which}"
    used = (std > 0)[:, 0]
    e, near = ((x_s - mean) / std)[used], (2 * allowed / std[:, 0])[used]
    at = elsewhere.places(noise[used], e, near) if bool(used.all()) or not lag else None
    if at is not None:
        return f"{MISPLACED}: {elsewhere.told(at, lag, None if t is None else t[used])}"
    return _another_draw(x_s - mean, std, noise)


def going_on(table: Table, rows: Sequence[int], model: Model) -> int:
    """How many of these rows go on, in the step after, as what their mean and noise make, and not
    as their x_s, which is no rounding of that: there x_s is off, and no x_t."""
    c, names = table.columns, [n for n in (*_OF_MEANS, "noise") if n in table.columns]
    raw = {n: c[n].heads(rows, 1) for n in SCALARS if n in c}
    b = block(raw | {n: c[n].heads(rows, COORDINATES) for n in names}, model)
    mean = _mean(b) if b.n == len(rows) else None
    if mean is None or not b.has("noise") or "std" not in b.resolved:
        return 0
    added = b.resolved["std"] * b.latent("noise")
    after = c["x_t"].heads([row + table.lag for row in rows], COORDINATES)
    u = max(model.roundoff[n] for n in ("noise", "mean" if "mean" in c else "v"))
    allowed = 2 * ROUNDINGS * u * (mean.abs() + added.abs() + after.abs()).amax(dim=1)
    right = (mean + added - after).abs().amax(dim=1) <= allowed
    apart = (c["x_s"].heads(rows, COORDINATES) - after).abs().amax(dim=1)
    rounding = ROUNDINGS * model.roundoff["x_s"] * after.abs().amax(dim=1)
    return int((right & (apart > rounding)).sum())


_OF_MEANS = ("x_t", "v", "v_old", "mean")


def _mean(b: Block) -> Tensor | None:
    """The mean that sampled: v_old's where v_old leads to one, else the recorded one, else v's."""
    if b.has("x_t", "v_old") and (b.model.led or not b.has("mean")):
        made = b.mean_of("v_old")
        if made is not None:
            return made.clone()
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


def parted(table: Table) -> tuple[list[int], int]:
    """Rows whose x_s is not the x_t of the sample's step after, and how many join, of the first:
    where the layout says which that is."""
    lag = table.lag
    if not lag or not {"x_t", "x_s", "t", "s"} <= set(table.columns):
        return [], 0
    c, k = table.columns, min(64, table.columns["x_t"].width)
    rows = range(max(0, min(table.n - lag, _JOINED)))
    after = range(lag, lag + len(rows))
    end, start = c["x_s"].heads(rows, k), c["x_t"].heads(after, k)
    joined = (c["s"].heads(rows, 1) == c["t"].heads(after, 1))[:, 0]
    known = joined & ~torch.isnan(end + start).any(dim=1)
    apart = known & (end != start).any(dim=1)
    return apart.nonzero()[:, 0].tolist(), int(known.sum())


_JOINED = 512
