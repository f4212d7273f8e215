"""Numbers of a row: log-probabilities and divergences, which formula made them.

    log_prob: sum or mean of log N(x_s; mean, std²), of x_s as stored or as drawn, under v or v_old

Asked of whole probed rows; the answer is verified on every row as the file streams by.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import torch
from torch import Tensor

from ...equations import gaussian
from ...evidence.rounding import ROUNDINGS
from ...statistics.distribution import band
from ...statistics.gaussian import chi_square
from ...statistics.outcome import ALPHA
from ..reading.manifest import Manifest
from .elsewhere import places, told
from .fit import EASY, Match, best, match
from .formulas import Formula, log_probs
from .formulas_kl import kls
from .measures import FLOAT32, Distance, Rowwise, arithmetic, distances
from .rearranged import causal, changes, leading
from .reduced import reduced_gap, value_of
from .verdicts import against

SUBJECTS = ("log_prob", "log_prob_old", "kl")
_RELATED = 0.7
"""Two log-probabilities of one draw, under means that differ a little, are correlated more."""

ROUNDED = "x_s before it was rounded"


def candidates(subject: str, seen: Mapping[str, Distance]) -> list[Formula]:
    """The formulas that a quantity may have been made by, given what was recorded."""
    if subject == "kl":
        plain = list(kls())
        if "v_gap_old" in seen:
            plain += [_against_old(f) for f in kls() if "kl.k" not in f.name]
        if "distance_old" in seen:
            plain += [_against_old(f) for f in kls() if "kl.k" in f.name]
        return plain
    first = {"log_prob": "distance_v", "log_prob_old": "distance_old"}[subject]
    first = first if first in seen else "distance"
    made = list(log_probs(x=first))
    for name, words in (
        ("distance_drawn", f"of {ROUNDED}"),
        ("distance", "of the recorded mean's policy, or v's"),
        ("distance_v", "of v's policy"),
        ("distance_old", "of v_old's policy"),
    ):
        if name in seen and name != first:
            made += [_but(f, words) for f in log_probs(x=name)]
    return made + [
        _but(f, f"with {name} for the step's std")
        for name, std in _STDS.items() for f in log_probs(std, first)
    ]  # fmt: skip


_STDS: dict[str, Callable[[Mapping[str, Tensor]], Tensor]] = {
    "g": lambda p: p["g"], "g h": lambda p: p["g"] * p["h"],
    "g √(h/2)": lambda p: p["std"] / 2**0.5, "g √(2 h)": lambda p: p["std"] * 2**0.5,
}  # fmt: skip
"""What may have stood for g √h."""


def _but(f: Formula, words: str) -> Formula:
    rounded = ROUNDED in words
    remedy = "score what is stored: round first, then take log_prob" if rounded else f.remedy
    remedy = "std = g √h" if words.startswith("with g") else remedy
    scale = words.removeprefix("with ").removesuffix(" for the step's std")
    what = (
        f"It is that of {words[3:]}." if words.startswith("of")
        else f"{scale} stands where g √h belongs."
    )  # fmt: skip
    remedy = remedy or ("under the policy that it is named for" if "of " in words[:3] else "")
    name = f"{f.name}, {words}"
    return replace(f, name=name, standing="mistake", what=what, remedy=remedy, declarable=False)


def _against_old(f: Formula) -> Formula:
    def value(p: dict[str, Tensor]) -> Tensor:
        if "kl.k" in f.name:
            return f.value({**p, "distance": p["distance"], "distance_ref": p["distance_old"]})
        return f.value({**p, "v_gap": p["v_gap_old"], "mean_gap": p["mean_gap_old"]})

    return replace(
        f, name=f"{f.name}, against the old policy", standing="mistake", value=value,  # type: ignore[arg-type]
        declarable=False,
        what="It is measured from the policy that sampled, not from the reference.",
        remedy="take v_ref, the frozen reference's velocity",
    )  # fmt: skip


def explain(
    subject: str, rows: Rowwise, got: Tensor, u: float, manifest: Manifest | None = None, *,
    mistakes: bool = True,
) -> list[Match]:  # fmt: skip
    """The formulas that give the recorded numbers, likeliest first.

    Mistakes are asked only where nothing else explains them; or where something else does and is
    not what the manifest declares: a KL of 0 fits every formula.
    """
    found = []
    seen = distances(rows, arithmetic(rows, u))
    every = candidates(subject, seen)
    for mistaken in (False, True) if mistakes else (False,):
        for formula in every:
            if (formula.standing == "mistake") == mistaken:
                try:
                    gap = reduced_gap(formula, rows, seen, got, u)
                except (KeyError, ValueError):
                    continue  # it takes something that was not recorded, or has no value here
                one = match(formula, rows.model.reading, gap)
                estimate = "kl.k" in formula.name  # noisier than what it estimates
                coarse = one.level == "half" or (estimate and one.level and bool(got.any()))
                hides = _hidden(formula, rows, seen, got, u) if coarse else ""
                if one.level == "half" and (estimate or hides):
                    continue
                if estimate and hides in ("exact", "stored"):
                    continue
                found.append(one)
        explained = [m for m in found if m.level == "exact" and m.strain <= EASY]
        if any(manifest is None or not against(m.formula, manifest) for m in explained):
            break
    return best(found)


def _hidden(
    formula: Formula, rows: Rowwise, seen: Mapping[str, Distance], got: Tensor, u: float
) -> str:
    """At which rounding the formula gives zeros as well; "" where at none."""
    blank = reduced_gap(formula, rows, seen, 0 * got, u)
    return match(formula, rows.model.reading, blank).level


def distance_to_right(subject: str, rows: Rowwise, got: Tensor, u: float, wrong: Formula) -> float:
    """The largest gap to the right formula that is reduced as a wrong one is."""
    seen = distances(rows, arithmetic(rows, u))
    for formula in candidates(subject, seen):
        if formula.standing != "mistake" and wrong.name.startswith(formula.name):
            return float(reduced_gap(formula, rows, seen, got, u).size.max())
    return 0.0


def at_start(rows: Rowwise, got: Tensor, u: float, formula: Formula) -> bool:
    """Whether a formula gives all numbers, but for steps of the highest level, where only the
    rounding of what was stored explains them."""
    t = rows.nudges.at.get("t")
    if t is None or bool((t == t.max()).all()):
        return False
    fits = reduced_gap(formula, rows, distances(rows, arithmetic(rows, u)), got, u).fits("exact")
    first = (t == t.max())[:, 0]
    return bool(fits[~first].all()) and not bool(fits[first].all())


def cancelled(rows: Rowwise, got: Tensor, u: float) -> bool:
    """Whether estimates k3 lie as near to the right ones as float32 brings exp(l) − 1 − l."""
    lost = ROUNDINGS * 2 * FLOAT32
    for formula, value, allowed in _right("kl", rows, u, estimates=True):
        if ".k3" in formula.name and float(value.abs().median()) < 16 * lost:
            slack = allowed + ROUNDINGS * u * got.abs() + lost
            if bool(((value - got).abs() <= slack).all()):
                return True
    return False


def naive(rows: Rowwise, got: Tensor, u: float) -> str:
    """Which mistake in k3 the numbers are, as float32 makes exp(l) − 1 − l of it, in words."""
    seen, lost = distances(rows, arithmetic(rows, u)), ROUNDINGS * 2 * FLOAT32
    for formula in candidates("kl", seen) if u >= FLOAT32 else ():
        if formula.standing != "mistake" or ".k3" not in formula.name:
            continue
        try:
            value = value_of(formula, rows, seen)
        except (KeyError, ValueError):
            continue  # it takes something that was not recorded, or has no value here
        slack = lost + ROUNDINGS * u * got.abs()
        telling = bool((got.abs() > 16 * lost).any())
        if telling and bool(((value - got).abs() <= slack).all()):
            return (
                f"it is {formula.name}, as float32 makes exp(l) − 1 − l of it: {formula.what} "
                f"Remedy: {formula.remedy}; and expm1(l) − l keeps its digits"
            )
    return ""


def _right(
    subject: str, rows: Rowwise, u: float, *, estimates: bool
) -> Iterator[tuple[Formula, Tensor, Tensor]]:
    """Each formula that is no mistake, what it gives, and what rounding allows of that, (n, 1)."""
    seen = distances(rows, arithmetic(rows, u))
    for formula in candidates(subject, seen):
        if formula.standing == "mistake" or ("kl.k" in formula.name and not estimates):
            continue
        try:
            value = value_of(formula, rows, seen)
            yield formula, value, reduced_gap(formula, rows, seen, value, u).exact[:, None]
        except (KeyError, ValueError):
            continue  # it takes something that was not recorded, or has no value here


def elsewhere(
    subject: str, rows: Rowwise, got: Tensor, u: float, lag: int, *, whole: bool
) -> str:  # fmt: skip
    """Whether the numbers are right, and stand in other rows of this window, or are made of several
    rows: in words, or "".

    Args:
        whole: these are all rows.
    """
    t = rows.scalars["t"][:, 0]
    n = len(got) if whole else leading(t)
    moves = [*(changes if whole else causal)(t[:n], n)]
    for _, wanted, allowed in _right(subject, rows, u, estimates=True):
        at = places(got, wanted, allowed[:, 0])
        if at is not None:
            return f"it is right for {told(at, lag, t)}"
        for words, change in moves:
            made, slack = change(wanted[:n, 0]), change(allowed[:n, 0])
            telling = float((slack / made.abs()).median()) < _TOLD
            if telling and bool(((made - got[:n, 0]).abs() <= slack).all()):
                return f"it {words}"
    return ""


def of_another_policy(subject: str, rows: Rowwise, got: Tensor, u: float) -> Tensor | None:
    """How far log-probabilities are from the right ones, if they lie beside these as another
    policy's do: off by less than those of one step are spread, and by no function of the
    distance; None where they do not."""
    _, index = torch.unique(rows.scalars["t"], return_inverse=True)
    index = index[:, 0]
    names = [n for n in ("distance_old", "distance_v", "distance") if n in rows.sizes]
    if not names or len(got) < _FEWEST or subject == "kl":
        return None
    squares = _centred(rows.sizes[names[0]] ** 2, index)
    for _, value, allowed in _right(subject, rows, u, estimates=False):
        off, spread = got - value, _apart(value, index).abs().median()
        if bool(off.abs().median() < _BESIDE * spread) and not bool((off.abs() <= allowed).all()):
            pair = torch.cat([_centred(off, index), squares], dim=1)
            alone = float(torch.corrcoef(pair.T)[0, 1].abs())
            return off if alone < min(_RELATED, 5 / len(got) ** 0.5) else None
    return None


def _centred(x: Tensor, index: Tensor) -> Tensor:
    """Numbers of rows, (n, 1), without the mean of their level, in units of its spread."""
    apart = _apart(x, index)
    return apart / _means(apart**2, index).sqrt().clamp_min(1e-300)


def _apart(x: Tensor, index: Tensor) -> Tensor:
    return x - _means(x, index)


def _means(x: Tensor, index: Tensor) -> Tensor:
    """The mean over each row's level, (n, 1)."""
    sums = torch.zeros(int(index.max()) + 1, 1, dtype=x.dtype)
    counts = sums.index_add(0, index, torch.ones_like(x))
    return (sums.index_add(0, index, x) / counts)[index]


