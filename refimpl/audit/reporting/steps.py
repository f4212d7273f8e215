"""The audit of denoising steps: identify on a probe, verify on every row, say what was found."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import torch

from ..judging import numbers
from ..judging.finding import Finding, Tally
from ..judging.fit import Match
from ..judging.identify import Identified, draws_about, identify, of_reference
from ..judging.noise import RESIDUAL
from ..judging.rearranged import shape_of
from ..judging.reduced import distances_of
from ..judging.verdicts import NO_CLOSER, judged, preferred, sampler_of
from ..reading.layout import Table
from ..reading.manifest import Manifest
from ..reading.precision import HALF, NAMES
from ..reading.probe import Probe, take
from . import centred, sampler
from .causes import OF_ANOTHER_STEP
from .draws import MISPLACED, going_on, of_draw, of_factor, of_other_rows, parted
from .misdeclared import LEFT_OUT, mended, without_mean
from .rows import MOVING, NEEDS, far_off, row_findings, where
from .stream import SILENT, Progress, Seen, stream
from .undrawn import undrawn
from .unexplained import of_mean
from .whole import Explained, explain, read, sharper


def audit_steps(
    tables: Sequence[Table], probe: Probe, manifest: Manifest,
    progress: Progress = lambda rows: None,
) -> list[Finding]:  # fmt: skip
    """Everything that tables with the same columns tell about their steps.

    Raises:
        ValueError: no step can be judged, whatever is taken for declared.
    """
    lag = lag_of(tables)
    try:
        known, failed = identify(probe, manifest), None
    except ValueError as error:
        known, failed = None, error
    told = list[Finding]()
    plain = without_mean(tables, known, manifest)
    for _ in range(_MENDED):
        better = mended(tables, probe, known, manifest, lag, stepped=plain is not None)
        if better is None:
            break
        tables, manifest, finding = better
        told.append(finding)
        probe = take(tables)
        known = identify(probe, manifest)
        plain = without_mean(tables, known, manifest)
    if known is None:
        assert failed is not None
        raise failed
    if plain is None:
        plain, still = undrawn(tables, probe, known.model)
        told += still
    right = _right(plain, manifest, lag) if plain is not None else {}
    if plain is None and sampler.is_another(probe, known):
        own = sampler.sampled(tables, probe)
        right = sampler.told(None if own is None else _of_sampler(own, manifest, lag))
    empty = {f.subject for f in told if f.detail.endswith(LEFT_OUT)}
    found = [
        _in_place(f, right)
        for f in _judged(tables, probe, known, manifest, lag, progress, right)
        if not (f.subject in empty and f.detail.endswith(_NOT_FINITE))
    ]
    if known.target == "residuals" and (centred.unexplained(found) or centred.of_others(found)):
        named = not centred.unexplained(found)
        closer = _of_scored(tables, probe, known, manifest, lag, named=named)
        found = [closer.get(f.subject, f) for f in found]
    return told + found


def _in_place(f: Finding, right: Mapping[str, Finding]) -> Finding:
    """A verdict, or what is known better; a formula with a name gives way to no doubt, and what is
    no number to nothing."""
    other = right.get(f.subject)
    if f.verdict != "differs" or other is None or f.detail.endswith(_NOT_FINITE):
        return f
    sure = f.formula not in ("", RESIDUAL) and NO_CLOSER not in f.detail
    return f if sure and other.verdict == "not checked" else other


_MENDED = 3
"""So many columns or declarations are put right at most."""


def _right(tables: Sequence[Table], manifest: Manifest, lag: int) -> dict[str, Finding]:
    """What is right by other means than those that were recorded, by subject."""
    probe = take(tables)
    known = identify(probe, manifest)
    made = _judged(tables, probe, known, manifest, lag, lambda rows: None, None)
    good = ("consistent", "convention")
    return {f.subject: f for f in made if f.verdict in good and f.subject in _DRAWN}


def _of_sampler(
    tables: Sequence[Table], manifest: Manifest, lag: int, *, brief: bool = False
) -> list[Finding]:
    """What the sampler's own record says; for `brief` see `_judged`."""
    probe = take(tables)
    known = identify(probe, manifest)
    return _judged(tables, probe, known, manifest, lag, lambda rows: None, {}, brief=brief)


