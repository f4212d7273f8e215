"""Checks of the ratio and of the divergence, with their gradients.

    ratio   kl

A KL is given means, velocities or log-probabilities: whatever it asks for.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..adapter.conventions import Conventions
from ..adapter.inputs import positive, received, shapes, times, values
from ..adapter.subject import Broken, Subject
from ..diagnosis.readings import Case, Explanation
from ..formulas.apart import apart
from ..formulas.operations import Edited, Operation, Slip
from ..formulas.steps import gaussian_step, kl, levels, ratio, reduced
from ..formulas.values import Formulas, Inputs, Parts, column
from ..formulas.written import begins, forms
from .asking import ask
from .density import of_all, over_axes
from .fitted import held
from .gradients import compare_gradient
from .register import Differs, Finding, check
from .steps import step_sizes
from .table import offer
from .terms import made_of, of_difference, of_log_ratio


def _ratio_cases(subject: Subject) -> list[Case]:
    new = values("log_prob", (8,)) / 8 + 2.0**-8  # none of them 0
    old = values("log_prob_old", (8,)) / 8 + 2.0**-8
    old[0] = new[0]
    given = {"log_prob": new, "log_prob_old": old}
    if subject.conventions["ratio"] == "guard":
        given |= {"divergence": positive("kl", (8,)) / 16, "std": positive("std", (8,)) / 2}
    small = {**given, "log_prob": old + np.arange(8) / 256}
    wide = {**given, "log_prob": old + np.arange(-4, 4) * 2.0}
    sums = 8 * values("log_prob_old", (8,))
    far = {**given, "log_prob_old": sums, "log_prob": sums + np.arange(-4, 4) + 0.5}
    return [Case(given, "log-probabilities of order 1"), Case(small, "a ratio near 1"),
            Case(wide, "log-ratios from −8 to 6"), Case(far, "sums of many")]  # fmt: skip


def _held_ratio(cases: Sequence[Inputs], told: Sequence[Parts], c: Conventions) -> Iterator[Slip]:
    """The log-ratio ends at ±c."""
    value = max((p["value"] for p in told if "value" in p), key=np.ptp, default=np.ones(1))
    found = held("the log-ratio", np.log(value))
    if found is not None:
        yield Slip(found[0], "Beyond that it has no gradient.", "clamps against overflow",
                   "exp(new − old): the surrogate clips",
                   lambda i, c: _ratio_within(i, found[1]))  # fmt: skip


def _ratio_within(i: Inputs, limit: float) -> Parts:
    return {"value": np.exp(np.clip(i["log_prob"] - i["log_prob_old"], -limit, limit))}


RATIO = Operation("ratio", ratio, ("ratio",), (),
                  lambda i, c: {"value": 1 + np.abs(i["log_prob"])},
                  forms("ratio"), begins, fitted=_held_ratio)  # fmt: skip


offer(RATIO, _ratio_cases, covers=("policy.ratio", "policy.log_ratio"))


@check("ratio.gradient", needs=("ratio",), tier="vectors", covers=("policy.ratio",))
def ratio_gradient(subject: Subject) -> Finding:
    """∂r/∂ log p_θ = r: the new log-probability is not detached."""
    return compare_gradient(subject, RATIO, _ratio_cases(subject)[:1], "log_prob")


@check("ratio.one", needs=("ratio",), tier="vectors", covers=("policy.ratio",))
def ratio_one(subject: Subject) -> Finding:
    """Equal log-probabilities give exactly 1, however large they are."""
    same = np.array([-60000.0, -91.5, 0.0, 3.25, 512.0])
    given = {"log_prob": same, "log_prob_old": same}
    if subject.conventions["ratio"] == "guard":
        given |= {"divergence": 0 * same, "std": 0 * same + 0.5}
    got = ask(subject, "ratio", given).parts["value"]
    if not (got == 1).all():
        far = float(np.max(np.abs(got - 1)))
        small = np.abs(same) < 100
        apart = np.isnan(got[~small]).any() and bool((np.abs(got[small] - 1) < 1e-3).all())
        cause = Explanation(
            "mistake", "exp(new)/exp(old)", 0.0, "Each exponential overflows, or vanishes, where "
            "their ratio is 1.", "exp(new − old)",
        )  # fmt: skip
        what = f"ratio of equal log-probabilities is off 1 by {far:.2g}"
        raise Differs(what, far, (cause,) if apart else ())
    return Finding()


def kl_cases(subject: Subject) -> list[Case]:
    """Means or velocities, whichever the function takes, with everything else it may ask for."""
    c, cases = subject.conventions, []
    takes = {n for n in ("mean", "log_prob", "v") if subject.accepts("kl", n)}
    if c["kl"] in ("k1", "k2", "k3"):
        gap = {"log_prob": values("log_prob", (8,)) / 16, "log_prob_ref": values("ref", (8,)) / 16}
        wide = {**gap, "log_prob_ref": gap["log_prob"] + np.arange(-4, 4) * 2.0}
        return [Case(gap, "per-sample log-probabilities"), Case(wide, "log-ratios from −8 to 6")]
    for k, shape in enumerate(shapes(c)):
        for st in times(c, shape[0], k):
            given: dict[str, Any] = dict(st)
            if subject.accepts("kl", "x"):
                given["x"] = values("x", shape)
            if "mean" in takes or "v" not in takes:
                given |= {"mean": values("mean", shape), "mean_ref": values("mean_ref", shape)}
                std = 0.3125 + positive("std", (shape[0],), k)
                given["std"] = std[:1].repeat(shape[0]) if c["t"] == "scalar" else std
            else:
                given |= {"v": values("v", shape), "v_ref": values("v_ref", shape)}
            if subject.accepts("kl", "g"):
                g = positive("g", (shape[0],), k)
                g = g[:1].repeat(shape[0]) if c["t"] == "scalar" else g
                if "std" in given:  # the two must belong together
                    h = np.abs(np.asarray(c.level(st["t"])) - np.asarray(c.level(st["s"])))
                    std = received(c, c.their_std(g * h**0.5, h))
                    given["std"] = std
                given["g"] = g
            if not subject.accepts("kl", "std"):
                given.pop("std", None)
            cases.append(Case(given, f"shape {shape}"))
    return cases


def _kl_inner(i: Inputs, c: Conventions) -> Parts:
    if "log_prob" in i:
        return {"value": 2 + np.abs(i["log_prob"]) + np.abs(i["log_prob_ref"])}
    if "x" in i and "v" in i and c["kl"] != "velocity":
        return kl_of_rounded_means(i, c)
    # the general formula of two Gaussians adds and subtracts 1
    return {"value": np.ones(1)} if c["kl"] == "eq3" else {}


def kl_of_rounded_means(i: Inputs, c: Conventions) -> Parts:
    """What the rounding of two means does to their squared difference."""
    at = levels(i, c, i["x"])
    p, q = (gaussian_step(Formulas(), i, c, c.velocity(v), at) for v in (i["v"], i["v_ref"]))
    rounding = step_sizes(i, c)["mean"] + step_sizes({**i, "v": i["v_ref"]}, c)["mean"]
    scale = 1.0 if c["kl"] == "means" else 1 / p.std**2
    scale = scale * at.h if c["kl"] == "without h" else scale
    return {"value": 2 * scale * rounding * np.abs(p.mean - q.mean)}


_REDUCED = ("kl", "kl_reduction", "std", "time", "velocity", "g", "a", "boundary")


_KL_SLIPS = (
    *of_all(lambda i, c: kl(Formulas(), i, c.but(kl_reduction="none"))["value"]),
    *over_axes(lambda i, c: kl(Formulas(), i, c.but(kl_reduction="none"))["value"]),
    Slip("p and p_ref exchanged", "The estimate is taken of log p − log p_ref.",
         "arguments in the order of the ratio", "l = log p_ref − log p",
         lambda i, c: kl(Formulas(), {**i, "log_prob": i["log_prob_ref"],
                                      "log_prob_ref": i["log_prob"]}, c)),
    Slip("the batch's mean for every sample", "Each sample gets the mean over the batch.",
         "a mean over axis 0, broadcast back", "reduce over coordinates, never over the batch",
         lambda i, c: _spread(i, c)),
    Slip("the squared distance over std", "(mean − mean_ref)²/std.", "a variance without its "
         "square", "the squared distance as it is", lambda i, c: _over_std(i, c, 1)),
    Slip("the squared distance over std²", "(mean − mean_ref)²/std².", "a KL without its half",
         "the squared distance as it is", lambda i, c: _over_std(i, c, 2)),
    Slip("KL divided by h", "The variance lacks a factor h that is divided by once more.",
         "std divided by √h before it is used", "divide by 2 std² = 2 g² h once",
         lambda i, c: _times_h(i, c, -1)),
    Slip("KL without h", "Divided by 2 g² where the step's variance is g² h.",
         "flow_grpo (its issue 78), mm_grpo, verl-omni", "divide by the step's variance g² h",
         lambda i, c: _times_h(i, c, 1)),
)  # fmt: skip


def _over_std(i: Inputs, c: Conventions, power: int) -> Parts:
    if c["kl"] != "means" or "std" not in i:
        raise ValueError("this mistake is one of a plain squared distance")
    each = kl(Formulas(), i, c.but(kl_reduction="none"))["value"]
    std = np.asarray(c.std(column(i["std"], each), levels(i, c, each).h))
    return {"value": reduced(Formulas(), each / std**power, c["kl_reduction"])}


def _spread(i: Inputs, c: Conventions) -> Parts:
    value = kl(Formulas(), i, c)["value"]
    return {"value": np.mean(value, axis=0) + 0 * value}


def _times_h(i: Inputs, c: Conventions, power: int) -> Parts:
    if c["kl"] not in ("eq3", "without h"):
        raise ValueError("this mistake is one of a variance")
    each = kl(Formulas(), i, c.but(kl_reduction="none"))["value"]
    h = np.asarray(levels(i, c, each).h)
    return {"value": reduced(Formulas(), each * h**power, c["kl_reduction"])}


def _sums(cases: Sequence[Inputs], told: Sequence[Parts], c: Conventions) -> Iterator[Edited]:
    """A divergence that is another sum of its terms."""
    kind = c["kl"]
    if kind in ("k1", "k2", "k3"):
        meant = {"k1": "−l", "k2": "l²/2", "k3": "exp(l) − 1 − l"}[kind]
        own = made_of(of_log_ratio, f"{meant}, l = log_prob_ref − log_prob,")
    elif kind == "eq3":
        share = " D" if c["kl_reduction"] == "mean" else ""
        half = f"Σ z²/(2{share})" if share else "Σ z²/2"
        own = made_of(of_difference, f"{half}, z = (mean − mean_ref)/std,")
    else:
        return
    yield from own(cases, told, c)


KL = Operation("kl", kl, _REDUCED, _KL_SLIPS, _kl_inner, forms("kl"), begins,
               apart=apart("kl"), fitted=_sums)  # fmt: skip


offer(KL, kl_cases, covers=("kl.flow_grpo", "kl.of_means", "kl.without_h", "kl.velocity", "kl.k1",
                            "kl.k2", "kl.k3"))  # fmt: skip


@check("kl.gradient", needs=("kl",), tier="vectors", covers=("kl.flow_grpo", "kl.of_means"))
def kl_gradient(subject: Subject) -> Finding:
    """The gradient in the policy's own argument, and none lost on the way."""
    cases = kl_cases(subject)[:2]
    wrt = next(n for n in ("log_prob", "mean", "v") if n in cases[0].inputs)
    return compare_gradient(subject, KL, cases, wrt)


@check("kl.zero", needs=("kl",), tier="vectors", covers=("kl.of_means",))
def kl_zero(subject: Subject) -> Finding:
    """A policy is at divergence 0 from itself."""
    for case in kl_cases(subject)[:2]:
        i = dict(case.inputs)
        for name in ("mean", "v", "log_prob"):
            if name in i:
                i[f"{name}_ref"] = i[name]
        try:
            got = ask(subject, "kl", i).parts["value"]
        except Broken as error:
            raise Differs(str(error)) from error
        if not (got == 0).all():
            raise Differs(f"the KL of a policy from itself is {np.max(np.abs(got)):.3g}")
    return Finding()
