"""Asking an adapter, and comparing what it says.

    answers(subject, operation, cases)          compare(subject, operation, cases) → Finding

Inputs are given in the adapter's shapes and precision; results may come in any that can mean only
one thing.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from ..adapter import arrays
from ..adapter.inputs import received
from ..adapter.results import Answer, answer
from ..adapter.significands import filled
from ..adapter.spreads import SMALL, elsewhere, spread
from ..adapter.subject import Broken, Subject
from ..diagnosis.evidence import Evidence, quietly
from ..diagnosis.explaining import again, explain
from ..diagnosis.jumps import errors_jump
from ..diagnosis.readings import Case, Explanation, fit
from ..formulas.operations import Operation, allowed, size
from ..formulas.values import Formulas, Inputs
from .register import Differs, Finding

PER_SAMPLE = ("t", "s", "h", "g")
"""Arguments in the declared shape of t."""


def prepared(subject: Subject, inputs: Inputs) -> dict[str, Any]:
    """The arguments as the adapter takes them."""
    c = subject.conventions
    like = next((x for x in inputs.values() if isinstance(x, np.ndarray) and x.ndim > 1), None)
    given: dict[str, Any] = {}
    for name, x in inputs.items():
        if name in PER_SAMPLE and isinstance(x, np.ndarray):
            given[name] = _times(subject, x, like)
        elif name == "std" and isinstance(x, np.ndarray) and x.ndim == 1:
            if c["t"] == "scalar":
                given[name] = _scalar(subject, x)
            else:
                given[name] = subject.give(x.reshape(_column(x, like)))
        elif isinstance(x, np.ndarray) and x.dtype.kind == "f":
            given[name] = subject.give(x)
        else:
            given[name] = x
    if "t" in inputs and "s" in inputs and "h" not in given:
        h = np.abs(np.asarray(c.level(inputs["t"])) - np.asarray(c.level(inputs["s"])))
        given["h"] = _times(subject, h, like)
    given.setdefault("a", float(c["a"]))
    return given


def _times(subject: Subject, t: np.ndarray, like: np.ndarray | None) -> Any:
    shape = subject.conventions["t"]
    if shape == "scalar":
        return _scalar(subject, t)
    return subject.give(t if shape == "(B,)" else t.reshape(_column(t, like)))


def _scalar(subject: Subject, t: np.ndarray) -> Any:
    if np.ptp(t) > 0:
        raise ValueError("a scalar time stands for one time")
    one = subject.give(t[:1])[0]
    return one


def _column(t: np.ndarray, like: np.ndarray | None) -> tuple[int, ...]:
    return (len(t),) + (1,) * (0 if like is None else like.ndim - 1)


def ask(subject: Subject, capability: str, inputs: Inputs, seed: int = 0) -> Answer:
    """One call, its result as numbers.

    Raises:
        Broken: see `Subject.raw`.
    """
    return answer(capability, subject.raw(capability, prepared(subject, inputs), seed))


Asking: TypeAlias = Callable[[Subject, list[Case]], list[Answer]]
"""How a list of cases is asked."""


def compare(
    subject: Subject,
    op: Operation,
    cases: list[Case],
    asking: Asking | None = None,
    *,
    also: Sequence[Case] = (),
    apart: Asking | None = None,
) -> Finding:
    """Ask, and hold each part of each answer against the formula.

    Args:
        subject: the adapter.
        op: the formula.
        cases: what to ask.
        asking: how; by default the operation's capability is called.
        also: cases at which a reading must hold too, asked where something differs.
        apart: how to ask for more parts of an answer, where something differs.

    Raises:
        Differs: a number, a shape or a value that is not finite; with what it looks like.
    """
    asking = asking or _called(op)
    got = asking(subject, cases)
    c = subject.conventions
    fitted = [in_shape(op, case, a, subject) for case, a in zip(cases, got, strict=True)]
    worst, found = 0.0, None
    for case, a in zip(cases, fitted, strict=True):
        want, sizes = op.evaluate(Formulas(), case.inputs, c), size(op, case.inputs, c)
        for part, x in a.parts.items():
            if part not in want:
                continue
            trouble, ratio = _gap(op, case, part, x, want[part], sizes[part], a, subject)
            worst = max(worst, ratio)
            if trouble and (found is None or trouble[1] > found[1]):
                found = trouble
    if found is None:
        return Finding(worst, _coarser(subject, got))
    more = [*also, *fresh(subject, cases), *_about_zero(subject, op, cases, also)]
    more += [Case(i, "") for k in cases[:1] for i in op.telling(k.inputs, c)]
    answered = _answered(subject, op, more, apart or asking)
    every = [*cases, *(case for case, _ in answered)]
    fitted = [*_shaped(subject, op, cases, apart or asking), *(a for _, a in answered)]
    before = subject.read.get(op.capability, ()) if subject.searching else ()
    told = again(Evidence(op, every, fitted, c), before) if before else []
    if subject.searching and not told:
        told = explain(op, every, fitted, c, subject.patience, deep=not also,
                       quick=op.capability in subject.half_read)  # fmt: skip
    if any(_is_a_guess(e) for e in told):
        near = fresh(subject, cases)
        if not errors_jump(op, near, lambda ks: _shaped(subject, op, list(ks), asking), c):
            told = [e for e in told if not _is_a_guess(e)]
    raise Differs(*found, tuple(told))


def _is_a_guess(e: Explanation) -> bool:
    """A rounding that no membership of the coarser type proves."""
    return e.kind == "rounding" and "exactly" not in e.name


def _answered(
    subject: Subject, op: Operation, cases: list[Case], asking: Asking
) -> list[tuple[Case, Answer]]:
    """Those at which the formula has a value and the adapter gives one: they may tell more of what
    differs, and the check itself does not ask for them."""
    c = subject.conventions
    given = [k for k in cases if quietly(lambda i: op.evaluate(Formulas(), i, c), k.inputs)]
    try:
        return list(zip(given, _shaped(subject, op, given, asking), strict=True))
    except Broken:
        return [one for k in given for one in _alone(subject, op, k, asking)]


def _alone(
    subject: Subject, op: Operation, case: Case, asking: Asking
) -> list[tuple[Case, Answer]]:
    """One case with its answer; [] where the adapter refuses it."""
    try:
        return [(case, _shaped(subject, op, [case], asking)[0])]
    except Broken:
        return []


def _shaped(subject: Subject, op: Operation, cases: list[Case], asking: Asking) -> list[Answer]:
    got = asking(subject, cases)
    return [in_shape(op, case, a, subject) for case, a in zip(cases, got, strict=True)]


def fresh(subject: Subject, cases: list[Case]) -> list[Case]:
    """Other numbers, at which a reading must hold before it is printed: near, of many sizes, small,
    at other levels.

    Small ones are left out in half precision, which has no digits left for them.
    """
    c = subject.conventions
    sizes = (1.0, SMALL) if arrays.UNIT[c["dtype"]] <= 2.0**-24 else (1.0,)
    near = cases[:1] if len(sizes) > 1 else []
    return [
        *(Case(filled(c, k.inputs, 7), f"{k.label}, afresh") for k in cases[:2]),
        *(Case(spread(c, k.inputs, 7, by), f"{k.label}, of many sizes")
          for k in cases[:1] for by in sizes),
        *(Case(i, f"{k.label}, at other levels") for k in near
          for i in [elsewhere(c, spread(c, k.inputs, 9))] if i),
    ]  # fmt: skip


def _about_zero(
    subject: Subject, op: Operation, cases: Sequence[Case], also: Sequence[Case]
) -> list[Case]:
    """Inputs whose results lie between −1 and 1, where there are digits enough."""
    c, made = subject.conventions, op.about_zero
    if made is None or arrays.UNIT[c["dtype"]] > 2.0**-24:
        return []
    near = [(made(spread(c, k.inputs, 3), c), k.label) for k in (*cases[:1], *also[:1])]
    return [Case({n: received(c, x) if isinstance(x, np.ndarray) else x for n, x in i.items()},
                 f"{told}, about 0") for i, told in near]  # fmt: skip


def _called(op: Operation) -> Asking:
    return lambda subject, cases: [ask(subject, op.capability, case.inputs) for case in cases]


def _gap(
    op: Operation, case: Case, part: str, x: np.ndarray, want: np.ndarray, sizes: np.ndarray,
    a: Answer, subject: Subject,
) -> tuple[tuple[str, float] | None, float]:  # fmt: skip
    name = op.capability if part == "value" else f"{op.capability} ({part})"
    where = f" at {case.label}" if case.label else ""
    if x.shape != want.shape:
        wanted = f"{tuple(want.shape)}"
        return (f"{name} has shape {tuple(x.shape)}, wanted {wanted}{where}", np.inf), np.inf
    if not np.isfinite(x).all():
        kind = "NaN" if np.isnan(x).any() else "infinity"
        return (f"{name} holds {kind}{where}", np.inf), np.inf
    unit = a.unit[part]
    off = np.abs(x - want)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(off == 0, 0.0, off / (allowed(unit) * sizes))
    worst = float(ratio.max(initial=0.0))
    if worst <= 1:
        return None, worst
    at = np.unravel_index(int(np.argmax(ratio)), ratio.shape)
    gap = float(off.max() / max(float(np.abs(want).max()), 1e-300))
    told = (
        f"{name} is {x[at]:.6g}, wanted {want[at]:.6g}{where}"
        f"{f', entry {tuple(int(k) for k in at)}' if at else ''}: off by {gap:.2g} of the largest "
        f"value, {worst:.2g} times what rounding explains"
    )
    return (told, gap), worst


def in_shape(op: Operation, case: Case, a: Answer, subject: Subject) -> Answer:
    """The parts in the shapes that are wanted, where they can mean nothing else."""
    want = op.evaluate(Formulas(), case.inputs, subject.conventions)
    parts = {}
    for part, x in a.parts.items():
        parts[part] = x
        if part not in want:
            continue
        shape = want[part].shape
        got = fit(x, shape)
        if got is None and part in ("std", "value") and x.ndim == 0 and len(set(shape)) <= 2:
            spread = want[part]
            if part == "std" or (spread.ndim == 1 and np.ptp(spread) == 0):
                got = np.broadcast_to(x, shape)
        if got is None and part == "std" and x.ndim == len(shape):
            flat = x.reshape(len(x), -1)
            if len(x) == shape[0] and (flat == flat[:, :1]).all():
                got = flat[:, 0].reshape(shape)
        if got is not None:
            parts[part] = got
    return Answer(parts, {p: _unit(p, a.unit[p], subject) for p in parts}, a.kinds)


def _unit(part: str, unit: float, subject: Subject) -> float:
    """The precision at which a part is judged: that of the inputs, or float32 if it came back so.

    A state may be stored more coarsely, if the adapter says so or its type does.
    """
    c = subject.conventions
    given = arrays.UNIT[c["dtype"]]
    if part in ("x_s", "x", "states"):
        return max(unit, given, arrays.UNIT.get(c["stored"], 0.0))
    return max(min(unit, arrays.UNIT["float32"]), given)


def _coarser(subject: Subject, got: list[Answer]) -> tuple[str, ...]:
    unit = arrays.UNIT[subject.conventions["dtype"]]
    kinds = {a.kinds[p] for a in got for p in a.parts if a.unit[p] > unit and a.kinds.get(p)}
    told = ", ".join(sorted(kinds))
    return (f"came back as {told} for {subject.conventions['dtype']}",) if kinds else ()
