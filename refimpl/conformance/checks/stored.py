"""What a rollout stores: is it what was scored, and does a replay score it again?

    sde_step.stored    replay.of_own_step

A sample that is rounded after it was scored makes the ratio differ from 1 before any update.
"""

import numpy as np

from ..adapter import arrays
from ..adapter.results import answer, raw_parts
from ..adapter.subject import Subject
from ..diagnosis.readings import Explanation
from ..formulas.operations import ROUNDINGS
from ..formulas.steps import gaussian_step, levels, reduced, scored
from ..formulas.values import Formulas, column
from .asking import ask, prepared
from .composed import ROUNDED_AFTER, mean_size
from .register import Differs, Finding, NotApplicable, check
from .steps import sde_cases


@check("sde_step.stored", needs=("sde_step",), tier="laws", covers=("gaussian.log_prob",))
def sde_step_stored(subject: Subject) -> Finding:
    """The log-probability that a step returns is that of the very sample it returns."""
    c = subject.conventions
    worst = 0.0
    for case in sde_cases(subject):
        got = ask(subject, "sde_step", case.inputs)
        if not {"x_s", "log_prob"} <= set(got.parts):
            raise NotApplicable("the step returns no sample with its log-probability")
        i = dict(case.inputs)
        at = levels(i, c, i["x"])
        p = gaussian_step(Formulas(), i, c, c.velocity(i["v"]), at)
        if not (np.asarray(p.std) > 0).all():
            continue
        mean, std = p.mean, np.broadcast_to(p.std, column(i["t"], i["x"]).shape)
        stored = scored(Formulas(), c, got.parts["x_s"], mean, std)
        log_prob = (
            got.parts["log_prob"].reshape(stored.shape)
            if got.parts["log_prob"].size == stored.size
            else None
        )
        if log_prob is None:
            raise Differs(
                f"log_prob has shape {got.parts['log_prob'].shape}, wanted {stored.shape}"
            )
        unit = got.unit["log_prob"]
        noise = np.abs(got.parts["x_s"] - mean) / std
        sizes = noise * (mean_size(i, c) + np.abs(got.parts["x_s"])) / std + noise**2 + 2
        if c["log_prob_terms"] == "bare square":
            sizes = sizes * 2 * std**2
        how = c["log_prob"]
        bound = ROUNDINGS * unit * (sizes if how == "none" else reduced(Formulas(), sizes, how))
        gap = np.abs(log_prob - stored)
        worst = max(worst, float((gap / bound).max()))
        if (gap <= bound).all():
            continue
        for dtype in ("bfloat16", "float16", "float32"):
            coarse = arrays.UNIT[dtype]
            if coarse <= unit or not np.array_equal(
                arrays.rounded_to(got.parts["x_s"], dtype), got.parts["x_s"]
            ):
                continue
            if "noise" in i:
                fine = scored(Formulas(), c, mean + std * i["noise"], mean, std)
                meets = (np.abs(log_prob - fine) <= 4 * bound + 1e-6 * np.abs(fine)).all()
            else:
                allowed = coarse * np.abs(got.parts["x_s"]) * (noise + 1) / std * 4
                meets = (
                    gap <= (allowed if how == "none" else reduced(Formulas(), allowed, how))
                ).all()
            if meets:
                shift = stored - log_prob
                told = (f"the sample is rounded to {dtype} after it was scored: replaying it "
                        "shifts the "
                        f"log-probability by {shift.mean():.2g} on average, "
                        f"{np.abs(shift).max():.2g} at most")  # fmt: skip
                cause = Explanation(
                    "mistake", "rounded after scoring", float(np.abs(shift).max()),
                    "The stored sample is not the one whose log-probability is stored: the "
                    "ratio is "
                    "not 1 before the first update.", "round first, then score; or store float32",
                )  # fmt: skip
                raise Differs(told, float(np.abs(shift).max()), (cause,))
        if c["dtype"] in ("bfloat16", "float16") and unit <= 2.0**-24:
            coarse_bound = bound * arrays.UNIT[c["dtype"]] / unit
            if (gap <= coarse_bound).all():
                continue
        raise Differs(f"the log-probability that the step returns is off by {gap.max():.3g} "
                      "from that of "
                      f"the sample it returns ({case.label})", float(gap.max()))  # fmt: skip
    return Finding(worst)


@check("replay.of_own_step", needs=("replay", "sde_step"), tier="laws",
       covers=("policy.ratio", "gaussian.log_prob"))  # fmt: skip
def replay_of_own_step(subject: Subject) -> Finding:
    """Replaying a stored step with unchanged weights gives its log-probability: ratio 1."""
    c, worst = subject.conventions, 0.0
    for case in sde_cases(subject):
        own = raw_parts("sde_step", subject.raw("sde_step", prepared(subject, case.inputs)))
        if not {"x_s", "log_prob"} <= set(own):
            raise NotApplicable("the step returns no sample with its log-probability")
        given = {**prepared(subject, case.inputs), "x_s": own["x_s"]}
        again = [subject.raw("replay", given, seed) for seed in (1, 2)]
        a, b = (answer("replay", x).parts["value"] for x in again)
        first = arrays.take(own["log_prob"]).reshape(a.shape)
        if not np.array_equal(a, b):
            raise Differs("replay of one stored step gives two log-probabilities: it draws "
                          "fresh noise",
                          float(np.abs(a - b).max()), (_FRESH,))  # fmt: skip
        gap = np.abs(a - first)
        scale = np.abs(first).max() + (
            1 if c["log_prob"] == "mean" else np.prod(case.inputs["x"].shape[1:])
        )
        unit = max(arrays.roundoff(own["log_prob"]), arrays.roundoff(again[0]))
        bound = 64 * unit * scale
        worst = max(worst, float(gap.max() / bound))
        if gap.max() > bound:
            sample = arrays.roundoff(own["x_s"])
            dtype = next(
                (
                    n
                    for n in ("bfloat16", "float16")
                    if np.array_equal(
                        arrays.rounded_to(arrays.take(own["x_s"]), n), arrays.take(own["x_s"])
                    )
                ),
                "",
            )
            causes = (ROUNDED_AFTER,) if sample > unit or dtype else ()
            raise Differs("replaying a stored step shifts its log-probability by "
                          f"{gap.max():.3g}: the ratio "
                          "is not 1 before the first update", float(gap.max()), causes)  # fmt: skip
    return Finding(worst)


_FRESH = Explanation(
    "mistake", "replay draws fresh noise", 0.0, "Another sample is scored than the stored one.",
    "score the stored x_s",
)  # fmt: skip