_BESIDE = 0.5


def other_std(subject: str, rows: Rowwise, got: Tensor, u: float) -> str:
    """Whether the numbers are right for the std of other steps, their means being their own."""
    if not {"t", "std"} <= set(rows.scalars) or len(got) < _FEWEST:
        return ""
    t, std = rows.scalars["t"], rows.scalars["std"]
    levels, own = torch.unique(t, return_inverse=True)
    by_level = torch.zeros_like(levels).index_copy_(0, own.flatten(), std.flatten())
    if not 1 < len(levels) <= _STEPS:
        return ""
    for words, by in (("after", -1), ("before", 1)):  # t falls from step to step
        there = own + by
        inside = ((there >= 0) & (there < len(levels)))[:, 0]
        moved = by_level[there.clamp(0, len(levels) - 1)]
        if bool(inside.any()) and bool(_by_std(subject, rows, moved, got, u)[inside].all()):
            return f"it is right for the std of the step {words}"
    each = [(float(x), _by_std(subject, rows, x + 0 * std, got, u)) for x in torch.unique(std)]
    for x, fits in each:
        if bool(fits.all()):
            here = levels[by_level == x]
            which = {float(levels.max()): "first ", float(levels.min()): "last "}
            at = max(here.tolist()) if len(here) else math.nan
            return f"it has the std of the {which.get(at, '')}step (t = {at:.4g}) at every step"
    if bool(torch.stack([fits for _, fits in each]).any(dim=0).all()):
        return "it is right for the std of other steps, in another order"
    return _one_std(subject, rows, got, u, torch.unique(torch.cat([t, std], dim=1), dim=0)[:, 1])


