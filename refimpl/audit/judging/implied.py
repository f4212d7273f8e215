"""The levels that a step's mean is right for, where they are not those that were recorded.

    mean = c_x x_t + c_v v        →   c_x, c_v of each row, by least squares
    c_x = 1 − std²/(2 t), c_v = −h − (1 − t) std²/(2 t)        →   t and h

Two equations have two solutions whatever was done: levels are told only if what they have in common
with the recorded ones is one story, and if the step's formula gives the means with them.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

import torch
from torch import Tensor

from ...equations import Step, conversions, kernels, paths, schedules, sde
from . import readings
from .gridded import GRIDS, levels_of

_FEWEST = 8
"""Coordinates that two coefficients are read off."""

_NEAR = 2e-3
"""Levels from coefficients in float32 are the right ones within this."""

_ROUNDED = 64
"""So many roundoffs a mean may be off by, whose root loses some."""

_SHARP = 1e-5
"""And so is g, whose digits are all there."""

_SOME = 3
_BFLOAT16, _FLOAT16 = 2.0**-8, 2.0**-11
_STORED = 2.0**-24
_LONGEST = 100


def coefficients(x: Tensor, v: Tensor, mean: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """c_x and c_v of each row, (n, 1), and what is left of the row in units of it, (n,)."""
    parts = torch.stack([x, v], dim=2)
    c = torch.linalg.lstsq(parts, mean[:, :, None]).solution
    left = torch.linalg.vector_norm(mean - (parts @ c)[:, :, 0], dim=1)
    return c[:, 0], c[:, 1], left / torch.linalg.vector_norm(mean, dim=1).clamp_min(1e-300)


def level_of(t: Tensor, g: Tensor) -> float:
    """a, where g is a √(t/(1 − t)) or a throughout; 0.0 where neither."""
    inside = (t > 0) & (t < 1) & (g > 0)
    t, g = t[inside], g[inside]
    for unit in (sde.flow_grpo_g(t, 1.0, t), torch.ones_like(g)) if len(g) >= _FEWEST else ():
        a = float((g / unit).median())
        if bool(((g / unit - a).abs() <= _SAME * a).all()):
            return a
    return 0.0


_SAME = 1e-3


def factor_of_g(given: Mapping[str, Tensor], mean: Tensor) -> float:
    """The one number that g is multiplied by in all means, by what they hold of x_t; 0.0 where
    there is none."""
    x, v, t, s, g = (given[n] for n in ("x", "v", "t", "s", "g"))
    if x.shape[1] < _FEWEST:
        return 0.0
    c_x, _, left = coefficients(x, v, mean)
    c, one, step = paths.linear(t), 1 + 0 * t, Step(t, s)
    lost = 1 - sde.transition(c, one, 0 * t, g, step).mean  # by g²
    c2 = (1 - c_x) / lost
    middle = float(c2.median())
    alike = bool(((c2 - middle).abs() <= _NEAR * middle / lost.clamp(max=1)).all())
    return middle**0.5 if middle > 0 and alike and bool((left < _NEAR).all()) else 0.0


def of_mean(
    given: Mapping[str, Tensor], std: Tensor, mean: Tensor, u: float, *, preserving: bool
) -> str:
    """The levels that means are right for, in words, or "".

    Args:
        given: x, v, t, s.
        preserving: the step is CPS's.
    """
    x, v, t, s = (given[n] for n in ("x", "v", "t", "s"))
    if x.shape[1] < _FEWEST or not bool((std > 0).any()):
        return ""
    used = (std > 0)[:, 0]
    x, v, t, s, std, mean = (y[used] for y in (x, v, t, s, std, mean))
    c_x, c_v, left = coefficients(x, v, mean)
    if not bool((left < _NEAR).all()):
        return ""
    there, end = (_of_cps if preserving else _of_sde)(c_x, c_v, std)
    for words, rows, used in _told(x, v, t, s, there, end) if _are_levels(there, end) else ():
        own = {**rows, "g": std[used] / (rows["t"] - rows["s"]).abs().sqrt()}
        right = _is_cps(own, std[used], mean[used], u) if preserving else readings.right(
            "mean", *readings.cases_of(own, mean[used]), u
        )  # fmt: skip
        if right:
            return words
    g = std / (t - s).abs().sqrt()
    there, end = _of_sde_by_g(c_x, c_v, g)
    possible = not preserving and _are_levels(there, end)
    for words, rows, used in _told(x, v, t, s, there, end) if possible else ():
        own = {**rows, "g": g[used]}
        if readings.right("mean", *readings.cases_of(own, mean[used]), u):
            return f"{words}; its g is that of its own step"
    return (
        "" if preserving else _of_length({"x": x, "v": v, "t": t, "s": s}, c_x, c_v, std, mean, u)
    )


def _are_levels(there: Tensor, end: Tensor) -> bool:
    """Whether all are levels, and t above s."""
    return bool((torch.isfinite(there + end) & (end < there) & (there < 1 + _NEAR)).all())


def _told(
    x: Tensor, v: Tensor, t: Tensor, s: Tensor, there: Tensor, end: Tensor
) -> Iterator[tuple[str, dict[str, Tensor], Tensor]]:
    """Stories of levels with the rows that they can be asked of, and which these are."""
    for words, t2, s2 in stories(t, s, there, end):
        inside = ((t2 > s2) & (t2 <= 1) & (s2 >= 0))[:, 0] & torch.isfinite(t2 + s2)[:, 0]
        if int(inside.sum()) >= _FEWEST:
            rows = {"x": x, "v": v, "t": t2, "s": s2}
            yield words, {n: y[inside] for n, y in rows.items()}, inside


def _of_length(
    given: Mapping[str, Tensor], c_x: Tensor, c_v: Tensor, std: Tensor, mean: Tensor, u: float
) -> str:
    """The length that a mean was made with, where its g is that of the recorded step, in words."""
    x, v, t, s = (given[n] for n in ("x", "v", "t", "s"))
    g, by_g = std / (t - s).sqrt(), 1 - c_x  # h g²/(2 t)
    h = -c_v - by_g * (1 - t)
    if not bool(((h > 0) & (h < t + _NEAR) & ((h * g**2 / (2 * t) - by_g).abs() < _NEAR)).all()):
        return ""
    for words, rows, used in _told(x, v, t, s, t, t - h):
        own = {**rows, "g": g[used]}
        if readings.right("mean", *readings.cases_of(own, mean[used]), u):
            return f"{words}; its g is that of its own step"
    return ""


def _is_cps(p: Mapping[str, Tensor], std: Tensor, mean: Tensor, u: float) -> bool:
    """Whether means are those of a step that preserves coefficients, at these levels."""
    c = paths.linear(p["t"])
    data = conversions.data_from_velocity(c, p["x"], p["v"])
    noise = conversions.noise_from_velocity(c, p["x"], p["v"])
    fresh = torch.minimum(std, p["s"])
    made = kernels.preserving(paths.linear(p["s"]), data, noise, fresh).mean
    size = (p["x"].abs() + p["v"].abs() + mean.abs()) * (1 + std / (p["s"] - std).clamp_min(u))
    return bool(((made - mean).abs() <= _ROUNDED * u * size).all())


def _of_sde(c_x: Tensor, c_v: Tensor, std: Tensor) -> tuple[Tensor, Tensor]:
    """t and s of an SDE's step."""
    half = std**2 / 2
    t = half / (1 - c_x)
    return t, t + c_v + half * (1 - t) / t


