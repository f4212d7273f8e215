"""Numbers that are right for some coordinates: the first or the last of a latent, along an axis.

(B, 16, 8, 8): 4 of 16 channels        (B, 50, 32): 7 of 32 numbers of each action
"""

from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor

from ...equations import gaussian, kl
from ...evidence.rounding import ROUNDINGS
from ..judging.block import Block, Model, block
from ..reading.layout import Table
from ..reading.probe import Probe, width
from .whole import some

_FEW = 8
_NUMBERS = 2**20
"""So many numbers of latents are looked at, all rows together."""


def of_some(subject: str, tables: Sequence[Table], model: Model, probe: Probe) -> str:
    """Of a log-probability or a divergence, in words; "" where it is that of no part."""
    table, D = tables[0], width(tables[0])
    rows = [row for i, row in probe.whole if i == 0][: max(_FEW, _NUMBERS // D)]
    b = block({n: some(c, rows) for n, c in table.columns.items()}, model)
    each = _coordinates(subject, b) if b.n else None
    if each is None:
        return ""
    got, each = b.raw[subject].double()[b.noisy][:, :1], each[b.noisy]
    known = torch.isfinite(torch.cat([got, each], dim=1)).all(dim=1)
    got, each = got[known], each[known]
    if len(got) < _FEW or each.shape[1] != D or not bool(got.any()):
        return ""
    u = max(probe.roundoff[subject], probe.roundoff.get("x_s", 0.0))
    slack = ROUNDINGS * u * each.abs().sum(dim=1, keepdim=True)
    for shape in _shapes(table, D):
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
    whole = f"(B, {', '.join(map(str, shape))})"
    return f"it is that of the {words} {m} of {size} along axis {k} of {whole} alone"


def _shapes(table: Table, D: int) -> list[tuple[int, ...]]:
    """The shapes that a latent has: as it was stored, and flat."""
    found: list[tuple[int, ...]] = []
    for column in table.shard.columns.values():
        for k in range(1, len(column.shape) - 1):
            shape = tuple(column.shape[k:])
            if prod(shape) == D and shape not in found:
                found.append(shape)
    return [*found, (D,)]


def _coordinates(subject: str, b: Block) -> Tensor | None:
    """What each coordinate gives to a right number, (n, D)."""
    if "std" not in b.resolved:
        return None
    std = b.resolved["std"].clamp_min(1e-300)
    if subject == "kl":
        mean, other = _mean(b, "mean", "v"), _mean(b, "mean_ref", "v_ref")
        both = mean is not None and other is not None
        return kl.of_means(mean, other, std) if both else None
    old = subject == "log_prob_old" and b.has("v_old")
    mean = _mean(b, "" if old else "mean", "v_old" if old else "v")
    if mean is None or not b.has("x_s"):
        return None
    return gaussian.log_prob(b.latent("x_s").double(), mean, std)


def _mean(b: Block, name: str, velocity: str) -> Tensor | None:
    """A recorded mean, or that which a velocity leads to."""
    if b.has(name):
        return b.latent(name).double().clone()
    made = b.mean_of(velocity)
    return None if made is None else made.double().clone()
