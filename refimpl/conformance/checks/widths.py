"""What the std of a step tells: another schedule of noise, or another way to keep a variance.

    g = α + β t      a level held in g      churn by γ      Flow-CPS's step, an ancestral one

Each number is read off one answer or all of them; whether it holds is asked afterwards.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import permutations
from typing import Any

import numpy as np

from ...equations import Step
from ..adapter.conventions import Conventions, literal
from ..diagnosis.solving import NEAR_ENOUGH, one, plain
from ..formulas.operations import Slip
from ..formulas.steps import diffusion, diffusion_of, levels, step
from ..formulas.values import Formulas, Inputs, Parts

CHURN = ("Noise is added first, up to a higher level, and the ODE's step leads down from there: on "
         "a flow path the state would have to be scaled as well.")  # fmt: skip


def by_width(cases: Sequence[Inputs], told: Sequence[Parts], c: Conventions) -> Iterator[Slip]:
    """The mistakes that a step's std suggests: of all answers, or of the first that has one."""
    for i, parts in zip(cases, told, strict=True):
        if "std" in parts and (found := list(_held_level(i, parts, c))):
            yield from found
            break
    yield from held_inside(cases, told, c)
    yield from of_quotients(cases, told, c)
    yield from _straight(cases, told, c)
    for i, parts in zip(cases, told, strict=True):
        if "mean" in parts and "std" in parts:
            yield from _noised_again(i, parts, c)
            yield from _churn(i, parts, c)
            return


# ---------------------------------------------------------------- g


def _held_level(i: Inputs, parts: Parts, c: Conventions) -> Iterator[Slip]:
    """c from the std where it is wrong: g = a √(c/(1 − c)) there, whatever the level."""
    if c["g"] != "flow_grpo" or "g" in i:
        return
    at, a, right = levels(i, c, i["x"]), i.get("a", c["a"]), step(Formulas(), i, c)
    theirs, ours = (np.asarray(c.std(p["std"], at.h)) for p in (parts, right))
    other = np.abs(theirs - ours) > NEAR_ENOUGH * np.abs(ours)
    odds = (theirs**2 / (a**2 * at.h))[other]
    limit = one(odds / (1 + odds))
    if limit is None or not 0 < limit < 1 or plain(limit) != float(f"{limit:.3g}"):
        return  # a number of many digits is what another limit makes of it: of g itself
    above = bool((at.t[other] > limit).all())
    if above or bool((at.t[other] < limit).all()):
        hold, word = (np.minimum, "most") if above else (np.maximum, "least")
        rule = Formulas(quick=True)("sde.flow_grpo_g")
        end = float(np.float32(limit)) if c["dtype"] == "float32" else limit  # 1 − t is small
        made = c.but(g=lambda t: rule(hold(t, end), a, hold(t, end)), boundary="finite")
        yield Slip(f"t at {word} {limit:g} in g, and as it is in the score",
                   "The level is held in both places of g, in the numerator as well.",
                   "clamps of the level before √(t/(1 − t))",
                   f"declare g as that function of the level, and boundary = 'finite', or a "
                   f"boundary that is meant: 'clamp {limit:g}' holds it inside 1/(1 − t) alone",
                   lambda i, c: step(Formulas(), i, made))  # fmt: skip


def held_inside(cases: Sequence[Inputs], told: Sequence[Parts], c: Conventions) -> Iterator[Slip]:
    """c from g where it is wrong: g = a √(t/(1 − min(t, c))) there, a limit that nobody declared.

    Either of `diffusion`, whose value is g, or of a step, by its std.
    """
    for i, parts in zip(cases, told, strict=True):
        if c["g"] != "flow_grpo" or "g" in i or not {"value", "std"} & set(parts):
            continue
        whole = "value" in parts
        at = levels(i, c, np.zeros(len(i["t"])) if whole else i["x"])
        right = diffusion_of(Formulas(), i, c, at)
        theirs = parts["value"] if whole else np.asarray(c.std(parts["std"], at.h)) / np.sqrt(at.h)
        other = np.abs(theirs - right) > NEAR_ENOUGH * np.abs(right)
        with np.errstate(all="ignore"):
            inside = 1 - i.get("a", c["a"]) ** 2 * at.t / theirs**2
        limit = one(inside[other])
        if limit is None or not 0.5 < limit < 1 or not bool((at.t[other] > limit).all()):
            continue
        rule = f"clamp {literal(plain(limit))}"
        of = partial(diffusion if whole else step, Formulas())
        yield Slip(f"1 − t at least {1 - limit:.4g} in g", "The level is held where g divides by "
                   "1 − t.", "floors against division by 0", f"declare boundary = {rule!r}, if it "
                   "is meant", _ruled(of, rule))  # fmt: skip
        return


