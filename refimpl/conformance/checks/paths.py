"""Checks of grids, network times and points of a path.

    schedule   model_time   path   velocity_target

Grids are compared with the declared one, and each other named grid is a reading of it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np

from ...simulate import grids, named
from ..adapter import arrays
from ..adapter.conventions import Conventions
from ..adapter.inputs import received, shapes, times, values
from ..adapter.subject import Subject
from ..diagnosis.readings import Case, Explanation
from ..diagnosis.solving import solved
from ..formulas.operations import Operation, Slip
from ..formulas.values import (
    Formulas,
    Inputs,
    Parts,
    column,
    model_time,
    path,
    schedule,
    velocity_target,
)
from ..formulas.written import begins, forms
from .asking import ask, compare
from .register import Differs, Finding, NotApplicable, check
from .table import offer

# ---------------------------------------------------------------- grids


def _one(T: int, c: Conventions) -> np.ndarray:
    return schedule(Formulas(), {"steps": T}, c)["value"]


def _noise_levels(i: Inputs, c: Conventions) -> np.ndarray:
    return np.asarray(c.level(_one(i["steps"], c)))


def _slip(name: str, what: str, seen: str, remedy: str, levels: object) -> Slip:
    def parts(i: Inputs, c: Conventions) -> Parts:
        made = np.asarray(levels(i, c))  # type: ignore[operator]
        return {"value": c.clock(np.clip(made, 0, 1))}

    return Slip(name, what, seen, remedy, parts)


def _twice(i: Inputs, c: Conventions) -> list[float]:
    grid = str(c["grid"])
    by = float(grid.partition(" ")[2]) if grid.startswith("shift") else 3.0
    return [grids.shift(t, by) for t in grids.shifted(i["steps"], by).levels]


_GRID_SLIPS = (
    _slip("one level short", "It has as many levels as steps, so the loop runs one step short.",
          "BAGEL, verl-omni 279", "steps + 1 levels",
          lambda i, c: np.asarray(c.level(_one(max(i["steps"] - 1, 1), c)))),
    _slip("last level dropped", "The final level is missing: sampling stops before the data.",
          "BAGEL, verl-omni 279", "append the last level, 0",
          lambda i, c: _noise_levels(i, c)[:-1]),
    _slip("first level dropped", "It starts below pure noise.", "grids indexed one too far",
          "start at noise level 1", lambda i, c: _noise_levels(i, c)[1:]),
    _slip("never 0", "The grid ends at 1/steps, so noise is left in the samples.",
          "MixGRPO-Flash", "end at noise level 0",
          lambda i, c: np.linspace(1, 1 / i["steps"], i["steps"] + 1)),
    _slip("stops at 0.001", "The grid ends at 1/1000 of the noise.", "DDPM timesteps",
          "end at noise level 0", lambda i, c: np.linspace(1, 0.001, i["steps"] + 1)),
    _slip("a level short, and 0 twice", "As many levels as steps, and a 0 after the one that is "
          "there: the last step has no length.", "zeros appended to grids that end at 0",
          "steps + 1 levels that all differ",
          lambda i, c: [*np.asarray(c.level(_one(max(i["steps"] - 1, 1), c))), 0.0]),
    _slip("the middles of the steps", "Each level lies between two of the grid's: the first is not "
          "pure noise.", "(k + 1/2)/steps", "steps + 1 levels from 1 to 0",
          lambda i, c: [*(1 - (np.arange(i["steps"]) + 0.5) / i["steps"]), 0.0]),
    _slip("shifted twice", "The shift is applied to levels that are shifted already.",
          "diffusers 13243", "shift once", _twice),
    _slip("shift inverted", "The grid dwells near the data, where a shift above 1 dwells near "
                            "noise.",
          "data-time code", "shift t/(1 + (shift − 1) t) × shift, on noise levels",
          lambda i, c: [grids.shift(t, 1 / 3) for t in grids.uniform(i["steps"]).levels]),
    _slip("the other clock", "The grid runs from data to noise.", "ports between libraries",
          "declare time, or reverse the grid", lambda i, c: 1 - _noise_levels(i, c)),
)  # fmt: skip


_WHOLE: Mapping[str, Callable[..., Any]] = {
    "cut": np.floor,
    "rounded": np.round,
    "rounded up": np.ceil,
}
"""What becomes of a level's thousandths."""