def _of_scored(
    tables: Sequence[Table], probe: Probe, known: Identified, manifest: Manifest, lag: int, *,
    named: bool,
) -> dict[str, Finding]:  # fmt: skip
    """By subject, what the mean that was scored says, if log-probabilities show one that differs
    from the one that v leads to.

    Args:
        named: it is known what it is of; x_s may have been drawn about it, too.
    """
    for words, changed in centred.others(tables, manifest, lag):
        return centred.made_of(words, _of_sampler(changed, manifest, lag))
    if named:
        return {}
    own = centred.centred(tables, probe, known.model)
    if own is None:
        return {}
    closer = take(own.tables)
    closer = replace(closer, roundoff=closer.roundoff | {"mean": own.roundoff})
    found = identify(closer, manifest)
    made = _judged(own.tables, closer, found, manifest, lag, lambda rows: None, {})
    if sampler.is_another(closer, found):
        drew = sampler.sampled(own.tables, closer)
        right = sampler.told(None if drew is None else _of_sampler(drew, manifest, lag, brief=True))
        made = [right.get(f.subject, f) for f in made]
    return centred.told(made, own.drawn)


_DRAWN = ("x_s", "noise", "log_prob", "log_prob_old", "kl")
"""What may be right for the mean that x_s was drawn about, where another one was recorded."""


def _judged(
    tables: Sequence[Table], probe: Probe, known: Identified, manifest: Manifest, lag: int,
    progress: Progress, right: Mapping[str, Finding] | None, *, brief: bool = False,
) -> list[Finding]:  # fmt: skip
    """All findings.

    Args:
        right: see `row_findings`.
        brief: the mean was told already, and its cause is not looked for again.
    """
    whole = read(tables, probe.whole, known.model)
    explained = {s: explain(s, whole, probe, manifest) for s in numbers.SUBJECTS if s in probe.raw}
    if known.target == "residuals" and "log_prob" in explained:
        known, whole, explained = sharper(tables, probe, known, whole, explained)
    chosen = _chosen(known, explained, manifest)
    wanted = {
        name
        for subject in numbers.SUBJECTS
        if whole is not None and subject in chosen
        for name in distances_of(chosen[subject].formula, whole.rows)
    }
    seen = stream(tables, known.model, chosen, lag, wanted, progress)
    schedule = [*seen.levels.findings(manifest, probe.roundoff)]
    method = _method(manifest, schedule)
    latents = [*_latents(known, chosen, seen, manifest, method, probe, tables, brief=brief)]
    misplaced = any(f.subject == "x_s" and MISPLACED in f.detail for f in latents)
    stale = any(f.subject == "mean" and OF_ANOTHER_STEP in f.detail for f in latents)
    noise = seen.noise.finding(
        "noise" in probe.raw, mean="mean" in probe.raw, misplaced=misplaced, stale=stale
    )
    if known.target == "residuals" and not known.means and seen.noise.dependent:
        why = "it takes mean or noise: the law of its residuals is not theirs, see noise"
        latents = [
            Finding("mean", "not checked", detail=why) if f.subject == "mean" else f
            for f in latents
        ]
    rows = row_findings(
        tables, probe, whole, explained, chosen, seen, manifest, method, known.means, right
    )
    if known.target == "residuals" and seen.noise.moving:
        latents, rows = [_unled(f) for f in latents], map(_unled, rows)
    return [
        *_missing(seen),
        *schedule,
        *_scale(known, manifest, probe),
        *latents,
        *rows,
        noise,
        *_joined(tables, probe, known),
    ]


def _method(manifest: Manifest, schedule: Sequence[Finding]) -> Manifest:
    """What was declared, with the sampler that the stds show where none was."""
    if sampler_of(manifest) or manifest.schedule or all(f.formula != "cps" for f in schedule):
        return manifest
    return replace(manifest, sampler="kernels.preserving")


def _unled(f: Finding) -> Finding:
    """The verdict on a mean that was not recorded, or on what lies about it, where what is left of
    x_s shows that v does not lead to it."""
    wrong = f.subject.startswith("log_prob") and f.verdict == "differs" and not f.formula
    doubted = f.subject == "mean" and f.verdict == "consistent"
    return Finding(f.subject, "not checked", detail=MOVING) if wrong or doubted else f


