"""What the noise in x_s is multiplied by, where that is not the std.

    x_s = mean + c std noise        c one number, one of each step, or one of each row

The mean is the recorded one, or that which v_old or v leads to: every coordinate has to agree.
"""

import torch
from torch import Tensor

from ...evidence.rounding import ROUNDINGS
from ..judging import readings
from ..judging.block import Block, rms
from ..judging.fit import largest
from ..judging.formulas import DRAWS
from ..reading.probe import Probe
from .unexplained import COORDINATES, finite, scalars_of

_FEWEST = 8
"""Rows, and coordinates, that a factor is read off."""

_SHARP = 4.0
"""So many times what rounding allows, the factor has to move x_s."""

_SOME = 8
"""So many steps are told one by one."""


def of_width(b: Block, probe: Probe, *names: str) -> str:
    """What stands for the std in x_s, in words; "" where no factor gives it.

    Args:
        names: of the means that are tried: the recorded one, or a velocity that leads to one.
    """
    told = bool({"std", "g"} & set(probe.raw))  # a guessed std has a factor of its own
    if not told or not b.n or not b.has("x_s", "noise") or not {"t", "std"} <= set(b.resolved):
        return ""
    x_s, t, std = b.latent("x_s"), b.resolved["t"], b.resolved["std"]
    unit, used = std * b.latent("noise"), (std > 0)[:, 0]
    if x_s.shape[1] < _FEWEST or int(used.sum()) < _FEWEST:
        return ""
    for name in names:
        of_name = b.latent(name) if name == "mean" and b.has(name) else b.mean_of(name)
        if of_name is None:
            continue
        mean = of_name.clone()
        c = ((x_s - mean) * unit).sum(dim=1, keepdim=True) / (unit**2).sum(dim=1, keepdim=True)
        u = max(probe.roundoff[n] for n in ("x_s", "noise", name))
        size = largest(mean) + largest(unit) * c.abs()[:, 0] + largest(x_s)
        allowed = 2 * ROUNDINGS * u * size
        fits = largest(x_s - mean - c * unit) <= allowed
        error = (allowed / rms(unit)[:, 0])[:, None]
        if bool(fits[used].all()) and bool(((c - 1).abs() > _SHARP * error)[used].any()):
            said = _named(b, c, error, used) or _read(b, mean, u)
            said = said or f"it is mean + c std noise: c is {_steps(c[used], error[used], t[used])}"
            return said + (f"; the mean is that of {name}" if name != "mean" else "")
    return ""


def _read(b: Block, mean: Tensor, u: float) -> str:
    """What the kit's diagnosis says."""
    given = {n: x[:, :COORDINATES] for n, x in (("mean", mean), ("noise", b.latent("noise")))}
    given |= scalars_of(b, "std")
    told = readings.cases_of(*finite(given, b.latent("x_s")[:, :COORDINATES]))
    return readings.read("x_s", *told, u, known=("std",))


def _named(b: Block, c: Tensor, error: Tensor, used: Tensor) -> str:
    """What x_s is, by the name of what stands for the std where it has one."""
    std = b.resolved["std"]
    one, numbers = torch.ones_like(std), b.resolved
    for draw in DRAWS[1:]:
        if "g for std" in draw.name and "g" not in numbers:
            continue
        middle, width = (
            draw.value(numbers | {"mean": x, "noise": y})
            for x, y in ((one, 0 * one), (0 * one, one))
        )
        near = ((c - width / std).abs() <= error)[used] & (middle == 1)[used]
        if bool(near.all()):
            return f"it equals '{draw.name}'"
    if _one(c[used], error[used]):
        return f"it is mean {_signed(float(c[used].median()))} std noise"
    return ""


def _steps(c: Tensor, error: Tensor, t: Tensor) -> str:
    """What the factor is, by step."""
    levels = torch.unique(t[:, 0]).flip(0).tolist()
    parts = [(t == x)[:, 0] for x in levels]
    if not all(_one(c[p], error[p]) for p in parts):
        return f"another in each row, {float(c.min()):.4g} to {float(c.max()):.4g}".replace(
            "-", "−"
        )
    told = [
        f"{float(c[p].median()):.4g} at t = {x:.4g}" for p, x in zip(parts, levels, strict=True)
    ]
    more = f" and so on, {len(told)} steps" if len(told) > _SOME else ""
    return ", ".join(told[:_SOME]).replace("-", "−") + more


def _one(c: Tensor, error: Tensor) -> bool:
    """Whether factors are one number to their rounding."""
    return bool(((c - c[error.argmin()]).abs() <= error + error.min()).all())


def _signed(c: float) -> str:
    return f"{'+' if c >= 0 else '−'} {abs(c):.4g}"