def _one_std(subject: str, rows: Rowwise, got: Tensor, u: float, own: Tensor) -> str:
    """Whether one number stands for the std of all steps.

    Args:
        own: of the steps.
    """
    far = int(rows.scalars["std"].argmax())  # there one std for all is furthest from the distance
    one = torch.ones_like(rows.scalars["std"])
    for x in _solved(subject, rows, one, got, u, far):
        if not bool(_by_std(subject, rows, x * one, got, u).all()):
            continue
        near = (words for words, mean in _MEANS.items() if abs(mean(own) / x - 1) < _SNAPPED)
        told = f"one std for all steps stands in it: {x:.4g}"
        return told + "".join(f", {words} of the steps'" for words in [*near][:1])
    return ""


_MEANS: dict[str, Callable[[Tensor], float]] = {
    "the mean": lambda x: float(x.mean()),
    "the root mean square": lambda x: float((x**2).mean().sqrt()),
    "the median": lambda x: float(x.median()),
    "the geometric mean": lambda x: float(x.log().mean().exp()),
}  # fmt: skip


def _solved(
    subject: str, rows: Rowwise, unit: Tensor, got: Tensor, u: float, at: int
) -> Iterator[float]:
    """The numbers c with which c unit, in the place of the std, gives one row's number."""
    many = torch.full((_POINTS,), at)
    one, base, wanted = rows.take(many), unit[many], got[many]

    def signs(c: Tensor) -> list[Tensor]:
        changed = replace(one, scalars=one.scalars | {"std": c[:, None] * base})
        return [value - wanted for _, value, _ in _right(subject, changed, u, estimates=False)]

    whole = torch.logspace(-_DECADES, _DECADES, _POINTS, dtype=torch.float64)
    for k, gap in enumerate(signs(whole)):
        for low in _crossings(gap):
            c, i = whole, low
            for _ in range(_ZOOMS):
                c = torch.linspace(float(c[i]), float(c[i + 1]), _POINTS, dtype=torch.float64)
                found = _crossings(signs(c)[k])
                i = found[0] if found else 0
            yield float(c[i : i + 2].mean())


