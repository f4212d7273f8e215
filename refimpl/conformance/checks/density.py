"""The density of a step's sample: the operation, its mistakes, and the accuracy that it allows.

LOG_PROB    log N(x_s; mean, std²), reduced        SAMPLE    mean + std · noise
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ..adapter.conventions import Conventions
from ..formulas.apart import apart
from ..formulas.operations import Operation, Slip
from ..formulas.steps import levels, log_prob, reduced
from ..formulas.values import Formulas, Inputs, Parts, column
from ..formulas.written import begins, forms
from .fitted import held
from .terms import made_of, of_density

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


def over_axes(each: Callable[[Inputs, Conventions], np.ndarray]) -> tuple[Slip, ...]:
    """Some axes of a sample are averaged, the others added up; or the sum is divided by √D."""

    def mixed(i: Inputs, c: Conventions, axis: int, last: Any, rest: Any) -> Parts:
        rows = each(i, c)
        if rows.ndim < 3:
            return {"value": last(rows, axis=-1)}
        inner = last(rows, axis=axis)
        return {"value": rest(inner.reshape(len(inner), -1), axis=1)}

    def rooted(i: Inputs, c: Conventions) -> Parts:
        rows = each(i, c)
        rows = rows.reshape(len(rows), -1)
        return {"value": rows.sum(axis=1) / rows.shape[1] ** 0.5}

    once = "one reduction for all axes of a sample"
    return (
        Slip("mean over the last axis, sum over the others", "Two reductions in turn.",
             "tokens of D channels", once, lambda i, c: mixed(i, c, -1, np.mean, np.sum)),
        Slip("sum over the last axis, mean over the others", "Two reductions in turn.",
             "tokens of D channels", once, lambda i, c: mixed(i, c, -1, np.sum, np.mean)),
        Slip("mean over channels, sum over the others", "Two reductions in turn.",
             "images of C channels", once, lambda i, c: mixed(i, c, 1, np.mean, np.sum)),
        Slip("sum over channels, mean over the others", "Two reductions in turn.",
             "images of C channels", once, lambda i, c: mixed(i, c, 1, np.sum, np.mean)),
        Slip("sum over √D", "The sum over coordinates is divided by the root of their number.",
             "ad hoc scales", once, rooted),
    )  # fmt: skip


def of_the_batch(own: Callable[..., Parts]) -> Slip:
    """One mean over all samples, told to each of them."""

    def parts(i: Inputs, c: Conventions) -> Parts:
        value = own(Formulas(), i, c)["value"]
        return {"value": np.mean(value) + 0 * value}

    return Slip("the batch's mean for every sample", "Each sample gets the mean over the batch: "
                "its own log-probability is lost.", "a mean over axis 0, broadcast back",
                "reduce over coordinates, never over the batch", parts)  # fmt: skip


def of_all(each: Callable[[Inputs, Conventions], np.ndarray]) -> tuple[Slip, Slip]:
    """One number for the whole batch: its coordinates' mean, or their sum."""
    seen, remedy = "flow_grpo's GRPO-Guard (its issue 244)", "name the axes; keep the batch's"
    return (
        Slip("one value for the whole batch (mean)", "An empty list of axes, or none, means all "
             "axes: a sample's loss depends on its neighbours.", seen, remedy,
             lambda i, c: {"value": np.mean(each(i, c))}),
        Slip("one value for the whole batch (sum)", "Every axis is reduced: a sample's loss "
             "depends on its neighbours.", seen, remedy,
             lambda i, c: {"value": np.sum(each(i, c))}),
    )  # fmt: skip


def _of_halves(share: int) -> Slip:
    return Slip("mean of means, sizes ignored", "Parts of unequal size (two modalities) are "
                "averaged with equal weight.", "verl-omni",
                "sum the parts' sums, divide by all coordinates",
                lambda i, c: {"value": _halves(_each(i, c), share)})  # fmt: skip