_OF_STEP: dict[str, Callable[[Step], Any]] = {
    "1": lambda k: 1 + 0 * k.t, "t": lambda k: k.t, "s": lambda k: k.s, "h": lambda k: k.h,
    "(1 − t)": lambda k: 1 - np.asarray(np.where(k.t == 1, k.s, k.t)), "(1 − s)": lambda k: 1 - k.s,
}  # fmt: skip
"""Numbers of a step of which people make a schedule; 1 − t by the next level at t = 1."""


def of_quotients(cases: Sequence[Inputs], told: Sequence[Parts], c: Conventions) -> Iterator[Slip]:
    """g = a p/q or a √(p/q), of two numbers of the step: those that the first g is."""
    for i, parts in zip(cases, told, strict=True):
        if callable(c["g"]) or "g" in i or not {"value", "std"} & set(parts):
            continue
        at = levels(i, c, i["x"] if "x" in i else np.zeros(len(i["t"])))
        theirs = parts.get("value")
        if theirs is None:
            theirs = np.asarray(c.std(parts["std"], at.h)) / np.sqrt(at.h)
        for q in _QUOTIENTS:
            g = q.value(at) * i.get("a", c["a"])
            if np.shape(g) == np.shape(theirs) and np.allclose(g, theirs, _EXACT, 0):
                yield Slip(f"g = a {q.form}", "Another schedule of the noise.", "schedules from "
                           "memory", "the declared g", q.parts)  # fmt: skip
        return


@dataclass(frozen=True)
class _Quotient:
    """A schedule without its a: one number of the step over another, or the root of that."""

    one: str
    other: str
    root: bool

    @property
    def form(self) -> str:
        """As one writes it."""
        form = self.one if self.other == "1" else f"{self.one}/{self.other}"
        if not self.root:
            return form
        return f"√{form}" if form in _OF_STEP else f"√({form})"

    def value(self, at: Step) -> Any:
        """Its numbers."""
        with np.errstate(all="ignore"):
            q = _OF_STEP[self.one](at) / _OF_STEP[self.other](at)
            return np.sqrt(q) if self.root else q

    def parts(self, i: Inputs, c: Conventions) -> Parts:
        """g, or a step with it."""
        at = levels(i, c, i["x"] if "x" in i else np.zeros(len(i["t"])))
        g = np.reshape(self.value(at) * i.get("a", c["a"]), len(i["t"]))
        return step(Formulas(), {**i, "g": g}, c) if "x" in i else {"value": g}


_QUOTIENTS = tuple(
    _Quotient(one, other, root)
    for one, other in permutations(_OF_STEP, 2) for root in (True, False)
)  # fmt: skip


def _ruled(of: Callable[[Inputs, Conventions], Parts], rule: str) -> Any:
    return lambda i, c: of(i, c.but(boundary=rule))


def _straight(cases: Sequence[Inputs], told: Sequence[Parts], c: Conventions) -> Iterator[Slip]:
    """g = α + β t, read off every std: a line between a schedule's ends."""
    seen = dict[float, float]()
    for i, parts in zip(cases, told, strict=True):
        if "std" in parts and "g" not in i and "a" not in i:
            at = levels(i, c, i["x"])
            g = np.asarray(c.std(parts["std"], at.h)) / np.sqrt(at.h)
            seen |= dict(zip(np.ravel(at.t + 0 * g), np.ravel(g + 0 * at.t), strict=True))
    line = _line(np.array(list(seen)), np.array(list(seen.values())))
    if line is None:
        return
    alpha, beta = line
    form = f"{alpha:g} {'+' if beta > 0 else '−'} {abs(beta):g} t" if alpha else f"{beta:g} t"
    other = c.but(g=lambda t: alpha + beta * t, boundary="finite")
    whole = all(np.allclose(step(Formulas(), i, other)["mean"], p["mean"], 1e-3, 1e-3)
                for i, p in zip(cases, told, strict=True) if "mean" in p)  # fmt: skip
    yield Slip(f"g = {form}", "g is a straight line of the level, between a schedule's ends.",
               "early flow_grpo, and code after it at noise level 1", "a √(t/(1 − t)), or declare "
               "g as that function of the level, and boundary = 'finite'",
               lambda i, c: (step(Formulas(), i, other) if whole
                             else _as_wide(i, c, other)))  # fmt: skip


def _line(t: np.ndarray, g: np.ndarray) -> tuple[float, float] | None:
    """α and β with g = α + β t everywhere, β not 0."""
    if len(t) < _FEWEST or not np.isfinite(g).all():
        return None
    near = _EXACT * np.abs(g).max()
    made = np.polynomial.Polynomial.fit(t, g, 1).convert().coef
    alpha, beta = (plain(float(x)) if abs(x) > near else 0.0 for x in [*made, 0.0][:2])
    return (alpha, beta) if beta and np.abs(alpha + beta * t - g).max() <= near else None


