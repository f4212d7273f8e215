"""Verdicts on log-probabilities and divergences, with the causes that a gap alone does not tell.

rounded after scoring     fresh noise in the replay     a whole batch reduced     outer products
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from math import prod

import torch
from torch import Tensor

from ..judging import numbers
from ..judging.block import Model
from ..judging.finding import UNLISTED, Finding, Tally
from ..judging.fit import Match
from ..judging.measures import FLOAT32
from ..judging.verdicts import against, judged, sampler_of
from ..reading.layout import Table
from ..reading.manifest import Manifest
from ..reading.precision import HALF, NAMES, ROUNDOFF
from ..reading.probe import Probe, shapes
from .causes import another_mean, cause
from .partial import of_some
from .stream import Seen
from .unexplained import of_row
from .whole import Explained, Whole, explain, read, window

NEEDS = {
    "mean": "mean, x_t, v, t and s",
    "x_s": "x_s with its noise, std, and mean or x_t, v, t, s",
    "log_prob": "log_prob, x_s, std, and mean or x_t, v, t, s",
    "log_prob_old": "log_prob_old, x_s, std, and mean or x_t, v_old, t, s",
    "kl": "kl, v and v_ref (or v_old), t, s and std",
}
UNLED = "it takes mean, which v does not lead to"
MOVING = (
    "what is left of x_s moves with x_t or v: v does not lead to the mean that sampled, see noise"
)
BESIDE = (
    "it lies beside that of the recorded policy, as another policy's does whose velocity was not "
    "recorded: weights after an update, or an average of them"
)
OR_HALF = "; or the mean that was scored was computed in bfloat16: it is off by about as much"
_TELLING = {
    "log_prob": {"distance", "distance_v"},
    "log_prob_old": {"distance", "distance_old"},
    "kl": {"v_gap", "v_gap_old", "mean_gap"},
}


def row_findings(
    tables: Sequence[Table], probe: Probe, whole: Whole | None, explained: Explained,
    chosen: dict[str, Match], seen: Seen, manifest: Manifest, method: Manifest,
    means: Sequence[Match], right: Mapping[str, Finding] | None,
) -> Iterator[Finding]:  # fmt: skip
    """On each number that a row has.

    Args:
        method: what was declared, with the sampler that the stds show.
        means: the formulas that lead from x_t and v to the mean, in some rows or in all.
        right: by subject, what is right for other means than those that were recorded; None where
            no cause is asked for.
    """
    for subject, found in explained.items():
        width = tables[0].columns[subject].width
        dims = int(probe.dims[0])
        if width not in (1, dims):
            yield Finding(
                subject, "differs",
                detail=f"{width} numbers a row: an outer product of (B, 1) and (B,)? One is wanted",
            )  # fmt: skip
            continue
        match, tally = chosen.get(subject), seen.tallies.get(subject, Tally())
        if match is not None and not match.level and against(match.formula, manifest):
            match = None  # some rows that another formula than the declared one gives, by chance
        if match is None and (right is None or subject in right):
            yield right[subject] if right else Finding(subject, "differs", detail=UNLISTED)
            continue
        if whole is None and seen.silent + seen.zeros and subject == "log_prob":
            continue  # no row has noise, and that is said
        if whole is None or not set(whole.rows.sizes) & _TELLING[subject]:
            yield Finding(subject, "not checked", detail=f"it takes {NEEDS[subject]}")
            continue
        if match is None and "std" not in whole.rows.nudges.at:
            yield Finding(subject, "not checked", detail="it takes std, or g, or a declared a")
            continue
        drawn = _drawn(match, probe)
        if subject != "kl" and not (means or "mean" in probe.raw) and (drawn or match is None):
            yield Finding(subject, "not checked", detail=UNLED)
            continue
        if drawn:
            told = f"{UNLISTED}: it is right for the noise, of which x_s − mean is not made"
            yield Finding(subject, "differs", rows=tally.rows, detail=told)
            continue
        unlike = match is None or match.level == "half"
        sampler = subject == "log_prob_old" and "distance_old" not in whole.rows.sizes
        if (
            unlike
            and sampler
            and numbers.of_another_policy(
                subject, whole.rows, whole.got[subject], probe.roundoff[subject]
            )
            is not None
        ):
            why = "it takes v_old: it is near that of the learner, and is not it"
            yield Finding(subject, "not checked", detail=why)
            continue
        failing = ""
        if match is not None and tally.beyond:
            failing = _failing(subject, match, tables, seen, whole, probe)
        model = whole.rows.model
        if match is not None and not failing and far_off(match, tally):
            failing = (
                cause(subject, tables, probe.whole, model, probe, seen.lag)
                or of_row(subject, tables, probe, model, manifest)
                or _beside(subject, whole, probe)
            )
            match = None if failing else match
        elif match is None:
            failing = (
                _one_for_all(subject, tables[0])
                or cause(subject, tables, probe.whole, model, probe, seen.lag)
                or _elsewhere(subject, tables, probe, model, seen.lag)
                or numbers.other_std(
                    subject, whole.rows, whole.got[subject], probe.roundoff[subject]
                )
                or numbers.scaled_std(
                    subject, whole.rows, whole.got[subject], probe.roundoff[subject], manifest.a
                )
                or another_mean(subject, tables, probe.whole, model, probe, right=bool(means))
                or of_some(subject, tables, model, probe)
                or _naive(subject, whole, probe)
                or _by_counts(subject, tables, whole, probe)
                or of_row(subject, tables, probe, model, manifest)
                or _times(subject, whole, probe, manifest)
                or _another_draw(subject, whole)
                or _beside(subject, whole, probe)
            )
        unled = _unled(subject, probe, whole, means, manifest)
        if match is None and unled and not failing:
            yield Finding(subject, "not checked", detail=unled)
            continue
        gap = max(tally.gap, _of_stored(subject, match, whole, probe))
        rounded = _rounded(subject, match, gap, whole, probe, manifest)
        match = _of_its_method(match, means, method)
        yield judged(subject, match, found, tally, manifest, stored=rounded, failing=failing)


def _of_its_method(match: Match | None, means: Sequence[Match], method: Manifest) -> Match | None:
    """Where nothing else was declared, the bare square is no mistake in Flow-CPS's sampler."""
    if match is None or match.formula.declared.get("constants") != "bare square":
        return match
    cps = sampler_of(method) == "kernels.preserving" or (
        means and all(m.formula.name == "kernels.preserving" for m in means)
    )
    if not cps or method.constants is not None:
        return match
    return replace(match, formula=replace(match.formula, standing="convention"))


