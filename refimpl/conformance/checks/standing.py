"""Where a reward stands in its group by somebody's measures: read off the advantages.

    got = (R − b)/s  in every group   →   b and s of each   →   the measures that they are

Advantages that are affine in the rewards of a group, or in their ranks, tell what was subtracted
and what was divided by. Both are looked up: a measure, a multiple of one, a measure and a number
more, a mixture of two. What is subtracted may also be another number for each sample.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import combinations, permutations
from typing import Any, TypeAlias

import numpy as np

from ..adapter.conventions import Conventions
from ..diagnosis.printing import number
from ..diagnosis.solving import plain, single
from ..formulas.operations import Slip
from ..formulas.values import Inputs, Parts
from .fitted import held
from .measures import CENTRES, HELD, OF, OF_EACH, OF_OTHERS, SPREADS, Measure

Table: TypeAlias = Mapping[str, Measure]

_SAME = {False: 1e-9, True: 1e-5}
"""How far numbers that are one may lie apart, relative to the largest; in float32, farther."""

_END = {False: 1e-9, True: 2.0**-23}
"""How far below its limit a number may lie that is held there."""

_NEAR = 1e-3
"""How far off a measure may be whose number is not yet the plain one that it stands for."""

_FEWEST = 8
"""Numbers by which a measure is known, at least."""


@dataclass(frozen=True)
class Named:
    """A number of a group with its name.

    Attributes:
        name: what it is.
        of: the number, from rewards.
        free: how many numbers in it were read off.
    """

    name: str
    of: Measure
    free: int = 0


def measured(cases: Sequence[Inputs], told: Sequence[Parts], c: Conventions) -> Iterator[Slip]:
    """The measures that the answers suggest, the simplest."""
    every = [(i["rewards"].shape, _packed(i["rewards"]), _packed(p["value"]))
             for i, p in zip(cases, told, strict=True)
             if "value" in p and p["value"].shape == i["rewards"].shape]  # fmt: skip
    clip = c["advantage_clip"]
    yield from _measured(tuple(every), c["advantage_eps"], clip if clip == "none" else float(clip))


def _packed(x: np.ndarray) -> bytes:
    return np.asarray(x, dtype=np.float64).tobytes()


@lru_cache(maxsize=16)
def _measured(
    packed: tuple[tuple[tuple[int, ...], bytes, bytes], ...], eps: float, clip: float | str
) -> tuple[Slip, ...]:
    """The same, once for numbers that are asked about again beside other conventions."""
    every = [Told(*(np.frombuffer(x).reshape(shape) for x in both)) for shape, *both in packed]
    for limit in _limits(every, clip) if every else ():
        below = _below(limit, [row.below(limit) for row in every], eps, clip)
        found = [(free, slip) for free, slip in below if _gives(slip, every)]
        if found:
            fewest = min(free for free, _ in found)
            return tuple(slip for free, slip in found if free == fewest)
    return ()


def _gives(slip: Slip, every: Sequence["Told"]) -> bool:
    """Whether a reading gives all that came back, held or not."""
    for t in every:
        off = np.abs(slip.parts({"rewards": t.rewards}, Conventions())["value"] - t.got)
        if not (off[np.isfinite(t.got)] <= 1e-5 * (1 + np.abs(t.got[np.isfinite(t.got)]))).all():
            return False
    return True


def _below(
    limit: float, every: Sequence["Told"], eps: float, clip: float | str
) -> Iterator[tuple[int, Slip]]:
    """Readings of what a limit does not hold, each with how many numbers it needs."""
    for of in OF:
        for centre, spread in _standings(of, every, eps):
            yield centre.free + spread.free, _slip(of, centre, spread, limit, clip)


@dataclass(frozen=True)
class Told:
    """Rewards with the advantages that came back; NaN where they tell nothing."""

    rewards: np.ndarray
    got: np.ndarray

    @property
    def coarse(self) -> bool:
        """Whether they came back in float32."""
        return single(self.got)

    def below(self, limit: float) -> "Told":
        """What is not held at a limit, of groups that are not all one number."""
        silent = ~np.isfinite(self.got) | (np.ptp(self.got, axis=1) == 0)[:, None]
        end = limit * (1 - _END[self.coarse])
        return Told(self.rewards, np.where(silent | (np.abs(self.got) >= end), np.nan, self.got))


def _limits(every: Sequence[Told], clip: float | str) -> list[float]:
    """The declared limit of advantages; or none, and then that at which they end."""
    if clip != "none":
        return [float(clip)]
    found = held("", np.concatenate([np.ravel(t.got) for t in every]))
    return [np.inf] if found is None else [np.inf, found[1]]


def _standings(of: str, every: Sequence[Told], eps: float) -> Iterator[tuple[Named, Named]]:
    """Pairs of what is subtracted and what is divided by."""
    rewards = [OF[of](t.rewards) for t in every]
    near = _SAME[all(t.coarse for t in every)]
    lines = [_line(x, t.got, near) for x, t in zip(rewards, every, strict=True)]
    spreads = Naming(SPREADS, _SPREAD_FORMS, rewards, near)
    if all(line is not None for line in lines):
        bases, scales = zip(*(line for line in lines if line is not None), strict=True)
        size = max(float(np.abs(x).max()) for x in rewards)
        centres = Naming(CENTRES, _CENTRE_FORMS, rewards, near, size).names(bases, 0.0)
        over = spreads.names(scales, eps) if centres else []
        yield from ((b, s) for b in centres for s in over)
    if all(line is not None for line in lines) or of in HELD:
        return
    for table, own in ((OF_EACH, spreads), (CENTRES, spreads.of(OF_OTHERS))):
        for name, measure in table.items():
            with np.errstate(all="ignore"):
                told = [_scale(x - measure(x), t.got) for x, t in zip(rewards, every, strict=True)]
            if table is CENTRES and not _of_one_sign(told):
                continue  # the others' std is positive
            yield from ((Named(name, measure), s) for s in own.names(told, eps, mixed=False))


def _line(x: np.ndarray, got: np.ndarray, near: float) -> tuple[np.ndarray, np.ndarray] | None:
    """b and s of each group with got = (x − b)/s, one for each sample; None where it is no line."""
    seen = np.isfinite(got)
    n = seen.sum(axis=1, keepdims=True)
    x, got = np.where(seen, x, 0.0), np.where(seen, got, 0.0)
    with np.errstate(all="ignore"):
        at, middle = x.sum(axis=1, keepdims=True) / n, got.sum(axis=1, keepdims=True) / n
        far = np.where(seen, x - at, 0.0)
        spread = (far**2).sum(axis=1, keepdims=True)
        slope = np.where(spread > 0, (far * got).sum(axis=1, keepdims=True) / spread, 0.0)
        off = np.where(seen, np.abs(middle + slope * far - got), 0.0)
        told = n[:, 0] >= 3
        if not (off[told] <= near * np.abs(got[told]).max(axis=1, keepdims=True)).all():
            return None
        known = (n >= 3) & (spread > 0)
        base, scale = np.where(known, at - middle / slope, np.nan), 1 / slope
    return base + 0 * x, scale + 0 * base + 0 * x


def _scale(centred: np.ndarray, got: np.ndarray) -> np.ndarray:
    """What was divided by; NaN where 0 is 0, infinite where no number makes the one the other."""
    silent = np.isnan(got) | ((centred == 0) & (got == 0))
    return np.where(silent, np.nan, np.where(centred == 0, np.inf, centred / got))


def _of_one_sign(told: Sequence[np.ndarray]) -> bool:
    """Whether all numbers that are there lie on one side of 0."""
    x = np.concatenate([np.ravel(t) for t in told])
    return bool((x[~np.isnan(x)] > 0).all() or (x[~np.isnan(x)] < 0).all())


# ---------------------------------------------------------------- what a number of a group is


@dataclass(frozen=True)
class _Form:
    """A measure, and what may be done to it.

    Attributes:
        name: with {k} for the measure and {c} for a number.
        number: the number of each row, (m, 1), from what was read off, (n,), the measures, (m, n),
            and the declared eps; NaN where there is none.
        value: what it then is.
    """

    name: str
    number: Callable[[np.ndarray, np.ndarray, float], np.ndarray]
    value: Callable[[np.ndarray, Any, float], np.ndarray]

    @property
    def free(self) -> int:
        return int("{c}" in self.name)


def _none(x: np.ndarray, k: np.ndarray, eps: float) -> np.ndarray:
    return np.zeros((len(k), 1))


def _some(x: np.ndarray) -> np.ndarray:
    """The number that all of a row may be."""
    return np.asarray(np.median(x, axis=-1, keepdims=True))


def _floor(x: np.ndarray, k: np.ndarray, eps: float) -> np.ndarray:
    """The smallest, where several are."""
    low = x.min()
    several = (np.abs(x - low) <= 1e-5 * abs(low)).sum() >= _FEWEST
    return np.full((len(k), 1), low if several else np.nan)


_CENTRE_FORMS = (
    _Form("{k}", _none, lambda k, c, eps: k),
    _Form("{c} times {k}", lambda x, k, eps: _some(x / k), lambda k, c, eps: c * k),
    _Form("{k} and {c}", lambda x, k, eps: _some(x - k), lambda k, c, eps: k + c),
    _Form("{c}", lambda x, k, eps: _some(x + 0 * k), lambda k, c, eps: c + 0 * k),
)

_SPREAD_FORMS = (
    _Form("{k}", _none, lambda k, c, eps: k + eps),
    _Form("nothing", _none, lambda k, c, eps: 1 + 0 * k),
    _Form("1/{k}", _none, lambda k, c, eps: 1 / k),
    _Form("the root of {k}", _none, lambda k, c, eps: np.sqrt(k) + eps),
    _Form("{k}, {c} added to it", lambda x, k, eps: _some(x - k), lambda k, c, eps: k + c),
    _Form("{c} times {k}", lambda x, k, eps: _some((x - eps) / k), lambda k, c, eps: c * k + eps),
    _Form("the root of {k}² + {c}", lambda x, k, eps: _some(x**2 - k**2),
          lambda k, c, eps: np.sqrt(k**2 + c)),
    _Form("{k}, at least {c}", _floor, lambda k, c, eps: np.maximum(k, c)),
    _Form("{c}", lambda x, k, eps: _some(x + 0 * k), lambda k, c, eps: c + 0 * k),
)  # fmt: skip


class Naming:
    """What numbers of groups are called.

    Args:
        table: the measures that they may be.
        forms: what may be done to a measure.
        rewards: of all groups.
        near: how far numbers that are one may lie apart, relative to the largest.
        size: the least that counts as the largest, where the numbers themselves may be 0.
    """

    def __init__(
        self,
        table: Table,
        forms: Sequence[_Form],
        rewards: Sequence[np.ndarray],
        near: float,
        size: float = 0.0,
    ) -> None:
        self._table, self._forms, self._near, self._size = table, forms, near, size
        self._rewards = rewards

    @cached_property
    def _columns(self) -> dict[str, np.ndarray]:
        with np.errstate(all="ignore"):
            return {name: np.concatenate([np.ravel(m(r) + 0 * r) for r in self._rewards])
                    for name, m in self._table.items()}  # fmt: skip

    def of(self, names: Sequence[str]) -> "Naming":
        """The same with these measures alone."""
        table = {n: self._table[n] for n in names}
        return Naming(table, self._forms, self._rewards, self._near, self._size)

    def names(self, told: Sequence[np.ndarray], eps: float, *, mixed: bool = True) -> list[Named]:
        """The simplest names: no number of its own, or one, or a mixture.

        Args:
            told: the numbers, one for each sample; NaN where there is none.
            eps: what is added to a spread.
            mixed: whether mixtures are looked for.
        """
        x = np.concatenate([np.ravel(t) for t in told])
        seen = ~np.isnan(x)
        if seen.sum() < _FEWEST or np.isinf(x).any():
            return []
        columns = {n: k[seen] for n, k in self._columns.items() if np.isfinite(k[seen]).all()}
        with np.errstate(all="ignore"):
            for free in (0, 1):
                forms = [f for f in self._forms if f.free == free]
                found = [n for f in forms for n in self._by(f, columns, x[seen], eps)]
                if found:
                    return _distinct(found)
            return _distinct(self._mixtures(columns, x[seen])) if mixed else []

    def _by(
        self, form: _Form, columns: Mapping[str, np.ndarray], x: np.ndarray, eps: float
    ) -> Iterator[Named]:
        """What the numbers are by a form: all measures are looked at together, at some distance."""
        if not columns:
            return
        every = np.stack(list(columns.values()))
        read = form.number(x, every, eps)
        near = np.abs(form.value(every, read, eps) - x) <= _NEAR * self._largest(x)
        for row in near.all(axis=1).nonzero()[0]:
            name, c = list(columns)[row], float(read[row, 0]) if form.free else 0.0
            short = plain(c, max(1e-6, self._near))
            c = short if self._met(form.value(every[row], short, eps), x) else c
            if (c or not form.free) and self._met(form.value(every[row], c, eps), x):
                yield self._named(form, name, c, eps)

    def _named(self, form: _Form, name: str, c: float, eps: float) -> Named:
        measure, told = self._table[name], form.name.format(k=name, c=number(c))
        return Named(told, lambda r: form.value(measure(r) + 0 * r, c, eps), form.free)

    def _met(self, made: np.ndarray, x: np.ndarray) -> bool:
        return bool((np.abs(made - x) <= self._near * self._largest(x)).all())

    def _largest(self, x: np.ndarray) -> float:
        return max(float(np.abs(x).max()), self._size)

    def _larger(
        self, one: str, two: str, columns: Mapping[str, np.ndarray], x: np.ndarray
    ) -> Named | None:
        """The larger of two, or the smaller."""
        for word, choose in (("larger", np.maximum), ("smaller", np.minimum)):
            if self._met(choose(columns[one], columns[two]), x):
                of = _of_two(choose, self._table[one], self._table[two])
                return Named(f"the {word} of {one} and {two}", of, 2)
        return None

    def _bounded(
        self, one: str, two: str, columns: Mapping[str, np.ndarray], x: np.ndarray
    ) -> Named | None:
        """A measure, but at least so much of another, or at most."""
        bound = self._near * self._largest(x)
        elsewhere = np.abs(columns[one] - x) > bound
        if not elsewhere.any() or elsewhere.all():
            return None
        times = plain(float(np.median(x[elsewhere] / columns[two][elsewhere])))
        for word, choose in (("least", np.maximum), ("most", np.minimum)):
            if times > 0 and self._met(choose(columns[one], times * columns[two]), x):
                of = _of_two(choose, self._table[one], _times(self._table[two], times))
                return Named(f"{one}, at {word} {number(times)} times {two}", of, 2)
        return None

    def _mixtures(self, columns: Mapping[str, np.ndarray], x: np.ndarray) -> list[Named]:
        """So much of one measure and so much of another."""
        found = [n for pair in combinations(columns, 2) if (n := self._larger(*pair, columns, x))]
        found += [n for pair in permutations(columns, 2) if (n := self._bounded(*pair, columns, x))]
        columns, table = {**columns, "1": 1 + 0 * x}, {**self._table, "1": lambda r: 1.0}
        for one, two in combinations(columns, 2):
            both = np.stack([columns[one], columns[two]], axis=1)
            made, _, rank, _ = np.linalg.lstsq(both, x, rcond=1e-9)
            a, b = (plain(float(m)) for m in made)
            if rank == 2 and min(a, b) > 1e-6 and self._met(both @ [a, b], x):
                told = f"{number(a)} times {one} and {number(b)} times {two}"
                found.append(Named(told, _mixed(table[one], table[two], a, b), 2))
        return found


_ELSEWHERE = np.random.default_rng(0).normal(1.0, 2.0, (5, 7)) ** 3
"""Rewards of which nothing was asked."""


def _distinct(found: Sequence[Named]) -> list[Named]:
    """The shortest of those that are one number whatever the rewards."""
    kept: list[tuple[np.ndarray, Named]] = []
    for one in sorted(found, key=lambda n: len(n.name)):
        value = one.of(_ELSEWHERE) + 0 * _ELSEWHERE
        if not any(np.allclose(value, other, equal_nan=True) for other, _ in kept):
            kept.append((value, one))
    return [one for _, one in kept]


def _of_two(
    choose: Callable[[np.ndarray, np.ndarray], np.ndarray], one: Measure, two: Measure
) -> Measure:
    return lambda r: choose(one(r) + 0 * r, two(r) + 0 * r)


def _times(one: Measure, a: float) -> Measure:
    return lambda r: a * (one(r) + 0 * r)


def _mixed(one: Measure, two: Measure, a: float, b: float) -> Measure:
    return lambda r: a * (one(r) + 0 * r) + b * (two(r) + 0 * r)


# ---------------------------------------------------------------- the reading


def _slip(of: str, centre: Named, spread: Named, limit: float, clip: float | str) -> Slip:
    base = "nothing subtracted" if centre.name == "nothing" else f"less {centre.name}"
    ends = limit < np.inf and clip == "none"
    also = f", held between −{limit:.6g} and {limit:.6g}" if ends else ""
    return Slip(f"{of} {base}, over {spread.name}{also}", "Another measure of where a reward "
                "stands in its group than the declared one.", "robust and rank-based "
                "normalisations", "(R − mean)/(std + eps), or say in words what is meant",
                lambda i, c: {"value": _values(of, centre, spread, i["rewards"], limit)},
                )  # fmt: skip


def _values(of: str, centre: Named, spread: Named, r: np.ndarray, limit: float) -> np.ndarray:
    x = OF[of](r)
    with np.errstate(all="ignore"):
        value = (x - centre.of(x)) / spread.of(x)
    value = np.where((x == x[:, :1]).all(axis=1, keepdims=True), 0.0, value)
    return np.clip(value, -limit, limit)
