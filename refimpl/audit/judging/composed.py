"""A loss as the article's with parts exchanged: the fewest changes that give every row.

    loss = c min(r' A', clip(r') A') w + d KL' + e entropy      r', A', clip, w, KL' of short lists

A loss is linear in its terms, so their numbers c, d, e are solved for; one with a meaning costs
less than one without. What is told is the cheapest, and only where nothing is as cheap.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import e as EULER
from math import log, pi

import torch
from torch import Tensor

from ...evidence.mistakes import mistakes
from ...evidence.rounding import ROUNDINGS
from .rearranged import shape_of
from .updates import Part

Known = tuple[Tensor, Tensor]
"""Numbers of rows, and the sizes that their rounding is a part of."""

Of = Callable[[Part], Known]
Clip = Callable[[Tensor, Tensor, float], Tensor]
Weights = Mapping[str, Callable[[dict[str, Tensor]], Tensor]]


def told(
    parts: Sequence[Part], clip: float | None, beta: float | None, weights: Weights, *,
    known: bool = True,
) -> tuple[int, str]:  # fmt: skip
    """How many parts were exchanged, and which, in words; "" where no few changes give the loss.

    Args:
        clip, beta: where they are known.
        weights: of a step, by their names.
        known: whether the clip was declared: then how it is put may be another.
    """
    some = _some(parts[0])
    found = list[tuple[int, str]]()
    for summed in (False, True):
        seen = _Seen.of(some, summed)
        if seen is not None:
            found += _fitting(seen, parts, clip, beta, weights, known)
    least = min((cost for cost, _ in found), default=0)
    words = dict.fromkeys(words for cost, words in found if cost == least)
    return least, "; or ".join(words) if len(words) <= _SEVERAL else ""


_SEVERAL = 3
"""So many readings of one cost are told; more say nothing."""

_ROWS = 2**12
"""Rows that are searched; what fits these is held against all."""


def _some(p: Part) -> Part:
    """Some rows, spread over all: whole batches where a loss is one number a batch."""
    if p.n <= _ROWS:
        return p
    ids, index, size = p.batches
    if len(ids) > p.n // 2:
        used = torch.arange(p.n) % -(-p.n // _ROWS) == 0
    else:
        first = torch.full((len(ids),), p.n).scatter_reduce(0, index, torch.arange(p.n), "amin")
        order = torch.argsort(first)
        kept = torch.zeros(len(ids), dtype=torch.bool)
        kept[order[size[order].cumsum(0) <= 4 * _ROWS]] = True
        used = kept[index]
    return replace(p, of={n: x[used] for n, x in p.of.items()})


@dataclass(frozen=True)
class _Seen:
    """Rows, or batches of them, and their losses.

    Attributes:
        loss: (k,).
        count: rows of a batch where all have as many, else 0; 1 for rows.
    """

    part: Part
    loss: Tensor
    index: Tensor | None
    count: int

    @staticmethod
    def of(p: Part, summed: bool) -> "_Seen | None":
        """None where rows are no batches, or too few."""
        if not summed:
            return _Seen(p, p.of["loss"], None, 1) if p.n >= _FEWEST else None
        ids, index, size = p.batches
        if not _FEWEST <= len(ids) <= p.n // 2:
            return None
        return _Seen(p, ids, index, int(size[0]) if bool((size == size[0]).all()) else 0)

    def mean(self, x: Tensor) -> Tensor:
        """Numbers of rows (..., n) as those of the losses, (..., k)."""
        if self.index is None:
            return x
        zero = torch.zeros(*x.shape[:-1], len(self.loss), dtype=x.dtype)
        return zero.index_add_(-1, self.index, x) / torch.bincount(self.index).double()

    def both(self, x: Known) -> Known:
        return self.mean(x[0]), self.mean(x[1])


_FEWEST = 6
"""Losses of fewer different numbers show nothing."""


@dataclass(frozen=True)
class _Made:
    """A term of the loss in words, with what its words cost."""

    words: tuple[str, ...]
    rule: Of

    @property
    def cost(self) -> int:
        return len(self.words)


def _fitting(
    seen: _Seen, parts: Sequence[Part], clip: float | None, beta: float | None, weights: Weights,
    known: bool,
) -> Iterator[tuple[int, str]]:  # fmt: skip
    """Each composition that fits all rows: its cost, and its words."""
    p = seen.part
    policies = sorted(_policies(p, clip, weights, known), key=lambda x: x.cost)
    made = [seen.both(x.rule(p)) for x in policies]
    value, size = torch.stack([x for x, _ in made]), torch.stack([x for _, x in made])
    usable = torch.isfinite(value).all(dim=1) & (value != 0).any(dim=1)
    u = _roundoff(p)
    for extra, kl in product(_extras(p), _kls(p, weights)):
        few = extra.cost + kl.cost
        rest = [x.rule(p) for x in (kl, extra) if x.rule is not _nothing]
        cut = [seen.both(x) for x in rest]
        if not all(bool(x.isfinite().all()) and bool(x.any()) for x, _ in cut):
            continue
        most = sum(few + x.cost <= _CHANGES for x in policies)
        near = _near(seen.loss, value[:most], size[:most], cut, u) & usable[:most]
        for k in near.nonzero()[:, 0].tolist():
            cost = few + policies[k].cost
            columns = [(-value[k], size[k]), *cut]
            for own, words, numbers in _numbers(seen, columns, u, beta, kl):
                whole = (policies[k], *(x for x in (kl, extra) if x.rule is not _nothing))
                if all(_holds(q, whole, numbers, seen) for q in parts):
                    every = [*policies[k].words, *kl.words, *words]
                    every += [
                        f"{x} with the weight {numbers[-1]:.3g}".replace("-", "−")
                        for x in extra.words
                    ]
                    yield cost + own, ", and ".join(every)
                    break


_CHANGES = 2
"""So many parts are exchanged at most."""


def _roundoff(p: Part) -> float:
    names = ("loss", "ratio", "advantages", "kl", "rewards")
    return max(p.roundoff[n] for n in names if n in p.of)


def _near(
    loss: Tensor, value: Tensor, size: Tensor, others: Sequence[Known], u: float
) -> Tensor:  # fmt: skip
    """Which first terms, (m, k), with some number for each term give the losses nearly, (m,)."""
    y, first = loss, value
    if others:
        q, _ = torch.linalg.qr(torch.stack([x for x, _ in others], dim=1))
        y, first = y - q @ (q.T @ y), first - (first @ q) @ q.T
    norm = (first**2).sum(dim=1)
    alone = norm > _ALONE * (value**2).sum(dim=1)
    c = (first @ y) / norm.clamp_min(1e-300)
    left = (y - c[:, None] * first).abs()
    slack = c.abs()[:, None] * size + loss.abs()
    for x, own in others:  # no term is larger than what it makes up, or makes up for
        most = (loss.abs().max() + (c.abs()[:, None] * value.abs()).amax(dim=1)) / x.abs().max()
        missed = (c.abs()[:, None] * size).amax(dim=1) / (
            x**2
        ).mean().sqrt()  # by rounding of those
        slack = slack + most[:, None] * own + missed[:, None] * x.abs()
    return alone & (left <= _LOOSE * ROUNDINGS * u * slack).all(dim=1)


_ALONE, _LOOSE = 1e-12, 16.0
"""What is left of a term beside the others, to be told from them; and the first sieve's width."""