_NUDGE = 1e-9
"""Rounding may have carried a level that is a whole number of thousandths to either side."""


def _in_thousandths(
    cases: Sequence[Inputs], told: Sequence[Parts], c: Conventions
) -> Iterator[Slip]:
    """Levels that are multiples of 1/1000 on their own clock."""
    unit = 1.0 if c["time"].endswith("1000") else 1e-3
    for word, whole in _WHOLE.items():
        seen = {i["steps"]: _nearer(_one(i["steps"], c) / unit, p.get("value"), whole, unit)
                for i, p in zip(cases, told, strict=True)}  # fmt: skip
        yield Slip(f"levels {word} to thousandths", "Levels are multiples of 1/1000.",
                   "integer timesteps", "keep real numbers",
                   lambda i, c, seen=seen: {"value": seen[i["steps"]]})  # type: ignore[misc]  # fmt: skip


def _nearer(
    exact: np.ndarray, got: np.ndarray | None, whole: Callable[..., Any], unit: float
) -> np.ndarray:
    """The whole numbers; where a level is one itself, whichever neighbour came back."""
    below, above = (unit * whole(exact * (1 + d)) for d in (-_NUDGE, _NUDGE))
    if got is None or got.shape != exact.shape:
        return np.asarray(above)
    return np.where(np.abs(below - got) < np.abs(above - got), below, above)


_EVEN: Mapping[str, Callable[[int], np.ndarray]] = {
    "1 to 1/1000, then 0": lambda T: np.append(np.linspace(1, 1e-3, T), 0.0),
    "1 to 1/1000": lambda T: np.linspace(1, 1e-3, T + 1),
}
"""Levels before they are shifted, other than those of the declared grid."""

_SHIFTS: Mapping[str, Callable[[np.ndarray, float], np.ndarray]] = {
    "shift u/(1 + shift u)": lambda u, k: k * u / (1 + k * u),
    "shift u/(1 + (shift + 1) u)": lambda u, k: k * u / (1 + (k + 1) * u),
    "shift u/(shift + (shift − 1) u)": lambda u, k: k * u / (k + (k - 1) * u),
    "shift u/(1 + (shift − 1) (1 − u))": lambda u, k: k * u / (1 + (k - 1) * (1 - u)),
    "u/(1 + (shift − 1) u)": lambda u, k: u / (1 + (k - 1) * u),
    "shift u": lambda u, k: k * u,
}
"""Wrong ones: of a right one the grid has a name."""


def _shifted_otherwise(
    cases: Sequence[Inputs], told: Sequence[Parts], c: Conventions
) -> Iterator[Slip]:
    """Another even grid under another shift, two mistakes together."""
    kind, _, by = str(c["grid"]).partition(" ")
    for u, even in _EVEN.items() if kind == "shift" else ():
        for form, shift in _SHIFTS.items():
            yield _slip(f"levels u from {u}, and {form}", _RIGHT_SHIFT, "schedulers from memory",
                        "write both as they are meant", _by_rule(even, shift, float(by)),
            )  # fmt: skip


_RIGHT_SHIFT = "On the declared grid u goes from 1 to 0, a level is shift u/(1 + (shift − 1) u)."


def _by_rule(
    even: Callable[[int], np.ndarray], shift: Callable[[np.ndarray, float], np.ndarray], by: float
) -> Callable[[Inputs, Conventions], np.ndarray]:
    return lambda i, c: shift(even(i["steps"]), by)


SCHEDULE = Operation(
    "schedule",
    schedule,
    ("grid", "time"),
    _GRID_SLIPS,
    lambda i, c: {"value": np.abs(c.clock(np.zeros(1))) + np.abs(c.clock(np.ones(1)))},
    forms("schedule"),
    begins,
    fitted=lambda *told: chain(_in_thousandths(*told), _shifted_otherwise(*told)),
)


_COUNTS = (10, 40, 4, 7)
"""Sevenths are no multiples of a thousandth, on any grid."""


def _schedule_cases(subject: Subject) -> list[Case]:
    return [Case({"steps": T}, f"{T} steps") for T in _COUNTS]


offer(SCHEDULE, _schedule_cases, value=False)


