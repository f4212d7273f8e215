"""The ratio, from the adapter's own log-probabilities of its own steps.

    own_log_prob(subject, ...)    by replay, or by a step and log_prob

The samples that are scored are stored ones, rounded as the adapter would receive them.
"""

import numpy as np

from ..adapter.conventions import Conventions
from ..adapter.inputs import received, values
from ..adapter.results import Answer, answer
from ..adapter.subject import Subject
from ..diagnosis.readings import Case
from ..formulas.operations import Operation
from ..formulas.steps import levels, step
from ..formulas.values import Formulas, Inputs, Parts
from .asking import ask, compare, prepared
from .composed import own_parts
from .register import Finding, NotApplicable, check
from .scores import replay_cases
from .steps import STEP, sde_cases


def own_log_prob(subject: Subject, i: Inputs, v: np.ndarray, x_s: np.ndarray) -> np.ndarray:
    """log p(x_s | x_t) under a velocity, by the adapter's own functions.

    Raises:
        NotApplicable: it has neither replay nor a step with log_prob.
    """
    given = {**i, "v": v, "x_s": x_s}
    if subject.accepts("sde_step", "noise"):
        i = {**i, "noise": np.zeros(np.shape(x_s))}
    if {"replay", "log_prob"} & subject.failed:
        raise NotApplicable("a basic check of replay or log_prob fails")
    if "replay" in subject:
        return ask(subject, "replay", given).parts["value"]
    if "sde_step" in subject and "log_prob" in subject:
        own = own_parts(subject, i, v)
        if {"mean", "std"} <= set(own):
            more = {"mean": own["mean"], "std": own["std"], "x_s": subject.give(x_s)}
            raw = subject.raw("log_prob", {**prepared(subject, given), **more})
            return answer("log_prob", raw).parts["value"]
    raise NotApplicable("neither replay, nor sde_step with mean and std and log_prob")


def _ratio_evaluate(f: Formulas, i: Inputs, c: Conventions) -> Parts:
    """The ratio of two policies on one stored sample."""
    with_old = step(f, {**i, "v": i["v_old"]}, c)
    new, old = step(f, i, c)["log_prob"], with_old["log_prob"]
    return {"value": f("policy.ratio")(new, old)}


def _ratio_inner(i: Inputs, c: Conventions) -> Parts:
    value = _ratio_evaluate(Formulas(), i, c.but(log_prob="none"))["value"]
    both = STEP.inner(i, c)["log_prob"] + STEP.inner({**i, "v": i["v_old"]}, c)["log_prob"]
    whole = _ratio_evaluate(Formulas(), i, c)["value"]
    scale = whole.reshape((-1,) + (1,) * (value.ndim - 1)) if whole.ndim == 1 else whole
    return {"value": both * scale}


OWN_RATIO = Operation(
    "ratio",
    _ratio_evaluate,
    ("log_prob", "log_prob_terms", "g", "a", "boundary"),
    inner=_ratio_inner,
)


@check("ratio.of_own_steps", needs=("ratio", "sde_step"), tier="laws",
       covers=("policy.ratio", "sde.transition"))  # fmt: skip
def ratio_of_own_steps(subject: Subject) -> Finding:
    """exp(new − old) of the adapter's own log-probabilities is the ratio of the two densities."""
    c = subject.conventions
    if c["ratio"] != "plain":
        raise NotApplicable("GRPO-Guard's ratio is not that of the densities")
    steps = (replay_cases(subject) if "replay" in subject else _stored(subject))[:3]
    if any(subject.accepts("sde_step", "g") != ("g" in k.inputs) for k in steps):
        raise NotApplicable("sde_step and replay take different arguments")
    cases = []
    for k in steps:
        v_old = k.inputs["v"] + values("other", k.inputs["v"].shape) / 64
        cases.append(Case({**k.inputs, "v_old": v_old}, k.label))
    return compare(subject, OWN_RATIO, cases, _own_ratios)


def _own_ratios(subject: Subject, cases: list[Case]) -> list[Answer]:
    return [_own_ratio(subject, case.inputs) for case in cases]


def _own_ratio(subject: Subject, i: Inputs) -> Answer:
    new = own_log_prob(subject, i, i["v"], i["x_s"])
    old = own_log_prob(subject, i, i["v_old"], i["x_s"])
    if new.ndim != 1:
        raise NotApplicable("log-probabilities are not reduced")
    return ask(subject, "ratio", {"log_prob": new, "log_prob_old": old})


def _stored(subject: Subject) -> list[Case]:
    c, cases = subject.conventions, []
    for case in sde_cases(subject):
        i = {k: x for k, x in case.inputs.items() if k != "noise"}
        p = step(Formulas(), i, c)
        std = c.std(p["std"], levels(i, c, i["x"]).h)
        x_s = received(c, p["mean"] + std * values("noise", i["x"].shape) / 2)
        cases.append(Case({**i, "x_s": x_s}, case.label))
    return cases
