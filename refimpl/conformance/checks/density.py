"""The density of a step's sample: the operation, its mistakes, and the accuracy that it allows.

LOG_PROB    log N(x_s; mean, std²), reduced        SAMPLE    mean + std · noise
"""

import numpy as np

from ..adapter.conventions import Conventions
from ..formulas.operations import Operation, Slip
from ..formulas.steps import levels, log_prob
from ..formulas.values import Formulas, Inputs, Parts, column
from ..formulas.written import begins, forms

SCORED = ("log_prob", "log_prob_terms", "std")


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


LOG_PROB = Operation("log_prob", log_prob, SCORED, _LOG_SLIPS, _log_prob_inner,
                     forms("log_prob"), begins)  # fmt: skip


def _sample(f: Formulas, i: Inputs, c: Conventions) -> Parts:
    std = np.asarray(c.std(column(i["std"], i["mean"]), levels(i, c, i["mean"]).h))
    return {
        "x_s": f("gaussian.sample")(i["mean"], np.broadcast_to(std, i["mean"].shape), i["noise"])
    }


SAMPLE = Operation("sample", _sample, ("std",), written=forms("sample"), begins=begins)