def _unled(
    subject: str, probe: Probe, whole: Whole, means: Sequence[Match], manifest: Manifest
) -> str:
    """What is missing of a divergence: its reference, or its digits."""
    if subject != "kl":
        return ""
    got, u = whole.got["kl"], probe.roundoff["kl"]
    near_one = bool((got * 2**25 % 1 == 0).all()) and bool(got.any())  # 1 was subtracted last
    estimated = manifest.kl == "kl.k3" or (manifest.kl is None and near_one)
    if estimated and numbers.cancelled(whole.rows, got, u):
        return (
            f"the largest is {float(got.abs().max()):.2g}, and float32 makes {FLOAT32:.1g} of "
            "exp(l) − 1 − l: expm1(l) − l, or float64, would tell"
        )
    if "mean_ref" in probe.raw:
        return ""
    if "v_ref" not in probe.raw:
        return "it takes v_ref or mean_ref"
    led = any(m.level for m in means)
    return "" if led else "it takes mean_ref, since v_ref leads to no mean that is known"


def far_off(match: Match, tally: Tally) -> bool:
    """Whether a formula gives the numbers to half precision alone, or those of some rows alone."""
    return match.level == "half" or bool(tally.beyond and match.share < 1)


def _drawn(match: Match | None, probe: Probe) -> bool:
    """Whether the recorded noise gives the numbers and what is stored does not, though no rounding
    of x_s tells why."""
    by_noise = match is not None and numbers.ROUNDED in match.formula.name
    return by_noise and probe.roundoff.get("x_s", 0.0) < HALF