def _numbers(
    seen: _Seen, columns: Sequence[Known], u: float, beta: float | None, kl: _Made
) -> Iterator[tuple[int, list[str], list[float]]]:
    """The terms' numbers that give the losses, with what they cost and their words; cheapest
    first."""
    x = torch.stack([v for v, _ in columns], dim=1)
    rough = torch.linalg.lstsq(x, seen.loss[:, None]).solution[:, 0]
    slack = _slack(columns, rough.tolist(), seen.loss, u)
    solved = torch.linalg.lstsq(x / slack[:, None], (seen.loss / slack)[:, None]).solution[:, 0]
    free = solved.tolist()
    if not float((free[0] * columns[0][0]).square().mean().sqrt()) > 8 * float(slack.median()):
        return  # what the term is made of does not show
    tried = sorted(_named(seen, free, beta, kl), key=lambda one: one[0])
    for cost, words, numbers in tried:
        if len(seen.loss) < len(columns) + 2 + 2 * cost:
            continue
        made = x @ torch.tensor(numbers, dtype=x.dtype)
        if bool(((made - seen.loss).abs() <= _slack(columns, numbers, seen.loss, u)).all()):
            yield cost, words, numbers


def _slack(
    columns: Sequence[Known], numbers: Sequence[float], loss: Tensor, u: float
) -> Tensor:  # fmt: skip
    """What rounding may make of a loss."""
    sizes = sum(abs(c) * s for (_, s), c in zip(columns, numbers, strict=True))
    return ROUNDINGS * u * (sizes + loss.abs()) + 1e-300


