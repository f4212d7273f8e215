"""Checks of GRPO's own part: advantages, the clipped surrogate, the objective; and of guidance.

    advantages   surrogate   objective   guidance

Ratios lie on both sides of both ends of the clip and far beyond them, advantages are of either
sign and 0.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch

from ..adapter.conventions import Conventions
from ..adapter.inputs import shapes, values
from ..adapter.results import raw_parts
from ..adapter.subject import Subject
from ..diagnosis.readings import Case, Explanation
from ..diagnosis.variations import variations
from ..formulas.apart import apart
from ..formulas.operations import Evaluate, Operation, Slip
from ..formulas.values import Formulas, Inputs, Parts, column, guidance, objective, surrogate
from ..formulas.written import begins, forms
from .asking import ask, compare, prepared
from .gradients import DETACHED, PARTLY
from .register import Differs, Finding, NotApplicable, check
from .table import offer, precise
from .terms import made_of, of_guidance, of_surrogate

_RATIOS = (0.5, 0.625, 0.875, 1.0, 1.125, 1.5, 2.0, 0.0625, 4.0)
"""The last two are where a second clip shows, and one about 0."""

_ADVANTAGES = (1.5, -1.25, 0.375, -0.625, 0.0)
"""On both sides of ±1, where advantages are most often held."""


_CLIP, _HIGH = 0.25, 0.375


def _grid(kl: bool, *, two_ends: bool) -> dict[str, Any]:
    r, a = (x.ravel() for x in np.meshgrid(_RATIOS, _ADVANTAGES, indexing="ij"))
    more = {"kl": np.arange(len(r)) / 16 + 0.5, "beta": 0.125} if kl else {}
    return {
        "ratio": r,
        "advantage": a,
        "clip": _CLIP,
        "clip_low": _CLIP,
        "clip_high": _HIGH if two_ends else _CLIP,
        **more,
    }


def _branch_cases(kl: bool) -> Any:
    def cases(subject: Subject) -> list[Case]:
        takes = partial(subject.accepts, "objective" if kl else "surrogate")
        whole = _grid(kl, two_ends=takes("clip_high"))
        rows = [{k: x[j : j + 1] if isinstance(x, np.ndarray) else x for k, x in whole.items()}
                for j in range(len(whole["ratio"]))]  # fmt: skip
        told = (f"ratio {i['ratio'][0]:g}, advantage {i['advantage'][0]:g}" for i in rows)
        return [Case(whole, "every branch"), *(Case(i, t) for i, t in zip(rows, told, strict=True))]

    return cases


def _branch_inner(i: Inputs, c: Conventions) -> Parts:
    size = np.abs(i["advantage"]) * (1 + i["ratio"])
    return {"value": size + (np.abs(i["kl"] * i["beta"]) if "kl" in i else 0)}


def _mean_of(op: Operation) -> Operation:
    """The same, averaged over the batch."""

    def over(parts: Parts) -> Parts:
        return {name: np.asarray(x).mean() for name, x in parts.items()}

    return replace(
        op,
        evaluate=lambda f, i, c: over(op.evaluate(f, i, c)),
        inner=lambda i, c: over(op.inner(i, c)),
        written=lambda cases, c: tuple(
            replace(p, finish=lambda parts, p=p: over(p.finish(parts)))  # type: ignore[misc]
            for p in op.written(cases, c)
        ),
        slips=(
            *(replace(s, parts=lambda i, c, s=s: over(s.parts(i, c))) for s in op.slips),  # type: ignore[misc]
            Slip(
                "summed over the batch",
                "The sum of all samples, where their mean is meant: it grows with the batch.",
                "reductions of losses",
                "average over the batch",
                lambda i, c: _summed(op, i, c),
            ),
            Slip(
                "the smaller of two means",
                "Both terms are averaged first: samples that should be clipped hide behind others.",
                "reductions inside the minimum",
                "the minimum of each sample, then the mean",
                _of_means,
            ),
            *(
                Slip(
                    f"the divergence {word} over the batch",
                    "One term is a mean and the other is not: β counts more with every sample.",
                    "reductions of a term each",
                    "subtract β KL of each sample, then the mean",
                    lambda i, c, kept=kept: _apart(op, i, c, kept),  # type: ignore[misc]
                )
                for word, kept in (("summed", np.sum), ("at its largest", np.max))
            ),
            *(_masked(op, name, kept) for name, kept in _MASKS.items()),
        ),
        apart=lambda cases, c: tuple(
            replace(p, finish=lambda parts, p=p: over(p.finish(parts)))  # type: ignore[misc]
            for p in op.apart(cases, c)
        ),
        fitted=lambda cases, told, c: iter(()),
    )


def _of_means(i: Inputs, c: Conventions) -> Parts:
    low, high = i.get("clip_low", i["clip"]), i.get("clip_high", i["clip"])
    both = (r * i["advantage"] for r in (i["ratio"], np.clip(i["ratio"], 1 - low, 1 + high)))
    value = min(float(np.mean(x)) for x in both) - np.mean(i.get("beta", 0) * i.get("kl", 0))
    return {"value": np.asarray(value if c["sign"] == "objective" else -value)}


_MASKS: dict[str, Callable[[Inputs], np.ndarray]] = {
    "with a positive advantage": lambda i: i["advantage"] > 0,
    "whose advantage is not 0": lambda i: i["advantage"] != 0,
    "with a negative advantage": lambda i: i["advantage"] < 0,
    "whose ratio is inside the clip": lambda i: np.abs(i["ratio"] - 1) <= i["clip"],
}


def _masked(op: Operation, name: str, kept: Callable[[Inputs], np.ndarray]) -> Slip:
    """The mean of some samples alone."""

    def parts(i: Inputs, c: Conventions) -> Parts:
        some = np.asarray(kept(i))
        return {n: np.asarray(x[some].mean() if some.any() else 0.0)
                for n, x in op.evaluate(Formulas(), i, c).items()}  # fmt: skip

    return Slip(f"the mean of the samples {name}", "The others are left out of the sum and of the "
                "count.", "masked means", "average over all samples", parts)  # fmt: skip


def _summed(op: Operation, i: Inputs, c: Conventions) -> Parts:
    return {n: np.asarray(np.sum(x)) for n, x in op.evaluate(Formulas(), i, c).items()}


def _apart(op: Operation, i: Inputs, c: Conventions, kept: Callable[..., Any]) -> Parts:
    """The mean of the surrogate less β times what is kept of the divergences."""
    if "kl" not in i:
        raise ValueError("there is no divergence")
    mean = float(np.mean(op.evaluate(Formulas(), {**i, "beta": 0.0}, c)["value"]))
    cost = float(i["beta"] * kept(i["kl"]))
    return {"value": np.asarray(mean - cost if c["sign"] == "objective" else mean + cost)}


def _asymmetric(i: Inputs, c: Conventions) -> Parts:
    """1/(1 + ε) as the lower end."""
    low = 1 - 1 / (1 + i["clip"])
    return surrogate(Formulas(), {**i, "clip": np.where(i["advantage"] < 0, low, i["clip"])}, c)


def _between(i: Inputs, c: Conventions, low: float, high: float) -> Parts:
    """The surrogate with these ends."""
    value = np.minimum(i["ratio"] * i["advantage"], np.clip(i["ratio"], low, high) * i["advantage"])
    return {"value": value if c["sign"] == "objective" else -value}


def _of_products(i: Inputs, c: Conventions, kept: Callable[..., Any]) -> Parts:
    plain = i["ratio"] * i["advantage"]
    value = kept(plain, np.clip(plain, 1 - i["clip"], 1 + i["clip"]))
    return {"value": value if c["sign"] == "objective" else -value}


def _exchanged(evaluate: Evaluate) -> Slip:
    return Slip("clip_low and clip_high exchanged", "The lower end's distance is used for the "
                "upper end, and the other way round.", "arguments in another order",
                "clip(r, 1 − clip_low, 1 + clip_high)",
                lambda i, c: evaluate(Formulas(), {**i, "clip_low": i["clip_high"],
                                                   "clip_high": i["clip_low"]}, c))  # fmt: skip


_SURROGATE_SLIPS = (
    _exchanged(surrogate),
    Slip("the log-ratio clipped", "The ends are exp(−ε) and exp(ε).", "a clip of the log-ratio",
         "clip(r, 1 − ε, 1 + ε)",
         lambda i, c: _between(i, c, np.exp(-i["clip"]), np.exp(i["clip"]))),
    Slip("clipped in log space", "The lower end is 1/(1 + ε).", "a clip of the log-ratio",
         "clip(r, 1 − ε, 1 + ε)", _asymmetric),
    Slip("clip(r A)", "The product is clipped, not the ratio.", "parentheses in the wrong place",
         "clip(r, 1 − ε, 1 + ε) A", lambda i, c: _of_products(i, c, np.minimum)),
    Slip("clip(r A), without the min", "The product is clipped, not the ratio, and nothing else.",
         "parentheses in the wrong place", "min(r A, clip(r, 1 − ε, 1 + ε) A)",
         lambda i, c: _of_products(i, c, lambda plain, clipped: clipped)),
)  # fmt: skip


def _meant(gain: str, cost: str = "") -> Callable[[Conventions], str]:
    """gain − cost, or what is minimised, with its signs."""

    def told(c: Conventions) -> str:
        before, between = ("", " − ") if c["sign"] == "objective" else ("−", " + ")
        return f"{before}{gain}" + (f"{between}{cost}" if cost else "")

    return told


SURROGATE = Operation("surrogate", surrogate, ("sign",), _SURROGATE_SLIPS, _branch_inner,
                      forms("surrogate"), begins, apart=apart("surrogate"),
                      fitted=made_of(of_surrogate, _meant("min(ratio A, clipped A)")))  # fmt: skip


_OBJECTIVE_SLIPS = (
    _exchanged(objective),
    Slip("the batch's mean KL for every sample", "Each sample pays for its neighbours' divergence.",
         "a KL that is averaged before it is weighed", "β KL of the sample itself",
         lambda i, c: objective(Formulas(), {**i, "kl": np.mean(i["kl"]) + 0 * i["kl"]}, c)),
    Slip("the KL inside the advantage of r A alone", "r (A − β KL) beside clip(r) A.",
         "parentheses in the wrong place", "min(r A, clip(r, 1 − ε, 1 + ε) A) − β KL",
         lambda i, c: _taken_off(i, c)),
    Slip("the KL inside the advantage", "A − β KL takes the advantage's place, and is clipped with "
         "it.", "a KL that is part of the reward", "the KL outside the minimum",
         lambda i, c: objective(Formulas(), {**i, "advantage": i["advantage"] - i["beta"] * i["kl"],
                                             "kl": 0 * i["kl"]}, c)),
    Slip("the KL inside the minimum", "It is charged to r A alone, and clipped steps are free of "
         "it.", "parentheses in the wrong place", "min(r A, clip(r, 1 − ε, 1 + ε) A) − β KL",
         lambda i, c: _inside(i, c)),
)  # fmt: skip


def _taken_off(i: Inputs, c: Conventions) -> Parts:
    ends = (1 - i.get("clip_low", i["clip"]), 1 + i.get("clip_high", i["clip"]))
    plain = i["ratio"] * (i["advantage"] - i["beta"] * i["kl"])
    value = np.minimum(plain, np.clip(i["ratio"], *ends) * i["advantage"])
    return {"value": value if c["sign"] == "objective" else -value}


def _inside(i: Inputs, c: Conventions) -> Parts:
    plain = i["ratio"] * i["advantage"]
    clipped = np.clip(i["ratio"], 1 - i["clip"], 1 + i["clip"]) * i["advantage"]
    value = np.minimum(plain - i["beta"] * i["kl"], clipped)
    return {"value": value if c["sign"] == "objective" else -value}


OBJECTIVE = Operation("objective", objective, ("sign",), _OBJECTIVE_SLIPS, _branch_inner,
                      forms("objective"), begins, apart=apart("objective"),
                      fitted=made_of(of_surrogate, _meant("surrogate", "β kl")))  # fmt: skip


offer(SURROGATE, _branch_cases(False), value=False)


offer(OBJECTIVE, _branch_cases(True), value=False)


def _branches(subject: Subject, op: Operation, cases: list[Case]) -> Finding:
    first = ask(subject, op.capability, cases[0].inputs)
    reduced = _mean_of(op) if first.parts["value"].ndim == 0 else op
    return compare(subject, reduced, precise(subject, cases))


@check("surrogate.value", needs=("surrogate",), tier="vectors", covers=("grpo.surrogate",))
def surrogate_value(subject: Subject) -> Finding:
    """min(r A, clip(r, 1 − ε, 1 + ε) A) on both sides of both ends, for A of either sign and 0."""
    return _branches(subject, SURROGATE, _branch_cases(False)(subject))


@check("objective.value", needs=("objective",), tier="vectors", covers=("grpo.objective",))
def objective_value(subject: Subject) -> Finding:
    """The surrogate minus β KL, per sample or averaged."""
    return _branches(subject, OBJECTIVE, _branch_cases(True)(subject))


@check("surrogate.gradient", needs=("surrogate",), tier="vectors", covers=("grpo.surrogate",))
def surrogate_gradient(subject: Subject) -> Finding:
    """∂/∂r is A where the ratio counts and 0 where it is clipped, in every branch."""
    return _gradient(subject, SURROGATE, _branch_cases(False)(subject)[1:], "ratio")


@check("objective.gradient", needs=("objective",), tier="vectors", covers=("grpo.objective",))
def objective_gradient(subject: Subject) -> Finding:
    """∂/∂r is the surrogate's and ∂/∂KL is −β, in every branch."""
    cases = _branch_cases(True)(subject)[1:]
    _gradient(subject, OBJECTIVE, cases, "ratio")
    return _gradient(subject, OBJECTIVE, cases, "kl")


