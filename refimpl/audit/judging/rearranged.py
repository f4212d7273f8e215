"""A number of every row, as a trainer that loses track of its rows would take it.

    the next sample's    the step before's    the mean over the samples    the sum over the steps

Rows are laid out as (rollouts, steps, samples), by the recorded levels; without them only whole
shifts are tried. Every change is linear with weights of one sign: a bound of x becomes one of it.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from torch import Tensor

from .updates import Part

Change: TypeAlias = Callable[[Tensor], Tensor]


def _mean(dim: int) -> Change:
    return lambda x: x.mean(dim=dim, keepdim=True).expand_as(x)


_STEPS, _SAMPLES = 1, 2
_OF_SAMPLES: dict[str, Change] = {
    "is of the next sample": lambda x: x.roll(-1, _SAMPLES),
    "is of the sample before": lambda x: x.roll(1, _SAMPLES),
    "is of the step's samples in reversed order": lambda x: x.flip(_SAMPLES),
    "is the mean over the step's samples": _mean(_SAMPLES),
}
_OF_STEPS: dict[str, Change] = {
    "is of the same sample in the step after": lambda x: x.roll(-1, _STEPS),
    "is of the same sample in the step before": lambda x: x.roll(1, _STEPS),
    "is the mean over the sample's steps": _mean(_STEPS),
    "is the sum over the sample's steps": lambda x: x.sum(dim=_STEPS, keepdim=True).expand_as(x),
    "is the running sum over the sample's steps": lambda x: x.cumsum(dim=_STEPS),
    "is of the sample's first step": lambda x: x[:, :1].expand_as(x),
    "is of the sample's last step": lambda x: x[:, -1:].expand_as(x),
}
_CROSSED = "is of the sample that has the step's number, for all samples of the step"
_OF_ALL: dict[str, Change] = {
    "is of the row after": lambda x: x.roll(-1, 0), "is of the row before": lambda x: x.roll(1, 0),
    "is the mean over all rows": _mean(0),
}  # fmt: skip


def _crossed(x: Tensor) -> Tensor:
    steps = x.shape[_STEPS]
    return x[:, :1, :steps].transpose(_STEPS, _SAMPLES).expand_as(x)


def shape_of(t: Tensor | None, n: int) -> tuple[tuple[int, int, int], bool] | None:
    """(rollouts, steps, samples) of n rows, and whether a step's samples follow each other; None
    where the levels show no such order.

    Args:
        t: as recorded, (n,).
    """
    if t is None or n < 4:
        return None
    run = int((t != t[0]).nonzero()[0]) if bool((t != t[0]).any()) else n
    if run > 1 or n == run:  # a step's samples follow each other
        if n % run or not bool((t.reshape(-1, run) == t.reshape(-1, run)[:, :1]).all()):
            return None
        levels = t.reshape(-1, run)[:, 0]
        steps = _period(levels)
        return (len(levels) // steps, steps, run), True
    steps = _period(t)
    return ((1, steps, n // steps), False) if steps < n else None


def _period(levels: Tensor) -> int:
    """After how many entries these begin again, throughout; all of them where they do not."""
    for k in (levels[1:] == levels[0]).nonzero()[:, 0].tolist():
        p = k + 1
        if len(levels) % p == 0 and bool((levels.reshape(-1, p) == levels[:p]).all()):
            return p
    return len(levels)


def changes(t: Tensor | None, n: int) -> Iterator[tuple[str, Change]]:
    """Each in words, and as a function of the rows' numbers, (n,)."""
    found = shape_of(t, n)
    if found is not None:
        (k, steps, samples), together = found
        told = (_OF_SAMPLES if samples > 1 else {}) | (_OF_STEPS if steps > 1 else {})
        told |= {_CROSSED: _crossed} if 1 < steps <= samples else {}
        for words, change in told.items():
            if together:
                yield words, lambda x, c=change: c(x.reshape(k, steps, samples)).reshape(n)  # type: ignore[misc]
            else:
                yield words, lambda x, c=change: _across(c, x, samples, steps)  # type: ignore[misc]
    yield from _OF_ALL.items()


_CAUSAL = ("is of the sample's first step", "is the running sum over the sample's steps")


def leading(t: Tensor) -> int:
    """How many of the first rows are whole steps, or whole samples: of a window, cut anywhere."""
    turns = (t != t[0]).nonzero()[:, 0]
    run = int(turns[0]) if len(turns) else len(t)
    starts = t[: len(t) // run * run].reshape(-1, run)[:, 0]
    again = (starts[1:] == starts[0]).nonzero()[:, 0]
    period = int(again[0]) + 1 if len(again) else 1
    return len(starts) // period * period * run


def causal(t: Tensor, n: int) -> Iterator[tuple[str, Change]]:
    """The changes that the first steps of a run show as well as all do."""
    yield from ((words, change) for words, change in changes(t, n) if words in _CAUSAL)


def common(parts: Sequence[Part]) -> Iterator[tuple[str, list[Change]]]:
    """The changes that all parts allow, each in words, and as a function for each part."""
    each = [dict(changes(p.order, p.n)) for p in parts]
    for words in each[0]:
        if all(words in own for own in each):
            yield words, [own[words] for own in each]


def _across(change: Change, x: Tensor, samples: int, steps: int) -> Tensor:
    """The change of rows where a sample's steps follow each other."""
    laid = x.reshape(1, samples, steps).transpose(1, 2)
    return change(laid).transpose(1, 2).reshape(len(x))