@check("schedule.value", needs=("schedule",), tier="vectors")
def schedule_value(subject: Subject) -> Finding:
    """The levels are those of the declared grid."""
    if subject.conventions["grid"] == "any":
        raise NotApplicable("grid = 'any' is declared: there is nothing to compare with")
    try:
        return compare(subject, SCHEDULE, _schedule_cases(subject))
    except Differs as found:
        plain = all(e.kind == "edit" for e in found.explanations)
        known = (plain and _recognised(subject)) or found.explanations
        raise Differs(found.what, found.gap, known) from None


def _levels(subject: Subject, T: int) -> np.ndarray:
    """Their levels as noise levels."""
    c = subject.conventions
    theirs = ask(subject, "schedule", {"steps": T}).parts["value"].ravel()
    level = np.clip(theirs / (1000 if c["time"].endswith("1000") else 1), 0, 1)
    return np.asarray(1 - level if c["time"].startswith("data") else level)


def _named(subject: Subject) -> named.Match | None:
    """The named grid that theirs is at every number of steps, if it is one."""
    slack = 8 * arrays.UNIT[subject.conventions["dtype"]]

    def fitting(T: int) -> dict[str, named.Match]:
        theirs = _levels(subject, T).tolist()
        seen, found = named.identify(theirs, slack)
        whole = len(seen.levels) == len(theirs)  # else it is one of another number of steps
        return {m.name: m for m in found if m.exact and whole}

    try:
        first, *rest = map(fitting, _COUNTS)
    except ValueError:
        return None
    return next((m for name, m in first.items() if all(name in r for r in rest)), None)


def _recognised(subject: Subject) -> tuple[Explanation, ...]:
    """Which shipped grid theirs is, where no other reading was found."""
    match = _named(subject)
    if match is None:
        return ()
    plain = abs(match.shift - 1) < 1e-6
    power = np.log(match.shift)
    made_of = f", which is e^{power:.3g}" if abs(power - float(f"{power:.3g}")) < 1e-6 else ""
    shift = "" if plain else f", shift {match.shift:.6g}{made_of}"
    name = match.name.replace(", shifted once", "") if plain else match.name
    what = "Another grid than the declared one."
    remedy = "declare it, or make the declared one; see `refimpl grid`"
    return (Explanation("convention", f"grid: {name}{shift}", match.gap, what, remedy),)


@check("schedule.structure", needs=("schedule",), tier="vectors")
def schedule_structure(subject: Subject) -> Finding:
    """steps + 1 levels fall from noise to data, and their lengths add up to 1."""
    c = subject.conventions
    slack = 8 * arrays.UNIT[c["dtype"]] + 8 * 2.0**-24
    for T in (10, 40, 4):
        level = _levels(subject, T)
        if len(level) != T + 1:
            raise Differs(f"schedule({T}) has {len(level)} levels: {T} steps need {T + 1}")
        if level[-1] > slack:
            raise Differs(f"schedule({T}) ends at noise level {level[-1]:.6g}, not at 0", level[-1])
        start = 1.0 if c["grid"] == "any" else float(_noise_levels({"steps": T}, c)[0])
        if abs(level[0] - start) > slack:
            raise Differs(f"schedule({T}) starts at noise level {level[0]:.6g}, not at {start:.6g}")
        if not (np.diff(level) < 0).all():
            raise Differs(f"schedule({T}) does not fall at every step")
    match = _named(subject) if c["grid"] == "any" else None
    return Finding(notes=(f"the grid is {match.name}, shift {match.shift:.6g}",) if match else ())


# ---------------------------------------------------------------- times


def _cast(dtype: str) -> Slip:
    def parts(i: Inputs, c: Conventions) -> Parts:
        right = model_time(Formulas(), i, c)["value"]
        return {"value": arrays.rounded_to(np.asarray(right, dtype=np.float64), dtype)}

    return Slip(f"time cast to {dtype}", f"The network's time is rounded to {dtype}: rollout and "
                "training see different times.", "flow_grpo Flux/Qwen, verl-omni, UniRL 251",
                "keep the network's time in float32", parts)  # fmt: skip


def _cast_level(dtype: str) -> Slip:
    def parts(i: Inputs, c: Conventions) -> Parts:
        rounded = arrays.rounded_to(np.asarray(i["t"], dtype=np.float64), dtype)
        return model_time(Formulas(), {"t": rounded}, c)

    return Slip(f"level cast to {dtype}", f"The level is rounded to {dtype} before it is "
                                          "scaled: up to "
                "3.5e-3 in t.", "flow_grpo Flux/Qwen, verl-omni, UniRL 251",
                "keep the level in float32", parts)  # fmt: skip