_WORDS = {"ratio": "the ratio", "kl": "the KL"}


def _gradient(subject: Subject, op: Operation, cases: Sequence[Case], wrt: str) -> Finding:
    """The slope in one argument, one sample at a time: inside a branch everything is straight."""
    c, name = subject.conventions, op.capability
    if c["arrays"] != "torch":
        raise NotApplicable("gradients are taken by torch")
    if not subject.accepts(name, wrt):
        raise NotApplicable(f"{name} does not take {wrt}")
    slopes, wrong = [], ""
    for case in cases:
        i = case.inputs
        given = prepared(subject, i)
        leaf = given[wrt].detach().clone().requires_grad_(True)
        told = raw_parts(name, subject.raw(name, {**given, wrt: leaf}))
        out = next(iter(told.values()))
        want = _slope(lambda j: op.evaluate(Formulas(), j, c), i, wrt)
        got = 0.0
        if isinstance(out, torch.Tensor) and out.requires_grad:
            (g,) = torch.autograd.grad(out.sum(), leaf, allow_unused=True)
            got = 0.0 if g is None else float(g.sum())
        elif want != 0:
            raise Differs(f"no gradient of {name} reaches {wrt}", np.inf, (DETACHED,))
        slopes.append(got)
        if not abs(got - want) <= 1e-2 * max(abs(want), 1) and not wrong:
            wrong = f"the gradient in {_WORDS[wrt]} is {got:.6g}, wanted {want:.6g} at {case.label}"
    if wrong:
        raise Differs(wrong, np.inf, tuple(_read(subject, op, cases, slopes, wrt)))
    return Finding()