_LOG_SLIPS = (
    *of_all(lambda i, c: _each(i, c)),
    Slip("outer broadcast", "(B,) met (B, 1, 1): std is matched with the last axis.",
         "Flow-Factory, TempFlow", "reshape per-sample numbers to (B, 1, ..., 1)", _broadcast),
    Slip("reduced over the last axis alone", "Only one axis of the sample is reduced.",
         "code written for (B, D)", "flatten the sample first",
         lambda i, c: {"value": _each(i, c).sum(axis=-1)}),
    *over_axes(lambda i, c: _each(i, c)),
    of_the_batch(log_prob),
    Slip("the start's log-density included",
         "log N(x; 0, 1) of the state before the step is added; "
         "it does not depend on the policy.", "robotics code that trains one step of a short chain",
         "leave it out, or count it once a chain", lambda i, c: with_start(log_prob, i, c)),
    *(_of_halves(k) for k in (2, 3, 4, 5, 8)),
    Slip("h for √h", "What is called std is g, and it is multiplied by h.", "variances for stds",
         "std = g √h", lambda i, c: _by_length(i, c)),
    Slip("log-probability of the wrong sign", "The negative log-likelihood.", "a loss for an "
                                                                              "objective",
         "minus it", lambda i, c: {"value": -log_prob(Formulas(), i, c)["value"]}),
)  # fmt: skip


def with_start(own: Callable[..., Parts], i: Inputs, c: Conventions) -> Parts:
    """A log-probability with log N(x; 0, 1) of the state before the step added."""
    start = Formulas()("gaussian.log_prob")(i["x"], 0 * i["x"], 1 + 0 * i["x"])
    return {"value": own(Formulas(), i, c)["value"] + reduced(Formulas(), start, c["log_prob"])}


def _by_length(i: Inputs, c: Conventions) -> Parts:
    if c["std"] != "g":
        raise ValueError("this mistake is one of a given g")
    h = levels(i, c, np.zeros(len(i["std"]))).h
    return log_prob(Formulas(), {**i, "std": i["std"] * np.sqrt(h)}, c)