def _of(change: object) -> object:
    def parts(i: Inputs, c: Conventions) -> Parts:
        right = model_time(Formulas(), i, c)["value"]
        return {"value": change(right)}  # type: ignore[operator]

    return parts


_WHOLE_TIMES = (0.5, 0.25, 0.125, 1.0)
"""Levels that are whole numbers of thousandths, in every precision: an index counted from 1 is no
level that is rounded up.
"""


def at_levels(i: Inputs, c: Conventions, levels: Sequence[float]) -> list[Inputs]:
    """The inputs with all of their samples at one level, and then at the next."""
    return [{**i, "t": np.full(len(i["t"]), c.clock(level))} for level in levels]


def _whole_time(i: Inputs, c: Conventions, near: Callable[..., Any], by: int = 0) -> Parts:
    right = model_time(Formulas(), i, c.but(model_time="1000 t"))["value"]
    return {"value": near(right) + by}


def _rounded_index(i: Inputs, c: Conventions) -> Parts:
    if not c["model_time"].startswith("int"):
        raise ValueError("no time is to be cut")
    return _whole_time(i, c, np.round)


_TIME_SLIPS = (
    _cast("bfloat16"), _cast("float16"), _cast_level("bfloat16"), _cast_level("float16"),
    Slip("time truncated", "int(·) drops the fraction.", "DanceGRPO, MixGRPO",
         "pass real numbers, or declare model_time = 'int(1000 t)'", _of(np.floor)),  # type: ignore[arg-type]
    Slip("time rounded", "round(·) drops the fraction.", "DDPM indices", "pass real numbers",
         _of(np.round)),  # type: ignore[arg-type]
    Slip("time rounded, where it is to be cut", "round(·) for int(·): every other index is "
         "one more.",
         "round in place of int", "int(1000 t)", lambda i, c: _rounded_index(i, c)),
    Slip("time rounded up", "ceil(·) drops the fraction.", "indices found by counting levels above",
         "pass real numbers", _of(np.ceil)),  # type: ignore[arg-type]
    *(Slip(f"one {word} than int(1000 t)", "Indices are counted from another number.",
           "indices found by counting levels", "int(1000 t)",
           lambda i, c, by=by: _whole_time(i, c, np.floor, by))  # type: ignore[misc]
      for word, by in (("more", 1), ("less", -1))),
    *(Slip(f"the level {word} to thousandths, and not scaled", "A whole number of thousandths, "
           "divided by 1000 again.", "integer timesteps", "keep the network's time",
           lambda i, c, near=near: {"value": _whole_time(i, c, near)["value"] / 1000})  # type: ignore[misc]
      for word, near in (("cut", np.floor), ("rounded", np.round))),
    Slip("999 for 1000", "A DDPM's last index for the number of steps.", "DDPM schedules",
         "1000 t", _of(lambda tau: tau * 0.999)),  # type: ignore[arg-type]
)  # fmt: skip

MODEL_TIME = Operation("model_time", model_time, ("model_time", "time"), _TIME_SLIPS,
                       lambda i, c: {"value": np.ones(1)}, forms("model_time"), begins,
                       about_zero=lambda i, c: {"t": c.clock(c.level(i["t"]) / 1024)},
                       telling=lambda i, c: at_levels(i, c, _WHOLE_TIMES))  # fmt: skip


def _model_times(subject: Subject) -> list[Case]:
    c = subject.conventions
    levels = np.array([0.96013, 0.70735, 0.46491, 0.27804, 0.00893, 0.75, 1.0])
    t = received(c, np.asarray(c.clock(levels)))
    if c["model_time"].startswith("int"):  # whole numbers fall either way by one rounding
        t = received(c, np.asarray(c.clock(np.array([0.9601, 0.7073, 0.4649, 0.0089, 0.7507]))))
    if c["t"] == "scalar":
        return [Case({"t": t[k : k + 1]}, f"t = {t[k]:.4g}") for k in range(len(t))]
    return [Case({"t": t}, "several t")]


offer(MODEL_TIME, _model_times, covers=("conventions.network_time",), full=False)

# ---------------------------------------------------------------- paths


