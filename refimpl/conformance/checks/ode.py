"""Checks of deterministic steps, and the fields that they are tried on.

    ode_step   heun_step        Field: on the adapter's clock, with a memory of when it was asked

Its levels are recorded, so that a sampler's calls can be counted and dated.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch

from ..adapter import arrays
from ..adapter.conventions import Conventions
from ..adapter.inputs import at, curved, field_of, linear, shapes, times, values
from ..adapter.subject import Subject
from ..diagnosis.readings import Case
from ..formulas.operations import Edited, Operation, Slip
from ..formulas.program import Env, Program
from ..formulas.steps import heun_step, ode_step
from ..formulas.tableaux import OTHER_RULES
from ..formulas.values import Formulas, Inputs, Parts, column
from ..formulas.written import begins, forms
from .asking import compare
from .register import Finding, check
from .slopes import two_slopes
from .table import offer

CLOCK = ("time", "velocity")


def step_cases(subject: Subject, capability: str = "ode_step") -> list[Case]:
    c, cases = subject.conventions, []
    for k, shape in enumerate(shapes(c)):
        for st in times(c, shape[0], k):
            given = {"x": values("x", shape), "v": values("v", shape), **st}
            cases.append(Case(given, f"shape {shape}"))
    return cases


def _both(i: Inputs, c: Conventions) -> Parts:
    return {"value": np.abs(i["x"]) + np.abs(i["v"])}


def _longer(i: Inputs, sign: int = 1) -> Inputs:
    """The same step with a velocity 1000 times as large."""
    return {**i, "v": sign * 1000 * i["v"]}


_ODE_SLIPS = (
    Slip("step of length t", "x − t v is the predicted data, not the next state.",
         "renoising samplers without their noise", "x − (t − s) v",
         lambda i, c: ode_step(Formulas(), {**i, "s": c.clock(0 * np.asarray(i["s"]))}, c)),
    Slip("h in thousandths", "The step is 1000 times too long: t − s is taken on a clock to 1000.",
         "network times", "(t − s)/1000", lambda i, c: ode_step(Formulas(), _longer(i), c)),
    Slip("h in thousandths, backwards", "The step is 1000 times too long, and of the other sign.",
         "network times", "(t − s)/1000, against v",
         lambda i, c: ode_step(Formulas(), _longer(i, -1), c)),
    Slip("h divided by 1000 twice", "The step is 1000 times too short: it is (t − s)/1000 of "
         "levels between 0 and 1.", "network times", "t − s of levels",
         lambda i, c: ode_step(Formulas(), {**i, "v": i["v"] / 1000}, c)),
)  # fmt: skip


ODE = Operation("ode_step", ode_step, CLOCK, _ODE_SLIPS, _both, forms("ode_step"), begins)


offer(ODE, step_cases, covers=("ode.euler",))


def _heun_cases(subject: Subject) -> list[Case]:
    c, cases = subject.conventions, []
    for k, shape in enumerate(shapes(c)):
        for st in times(c, shape[0], k):
            kind, told = FIELDS[k % 2]
            given = {"x": values("x", shape), **st, **kind, "field": theirs(subject, kind)}
            cases.append(Case(given, f"shape {shape}, {told}"))
    return cases


FIELDS = ((linear(-0.75, 1.25), "a linear field"), (curved(0.75, -1.25, 0.125), "a curved field"))
"""On a linear field many rules of the same order are one; on a curved one each is itself. Along
one the states grow, along the other they shrink: what holds them at every step, and what holds the
last alone, is told apart.
"""


def _with_field(i: Inputs, c: Conventions) -> Env:
    return {**begins(i, c), "field": field_of(i)}


def other_rule(name: str, parts: Callable[[Program, Inputs, Conventions], Parts]) -> Slip:
    """A whole chain or a step by another rule."""
    return Slip(
        name,
        "Another Runge–Kutta rule than the declared one.",
        "solvers of several rules",
        "the declared rule, or declare another",
        lambda i, c: parts(OTHER_RULES[name], i, c),
    )


def _by(rule: Program, i: Inputs, c: Conventions) -> Parts:
    return {"value": rule.run(_with_field(i, c))["x_s"]}


def _two_slopes(cases: Sequence[Inputs], told: Sequence[Parts], c: Conventions) -> Iterator[Edited]:
    """A rule of two slopes whose four numbers are read off a step on a curved field."""
    rows = [(i, p["value"]) for i, p in zip(cases, told, strict=True) if i["bend"]]
    for i, got in rows[:1]:
        yield from two_slopes(i, got, c, _freed)


def _freed(rule: Program, i: Inputs, c: Conventions, env: Env) -> Parts:
    return {"value": rule.run({**_with_field(i, c), **env})["x_s"]}


def _euler_at_the_end(i: Inputs, c: Conventions) -> Parts:
    heun, v = (
        heun_step(Formulas(), i, c)["value"],
        field_of(i)(i["x"], column(c.level(i["t"]), i["x"])),
    )
    t, s = (column(c.level(i[name]), i["x"]) for name in ("t", "s"))
    return {"value": np.where(s == 0, i["x"] - (t - s) * v, heun)}


def _heun_longer(i: Inputs, c: Conventions) -> Parts:
    """Heun's step with h on a clock to 1000, its levels being right."""
    t, s = (column(c.level(i[name]), i["x"]) for name in ("t", "s"))
    x, field, h = i["x"], field_of(i), 1000 * (t - s)
    first = field(x, t)
    return {"value": x - h / 2 * (first + field(x - h * first, s))}


