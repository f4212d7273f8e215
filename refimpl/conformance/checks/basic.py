"""Basic checks: a function can be called, and gives finite numbers of the right shape.

<capability>.basic    the first tier; who fails it is not asked further
"""

import numpy as np

from ..adapter import arrays
from ..adapter.capabilities import CAPABILITIES
from ..adapter.results import Answer
from ..adapter.subject import Broken, Subject, missing
from ..diagnosis.explaining import explain
from ..diagnosis.readings import Case, Explanation
from ..formulas.operations import Operation
from ..formulas.values import Formulas
from .advantages import rewarded
from .asking import ask, in_shape
from .loops import run_loop
from .register import Differs, Finding, check
from .table import OFFERS


def _ask(subject: Subject, capability: str, case: Case, seed: int) -> Answer:
    if capability == "advantages":
        return rewarded(subject, case.inputs["rewards"], None, seed)
    if capability in ("ode_sampler", "sde_sampler"):
        return run_loop(subject, capability, case, seed)
    return ask(subject, capability, case.inputs, seed)


def _basic(capability: str) -> None:
    def run(subject: Subject) -> Finding:
        op, case = OFFERS[capability].operation, OFFERS[capability].cases(subject)[0]
        absent = missing(subject, capability)
        if absent and capability not in ("kl", "log_prob", "ratio", "surrogate", "objective"):
            raise Differs(f"{capability} does not take {', '.join(absent)}")
        try:
            first = _ask(subject, capability, case, 1)
        except Broken as error:
            raise Differs(str(error), np.inf, _other_forms(subject, capability)) from error
        after = subject.drawn_after
        second = _ask(subject, capability, case, 2)
        _well_formed(subject, op, case, first)
        if after == subject.drawn_after or any(
            a == b for a, b in zip(after, subject.drawn_after, strict=True)
        ):
            raise Differs(f"{capability} seeds a global random generator: every call repeats "
                          "the same "
                          "draws, here and in the rest of the program")  # fmt: skip
        _repeatable(subject, capability, case, first, second)
        return Finding(notes=_precision(subject, first))

    run.__doc__ = f"`{capability}` can be called, and gives finite numbers of the right shape."
    check(f"{capability}.basic", needs=(capability,), tier="basic")(run)


_OUTER = Explanation(
    "mistake", "outer broadcast", 0.0, "Times of shape (B,) meet the last axis of x, or a "
                                       "whole batch of "
    "them is taken for one.", "reshape per-sample numbers to (B, 1, ..., 1)",
)  # fmt: skip


def _other_forms(subject: Subject, capability: str) -> tuple[Explanation, ...]:
    """Shapes of t and of x under which the call works: what to declare, or what to reshape."""
    found = []
    kept = subject.conventions
    for key, values in (
        ("t", ("scalar", "(B, 1, ...)")),
        ("dims", (4, 3, 2, 5)),
        ("arrays", ("numpy",)),
    ):
        for value in values:
            subject.conventions = kept.but(**{key: value})
            try:
                for case in OFFERS[capability].cases(subject):  # one shape may do by chance
                    got = _ask(subject, capability, case, 1)
                    _well_formed(subject, OFFERS[capability].operation, case, got)
            except Exception:  # this form does not work either
                continue
            finally:
                subject.conventions = kept
            if value != kept[key]:
                if key == "t" and kept["t"] == "(B,)":
                    found.append(_OUTER)
                told = f"{key} = {value!r}"
                found.append(
                    Explanation(
                        "form", told, 0.0, "It fails otherwise.", f"declare {told}, if it is meant"
                    )
                )
                break
    return tuple(found)


def _well_formed(subject: Subject, op: Operation, case: Case, got: Answer) -> None:
    want = op.evaluate(Formulas(), case.inputs, subject.conventions)
    fitted = in_shape(op, case, got, subject)
    for part, x in fitted.parts.items():
        name = op.capability if part == "value" else f"{op.capability} ({part})"
        if not np.isfinite(x).all():
            kind = "NaN" if np.isnan(x).any() else "infinity"
            raise Differs(
                f"{name} holds {kind}",
                np.inf,
                tuple(explain(op, [case], [fitted], subject.conventions)),
            )
        free = op.capability in ("surrogate", "objective") and x.ndim == 0
        if op.capability == "schedule":
            if x.ndim != 1:
                raise Differs(f"schedule returns shape {x.shape}, wanted one dimension")
        elif part in want and x.shape != want[part].shape and not free:
            told = f"{name} has shape {tuple(x.shape)}, wanted {tuple(want[part].shape)}"
            raise Differs(told, np.inf,
                          tuple(explain(op, [case], [fitted], subject.conventions)))  # fmt: skip
    if not set(fitted.parts) & set(want) and op.capability != "sde_step":
        raise Differs(f"{op.capability} returned {sorted(got.parts)}, wanted {sorted(want)}")


def _repeatable(
    subject: Subject, capability: str, case: Case, first: Answer, second: Answer
) -> None:
    random = capability == "sde_step" and "noise" not in case.inputs
    random |= capability == "sde_sampler" and "noise" not in case.inputs
    for part, x in first.parts.items():
        if random and part in ("x_s", "x", "states", "log_prob", "log_probs"):
            continue
        other = second.parts.get(part)
        if other is None or not np.array_equal(x, other, equal_nan=True):
            fresh = " although the noise is given" if "noise" in case.inputs else ""
            told = (
                f"{capability} gives other numbers when it is called again with the same "
                f"arguments{fresh}"
            )
            name = (
                "replay draws fresh noise"
                if capability == "replay"
                else "not a function of its arguments"
            )
            cause = Explanation("mistake", name, 0.0, "It draws fresh randomness, or keeps a "
                                                      "state.",
                                "use what was given, and nothing else")  # fmt: skip
            raise Differs(told, np.inf, (cause,))


def _precision(subject: Subject, got: Answer) -> tuple[str, ...]:
    unit = arrays.UNIT[subject.conventions["dtype"]]
    coarse = {k for p, k in got.kinds.items() if got.unit.get(p, 0) > unit}
    told = ", ".join(sorted(coarse))
    return (f"returns {told} for {subject.conventions['dtype']}",) if told else ()


for _name in CAPABILITIES:
    _basic(_name)
