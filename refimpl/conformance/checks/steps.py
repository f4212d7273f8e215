"""Checks of single steps: Euler, Heun, and the SDE's with its noise and its singular start.

    diffusion   ode_step   heun_step   sde_step

Times are mixed within a batch; where the function takes g or a, several are tried.
"""

from collections.abc import Callable
from itertools import chain
from typing import Any

import numpy as np

from ...equations import Step
from ..adapter import arrays
from ..adapter.conventions import NO_G, Conventions
from ..adapter.inputs import ANOTHER_A, at, positive, shapes, times, values
from ..adapter.results import Answer
from ..adapter.subject import Subject
from ..diagnosis.readings import Case
from ..formulas.operations import Operation, Slip, Within
from ..formulas.steps import diffusion, levels, step
from ..formulas.values import Formulas, Inputs, Parts, column
from ..formulas.written import begins, forms
from .asking import ask, compare
from .density import LOG_PROB, SAMPLE, balanced
from .fitted import fitted
from .ode import CLOCK, step_cases
from .register import Finding, check
from .table import offer, precise
from .widths import held_inside, of_quotients

_ONE_NAME = "flow_grpo's kernel, verl-omni, UniRL before its PR 38"


def _diffusion_cases(subject: Subject) -> list[Case]:
    c = subject.conventions
    cases = [Case(dict(st), "mixed t") for k in (0, 2) for st in times(c, 3, k)]
    if subject.accepts("diffusion", "a"):
        cases += [Case(dict(st) | {"a": ANOTHER_A}, f"a = {ANOTHER_A}") for st in times(c, 3, 1)]
    return cases


def _slip_g(name: str, what: str, seen: str, remedy: str, change: Any) -> Slip:
    def parts(i: Inputs, c: Conventions) -> Parts:
        x = i["x"] if "x" in i else np.zeros(len(i["t"]))
        at_ = levels(i, c, np.asarray(x))
        g = np.broadcast_to(change(i, c, at_), np.shape(column(i["t"], x)))
        flat = g.reshape(len(i["t"]))
        if "x" not in i:
            return {"value": flat}
        return step(Formulas(), {**i, "g": flat}, c)

    return Slip(name, what, seen, remedy, parts)


def _house_g(i: Inputs, c: Conventions, t: Any, inside: Any) -> Any:
    a = i.get("a", c["a"])
    return Formulas()("sde.flow_grpo_g")(t, a, inside)


def _whole(k: Step, nearest: Any) -> tuple[Any, Any]:
    """The level in thousandths, and what then stands inside 1/(1 − t)."""
    t = nearest(1000 * k.t) / 1000
    return t, np.where(t == 1, k.s, t)


_SCHEDULES: dict[str, Callable[[Step], Any]] = {
    "a t": lambda k: k.t, "a s": lambda k: k.s, "a √s": lambda k: np.sqrt(k.s),
    "a t²": lambda k: k.t**2, "a (1 − t)": lambda k: 1 - k.t,
    "a √(1 − t)": lambda k: np.sqrt(1 - k.t), "a √(t (1 − t))": lambda k: np.sqrt(k.t * (1 - k.t)),
    "a √(t/(1 − t))": lambda k: Formulas()("sde.flow_grpo_g")(k.t, 1.0, k.t),
    "a t/(1 − t)": lambda k: k.t / (1 - k.t),
    "a √(2 t/(1 − t))": lambda k: np.sqrt(2 * k.t / (1 - k.t)),
    "a √h": lambda k: np.sqrt(k.h), "a everywhere": lambda k: 1 + 0 * k.t,
}  # fmt: skip