def _holds(q: Part, terms: Sequence[_Made], numbers: Sequence[float], like: _Seen) -> bool:
    """Whether all rows of a part have the loss that is made of these terms."""
    seen = like if q is like.part else None
    if seen is None:
        ids, index, _ = q.batches
        rows = like.index is None
        seen = _Seen(q, q.of["loss"] if rows else ids, None if rows else index, 0)
    columns = [seen.both(x.rule(q)) for x in terms]
    columns[0] = (-columns[0][0], columns[0][1])
    made = sum(c * v for (v, _), c in zip(columns, numbers, strict=True))
    gap = (made - seen.loss).abs()
    return bool((gap <= _slack(columns, numbers, seen.loss, _roundoff(q))).all())


def _named(
    seen: _Seen, free: Sequence[float], beta: float | None, kl: _Made
) -> Iterator[tuple[int, list[str], list[float]]]:
    """Readings of the terms' numbers, each with its cost, and the numbers that it stands for."""
    c, *rest = free
    with_kl = kl.rule is not _nothing
    d = rest[0] if with_kl else 0.0
    tail = rest[1:] if with_kl else rest
    ends = [float(f"{x:.3g}") for x in tail]
    for own, factor, words in _factors(seen, c):
        if not with_kl:
            yield own, [*words], [factor, *ends]
            continue
        if beta is None:
            weight = float(f"{d / factor:.3g}")
            yield own + (weight < 0), [*words, f"β is {weight:g}"], [
                factor, factor * weight, *ends]  # fmt: skip
        else:
            yield own, [*words], [factor, factor * beta, *ends]
            if factor != 1:
                alone = [w.replace("it is", "the policy's term in it is") for w in words]
                yield own, [*alone], [factor, beta, *ends]
            for more, of, name in _multiples(seen, d / (factor * beta) if beta else 0.0):
                told = f"the KL's weight in it is {of * beta:.4g}, {name}"
                yield own + more, [*words, told], [factor, factor * beta * of, *ends]


def _factors(seen: _Seen, c: float) -> Iterator[tuple[int, float, list[str]]]:
    """What the number of the policy's term may be: its cost, itself, and words."""
    yield 0, 1.0, []
    if c < 0:
        yield 1, -1.0, ["the policy's term in it has the wrong sign"]
    if seen.index is not None and seen.count and abs(c / seen.count - 1) < _SNAP:
        yield 1, float(seen.count), [
            f"it is the sum over the {seen.count} rows of a batch, not their mean"]  # fmt: skip
    for more, of, name in _multiples(seen, c):
        yield more, of, [f"it is {name.removesuffix(' β')} times the right one"]


def _multiples(seen: _Seen, x: float) -> Iterator[tuple[int, float, str]]:
    """A multiple of 1, or of β: its cost, the number, and words for it."""
    laid = shape_of(seen.part.order, seen.part.n)
    known = {"coordinates": seen.part.dims, "rows": seen.part.n}
    known |= {"steps": laid[0][1], "samples": laid[0][2]} if laid else {}
    for what, n in known.items():
        for of, way in ((float(n), f"{n}"), (1 / n, f"1/{n}")):
            if n > 1 and abs(x / of - 1) < _SNAP:
                yield 1, of, f"{way} β" if what == "" else f"{way} ({n} {what}) β"
    plain = _plain(x)
    if plain and abs(plain) != 1:
        yield 1, plain, f"{plain:.6g} β"
    if x > 0:
        yield 2, x, f"{x:.6g} β"


def _plain(x: float) -> float:
    """The whole number, its inverse, or the power of two, that a number nearly is; 0 for none."""
    if x <= 0:
        return 0.0
    up = x if x >= 1 else 1 / x
    near = round(up) if up < _WHOLE else 2.0 ** round(log(up, 2))
    return (near if x >= 1 else 1 / near) if abs(up / near - 1) < _SNAP else 0.0


_SNAP, _WHOLE = 1e-3, 101


def _nothing(p: Part) -> Known:
    return 0 * p.of["loss"], 0 * p.of["loss"]


def _policies(
    p: Part, clip: float | None, weights: Weights, known: bool
) -> Iterator[_Made]:  # fmt: skip
    """The policy's term, with at most two of its parts exchanged."""
    ratios, advantages = list(_ratios(p)), dict(_advantages(p))
    clips = dict(_clips()) if clip and known else {"": _surrogate if clip else _unclipped}
    scales: dict[str, Of] = {"": lambda q: (1 + 0 * q.of["loss"], 1 + 0 * q.of["loss"])}
    for name, weight in weights.items():
        words = f"the policy's term in it is weighted by {name}"
        scales[words] = lambda q, f=weight: (f(q.of), f(q.of).abs())  # type: ignore[misc]
    for (r, ratio), a, w in product(ratios, advantages, scales):
        seen = list[Tensor]()  # of clips that give the same here the first is told
        for k, held in clips.items():
            changed = tuple(x for x in (r, a, k, w) if x)
            if len(changed) > _CHANGES:
                continue
            rule = _policy(ratio, advantages[a], held, scales[w], clip or 0.0)
            made = rule(p)[0]
            if not any(torch.equal(made, x) for x in seen):
                yield _Made(changed, rule)
            seen.append(made)


