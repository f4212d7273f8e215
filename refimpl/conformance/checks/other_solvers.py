"""Samplers that are not the declared one, by name: other rules, and steps that remember.

    Ralston's rule, Heun's with a slope kept    DPM-Solver++(2M), UniPC    leapfrog steps

On the field of the check each gives a chain's end of its own, which is held against what came back.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
import torch

from ...simulate import grids, solvers
from ..adapter.conventions import Conventions
from ..adapter.inputs import field_of, levels_of
from ..formulas.operations import Edited, Slip
from ..formulas.stages import stages
from ..formulas.tableaux import OTHER_RULES
from ..formulas.values import Formulas, Inputs, Parts, schedule
from .ode import other_rule
from .rules import stepped
from .slopes import four_slopes, two_slopes

DECLARED = "the declared rule at every step"


def by_solver(solver: solvers.Solver, i: Inputs, c: Conventions) -> Parts:
    """The chain's end by a solver of this package."""
    grid, x = grids.from_levels(levels_of(i, c)), torch.as_tensor(i["x"])
    noise = torch.as_tensor(i["noise"]) if solver.draws(grid) else None
    end = solvers.run(solver, field_of(i), x, grid, noise=noise)
    return {"x": end.numpy()}


def _solver(name: str, what: str, seen: str, made: solvers.Solver) -> Slip:
    return Slip(name, what, seen, DECLARED, lambda i, c: by_solver(made, i, c))


def _leapfrog(i: Inputs, c: Conventions) -> Parts:
    """x_{k+1} = x_{k−1} − (t_{k−1} − t_{k+1}) v_k, the first step Euler's."""
    field, grid = field_of(i), levels_of(i, c)
    before, x = i["x"], i["x"] - (grid[0] - grid[1]) * field(i["x"], grid[0])
    for last, t, s in zip(grid, grid[1:], grid[2:], strict=False):
        before, x = x, before - (last - s) * field(x, t)
    return {"x": x}


def _kept_slope(i: Inputs, c: Conventions) -> Parts:
    """Heun's rule, its first slope the second of the step before."""
    x, field, grid = i["x"], field_of(i), levels_of(i, c)
    first = field(x, grid[0])
    for t, s in pairwise(grid):
        second = field(x - (t - s) * first, s)
        x, first = x - (t - s) / 2 * (first + second), second
    return {"x": x}


def _twice(i: Inputs, c: Conventions) -> Parts:
    """Every step taken twice, from and to the same levels."""
    x, rule = i["x"], stages(i, c)[0]
    for t, s in pairwise(np.asarray(i["levels"])):
        for _ in range(2):
            x = stepped({**i, "x": x, "levels": np.array([t, s])}, c, [rule])["x"]
    return {"x": x}


def _again(i: Inputs, c: Conventions) -> Parts:
    """One step more, from the last level but one to the last."""
    x, rule = stepped(i, c, stages(i, c)[:1])["x"], stages(i, c)[0]
    return stepped({**i, "x": x, "levels": np.asarray(i["levels"])[-2:]}, c, [rule])


def _one_short(i: Inputs, c: Conventions) -> Parts:
    """A grid of its own, of as many levels as there are steps."""
    if not i["own_grid"]:
        raise ValueError("the levels are given")
    own = schedule(Formulas(), {"steps": i["steps"] - 1}, c)["value"]
    return stepped({**i, "levels": own}, c, stages(i, c)[:1])


def _length_of(whose: str, by: int) -> Slip:
    """Each step over the length of another; the ends over their own, where there is none."""

    def parts(i: Inputs, c: Conventions) -> Parts:
        rule, x, field = stages(i, c)[0], i["x"], field_of(i)
        steps = list(pairwise(levels_of(i, c)))
        for k, (t, s) in enumerate(steps):
            far = steps[min(max(k + by, 0), len(steps) - 1)]
            x = rule.run({"x": x, "t": t, "s": s, "h": far[0] - far[1], "field": field})["x_s"]
        return {"x": x}

    return Slip(f"the length of the {whose}", "The step's own velocity, another step's length.",
                "lists of lengths indexed one off", "h = t − s", parts)  # fmt: skip


