"""What each capability must return, on the adapter's own clock and in its own conventions.

    step(Formulas(), inputs, conventions)   →   {"mean": ..., "std": ..., ...}

Each is a chain of registered equations. `Formulas` hands them out by id and can hand out a named
mistake in place of one: so every named mistake becomes an answer that a wrong implementation
would give, in any convention.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any, TypeAlias

import numpy as np

from ...equations import Coefficients, conventions
from ...equations.registry import find
from ...evidence.mistake import Mistake
from ...evidence.mistakes import mistakes
from ...simulate import grids, shipped
from ..adapter.conventions import Conventions

Inputs: TypeAlias = Mapping[str, Any]


Parts: TypeAlias = dict[str, np.ndarray]


class Formulas:
    """The registered equations by id, some of them replaced if mistakes are given or planted.

    With `quick`, as they are behind their validation: for inputs that have been through it.
    """

    trusting = False
    planted: tuple[Mistake, ...] = ()

    def __init__(self, *mistakes: Mistake, quick: bool = False) -> None:
        self._wrong = {m.equation: m.wrong for m in (*Formulas.planted, *mistakes)}
        self._quick = quick or Formulas.trusting
        self.used: set[str] = set()

    def __call__(self, id: str) -> Callable[..., Any]:
        self.used.add(id)
        if id in self._wrong:
            return self._wrong[id]
        return _bare(id) if self._quick else _true(id)

    @property
    def replaced(self) -> frozenset[str]:
        """The ids of the replaced equations."""
        return frozenset(self._wrong)


@contextmanager
def trusting() -> Iterator[None]:
    """All formulas without validation: a search computes them thousands of times on one input."""
    before, Formulas.trusting = Formulas.trusting, True
    try:
        yield
    finally:
        Formulas.trusting = before


@contextmanager
def planted(mistake: Mistake) -> Iterator[None]:
    """All formulas with this mistake among them: what else is wrong may hide in what uses them."""
    before, Formulas.planted = Formulas.planted, (mistake,)
    try:
        yield
    finally:
        Formulas.planted = before


_TRUE: dict[str, Callable[..., Any]] = {}


def _true(id: str) -> Callable[..., Any]:
    """The function as it was when first asked for: planting in the register does not reach here."""
    if id not in _TRUE:
        _TRUE[id] = find(id).function
    return _TRUE[id]


@cache
def _bare(id: str) -> Callable[..., Any]:
    return inspect.unwrap(_true(id))


def column(t: Any, x: np.ndarray) -> Any:
    """One number per sample, shaped to meet x."""
    t = np.asarray(t, dtype=np.float64)
    return t.reshape(t.shape + (1,) * (x.ndim - 1)) if t.ndim == 1 else t


def coefficients(f: Formulas, c: Conventions, t: Any) -> Coefficients:
    """The declared path at a noise level."""
    t = c.held(t)
    if c["path"] == "vp":
        return f("paths.vp")(t, 0.1, 20.0)
    return f(f"paths.{c['path']}")(t)


def schedule(f: Formulas, i: Inputs, c: Conventions) -> Parts:
    """The levels of the declared grid, on their clock."""
    T, grid = int(i["steps"]), c["grid"]
    if grid == "sd35 as shipped":
        made = grids.sd35_as_shipped(T)
    elif grid in ("uniform", "any"):  # of any grid only the shape is asked
        made = grids.uniform(T)
    elif grid.startswith("shift"):
        made = grids.shifted(T, float(grid.partition(" ")[2]))
    else:
        return {"value": c.clock(np.array(shipped.of_name(grid, T).levels))}
    return {"value": c.clock(np.array(made.levels))}


def model_time(f: Formulas, i: Inputs, c: Conventions) -> Parts:
    """The network's time of a time on their clock."""
    t = c.level(i["t"])
    if c["model_time"] == "t":
        return {"value": t}
    if c["model_time"] == "1 - t":
        return {"value": f("conventions.flip_time")(t)}
    tau = f("conventions.network_time")(t)
    return {"value": np.floor(tau) if c["model_time"].startswith("int") else tau}


def path(f: Formulas, i: Inputs, c: Conventions) -> Parts:
    """x_t."""
    at = coefficients(f, c, column(c.level(i["t"]), i["data"]))
    return {"value": f("paths.interpolate")(at, i["data"], i["noise"])}


def velocity_target(f: Formulas, i: Inputs, c: Conventions) -> Parts:
    """v of the path."""
    at = coefficients(f, c, column(c.level(i["t"]), i["data"]))
    return {"value": c.velocity(f("paths.velocity")(at, i["data"], i["noise"]))}


