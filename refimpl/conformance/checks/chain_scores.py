"""The log-probabilities that a whole sampler returns, one a step and sample.

    log_probs[k, b]  =  log N(x_{k+1}; mean_k, std_k²)  of the states that it went through

States that came back are scored; else those of the right chain with the given noise.
"""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from ...equations import Gaussian, Step
from ..adapter import arrays
from ..adapter.conventions import Conventions
from ..adapter.inputs import field_of, levels_of
from ..adapter.subject import Subject
from ..diagnosis.printing import number
from ..diagnosis.readings import Case, Explanation
from ..diagnosis.variations import spelt
from ..formulas.steps import gaussian_step, scored
from ..formulas.values import Formulas, Inputs
from .loops import loop_cases, run_loop
from .register import Differs, Finding, NotApplicable, check

_SLACK = 512
"""Unit roundoffs, times how much a score magnifies what its states are known to."""


@check(
    "sde_sampler.log_probs",
    needs=("sde_sampler",),
    tier="vectors",
    covers=("gaussian.log_prob", "sde.transition"),
)
def sde_sampler_log_probs(subject: Subject) -> Finding:
    """The log-probabilities of a chain are those of its own steps."""
    c, worst = subject.conventions, 0.0
    for case in loop_cases(subject, "sde_sampler"):
        got = run_loop(subject, "sde_sampler", case)
        if "log_probs" not in got.parts:
            raise NotApplicable("the sampler returns no log-probabilities")
        told = got.parts["log_probs"]
        states = _states(case.inputs, got.parts, c)
        want = _scores(case.inputs, states, c)
        rows = _in_shape(told, want, len(case.inputs["levels"]) - 1)
        if rows is None:
            raise Differs(
                f"sde_sampler (log_probs) has shape {told.shape}, wanted {want.shape}: a row a "
                "step that draws noise, a column a sample"
            )
        unit = max(*got.unit.values(), arrays.UNIT[c["dtype"]])
        bound = _SLACK * unit * _magnified(case.inputs, states, c)
        gap = np.abs(rows - want)
        worst = max(worst, float((gap / bound).max()))
        if not (gap <= bound).all():
            raise _differs(case, rows, want, states, c, float(bound.max()))
    return Finding(worst)


def _states(i: Inputs, parts: dict[str, np.ndarray], c: Conventions) -> np.ndarray:
    """(T + 1, B, ...): what came back, or the right chain's."""
    x, steps = i["x"], len(i["levels"]) - 1
    states = parts.get("states")
    if states is not None and states.shape in ((steps, *x.shape), (steps + 1, *x.shape)):
        return states if len(states) > steps else np.concatenate([x[None], states])
    if "noise" not in i:
        raise NotApplicable("it draws its own noise, and returns no states to score")
    made = [x]
    for k, (t, s) in enumerate(pairwise(levels_of(i, c))):
        v, step = field_of(i)(made[-1], t), Step(np.float64(t), np.float64(s))
        p = gaussian_step(Formulas(), {**i, "x": made[-1]}, c, v, step)
        made.append(p.mean + p.std * i["noise"][k])
    if not np.allclose(made[-1], parts["x"], rtol=1e-2, atol=1e-2):
        raise NotApplicable("the chain ends elsewhere, and its states did not come back")
    return np.stack(made)


def _noisy(i: Inputs, states: np.ndarray, c: Conventions) -> Iterator[tuple[int, Gaussian]]:
    """The steps that draw noise, each with its law given the state that it starts from."""
    for k, (t, s) in enumerate(pairwise(levels_of(i, c))):
        x, step = states[k], Step(np.float64(t), np.float64(s))
        p = gaussian_step(Formulas(), {**i, "x": x}, c, field_of(i)(x, t), step)
        if np.all(p.std > 0):
            yield k, Gaussian(p.mean, np.broadcast_to(p.std, x.shape[:1] + (1,) * (x.ndim - 1)))


def _scores(
    i: Inputs, states: np.ndarray, c: Conventions, *, of: int = 1, power: float = 0.0, by: int = 0
) -> np.ndarray:
    """(steps with noise, B), each of the state that it leads to; of the one that it comes from with
    of = 0, of its mean with −1; the std times h to a power, or that of so many steps after."""
    grid, rows, steps = levels_of(i, c), [], list(_noisy(i, states, c))
    for n, (k, p) in enumerate(steps):
        other = steps[min(max(n + by, 0), len(steps) - 1)][1]
        std = other.std * (grid[k] - grid[k + 1]) ** power
        x = p.mean if of < 0 else states[k + of]
        rows.append(scored(Formulas(), c, x, p.mean, std))
    return np.stack(rows)