def _of_stored(subject: str, match: Match | None, whole: Whole, probe: Probe) -> float:
    """How far recorded log-probabilities are from those of what was stored."""
    if match is None or numbers.ROUNDED not in match.formula.name:
        return 0.0
    return numbers.distance_to_right(
        subject, whole.rows, whole.got[subject], probe.roundoff[subject], match.formula
    )


def _rounded(
    subject: str, match: Match | None, gap: float, whole: Whole, probe: Probe, manifest: Manifest
) -> str:
    """The sentence on latents that were rounded after they were used, or scored."""
    u = probe.roundoff.get("x_s", 0.0)
    drawn = match is not None and numbers.ROUNDED in match.formula.name
    if match is None or subject == "kl" or u < HALF or not (drawn or match.level == "stored"):
        return ""
    mean = "policy.average" in match.formula.name
    nats = gap * (float(probe.dims[0]) if mean else 1.0)
    clip = f"; the clip is {manifest.clip:g}" if manifest.clip else ""
    own = f" ({gap:.2g} on the averaged one)" if mean else ""
    got, start = whole.got[subject], probe.roundoff.get("x_t", 0.0) >= HALF
    if start and numbers.at_start(whole.rows, got, probe.roundoff[subject], match.formula):
        return (
            f"the x_t that sampling starts from was rounded to {NAMES[u]} when it was stored, and "
            f"used before that: at the first step alone log-probabilities are up to {nats:.3g} "
            f"nats off{own}{clip}. Remedy: round it, then take the first step"
        )
    return (
        f"x_s holds {NAMES[u]} values and was scored before it was rounded, so replay is not "
        f"exact: the log-probability of what is stored is up to {nats:.3g} nats off{own}{clip}. "
        "Remedy: round first, then take log_prob"
    )


def _failing(
    subject: str, match: Match, tables: Sequence[Table], seen: Seen, whole: Whole, probe: Probe
) -> str:  # fmt: skip
    """What the rows that do not fit look like, and where they are."""
    places = seen.failing[subject]
    rows = read(tables, places, whole.rows.model)
    zeros = rows is not None and not bool(rows.got[subject].any())
    found = [m for m in explain(subject, rows, probe) if m.level]
    told = f"they equal {found[0].formula.name}" if found else ""
    if rows is not None and (zeros or not told):
        held = numbers.held_at(match.formula, rows.rows, rows.got[subject], probe.roundoff[subject])
        told = held or ("they are 0" if zeros else told)
    if not told and rows is not None:
        told = numbers.one_factor(subject, rows.rows, rows.got[subject], probe.roundoff[subject])
    return ", ".join(x for x in (where(tables, seen, subject), told) if x)


def where(tables: Sequence[Table], seen: Seen, subject: str) -> str:
    """At which level the rows are that do not fit, if it is one."""
    places, tally = seen.failing.get(subject, []), seen.tallies.get(subject, Tally())
    if not 1 < tally.beyond <= len(places) or "t" not in tables[0].columns:
        return ""
    levels = {float(tables[i].columns["t"].head(row, 1)[0]) for i, row in places}
    return f"all at t = {levels.pop():.4g}" if len(levels) == 1 else ""


def _one_for_all(subject: str, table: Table) -> str:
    n = min(64, table.n)
    if "t" in table.columns and _held(table, subject):
        return ""
    x = next((table.columns[c] for c in ("x_s", "x_t", "v") if c in table.columns), None)
    t = table.columns["t"].read(0, n).clone() if "t" in table.columns else None
    if x is not None and numbers.one_for_all(
        table.columns[subject].read(0, n).clone(), x.read(0, n)[:, :64].clone(), t
    ):
        return (
            "samples that differ have one number in common: a group or the whole batch was reduced "
            "(policy.total: whole batch reduced). Remedy: name the axes and keep the batch's"
        )
    return ""


