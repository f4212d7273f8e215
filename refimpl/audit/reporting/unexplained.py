"""What a step's numbers were made by, where no listed formula gives them: other columns, or a line.

of_mean    of_row        each a sentence, or ""

For a mean other columns are tried first: the step before's velocity, the one without guidance. Then
the kit's diagnosis is asked, on a few rows.
"""

import re
from collections.abc import Iterator, Sequence
from math import prod

import numpy as np
import torch
from torch import Tensor

from ...equations import Step, conversions, gaussian, kernels, paths, policy, sde
from ...evidence.rounding import ROUNDINGS
from ..judging import elsewhere, implied, numbers, readings, weights
from ..judging.block import SCALARS, Block, Model, block, rms
from ..judging.levels import angle
from ..judging.verdicts import sampler_of
from ..reading.layout import Table
from ..reading.manifest import Manifest
from ..reading.probe import Probe, take, width
from .causes import alternatives, beside
from .whole import window

COORDINATES = 16
_CLOSE = 2.0**-10
"""Levels that stds in float32 show, of frozen data, are one within this."""

_NEAR = 2.0**-20
"""Two stds of one angle differ by less than this part of their level."""

_WIDEST = 2**12
"""Of latents with more numbers the diagnosis sees root mean squares: it would take minutes."""


def of_mean(
    tables: Sequence[Table], probe: Probe, model: Model, lag: int, manifest: Manifest
) -> str:
    """Of a step's mean, recorded or left when the noise is taken off x_s."""
    b = block(probe.raw, model)
    found = _mean_of(b)
    if found is None or (b.n < len(b.kept) and len(torch.unique(b.resolved["t"])) < 2):
        return ""
    u = max(probe.roundoff[n] for n in ("x_t", "v", "t", "s"))
    if b.has("mean") and (words := _another_field(*found, u)):
        return words
    for words, changed in alternatives("mean", tables, lag, manifest.guidance):
        raw = take(changed).raw
        known = torch.isfinite(raw["v"]).all(dim=1)
        other = _mean_of(block({n: x[known] for n, x in raw.items()}, model))
        if other is not None and readings.right("mean", *readings.cases_of(*other), u):
            return words
    if words := _of_another_row(tables[0], model, lag, u):
        return words
    above = int((b.resolved["std"] > (1 + _NEAR) * b.resolved["s"]).sum())
    cps = sampler_of(manifest) == "kernels.preserving"
    if cps and above:
        return f"std exceeds s in {above} of {b.n} rows: no predicted noise is left there to keep"
    if words := (
        _of_another_g(found, u, manifest)
        or _of_declared_g(found, u, manifest)
        or _of_other_levels(b, manifest, u)
        or _of_weights(tables, b, model, lag)
        or ("" if cps else weights.of_score(*_values(*found)))
    ):
        return words
    for conventions in (*_samplers(b, manifest), *_schedules(found[0], manifest)):
        given, mean = found
        if conventions:  # the level stands for the std
            given = {n: x for n, x in given.items() if n != "g"}
        if told := readings.read("mean", *readings.cases_of(given, mean), u, conventions):
            return told
    if b.mean_rule is None or len(found[1]) != b.n:
        return ""
    (c_x, _), (c_v, _) = (b.mean_rule.parts[n] for n in ("x_t", "v"))
    given, mean = found
    x, v, t = (given[n] for n in ("x", "v", "t"))
    off = (mean - c_x * x - c_v * v).abs().amax(dim=1) > _OFF * mean.abs().amax(dim=1)
    if not 0 < 2 * int(off.sum()) < len(off):
        return weights.told(x, v, mean, (c_x, c_v), t)
    part = {n: y[off] for n, y in given.items()}
    told = _another_field(part, mean[off], u) or weights.told(
        x[off], v[off], mean[off], (c_x[off], c_v[off]), t[off]
    )
    levels = sorted(set(t[off][:, 0].tolist()), reverse=True)
    whole = told and len(levels) <= _SOME and not bool(torch.isin(t[~off], t[off]).any())
    return f"at t = {', '.join(f'{x:.4g}' for x in levels)} alone: {told}" if whole else ""


_OFF = 1e-4
_SOME = 4
"""So many levels are told one by one."""


