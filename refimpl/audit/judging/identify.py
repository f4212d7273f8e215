"""Which formulas did the run use? Asked of a probe, answered with all that fit.

    mean, or x_s with its noise, against every kernel and every mistake, under every reading

Without mean and noise nothing can be compared number by number; then the formula is taken whose
residuals have the law of noise.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

import torch
from torch import Tensor

from ...statistics.gaussian import chi_square, normal
from ...statistics.outcome import ALPHA
from ..reading.clocks import BOUNDARIES, Clock, Reading, clock_of
from ..reading.manifest import SCHEDULES, Manifest
from ..reading.probe import Probe
from . import levels
from .block import Block, Model, block, rms
from .fit import EASY, Gap, Match, best, gap, linear, match
from .formulas import DRAWS, MEANS, Formula
from .noise import FINE

_COMMON_A = (0.7, 1.0, 0.8, 0.3, 0.5, 0.9, 1.2, 2**0.5, 0.0)


@dataclass(frozen=True)
class Identified:
    """What the probe showed.

    Attributes:
        model: the reading and formulas to go on with.
        means: the formulas of the mean that fit, likeliest first.
        draws: those of x_s from mean and noise.
        target: what the mean was compared with: "mean", "x_s", "residuals", or "" where nothing
            could be compared.
        velocity: the velocity that explains it, "v" or "v_old".
    """

    model: Model
    means: list[Match]
    draws: list[Match]
    target: str
    velocity: str = "v"


def identify(probe: Probe, manifest: Manifest, *, mistakes: bool = True) -> Identified:
    """Find reading, mean and draw.

    Args:
        mistakes: are asked as well.

    Raises:
        ValueError: no step can be judged.
    """
    raw = probe.raw
    clock = clock_of(raw.get("t"), raw.get("s"), manifest.time, manifest.time_scale)
    if raw and not block(raw, Model(Reading(clock, "unknown"), None, None, {})).n:
        raise ValueError(
            "no step can be judged: in every row one of t, s, std and g is NaN, infinite or "
            "negative, or t does not lie above s"
        )
    means, target, velocity = _means(probe, manifest, clock, mistakes)
    reading = means[0].reading if means else _first(raw, manifest, clock)
    mean = _alone(means[0].formula) if means else (MEANS[0] if target else None)
    if mean is None and {"x_t", "v", "t", "s"} <= set(raw):
        mean = MEANS[0]
    led = target == "mean" and any(m.level in ("exact", "stored") for m in means)
    model = Model(reading, mean, None, probe.roundoff, led)
    draws = _draws(block(raw, model))
    return Identified(replace(model, draw=_drawn(means, draws)), means, draws, target, velocity)


def _first(raw: Mapping[str, Tensor], manifest: Manifest, clock: Clock) -> Reading:
    """The first reading under which the scalars make sense."""
    for reading in readings_of(raw, manifest, clock):
        if reading.std == "schedule" and "g" not in raw and manifest.a is None:
            break
        if _resolves(block(raw, Model(reading, None, None, {}))):
            return reading
    return Reading(clock, "unknown")


def _resolves(b: Block) -> bool:
    try:
        return b.resolved is not None
    except ValueError:  # g is singular where this rule puts no bound
        return False


def readings_of(raw: Mapping[str, Tensor], manifest: Manifest, clock: Clock) -> Iterator[Reading]:
    """What the scalars may mean: as they are declared, or every rule that is in use."""
    if "std" in raw:
        if manifest.std != "g":
            yield Reading(clock, "step")
        if "g" not in raw and manifest.std != "step":
            yield Reading(clock, "g")
    elif "g" in raw:
        yield Reading(clock, "schedule")
    else:
        rules = [manifest.boundary] if manifest.boundary else list(BOUNDARIES)
        levels = [manifest.a] if manifest.a is not None else _COMMON_A
        for schedule in [manifest.schedule] if manifest.schedule else SCHEDULES:
            for a, rule in product(levels, rules if schedule == "flow_grpo" else ["none"]):
                yield Reading(clock, "schedule", a, rule, schedule)


def _means(
    probe: Probe, manifest: Manifest, clock: Clock, mistakes: bool
) -> tuple[list[Match], str, str]:
    raw = probe.raw
    if not {"x_t", "v", "t", "s"} <= set(raw) or not {"mean", "x_s"} & set(raw):
        return [], "", "v"
    target = "mean" if "mean" in raw else "x_s" if "noise" in raw else "residuals"
    # without std and g a schedule is guessed: one that fits may be believed, none is an accusation
    guessed = not {"std", "g"} & set(raw) and manifest.a is None
    for velocity in ("v", "v_old"):
        if velocity not in raw:
            continue
        seen = {**raw, "v": raw[velocity]}
        roundoff = {**probe.roundoff, "v": probe.roundoff[velocity]}
        blocks = [
            block(seen, Model(r, None, None, roundoff)) for r in readings_of(raw, manifest, clock)
        ]
        blocks = [b for b in blocks if b.n and _resolves(b)]
        lawful = [b for b in blocks if b.model.reading.std == "step" and levels.named(b, manifest)]
        blocks = lawful or blocks  # then std is the step's, and no other reading is asked
        judge = _white if target == "residuals" else _compared
        found: list[Match] = []
        # the article's first; then every kernel; then mistakes in what is drawn as well
        rounds = [(DRAWS[:1], MEANS[:1])]
        if not guessed:
            rounds += [(DRAWS[:1], MEANS[1:])]
            rounds += [(DRAWS[2:], MEANS)] if target == "x_s" else []
        for draws, formulas in rounds:
            kept = [f for f in formulas if mistakes or f.standing != "mistake"]
            kept = [f for f in kept if not (lawful and f.by_std)]
            found += [
                m for b in blocks for f in _asked(b, kept) for m in judge(b, f, target, draws)
            ]
            exact = any(m.level == "exact" and m.strain <= EASY for m in found)
            if exact and target != "residuals":  # residuals may not tell two formulas apart
                return best(found), target, velocity
        first = blocks[0].model.reading if blocks else None
        found = [m for m in found if m.level in ("exact", "stored") or m.reading == first]
        likely = [m for m in best(found) if m.level in ("exact", "stored") or not guessed]
        sure = bool(likely) and likely[0].level in ("exact", "stored")
        if likely and (velocity == "v_old" or "v_old" not in raw or sure):
            return likely, target, velocity
    return [], "" if guessed else target, "v"


def _asked(b: Block, formulas: Sequence[Formula]) -> Sequence[Formula]:
    """Where CPS's std was assumed, its step is asked and no other."""
    reading = b.model.reading
    if (reading.std, reading.schedule) != ("schedule", "cps") or "g" in b.scalars:
        return formulas
    return tuple(f for f in MEANS if f.name.startswith("kernels.preserving"))


