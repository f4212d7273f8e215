"""Checks of advantages: groups, ddof and eps, equal rewards, one sample, a large offset.

    advantages

Rewards are laid out as the function takes them: a row a group, flat with ids, or flat in order.
"""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

import numpy as np
import torch

from ..adapter import arrays
from ..adapter.conventions import Conventions
from ..adapter.inputs import values
from ..adapter.results import Answer
from ..adapter.subject import Broken, Subject
from ..diagnosis.evidence import Evidence
from ..diagnosis.readings import Case, Explanation
from ..formulas.apart import apart
from ..formulas.operations import Operation, Slip
from ..formulas.values import Formulas, Inputs, Parts, advantages
from ..formulas.written import begins, forms
from .asking import ask, compare
from .fitted import held
from .register import Differs, Finding, NotApplicable, check
from .standing import measured
from .table import offer, precise

_OUTLIER = np.where(np.arange(80) % 41 == 3, 32.0, np.arange(80) * 7 % 40 / 8).reshape(2, 40)
"""One advantage in each group beyond 5, where advantages are most often held."""

_ROWS = np.array([[1.0, 2.5, 0.25, -1.5], [3.0, 3.5, 4.0, 8.0], [-2.0, 0.5, 0.75, 1.25]])


def _spread(i: Inputs, c: Conventions) -> np.ndarray:
    """The declared denominator, recovered from a shift of one reward of each row."""
    apart = c.but(advantage_clip="none")
    none = advantages(Formulas(), i, apart.but(advantage_std="none"))["value"]
    whole = advantages(Formulas(), i, apart)["value"]
    with np.errstate(all="ignore"):
        scale = np.abs(none) / np.abs(whole)
    scale = np.where(np.isfinite(scale) & (scale > 0), scale, np.nan)
    best = np.nanmedian(scale, axis=1, keepdims=True)
    return np.where(np.isfinite(best), best, 1.0)


def _advantage_inner(i: Inputs, c: Conventions) -> Parts:
    largest = np.abs(i["rewards"]).max()
    value = advantages(Formulas(), i, c)["value"]
    return {"value": largest * (1 + np.abs(value)) / _spread(i, c) + np.abs(value)}


def _centred(how: str) -> Any:
    def parts(i: Inputs, c: Conventions) -> Parts:
        r = i["rewards"]
        value = advantages(Formulas(), i, c.but(advantage_clip="none"))["value"]
        scale = _spread(i, c)
        middle = {"batch": r.mean(), "median": np.median(r, axis=1, keepdims=True), "none": 0.0,
                  "other": (r.sum(axis=1, keepdims=True) - r) / (r.shape[1] - 1),
                  "column": r.mean(axis=0, keepdims=True)}[how]  # fmt: skip
        got = (r - middle) / scale + 0 * value
        if c["advantage_clip"] != "none":
            got = Formulas()("grpo.bounded")(got, float(c["advantage_clip"]))
        return {"value": got}

    return parts