def _read(
    subject: Subject, op: Operation, cases: Sequence[Case], slopes: Sequence[float], wrt: str
) -> list[Explanation]:
    """What has these slopes: the formula that the values are, or another that they are not."""

    def gives(says: Any) -> bool:
        return all(
            abs(_slope(says, k.inputs, wrt) - g) <= 1e-2 * max(abs(g), 1)
            for k, g in zip(cases, slopes, strict=True)
        )

    before = [e for e in subject.read.get(op.capability, ()) if e.says and gives(e.says)]
    if before:
        return before
    tried = variations(op, list(cases), subject.conventions, 1) if subject.searching else ()
    found = [v for v in tried if gives(v.parts)]
    if not _is_right(subject, op, cases):
        return [Explanation(v.kind, v.name, 0.0, v.what, v.remedy) for v in found]
    return [Explanation("mistake", f"the gradient of {v.name!r}", 0.0, _THROUGH, _CUT)
            for v in found if v.kind == "mistake"] or [PARTLY]  # fmt: skip


_THROUGH = "The value is right, and what the clip or the minimum takes away has its gradient still."
_CUT = "let them cut the gradient as they cut the value: nothing passes straight through"


def _is_right(subject: Subject, op: Operation, cases: Sequence[Case]) -> bool:
    """Whether the values agree, whatever their gradients do."""
    c = subject.conventions
    got = [ask(subject, op.capability, k.inputs).parts["value"] for k in cases]
    want = [op.evaluate(Formulas(), k.inputs, c)["value"] for k in cases]
    return all(np.allclose(x, y, 1e-3, 1e-3) for x, y in zip(got, want, strict=True))