_G_SLIPS = (
    _slip_g("g at the end of the step", "g is taken at s, where the step arrives.",
            "grids indexed one too far", "g at t", lambda i, c, k: _house_g(i, c, k.s, k.s)),
    _slip_g("next level at every t", "s stands inside 1/(1 − t) at every step, not at t = 1 alone.",
            "flow_grpo's remedy carried too far", "1 − t for t < 1",
            lambda i, c, k: _house_g(i, c, k.t, k.s)),
    *(_slip_g(f"next level at all t above {above:g} or so", "s stands inside 1/(1 − t) at several "
              "steps, not at t = 1 alone.", "flow_grpo's remedy carried too far", "1 − t for t < 1",
              lambda i, c, k, above=above: _house_g(i, c, k.t, np.where(k.t > above, k.s, k.t)))
      for above in (0.5, 0.7, 0.9)),
    *(_slip_g(f"1 − t floored at {low:g}", "At t = 1 the floor stands in its place, and g is "
              "enormous.", "eps against division by 0", "the next level at t = 1, or a clamp",
              lambda i, c, k, low=low: i.get("a", c["a"]) * np.sqrt(k.t / np.maximum(1 - k.t, low)))
      for low in (1e-5, 1e-6, 1e-7, 1e-8, 1e-10, 1e-12)),
    _slip_g("g at the middle of the step", "g is taken at (t + s)/2.", "midpoint rules, in part",
            "g at t", lambda i, c, k: _house_g(i, c, (k.t + k.s) / 2, (k.t + k.s) / 2)),
    _slip_g("g at a level in whole thousandths", "g is taken at the nearest multiple of 1/1000.",
            "integer timesteps", "g at t",
            lambda i, c, k: _house_g(i, c, *_whole(k, np.round))),
    _slip_g("g at a level cut to thousandths", "g is taken at the multiple of 1/1000 below.",
            "integer timesteps", "g at t",
            lambda i, c, k: _house_g(i, c, *_whole(k, np.floor))),
    *(_slip_g(f"g = {told}", "Another schedule of the noise.", "variants of the schedule",
              "the declared g", lambda i, c, k, g=g: i.get("a", c["a"]) * g(k))
      for told, g in _SCHEDULES.items()),
    _slip_g("the a that is given is not used", "Another number stands in its place: the usual one.",
            "a default that is left in", "use the argument",
            lambda i, c, k: diffusion(Formulas(), {n: x for n, x in i.items() if n != "a"}, c)[
                "value"].reshape(np.shape(k.t))),
    _slip_g("√a for a", "The level stands under the root.", "√(a t/(1 − t))", "a",
            lambda i, c, k: diffusion(Formulas(), i, c)["value"].reshape(np.shape(k.t))
            / np.sqrt(i.get("a", c["a"]))),
    _slip_g("a² for a", "The level of the noise is squared.", "a² where g² is meant", "a",
            lambda i, c, k: i.get("a", c["a"]) * diffusion(Formulas(), i, c)["value"].reshape(
                np.shape(k.t))),
    _slip_g("1 − t forgotten", "a √t, without the division.", "a classic", "a √(t/(1 − t))",
            lambda i, c, k: _house_g(i, c, k.t, 0 * k.t)),
)  # fmt: skip


_G_KEYS = ("g", "a", "boundary", "time", "t_min", "t_max")


DIFFUSION = Operation(
    "diffusion", diffusion, _G_KEYS, _G_SLIPS, written=forms("diffusion"), begins=begins,
    fitted=lambda *told: chain(held_inside(*told), of_quotients(*told)),
)  # fmt: skip


offer(DIFFUSION, _diffusion_cases, covers=("sde.flow_grpo_g",))


def step_sizes(i: Inputs, c: Conventions) -> Parts:
    """Terms of the mean before they cancel; and of the log-probability of the step's own sample."""
    at_ = levels(i, c, i["x"])
    x, v = np.abs(i["x"]), np.abs(i["v"])
    p = step(Formulas(), i, c)
    std = np.asarray(c.std(p["std"], at_.h))
    correction = std**2 / (2 * at_.t)
    mean = x + at_.h * v + correction * (x + (1 - at_.t) * v)
    if c["g"] in NO_G:
        mean = 2 * (x + v)
    out = {"mean": mean, "std": 0 * std}
    if "x_s" in p or "x_s" in i:
        x_s = np.abs(p["x_s"] if "x_s" in p else i["x_s"])
        noise = (
            np.abs(i["noise"])
            if "noise" in i
            else np.abs(i["x_s"] - p["mean"]) / np.where(std > 0, std, 1)
        )
        out["x_s"] = mean + std * noise
        safe = np.where(std > 0, std, 1)
        weight = 2 * safe**2 if c["log_prob_terms"] == "bare square" else 1.0
        out["log_prob"] = (
            weight * (noise * (mean + x_s) / safe + noise**2)
            + 2
            + np.abs(Formulas()("gaussian.log_prob")(0 * safe, 0 * safe, safe))
        )
    return out