def _values(given: dict[str, Tensor], mean: Tensor) -> tuple[Tensor, ...]:
    """x_t, v, mean, t, s and g."""
    return given["x"], given["v"], mean, given["t"], given["s"], given["g"]


def _of_weights(tables: Sequence[Table], b: Block, model: Model, lag: int) -> str:
    """Whether x_t has another weight in the means, or another velocity is in them, in words."""
    found = _mean_of(b)
    if found is None or b.mean_rule is None or len(found[1]) != b.n:
        return ""
    given, mean = found
    (c_x, _), (c_v, _) = (b.mean_rule.parts[n] for n in ("x_t", "v"))
    if words := weights.named(given["x"], given["v"], mean, (c_x, c_v)):
        return words
    others = {}
    for name, changed in beside(tables, lag):
        raw = take(changed).raw
        known = torch.isfinite(raw["v"]).all(dim=1, keepdim=True)
        other = block(raw | {"v": torch.where(known, raw["v"], 0.0)}, model)
        if other.n == b.n == len(known):
            v = other.latent("v")[:, :COORDINATES]
            others[name] = torch.where(known, v, torch.nan)
    t, s = given["t"], given["s"]
    drift = sde.transition(paths.linear(t), 0 * t, 1 + 0 * t, 0 * t, Step(t, s)).mean
    wanted = (mean - c_x * given["x"]) / c_v
    return weights.of_two(wanted, given["v"], others, 1 - drift / c_v)


def _of_another_g(found: tuple[dict[str, Tensor], Tensor], u: float, manifest: Manifest) -> str:
    """Whether the means are right for another level of noise, in words."""
    given, mean = found
    if sampler_of(manifest) == "kernels.preserving" or not bool((given["g"] > 0).all()):
        return ""
    c, a = implied.factor_of_g(given, mean), manifest.a or implied.level_of(given["t"], given["g"])
    told = numbers.of_level(c, a)
    if not c or abs(c - 1) < _OFF or " a = " not in told:  # else it is as well the score's weight
        return ""
    other = given | {"g": c * given["g"]}
    return f"its g is {told}" if readings.right("mean", *readings.cases_of(other, mean), u) else ""


def _of_declared_g(found: tuple[dict[str, Tensor], Tensor], u: float, manifest: Manifest) -> str:
    """Whether the means are right for the schedule that was declared, where the stds are not of
    it, in words."""
    given, mean = found
    if manifest.schedule not in ("flow_grpo", "constant") or manifest.a is None:
        return ""
    rule = {"g": manifest.schedule, "a": manifest.a}
    rule |= {"boundary": manifest.boundary or "next_level"} if rule["g"] == "flow_grpo" else {}
    bare = {n: x for n, x in given.items() if n != "g"}
    if not readings.right("mean", *readings.cases_of(bare, mean), u, rule):
        return ""
    return "it is right for the declared g, and the std is not of that g: see schedule"


def _of_other_levels(b: Block, manifest: Manifest, u: float) -> str:
    """Whether the means are right for other levels than were recorded, in words."""
    made = _mean_of(b, "std")
    if made is None or "std" not in b.raw:
        return ""
    given, mean = made
    cps = sampler_of(manifest) == "kernels.preserving"
    return implied.of_mean(given, given["std"], mean, u, preserving=cps)


def _another_field(given: dict[str, Tensor], mean: Tensor, u: float) -> str:
    """Whether the means are another quantity of the same step, in words."""
    x, v, c = given["x"], given["v"], paths.linear(given["t"])
    held = {
        "the prediction of data": conversions.data_from_velocity(c, x, v),
        "the prediction of noise": conversions.noise_from_velocity(c, x, v),
        "x_t": x, "the velocity": v,
    }  # fmt: skip
    allowed = ROUNDINGS * u * (x.abs() + v.abs() + mean.abs())
    near = (n for n, other in held.items() if bool(((mean - other).abs() <= allowed).all()))
    return next((f"the field mean holds {name}, not the step's mean" for name in near), "")


