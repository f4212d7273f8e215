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
from ..formulas.operations import Operation, Slip
from ..formulas.steps import levels, log_prob, replay, step
from ..formulas.values import Formulas, Inputs, Parts, column
from .gradients import compare_gradient
from .register import Finding, check
from .steps import step_sizes
from .table import offer

_SCORED = ("log_prob", "log_prob_terms", "std")


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
    return cases


def _log_prob_inner(i: Inputs, c: Conventions) -> Parts:
    std = np.asarray(c.std(column(i["std"], i["mean"]), levels(i, c, i["mean"]).h))
    if c["log_prob_terms"] == "bare square":
        return {"value": (np.abs(i["x_s"]) + np.abs(i["mean"])) ** 2}
    f = Formulas()
    return {
        "value": 2
        - f("gaussian.log_prob")(i["x_s"], i["mean"], std + 0 * i["mean"])
        + 2 * np.abs(f("gaussian.log_prob")(0 * std, 0 * std, std))
    }


def _broadcast(i: Inputs, c: Conventions) -> Parts:
    """One number per sample met the last axis."""
    last = i["mean"].shape[-1]
    if last != len(i["std"]) or i["mean"].ndim < 3:
        raise ValueError("this mistake has no value in this shape")
    std = np.broadcast_to(i["std"], i["mean"].shape[1:])
    each = Formulas()("gaussian.log_prob")(
        i["x_s"], i["mean"], np.broadcast_to(std, i["mean"].shape)
    )
    return {"value": each.reshape(len(each), -1).sum(axis=1)}


_LOG_SLIPS = (
    Slip("one value for the whole batch (mean)", "An empty list of axes, or none, means all "
                                                 "axes: a "
         "sample's loss depends on its neighbours.", "flow_grpo's GRPO-Guard (its issue 244)",
         "name the axes; keep the batch's",
         lambda i, c: {"value": np.mean(_each(i, c))}),
    Slip("one value for the whole batch (sum)", "Every axis is reduced: a sample's loss "
                                                "depends on its "
         "neighbours.", "flow_grpo's GRPO-Guard (its issue 244)", "name the axes; keep the batch's",
         lambda i, c: {"value": np.sum(_each(i, c))}),
    Slip("outer broadcast", "(B,) met (B, 1, 1): std is matched with the last axis.",
         "Flow-Factory, TempFlow", "reshape per-sample numbers to (B, 1, ..., 1)", _broadcast),
    Slip("reduced over the last axis alone", "Only one axis of the sample is reduced.",
         "code written for (B, D)", "flatten the sample first",
         lambda i, c: {"value": _each(i, c).sum(axis=-1)}),
    Slip("log-probability of the wrong sign", "The negative log-likelihood.", "a loss for an "
                                                                              "objective",
         "minus it", lambda i, c: {"value": -log_prob(Formulas(), i, c)["value"]}),
)  # fmt: skip


def _each(i: Inputs, c: Conventions) -> np.ndarray:
    return log_prob(Formulas(), i, c.but(log_prob="none"))["value"]


LOG_PROB = Operation("log_prob", log_prob, _SCORED, _LOG_SLIPS, _log_prob_inner)


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


REPLAY = Operation("replay", replay,
                   (*_SCORED, "time", "velocity", "g", "a", "boundary"),
                   (Slip("x scored for x_s", "The state before the step is scored.", "a "
                                                                                     "swapped "
                                                                                     "argument",
                         "score x_s", lambda i, c: replay(Formulas(), {**i, "x_s": i["x"]}, c)),),
                   _replay_inner)  # fmt: skip


offer(REPLAY, replay_cases, covers=("gaussian.log_prob", "sde.transition"))


@check("replay.gradient", needs=("replay",), tier="vectors", covers=("weights.lever",))
def replay_gradient(subject: Subject) -> Finding:
    """∂ log p/∂v = −h c (x_s − mean)/std², with c = 1 + g² (1 − t)/(2t)."""
    return compare_gradient(subject, REPLAY, replay_cases(subject)[:2], "v")