def _moved(name: str, what: str, seen: str, remedy: str, change: Any) -> Slip:
    return Slip(name, what, seen, remedy,
                lambda i, c: step(Formulas(), {**i, **change(i, c)}, c))  # fmt: skip


def _shared(i: Inputs, c: Conventions) -> dict[str, Any]:
    return {"noise": np.broadcast_to(i["noise"][:1], i["noise"].shape)}


def _renoised(i: Inputs, c: Conventions) -> Parts:
    """x_s = (1 − s) data + s ε: the predicted data, noised afresh."""
    k = levels(i, c, i["x"])
    f = Formulas()
    data = f("conversions.data_from_velocity")(f("paths.linear")(k.t), i["x"], c.velocity(i["v"]))
    parts = {"mean": (1 - k.s) * data, "std": c.their_std(k.s, k.h)}
    if "noise" in i:
        parts["x_s"] = f("gaussian.sample")((1 - k.s) * data, k.s, i["noise"])
    return parts


def _other_mean(i: Inputs, c: Conventions) -> Parts:
    """(1 − s) data + √(s² − std²) noise: the level's variance kept, and Flow-GRPO's std."""
    k, right, f = levels(i, c, i["x"]), step(Formulas(), i, c), Formulas()
    at, v, std = (
        f("paths.linear")(k.t),
        c.velocity(i["v"]),
        np.asarray(c.std(right["std"], levels(i, c, i["x"]).h)),
    )
    data = f("conversions.data_from_velocity")(at, i["x"], v)
    noise = f("conversions.noise_from_velocity")(at, i["x"], v)
    mean = (1 - k.s) * data + np.sqrt(np.maximum(k.s**2 - std**2, 0)) * noise
    made = {"mean": mean, "std": right["std"]}
    return made | ({"x_s": mean + std * i["noise"]} if "noise" in i else {})


def _noise_first(i: Inputs, c: Conventions) -> Parts:
    """x_s = y − h drift(y), y = x + std ε, with v as it was given."""
    std = np.asarray(c.std(step(Formulas(), i, c)["std"], levels(i, c, i["x"]).h))
    still = {**i, "x": i["x"] + std * i["noise"]}
    return {"x_s": step(Formulas(), still, c)["mean"]}


def _silent_start(i: Inputs, c: Conventions) -> Parts:
    """x − h v where the level is 1."""
    k, right = levels(i, c, i["x"]), step(Formulas(), i, c)
    still = i["x"] - k.h * c.velocity(i["v"])
    made = {"mean": np.where(k.t == 1, still, right["mean"]),
            "std": np.where(k.t == 1, 0.0, right["std"])}  # fmt: skip
    return made | ({"x_s": np.where(k.t == 1, still, right["x_s"])} if "x_s" in right else {})


def _silent_end(i: Inputs, c: Conventions) -> Parts:
    k, right = levels(i, c, i["x"]), step(Formulas(), i, c)
    silent = np.where(k.s == 0, right["mean"], right["x_s"])
    return {part: x for part, x in right.items() if part != "log_prob"} | {"x_s": silent}


def _end_of(i: Inputs, c: Conventions, *, drift: bool, noisy: bool) -> Parts:
    """The step to s = 0 by the ODE or by the SDE's mean, with its noise or without any."""
    k, right = levels(i, c, i["x"]), step(Formulas(), i, c.but(last_step="sampled"))
    last, still = k.s == 0, i["x"] - k.h * c.velocity(i["v"])
    mean = right["mean"] if drift else np.where(last, still, right["mean"])
    made = {"mean": mean, "std": right["std"] if noisy else np.where(last, 0.0, right["std"])}
    if "x_s" not in right:
        return made
    noise = right["x_s"] - right["mean"]
    return made | {"x_s": mean + (noise if noisy else np.where(last, 0.0, noise))}


def _uncorrected(i: Inputs, c: Conventions) -> Parts:
    """x − h v + std ε beside the right mean."""
    k, right = levels(i, c, i["x"]), step(Formulas(), i, c)
    off = i["x"] - k.h * c.velocity(i["v"]) - right["mean"]
    return right | {"x_s": right["x_s"] + off}