def _halves(each: np.ndarray, share: int) -> np.ndarray:
    """The mean of two means: of the first 1/share of the coordinates, and of the rest."""
    rows = each.reshape(len(each), -1)
    k = max(1, rows.shape[1] // share)
    if 2 * k == rows.shape[1]:
        return np.full(len(rows), np.nan)  # of equal halves it is the mean of all
    return (rows[:, :k].mean(axis=1) + rows[:, k:].mean(axis=1)) / 2


def _each(i: Inputs, c: Conventions) -> np.ndarray:
    return log_prob(Formulas(), i, c.but(log_prob="none"))["value"]


def meant(c: Conventions) -> str:
    """What is meant, in words of its terms; the reading goes on with "is meant"."""
    mean, terms = c["log_prob"] == "mean", c["log_prob_terms"]
    if terms == "bare square":
        return "−Σ (x_s − mean)²" + ("/D" if mean else "")
    told, often = ("−Σ z²/(2 D)", "") if mean else ("−Σ z²/2", "D ")
    told += f" − {often}log(std)" if terms in ("all", "no log 2 pi") else ""
    told += f" − {often}log(2 π)/2" if terms == "all" else ""
    return f"{told}, z = (x_s − mean)/std,"


_ENDS = (0.75, -0.5, 0.25, -0.875)
"""Log-probabilities of a batch's samples: between −1 and 1."""


def balanced(value: Callable[[float], np.ndarray]) -> np.ndarray:
    """How often as far from the mean each sample must lie to have a log-probability between −1
    and 1, of either sign where the std is narrow enough; `value` gives them for a factor.

    A log-density falls with the square of the distance.
    """
    top, one = (x if x.ndim == 1 else reduced(Formulas(), x, "sum") for x in map(value, (0.0, 1.0)))
    ends = np.resize(_ENDS, len(top))
    share = (top - np.minimum(ends, top - np.abs(ends))) / np.where(top > one, top - one, 1.0)
    return np.sqrt(share)


def _about_zero(i: Inputs, c: Conventions) -> Inputs:
    """Narrower stds, and samples at such distances from their means."""
    h = levels(i, c, i["mean"]).h
    wide = np.asarray(c.std(column(i["std"], i["mean"]), h))
    narrow = wide if "g" in i else wide / 4
    narrowed = {**i, "std": np.broadcast_to(c.their_std(narrow, h), wide.shape).reshape(-1)}
    off = i["x_s"] - i["mean"]
    value = lambda k: log_prob(Formulas(), {**narrowed, "x_s": i["mean"] + k * off}, c)["value"]  # noqa: E731
    return {**narrowed, "x_s": i["mean"] + column(balanced(value), off) * off}


LOG_PROB = Operation("log_prob", log_prob, SCORED, _LOG_SLIPS, _log_prob_inner,
                     forms("log_prob"), begins, apart=apart("log_prob"),
                     fitted=made_of(of_density, meant), about_zero=_about_zero)  # fmt: skip


def _sample(f: Formulas, i: Inputs, c: Conventions) -> Parts:
    std = np.asarray(c.std(column(i["std"], i["mean"]), levels(i, c, i["mean"]).h))
    return {
        "x_s": f("gaussian.sample")(i["mean"], np.broadcast_to(std, i["mean"].shape), i["noise"])
    }


def _held(cases: Sequence[Inputs], told: Sequence[Parts], c: Conventions) -> Iterator[Slip]:
    """The sample, or its noise, ends at ±c."""
    i, x_s = cases[0], told[0].get("x_s")
    if x_s is None or x_s.shape != i["mean"].shape:
        return
    std = np.asarray(c.std(column(i["std"], i["mean"]), levels(i, c, i["mean"]).h))
    noise = (x_s - i["mean"]) / np.where(std > 0, std, np.nan)
    if (found := held("the sample", x_s)) is not None:
        yield Slip(found[0], "It is clamped after it was drawn.", "clip_sample of DDPM code",
                   "keep what was drawn: its density is that of the draw",
                   _cut("x_s", found[1]))  # fmt: skip
    if (found := held("the noise", noise)) is not None:
        yield Slip(found[0], "It is clamped before it is used, and is not normal.",
                   "truncated normal draws", "keep what was drawn",
                   _cut("noise", found[1]))  # fmt: skip


def _cut(what: str, limit: float) -> Callable[[Inputs, Conventions], Parts]:
    """The sample clamped, or made of clamped noise."""

    def of_sample(i: Inputs, c: Conventions) -> Parts:
        return {"x_s": np.clip(_sample(Formulas(), i, c)["x_s"], -limit, limit)}

    def of_noise(i: Inputs, c: Conventions) -> Parts:
        return _sample(Formulas(), {**i, "noise": np.clip(i["noise"], -limit, limit)}, c)

    return of_sample if what == "x_s" else of_noise


_DRAWS = (
    Slip("no noise is added", "The sample is the mean: an ODE's step, whatever std it reports.",
         "an SDE step that is an ODE step with a dummy std", "add std · noise, or declare a = 0",
         lambda i, c: {"x_s": i["mean"]}),
    Slip("one noise for the whole batch", "Every sample gets the first one's noise.",
         "noise drawn without the batch's dimension", "draw noise shaped like x",
         lambda i, c: _sample(Formulas(), {**i, "noise": i["noise"][:1] + 0 * i["noise"]}, c)),
)  # fmt: skip

SAMPLE = Operation(
    "sample", _sample, ("std",), _DRAWS,
    lambda i, c: {"x_s": np.abs(i["mean"])}, forms("sample"), begins, fitted=_held,
)  # fmt: skip