def _held(table: Table, subject: str) -> bool:
    """Whether many rows have one number, at whatever level: an end that holds them."""
    rows = range(0, table.n, -(-table.n // 256))
    values, levels = (table.columns[n].some(rows)[:, 0] for n in (subject, "t"))
    common = values == values.mode().values
    return float(common.double().mean()) > 0.1 and len(torch.unique(levels[common])) > 1


def _elsewhere(subject: str, tables: Sequence[Table], probe: Probe, model: Model, lag: int) -> str:
    """What the first rows look like, where each holds the number of another."""
    n = window(tables[0], lag)
    whole = read(tables, [(0, row) for row in range(n)], model)
    if whole is None or len(whole.rows.dims) != n:
        return ""
    got, u = whole.got[subject], probe.roundoff[subject]
    every = n == tables[0].n and len(tables) == 1
    return numbers.elsewhere(subject, whole.rows, got, u, lag, whole=every)


def _naive(subject: str, whole: Whole, probe: Probe) -> str:
    if subject != "kl":
        return ""
    return numbers.naive(whole.rows, whole.got[subject], probe.roundoff[subject])


def _times(subject: str, whole: Whole, probe: Probe, manifest: Manifest) -> str:
    if subject != "kl":
        return ""
    return numbers.times(whole.rows, whole.got[subject], probe.roundoff[subject], manifest)


def _by_counts(subject: str, tables: Sequence[Table], whole: Whole, probe: Probe) -> str:
    steps = len(torch.unique(probe.raw["t"])) if "t" in probe.raw else 1
    rows = sum(table.n for table in tables)
    counts = {"the coordinates": int(probe.dims[0]), "the rows of a step": rows // steps,
              "the steps": steps, "all rows": rows}  # fmt: skip
    shape = shapes(tables[0])[0]
    names = dict[int, list[str]]()
    for what, n in counts.items():
        names.setdefault(n, []).append(what)
    for what, n in (("the channels", shape[0]), ("the places of a channel", prod(shape[1:]))):
        if n in names and len(shape) > 1:  # what one number counts may be either
            names[n].append(what)
    got, u = whole.got[subject], probe.roundoff[subject]
    told = {" or ".join(each): n for n, each in names.items()}
    return numbers.by_counts(subject, whole.rows, got, u, told)


def _beside(subject: str, whole: Whole, probe: Probe) -> str:
    got, u = whole.got[subject], probe.roundoff[subject]
    off = numbers.of_another_policy(subject, whole.rows, got, u)
    if off is None:
        return ""
    return BESIDE + (OR_HALF if _as_of_half(off, whole, probe) else "")


def _as_of_half(off: Tensor, whole: Whole, probe: Probe) -> bool:
    """Whether log-probabilities are off by about as much as a mean in bfloat16 makes them."""
    rows, x = whole.rows, probe.raw["x_s"].double()
    std = rows.nudges.at["std"]
    rounded = ROUNDOFF[torch.bfloat16] / 3**0.5 * float(x[torch.isfinite(x)].pow(2).mean().sqrt())
    each = rounded / std / rows.dims.double().sqrt()  # of an averaged one
    sizes = [float((off.abs() / (each * part)).median()) for part in (1, rows.dims)]
    return any(1 / _ABOUT < x < _ABOUT for x in sizes)


_ABOUT = 4.0


def _another_draw(subject: str, whole: Whole) -> str:
    if subject != "kl" and numbers.another_draw(whole.rows, whole.got[subject]):
        return (
            "it has the law of a log-probability, but of another sample: the replay drew fresh "
            "noise. Remedy: score the x_s that was stored"
        )
    return ""