def _joined(tables: Sequence[Table], probe: Probe, known: Identified) -> Iterator[Finding]:
    """Whether two columns that say one thing agree; nothing is said where they do."""
    off = of_reference(probe, known)
    if off is not None:
        yield Finding(
            "mean_ref", "differs", "", float(off.size.max()), float(off.stored.max()),
            len(off.size),
            "it is not the mean that v_ref leads to, by the formula that leads from v to the mean",
        )  # fmt: skip
    apart, of = parted(tables[0])
    if apart and (left := len(apart) - going_on(tables[0], apart, known.model)):
        yield Finding(
            "x_t", "differs", rows=of,
            detail=f"in {left} of {of} rows it is not the x_s of the step before, which ends at "
            "the same level: one of the two was rounded when it was stored, changed in between, or "
            "is another row's",
        )  # fmt: skip


def lag_of(tables: Sequence[Table]) -> int:
    """Rows from a step to the next of the same sample: declared by the layout, or read
    off levels that come in order, or found where x_s of a row is x_t of a later one."""
    first = tables[0]
    if first.lag:
        return first.lag
    names = set(first.columns)
    if "t" in names and first.n <= _ORDERED:
        laid = shape_of(first.columns["t"].read(0, first.n)[:, 0].clone(), first.n)
        if laid is not None and laid[0][1] > 1:
            return laid[0][2] if laid[1] else 1
    if {"x_t", "x_s"} <= names:
        k = min(16, first.columns["x_t"].width)
        start = first.columns["x_s"].head(0, k).clone()
        for row in range(1, min(first.n, 4096)):
            if torch.equal(first.columns["x_t"].head(row, k), start):
                return row
    return 0


_ORDERED = 2**20
"""Rows whose levels are looked through for an order."""


def _chosen(known: Identified, explained: Explained, manifest: Manifest) -> dict[str, Match]:
    found = {"mean": known.means if known.target == "mean" else [], "x_s": known.draws}
    if known.target == "x_s":
        found["x_s"] = known.means
    if known.target == "residuals":
        found[SILENT] = known.means
    found |= explained
    made = {s: preferred(matches, manifest) for s, matches in found.items()}
    return {s: m for s, m in made.items() if m is not None}


_NOT_FINITE = "hold NaN or infinity; they are left out"


def _missing(seen: Seen) -> Iterator[Finding]:
    allowed = {"log_prob", "log_prob_old", "kl"} if seen.levels else set()
    for name, count in seen.missing.items():
        if name in allowed and not seen.tallies.get(name, Tally()).rows:
            continue
        yield Finding(
            name, "differs", rows=seen.rows,
            detail=f"{count} of {seen.rows} rows {_NOT_FINITE}",
        )  # fmt: skip
    if silent := seen.silent + (0 if seen.noisy else seen.zeros):
        yield Finding(
            "log_prob", "differs", rows=silent,
            detail=f"{silent} rows without noise (std = 0) have a log-probability that is a "
            "number: a step without noise has no density; leave it out of the ratio",
        )  # fmt: skip


def _scale(known: Identified, manifest: Manifest, probe: Probe) -> Iterator[Finding]:
    clock, reading = known.model.reading.clock, known.model.reading
    if "t" in probe.raw:
        words = "t = 1 is data, velocities data − noise" if clock.data else "t is the noise level"
        words += f", told as {clock.scale:g} t" if clock.scale != 1 else ""
        above = int((probe.raw["t"].double() > clock.scale).sum())
        words += f"; {above} rows lie above 1 by rounding, and are taken for 1" if above else ""
        told = not clock.data or manifest.time == "data"
        yield Finding("clock", "consistent" if told else "convention", detail=words)
    if reading.std == "g" and known.target:
        yield Finding(
            "std", "consistent" if manifest.std == "g" else "convention", "sde.euler_maruyama",
            detail="the field std holds g; the step's standard deviation is g √h",
        )  # fmt: skip
    if reading.std == "schedule" and "g" not in probe.raw and known.target:
        formula = "sde.flow_grpo_g" if reading.schedule == "flow_grpo" else ""
        fits = "fits" if known.means else "was tried"
        yield Finding("std", "convention", formula, detail=f"not recorded; {reading.told} {fits}")