def _of_sde_by_g(c_x: Tensor, c_v: Tensor, g: Tensor) -> tuple[Tensor, Tensor]:
    """t and s of an SDE's step, of which g is known, and not the std."""
    share = (1 - c_x) / g**2  # h/(2 t)
    t = (-c_v / share - g**2) / (2 - g**2)
    return t, t - 2 * share * t


def _of_cps(c_x: Tensor, c_v: Tensor, std: Tensor) -> tuple[Tensor, Tensor]:
    """t and s of a step that preserves coefficients."""
    s = -(std**2 + (c_x - 1) ** 2) / (2 * (c_x - 1))
    return (c_x - 1 + s - c_v) / c_x, s


Story = tuple[str, Tensor, Tensor]


def stories(t: Tensor, s: Tensor, there: Tensor, end: Tensor) -> Iterator[Story]:
    """What near levels may have to do with the recorded ones: in words, and exact levels."""
    both, found = torch.cat([t, s]), torch.cat([there, end])
    same_t = _alike(there, t)
    levels, at = torch.unique(torch.cat([t, s], dim=1), dim=0, return_inverse=True)
    if same_t:
        h = t - s
        for words, by in (("after", -1), ("before", 1)):  # t rises from level to level
            to = at + by
            inside = ((to >= 0) & (to < len(levels)))[:, None]
            other = (levels[:, 0] - levels[:, 1])[to.clamp(0, len(levels) - 1)][:, None]
            if int(inside.sum()) and _alike((there - end)[inside], other[inside]):
                moved = torch.where(inside, t - other, torch.nan)
                yield f"its h is that of the step {words}", t, moved
        known = torch.unique(t)
        below = torch.searchsorted(known, t.contiguous()) - 1
        following = torch.where(below >= 0, known[below.clamp_min(0)], torch.nan)
        there_is = ~torch.isnan(following)
        if int(there_is.sum()) and _alike(end[there_is], following[there_is]):
            yield "its s is the t of the step after, and the recorded s is another", t, following
        for words, rule in _WHOLE.items():
            other = (rule(1000 * t) - rule(1000 * s)) / 1000
            if _alike(there - end, other) and not torch.equal(other, h):
                yield f"its h is {words}", t, t - other
    for words, change in _SHIFTS.items():
        if _alike(found, change(both)):
            yield f"it is right for {words}", change(t), change(s)
    for words, cut, part, most in _SHORT if _chained(t, s, there, end) else ():
        member = bool(((both - cut(both)).abs() <= _STORED).all())
        if member and bool(((found - both).abs() <= part * found + most).all()):
            yield f"t and s were {words} when they were recorded", there, end
    yield from _of_grid(t, s, there, end)
    for name in _PERMUTED:
        known = torch.unique(t)
        gap, which = (there - known).abs().min(dim=1, keepdim=True)
        ends = {float(a): float(b) for a, b in levels.tolist()}
        if bool((gap <= _NEAR).all()):
            t2 = known[which]
            s2 = torch.tensor([[ends[x]] for x in t2[:, 0].tolist()], dtype=t2.dtype)
            if _alike(end, s2):
                yield name, t2, s2