_HEUN_SLIPS = (
    Slip("h in thousandths", "The step is 1000 times too long: t − s is taken on a clock to 1000.",
         "network times", "(t − s)/1000", _heun_longer),
    *(other_rule(n, _by) for n in OTHER_RULES if n != "Heun's rule"),
    Slip("Euler's rule in the step to 0", "The last step takes one slope.", "samplers that cannot "
         "ask the network at noise level 0", "two slopes in every step: a velocity is finite at 0",
         _euler_at_the_end),
)  # fmt: skip


HEUN = Operation("heun_step", heun_step, ("time",), _HEUN_SLIPS,
                 inner=lambda i, c: {"value": 2 * np.abs(i["x"]) + 2},
                 written=forms("heun_step"), begins=_with_field, fitted=_two_slopes)  # fmt: skip


offer(HEUN, _heun_cases, covers=("ode.heun",))


@check("heun_step.last", needs=("heun_step",), tier="vectors", covers=("ode.heun",))
def heun_step_last(subject: Subject) -> Finding:
    """The step to s = 0 is a step like the others: a flow's velocity is finite there."""
    c, (kind, told), shape = subject.conventions, FIELDS[1], shapes(subject.conventions)[0]
    given = {"x": values("x", shape), **at(c, 0.375, 0.0, shape[0]), **kind}
    case = Case({**given, "field": theirs(subject, kind)}, f"s = 0, {told}")
    return compare(subject, HEUN, [case], also=_heun_cases(subject)[:2])


class Field:
    """v = rate x + slope t + bend x² on the adapter's clock; it remembers when it was asked."""

    def __init__(self, subject: Subject, kind: Inputs) -> None:
        self._c, self._field = subject.conventions, field_of(kind)
        self.asked: list[np.ndarray] = []

    def __call__(self, x: Any, t: Any = None, *rest: Any, **more: Any) -> Any:
        t = more.get("t", more.get("timestep", t))
        numbers, when = arrays.take(x), arrays.take(t)
        if when.size == 1:
            when = when.reshape(())
        level = np.asarray(self._c.level(when))
        self.asked.append(level)
        per_sample = column(level, numbers) if level.ndim == 1 else level
        v = self._c.velocity(self._field(numbers, per_sample))
        if isinstance(x, torch.Tensor):
            return torch.as_tensor(v).to(x.dtype)
        return arrays.give(v, self._c["arrays"], str(np.asarray(x).dtype))


def theirs(subject: Subject, kind: Inputs) -> Field:
    """A field as the adapter sees it."""
    return Field(subject, kind)
