"""Compositions: the adapter's own parts, put together as a trainer does.

    kl(own means, own std)    log_prob(own sample, own mean, own std)    ratio(own replays)

Each part may be right alone, with std = 1 or in its own convention, and their composition be off by
a factor h. Here what one function returns is handed to the next, untouched.
"""

from typing import Any

import numpy as np

from ..adapter import arrays
from ..adapter.conventions import Conventions
from ..adapter.inputs import values
from ..adapter.results import Answer, answer, raw_parts
from ..adapter.subject import Subject
from ..diagnosis.readings import Case, Explanation
from ..formulas.operations import Operation, Slip
from ..formulas.steps import gaussian_step, kl, levels, reduced, scored, step
from ..formulas.values import Formulas, Inputs, Parts, column
from .asking import compare, prepared
from .density import LOG_PROB
from .policy import KL, kl_of_rounded_means
from .register import Differs, Finding, NotApplicable, check
from .steps import STEP, sde_cases


def own_parts(subject: Subject, i: Inputs, v: np.ndarray) -> dict[str, Any]:
    """The raw parts of the adapter's own step under a velocity."""
    given = {**i, "v": v}
    return raw_parts("sde_step", subject.raw("sde_step", prepared(subject, given)))


def mean_size(i: Inputs, c: Conventions) -> np.ndarray:
    return STEP.inner(i, c)["mean"]


def _two(subject: Subject) -> list[tuple[Case, np.ndarray]]:
    """Steps, and another velocity for each: that of the reference, or of the old policy."""
    cases = sde_cases(subject)[:3]
    return [(case, np.asarray(case.inputs["v"]) + values("other", case.inputs["v"].shape) / 8)
            for case in cases]  # fmt: skip


def _kl_evaluate(f: Formulas, i: Inputs, c: Conventions) -> Parts:
    at = levels(i, c, i["x"])
    p = gaussian_step(f, i, c, c.velocity(i["v"]), at)
    q = gaussian_step(f, i, c, c.velocity(i["v_ref"]), at)
    std = np.broadcast_to(p.std, column(i["t"], i["x"]).shape)
    if c["kl"] == "velocity":
        return {"value": reduced(f, f("kl.velocity")(i["v"], i["v_ref"]), c["kl_reduction"])}
    theirs = np.ravel(c.their_std(std, at.h))
    return kl(f, {**i, "mean": p.mean, "mean_ref": q.mean, "std": theirs}, c)


def _handed_on(power: float, what: str, remedy: str) -> Slip:
    """The step's std is read in another meaning by the function that it is handed to."""

    def of_kl(i: Inputs, c: Conventions) -> Parts:
        at, each = (
            levels(i, c, i["x"]),
            _kl_evaluate(Formulas(), i, c.but(kl_reduction="none"))["value"],
        )
        return {"value": reduced(Formulas(), each * at.h ** (-2 * power), c["kl_reduction"])}

    return Slip(
        _ONE_NAME, what, "flow_grpo's kernel, verl-omni, UniRL before its PR 38", remedy, of_kl
    )


_ONE_NAME = "one name for g and for std"


_READ_AS = (
    (
        -0.5,
        "The step hands on g, and the next function reads g √h: a factor h is lost.",
        "hand on g √h",
    ),
    (0.5, "The step hands on g √h, and the next function multiplies by √h again.", "multiply once"),
)


COMPOSED_KL = Operation("kl", _kl_evaluate, KL.keys, tuple(_handed_on(*row) for row in _READ_AS),
                        kl_of_rounded_means)  # fmt: skip


@check(
    "kl.of_own_step", needs=("kl", "sde_step"), tier="laws", covers=("kl.flow_grpo", "kl.of_means")
)
def kl_of_own_step(subject: Subject) -> Finding:
    """The KL fed with the step's own means and std is the declared divergence of the two steps."""
    c = subject.conventions
    if c["kl"] in ("k1", "k2", "k3"):
        raise NotApplicable("the KL is estimated from log-probabilities")
    if not subject.accepts("kl", "mean"):
        raise NotApplicable("kl takes velocities, not means")
    cases = [Case({**case.inputs, "v_ref": v_ref}, case.label) for case, v_ref in _two(subject)]
    return compare(subject, COMPOSED_KL, cases, _own_kls)