_POINTS, _DECADES, _ZOOMS = 256, 3, 4


def _crossings(gap: Tensor) -> list[int]:
    """After which places numbers change their sign."""
    sign = gap[:, 0] > 0
    return (sign[1:] != sign[:-1]).nonzero()[:, 0].tolist()


def scaled_std(subject: str, rows: Rowwise, got: Tensor, u: float, a: float | None = None) -> str:
    """Whether log-probabilities are right for g times one number at all steps, or for the std times
    one.

    Args:
        a: the level of noise that was declared.
    """
    p = rows.nudges.at
    if subject == "kl" or not {"g", "h"} <= set(p) or len(got) < _FEWEST:
        return ""
    for T in range(2, _LONGEST):
        if bool(_by_std(subject, rows, p["g"] / T**0.5, got, u).all()):
            return f"its std is g √(1/{T}) at every step, long or short, where g √h is meant"
    far = int((rows.sizes["distance"] / p["std"]).argmax()) if "distance" in rows.sizes else 0
    for c in _solved(subject, rows, p["std"], got, u, far):
        if bool(_by_std(subject, rows, c * p["std"], got, u).all()):
            return f"its std is {of_level(c, a)}"
    return ""


def of_level(c: float, a: float | None) -> str:
    """c times what was recorded, in words: that of another level of noise, where this is a round
    number."""
    told = f"{c:.4g} times the recorded one at every step"
    near = round(c * a, 2) if a else 0.0
    return told + (
        f": that of a = {near:g}" if near and abs(c * (a or 0) / near - 1) < 1e-4 else ""
    )