def _path_cases(subject: Subject) -> list[Case]:
    c, cases = subject.conventions, []
    for k, shape in enumerate(shapes(c)):
        for st in times(c, shape[0], k):
            given = {"data": values("data", shape), "noise": values("noise", shape), "t": st["t"]}
            cases.append(Case(given, f"shape {shape}"))
    return cases


PATH_KEYS = ("path", "time", "velocity", "t_min", "t_max")


def _both_ends(i: Inputs, c: Conventions) -> Parts:
    return {"value": np.abs(i["data"]) + np.abs(i["noise"])}


def _floored(cases: Sequence[Inputs], told: Sequence[Parts], c: Conventions) -> Iterator[Slip]:
    """Noise that is never less than σ_min."""
    got = told[0].get("value")
    if got is None or c["path"] != "linear":
        return
    found = solved(lambda low: _path_with_floor(cases[0], c, low[0]), got, [2.0**-10])
    if found is not None and found[0] > 0:
        yield Slip(f"a floor of {found[0]:g} under the noise", "σ = t + σ_min (1 − t): data are "
                   "never reached, and the velocity is that of another path.",
                   "σ_min of optimal-transport paths", "σ = t",
                   lambda i, c: {"value": _path_with_floor(i, c, found[0])})  # fmt: skip


def _path_with_floor(i: Inputs, c: Conventions, low: float) -> np.ndarray:
    t = column(c.level(i["t"]), i["data"])
    return np.asarray((1 - t) * i["data"] + (t + low * (1 - t)) * i["noise"])


def _target(name: str, rule: Callable[[np.ndarray, np.ndarray, Any], Any]) -> Slip:
    return Slip(name, "What other models are trained on.", "ports from diffusion code",
                "noise − data",
                lambda i, c: {"value": rule(i["data"], i["noise"],
                                            column(c.level(i["t"]), i["data"]))})  # fmt: skip


_TARGETS = (
    _target("(1 − t) noise − t data", lambda x, e, t: (1 - t) * e - t * x),
    _target("√(1 − t²) noise − t data", lambda x, e, t: np.sqrt(1 - t**2) * e - t * x),
    _target("the noise", lambda x, e, t: e),
    _target("the data", lambda x, e, t: x),
    _target("the path's own point", lambda x, e, t: (1 - t) * x + t * e),
    _target("(noise − data)/t", lambda x, e, t: (e - x) / t),
    _target("t (noise − data)", lambda x, e, t: t * (e - x)),
    _target(
        "(noise − data)/√((1 − t)² + t²)", lambda x, e, t: (e - x) / np.sqrt((1 - t) ** 2 + t**2)
    ),
    _target("noise − x_t", lambda x, e, t: (1 - t) * (e - x)),
)


def _other_path(name: str, weights: Callable[[Any], tuple[Any, Any]]) -> Slip:
    def parts(i: Inputs, c: Conventions) -> Parts:
        kept, drawn = weights(column(c.level(i["t"]), i["data"]))
        return {"value": kept * i["data"] + drawn * i["noise"]}

    return Slip(name, "Another path than the declared one.", "ports from diffusion code",
                "the declared path, or declare another", parts)  # fmt: skip


_OTHER_PATHS = (
    _other_path("√(1 − t²) data + t noise", lambda t: (np.sqrt(1 - t**2), t)),
    _other_path("√(1 − t) data + √t noise", lambda t: (np.sqrt(1 - t), np.sqrt(t))),
    _other_path("data + t noise", lambda t: (1 + 0 * t, t)),
    _other_path("(1 − t) data + √(1 − (1 − t)²) noise", lambda t: (1 - t, np.sqrt(t * (2 - t)))),
    _other_path("(1 − t)² data + t² noise", lambda t: ((1 - t) ** 2, t**2)),
)


PATH = Operation("path", path, PATH_KEYS, _OTHER_PATHS, _both_ends, forms("path"), begins,
                 fitted=_floored, telling=lambda i, c: at_levels(i, c, (0.0, 1.0)))  # fmt: skip
TARGET = Operation(
    "velocity_target", velocity_target, PATH_KEYS, _TARGETS, _both_ends, forms("velocity_target"),
    begins,
)  # fmt: skip
offer(PATH, _path_cases, covers=("paths.interpolate", "paths.linear", "paths.cosine", "paths.vp"))
offer(TARGET, _path_cases, covers=("paths.velocity", "paths.linear"))