def _slope(parts: Any, i: Inputs, wrt: str) -> float:
    """The derivative inside a branch, where the function is straight."""
    ends = [parts({**i, wrt: i[wrt] + d})["value"] for d in (2**-10, -(2**-10))]
    return float((ends[0] - ends[1]).sum() * 2**9)


def _guidance_cases(subject: Subject) -> list[Case]:
    fields = [{"v_uncond": values("v_uncond", s), "v_cond": values("v_cond", s)}
              for s in shapes(subject.conventions)]  # fmt: skip
    scales = (4.5, 1.0, 0.0, 2.0, 7.5)
    return [Case({**f, "w": w}, f"scale {w:g}") for f, w in zip(fields * 5, scales, strict=False)]


def _rescaled(i: Inputs, c: Conventions, size: Any) -> Parts:
    """The guided velocity at the conditional one's size, by sample."""
    made, own = (x.reshape(len(x), -1) for x in (guidance(Formulas(), i, c)["value"], i["v_cond"]))
    whole = made * (size(own, axis=1) / size(made, axis=1))[:, None]
    return {"value": whole.reshape(i["v_cond"].shape)}


def _by_token(i: Inputs, c: Conventions) -> Parts:
    made, own = guidance(Formulas(), i, c)["value"], i["v_cond"]
    sizes = (np.linalg.norm(x, axis=-1, keepdims=True) for x in (own, made))
    return {"value": made * next(sizes) / next(sizes)}