_LONGEST = 101
_FEWEST, _STEPS = 16, 64
"""Of fewer rows, or more levels, no std of another step is told."""


def _by_std(subject: str, rows: Rowwise, std: Tensor, got: Tensor, u: float) -> Tensor:
    """Which rows a formula gives with this std, (n,): that which gives most of them."""
    changed = replace(rows, scalars=rows.scalars | {"std": std})
    most = torch.zeros(len(got), dtype=torch.bool)
    for _, value, allowed in _right(subject, changed, u, estimates=False):
        fits = ((value - got).abs() <= allowed)[:, 0]
        most = fits if fits.sum() > most.sum() else most
    return most


def one_factor(subject: str, rows: Rowwise, got: Tensor, u: float) -> str:
    """Whether a few numbers are right ones times one factor, in words."""
    found = []
    for formula, value, allowed in _right(subject, rows, u, estimates=False):
        c = float((got / value).median())
        slack = abs(c) * allowed + ROUNDINGS * u * got.abs()
        if len(got) >= _FEW and c > 0 and bool(((c * value - got).abs() <= slack).all()):
            by = f", as with a std {c**-0.5:.4g} times its own" if subject == "kl" else ""
            found.append((abs(math.log(c)), f"they are {c:.4g} times {formula.name}{by}"))
    return min(found)[1] if found else ""


_FEW = 4


def held_at(formula: Formula, rows: Rowwise, got: Tensor, u: float) -> str:
    """Whether a few numbers are one, and what a formula gives lies beyond it, in words."""
    if len(got) < _FEW or not bool((got == got[0]).all()):
        return ""
    value = value_of(formula, rows, distances(rows, arithmetic(rows, u)))
    for words, beyond, most in (
        ("above", value > got, value.max()), ("below", value < got, value.min()),
    ):  # fmt: skip
        if bool(beyond.all()):
            end, far = (f"{float(x):.4g}".replace("-", "−") for x in (got[0], most))
            return f"they are {end}: held there from {words}, where it would be up to {far}"
    return ""


def by_counts(subject: str, rows: Rowwise, got: Tensor, u: float, counts: Mapping[str, int]) -> str:
    """Whether numbers are right ones divided by how many there are of something.

    Args:
        counts: of what there are how many, in words.
    """
    for formula, value, allowed in _right(subject, rows, u, estimates=True):
        c = float((got / value).median())
        for what, n in counts.items():
            slack = allowed / n + ROUNDINGS * u * got.abs()
            near = n > 1 and abs(c * n - 1) < _SNAPPED
            if near and bool(((value / n - got).abs() <= slack).all()):
                return f"it is 1/{n} ({what}) times {formula.name}"
    return ""


_SNAPPED = 1e-3


