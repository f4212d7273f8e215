"""The levels of a run: do they fall, do steps join, which grid, which schedule of noise?

x_s of a step = x_t of the next        s of a step = t of the next        g = a √(t/(1 − t)) ...
"""

import math
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from ...equations import Step, kernels, sde
from ...evidence.mistakes import mistakes
from ..reading.clocks import BOUNDARIES, boundary_of
from ..reading.manifest import Manifest
from . import implied, readings, stds
from .block import Block, distinct
from .finding import Finding, Verdict
from .gridded import of_grid

_MANY = 4096


class Levels:
    """The distinct steps of a run, gathered as rows go by."""

    def __init__(self) -> None:
        self.steps: set[tuple[float, ...]] = set()
        self.unusable = self.rows = self.still = 0

    def add(self, b: Block, still: int = 0) -> None:
        """Note the (t, s, std, g) of a block's rows, of which `still` have t = s."""
        self.still += still
        self.rows += len(b.kept)
        self.unusable += len(b.kept) - b.n
        # a schedule that was assumed, for want of std and g, says nothing of itself
        assumed = not {"std", "g"} & set(b.scalars)
        names = [n for n in ("t", "s", "std", "g")[: 2 if assumed else 4] if n in b.resolved]
        if {"t", "s"} <= set(names) and len(self.steps) < _MANY and b.n:
            rows = torch.cat([b.resolved[n] for n in names], dim=1)
            if not bool((rows == rows[:1]).all()):
                self.steps.update(tuple(row) for row in distinct(rows)[0].tolist())
            else:
                self.steps.add(tuple(rows[0].tolist()))
            self.names = names

    @property
    def columns(self) -> dict[str, Tensor]:
        """The distinct steps, t falling, (k, 1) by name."""
        rows = torch.tensor(sorted(self.steps, reverse=True), dtype=torch.float64)
        return {name: rows[:, i : i + 1] for i, name in enumerate(self.names)}

    def findings(self, manifest: Manifest, roundoff: Mapping[str, float]) -> Iterator[Finding]:
        """On order, grid and schedule."""
        if self.unusable:
            still = f". In {self.still} of them t = s: both are one end of the step"
            yield Finding(
                "levels", "differs", rows=self.rows,
                detail=f"{self.unusable} of {self.rows} rows have levels or scales that no step "
                "has: t ≤ s, outside [0, 1], a negative std, or NaN; they are left out"
                + (still if self.still else ""),
            )  # fmt: skip
        if not self.steps or len(self.steps) >= _MANY or (self.unusable and len(self.steps) < 2):
            return
        u = max(roundoff.get("t", 0.0), roundoff.get("s", 0.0))
        yield of_grid(self.columns, manifest, u)
        if "std" in roundoff and "g" in roundoff:
            yield stds.of_g(self.columns, roundoff)
        if "g" in self.names:
            yield _schedule(self.columns, manifest, max(u, roundoff.get("std", 0.0)), roundoff)


def named(b: Block, manifest: Manifest) -> bool:
    """Whether the stds of some rows follow a schedule that has a name, of several steps, with the
    declared a, or with one that somebody would have chosen."""
    seen = Levels()
    seen.add(b)
    if not seen.steps or not {"g", "std"} <= set(seen.names) or len(seen.steps) < _SEVERAL:
        return False
    c = {name: x[seen.columns["g"][:, 0] > 0] for name, x in seen.columns.items()}
    u = max(b.model.roundoff.get(n, 0.0) for n in ("t", "s", "std", "g"))
    for name, _, a in _with_names(c, Manifest(), _slack(c, u)) if len(c["g"]) else ():
        own = float(angle(torch.tensor(a))) if name == "cps" else a
        if abs(own - (manifest.a or round(own, 2))) <= _CHOSEN * own:
            return True
    return False


_CHOSEN = 1e-3
_SEVERAL = 4
"""Fewer stds follow many a schedule."""