def _in_shape(told: np.ndarray, want: np.ndarray, steps: int) -> np.ndarray | None:
    """As wanted: transposed, or without the rows of steps that draw nothing, at the end."""
    for rows in (told, told.swapaxes(0, 1) if told.ndim > 1 else told):
        if rows.shape == want.shape:
            return rows
        if rows.shape == (steps, *want.shape[1:]):
            return rows[: len(want)]
    return None


def _magnified(i: Inputs, states: np.ndarray, c: Conventions) -> np.ndarray:
    """How far a score moves with the rounding of its states, (steps with noise, 1, ...)."""
    largest, D = np.abs(states).max(), states[0][0].size
    laws = ((np.abs(states[k + 1] - p.mean).max(), np.min(p.std)) for k, p in _noisy(i, states, c))
    wide = np.array([D * (1 + far / std) * (1 + largest / std) for far, std in laws])
    return wide.reshape(-1, *(1,) * (1 if c["log_prob"] != "none" else states.ndim - 1))


def _differs(
    case: Case, rows: np.ndarray, want: np.ndarray, states: np.ndarray, c: Conventions, bound: float
) -> Differs:
    at = np.unravel_index(int(np.abs(rows - want).argmax()), want.shape)
    what = (
        f"sde_sampler (log_probs) is {rows[at]:.6g}, wanted {want[at]:.6g} at {case.label}, step "
        f"{int(at[0])}, sample {int(at[1])}"
    )
    found = [
        e for e, made in _hypotheses(case.inputs, states, want, rows, c)
        if made.shape == rows.shape and bool((np.abs(made - rows) <= bound).all())
    ]  # fmt: skip
    return Differs(what, float(np.abs(rows - want).max() / np.abs(want).max()), tuple(found[:1]))


def _hypotheses(
    i: Inputs, states: np.ndarray, want: np.ndarray, rows: np.ndarray, c: Conventions
) -> Iterator[tuple[Explanation, np.ndarray]]:
    """What the numbers may be instead."""
    for change in (
        *({"log_prob": how} for how in ("sum", "mean")),
        *({"log_prob_terms": x} for x in ("no log 2 pi", "quadratic", "bare square")),
    ):
        if any(c[key] != value for key, value in change.items()):
            told = spelt(change)
            yield (
                Explanation("convention", told, 0.0, "", f"declare {told}, if it is meant"),
                _scores(i, states, c.but(**change)),
            )
    if bool((rows == rows.flat[0]).all()):
        yield (
            Explanation("constant", f"{number(float(rows.flat[0]) + 0.0)} everywhere", 0.0,
                        "It depends on nothing.", "score each state that was drawn"), rows,
        )  # fmt: skip
    named = {
        "log-probability of the wrong sign": ("The negative log-likelihood.", "minus it", -want),
        "another step's": ("Step k has that of step k + 1.", "log_probs[k] at step k",
                           np.roll(want, -1, axis=0)),
        "the step before's": ("Step k has that of step k − 1.", "log_probs[k] at step k",
                              np.roll(want, 1, axis=0)),
        "the state before the step": ("x_t is scored where x_s is meant.", "score what was drawn",
                                      _scores(i, states, c, of=0)),
        "g for the step's std": ("std is g √h.", "divide by g √h",
                                 _scores(i, states, c, power=-0.5)),
        "the std of the next step": ("Step k is scored with the std of step k + 1, the last with "
                                     "its own.", "g √h of the step itself",
                                     _scores(i, states, c, by=1)),
        "the std of the step before": ("Step k is scored with the std of step k − 1, the first "
                                       "with its own.", "g √h of the step itself",
                                       _scores(i, states, c, by=-1)),
        "the std of the first step": ("All steps are scored with one std, made before the loop.",
                                      "g √h of the step itself",
                                      _scores(i, states, c, by=-len(states))),
        "the std of the last step": ("All steps are scored with one std.",
                                     "g √h of the step itself",
                                     _scores(i, states, c, by=len(states))),
        "the mean scored for the state": ("log p(mean): nothing of what was drawn is in it.",
                                          "score what was drawn", _scores(i, states, c, of=-1)),
        "in reverse order": ("Step k has that of step T − k.", "log_probs[k] at step k",
                             want[::-1]),
        "the batch's mean for every sample": ("Each sample gets the mean over the batch.",
                                              "reduce over coordinates, never over the batch",
                                              want.mean(axis=1, keepdims=True) + 0 * want),
        "added up along the chain": ("Step k has the sum of all steps up to it.",
                                     "one number a step", np.cumsum(want, axis=0)),
    }  # fmt: skip
    for name, (why, remedy, made) in named.items():
        yield Explanation("mistake", name, 0.0, why, remedy), made