STEP_SLIPS = (
    *_G_SLIPS,
    Slip("no noise at t = 1", "The first step is the ODE's: nothing is explored there, and its "
         "density is none.", "g set to 0 where 1 − t is 0", "the next level inside 1/(1 − t), or "
         "start below 1", _silent_start),
    _moved("one noise for the whole batch", "Every sample gets the first one's noise.",
           "noise drawn without the batch's dimension", "draw noise shaped like x", _shared),
    Slip("no noise at s = 0", "The last step returns its mean as the sample, and the SDE's std "
         "beside it.", "samplers that skip the last noise", "add it, or return the predicted data "
         "and declare last_step = 'data'", lambda i, c: _silent_end(i, c)),
    Slip("no noise at s = 0, and no std", "The last step returns the SDE's mean, which is neither "
         "its sample nor the predicted data.", "samplers that skip the last noise",
         "add the noise, or return x − t v and declare last_step = 'data'",
         lambda i, c: _end_of(i, c, drift=True, noisy=False)),
    Slip("the ODE's step to s = 0", "The last step is x − h v without noise: the predicted data.",
         "samplers whose last step is the ODE's", "declare last_step = 'data'",
         lambda i, c: _end_of(i, c, drift=False, noisy=False)),
    Slip("the ODE's mean in the last step", "At s = 0 the score's correction is left out, and the "
         "noise is there.", "samplers whose last step is the ODE's", "the SDE's mean",
         lambda i, c: _end_of(i, c, drift=False, noisy=True)),
    Slip("noise before the drift", "The noise is added to x, and the drift is that of the noisy "
         "state.", "Langevin steps and churn", "the drift at x, then the noise",
         lambda i, c: _noise_first(i, c)),
    Slip("the sample without the score's correction", "The mean has the correction and the sample "
         "that is returned has not.", "a mean that is computed apart from the sample",
         "mean + std · noise, with one mean", lambda i, c: _uncorrected(i, c)),
    Slip("the mean that keeps the level's variance", "The predicted noise is weighed by √(s² − "
         "std²), as CPS and DDIM have it, with the std of Flow-GRPO's SDE.",
         "two samplers in one", "x − h (v − g²/2 score), or declare g = 'cps'", _other_mean),
    Slip("the sample told as the mean", "What is returned as the mean has the noise in it.",
         "one variable for the mean and the sample", "keep the mean before the noise is added",
         lambda i, c: (p := step(Formulas(), i, c)) | {"mean": p["x_s"]}),
    _moved("v of the wrong sign", "The velocity of the other clock.", "ports between libraries",
           "declare velocity, or flip it", lambda i, c: {"v": -i["v"]}),
    Slip("noised afresh", "The predicted data is noised anew: a sampler, but not Flow-GRPO's "
                          "SDE, and "
         "without its g.", "diffusers' stochastic_sampling", "use the paper's step, or declare g = "
                                                             "'cps', a = 1",
         _renoised),
    _moved("t for 1 − t", "The clock of the step is read the other way round.", "data-time code",
           "declare time", lambda i, c: {"t": c.clock(1 - c.level(i["t"])),
                                        "s": c.clock(1 - c.level(i["s"]))}),
)  # fmt: skip


_STEP_KEYS = (*CLOCK, "g", "a", "boundary", "std", "log_prob", "log_prob_terms", "last_step",
              "t_min", "t_max", "std_min")  # fmt: skip


def _as_given(i: Inputs, parts: Parts, c: Conventions) -> Inputs:
    """What came back, as the inputs of what is made of it; a std that is missing is right."""
    std = np.broadcast_to(parts["std"] if "std" in parts else step(Formulas(), i, c)["std"],
                          column(i["t"], i["x"]).shape).reshape(len(i["t"]))  # fmt: skip
    x_s = parts.get("x_s", i.get("x_s"))
    return {**i, "mean": parts["mean"], "std": std, "x_s": x_s}


_WITHIN = (
    Within("x_s", SAMPLE, "x_s", ("mean",), _as_given),
    Within("log_prob", LOG_PROB, "value", ("x_s", "mean"), _as_given),
)


def _about_zero(i: Inputs, c: Conventions) -> Inputs:
    """Noise of such a size that the step's own sample scores between −1 and 1."""
    if "noise" not in i or "log_prob" not in step(Formulas(), i, c):
        return i
    value = lambda k: step(Formulas(), {**i, "noise": k * i["noise"]}, c)["log_prob"]  # noqa: E731
    return {**i, "noise": column(balanced(value), i["noise"]) * i["noise"]}