def _schedule(
    c: Mapping[str, Tensor], manifest: Manifest, u: float, roundoff: Mapping[str, float]
) -> Finding:
    noisy = c["g"][:, 0] > 0
    c = {name: x[noisy] for name, x in c.items()}
    if not len(c["g"]):
        silent: Verdict = "differs" if manifest.a else "consistent"
        return Finding("schedule", silent, "", detail="g = 0 throughout: every step is the ODE's")
    step, g, slack = Step(c["t"], c["s"]), c["g"], _slack(c, u)
    found = _with_names(c, manifest, slack)
    if not found:
        inside = BOUNDARIES["next_level"](step)
        for m in mistakes("sde.flow_grpo_g"):
            for _, _, a in _constant(g, m.wrong(step.t, 1.0, inside), slack, m.title, ""):
                return Finding("schedule", "differs", m.title, detail=f"a = {a:.4g}. {m.what}")
        seen = ", ".join(
            f"g({t:.3g}) = {x:.3g}" for t, x in zip(step.t[:4, 0], g[:4, 0], strict=False)
        )
        u = max(u, roundoff.get("std", 0.0))
        asked = [manifest.a] if manifest.a is not None else [0.7, 1.0]
        told = implied.of_schedule(c, asked) or (
            _in_place_of_cps(c, slack) if manifest.schedule == "cps"
            else _without_h(c, manifest, slack)
            or _of_other_h(c, manifest, slack)
            or _read(c, manifest, u)
        )  # fmt: skip
        return Finding(
            "schedule", "differs" if manifest.schedule or manifest.a else "convention", "",
            rows=len(g), detail=f"no schedule with a name: {told or seen}",
        )  # fmt: skip
    return _told(found, manifest, len(g))


def _slack(c: Mapping[str, Tensor], u: float) -> Tensor:
    """What rounding may be of g: 1 − t and t − s lose what t is known to, and so does anything that
    is divided by them."""
    step = Step(c["t"], c["s"])
    loss = 1 + 1 / (1 - torch.where(step.t < 1, step.t, step.s)) + step.t / step.h
    return 64 * u * loss + 1e-12


def _with_names(
    c: Mapping[str, Tensor], manifest: Manifest, slack: Tensor
) -> list[tuple[str, str, float]]:
    """The schedules that g follows: name, rule at t = 1, and a."""
    step, g = Step(c["t"], c["s"]), c["g"]
    found: list[tuple[str, str, float]] = []
    for rule in dict.fromkeys([*BOUNDARIES, *filter(None, [manifest.boundary])]):
        inside = boundary_of(rule)(step)
        if bool((inside < 1).all()):
            found += _constant(g, sde.flow_grpo_g(step.t, 1.0, inside), slack, "flow_grpo", rule)
            held = torch.minimum(step.t, inside)  # the numerator's t as well
            if rule.startswith("clamp") and bool((held < step.t).any()):
                found += _constant(g, sde.flow_grpo_g(held, 1.0, held), slack, "flow_grpo", rule)
    found += _constant(g, torch.ones_like(g), slack, "constant", "")
    if bool((step.s > 0).all()):
        fresh = kernels.cps_std(step.s, 1.0 + 0 * step.s)
        found += _constant(c["std"], fresh, slack, "cps", "")
    return found


def _in_place_of_cps(c: Mapping[str, Tensor], slack: Tensor) -> str:
    """What a std is in proportion to, where it is no s sin(η π/2)."""
    step = Step(c["t"], c["s"])
    powers = {"": 1 + 0 * step.t, "t": step.t, "h": step.h, "√h": step.h**0.5, "√s": step.s**0.5,
              "√t": step.t**0.5, "s²": step.s**2, "s √h": step.s * step.h**0.5,
              "(1 − s)": 1 - step.s, "(1 − t)": 1 - step.t}  # fmt: skip
    usable = ((name, unit) for name, unit in powers.items() if bool((unit > 0).all()))
    found = [
        (a, n) for name, unit in usable for n, _, a in _constant(c["std"], unit, slack, name, "")
    ]
    told = [f"std = {a:.4g} {name}".rstrip() for a, name in found[:1]]
    return f"{told[0]}, where s sin(η π/2) is declared" if told else ""


def _without_h(c: Mapping[str, Tensor], manifest: Manifest, slack: Tensor) -> str:
    """Whether the std is g times one number for all steps, whatever their length."""
    step, std = Step(c["t"], c["s"]), c["std"]
    for rule in [manifest.boundary] if manifest.boundary else list(BOUNDARIES):
        inside = boundary_of(rule)(step)
        if not bool((inside < 1).all()):
            continue
        g = sde.flow_grpo_g(step.t, 1.0, inside)
        for unit, words in ((g, "√(t/(1 − t))"), (torch.ones_like(g), "")):
            for *_, by in _constant(std, unit, slack, "", ""):
                told = stds.steps_of(by / manifest.a) if manifest.a else ""
                return f"std = {by:.4g} {words}".rstrip() + f" at every step, long or short{told}"
    return ""


