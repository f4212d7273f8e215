"""A step that draws its own noise, tested by its residuals.

(x_s − mean)/std   is standard normal, fresh for every sample and coordinate
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from ...equations.gaussian import Gaussian
from ...statistics import StatisticalFailure, budget, residuals
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


_COORDINATES = 64


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
    ndim = 2 if c["dims"] == "any" else int(c["dims"])
    return (N_NOISE, _COORDINATES, *(1,) * (ndim - 2))


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
    return residuals.white(
        torch.stack(e), {"x": torch.stack(states)}, claim, detects_std=0.02, detects_shift=0.02
    )


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
    return [Explanation("factor", f"{k:.2g}", 0.01, "The noise is as white as it should be, and of "
                        "another width.", "std = g √h", "noise")]  # fmt: skip