def _compared(
    b: Block, formula: Formula, target: str, draws: tuple[Formula, ...]
) -> Iterator[Match]:
    reading, roundoff = b.model.reading, b.model.roundoff
    try:
        rule = linear(formula, ("x_t", "v"), b.scalars, reading, roundoff)
    except ValueError:
        return  # the formula has no value at these scalars
    if target == "mean":
        names = {"x_t": b.latent("x_t"), "v": b.latent("v")}
        yield match(
            formula, reading, gap(rule, names, b.latent("mean"), roundoff, roundoff["mean"])
        )
        return
    for draw in draws:
        drawn = linear(draw, ("mean", "noise"), b.scalars, reading, roundoff)
        through = drawn.through(rule, "mean")
        names = {k: b.latent(k) for k in ("x_t", "v", "noise")}
        found = gap(through, names, b.latent("x_s"), roundoff, roundoff["x_s"])
        yield match(_with(formula, draw), reading, found)


def _with(formula: Formula, draw: Formula) -> Formula:
    """A mean's formula where x_s is drawn about it in another way, with that way's standing."""
    if draw is DRAWS[0]:
        return formula
    return replace(
        formula, name=f"{formula.name}, {draw.name}", standing=draw.standing, what=draw.what,
        remedy=draw.remedy,
    )  # fmt: skip


def _alone(formula: Formula) -> Formula:
    """A mean's formula, however x_s is drawn about it."""
    return next((f for f in MEANS if f.value is formula.value), formula)


def _drawn(means: Sequence[Match], draws: Sequence[Match]) -> Formula | None:
    """The formula that gives x_s from mean and noise."""
    if draws or not means:
        return draws[0].formula if draws else None
    name = means[0].formula.name
    return next((d for d in DRAWS[1:] if name.endswith(f", {d.name}")), None)