def _bashforth_from_heun(i: Inputs, c: Conventions) -> Parts:
    """Adams and Bashforth's rule of order 2 for equal steps, its first step Heun's."""
    x, field, before = i["x"], field_of(i), None
    for t, s in pairwise(levels_of(i, c)):
        v = field(x, t)
        use = (v + field(x - (t - s) * v, s)) / 2 if before is None else 1.5 * v - 0.5 * before
        x, before = x - (t - s) * use, v
    return {"x": x}


def _rule(name: str, *, euler_last: bool) -> Slip:
    def parts(i: Inputs, c: Conventions) -> Parts:
        rule, n = OTHER_RULES[name], len(i["levels"]) - 1
        return stepped(
            i, c, [*[rule] * (n - 1), OTHER_RULES["Euler's rule"] if euler_last else rule]
        )

    return other_rule(f"{name}, the last step Euler's" if euler_last else name,
                      lambda _, i, c: parts(i, c))  # fmt: skip


OTHER_ODES = (
    *(_rule(name, euler_last=last) for last in (False, True) for name in OTHER_RULES
      if not (last and name == "Euler's rule")),
    _solver("DPM-Solver++(2M)", "A multistep rule on the predicted data, in log signal-to-noise.",
            "diffusers' multistep solvers", solvers.DPMPP_2M),
    _solver("UniPC", "Predicted by DPM-Solver++(2M), corrected with the data seen at the next "
            "level.", "diffusers' multistep solvers", solvers.UNIPC),
    Slip("Heun's rule, the second slope kept for the next step", "The state moves on, and the "
         "velocity that was asked at its prediction serves as the next step's first.",
         "rules whose last stage is the next one's first", DECLARED, _kept_slope),
    Slip("each step taken twice", "Two steps lead from a level to the next, and each is as long "
         "as the levels lie apart.", "loops within loops", DECLARED, _twice),
    _length_of("step before", -1),
    _length_of("next step", 1),
    Slip("the last step taken again", "After the end one more step, from the last level but one.",
         "a denoising that follows the loop", "stop at the last level", _again),
    Slip("one step short, on a grid of its own", "Its grid has as many levels as there are steps.",
         "linspace(1, 0, steps)", "steps + 1 levels", _one_short),
    Slip("leapfrog steps", "Each step leads from the state before the last, along the velocity "
         "between.", "two-step integrators", DECLARED, _leapfrog),
    Slip("Adams–Bashforth's rule of order 2, equal steps, the first Heun's", "A multistep rule: "
         "velocities of earlier steps are weighed as for steps of one length.",
         "PNDM and PLMS samplers", DECLARED, _bashforth_from_heun),
)  # fmt: skip


def of_two_slopes(
    cases: Sequence[Inputs], told: Sequence[Parts], c: Conventions
) -> Iterator[Edited]:
    """A rule of two slopes, its numbers read off a chain's end on a curved field."""
    rows = [(i, p["x"]) for i, p in zip(cases, told, strict=True) if i["bend"] and "x" in p]
    for i, got in rows[:1]:
        meant = "the declared rule"
        yield from two_slopes(
            i, got, c, lambda rule, i, c, free: stepped(i, c, [rule], free), meant
        )


def of_four_slopes(
    cases: Sequence[Inputs], told: Sequence[Parts], c: Conventions
) -> Iterator[Edited]:
    """The classical rule with other weights, or other lengths to its stages, read off an end."""
    rows = [(i, p["x"]) for i, p in zip(cases, told, strict=True) if i["bend"] and "x" in p]
    for i, got in rows[:1] if c["ode_method"] == "rk4" else ():
        yield from four_slopes(i, got, c, lambda rule, i, c, free: stepped(i, c, [rule], free))
