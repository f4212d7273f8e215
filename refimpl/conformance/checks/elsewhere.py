"""Samplers that are not the declared one: other solvers by name, and what is done besides a step.

DPM-Solver++(2M), UniPC, DDIM with η, EDM's churn        leapfrog steps, Langevin's corrections,
the chain's end held or normalised
"""

import ast
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import torch

from ...simulate import grids, solvers
from ..adapter.conventions import Conventions
from ..adapter.inputs import field_of
from ..diagnosis.limits import starts
from ..diagnosis.lines import renamed
from ..diagnosis.printing import number, shown
from ..diagnosis.remade import FREE, forms_of, parsed, template
from ..diagnosis.solving import solved
from ..formulas.operations import Edited, Slip
from ..formulas.program import Env
from ..formulas.stages import stages
from ..formulas.tableaux import OTHER_RULES
from ..formulas.values import Inputs, Parts
from .ode import other_rule
from .rules import stepped
from .slopes import blur, two_slopes

_DECLARED = "the declared rule at every step"


def _levels(i: Inputs, c: Conventions) -> list[float]:
    return [float(t) for t in np.asarray(c.level(i["levels"]))]


def _by(solver: solvers.Solver, i: Inputs, c: Conventions) -> Parts:
    """The chain's end by a solver of this package."""
    grid, x = grids.from_levels(_levels(i, c)), torch.as_tensor(i["x"])
    noise = torch.as_tensor(i["noise"]) if solver.draws(grid) else None
    end = solvers.run(solver, field_of(i), x, grid, noise=noise)
    return {"x": end.numpy()}


def _solver(name: str, what: str, seen: str, made: solvers.Solver) -> Slip:
    return Slip(name, what, seen, _DECLARED, lambda i, c: _by(made, i, c))


# ---------------------------------------------------------------- without noise


def _leapfrog(i: Inputs, c: Conventions) -> Parts:
    """x_{k+1} = x_{k−1} − (t_{k−1} − t_{k+1}) v_k, the first step Euler's."""
    field, grid = field_of(i), _levels(i, c)
    before, x = i["x"], i["x"] - (grid[0] - grid[1]) * field(i["x"], grid[0])
    for last, t, s in zip(grid, grid[1:], grid[2:], strict=False):
        before, x = x, before - (last - s) * field(x, t)
    return {"x": x}


def _kept_slope(i: Inputs, c: Conventions) -> Parts:
    """Heun's rule, its first slope the second of the step before."""
    x, field, grid = i["x"], field_of(i), _levels(i, c)
    first = field(x, grid[0])
    for t, s in pairwise(grid):
        second = field(x - (t - s) * first, s)
        x, first = x - (t - s) / 2 * (first + second), second
    return {"x": x}


def _bashforth_from_heun(i: Inputs, c: Conventions) -> Parts:
    """Adams and Bashforth's rule of order 2 for equal steps, its first step Heun's."""
    x, field, before = i["x"], field_of(i), None
    for t, s in pairwise(_levels(i, c)):
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
         "rules whose last stage is the next one's first", _DECLARED, _kept_slope),
    Slip("leapfrog steps", "Each step leads from the state before the last, along the velocity "
         "between.", "two-step integrators", _DECLARED, _leapfrog),
    Slip("Adams–Bashforth's rule of order 2, equal steps, the first Heun's", "A multistep rule: "
         "velocities of earlier steps are weighed as for steps of one length.",
         "PNDM and PLMS samplers", _DECLARED, _bashforth_from_heun),
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


# ---------------------------------------------------------------- with noise


def _rolled(by: int, i: Inputs, c: Conventions) -> Parts:
    return stepped({**i, "noise": np.roll(i["noise"], -by, axis=0)}, c, stages(i, c)[:1])


def _noise_first(i: Inputs, c: Conventions, *, asked_first: bool) -> Parts:
    """x_s = y − h drift(y), y = x + std ε, with v of x or of y."""
    rule = stages(i, c)[0]
    ask, wide, rest = (
        [row for row in rule.lines if row.name in names]
        for names in (("v",), ("inside", "g", "std"), ("noise_hat", "score", "drift", "mean"))
    )
    noisy, end = parsed("x", "x + std * noise"), parsed("x_s", "mean")
    front = [*ask, *wide, noisy] if asked_first else [*wide, noisy, *ask]
    return stepped(i, c, [replace(rule, lines=(*front, *rest, end))])


def _stale_score(i: Inputs, c: Conventions) -> Parts:
    """Each step after the first takes the score of the one before."""
    right = stages(i, c)[0]
    lines = [parsed("score", "before") if row.name == "score" else row for row in right.lines]
    stale, known = replace(right, lines=tuple(lines)), dict[str, Any](x=i["x"])
    for k, (t, s) in enumerate(pairwise(_levels(i, c))):
        known |= {"t": np.float64(t), "s": np.float64(s), "h": np.float64(t - s), "a": c["a"],
                  "noise": i["noise"][k], "field": field_of(i)}  # fmt: skip
        now = right.values(known)
        x_s = stale.values(known)["x_s"] if "before" in known else now["x_s"]
        known = {"x": x_s, "before": now["score"]}
    return {"x": known["x"]}