def _own_kls(subject: Subject, cases: list[Case]) -> list[Answer]:
    return [_own_kl(subject, case.inputs) for case in cases]


def _own_kl(subject: Subject, i: Inputs) -> Answer:
    p, q = own_parts(subject, i, i["v"]), own_parts(subject, i, i["v_ref"])
    if "mean" not in p or ("std" not in p and subject.accepts("kl", "std")):
        raise NotApplicable("the step returns no mean and std")
    more = {"mean": p["mean"], "mean_ref": q["mean"], "std": p.get("std")}
    return answer("kl", subject.raw("kl", {**prepared(subject, i), **more}))


def _score_evaluate(f: Formulas, i: Inputs, c: Conventions) -> Parts:
    return {"value": step(f, i, c)["log_prob"]}


def _score_inner(i: Inputs, c: Conventions) -> Parts:
    return {"value": STEP.inner(i, c)["log_prob"]}


def _scored_as(power: float, what: str, remedy: str) -> Slip:
    def parts(i: Inputs, c: Conventions) -> Parts:
        at = levels(i, c, i["x"])
        p = gaussian_step(Formulas(), i, c, c.velocity(i["v"]), at)
        x_s = step(Formulas(), i, c)["x_s"]
        return {"value": scored(Formulas(), c, x_s, p.mean, p.std * at.h**power)}

    return Slip(
        _ONE_NAME, what, "flow_grpo's kernel, verl-omni, UniRL before its PR 38", remedy, parts
    )


OWN_SCORE = Operation(
    "log_prob",
    _score_evaluate,
    LOG_PROB.keys,
    tuple(_scored_as(*row) for row in _READ_AS),
    _score_inner,
)


@check("log_prob.of_own_step", needs=("log_prob", "sde_step"), tier="laws",
       covers=("gaussian.log_prob", "sde.transition"))  # fmt: skip
def log_prob_of_own_step(subject: Subject) -> Finding:
    """The log-probability fed with the step's own sample, mean and std is that of the step."""
    if not subject.accepts("sde_step", "noise"):
        raise NotApplicable("the step draws its own noise")
    cases = [case for case, _ in _two(subject)]
    try:
        return compare(subject, OWN_SCORE, cases, _own_scores)
    except Differs as error:
        if _coarse_samples(subject, cases) and all(
            e.kind == "rounding" for e in error.explanations
        ):
            raise Differs(error.what, error.gap, (ROUNDED_AFTER,)) from None
        raise


def _own_scores(subject: Subject, cases: list[Case]) -> list[Answer]:
    return [_own_score(subject, case.inputs) for case in cases]


def _own_score(subject: Subject, i: Inputs) -> Answer:
    p = own_parts(subject, i, i["v"])
    if not {"x_s", "mean", "std"} <= set(p):
        raise NotApplicable("the step returns no sample, mean and std")
    return answer("log_prob", subject.raw("log_prob", {**prepared(subject, i), **p}))


def _coarse_samples(subject: Subject, cases: list[Case]) -> bool:
    """Whether the step's samples are members of a coarser type."""
    samples = [arrays.take(own_parts(subject, k.inputs, k.inputs["v"])["x_s"]) for k in cases]
    return any(
        np.array_equal(arrays.rounded_to(x, kind), x)
        for x in samples for kind in ("bfloat16", "float16")
    )  # fmt: skip


ROUNDED_AFTER = Explanation(
    "mistake", "rounded after scoring", 0.0,
    "The stored sample is not the one whose log-probability is stored.",
    "round first, then score; or store float32",
)  # fmt: skip