def _of_another_row(table: Table, model: Model, lag: int, u: float) -> str:
    """Whether the means are right for the velocities of other rows, in words."""
    rows = range(window(table, lag))
    names = [n for n in (*SCALARS, "x_t", "v", "mean", "x_s", "noise") if n in table.columns]
    b = block({n: table.columns[n].some(rows)[:, :COORDINATES] for n in names}, model)
    found = _mean_of(b) if b.n == len(rows) else None
    if found is None or len(found[1]) != len(rows) or b.mean_rule is None:
        return ""
    given, mean = found
    (c_x, _), (c_v, _) = (b.mean_rule.parts[n] for n in ("x_t", "v"))
    wanted = (mean - c_x * given["x"]) / c_v
    size = mean.abs() + (c_x * given["x"]).abs() + (c_v * given["v"]).abs()
    allowed = (ROUNDINGS * u * size / c_v.abs()).amax(dim=1)
    at, t = elsewhere.places(wanted, given["v"], allowed), given["t"][:, 0]
    return "" if at is None else f"it is that of the velocity of {elsewhere.told(at, lag, t)}"


def _samplers(b: Block, manifest: Manifest) -> Iterator[dict[str, object]]:
    """What the kit is to take for declared: the SDE's step, or CPS with its angle, or either."""
    declared = sampler_of(manifest)
    own = _levelled(b, manifest.a) if declared in ("", "kernels.preserving") else {}
    if own:
        yield own
    if declared != "kernels.preserving" or not own:
        yield {}


def _schedules(given: dict[str, Tensor], manifest: Manifest) -> Iterator[dict[str, object]]:
    """flow_grpo's g written out, where the stds are of it: the mean may have another."""
    t, g = given["t"], given["g"]
    a = implied.level_of(t, g)
    inside = (t > 0) & (t < 1)
    if sampler_of(manifest) != "kernels.preserving" and a and bool((g > 0).all()):
        own = sde.flow_grpo_g(t[inside], a, t[inside])
        if bool(((own - g[inside]).abs() <= _OFF * own).all()):
            yield {"g": "flow_grpo", "a": a, "boundary": manifest.boundary or "next_level"}


def _levelled(b: Block, declared: float | None) -> dict[str, object]:
    """CPS, or frozen data under either schedule, if the stds are of one level."""
    t, s, std = (b.resolved[n] for n in ("t", "s", "std"))
    if not bool(((s > 0) & (std > 0) & (std <= (1 + _NEAR) * s)).all()):
        return {}
    std = torch.minimum(std, s)
    if (eta := _angle(b, declared)) is not None:
        return {"g": "cps", "a": eta}
    lost = -torch.log1p(-((std / s) ** 2))
    step, one = Step(t, s), 1.0 + 0 * s
    inside = t < 1  # from pure noise nothing is kept, whatever the level
    for name, rule in (
        ("frozen data", kernels.kept_flow_grpo), ("frozen data, constant", kernels.kept_constant),
    ):  # fmt: skip
        levels = torch.sqrt(lost / -torch.log(rule(step, one)))[inside]
        level = float(levels.median()) if len(levels) else 0.0
        if level and bool(((levels - level).abs() < _CLOSE * level).all()):
            return {"g": name, "a": declared if _is(declared, level) else level}
    return {}


def _is(declared: float | None, level: float) -> bool:
    return declared is not None and abs(declared - level) < _CLOSE * level


def _angle(b: Block, declared: float | None) -> float | None:
    """η of CPS, where every std is s sin(η π/2): the declared one if it gives them."""
    s, std = b.resolved["s"], b.resolved["std"]
    seen = float(angle(std / s).median())
    near = [a for a in (declared, seen) if a is not None and 0 < a <= 1]
    fits = (
        a for a in near if bool(((kernels.cps_std(s, a + 0 * s) - std).abs() < _NEAR * s).all())
    )
    return next(fits, None)