OTHER_SDES = (
    Slip("noise before the drift", "The noise is added to x, and the drift is that of the noisy "
         "state, with v as it was asked before.", "Langevin steps and churn",
         "the drift at x, then the noise", lambda i, c: _noise_first(i, c, asked_first=True)),
    Slip("noise before the network is asked", "The noise is added to x, and the whole step starts "
         "from the noisy state, at the level before the noise.", "Langevin steps and churn",
         "the drift at x, then the noise", lambda i, c: _noise_first(i, c, asked_first=False)),
    Slip("the previous step's score", "Each step after the first takes the score of the one "
         "before, with its own velocity.", "a score that is updated after x", _DECLARED,
         _stale_score),
    *(
        Slip(f"the noise of the {word} step", f"Each step takes the noise of the {word} one, and "
             f"the {end} step that of the other end.", "indices that are off by one",
             "noise[k] at step k",
             lambda i, c, by=by: _rolled(by, i, c))  # type: ignore[misc]
        for word, end, by in (("next", "last", 1), ("previous", "first", -1))
    ),
)  # fmt: skip


def drawn(cases: Sequence[Inputs], told: Sequence[Parts], c: Conventions) -> Iterator[Slip]:
    """Solvers that draw, with a number of their own, read off the first chain's end."""
    i, got = cases[0], told[0].get("x")
    if got is None or "noise" not in i:
        return
    for name, what, made, begin in _DRAWN:
        free = solved(lambda k, made=made: made(i, c, k)["x"], got, begin, blur(got, c))  # type: ignore[misc]
        if free is not None and all(k > 0 for k in free):
            yield Slip(name.format(*map(number, free)), what, "diffusers and EDM", _DECLARED,
                       lambda i, c, made=made, free=free: made(i, c, free))  # type: ignore[misc]  # fmt: skip


def _ddim(i: Inputs, c: Conventions, free: Any) -> Parts:
    return _by(solvers.ddim(float(np.clip(free[0], 0, 1))), i, c)


def _edm(i: Inputs, c: Conventions, free: Any) -> Parts:
    return _by(solvers.churned(max(float(free[0]), 0.0)), i, c)


def _stale_churn(i: Inputs, c: Conventions, free: Any) -> Parts:
    """Noise up to (1 + γ) t, at most 1; then down along the velocity of the state before it."""
    x, field = i["x"], field_of(i)
    for k, (t, s) in enumerate(pairwise(_levels(i, c))):
        up, v = min(t * (1 + free[0]), 1.0), field(x, t)
        x = x + np.sqrt(max(up**2 - t**2, 0.0)) * i["noise"][k] - (up - s) * v
    return {"x": x}


def _corrected(i: Inputs, c: Conventions, free: Any) -> Parts:
    """Euler's step, and at its end x + ε/2 score + √ε' noise; none at noise level 0."""
    x, field = i["x"], field_of(i)
    for k, (t, s) in enumerate(pairwise(_levels(i, c))):
        x = x - (t - s) * field(x, t)
        if s > 0:
            score = -(x + (1 - s) * field(x, s)) / s
            x = x + free[0] * score + free[1] * i["noise"][k]
    return {"x": x}


_DRAWN: tuple[tuple[str, str, Callable[[Inputs, Conventions, Any], Parts], list[float]], ...] = (
    ("DDIM with η = {}", "The share η of the posterior's noise is drawn.", _ddim, [0.5]),
    ("EDM's sampler with churn {}", "Noise first, in the odds, then Heun's step.", _edm, [0.5]),
    ("churn by {}, along the velocity from before the noise", "The network is asked at the state "
     "and the level to which no noise was added.", _stale_churn, [0.1]),
    ("Langevin's corrections of {} score + {} noise", "Euler's steps, and after each a step of "
     "Langevin's at the level it led to.", _corrected, [0.05, 0.3]),
)  # fmt: skip


# ---------------------------------------------------------------- the end


def ended(cases: Sequence[Inputs], told: Sequence[Parts], c: Conventions) -> Iterator[Edited]:
    """The chain's end held, squashed or normalised, after the last step."""
    i, got = cases[0], told[0].get("x")
    if got is None:
        return
    right = stepped(i, c, stages(i, c)[:1])["x"]
    for form in forms_of("x", {"x": right}):
        if FREE not in parsed("q", form).uses:
            yield _ending(form)
            continue
        numbers = partial(_remade, form, right)
        found = (solved(numbers, got, [start], blur(got, c)) for start in starts(form, right))
        yield from (_ending(form, free[0]) for free in found if free is not None)


def _remade(form: str, x: np.ndarray, limit: Sequence[float]) -> np.ndarray:
    known: Env = {"q": x, FREE: limit[0]}
    return np.asarray(parsed("q", form).value(known))


def _ending(form: str, limit: float = 0.0) -> Edited:
    def parts(i: Inputs, c: Conventions) -> Parts:
        return {"x": _remade(form, stepped(i, c, stages(i, c)[:1])["x"], [limit])}

    held = renamed(renamed(template(form), "q", template("end")), FREE, ast.Constant(limit))
    return Edited(shown(held), "end", parts)