_GUIDANCE_SLIPS: tuple[Slip, ...] = (
    Slip("rescaled to the conditional norm", "The guided velocity has the conditional one's norm.",
         "guidance with a norm of its own", "leave the norm",
         lambda i, c: _rescaled(i, c, np.linalg.norm)),
    Slip("rescaled to the conditional norm by token", "Each token gets its norm back.",
         "Qwen-Image's true guidance", "leave the norm, or declare what is meant",
         lambda i, c: _by_token(i, c)),
    Slip("rescaled to the conditional std", "The guided velocity has the conditional one's std.",
         "diffusers' guidance_rescale = 1", "leave the std", lambda i, c: _rescaled(i, c, np.std)),
)  # fmt: skip


def _starred(i: Inputs, c: Conventions, share: Any, *, both: bool = True) -> Parts:
    """CFG-Zero*'s velocity with another factor before v_uncond, or before the first of them."""
    if c["guidance"] != "zero-star":
        raise ValueError("this mistake is one of CFG-Zero*'s")
    u, v = (x.reshape(len(x), -1) for x in (i["v_uncond"], i["v_cond"]))
    s = share((u * v).sum(axis=1), np.linalg.norm(u, axis=1), np.linalg.norm(v, axis=1))
    s = column(s, i["v_uncond"])
    scaled = s * i["v_uncond"]
    return {"value": scaled + i["w"] * (i["v_cond"] - (scaled if both else i["v_uncond"]))}


_STARS: dict[str, tuple[str, Callable[..., Any], bool]] = {
    "the projection over |v_cond|²": ("It is divided by the conditional's square.",
                                      lambda uv, u, v: uv / (v**2 + 1e-8), True),
    "the projection over |v_uncond|, not squared": ("It is divided by the norm.",
                                                    lambda uv, u, v: uv / (u + 1e-8), True),
    "the cosine for the projection": ("It is divided by both norms.",
                                      lambda uv, u, v: uv / (u * v + 1e-8), True),
    "the ratio of the norms for the projection": ("|v_cond|/|v_uncond|.",
                                                  lambda uv, u, v: v / (u + 1e-8), True),
    "the projection on the first v_uncond alone": ("s v_uncond + w (v_cond − v_uncond).",
                                                   lambda uv, u, v: uv / (u**2 + 1e-8), False),
    "no projection": ("Plain guidance.", lambda uv, u, v: 1 + 0 * u, True),
}  # fmt: skip


_GUIDANCE_SLIPS += tuple(
    Slip(name, what, "CFG-Zero*, from memory", "s = ⟨v_uncond, v_cond⟩/|v_uncond|², before both",
         lambda i, c, share=share, both=both: _starred(i, c, share, both=both))  # type: ignore[misc]
    for name, (what, share, both) in _STARS.items()
)  # fmt: skip


_BEGUN = ("v_uncond", "v_cond")

GUIDANCE = Operation("guidance", guidance, ("guidance",), _GUIDANCE_SLIPS, lambda i, c: {
    "value": (1 + abs(i["w"])) * (np.abs(i["v_uncond"]) + np.abs(i["v_cond"]))},
    forms("guidance"), begins, apart=apart("guidance"),
    fitted=made_of(of_guidance, lambda c: f"{_BEGUN[c['guidance'] == 'omega']} + "
                   "w (v_cond − v_uncond)"))  # fmt: skip


offer(GUIDANCE, _guidance_cases, covers=("guidance.classifier_free", "guidance.ho_salimans",
                                         "guidance.diffusers", "guidance.projection",
                                         "guidance.zero_star"))  # fmt: skip