def _of_other_h(c: Mapping[str, Tensor], manifest: Manifest, slack: Tensor) -> str:
    """Whether the std has the length of the step before, or after, in it."""
    for by, which in ((1, "before"), (-1, "after")):
        step, other = Step(c["t"], c["s"]), Step(c["t"].roll(by, 0), c["s"].roll(by, 0))
        joined = step.t == other.s if by > 0 else step.s == other.t
        inside = joined[:, 0]
        if int(inside.sum()) < _SEVERAL - 1:
            continue
        g = c["std"] / other.h.sqrt()
        rows = {n: x[inside] for n, x in {**c, "g": g}.items()}
        for name, _, a in _with_names(rows, manifest, slack[inside]):
            if name != "cps":
                law = f"{a:.4g} √(t/(1 − t))" if name == "flow_grpo" else f"{a:.4g}"
                return f"std = g √h with the h of the step {which}, g = {law}"
    return ""


def _read(c: Mapping[str, Tensor], manifest: Manifest, u: float) -> str:
    """What the kit's diagnosis says of g at the levels that were met."""
    rule = {"boundary": manifest.boundary or "next_level"}
    given, got = readings.cases_of({n: c[n] for n in ("t", "s")}, c["g"])
    for a in [manifest.a] if manifest.a is not None else (0.7, 1.0):
        if told := readings.read("schedule", given, got, u, rule | {"a": a}):
            return told
    return ""


def _constant(
    g: Tensor, unit: Tensor, slack: Tensor, name: str, rule: str
) -> list[tuple[str, str, float]]:
    """g = a · unit for one a?"""
    ratio = g / unit
    a = float(ratio.median())
    return [(name, rule, a)] if bool(((ratio - a).abs() <= slack * a).all()) else []


def angle(share: Tensor) -> Tensor:
    """η of `kernels.cps_std` at s = 1, from the std."""
    return 2 / math.pi * torch.asin(share.clamp(max=1))


def _meant(share: float, eta: float | None) -> str:
    """How std/s may have come from a declared η."""
    if eta is None or not 0 <= eta <= 1:
        return ""
    right = float(kernels.cps_std(1.0, eta))
    ways = {
        "η stands for sin(η π/2)": eta, "cos stands for sin": (1 - right**2) ** 0.5,
        "sin(η π) stands for sin(η π/2)": 2 * right * (1 - right**2) ** 0.5,
        "sin(η) stands for sin(η π/2)": math.sin(eta), "η² stands for sin(η π/2)": eta**2,
        "the square of sin(η π/2) stands for it": right**2,
    }  # fmt: skip
    near = [name for name, value in ways.items() if abs(value - share) <= 1e-4]
    return f": {' or '.join(near)}" if near else ""


def _told(found: list[tuple[str, str, float]], manifest: Manifest, rows: int) -> Finding:
    wanted = {"schedule": manifest.schedule, "a": manifest.a, "boundary": manifest.boundary}
    told = {k: v for k, v in wanted.items() if v is not None}

    def contradicts(f: tuple[str, str, float]) -> list[str]:
        name, rule, a = f
        said = []
        if manifest.schedule not in (None, name):
            said.append(f"schedule = {manifest.schedule!r}")
        if manifest.boundary is not None and name == "flow_grpo" and manifest.boundary != rule:
            said.append(f"boundary = {manifest.boundary!r}")
        wanted_a = manifest.a
        if wanted_a is not None and name == "cps":
            wanted_a = float(kernels.cps_std(1.0, wanted_a))
        if wanted_a is not None and abs(a - wanted_a) > 1e-3 * abs(wanted_a):
            said.append(f"a = {manifest.a:g}")
        return said

    name, rule, a = min(found, key=lambda f: len(contradicts(f)))
    said = contradicts((name, rule, a))
    rules = [r for n, r, _ in found if n == name and r]
    at = f", at t = 1 {' or '.join(rules)}" if rules else ""
    words = {"flow_grpo": f"g = {a:.4g} √(t/(1 − t)){at}", "constant": f"g = {a:.4g} throughout",
             "cps": f"std = {a:.4g} s"}[name]  # fmt: skip
    if said and name == "cps" and a <= 1:
        eta = float(angle(torch.tensor(a, dtype=torch.float64)))
        words += f", which is s sin(η π/2) at η = {eta:.4g}{_meant(a, manifest.a)}"
    elif said and manifest.a:
        powers = (("√a: a stands under the root", 0.5), ("a²: the root of a is not taken", 2.0))
        words += next(
            (f"; {a:.4g} is {power}" for power, k in powers if abs(a / manifest.a**k - 1) < 1e-4),
            "",
        )
    if said:
        return Finding(
            "schedule", "differs", name, rows=rows,
            detail=f"declared {', '.join(said)}, and the numbers are {words}",
        )  # fmt: skip
    verdict: Verdict = (
        "consistent" if told or (name == "flow_grpo" and len(rules) > 1) else "convention"
    )
    return Finding("schedule", verdict, name, rows=rows, detail=words)