def _chained(t: Tensor, s: Tensor, there: Tensor, end: Tensor) -> bool:
    """Whether steps end where the next ones begin, as the recorded ones do, by a part of what they
    lie beside these: else no levels are meant, and something else is wrong."""
    far = float(torch.cat([there - t, end - s]).abs().max())
    both = [float(x) for x in torch.unique(s) if bool((t == x).any())]
    apart = [float(end[s == x].median() - there[t == x].median()) for x in both]
    return bool(apart) and max(map(abs, apart)) <= _JOINED * far


_JOINED = 0.25
_SHORT: tuple[tuple[str, Callable[[Tensor], Tensor], float, float], ...] = (
    ("cut or rounded to thousandths", lambda t: torch.round(1000 * t) / 1000, 0.0, 1e-3),
    ("rounded to bfloat16", lambda t: t.bfloat16().double(), _BFLOAT16, _NEAR),
    ("rounded to float16", lambda t: t.half().double(), _FLOAT16, _FLOAT16),
)
"""What levels may have been made short by, and how far that moves them: a part, and at most."""

_PERMUTED = ("it is right for the levels of other rows: t and s are in another order",)
_WHOLE: dict[str, Callable[[Tensor], Tensor]] = {
    "that of levels in whole thousandths, cut off": torch.floor,
    "that of levels in whole thousandths, rounded": torch.round,
}


def cut(t: Tensor) -> Tensor:
    """Whole thousandths, cut off in the precision that t has: 1000 · 0.9 is 900 in float32."""
    own = t.float() if bool((t == t.float().to(t.dtype)).all()) else t
    return torch.floor(1000 * own).to(t.dtype) / 1000


def _shift(m: float) -> Callable[[Tensor], Tensor]:
    return lambda t: schedules.shift(t, m)


_SHIFTS: dict[str, Callable[[Tensor], Tensor]] = {
    **{f"levels shifted by {m:g}, of which the recorded ones are not shifted": _shift(m)
       for m in (3.0, 2.0, 5.0, 7.0)},
    **{f"levels before their shift by {m:g}": _shift(1 / m) for m in (3.0, 2.0, 5.0, 7.0)},
    "levels cut to thousandths": lambda t: cut(t),
    "levels rounded to thousandths": lambda t: torch.round(1000 * t) / 1000,
    "levels on the other clock, 1 − t": lambda t: 1 - t,
}  # fmt: skip


def _alike(x: Tensor, y: Tensor) -> bool:
    return bool(((x - y).abs() <= _NEAR * (1 + 0 * y)).all())


def _of_grid(t: Tensor, s: Tensor, there: Tensor, end: Tensor) -> Iterator[Story]:
    """Steps further on a grid with a name: a window that begins elsewhere."""
    for T in range(2, _LONGEST):
        for name in GRIDS:
            whole = levels_of(name, T)
            places = list[Tensor]()
            for x in (t, s, there, end):
                if (at := _places(x, whole)) is None:
                    break
                places.append(at)
            if len(places) < 4:
                continue
            a, b, c, d = places
            by = c - a
            if bool((b == a + 1).all()) and bool((d == c + 1).all()) and _one(by):
                k = int(by[0])
                which = (
                    f"{abs(k)} step{'s' if abs(k) > 1 else ''} {'later' if k > 0 else 'earlier'}"
                )
                yield f"it is right for the levels {which} on the grid", whole[c], whole[d]


def _places(x: Tensor, whole: Tensor) -> Tensor | None:
    gap, at = (x - whole).abs().min(dim=1, keepdim=True)
    return at if bool((gap <= _NEAR).all()) else None


def _one(x: Tensor) -> bool:
    return bool((x == x[0]).all()) and int(x[0]) != 0


def of_schedule(c: Mapping[str, Tensor], levels: Sequence[float]) -> str:
    """The levels that g = a √(t/(1 − t)) is right for, for one of these a, in words, or ""."""
    t, g = c["t"], c["g"]
    for a in levels:
        for words, change in _SHIFTS.items():
            there = change(t)
            inside = ((there > 0) & (there < 1))[:, 0]
            level, own = there[inside], g[inside]
            apart = (sde.flow_grpo_g(level, a, level) - own).abs() if len(level) else own
            if len(level) >= _SOME and bool((apart <= _SHARP * own).all()):
                return words.replace("levels", f"g = {a:g} √(t/(1 − t)) of levels", 1)
    return ""