def _coarser(told: Finding, probe: Probe) -> Finding:
    """The verdict on a right mean, with a word where its numbers are of a coarser type than those
    that it is made of."""
    u = probe.roundoff["mean"]
    finer = max(probe.roundoff[n] for n in ("x_t", "v")) < HALF <= u
    if told.verdict != "consistent" or not finer:
        return told
    words = f"it holds {NAMES[u]} values, and x_t and v do not: it was rounded to these"
    return replace(told, verdict="convention", detail="; ".join(filter(None, (told.detail, words))))


def _latents(
    known: Identified, chosen: dict[str, Match], seen: Seen, manifest: Manifest, method: Manifest,
    probe: Probe, tables: Sequence[Table], *, brief: bool,
) -> Iterator[Finding]:  # fmt: skip
    names = set(probe.raw)
    if known.target == "x_s" and known.velocity == "v_old" and chosen.get("x_s"):
        yield judged("x_s", chosen["x_s"], known.means, Tally(), manifest)
        yield Finding("v", "convention", detail="x_s follows from v_old, not from v")
        return
    if known.target in ("mean", "x_s"):
        subject, match = known.target, chosen.get(known.target)
        tally = seen.tallies.get(subject, Tally())
        far = match is None or far_off(match, tally)
        why = ""
        if far and subject == "x_s":
            why = of_other_rows(tables[0], probe, known.model, seen.lag)
            why = why or of_factor(probe, known.model)
        if far and not why and not (brief and subject == "mean"):
            why = of_mean(tables, probe, known.model, seen.lag, manifest)
        if far and not why and subject == "x_s":
            why = of_draw(tables, probe, known.model, seen.lag, known=False)
        match = None if why else match
        why = why or where(tables, seen, subject)
        told = judged(subject, match, known.means, tally, manifest, failing=why)
        yield _coarser(told, probe) if subject == "mean" else told
    elif known.target == "residuals":
        found, declared = preferred(known.means, manifest), manifest
        if found is not None and found.formula.standing == "mistake":
            found, declared = preferred(known.means, method), method
        told = judged("mean", found, known.means, Tally(), declared)
        words = "judged by its residuals, since neither mean nor noise was recorded"
        yield Finding(
            "mean", told.verdict, told.formula,
            detail="; ".join(x for x in (words, told.detail) if x),
        )  # fmt: skip
    else:
        yield Finding("mean", "not checked", detail=f"it takes {NEEDS['mean']}, and std or g")
    if SILENT in seen.tallies:
        yield judged(SILENT, chosen[SILENT], known.means, seen.tallies[SILENT], manifest)
    if known.target == "x_s":
        return
    unknown = known.model.reading.std == "unknown"
    if known.draws or ({"x_s", "mean", "noise"} <= names and not unknown):
        tally, match = seen.tallies.get("x_s", Tally()), chosen.get("x_s")
        far = match is None or far_off(match, tally)
        drawn = draws_about(probe, known.model, "v_old") if far else []
        if own := [m for m in drawn if m.formula.standing != "convention"]:
            rows = len(probe.picks)
            told = judged("x_s", preferred(own, manifest), own, Tally(), manifest)
            why = f"under v_old, the policy that sampled: {rows} rows were looked at"
            detail = "; ".join(filter(None, (why, told.detail)))
            yield replace(told, rows=rows, detail=detail)
            return
        sure = bool(known.means)
        why = of_draw(tables, probe, known.model, seen.lag, known=sure) if far else ""
        match = None if why else match
        why = why or where(tables, seen, "x_s")
        yield judged("x_s", match, known.draws, tally, manifest, failing=why)
    elif "x_s" in names and SILENT not in seen.tallies:
        yield Finding("x_s", "not checked", detail=f"it takes {NEEDS['x_s']}")
    if known.velocity == "v_old" and known.means:
        yield Finding("v", "convention", detail="the mean follows from v_old, not from v")
