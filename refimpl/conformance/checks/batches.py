"""Batch independence: a sample's numbers do not depend on its neighbours.

    f(batch)[k]  =  f(sample k alone)

Every sample of a batch is asked again by itself, with its own time.
"""

from typing import Any

import numpy as np

from ..adapter import arrays
from ..adapter.results import Answer
from ..adapter.subject import Subject
from ..diagnosis.readings import Case, Explanation
from ..formulas.operations import ROUNDINGS, Operation
from ..formulas.values import Inputs
from .asking import ask, compare
from .register import Differs, Finding, check
from .table import OFFERS

_BATCHED = ("path", "velocity_target", "ode_step", "sde_step", "log_prob", "replay", "kl", "ratio",
            "guidance", "score", "data_from_velocity", "noise_from_velocity")  # fmt: skip


def _independent(capability: str) -> None:
    def run(subject: Subject) -> Finding:
        op = OFFERS[capability].operation
        worst = 0.0
        for case in OFFERS[capability].cases(subject)[:2]:
            batch = _rows(case.inputs)
            whole = ask(subject, capability, case.inputs)
            alone = [ask(subject, capability, _row(case.inputs, k, batch)) for k in range(batch)]
            for part, x in whole.parts.items():
                if x.ndim == 0 or len(x) != batch or part == "std":
                    continue
                if capability == "sde_step" and "noise" not in case.inputs and part != "mean":
                    continue
                single = [a.parts[part].reshape(x[k : k + 1].shape) for k, a in enumerate(alone)
                          if a.parts[part].size == x[k : k + 1].size]  # fmt: skip
                if len(single) != batch:
                    raise Differs(
                        f"{capability} gives a batch of one another shape: "
                        f"{alone[0].parts[part].shape}"
                    )
                gap = np.abs(np.concatenate(single) - x)
                bound = _bound(subject, op, case, part, whole)
                worst = max(worst, float((gap / bound).max()))
                if not (gap <= bound).all():
                    raise Differs(
                        f"{capability}: a sample's numbers change by {gap.max():.3g} with its "
                        "neighbours",
                        float(gap.max()), _causes(subject, op),
                    )  # fmt: skip
        return Finding(worst)

    run.__doc__ = f"`{capability}` of a sample does not depend on its neighbours in the batch."
    check(f"{capability}.batch", needs=(capability,), tier="vectors")(run)


def _causes(subject: Subject, op: Operation) -> tuple[Explanation, ...]:
    """What the numbers look like; or that samples are mixed, which is all that is known."""
    try:
        compare(subject, op, OFFERS[op.capability].cases(subject))
    except Differs as found:
        return found.explanations or (_NEIGHBOURS,)
    return (_NEIGHBOURS,)


_NEIGHBOURS = Explanation(
    "mistake", "mixed over the batch", 0.0,
    "Something is reduced, broadcast, counted or moved over the batch.",
    "name the axes of every reduction; keep the batch's and its order",
)  # fmt: skip


def _rows(i: Inputs) -> int:
    return max(len(x) for x in i.values() if isinstance(x, np.ndarray) and x.ndim)


def _row(i: Inputs, k: int, batch: int) -> dict[str, Any]:
    return {n: x[k : k + 1] if isinstance(x, np.ndarray) and x.ndim and len(x) == batch else x
            for n, x in i.items()}  # fmt: skip


def _bound(subject: Subject, op: Operation, case: Case, part: str, got: Answer) -> np.ndarray:
    from ..formulas.operations import size

    unit = max(got.unit[part], arrays.UNIT[subject.conventions["dtype"]])
    sizes = size(op, case.inputs, subject.conventions).get(part)
    x = got.parts[part]
    if sizes is None or sizes.size != x.size:
        return np.full(x.shape, 1e3 * unit * (1 + np.abs(x).max()))
    return 2 * ROUNDINGS * unit * sizes.reshape(x.shape) + 1e-300


for _name in _BATCHED:
    _independent(_name)