def conversion(f: Formulas, i: Inputs, c: Conventions) -> Parts:
    """One of the twelve conversions; `i["to"]` names it."""
    target, _, source = i["to"].partition("_from_")
    short = {"velocity": "v"}.get(source, source)
    at = coefficients(f, c, column(c.level(i["t"]), i["x"]))
    given = {short: c.velocity(i[short]) if source == "velocity" else i[short]}
    if i["to"] not in ("score_from_noise", "noise_from_score"):
        given["x"] = i["x"]
    got = f(f"conversions.{i['to']}")(at, **given)
    return {"value": c.velocity(got) if target == "velocity" else got}


def advantages(f: Formulas, i: Inputs, c: Conventions) -> Parts:
    """(prompts, G) rewards to advantages."""
    r = i["rewards"]
    if (c["advantage_mean"], c["advantage_std"], c["advantage_floor"]) in _AS_THE_EQUATION:
        got = f("grpo.advantage")(
            r, std=c["advantage_std"], ddof=int(c["advantage_ddof"]), eps=c["advantage_eps"]
        )
    else:
        got = _standardized(f, r, c)
    if c["advantage_clip"] != "none":
        got = f("grpo.bounded")(got, float(c["advantage_clip"]))
    return {"value": got}


_AS_THE_EQUATION = {("group", std, 0.0) for std in ("group", "batch", "none")}


def _standardized(f: Formulas, r: np.ndarray, c: Conventions) -> np.ndarray:
    """What the equations centre, over max(std, floor) + eps: trainers' spread, the declared one."""
    if c["advantage_mean"] == "group":
        centred = f("grpo.advantage")(r, std="none", ddof=0, eps=0.0)
    else:
        centred = f("grpo.leave_one_out")(r)
    if c["advantage_std"] == "none":
        return np.asarray(centred)
    centred = np.where((r == r[:, :1]).all(axis=1, keepdims=True), 0 * r, centred)
    spread = np.sqrt(_variance(r, c["advantage_std"], int(c["advantage_ddof"])))
    spread = np.maximum(spread, c["advantage_floor"]) + c["advantage_eps"]
    return np.asarray(centred / np.where(spread > 0, spread, 1.0))


def _variance(r: np.ndarray, over: str, ddof: int) -> np.ndarray:
    if over == "others":  # of the group without each sample in its turn
        rest = [np.delete(r, k, axis=1).var(axis=1, ddof=ddof) for k in range(r.shape[1])]
        return np.stack(rest, axis=1)
    return np.asarray(r.var(ddof=ddof) if over == "batch" else
                      r.var(axis=1, ddof=ddof, keepdims=True))  # fmt: skip


def _signed(value: np.ndarray, c: Conventions) -> np.ndarray:
    return value if c["sign"] == "objective" else conventions.flip_velocity(value)


def surrogate(f: Formulas, i: Inputs, c: Conventions) -> Parts:
    """min(r A, clip(r) A), or its negative."""
    return {"value": _signed(_surrogate(f, i), c)}


def _surrogate(f: Formulas, i: Inputs) -> Any:
    """With ends of their own each end is the surrogate's of one sign of the advantage."""
    low, high = i.get("clip_low", i["clip"]), i.get("clip_high", i["clip"])
    if low is high or low == high == i["clip"]:
        return f("grpo.surrogate")(i["ratio"], i["advantage"], i["clip"])
    ends = [f("grpo.surrogate")(i["ratio"], i["advantage"], end) for end in (low, high)]
    return np.where(i["advantage"] < 0, *ends)


def objective(f: Formulas, i: Inputs, c: Conventions) -> Parts:
    """Surrogate minus β KL, or its negative."""
    value = _surrogate(f, i)
    return {"value": _signed(f("grpo.objective")(value, i["kl"], i["beta"]), c)}


def guidance(f: Formulas, i: Inputs, c: Conventions) -> Parts:
    """The guided velocity, by the declared scale, or with CFG-Zero*'s projection."""
    if c["guidance"] == "zero-star":
        u, v = (np.asarray(i[name], dtype=np.float64) for name in ("v_uncond", "v_cond"))
        along, squared = (f("policy.total")(a) for a in (u * v, u * u))
        s = f("guidance.projection")(along, squared + 1e-8)  # the 1e-8 is the official code's
        return {"value": f("guidance.zero_star")(u, v, i["w"], column(s, u))}
    id = "guidance.ho_salimans" if c["guidance"] == "omega" else "guidance.classifier_free"
    return {"value": f(id)(i["v_uncond"], i["v_cond"], i["w"])}


def named(ids: set[str]) -> tuple[Mistake, ...]:
    """The mistakes of the equations that were used."""
    return tuple(m for m in mistakes() if m.equation in ids)