def _as_wide(i: Inputs, c: Conventions, other: Conventions) -> Parts:
    """The right mean with another's std."""
    return {"mean": step(Formulas(), i, c)["mean"], "std": step(Formulas(), i, other)["std"]}


_FEWEST = 4
"""So many levels, at least, tell a line."""

_EXACT = 1e-6
"""How far a std may lie off a line, relative to the largest: a few roundings of float32."""


# ---------------------------------------------------------------- the level's variance kept


def _noised_again(i: Inputs, parts: Parts, c: Conventions) -> Iterator[Slip]:
    """Steps that keep the level's variance with a std of their own: η from the std."""
    at = levels(i, c, i["x"])
    std = np.asarray(c.std(parts["std"], at.h)) + 0 * at.s
    share = one(std[at.s > 0] / (at.s + 0 * std)[at.s > 0])
    if share is not None and 0 < share < 1 and c["g"] != "cps":
        eta = plain(float(2 / np.pi * np.arcsin(share)))
        other = c.but(g="cps", a=eta)
        yield Slip(f"the step of Flow-CPS with η = {eta:g}", f"The std is {share:g} s, and the "
                   "mean keeps the level's variance.", "Flow-CPS, and steps that overshoot and "
                   "noise again", f"declare g = 'cps', a = {eta:g}, or take the declared step",
                   lambda i, c: step(Formulas(), i, other))  # fmt: skip
    with np.errstate(all="ignore"):
        kept = np.sqrt(at.s**2 - std**2) / (1 - at.s)
        down = one(((kept / (1 + kept) / at.s - 1) / (at.s / at.t - 1))[at.s > 0])
    if down is not None and 0 < down <= 1:
        yield Slip(f"an ancestral step with η = {down:g}", "Euler's step leads below s, and noise "
                   "leads up again, the data's coefficient kept.", "ancestral Euler samplers for "
                   "rectified flows", "the declared step, or none of its density",
                   lambda i, c: _ancestral(i, c, down))  # fmt: skip


def _ancestral(i: Inputs, c: Conventions, eta: float) -> Parts:
    """Down to s (1 + (s/t − 1) η) along v, scaled to 1 − s of data, and noise up to s."""
    at, v = levels(i, c, i["x"]), c.velocity(i["v"])
    down = at.s * (1 + (at.s / at.t - 1) * eta)
    times = (1 - at.s) / (1 - down)
    mean = times * (i["x"] - (at.t - down) * v)
    std = np.sqrt(np.maximum(at.s**2 - (times * down) ** 2, 0))
    made = {"mean": mean, "std": c.their_std(std, at.h)}
    return made | ({"x_s": mean + std * i["noise"]} if "noise" in i else {})


# ---------------------------------------------------------------- churn


def _churn(i: Inputs, parts: Parts, c: Conventions) -> Iterator[Slip]:
    """γ from the mean, x − (t̂ − s) v; the noise's own factor from the std."""
    at, v = levels(i, c, i["x"]), c.velocity(i["v"])
    far = np.abs(v) > 0.1 * np.abs(v).max()
    up = np.where(far, (i["x"] - parts["mean"]) / np.where(far, v, 1.0) + at.s, np.nan)
    for top, seen in ((np.inf, far), (1.0, far & (up < 1 - NEAR_ENOUGH))):
        gamma = one((up / at.t - 1)[seen])
        if gamma is None or gamma <= 0:
            continue
        wide = np.sqrt(np.minimum((1 + gamma) * at.t, top) ** 2 - at.t**2)
        times = one(np.asarray(c.std(parts["std"], at.h)) / wide)
        if times is not None:
            yield _churned(gamma, times, top)
            return


def _churned(gamma: float, times: float, top: float) -> Slip:
    """x_s = x + std ε − (t̂ − s) v,  t̂ = (1 + γ) t, at most the top,  std² = t̂² − t²."""

    def parts(i: Inputs, c: Conventions) -> Parts:
        at = levels(i, c, i["x"])
        up = np.minimum((1 + gamma) * at.t, top)
        mean = i["x"] - (up - at.s) * c.velocity(i["v"])
        std = times * np.sqrt(up**2 - at.t**2)
        made = {"mean": mean, "std": c.their_std(std, at.h)}
        return made | ({"x_s": mean + std * i["noise"]} if "noise" in i else {})

    also = "" if times == 1 else f", noise times {times:g}"
    ends = "" if top == np.inf else f", to {top:g} at most"
    return Slip(f"churn by {gamma:g}{ends}{also}", CHURN, "diffusers' Heun and Euler samplers, EDM",
                "std = g √h with the score's correction, or no noise at all", parts)  # fmt: skip
