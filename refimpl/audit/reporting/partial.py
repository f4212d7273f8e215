"""Numbers that are right for some coordinates: the first or the last of a latent, along an axis.

    (B, 16, 8, 8): 4 of 16 channels        (B, 50, 32): 7 of 32 numbers of each action

Every part along every axis is held against the numbers at once, by sums that grow.
"""

from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor

from ...equations import gaussian, kl
from ...evidence.rounding import ROUNDINGS
from ..judging.block import Block, Model, block
from ..reading.layout import Table
from ..reading.probe import Probe, shapes, width

_FEW = 8
_TOLD = 2.0**-7
"""What rounding may be of a number that is told to be that of a part."""

_NUMBERS = 2**20
"""So many numbers of latents are looked at, all rows together."""


def of_some(subject: str, tables: Sequence[Table], model: Model, probe: Probe) -> str:
    """Of a log-probability or a divergence, in words; "" where it is that of no part."""
    table, D = tables[0], width(tables[0])
    rows = [row for i, row in probe.whole if i == 0][: max(_FEW, _NUMBERS // D)]
    b = block({n: c.some(rows) for n, c in table.columns.items()}, model)
    b = b.sound(*b.latents) if b.n else b
    found = _coordinates(subject, b) if b.n else None
    if found is None:
        return ""
    got, each, sizes = (x[b.noisy] for x in (b.raw[subject].double()[:, :1], *found))
    known = torch.isfinite(torch.cat([got, each], dim=1)).all(dim=1)
    got, each, sizes = got[known], each[known], sizes[known]
    if len(got) < _FEW or each.shape[1] != D or not bool(got.any()):
        return ""
    u = max(probe.roundoff[subject], probe.roundoff.get("x_s", 0.0))
    slack = ROUNDINGS * u * sizes.sum(dim=1, keepdim=True)
    if not float((slack / each.sum(dim=1, keepdim=True).abs()).median()) < _TOLD:
        return ""
    for shape in shapes(table):
        laid = each.reshape(len(each), *shape)
        for k, size in enumerate(shape, 1):
            sums = laid.transpose(1, k).flatten(2).sum(dim=2) if len(shape) > 1 else laid
            first = sums.cumsum(dim=1)[:, :-1]
            last = sums.flip(1).cumsum(dim=1)[:, :-1]
            counts = torch.arange(1, size) * (D // size)
            for words, part in (("first", first), ("last", last)):
                for by in (torch.ones(()), counts, torch.tensor(D)):
                    fits = ((part / by - got).abs() <= slack / by).all(dim=0).nonzero()
                    if len(fits):
                        return _told(words, int(fits[0]) + 1, size, k, shape)
    return ""


def _told(words: str, m: int, size: int, k: int, shape: Sequence[int]) -> str:
    if len(shape) == 1:
        return f"it is that of the {words} {m} of {size} coordinates alone"
    whole = f"{m} of {size} along axis {k} of (B, {', '.join(map(str, shape))})"
    if k > 1:
        return f"it is that of the {words} {whole} alone"
    each = prod(shape[1:])
    return f"it is that of the {words} {m * each} of {size * each} coordinates alone: {whole}"


def _coordinates(subject: str, b: Block) -> tuple[Tensor, Tensor] | None:
    """What each coordinate gives to a right number, and how much is subtracted in it, (n, D)."""
    if "std" not in b.resolved:
        return None
    std, old = b.resolved["std"].clamp_min(1e-300), subject == "log_prob_old" and b.has("v_old")
    mean = _mean(b, "" if old else "mean", "v_old" if old else "v")
    other = _mean(b, "mean_ref", "v_ref") if subject == "kl" else _mean(b, "x_s", "")
    if mean is None or other is None:
        return None
    each = (kl.of_means if subject == "kl" else gaussian.log_prob)(other, mean, std)
    return each, each.abs() + (other - mean).abs() * (other.abs() + mean.abs()) / std**2


def _mean(b: Block, name: str, velocity: str) -> Tensor | None:
    """What was recorded, or the mean that a velocity leads to."""
    if b.has(name):
        return b.latent(name).double().clone()
    made = b.mean_of(velocity) if velocity else None
    return None if made is None else made.double().clone()
