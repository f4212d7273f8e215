"""What a wrong number looks like: named mistakes, other conventions, factors, roundings.

    explain(operation, cases, answers, conventions)   →   [Explanation(...), ...]

An explanation must give the very numbers at every input that was tried, and differ from the truth
at one at least. Two that cannot be told apart on these inputs are both named.
"""

import numpy as np

from ..adapter.conventions import Conventions
from ..adapter.results import Answer
from ..formulas.operations import ROUNDINGS, Operation, size
from ..formulas.values import Formulas, Parts
from .readings import Case, Explanation, factor, fit
from .roundings import rounding
from .variations import Variation, quietly, variations


def explain(
    op: Operation, cases: list[Case], answers: list[Answer], c: Conventions
) -> list[Explanation]:
    """All readings of the answers, the closest first."""
    truth = [(op.evaluate(Formulas(), k.inputs, c), size(op, k.inputs, c)) for k in cases]
    for depth in (1, 2):
        tried = variations(op, cases, c, depth)
        found = [e for v in tried if (e := _meets(v, cases, answers, truth))]
        if found:
            return _distinct(found)
    return factor(op, cases, answers, c) or rounding(op, cases, answers, c)


def _meets(
    v: Variation, cases: list[Case], answers: list[Answer], truth: list[tuple[Parts, Parts]]
) -> Explanation | None:
    worst, tells = 0.0, False
    for case, got, (true, sizes) in zip(cases, answers, truth, strict=True):
        other = quietly(v.parts, case.inputs)
        if other is None:
            return None
        for part, x in got.parts.items():
            if part not in other:
                continue
            want = other[part]
            fitted = fit(x, want.shape)
            if fitted is None:
                return None
            with np.errstate(all="ignore"):
                spread = np.abs(want) + (
                    sizes[part] if part in sizes and sizes[part].shape == want.shape
                    else np.max(sizes.get(part, np.zeros(1)), initial=0.0)
                )  # fmt: skip
                bound = 2 * ROUNDINGS * got.unit[part] * spread
                off = np.abs(fitted - want)
            same_nan = np.isnan(fitted) & np.isnan(want) | (fitted == want)
            if not (same_nan | (off <= bound)).all():
                return None
            largest = float(np.max(np.abs(want[np.isfinite(want)]), initial=1e-300))
            worst = max(worst, float(np.max(off[np.isfinite(off)], initial=0.0)) / largest)
            right = true.get(part)
            if right is None or right.shape != want.shape:
                tells = True
            else:
                apart = ~(np.abs(right - want) <= 3 * bound)
                tells |= bool(apart.any())
    return Explanation(v.kind, v.name, worst, v.what, v.remedy) if tells else None


def _distinct(found: list[Explanation]) -> list[Explanation]:
    seen: dict[tuple[str, str], Explanation] = {}
    for e in sorted(found, key=lambda e: e.gap):
        seen.setdefault((e.kind, e.name), e)
    return list(seen.values())
