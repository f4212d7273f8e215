"""A step that draws its own noise, tested by its residuals.

(x_s − mean)/std   is standard normal, fresh for every sample and coordinate
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from ...equations.gaussian import Gaussian
from ...statistics import Claim, StatisticalFailure, budget, residuals
from ...statistics.distribution import band
from ...statistics.gaussian import normal
from ...statistics.outcome import judge
from ..adapter.conventions import Conventions
from ..adapter.inputs import at, values
from ..adapter.subject import Subject
from ..diagnosis.evidence import Variation
from ..diagnosis.readings import Case, Explanation
from ..diagnosis.variations import variations
from ..formulas.steps import levels, step
from ..formulas.values import Formulas, Inputs, Parts
from .asking import ask
from .register import Differs, Finding, NotApplicable, check
from .steps import STEP, STEP_SLIPS, full_inputs

N_NOISE = 4096

_TWO = ((0.75, 0.5), (0.5, 0.4375))
"""Steps of two lengths: at one alone, noise that is half as wide equals h for √h."""


_COORDINATES = {"2": (64,), "3": (8, 8), "4": (4, 4, 4), "5": (4, 4, 2, 2), "6": (4, 2, 2, 2, 2)}
"""A sample's 64 coordinates by its number of dimensions: noise may be shared along any."""


@check("sde_step.noise", needs=("sde_step",), tier="laws", covers=("gaussian.sample",))
def sde_step_noise(subject: Subject) -> Finding:
    """A step's own noise is standard normal, and fresh for every sample and coordinate."""
    if subject.accepts("sde_step", "noise"):
        raise NotApplicable("the noise is given, so numbers are compared one by one")
    c = subject.conventions
    shape = _wide(c)
    x, v = values("x", shape), values("v", shape)
    rows, given = [], []
    for k, (t, s) in enumerate(_TWO):
        i = full_inputs(subject, {"x": x, "v": v, **at(c, t, s, shape[0])})
        got = ask(subject, "sde_step", i, 1 + k).parts
        if "x_s" not in got:
            raise NotApplicable("the step returns no sample")
        rows.append(got["x_s"])
        given.append(i)
    true = [step(Formulas(), i, c) for i in given]
    try:
        outcome = _white(given, rows, true, c)
    except StatisticalFailure as failure:
        raise Differs(
            f"sde_step (x_s): {failure}", np.inf, _noise_reading(given, rows, c)
        ) from None
    return Finding(notes=(f"statistical: {outcome}",))


def _wide(c: Conventions) -> tuple[int, ...]:
    return (N_NOISE, *_COORDINATES["4" if c["dims"] == "any" else str(c["dims"])])


def _white(
    given: Sequence[Inputs], rows: list[np.ndarray], parts: list[Parts], c: Conventions
) -> Any:
    kernels, states = [], []
    for i, p in zip(given, parts, strict=True):
        std = float(np.max(c.std(p["std"], levels(i, c, i["x"]).h)))
        kernels.append(Gaussian(torch.tensor(p["mean"]), std))
    e = [
        ((torch.tensor(x) - k.mean) / k.std).flatten(1) for x, k in zip(rows, kernels, strict=True)
    ]
    states = [torch.tensor(np.array(i["x"])).flatten(1) for i in given]
    claim = budget.claim("conformance.noise")
    half, quarter = (replace(claim, alpha=claim.alpha / n) for n in (2, 4))
    _sample_by_sample(torch.stack(e), quarter)
    _neighbours(torch.stack(e), quarter)
    return residuals.white(
        torch.stack(e), {"x": torch.stack(states)}, half, detects_std=0.02, detects_shift=0.02
    )


def _sample_by_sample(e: torch.Tensor, claim: Claim) -> None:
    """Each sample's Σ e² is χ² with its coordinates' number: noise scaled to one std is not."""
    squares = (e**2).sum(dim=-1).flatten()
    levels = torch.special.gammainc(torch.tensor(e.shape[-1] / 2.0).double(), squares / 2)
    part = band("the Kolmogorov distance of the samples' Σ e²", levels.sort().values, claim.alpha)
    judge(claim, [part], part.bound, 0.04, "residual")