STEP = Operation("sde_step", step, _STEP_KEYS, STEP_SLIPS, step_sizes, forms("sde_step"), begins,
                 _WITHIN, fitted=fitted, about_zero=_about_zero)  # fmt: skip


def full_inputs(subject: Subject, given: dict[str, Any], k: int = 0) -> dict[str, Any]:
    """The noise and the g that the function takes."""
    shape = given["x"].shape
    if subject.accepts("sde_step", "noise"):
        given["noise"] = values("noise", shape, k)
    if subject.accepts("sde_step", "g"):
        g = positive("g", (shape[0],), k)
        given["g"] = g[:1].repeat(shape[0]) if subject.conventions["t"] == "scalar" else g
    return given


def sde_cases(subject: Subject) -> list[Case]:
    """Mixed times, every shape; another a where the function takes one."""
    cases = []
    for k, case in enumerate(step_cases(subject)):
        given = full_inputs(subject, dict(case.inputs), k)
        if k == 1 and subject.accepts("sde_step", "a") and "g" not in given:
            given["a"] = ANOTHER_A
        cases.append(Case(given, case.label))
    return cases


offer(STEP, sde_cases, value=False)


def asked(subject: Subject, cases: list[Case]) -> list[Answer]:
    """The step's answers; the log-probability of a rounded state is left to `sde_step.stored`."""
    got = [ask(subject, "sde_step", case.inputs) for case in cases]
    kept = []
    for a in got:
        stored = max(a.unit.get("x_s", 0.0), arrays.UNIT.get(subject.conventions["stored"], 0.0))
        rounded = "log_prob" in a.parts and stored > a.unit["log_prob"]
        parts = {p: x for p, x in a.parts.items() if not (rounded and p == "log_prob")}
        kept.append(Answer(parts, a.unit, a.kinds))
    return kept


def apart(subject: Subject, cases: list[Case]) -> list[Answer]:
    """The step's answers, with mean and std read off its sample where it does not return them.

    Without noise the sample is the mean; what the noise adds is std times the noise.
    """
    return [_apart(subject, k, a) for k, a in zip(cases, asked(subject, cases), strict=True)]


def _apart(subject: Subject, case: Case, got: Answer) -> Answer:
    noise = case.inputs.get("noise")
    if noise is None or "mean" in got.parts or "x_s" not in got.parts:
        return got
    still = ask(subject, "sde_step", {**case.inputs, "noise": 0 * noise}).parts.get("x_s")
    if still is None or still.shape != noise.shape:
        return got
    parts, unit = {**got.parts, "mean": still}, {**got.unit, "mean": got.unit["x_s"]}
    moved, flat = (y.reshape(len(noise), -1) for y in (got.parts["x_s"] - still, noise))
    std = (moved * flat).sum(axis=1) / (flat**2).sum(axis=1)
    left = np.abs(moved - std[:, None] * flat).max(initial=0.0)
    plain = left <= 64 * unit["x_s"] * np.abs(got.parts["x_s"]).max() and bool((std >= 0).all())
    if "std" not in parts and plain:
        parts["std"] = std.reshape((-1,) + (1,) * (noise.ndim - 1))
        unit["std"] = 16 * unit["x_s"]
        h = np.abs(np.asarray(subject.conventions.level(case.inputs["t"]))
                   - np.asarray(subject.conventions.level(case.inputs["s"])))  # fmt: skip
        parts["std"] = subject.conventions.their_std(parts["std"], column(h, noise))
    return Answer(parts, unit, got.kinds)


@check(
    "sde_step.value",
    needs=("sde_step",),
    tier="vectors",
    covers=("sde.transition", "gaussian.sample"),
)
def sde_step_value(subject: Subject) -> Finding:
    """Mean, std, sample and log-probability of a step, in every shape, with mixed times."""
    return compare(subject, STEP, precise(subject, sde_cases(subject)), asked, apart=apart)


@check("sde_step.last", needs=("sde_step",), tier="vectors", covers=("sde.transition",))
def sde_step_last(subject: Subject) -> Finding:
    """The step to s = 0 is a step like the others, or what last_step says."""
    c = subject.conventions
    shape = shapes(c)[0]
    given = {"x": values("x", shape), "v": values("v", shape), **at(c, 0.25, 0.0, shape[0])}
    case = Case(full_inputs(subject, given), "s = 0")
    return compare(subject, STEP, [case], asked, also=sde_cases(subject)[:2], apart=apart)
