"""The singular start: at t = 1 the step, or g, follows the declared rule.

    sde_step.boundary   diffusion.boundary   replay.boundary

A second step starts just below 1, where a clamp and the next level differ too.
"""

from typing import Any

import numpy as np

from ..adapter import arrays
from ..adapter.conventions import Conventions
from ..adapter.inputs import at, received, shapes, values
from ..adapter.subject import Broken, Subject
from ..diagnosis.readings import Case, Explanation
from ..formulas.operations import Operation
from ..formulas.steps import levels, step
from ..formulas.values import Formulas
from .asking import ask, compare
from .register import Differs, Finding, check
from .scores import REPLAY
from .steps import DIFFUSION, STEP, apart, asked, full_inputs
from .table import OFFERS


@check("sde_step.boundary", needs=("sde_step",), tier="vectors", covers=("sde.flow_grpo_g",))
def sde_step_boundary(subject: Subject) -> Finding:
    """The step from t = 1, and one just below, follow the declared rule."""
    return _boundary(subject, STEP, lambda given: full_inputs(subject, given))


@check("diffusion.boundary", needs=("diffusion",), tier="vectors", covers=("sde.flow_grpo_g",))
def diffusion_boundary(subject: Subject) -> Finding:
    """g at t = 1, and just below, follows the declared rule."""
    return _boundary(subject, DIFFUSION, lambda given: {k: given[k] for k in ("t", "s")})


@check("replay.boundary", needs=("replay",), tier="vectors", covers=("sde.flow_grpo_g",))
def replay_boundary(subject: Subject) -> Finding:
    """A stored step from t = 1 is scored by the declared rule too."""
    c = subject.conventions

    def full(given: dict[str, Any]) -> dict[str, Any]:
        if subject.accepts("replay", "g"):
            given["g"] = np.full(len(given["x"]), 0.75)
        known = Conventions({**c.declared, "boundary": "next_level"}) if _refuses(c) else c
        p = step(Formulas(), given, known)
        std = np.asarray(c.std(p["std"], levels(given, c, given["x"]).h))
        return {
            **given,
            "x_s": received(c, p["mean"] + std * values("noise", given["x"].shape) / 2),
        }

    return _boundary(subject, REPLAY, full)


def _refuses(c: Conventions) -> bool:
    return c["boundary"] in ("refuse", "finite", "none")


def _boundary(subject: Subject, op: Operation, full: Any) -> Finding:
    c = subject.conventions
    shape = shapes(c)[0]
    state = {"x": values("x", shape), "v": values("v", shape)}
    how: dict[str, Any] = {"also": OFFERS[op.capability].cases(subject)[:2]}
    if op is STEP:
        how |= {"asking": asked, "apart": apart}
    below = Case(full({**state, **at(c, 0.99609375, 0.75, shape[0])}), "t = 0.996")
    low = Case(full({**state, **at(c, 2.0**-7, 2.0**-8, shape[0])}), "t = 0.0078")
    if c["boundary"] == "none":
        return compare(subject, op, [below, low][: 1 + (not coarse_in(c))], **how)
    first = Case(full({**state, **at(c, 1.0, 0.75, shape[0])}), "t = 1")
    coarse = coarse_in(c)
    singular = c["g"] == "flow_grpo" and "g" not in first.inputs and c["t_max"] == 1
    if c["boundary"] == "refuse" and _is_refused(subject, op, first, must=singular):
        return compare(subject, op, [] if coarse else [below, low], **how)
    if singular or (c["boundary"] == "finite" and c["g"] == "flow_grpo"):
        try:
            got = ask(subject, op.capability, first.inputs)
        except Broken as error:
            raise Differs(f"at t = 1: {error}", np.inf, (_NO_RULE,)) from error
        if not all(np.isfinite(x).all() for x in got.parts.values()):
            raise Differs(f"{op.capability} is not finite at t = 1, where every rollout starts",
                          np.inf, (_NO_RULE,))  # fmt: skip
        if c["boundary"] == "finite":
            compare(subject, op, [] if coarse else [below, low], **how)
            return Finding(
                notes=("only finiteness was checked at t = 1: name the rule to check it",)
            )
    cases = [below, low, first]
    if coarse:
        if singular and c["boundary"].startswith("clamp"):
            return Finding(notes=(f"only finiteness was checked at t = 1 in {c['dtype']}",))
        cases = [first]
    return compare(subject, op, cases, **how)


def _is_refused(subject: Subject, op: Operation, first: Case, *, must: bool) -> bool:
    """Whether the step from t = 1 is refused, as declared; it need not be where g is finite.

    Raises:
        Differs: it must be, and is not.
    """
    try:
        got = ask(subject, op.capability, first.inputs)
    except Broken:
        return True
    if not must:
        return False
    finite = all(np.isfinite(x).all() for x in got.parts.values())
    raise Differs(
        f"{op.capability} returns {'numbers' if finite else 'NaN or infinity'} at t = 1, "
        "where boundary = 'refuse' is declared"
    )


def coarse_in(c: Conventions) -> bool:
    """Whether 1 − t has but one or two digits near 1."""
    return arrays.UNIT[c["dtype"]] > 2.0**-24


_NO_RULE = Explanation(
    "mistake", "no boundary rule at t = 1", 0.0, "g = a √(t/(1 − t)) is infinite there.",
    "take the next level, or clamp; or declare boundary = 'none' if no step starts there",
)  # fmt: skip