def _neighbours(e: torch.Tensor, claim: Claim) -> None:
    """Each sample's noise has nothing to do with that of the sample before."""
    before, now = e[:, :-1].flatten(0, 1), e[:, 1:].flatten(0, 1)
    z = torch.linalg.vecdot(before, now) / torch.linalg.vector_norm(before, dim=1)
    each = float(z.sum()) / len(z) ** 0.5
    part = normal("|z| of the residuals on the sample before", each, claim.alpha)
    judge(claim, [part], part.bound / before.numel() ** 0.5, 0.02, "residual")


def _plausible(i: Inputs, x_s: np.ndarray, v: Variation, c: Conventions) -> bool:
    """Whether the first residuals look at all like noise under this reading."""
    few = {k: x[:256] if isinstance(x, np.ndarray) and x.ndim else x for k, x in i.items()}
    p = v.parts(few)
    std = np.asarray(c.std(p["std"], levels(few, c, few["x"]).h))
    with np.errstate(all="ignore"):
        e = (x_s[:256] - p["mean"]) / std
        return bool(abs(e.mean()) < 0.1 and abs(e.std() - 1) < 0.1)


def _noise_reading(
    given: Sequence[Inputs], rows: list[np.ndarray], c: Conventions
) -> tuple[Explanation, ...]:
    first = [r - step(Formulas(), i, c)["mean"] for i, r in zip(given, rows, strict=True)]
    if all(np.allclose(r, r[:1], atol=1e-3 * np.abs(r).max()) for r in first):
        slip = next(s for s in STEP_SLIPS if s.name == "one noise for the whole batch")
        return (Explanation("mistake", slip.name, 0.0, slip.what, slip.remedy),)
    if (shape := _shape_of(given, rows, c)) is not None:
        return (shape,)
    found, cases = [], [Case(i) for i in given]
    for v in variations(STEP, cases, c, 1):
        try:
            if not _plausible(given[0], rows[0], v, c):
                continue
            _white(given, rows, [v.parts(i) for i in given], c)
        except Exception:  # this reading does not explain the noise, or has no value
            continue
        found.append(Explanation(v.kind, v.name, 0.01, v.what, v.remedy))
    found = list({(e.kind, e.name): e for e in found}.values())
    return tuple(found or _as_wide(given, rows, c))


def _shape_of(
    given: Sequence[Inputs], rows: list[np.ndarray], c: Conventions
) -> Explanation | None:
    """Noise that another distribution gives away: bounded, constant, or scaled sample by sample."""
    told, drawn = set[str](), list[np.ndarray]()
    for i, x in zip(given, rows, strict=True):
        p = step(Formulas(), i, c)
        std = np.asarray(c.std(p["std"], levels(i, c, i["x"]).h))
        e = ((x - p["mean"]) / np.where(std > 0, std, np.nan)).reshape(len(x), -1)
        drawn.append(e)
        told.add(_along(e.reshape(x.shape)) or next(
            (name for name, looks in _SHAPES.items() if looks(e)), ""))  # fmt: skip
    if told == {""} and _again(drawn):
        told = {"the same noise in every call: a generator that is seeded anew"}
    if len(told) > 1 or told == {""}:
        return None
    (name,) = told
    return Explanation("mistake", name, 0.0, "It is not normal, or not independent.",
                       "torch.randn, shaped like x")  # fmt: skip


def _again(drawn: Sequence[np.ndarray]) -> bool:
    """Whether the calls drew the same, whatever the std."""
    one, *others = (e / e.std() for e in drawn)
    return all(bool(np.abs(one - e).max() < _ROUND) for e in others)


def _along(e: np.ndarray) -> str:
    """What is one along some of several axes: the noise itself, its std or its mean."""
    axes = range(1, e.ndim)
    for name, same in _ALONG.items():
        along = [k for k in axes if same(e, k) < _ROUND * e.std()]
        if along and len(along) < len(axes):
            which = " and ".join(map(str, along))
            return f"{name} along {'axis' if len(along) == 1 else 'axes'} {which}"
    return ""


_ALONG: dict[str, Callable[[np.ndarray, int], float]] = {
    "one noise for all coordinates": lambda e, k: float(np.ptp(e, axis=k).max()),
    "noise scaled to one std in each sample": lambda e, k: float(np.ptp(e.std(axis=k))),
    "noise centred in each sample": lambda e, k: float(np.ptp(e.mean(axis=k))),
}


