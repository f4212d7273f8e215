"""Gradients of somebody's function by automatic differentiation, against the formula's.

    compare_gradient(subject, operation, cases, "mean")    torch adapters

The formula is differentiated by central differences in float64; wrong factors and lost branches are
found, roundings are not the point.
"""

from collections.abc import Callable

import numpy as np
import torch

from ..adapter import arrays
from ..adapter.results import raw_parts
from ..adapter.subject import Subject
from ..diagnosis.evidence import Hypothesis
from ..diagnosis.readings import Case, Explanation
from ..diagnosis.variations import variations
from ..formulas.operations import Operation
from ..formulas.values import Formulas, Inputs
from .asking import ask, prepared
from .register import Differs, Finding, NotApplicable

_STEP = 2.0**-10


def compare_gradient(subject: Subject, op: Operation, cases: list[Case], wrt: str) -> Finding:
    """The gradient of the sum of all outputs in one argument.

    Raises:
        Differs: another gradient, or none.
        NotApplicable: not a torch adapter, a precision too low for it, an argument it has not.
    """
    c = subject.conventions
    if c["arrays"] != "torch":
        raise NotApplicable("gradients are taken by torch")
    if not subject.accepts(op.capability, wrt):
        raise NotApplicable(f"{op.capability} does not take {wrt}")
    unit = arrays.UNIT[c["dtype"]]
    if unit > 2.0**-24:
        raise NotApplicable("rounding would hide it in this precision")
    got = [gradient(subject, op.capability, case, wrt) for case in cases]
    worst = 0.0
    for case, g in zip(cases, got, strict=True):
        want = _numeric(lambda i: op.evaluate(Formulas(), i, c)["value"], case.inputs, wrt)
        gap = _apart(g, want)
        worst = max(worst, gap)
        if not gap <= _bound(unit):
            raise Differs(
                f"the gradient of {op.capability} in {wrt} is off by {gap:.2g} of its largest "
                "value "
                f"({case.label})", gap, tuple(_reading(op, cases, got, wrt, subject)),
            )  # fmt: skip
    return Finding(worst / _bound(unit))


def _bound(unit: float) -> float:
    return 1e-4 + 256 * unit


def gradient(subject: Subject, capability: str, case: Case, wrt: str) -> np.ndarray:
    """By torch.autograd; zero where nothing reaches the argument."""
    given = prepared(subject, case.inputs)
    leaf = given[wrt].detach().clone().requires_grad_(True)
    result = subject.raw(capability, {**given, wrt: leaf})
    out = next(iter(raw_parts(capability, result).values()))
    if isinstance(out, (list, tuple)):
        out = torch.stack([torch.as_tensor(x) for x in out])
    if not isinstance(out, torch.Tensor) or not out.requires_grad:
        why = detached(subject, capability, case, wrt)
        raise Differs(f"no gradient of {capability} reaches {wrt}", np.inf, why)
    try:
        (got,) = torch.autograd.grad(out.sum(), leaf, allow_unused=True)
    except RuntimeError as error:
        raise Differs(f"{capability} cannot be differentiated: {error}") from error
    if got is None:
        why = detached(subject, capability, case, wrt)
        raise Differs(f"no gradient of {capability} reaches {wrt}", np.inf, why)
    return arrays.take(got)


DETACHED = Explanation(
    "mistake", "detached", 0.0, "The policy's own term is detached, or computed without gradients.",
    "detach what belongs to the old policy and the reference, and nothing else",
)  # fmt: skip


PARTLY = Explanation(
    "mistake", "detached in part", 0.0,
    "The value is right, and its gradient is another formula's: a term of the policy's own is "
    "detached, or computed without gradients.",
    "detach what belongs to the old policy and the reference, and nothing else",
)  # fmt: skip


COARSELY = Explanation(
    "rounding", "it is right as far as half precision goes", 0.0,
    "The gradient passes through float16 or bfloat16 on its way.",
    "Keep the precision of what is differentiated.",
)  # fmt: skip

_COARSE = 2.0**-7
"""A gradient this near the right one, whose numbers are all of half precision, was rounded."""


def _coarse(got: list[np.ndarray]) -> bool:
    """Whether all numbers are of float16 or of bfloat16."""
    return any(
        all(np.array_equal(arrays.rounded_to(g, name), g) for g in got)
        for name in ("bfloat16", "float16")
    )


def detached(subject: Subject, capability: str, case: Case, wrt: str) -> tuple[Explanation, ...]:
    """`DETACHED`, if the result follows the argument all the same: what is held does not."""
    x = case.inputs[wrt]
    ends = [ask(subject, capability, {**case.inputs, wrt: y}).parts for y in (x, 1.125 * x)]
    still = all(np.array_equal(y, ends[1][part]) for part, y in ends[0].items())
    return () if still else (DETACHED,)


def _numeric(f: Callable[[Inputs], np.ndarray], inputs: Inputs, wrt: str) -> np.ndarray:
    x = np.asarray(inputs[wrt], dtype=np.float64)
    flat = x.reshape(len(x), -1)
    out = np.zeros_like(flat)
    for j in range(flat.shape[1]):
        ends = []
        for sign in (1, -1):
            moved = flat.copy()
            moved[:, j] += sign * _STEP
            ends.append(f({**inputs, wrt: moved.reshape(x.shape)}).reshape(len(x), -1).sum(axis=1))
        out[:, j] = (ends[0] - ends[1]) / (2 * _STEP)
    return out.reshape(x.shape)


def _apart(got: np.ndarray, want: np.ndarray) -> float:
    if got.shape != want.shape or not np.isfinite(got).all():
        return float("inf")
    return float(np.abs(got - want).max() / max(np.abs(want).max(), 1e-300))


def _reading(
    op: Operation, cases: list[Case], got: list[np.ndarray], wrt: str, subject: Subject
) -> list[Explanation]:
    if all((g == 0).all() for g in got):
        why = [e for case in cases[:1] for e in detached(subject, op.capability, case, wrt)]
        if why or not subject.searching:
            return why
    if not subject.searching:
        return []
    c = subject.conventions

    def gap(says: Hypothesis) -> float:
        try:
            return max(
                _apart(g, _numeric(lambda i: says(i)["value"], case.inputs, wrt))
                for case, g in zip(cases, got, strict=True)
            )
        except Exception:  # a mistake need not have a value, or a gradient, everywhere
            return np.inf

    bound = 2 * _bound(arrays.UNIT[c["dtype"]])
    known = [e for e in subject.read.get(op.capability, ()) if e.says is not None]
    found = [e for e in known if gap(e.says) <= bound]
    if found:
        return found
    values = [ask(subject, op.capability, case.inputs).parts["value"] for case in cases]

    def gives(says: Hypothesis) -> bool:
        """Whether the values allow it: a gradient alone may be another formula's as well."""
        made = [says(case.inputs)["value"] for case in cases]
        return all(_apart(x, y) <= bound for x, y in zip(values, made, strict=True))

    right = [op.evaluate(Formulas(), case.inputs, c)["value"] for case in cases]
    if _coarse(got) and gap(lambda i: op.evaluate(Formulas(), i, c)) <= _COARSE:
        return [COARSELY]
    exact = 64 * arrays.UNIT[c["dtype"]]
    if all(_apart(x, y) <= exact for x, y in zip(values, right, strict=True)):
        return [PARTLY]  # a formula with the right values has the right gradient
    told = [(v, gap(v.parts)) for v in variations(op, cases, c, 1)]
    told = [(v, far) for v, far in told if far <= bound and gives(v.parts)]
    return [Explanation(v.kind, v.name, far, v.what, v.remedy) for v, far in told]