def _policy(ratio: Of, advantage: Of, held: Clip, scale: Of, clip: float) -> Of:
    def made(q: Part) -> Known:
        (r, own), (a, its), (w, _) = ratio(q), advantage(q), scale(q)
        return w * held(r, a, clip), w.abs() * (r.abs() * its + own * a.abs())

    return made


def _ratios(p: Part) -> Iterator[tuple[str, Of]]:
    yield "", lambda q: (q.of["ratio"], q.of["ratio"])
    words = "log(ratio) stands for the ratio, −log(ratio) advantage"
    yield words, lambda q: (q.of["ratio"].log(), 1 + 0 * q.of["ratio"])
    if {"log_prob", "log_prob_old"} <= set(p.of):  # of which it may be the exact difference
        yield words, _log_ratio
    yield "1 stands for the ratio", lambda q: (1 + 0 * q.of["ratio"], 1 + 0 * q.of["ratio"])
    yield "1/ratio stands for the ratio", lambda q: (1 / q.of["ratio"], 1 / q.of["ratio"])
    yield "ratio − 1 stands for the ratio", lambda q: (q.of["ratio"] - 1, q.of["ratio"])
    if {"log_prob", "log_prob_old"} <= set(p.of):
        words = "the ratio in it is exp(log p − log p_old), which the recorded one is not"
        yield words, lambda q: _power(q, 1.0)
    if "log_prob" in p.of:
        yield "log p stands for the ratio", lambda q: (q.of["log_prob"], q.of["log_prob"].abs())
    for power, of in ((p.dims, "sums"), (1 / p.dims, "averages")) if p.dims > 1 else ():
        yield (
            f"the ratio is that of {of} over the {p.dims} coordinates",
            lambda q, k=power: _power(q, k),  # type: ignore[misc]
        )


def _log_ratio(q: Part) -> Known:
    if {"log_prob", "log_prob_old"} <= set(q.of):
        made = q.of["log_prob"] - q.of["log_prob_old"]
        return made, made.abs()
    return torch.log(q.of["ratio"]), 1 + 0 * q.of["ratio"]


def _power(q: Part, k: float) -> Known:
    made = torch.exp(k * _log_ratio(q)[0])
    return made, (1 + k) * made


def _advantages(p: Part) -> Iterator[tuple[str, Of]]:
    rules: dict[str, Callable[[Tensor], Tensor]] = {
        "": lambda a: a,
        "|A| stands for A": torch.abs, "the sign of A stands for A": torch.sign,
        "1 stands for A": torch.ones_like, "−A stands for A": torch.neg,
        "max(A, 0) stands for A": lambda a: a.clamp_min(0),
        "min(A, 0) stands for A": lambda a: a.clamp_max(0),
        "A² stands for A": lambda a: a**2,
    }  # fmt: skip
    for words, rule in rules.items():
        yield words, lambda q, f=rule: (f(q.of["advantages"]), f(q.of["advantages"]).abs())  # type: ignore[misc]
    for ddof in (0, 1):
        yield (
            f"the advantages in it are whitened over the rows (ddof {ddof})",
            lambda q, k=ddof: _white(q.of["advantages"], k),  # type: ignore[misc]
        )
    if p.order is not None:
        yield (
            "the advantages in it are whitened again over the step's rows (ddof 1)",
            lambda q: _white_by_step(q.of["advantages"], q.order),
        )
    if "rewards" in p.of:
        yield "the reward stands for A", lambda q: (q.of["rewards"], q.of["rewards"].abs())
        yield (
            "the reward less the mean of all stands for A",
            lambda q: (q.of["rewards"] - q.of["rewards"].mean(), q.of["rewards"].abs()),
        )
        if "groups" in p.of:
            yield "the reward less its group's mean stands for A", _less_group


def _less_group(q: Part) -> Known:
    _, index, size = torch.unique(q.of["groups"], return_inverse=True, return_counts=True)
    sums = torch.zeros(len(size), dtype=torch.float64).index_add_(0, index, q.of["rewards"])
    return q.of["rewards"] - (sums / size)[index], q.of["rewards"].abs()


def _white(a: Tensor, ddof: int) -> Known:
    spread = a.std(correction=ddof)
    return (a - a.mean()) / spread, (a.abs() + a.mean().abs()) / spread


