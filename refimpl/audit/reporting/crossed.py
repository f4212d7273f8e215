"""Velocities in each other's place: v and v_ref, or v and v_old.

    v leads to the reference's mean, v_ref to the policy's        x_s is drawn about v, not v_old

Both are put right, and the rest is judged so, where that alone makes the record one of a right run.
"""

from collections.abc import Sequence
from dataclasses import replace

from ..judging.finding import Finding
from ..judging.fit import EASY
from ..judging.identify import Identified, by_sampler, identify
from ..reading.layout import Table
from ..reading.manifest import Manifest
from ..reading.probe import Probe, take
from .short import Mended
from .whole import explain, read


def of_policies(tables: Sequence[Table], manifest: Manifest) -> Mended | None:
    """v and v_ref in each other's place, where each leads to the other's mean, or one does and the
    manifest has their names crossed."""
    if not {"v", "v_ref", "mean"} <= set(tables[0].columns):
        return None
    turned = exchanged(tables, "v", "v_ref")
    crossed = (manifest.names.get("v"), manifest.names.get("v_ref")) == ("v_ref", "v")
    means = [{"mean": t.columns["mean_ref"]} for t in tables if "mean_ref" in t.columns]
    others = [replace(t, columns=t.columns | c) for t, c in zip(tables, means, strict=False)]
    both = bool(others) and follows(others, manifest)
    if not (crossed or both) or not follows(turned, manifest):
        return None
    names = ", by the names that the manifest gives them" if crossed else ""
    detail = f"v and v_ref are exchanged{names}; the rest is judged with both put right"
    return turned, manifest, Finding("v", "differs", detail=detail)


def of_draws(
    tables: Sequence[Table], probe: Probe, known: Identified, manifest: Manifest
) -> Mended | None:
    """The sampler's velocity and another in each other's place, where x_s is drawn about the
    other's mean, and log-probabilities are right for both put right."""
    own, other = ("v_old", "v") if "v_old" in probe.raw else ("v", "v_ref")
    if not {own, other, "x_s", "noise", "log_prob"} <= set(probe.raw) or "mean" in probe.raw:
        return None
    if by_sampler(probe, known.model, own) or not by_sampler(probe, known.model, other):
        return None
    turned = exchanged(tables, own, other)
    if not scored(turned, manifest):
        return None
    detail = f"v and {own if other == 'v' else other} are exchanged; the rest is judged with both "
    return turned, manifest, Finding("v", "differs", detail=f"{detail}put right")


def scored(tables: Sequence[Table], manifest: Manifest) -> bool:
    """Whether a formula that is no mistake gives the log-probabilities."""
    try:
        probe = take(tables)
        whole = read(tables, probe.whole, identify(probe, manifest, mistakes=False).model)
        found = explain("log_prob", whole, probe, mistakes=False)
    except ValueError:
        return False
    return any(m.level == "exact" and m.strain <= EASY for m in found)


def sure(known: Identified) -> bool:
    """Whether a formula that is no mistake gives the steps, number by number."""
    if known.target == "residuals":
        return any(m.level == "exact" for m in known.means)
    return any(
        m.level in ("exact", "stored") and m.formula.standing != "mistake"
        and (m.level == "stored" or m.strain <= EASY) for m in known.means
    )  # fmt: skip


def follows(tables: Sequence[Table], manifest: Manifest) -> bool:
    """Whether a mean follows from what is left, number by number."""
    try:
        known = identify(take(tables), manifest, mistakes=False)
    except ValueError:
        return False
    return sure(known) and known.target == "mean"


def fits(tables: Sequence[Table], manifest: Manifest) -> bool:
    """Whether x_s is drawn about the mean of a formula that is no mistake, number by number or by
    its law."""
    try:
        return sure(identify(take(tables), manifest, mistakes=False))
    except ValueError:
        return False


def exchanged(tables: Sequence[Table], one: str, two: str) -> list[Table]:
    """The tables with two columns in each other's place."""
    swapped = [{one: t.columns[two], two: t.columns[one]} for t in tables]
    return [replace(t, columns=t.columns | x) for t, x in zip(tables, swapped, strict=True)]