def _across(i: Inputs, c: Conventions) -> Parts:
    r = i["rewards"]
    if len(r) < 2:
        raise ValueError("one prompt has no std over prompts")
    scale = r.std(axis=0, keepdims=True, ddof=c["advantage_ddof"]) + c["advantage_eps"]
    centred = r - r.mean(axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        return {"value": np.where(scale > 0, centred / scale, 0.0)}


def _by_prompts(i: Inputs, c: Conventions) -> Parts:
    r = i["rewards"]
    return {"value": (r - r.sum(axis=1, keepdims=True) / len(r)) / _spread(i, c)}


def _clipped_first(i: Inputs, c: Conventions) -> Parts:
    plain = c.but(advantage_clip="none")
    centred = advantages(Formulas(), i, plain.but(advantage_std="none"))["value"]
    held = Formulas()("grpo.bounded")(centred, float(c["advantage_clip"]))
    return {"value": held / _spread(i, plain)}


def _dealt(i: Inputs, c: Conventions) -> Parts:
    r = i["rewards"]
    turned = r.reshape(r.shape[1], r.shape[0]).T
    value = advantages(Formulas(), {"rewards": turned}, c)["value"]
    return {"value": value.T.reshape(r.shape)}


def _cut(i: Inputs, c: Conventions) -> Parts:
    r = i["rewards"]
    if r.shape[0] in (1, r.shape[1]):
        raise ValueError("this mistake has no value in this shape")
    value = advantages(Formulas(), {"rewards": r.reshape(r.shape[::-1])}, c)["value"]
    return {"value": value.reshape(r.shape)}


def _merged(i: Inputs, c: Conventions, n: int) -> Parts:
    """Every n-th prompt's samples in one group."""
    r = i["rewards"]
    value = np.empty(r.shape)
    for k in range(min(n, len(r))):
        own = advantages(Formulas(), {"rewards": r[k::n].reshape(1, -1)}, c)["value"]
        value[k::n] = own.reshape(r[k::n].shape)
    return {"value": value}


_ADVANTAGE_SLIPS = (
    Slip("mean of the batch for the group's", "The baseline is the mean of all rewards: "
                                              "prompts are "
         "compared with each other.", "group keys lost in the sampler (flow_grpo 85, 106)",
         "subtract the mean of the sample's own group", _centred("batch")),
    Slip("not centred", "No mean is subtracted.", "a singleton's mean set to 0 (mm_grpo)",
         "subtract the group's mean", _centred("none")),
    Slip("baseline of the others", "The mean leaves the sample itself out (RLOO).", "RLOO",
         "the group's mean, the sample included", _centred("other")),
    Slip("median for mean", "The group's median is subtracted.", "a classic", "the mean",
         _centred("median")),
    Slip("groups along the other axis", "The mean runs over prompts, not over a prompt's samples.",
         "group sizes wrong through the sampler (flow_grpo 85, 106)", "a row is a group",
         _centred("column")),
    Slip("std along the other axis", "Each sample is divided by the std over prompts; the mean is "
         "its own group's.", "std(0) for std(1)", "a row is a group", _across),
    Slip("the group's sum divided by the number of groups", "The baseline is no mean.",
         "counts of ids taken for sizes", "divide by the group's size", _by_prompts),
    Slip("clipped before the division by the std", "The centred reward is held, and then divided.",
         "clips set too early", "clip what the std has divided", _clipped_first),
    Slip("rewards cut into groups of the wrong size", "As many samples as there are prompts share "
         "a mean and a std.", "reshape(group_size, -1)", "a row is a group", _cut),
    Slip("groups along the other axis", "Mean and std run over prompts, not over a prompt's "
         "samples.", "rewards that are (G, prompts)", "a row is a group",
         lambda i, c: {"value": advantages(Formulas(), {"rewards": i["rewards"].T}, c)["value"].T}),
    Slip("groups dealt out like cards", "Samples k, k + P, k + 2 P, ... of P prompts are taken for "
         "one group, where a group's samples lie side by side.", "repeat and repeat_interleave "
         "taken for one another", "view(prompts, G)", lambda i, c: _dealt(i, c)),
    Slip("groups k and k + 2 taken for one", "Prompts whose ids differ by 2 share a "
         "mean and a std.",
         "ids of ranks, or ids modulo a number", "an id for each prompt",
         lambda i, c: _merged(i, c, 2)),
    Slip("advantages of the wrong sign", "Bad samples are rewarded.", "a loss for an "
                                                                      "objective", "R − mean R",
         lambda i, c: {"value": -advantages(Formulas(), i, c)["value"]}),
)  # fmt: skip


_ADVANTAGE_KEYS = ("advantage_mean", "advantage_std", "advantage_ddof", "advantage_eps",
                   "advantage_floor", "advantage_clip")  # fmt: skip


def _held(cases: Sequence[Inputs], told: Sequence[Parts], c: Conventions) -> Iterator[Slip]:
    """Advantages that end at ±c."""
    every = [np.ravel(p["value"]) for p in told if "value" in p]
    found = held("advantages", np.concatenate(every)) if every else None
    if found is not None:
        name, limit = found
        yield Slip(name, "The largest of a group count less than their rewards say.",
                   "clips of advantages", f"no clip, or declare advantage_clip = {limit:g}",
                   lambda i, c: advantages(Formulas(), i, c.but(advantage_clip=limit)))  # fmt: skip


ADVANTAGES = Operation("advantages", advantages, _ADVANTAGE_KEYS, _ADVANTAGE_SLIPS,
                       _advantage_inner, forms("advantages"), begins, apart=apart("advantages"),
                       fitted=lambda *told: chain(_held(*told), measured(*told)))  # fmt: skip


def _advantage_cases(subject: Subject) -> list[Case]:
    tall = values("rewards", (2, 6)) + 0.0625 * np.arange(12).reshape(2, 6) ** 2 / 4
    # three others that are one number have no std, and nothing fits into half precision then
    low = 0.49609375 if subject.conventions["advantage_std"] == "others" else 0.5
    tiny = np.array([[0.5, 0.50390625, low, 0.5], [0.25, 0.5, 0.75, 1.0]])
    small = tiny if arrays.UNIT[subject.conventions["dtype"]] < 2.0**-10 else _ROWS / 4
    rows = ((_ROWS, "3 groups of 4"), (np.round(tall * 8) / 8, "2 groups of 6"),
            (np.round(tall[:, :5] * 4) / 4, "2 groups of 5"),
            (small, "a group that hardly differs"),
            (_OUTLIER, "one of 40 far from the others"))  # fmt: skip
    return [Case({"rewards": r}, told) for r, told in rows]


def rewarded(
    subject: Subject, rewards: np.ndarray, order: np.ndarray | None = None, seed: int = 0
) -> Answer:
    """Advantages in (prompts, G), in whatever layout the function takes."""
    prompts, n = rewards.shape
    if subject.accepts("advantages", "groups"):
        order = np.arange(rewards.size) if order is None else order
        ids = np.repeat(np.arange(prompts), n)[order]
        keys = torch.tensor(ids) if subject.conventions["arrays"] == "torch" else ids
        got = ask(subject, "advantages", {"rewards": rewards.ravel()[order], "groups": keys}, seed)
        x = np.ravel(got.parts["value"])
        if x.size != rewards.size:
            return got
        back = np.empty_like(x)
        back[order] = x
        return Answer({"value": back.reshape(rewards.shape)}, got.unit, got.kinds)
    if subject.accepts("advantages", "group_size"):
        got = ask(subject, "advantages", {"rewards": rewards.ravel(), "group_size": n}, seed)
        flat = got.parts["value"]
        shaped = flat.reshape(rewards.shape) if flat.size == rewards.size else flat
        return Answer({"value": shaped}, got.unit, got.kinds)
    return ask(subject, "advantages", {"rewards": rewards}, seed)


def _rewarded(subject: Subject, cases: list[Case]) -> list[Answer]:
    return [rewarded(subject, case.inputs["rewards"]) for case in cases]


offer(ADVANTAGES, _advantage_cases, value=False)


@check("advantages.value", needs=("advantages",), tier="vectors", covers=("grpo.advantage",))
def advantages_value(subject: Subject) -> Finding:
    """(R − mean)/(std + eps), with the declared std, ddof and eps."""
    return compare(subject, ADVANTAGES, precise(subject, _advantage_cases(subject)), _rewarded)


@check("advantages.order", needs=("advantages",), tier="vectors", covers=("grpo.advantage",))
def advantages_order(subject: Subject) -> Finding:
    """Groups are told by their ids, in any order."""
    if not subject.accepts("advantages", "groups"):
        raise NotApplicable("the function does not take groups")
    order = np.array([7, 0, 4, 11, 1, 8, 5, 2, 9, 10, 3, 6])
    case = Case({"rewards": _ROWS}, "samples of a group apart")

    def apart(s: Subject, cases: list[Case]) -> list[Answer]:
        return [rewarded(s, k.inputs["rewards"], order) for k in cases]

    try:
        return compare(subject, ADVANTAGES, [case], apart)
    except Differs as error:
        if error.explanations or not _side_by_side(subject, order, rewarded(subject, _ROWS, order)):
            raise
        cause = Explanation("mistake", "ids ignored", 0.0, "Samples side by side are taken "
                            "for a group, whatever their ids say.", "gather by id")  # fmt: skip
        raise Differs(error.what, error.gap, (cause,)) from None


def _side_by_side(subject: Subject, order: np.ndarray, got: Answer) -> bool:
    """Whether the answers are those of consecutive runs for groups."""
    runs = _ROWS.ravel()[order].reshape(_ROWS.shape)
    told = np.empty(_ROWS.size)
    told[order] = advantages(Formulas(), {"rewards": runs}, subject.conventions)["value"].ravel()
    return np.allclose(np.ravel(got.parts["value"]), told, rtol=1e-3, atol=1e-3)


@check("advantages.equal", needs=("advantages",), tier="vectors", covers=("grpo.advantage",))
def advantages_equal(subject: Subject) -> Finding:
    """A group of equal rewards has advantage 0."""
    c = subject.conventions
    eps = np.array([c["advantage_eps"]])
    if c["dtype"] == "float16" and eps > 0 and arrays.rounded_to(eps, "float16") == 0:
        raise NotApplicable(f"advantage_eps = {eps[0]:g} is 0 in float16")
    rewards = np.array([[0.75, 0.75, 0.75, 0.75], [1.0, 2.0, 4.0, 1.5]])
    got = rewarded(subject, rewards).parts["value"]
    if got.shape != rewards.shape:
        raise Differs(f"advantages has shape {got.shape}, wanted {rewards.shape}")
    if not (np.abs(got[0]) <= 1e-6).all():
        shown = "NaN" if np.isnan(got[0]).any() else f"{np.abs(got[0]).max():.3g}"
        cause = Explanation("mistake", "0/0 on equal rewards", 0.0,
                            "A group that says nothing divides by a standard deviation of 0.",
                            "set its advantages to 0, or add an eps and declare it")  # fmt: skip
        causes = (cause,) if np.isnan(got[0]).any() else ()
        raise Differs(f"a group of equal rewards has advantage {shown}, wanted 0", np.inf, causes)
    return Finding()


@check("advantages.one", needs=("advantages",), tier="vectors", covers=("grpo.advantage",))
def advantages_one(subject: Subject) -> Finding:
    """A group of one has no baseline: it is refused, or has advantage 0."""
    rewards = np.array([[1.5], [-0.5], [4.0]])
    try:
        got = rewarded(subject, rewards).parts["value"]
    except Broken:
        return Finding(notes=("a group of one is refused",))
    if np.isnan(got).all():
        return Finding(notes=("a group of one gives NaN: refuse it, or give 0",))
    if not (got == 0).all():
        mean_zero = Explanation(
            "mistake", "singleton with mean 0", 0.0,
            "A group of one keeps its reward as its advantage.", "refuse it, or give 0",
        )  # fmt: skip
        scale, eps = np.ravel(got) / np.ravel(rewards), subject.conventions["advantage_eps"]
        whole = [1.0, *((1 / eps,) if eps else ())]
        kept = any((np.abs(scale - k) <= 1e-3 * k).all() for k in whole)
        what = f"a group of one has advantage {np.ravel(got)[0]:.3g}"
        raise Differs(what, np.inf, (mean_zero,) if kept else ())
    return Finding()


def _is_right(subject: Subject, case: Case) -> bool:
    """Whether one case agrees."""
    (got,) = _rewarded(subject, [case])
    return not Evidence(ADVANTAGES, [case], [got], subject.conventions).off


def _scaled(got: Answer) -> bool:
    """Whether advantages are the centred rewards, each group's over a number of its own."""
    value, centred = got.parts["value"], _ROWS - _ROWS.mean(axis=1, keepdims=True)
    if value.shape != centred.shape:
        return False
    by = (value * centred).sum(axis=1, keepdims=True) / (centred**2).sum(axis=1, keepdims=True)
    return bool((np.abs(value - by * centred) <= 0.02 * np.abs(by * centred).max()).all())


@check("advantages.offset", needs=("advantages",), tier="vectors", covers=("grpo.advantage",))
def advantages_offset(subject: Subject) -> Finding:
    """Rewards around 10⁴ have the advantages that they have around 0."""
    if arrays.UNIT[subject.conventions["dtype"]] > 2.0**-24:
        raise NotApplicable("rewards of 10⁴ cannot be told apart in this precision")
    near = _ROWS + 10000.0
    case = Case({"rewards": near}, "rewards around 10⁴")
    try:
        return compare(subject, ADVANTAGES, [case], _rewarded)
    except Differs as error:
        if error.explanations:
            raise
        if not _is_right(subject, Case({"rewards": _ROWS})) or not _scaled(rewarded(subject, near)):
            raise  # wrong around 0 as well, or not by the std: the offset says nothing of the cause
        cause = Explanation("mistake", "E[R²] − (E R)²", 0.0, "The variance is a difference "
                                                              "of large "
                            "numbers.", "subtract the mean first")  # fmt: skip
        raise Differs(error.what, error.gap, (cause,)) from None