def _beside(e: np.ndarray) -> float:
    """The correlation of each sample's noise with the next one's."""
    apart = e - e.mean()
    return float((apart[:-1] * apart[1:]).mean() / (apart**2).mean())


def _even(e: np.ndarray, low: float, high: float) -> bool:
    """Whether numbers fill an interval evenly."""
    at = np.sort((e.ravel() - low) / (high - low))
    inside = bool(at[0] > -_ROUND and at[-1] < 1 + _ROUND)
    return inside and bool(np.abs(at - np.linspace(0, 1, at.size)).max() < _CLOSE)


_ROUND, _CLOSE = 1e-2, 1e-2


def _bounded(e: np.ndarray) -> bool:
    """Whether one of its ends is met again and again."""
    ends = (e.max(), e.min())
    return any((np.abs(e - end) < 1e-4 * abs(end)).mean() > 1e-4 for end in ends)


def _halves(e: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """A batch's two halves, and its neighbours."""
    n = len(e) // 2
    return [(e[:n], e[n : 2 * n]), (e[0 : 2 * n : 2], e[1 : 2 * n : 2])]


_SHAPES: dict[str, Callable[[np.ndarray], bool]] = {
    "one noise for all coordinates of a sample":
        lambda e: bool(np.ptp(e, axis=1).max() < _ROUND * e.std()),
    "noise of two values, ±1": lambda e: bool((np.abs(np.abs(e) - 1) < _ROUND).all()),
    "uniform noise, from 0 to 1 (rand for randn)": lambda e: _even(e, 0.0, 1.0),
    "uniform noise, from −1 to 1": lambda e: _even(e, -1.0, 1.0),
    "uniform noise, from −0.5 to 0.5": lambda e: _even(e, -0.5, 0.5),
    "uniform noise of variance 1": lambda e: _even(e, -(3**0.5), 3**0.5),
    "one noise for samples that follow each other":
        lambda e: _beside(e) > 0.2 and not np.allclose(e, e[:1]),
    "noise of the other sign for the sample that follows": lambda e: _beside(e) < -0.2,
    "some coordinates without noise":
        lambda e: bool((np.abs(e).max(axis=0) < 1e-3).any() and e.std() > 0.1),
    "noise that is 0 now and then":
        lambda e: bool((np.abs(e) < 1e-4).mean() > 0.01 and e.std() > 0.1),
    "noise scaled to one std in each sample":
        lambda e: bool(e.std(axis=1).std() < 0.1 * (2 * e.shape[1]) ** -0.5 * e.std()),
    "noise centred in each sample":
        lambda e: bool(e.mean(axis=1).std() < 0.1 * e.shape[1] ** -0.5 * e.std()),
    "noise in opposite pairs":
        lambda e: any(np.abs(a + b).max() < _ROUND * e.std() for a, b in _halves(e)),
    "the absolute values of noise":
        lambda e: bool(e.min() > -_ROUND and abs(e.std() - 0.603) < 0.02),
    "noise held between two ends": _bounded,
}  # fmt: skip
"""By name, what gives a distribution away; in this order."""


def _as_wide(given: Sequence[Inputs], rows: list[np.ndarray], c: Conventions) -> list[Explanation]:
    """The right noise times one number, the same at every length."""
    true = [step(Formulas(), i, c) for i in given]
    stds = [
        np.asarray(c.std(p["std"], levels(i, c, i["x"]).h))
        for i, p in zip(given, true, strict=True)
    ]
    widths = [float(((x - p["mean"]) / s).std()) for x, p, s in zip(rows, true, stds, strict=True)]
    k = float(np.mean(widths))
    if max(widths) - min(widths) > 0.02 * k or abs(k - 1) < 0.02:
        return []
    wide = [{**p, "std": np.asarray(c.their_std(k * s, levels(i, c, i["x"]).h))}
            for i, p, s in zip(given, true, stds, strict=True)]  # fmt: skip
    try:
        _white(given, rows, wide, c)
    except StatisticalFailure:
        return []
    plain = f"{k:.2g}" if abs(float(f"{k:.2g}") - k) < 0.005 * k else f"{k:.3g}"
    return [Explanation("factor", plain, 0.01, "The noise is as white as it should be, and of "
                        "another width.", "std = g √h", "noise")]  # fmt: skip