def _white(b: Block, formula: Formula, target: str, draws: tuple[Formula, ...]) -> Iterator[Match]:
    """Fits where residuals have variance 1 and no regression on 1, x_t or v; and where x_s of steps
    without noise is the mean."""
    reading, u = b.model.reading, b.model.roundoff
    try:
        rule = linear(formula, ("x_t", "v"), b.scalars, reading, u)
    except ValueError:
        return
    x_s, std = b.latent("x_s"), b.resolved["std"]
    names = {"x_t": b.latent("x_t"), "v": b.latent("v")}
    known = torch.isfinite(x_s + names["x_t"] + names["v"]).all(dim=1)
    silent = gap(rule, names, x_s, u, u["x_s"]).take(~b.noisy & known)
    fine = (u["x_s"] * rms(x_s)[:, 0] < FINE * std[:, 0]) & known
    if not bool(fine.any()):
        if len(silent.size):
            yield match(formula, reading, silent)
        return
    e = ((x_s - rule.predict(names)) / std.clamp_min(1e-300))[fine]
    parts = [chi_square("", float((e**2).sum()), e.numel(), ALPHA)[0]]
    for r in (torch.ones_like(e), names["x_t"][fine], names["v"][fine]):
        size = float((r**2).sum() ** 0.5)
        parts.append(normal("", float((r * e).sum()) / max(size, 1e-300), ALPHA))
    strain = max(part.statistic / part.bound for part in parts)
    fits = strain <= 1 and bool(silent.fits("stored").all())
    # a statistic within its bound is as good as any other: no candidate is closer than another
    level, strain = ("exact", 0.0) if fits else ("", max(strain, 1.0))
    yield Match(formula, reading, level, strain, float(fits))


def of_reference(probe: Probe, known: Identified) -> Gap | None:
    """How far mean_ref is from what v_ref leads to, if it is, where the mean follows from v."""
    b = block(probe.raw, known.model)
    sure = any(m.level == "exact" for m in known.means) and known.target == "mean"
    if not sure or not b.n or not b.has("mean_ref", "v_ref", "x_t") or b.mean_rule is None:
        return None
    roundoff = {**probe.roundoff, "v": probe.roundoff["v_ref"]}
    names = {"x_t": b.latent("x_t"), "v": b.latent("v_ref")}
    found = gap(b.mean_rule, names, b.latent("mean_ref"), roundoff, roundoff["mean_ref"])
    return None if bool(found.fits("half").all()) else found


def by_sampler(probe: Probe, model: Model, velocity: str = "v_old") -> int:
    """How many probed rows there are, if their x_s is drawn about the mean that a velocity leads
    to."""
    found = draws_about(probe, model, velocity)
    return len(probe.picks) if found and found[0].formula == DRAWS[0] else 0


def draws_about(probe: Probe, model: Model, velocity: str) -> list[Match]:
    """The formulas by which x_s is drawn about the mean that a velocity leads to."""
    b = block(probe.raw, model)
    if not b.n or not b.has("x_s", "noise", velocity) or "std" not in b.resolved:
        return []
    mean = b.mean_of(velocity)
    if mean is None:
        return []
    roundoff = {**probe.roundoff, "mean": probe.roundoff[velocity]}
    found = _about(b, mean, roundoff)
    return [m for m in found if m.level in ("exact", "stored")]


def _draws(b: Block) -> list[Match]:
    """What x_s is made of, where mean and noise were recorded."""
    if not b.has("x_s", "mean", "noise") or "std" not in b.resolved or not b.n:
        return []
    return _about(b, b.latent("mean"), b.model.roundoff)


def _about(b: Block, mean: Tensor, roundoff: Mapping[str, float]) -> list[Match]:
    """The same about one mean."""
    names, found = {"mean": mean, "noise": b.latent("noise")}, []
    reading = b.model.reading
    for draw in DRAWS:
        if "g" not in b.resolved and "g for std" in draw.name:
            continue
        rule = linear(draw, ("mean", "noise"), b.scalars, reading, roundoff)
        compared = gap(rule, names, b.latent("x_s"), roundoff, roundoff["x_s"])
        found.append(match(draw, reading, compared))
    return best(found)
