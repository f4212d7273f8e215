"""Formulas taken apart: one quantity a line, so that each can have become another on its way.

    each = -((x_s - mean)**2) / (2 * std**2) - log(std) - ...
        →   z = residual / std,  loss = z**2 / 2,  each = -loss - log(std) - ...

Where a formula is written out to be edited it is in one piece, as implementations write it; here
its residuals, squares and limits have names. Both give the same numbers, or are not used.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from ..adapter.conventions import Conventions
from .program import Program, written
from .values import Inputs
from .written import held, programs, spread

_Z = "z = residual / std\nloss = z**2 / 2\n"

_DENSITY = {
    "all": f"{_Z}each = -loss - log(std) - log(2 * pi) / 2",
    "no log 2 pi": f"{_Z}each = -loss - log(std)",
    "quadratic": f"{_Z}each = -loss",
    "bare square": "loss = residual**2\neach = -loss",
}

_SQUARES = {
    "eq3": "difference = mean - mean_ref\nsquare = difference**2\neach = square / (2 * std**2)",
    "without h": "difference = mean - mean_ref\nsquare = difference**2\neach = square / (2 * g**2)",
    "means": "difference = mean - mean_ref\nsquare = difference**2\neach = square",
    "velocity": "difference = v - v_ref\nsquare = difference**2\neach = square",
    "of velocities": "difference = v - v_ref\nsquare = difference**2\n"
                     "each = h / 2 * (g * (1 - t) / (2 * t) + 1 / g)**2 * square",
    "k3": "likelihood_ratio = exp(log_ratio)\nvalue = likelihood_ratio - 1 - log_ratio",
}  # fmt: skip

NAMED = frozenset(("residual", "z", "loss", "difference", "square", "likelihood_ratio", "low",
                   "high", "plain", "clipped", "spread"))  # fmt: skip
"""Quantities that nobody's code need call so: a reading says what they are."""


def _scored(i: Inputs, c: Conventions) -> Mapping[str, str]:
    return {"each": f"residual = x_s - mean\n{_DENSITY[c['log_prob_terms']]}"}


def _compared(i: Inputs, c: Conventions) -> Mapping[str, str]:
    kind = c["kl"]
    if "mean" in i:
        kind = "means" if kind == "velocity" else kind
    elif kind == "eq3":
        kind = "of velocities"
    if kind not in _SQUARES:
        return {}
    return {"value" if kind == "k3" else "each": held(_SQUARES[kind], c)}


def _standardized(i: Inputs, c: Conventions) -> Mapping[str, str]:
    if c["advantage_std"] == "none":
        return {}
    whole = "value" if c["advantage_clip"] == "none" else "whole"
    return {whole: f"spread = {spread(c)}\n{whole} = centred / (spread + eps)"}


def _clipped(i: Inputs, c: Conventions) -> Mapping[str, str]:
    ends = "low = 1 - clip_low\nhigh = 1 + clip_high\nclipped = clamp(ratio, low, high)"
    sign = "" if c["sign"] == "objective" else "-"
    whole = f"whole = minimum(plain, clipped * advantage)\nvalue = {sign}whole"
    return {"clipped": ends, "value": whole}


def _guided(i: Inputs, c: Conventions) -> Mapping[str, str]:
    begun = "v_cond" if c["guidance"] == "omega" else "v_uncond"
    return {"value": f"difference = v_cond - v_uncond\nvalue = {begun} + w * difference"}


_APART: Mapping[str, Callable[[Inputs, Conventions], Mapping[str, str]]] = {
    "log_prob": _scored,
    "replay": _scored,
    "kl": _compared,
    "surrogate": _clipped,
    "objective": lambda i, c: {"clipped": _clipped(i, c)["clipped"]},
    "advantages": _standardized,
    "guidance": _guided,
}
"""The lines that take a line's place, by its name, for each capability."""


def apart(name: str) -> Callable[[Sequence[Inputs], Conventions], tuple[Program, ...]]:
    """The formula of a capability with its quantities named."""

    def made(cases: Sequence[Inputs], c: Conventions) -> tuple[Program, ...]:
        found = [programs(name, i, c)[:1] for i in cases]
        plain = max(found, key=lambda f: sum(len(p.lines) for p in f)) if all(found) else ()
        return tuple(taken_apart(p, _APART[name](cases[0], c)) for p in plain)

    return made


def taken_apart(program: Program, texts: Mapping[str, str]) -> Program:
    """The program with several lines in the place of one, by name."""
    lines = [
        row for was in program.lines
        for row in (written(texts[was.name]).lines if was.name in texts else (was,))
    ]  # fmt: skip
    return replace(program, lines=tuple(lines))
