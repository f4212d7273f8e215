"""Checks of log-probabilities: the density, a stored step scored again, and their gradients.

    log_prob   replay

One shape has a last dimension as long as the batch, where an outer broadcast is silent.
"""

from typing import Any

import numpy as np

from ..adapter.conventions import Conventions
from ..adapter.inputs import positive, received, shapes, times, values
from ..adapter.subject import Subject
from ..diagnosis.readings import Case
from ..formulas.apart import apart
from ..formulas.operations import Operation, Slip
from ..formulas.steps import levels, replay, step
from ..formulas.values import Formulas, Inputs, Parts, column
from ..formulas.written import begins, forms
from .density import (
    LOG_PROB,
    SCORED,
    balanced,
    meant,
    of_all,
    of_the_batch,
    over_axes,
    with_start,
)
from .gradients import compare_gradient
from .register import Finding, check
from .steps import step_sizes
from .table import offer
from .terms import made_of, of_replay


def _log_prob_cases(subject: Subject) -> list[Case]:
    c, cases = subject.conventions, []
    for k, shape in enumerate(shapes(c)):
        for st in times(c, shape[0], k):
            std = 0.3125 + positive("std", (shape[0],), k)
            std = std[:1].repeat(shape[0]) if c["t"] == "scalar" else std
            given = {"x_s": values("x_s", shape), "mean": values("mean", shape), "std": std, **st}
            if subject.accepts("log_prob", "g"):
                h = np.abs(np.asarray(c.level(st["t"])) - np.asarray(c.level(st["s"])))
                given["g"] = received(c, Conventions({"std": "g"}).their_std(c.std(std, h), h))
            cases.append(Case(given, f"shape {shape}"))
    return [*cases, _narrow(cases[0], c)]


def _narrow(case: Case, c: Conventions) -> Case:
    """A step late in a chain: a std of a few hundredths, and a sample as near its mean."""
    i = dict(case.inputs)
    wide = np.asarray(c.std(i["std"], levels({**i, "x": i["std"]}, c, i["std"]).h))
    narrow = received(c, np.asarray(wide / 16))
    i["x_s"] = received(c, i["mean"] + column(narrow, i["mean"]) * (i["x_s"] - i["mean"]))
    for name, shrunk in (("std", i["std"] / 16), ("g", i.get("g", 0.0) / 16)):
        i |= {name: received(c, shrunk)} if name in i else {}
    return Case(i, "narrow noise")


offer(LOG_PROB, _log_prob_cases, covers=("gaussian.log_prob", "policy.total", "policy.average"))


@check("log_prob.gradient", needs=("log_prob",), tier="vectors", covers=("gaussian.score",))
def log_prob_gradient(subject: Subject) -> Finding:
    """∂ log p/∂ mean = (x_s − mean)/std², reduced as the log-probability is."""
    return compare_gradient(subject, LOG_PROB, _log_prob_cases(subject)[:2], "mean")


def replay_cases(subject: Subject) -> list[Case]:
    """Steps with a stored x_s near their mean."""
    c, cases = subject.conventions, []
    for k, shape in enumerate(shapes(c)):
        for st in times(c, shape[0], k):
            given: dict[str, Any] = {"x": values("x", shape), "v": values("v", shape), **st}
            if subject.accepts("replay", "g"):
                g = positive("g", (shape[0],), k)
                given["g"] = g[:1].repeat(shape[0]) if c["t"] == "scalar" else g
            p = step(Formulas(), given, c)
            std = np.asarray(c.std(p["std"], levels(given, c, given["x"]).h))
            given["x_s"] = received(c, p["mean"] + std * values("noise", shape) / 2)
            cases.append(Case(given, f"shape {shape}"))
    return cases


def _replay_inner(i: Inputs, c: Conventions) -> Parts:
    return {"value": step_sizes(i, c)["log_prob"]}


_REPLAY_SLIPS = (
    Slip("x scored for x_s", "The state before the step is scored.", "a swapped argument",
         "score x_s", lambda i, c: replay(Formulas(), {**i, "x_s": i["x"]}, c)),
    Slip("the start's log-density included",
         "log N(x; 0, 1) of the state before the step is added; "
         "it does not depend on the policy.", "robotics code that trains one step of a short chain",
         "leave it out, or count it once a chain", lambda i, c: with_start(replay, i, c)),
    of_the_batch(replay),
    *of_all(lambda i, c: _each(i, c)),
    *over_axes(lambda i, c: _each(i, c)),
    Slip("log-probability of the wrong sign", "The negative log-likelihood.",
         "a loss for an objective", "minus it",
         lambda i, c: {"value": -replay(Formulas(), i, c)["value"]}),
)  # fmt: skip


def _each(i: Inputs, c: Conventions) -> np.ndarray:
    return replay(Formulas(), i, c.but(log_prob="none"))["value"]


def _about_zero(i: Inputs, c: Conventions) -> Inputs:
    """Stored samples at such distances from their means that they score between −1 and 1."""
    mean = step(Formulas(), i, c)["mean"]
    off = values("noise", mean.shape) * (np.abs(mean).max() + 1) / 16
    value = lambda k: replay(Formulas(), {**i, "x_s": mean + k * off}, c)["value"]  # noqa: E731
    return {**i, "x_s": mean + column(balanced(value), off) * off}


REPLAY = Operation("replay", replay,
                   (*SCORED, "time", "velocity", "g", "a", "boundary", "t_min", "t_max", "std_min"),
                   _REPLAY_SLIPS,
                   _replay_inner, forms("replay"), begins, apart=apart("replay"),
                   fitted=made_of(of_replay, meant), about_zero=_about_zero)  # fmt: skip


offer(REPLAY, replay_cases, covers=("gaussian.log_prob", "sde.transition"))


@check("replay.gradient", needs=("replay",), tier="vectors", covers=("weights.lever",))
def replay_gradient(subject: Subject) -> Finding:
    """∂ log p/∂v = −h c (x_s − mean)/std², with c = 1 + g² (1 − t)/(2t)."""
    return compare_gradient(subject, REPLAY, replay_cases(subject)[:2], "v")
