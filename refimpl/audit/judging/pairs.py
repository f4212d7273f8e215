"""A loss of (B, 1) times (B,): every ratio meets every advantage, and one axis is averaged.

    s_ij = min(r_i A_j, clip(r_i) A_j)        row j: the mean over i        row i: the mean over j

Of an advantage's sign the clip leaves one end, so no matrix is made.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ...equations import grpo
from .rearranged import shape_of
from .updates import Part

Surrogate = Callable[[Tensor, Tensor, float], Tensor]
Fits = Callable[[Part, Surrogate], bool]

_FEWEST = 8
_CAUSE = "an outer product of (B, 1) and (B,). Remedy: give both one shape"
_AXES = {
    "row j is the mean over the {of} i of {pair}": True,
    "row i is the mean over the {of} j of {pair}": False,
}
"""What is averaged, in words; and whether it is the ratios."""


def told(parts: Sequence[Part], pair: str, high: float | None, fits: Fits) -> str:
    """Which axis was averaged, in words; "" where none gives the loss.

    Args:
        pair: what is averaged, in words.
        high: the clip of the upper end, where it is another.
        fits: whether the loss of a part is the article's with this surrogate.
    """
    if not all(p.n >= _FEWEST for p in parts):
        return ""
    for of in ("step's samples", "rows"):
        batches = [_batches(p, of) for p in parts]
        if any(b is None for b in batches):
            continue
        for words, ratios in _AXES.items():
            for kl in (False, True) if "kl" in parts[0].of else (False,):
                each = [
                    (_with_kl(p, b, of=kl), _surrogate(b, high, ratios=ratios))
                    for p, b in zip(parts, batches, strict=True) if b is not None
                ]  # fmt: skip
                if all(fits(p, f) for p, f in each):
                    more = ", and the KL's mean" if kl else ""
                    whole = _whole(parts)
                    how = "it is the mean over all pairs of the {of} of {pair}" if whole else words
                    return f"{how.format(of=of, pair=pair)}{more}: {_CAUSE}"
    return ""


def _whole(parts: Sequence[Part]) -> bool:
    """Whether a loss is one number a batch."""
    return all(len(p.batches[0]) <= p.n // 2 for p in parts)


def _batches(p: Part, of: str) -> Tensor | None:
    """Which batch each row is of: its step's, or all rows; None where a batch is of one row."""
    if of == "rows":
        return torch.zeros(p.n, dtype=torch.int64)
    laid = shape_of(p.order, p.n)
    if laid is None or laid[0][2] < 2 or laid[0][0] * laid[0][1] < 2:
        return None
    (rollouts, steps, samples), together = laid
    if together:
        return torch.arange(p.n) // samples
    return torch.arange(p.n) % steps if rollouts == 1 else None


def _means(x: Tensor, batches: Tensor) -> Tensor:
    """The mean of each row's batch, (n,)."""
    size = torch.bincount(batches)
    zero = torch.zeros(len(size), dtype=x.dtype)
    return (zero.index_add(0, batches, x) / size)[batches]


def _with_kl(p: Part, batches: Tensor, *, of: bool) -> Part:
    return p.but(kl=_means(p.of["kl"], batches)) if of else p


def _surrogate(batches: Tensor, high: float | None, *, ratios: bool) -> Surrogate:
    """The mean over the ratios, or over the advantages, of a batch."""

    def made(r: Tensor, a: Tensor, clip: float) -> Tensor:
        one = torch.ones_like(r)  # an advantage of either sign: then one end alone holds a ratio
        up, down = grpo.surrogate(r, one, high or clip), -grpo.surrogate(r, -one, clip)
        gain, loss = a.clamp_min(0), a.clamp_max(0)
        if ratios:
            return gain * _means(up, batches) + loss * _means(down, batches)
        return up * _means(gain, batches) + down * _means(loss, batches)

    return made