def of_row(
    subject: str, tables: Sequence[Table], probe: Probe, model: Model, manifest: Manifest
) -> str:
    """Of a log-probability or a divergence, from whole latents."""
    own = tables[0]
    rows = [row for i, row in probe.whole if i == 0]
    few = min(len(rows), max(16, 2**16 // width(own)))
    rows = [rows[round(k * (len(rows) - 1) / max(1, few - 1))] for k in range(few)]
    b = block({n: c.some(rows) for n, c in own.columns.items()}, model)
    if not b.n or not {"t", "s", "std"} <= set(b.resolved):
        return ""
    u = max([probe.roundoff[subject], *(probe.roundoff.get(n, 0.0) for n in ("x_s", "v"))])
    if subject == "kl" and manifest.kl in _ESTIMATES:
        return _of_estimate(b, manifest, u)
    given = _of_kl(b) if subject == "kl" else _of_density(subject, b)
    if given is None:
        return ""
    got = b.raw[subject].double()[:, :1]
    kind, how = ("kl_reduction", manifest.kl_reduction) if subject == "kl" else (
        "log_prob", manifest.log_prob)  # fmt: skip
    name, large = "kl" if subject == "kl" else "log_prob", width(own) > _WIDEST
    asked = []
    for way in [how] if how else ["sum", "mean"]:
        part = 2 / width(own) if large and way == "sum" else 1.0
        cases, told = readings.cases_of(*finite(_compressed(given) if large else given, part * got))
        shaped = [{n: _shaped(own, x) for n, x in i.items()} for i in cases]
        asked.append((name, shaped, told, u, {kind: way} | _terms(subject, manifest)))
    if any(readings.right(*one) for one in asked):
        return "it is right for the recorded mean, which does not follow from v"
    line = readings.read(*asked[0])
    if len(asked) > 1 and (not line or _EDITED in line):  # many edits of a sum are one of a mean
        looked = ("log_prob",) if name == "log_prob" else ()  # a sum's fault was looked for already
        other = readings.read(*asked[1], known=looked)
        line = min(filter(None, (line, other)), key=_decimals, default="")
    line = line or (_by_velocities(b, own, manifest, u) if subject == "kl" else "")
    return _with_size(line, width(own))


def _with_size(line: str, D: int) -> str:
    """A reading with the number of coordinates for what has its digits."""
    said = list[str]()
    powers = (("D", D), ("1/D", 1 / D), ("√D", D**0.5), ("1/√D", D**-0.5))
    for told in dict.fromkeys(_NUMBER.findall(line)) if D > 1 else ():
        digits = len(told.replace(".", "").strip("0"))
        names = [n for n, x in powers if float(f"{x:.{max(digits, 1)}g}") == float(told)]
        said += [f"{told} is {names[0]}"] if names and digits > 1 else []
    return f"{line} Here {', '.join(said)}, of D = {D} coordinates." if said else line


def _decimals(line: str) -> tuple[int, int]:
    """How many numbers of many digits a reading takes, and how many letters."""
    return sum("." in x for x in _NUMBER.findall(line)), len(line)


_EDITED = "it computes"

_NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?!\w|\.\d)")
"""A number in a formula's text, by itself."""


_ESTIMATES = {"kl.k1": "k1", "kl.k2": "k2", "kl.k3": "k3"}


def _of_estimate(b: Block, manifest: Manifest, u: float) -> str:
    """What a declared estimate is made of, from the log-probabilities of x_s under two means."""
    b = b.only(b.noisy).sound(*(n for n in _OF_ESTIMATES if b.has(n)))
    given = _of_kl(b) if b.n else None
    if given is None or not b.has("x_s"):
        return ""
    kind, std = _ESTIMATES[manifest.kl or ""], b.resolved["std"]
    each = [gaussian.log_prob(b.latent("x_s"), given[n], std) for n in ("mean", "mean_ref")]
    how = manifest.kl_reduction or manifest.log_prob
    for way in [how] if how else ["sum", "mean"]:
        reduce = policy.total if way == "sum" else policy.average
        logs = {n: reduce(x)[:, None] for n, x in zip(_LOGS, each, strict=True)}
        cases, told = readings.cases_of(*finite(logs, b.raw["kl"].double()[:, :1]))
        if line := readings.read("kl", cases, told, u, {"kl": kind}, known=("kl_reduction",)):
            return line
    return ""


_LOGS = ("log_prob", "log_prob_ref")
_OF_ESTIMATES = ("x_s", "x_t", "mean", "mean_ref", "v", "v_ref")


def _terms(subject: str, manifest: Manifest) -> dict[str, str]:
    """The declared terms of a density, in the kit's words."""
    if subject == "kl" or manifest.constants not in _CONSTANTS:
        return {}
    return {"log_prob_terms": _CONSTANTS[manifest.constants]}


_CONSTANTS = {"dropped": "quadratic", "bare square": "bare square"}


def _by_velocities(b: Block, table: Table, manifest: Manifest, u: float) -> str:
    """What a divergence is made of where it is made of velocities, in sentences."""
    if not b.has("v", "v_ref") or width(table) > _WIDEST or not bool((b.resolved["g"] > 0).all()):
        return ""
    given = {n: b.latent(n) for n in ("v", "v_ref")} | scalars_of(b, "g")
    cases, told = readings.cases_of(*finite(given, b.raw["kl"].double()[:, :1]))
    shaped = [{n: _shaped(table, x) for n, x in i.items()} for i in cases]
    ways = [manifest.kl_reduction] if manifest.kl_reduction else ["sum", "mean"]
    for rule in ({}, *_schedules(given, manifest)):
        own = [{n: x for n, x in i.items() if n != "g" or not rule} for i in shaped]
        kinds = [rule | {"kl_reduction": way} for way in ways]
        lines = [readings.read("kl", own, told, u, kind, known=tuple(kind)) for kind in kinds]
        if any(lines):
            return min(filter(None, lines), key=len)
    return ""


def _compressed(given: dict[str, Tensor]) -> dict[str, Tensor]:
    """Rows of two coordinates whose squares are as large on average: whatever adds up squares and
    numbers of the row gives the same mean, and the diagnosis takes seconds."""
    high, low = [n for n in ("x_s", "mean", "mean_ref") if n in given]
    middle, r = rms(given[low]), rms(given[high] - given[low])
    apart = {high: torch.cat([middle + r, middle - r], 1), low: torch.cat([middle, middle], 1)}
    return given | apart


def _shaped(table: Table, x: object) -> object:
    """Latents with the axes that they were stored with."""
    if not isinstance(x, np.ndarray) or x.ndim < 2:
        return x
    for column in table.shard.columns.values():
        for k in range(len(column.shape)):
            if prod(column.shape[k:]) == x.shape[1] and len(column.shape) - k > 1:
                return x.reshape(len(x), *column.shape[k:])
    return x


def scalars_of(b: Block, *names: str) -> dict[str, Tensor]:
    return {n: b.resolved[n] for n in ("t", "s", *names)}


def finite(given: dict[str, Tensor], got: Tensor) -> tuple[dict[str, Tensor], Tensor]:
    """The rows that can be compared."""
    used = torch.isfinite(torch.cat([got, *given.values()], dim=1)).all(dim=1)
    return {n: x[used] for n, x in given.items()}, got[used]


def _mean_of(b: Block, *more: str) -> tuple[dict[str, Tensor], Tensor] | None:
    """What a mean is made of, and the mean; with more scalars."""
    if not b.n or not b.has("x_t", "v") or not {"t", "s", "g"} <= set(b.resolved):
        return None
    if b.has("mean"):
        got = b.latent("mean")
    elif b.has("x_s", "noise"):
        got = b.latent("x_s") - b.resolved["std"] * b.latent("noise")
    else:
        return None
    given = {"x": b.latent("x_t"), "v": b.latent("v")}
    given = {n: x[:, :COORDINATES] for n, x in given.items()} | scalars_of(b, "g", *more)
    made = finite(given, got[:, :COORDINATES])
    return made if len(made[1]) >= 4 else None


def _of_density(subject: str, b: Block) -> dict[str, Tensor] | None:
    velocity = "v_old" if subject == "log_prob_old" and b.has("v_old") else "v"
    mean = b.latent("mean") if b.has("mean") and velocity == "v" else b.mean_of(velocity)
    if mean is None or not b.has("x_s"):
        return None
    given = {"x_s": b.latent("x_s"), "mean": mean.clone()} | scalars_of(b, "std")
    other = b.has("x_t") and b.latent("x_t").shape[1] <= _WIDEST
    return given | ({"x": b.latent("x_t")} if other else {})


def _of_kl(b: Block) -> dict[str, Tensor] | None:
    mean = b.latent("mean") if b.has("mean") else b.mean_of("v")
    other = b.latent("mean_ref") if b.has("mean_ref") else b.mean_of("v_ref")
    if mean is None or other is None:
        return None
    return {"mean": mean.clone(), "mean_ref": other.clone()} | scalars_of(b, "std")