def times(rows: Rowwise, got: Tensor, u: float, manifest: Manifest) -> str:
    """Whether divergences are a right one times a number, or times a scale of the step."""
    p = rows.nudges.at
    units = {"": 1 + 0 * got} | {
        name: rule(p) for name, rule in _SCALES.items() if {"t", "h", "std", "g"} <= set(p)
    }
    found = []
    for formula, value, allowed in _right("kl", rows, u, estimates=False):
        if not float((allowed / value).median()) < _TOLD:
            continue
        for name, unit in units.items():
            made = unit * value
            c = float((got / made).median())
            simple = any(abs(c / x - 1) < 1e-4 for x in _SIMPLE)
            slack = abs(c) * unit.abs() * allowed + ROUNDINGS * u * got.abs()
            if bool(((c * made - got).abs() <= slack).all()) and (simple or not name):
                words = name if name and abs(c - 1) < 1e-4 else f"{c:.6g} {name}".rstrip()
                order = bool(against(formula, manifest)), bool(name), not simple
                found.append((*order, f"it is {words} times {formula.name}"))
    return min(found)[-1] if found else ""


_TOLD = 2.0**-7
"""What rounding may be, of a divergence of which a factor is to be told."""

_SIMPLE = (1.0, 2.0, 0.5, 4.0, 0.25, 10.0, 0.1, 100.0, 0.01)
_SCALES: dict[str, Callable[[Mapping[str, Tensor]], Tensor]] = {
    "(1 − t)": lambda p: 1 - p["t"], "(1 − t)²": lambda p: (1 - p["t"]) ** 2,
    "t": lambda p: p["t"], "t²": lambda p: p["t"] ** 2, "1/t": lambda p: 1 / p["t"],
    "s": lambda p: p["s"], "s²": lambda p: p["s"] ** 2, "h": lambda p: p["h"],
    "h²": lambda p: p["h"] ** 2, "√h": lambda p: p["h"] ** 0.5, "1/h": lambda p: 1 / p["h"],
    "std": lambda p: p["std"], "1/std": lambda p: 1 / p["std"], "std²": lambda p: p["std"] ** 2,
    "1/std²": lambda p: p["std"] ** -2, "std⁴": lambda p: p["std"] ** 4,
    "g": lambda p: p["g"], "g²": lambda p: p["g"] ** 2, "1/g²": lambda p: p["g"] ** -2,
}  # fmt: skip
"""What a divergence may have been multiplied by."""


def another_draw(rows: Rowwise, got: Tensor) -> bool:
    """Whether log-probabilities have the law of a log-probability, though not that of x_s.

    Then Σ e² = −2 (log p − log p(mean)) is χ² with D degrees of freedom a row.
    """
    std = rows.nudges.at.get("std")
    if std is None or len(got) < 8 or "distance" not in rows.sizes:
        return False
    top = gaussian.log_prob(0 * std, 0 * std, std)
    for each in (got / rows.dims, got):
        squares = -2 * (each - top) * rows.dims
        part, _ = chi_square("", float(squares.sum()), int(rows.dims.sum()), ALPHA)
        seen = (rows.sizes["distance"] / std) ** 2
        together = torch.corrcoef(torch.cat([squares / rows.dims, seen], dim=1).T)[0, 1]
        lawful = part.statistic <= part.bound and bool((squares > 0).all())
        unrelated = min(_RELATED, 4 / len(squares) ** 0.5)  # of some coordinates it is a part
        if lawful and together < unrelated and _chi_square(squares, rows.dims):
            return True
    return False


_SELDOM = 1e-3
"""How often a reading may be withheld from rows that have the law."""


def _chi_square(squares: Tensor, dims: Tensor) -> bool:
    """Whether rows' squares are spread as χ² with D degrees of freedom is."""
    levels = torch.special.gammainc(dims[:, 0].double() / 2, squares[:, 0].double() / 2)
    part = band("", levels.sort().values, _SELDOM)
    return part.statistic <= part.bound


def one_for_all(values: Tensor, x: Tensor, t: Tensor | None = None) -> bool:
    """Whether samples that differ have one number in common, as when a whole batch is reduced.

    Args:
        t: of rows that may be one sample's, at several levels.
    """
    same = (values[1:] == values[:-1]).flatten()
    different = (x[1:] != x[:-1]).any(dim=1)
    if t is not None and not bool((values == values[0]).all()):
        different &= (t[1:] == t[:-1]).flatten()
    return len(values) >= 4 and float((same & different).double().mean()) >= 0.5
