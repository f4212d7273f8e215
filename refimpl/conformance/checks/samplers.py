"""Checks of whole samplers on a linear field, where every number of the chain is known.

    ode_sampler   sde_sampler        the end, the times at which the network is asked, the exact law

A linear field keeps the chain affine: its end is M x + Σ c_k ε_k + b, read off by calling it, and
from these follow mean, variance and memory of the start, with no sample drawn.
"""

from collections.abc import Sequence

import numpy as np

from ..adapter import arrays
from ..adapter.results import Answer
from ..adapter.subject import Subject
from ..diagnosis.readings import Case, Explanation
from ..formulas.operations import Operation
from ..formulas.values import Formulas, schedule
from .asking import compare
from .loops import ODE, SDE, loop_cases, run_loop
from .ode import Field
from .register import Differs, Finding, NotApplicable, check
from .table import offer, precise


def _ends(subject: Subject, op: Operation) -> Finding:
    def ends(subject: Subject, cases: list[Case]) -> list[Answer]:
        got = [run_loop(subject, op.capability, case) for case in cases]
        return [Answer({"x": a.parts["x"]}, a.unit, {"x": a.kinds.get("x", "")}) for a in got]

    return compare(subject, op, precise(subject, loop_cases(subject, op.capability)), ends)


offer(ODE, lambda s: loop_cases(s, "ode_sampler"), value=False)


offer(SDE, lambda s: loop_cases(s, "sde_sampler"), value=False)


@check(
    "ode_sampler.value",
    needs=("ode_sampler",),
    tier="vectors",
    covers=("ode.euler", "ode.heun", "ode.rk4"),
)
def ode_sampler_value(subject: Subject) -> Finding:
    """The end of the loop on a linear field, step by step the declared rule."""
    return _ends(subject, ODE)


@check("sde_sampler.value", needs=("sde_sampler",), tier="vectors", covers=("sde.transition",))
def sde_sampler_value(subject: Subject) -> Finding:
    """The end of the loop on a linear field, with the noise that was given."""
    if not subject.accepts("sde_sampler", "noise"):
        raise NotApplicable("it draws its own noise: its law is checked instead")
    return _ends(subject, SDE)


def _times(subject: Subject, capability: str) -> Finding:
    """The network is asked once a step, at the step's first level."""
    case = loop_cases(subject, capability)[0]
    field: Field = case.inputs["field"]
    field.asked.clear()
    run_loop(subject, capability, case)
    grid = np.asarray(subject.conventions.level(case.inputs["levels"]))
    want = _expected_times(subject, capability, grid)
    got = [float(np.ravel(t)[0]) for t in field.asked]
    if len(got) != len(want):
        raise Differs(
            f"{capability} asks the network {len(got)} times on {len(grid) - 1} steps, wanted "
            f"{len(want)}"
        )
    gaps = np.abs(np.array(got) - want)
    bound = 64 * arrays.UNIT[subject.conventions["dtype"]]
    if not (gaps <= bound).all():
        k = int(np.argmax(gaps))
        raise Differs(f"{capability} asks the network at noise level {got[k]:.6g} in call "
                      f"{k}, wanted {want[k]:.6g}",
                      float(gaps[k]), _other_grid(subject, capability, got))  # fmt: skip
    return Finding(float(gaps.max() / bound))


def _other_grid(subject: Subject, capability: str, got: Sequence[float]) -> tuple[Explanation, ...]:
    """Where it makes its own grid: the other one at whose levels it asks."""
    c = subject.conventions
    if subject.accepts(capability, "levels"):
        return ()
    found = []
    for name in GRIDS:
        other = schedule(Formulas(), {"steps": 6}, c.but(grid=name))["value"]
        levels = np.asarray(c.level(other))
        want = _expected_times(subject, capability, levels)
        near = len(want) == len(got) and np.abs(np.array(got) - want).max() <= 1e-6
        found += [name] if near and name != c["grid"] else []
    return tuple(Explanation("convention", f"grid = {name!r}", 0.0, "",
                             f"declare grid = {name!r}, if it is meant")
                 for name in found[:1])  # fmt: skip


GRIDS = ("uniform", "shift 3", "sd35 as shipped", *(f"shift {k}" for k in (2, 4, 5, 6, 7, 8)))


def _expected_times(subject: Subject, capability: str, grid: np.ndarray) -> np.ndarray:
    method = subject.conventions["ode_method"] if capability == "ode_sampler" else "euler"
    t, s = grid[:-1], grid[1:]
    m = (t + s) / 2
    rows = {"euler": [t], "heun": [t, s], "midpoint": [t, m], "rk4": [t, m, m, s]}[method]
    return np.stack(rows, axis=1).ravel()


@check("ode_sampler.times", needs=("ode_sampler",), tier="vectors", covers=("ode.euler",))
def ode_sampler_times(subject: Subject) -> Finding:
    """The network is asked at the grid's levels, once a stage, and the last step runs."""
    return _times(subject, "ode_sampler")


@check("sde_sampler.times", needs=("sde_sampler",), tier="vectors", covers=("sde.transition",))
def sde_sampler_times(subject: Subject) -> Finding:
    """The network is asked at the grid's levels, once a step, and the last step runs."""
    return _times(subject, "sde_sampler")