def _white_by_step(a: Tensor, order: Tensor | None) -> Known:
    """Over the rows of each step."""
    assert order is not None
    _, index, size = torch.unique(order, return_inverse=True, return_counts=True)
    zero = torch.zeros(len(size), dtype=a.dtype)
    mean = (zero.index_add(0, index, a) / size)[index]
    spread = (zero.index_add(0, index, (a - mean) ** 2) / (size - 1)).sqrt()[index]
    return (a - mean) / spread, (a.abs() + mean.abs()) / spread


def _unclipped(r: Tensor, a: Tensor, clip: float) -> Tensor:
    return r * a


def _surrogate(r: Tensor, a: Tensor, clip: float) -> Tensor:
    """The article's, of what need be no ratio."""
    return torch.minimum(r * a, r.clamp(1 - clip, 1 + clip) * a)


def _clips() -> Iterator[tuple[str, Clip]]:
    yield "", _surrogate
    yield "nothing is clipped, or only beyond every ratio here", _unclipped
    for m in mistakes("grpo.surrogate"):
        if m.name in _SAID:
            yield _SAID[m.name], m.wrong
    yield "it is clipped from below alone", lambda r, a, k: torch.minimum(
        r * a, r.clamp_min(1 - k) * a)  # fmt: skip
    yield (
        "its ratio is clipped to ±ε: the 1 of 1 ± ε is forgotten",
        lambda r, a, k: torch.minimum(r * a, r.clamp(-k, k) * a),
    )
    yield "the clip is put on the product, clip(r A)", lambda r, a, k: torch.minimum(
        r * a, (r * a).clamp(1 - k, 1 + k))  # fmt: skip
    yield "the clip is put on the log-ratio", lambda r, a, k: torch.minimum(
        r * a, r.clamp_min(1e-300).log().clamp(-k, k).exp() * a)  # fmt: skip
    yield (
        "rows whose ratio is outside the clip are left out",
        lambda r, a, k: torch.where((r - 1).abs() <= k, r * a, 0.0),
    )


_SAID = {
    "always clipped": "it is clipped without the min",
    "max for min": "max of r A and clip(r) A stands for min (min of the losses for max)",
    "clip on the wrong side": "its clip is on the wrong side",
    "one-sided clip": "it is clipped from above alone",
}  # fmt: skip


def _kls(p: Part, weights: Weights) -> Iterator[_Made]:
    """The KL's term, as recorded or another; and none."""
    if "kl" not in p.of or not bool(p.of["kl"].any()):
        yield _Made((), _nothing)
        return
    rules: dict[str, Callable[[Part], Tensor]] = {
        "": lambda q: q.of["kl"],
        "the KL in it is multiplied by the ratio, β ratio kl": lambda q: q.of["ratio"] * q.of["kl"],
        "the KL in it is the mean over all rows": lambda q: q.of["kl"].mean() + 0 * q.of["kl"],
        "the square of the KL stands in it": lambda q: q.of["kl"] ** 2,
        "the root of the KL stands in it": lambda q: q.of["kl"].abs() ** 0.5,
        "the KL in it is multiplied by |A|": lambda q: q.of["advantages"].abs() * q.of["kl"],
        "the KL in it is ½ log²(ratio), of the old policy": lambda q: _log_ratio(q)[0] ** 2 / 2,
        "the KL in it is −log(ratio), of the old policy": lambda q: -_log_ratio(q)[0],
    }  # fmt: skip
    for words, rule in rules.items():
        yield _Made((words,) if words else (), lambda q, f=rule: (f(q), f(q).abs()))  # type: ignore[misc]
    for name, scale in weights.items():
        words = f"the KL in it is weighted by {name}"
        yield _Made((words,), lambda q, f=scale: _times(q, f(q.of)))  # type: ignore[misc]
    yield _Made(("there is no KL in it",), _nothing)


def _times(q: Part, weight: Tensor) -> Known:
    made = weight * q.of["kl"]
    return made, made.abs()


def _extras(p: Part) -> Iterator[_Made]:
    """What may have been added: nothing, or the entropy of the step's Gaussian."""
    yield _Made((), _nothing)
    if "std" in p.of and len(torch.unique(p.of["std"])) > 1 and bool((p.of["std"] > 0).all()):
        yield _Made(("the entropy, log std + ½ log 2πe, is added",), _entropy)


def _entropy(q: Part) -> Known:
    made = torch.log(q.of["std"]) + log(2 * pi * EULER) / 2
    return made, torch.log(q.of["std"]).abs() + 1
