"""Whose velocity is it? Guidance, and the policy that sampled against the one that is trained.

v = v_uncond + w (v_cond − v_uncond): which w?        v against v_old: one policy, or two?
"""

from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor

from ...equations import guidance
from ...evidence.rounding import ROUNDINGS
from ..reading.manifest import Manifest
from ..reading.probe import Probe
from . import elsewhere
from .finding import Finding

_OF_NETWORKS = 2.0**-6
"""A relative difference of velocities that a network's own rounding makes, guidance included."""

_APART = 0.05
"""A relative difference of velocities that a single update seldom makes."""

_FAR_APART = 0.25
"""And one that none makes."""

OFF_POLICY = (
    "v is an update later, if the record is off policy: then on_policy is not to be declared"
)
"""What two velocities in every row say as well, where one policy was declared."""


def audit_velocities(probe: Probe, manifest: Manifest) -> Iterator[Finding]:
    """On the probed rows: w of each velocity, and how far v is from v_old; of those that hold
    numbers in all of them."""
    names = [n for n in ("v", "v_old", "v_cond", "v_uncond") if n in probe.raw]
    used = torch.stack([torch.isfinite(probe.raw[n]).all(dim=1) for n in names]).all(dim=0) if (
        names) else torch.zeros(0)  # fmt: skip
    if not bool(used.any()):
        return
    probe = replace(probe, raw={n: x[used] for n, x in probe.raw.items()})
    raw, u = probe.raw, probe.roundoff
    scales, found = {}, {}
    for name in ("v", "v_old") if {"v_cond", "v_uncond"} <= set(raw) else ():
        if name in raw:
            found[name], scales[name] = _guided(name, probe, manifest)
    on_line = [name for name, f in found.items() if f.formula]
    for name, finding in found.items():
        if name in on_line or not on_line or bool((raw["v"] == raw["v_old"]).all()):
            yield finding
        else:  # of two policies, one has these parts
            scales.pop(name)
            told = f"v_cond and v_uncond are those of {on_line[0]}, another policy's"
            yield Finding(finding.subject, "not checked", detail=told)
    if not {"v", "v_old"} <= set(raw):
        return
    if len(scales) == 2 and abs(scales["v"] - scales["v_old"]) > 1e-3 * abs(scales["v_old"]):
        yield Finding(
            "guidance", "differs", "guidance.classifier_free",
            detail=f"w = {scales['v_old']:.5g} in the rollout and {scales['v']:.5g} in training: "
            "another policy is trained than the one that sampled",
        )  # fmt: skip
    v, old = raw["v"].double(), raw["v_old"].double()
    gap, size = (v - old).abs().max(), old.abs().max()
    relative = float(torch.linalg.vector_norm(v - old) / torch.linalg.vector_norm(old))
    told = f"v and v_old differ by {relative:.2g} of their size"
    rounding = ROUNDINGS * max(u["v"], u["v_old"]) * float(size)
    cause = (
        "guidance, model time or conditioning differ between rollout and training, so another "
        "policy is trained than the one that sampled"
    )
    if relative <= _OF_NETWORKS:
        cause = (
            "as much as a network in bfloat16 differs from itself on other kernels (2⁻⁹ a value, "
            f"more after guidance), which no replay undoes: hold the clip against it. Or {cause}"
        )
    if manifest.on_policy and relative <= _APART and bool((v != old).any(dim=1).all()):
        cause = f"{OFF_POLICY}. Or {cause}"
    if manifest.on_policy and float(gap) > rounding:
        yield Finding("v against v_old", "differs", "", float(gap), rounding, len(v),
                      f"declared on_policy, and {told}: {cause}")  # fmt: skip
    elif relative > _APART:
        wide = relative > _FAR_APART
        how = "an update makes" if wide else "an update usually makes: it was a large one, or"
        yield Finding("v against v_old", "differs" if wide else "convention", "", float(gap),
                      rounding, len(v), f"{told}, more than {how}{':' * wide} {cause}")  # fmt: skip
    else:
        yield Finding("v against v_old", "consistent", "", float(gap), rounding, len(v), told)


def _by_step(v: Tensor, cond: Tensor, uncond: Tensor, t: Tensor | None, u: float) -> str:
    """w of each row, where every row lies on its own line: in words, by level."""
    direction = cond - uncond
    square = (direction**2).sum(dim=1, keepdim=True).clamp_min(1e-300)
    w = ((v - uncond) * direction).sum(dim=1, keepdim=True) / square
    made = guidance.classifier_free(uncond, cond, w)
    size = (uncond.abs() * (1 - w).abs() + cond.abs() * w.abs() + v.abs()).amax(dim=1)
    if not bool(((made - v).abs().amax(dim=1) <= 2 * ROUNDINGS * u * size).all()):
        return ""
    rows = sorted(zip((t if t is not None else w)[:, 0].tolist(), w[:, 0].tolist(), strict=True))
    levels = dict.fromkeys(f"{x:.4g}" for _, x in reversed(rows))
    first = {x: next(at for at, y in reversed(rows) if f"{y:.4g}" == x) for x in levels}
    told = [f"{x} from t = {first[x]:.4g}" if t is not None else x for x in levels]
    return ", ".join(told[:4]) + (f", and {len(told) - 4} more" if len(told) > 4 else "")


def _off_line(v: Tensor, cond: Tensor, uncond: Tensor, w: float | None, u: float) -> str:
    """What a velocity is that lies on no line through v_uncond and v_cond, in words."""
    told = "it lies on no line through v_uncond and v_cond"
    size = v.abs().amax(dim=1)
    parts = torch.stack([cond, uncond], dim=2)
    a, b = torch.linalg.lstsq(parts, v[:, :, None]).solution[:, :, 0].T
    gap = (a[:, None] * cond + b[:, None] * uncond - v).abs().amax(dim=1)
    reach = size + a.abs() * cond.abs().amax(dim=1) + b.abs() * uncond.abs().amax(dim=1)
    if bool((gap <= 2 * ROUNDINGS * u * reach).all()):
        if _one(a) and _one(b):
            both = f"{float(a[0]):.5g} v_cond + {float(b[0]):.5g} v_uncond"
            bare = f"{float(a[0]):.5g} v_cond: v_uncond is left out"
            small = float(b.abs().max()) < _ONE
            return f"it is {bare}" if small else f"it is {both}: the weights do not add up to 1"
        if _one(a):
            return (
                f"it is guidance by w = {float(a.median()):.5g} with v_uncond scaled row by row, "
                "as CFG-Zero* has it (guidance.zero_star)"
            )
        if _one(a / (a + b)):
            by, low, high = (
                float(x) for x in ((a / (a + b)).median(), (a + b).min(), (a + b).max())
            )
            return (
                f"it is guidance by w = {by:.5g}, rescaled row by row by {low:.4g} to {high:.4g} "
                "(guidance.rescale)"
            )
    if w is not None and w != 1:
        meant = (v - w * cond) / (1 - w)
        allowed = 2 * ROUNDINGS * u * (size + abs(w) * cond.abs().amax(dim=1)) / abs(1 - w)
        if elsewhere.places(meant, uncond, allowed) is not None:
            return "v_uncond in it is that of other rows: are halves of a batch mixed up?"
    return told


def _one(x: Tensor) -> bool:
    """Whether these are one number."""
    middle = x.median()
    return bool(((x - middle).abs() <= _ONE * (1 + middle.abs())).all())


_ONE = 1e-3


def _guided(name: str, probe: Probe, manifest: Manifest) -> tuple[Finding, float]:
    raw = probe.raw
    v, cond, uncond = (raw[n].double() for n in (name, "v_cond", "v_uncond"))
    direction = cond - uncond
    w = float(((v - uncond) * direction).sum() / (direction**2).sum().clamp_min(1e-300))
    made = guidance.classifier_free(uncond, cond, w)
    u = max(probe.roundoff[n] for n in (name, "v_cond", "v_uncond"))
    size = float((uncond.abs() * abs(1 - w) + cond.abs() * abs(w) + v.abs()).max())
    gap, allowed = float((made - v).abs().max()), ROUNDINGS * u * size
    subject = f"guidance of {name}"
    if gap > allowed and (by := _by_step(v, cond, uncond, raw.get("t"), u)):
        wanted = manifest.guidance
        verdict = "differs" if wanted is not None else "convention"
        declared = f"declared guidance = {wanted:g}, and " if wanted is not None else ""
        return Finding(
            subject, verdict, "guidance.classifier_free", rows=len(v),  # type: ignore[arg-type]
            detail=f"{declared}w is not one number: {by}",
        ), w  # fmt: skip
    if gap > allowed:
        return Finding(
            subject, "differs", "", gap, allowed, len(v),
            _off_line(v, cond, uncond, manifest.guidance, u),
        ), w  # fmt: skip
    told = f"w = {w:.5g}: v_uncond + w (v_cond − v_uncond)"
    wanted = manifest.guidance
    if wanted is not None and abs(w - wanted) > 1e-3 * max(1.0, abs(wanted)):
        names = {wanted + 1: "w − 1 for w", 1 - wanted: "conditional and unconditional swapped",
                 wanted**2: "applied twice", 1.0: "guidance left out", 0.0: "unconditional",
                 }  # fmt: skip
        near = next((n for x, n in names.items() if abs(w - x) <= 1e-3 * max(1.0, abs(x))), "")
        label = f"guidance.classifier_free: {near}" if near else "guidance.classifier_free"
        told = told.replace(":", f" = {wanted:g}²:", 1) if near == "applied twice" else told
        detail = f"declared guidance = {wanted:g}, and {told}"
        return Finding(subject, "differs", label, gap, allowed, len(v), detail), w
    verdict = "consistent" if wanted is not None else "convention"
    return Finding(
        subject, verdict, "guidance.classifier_free", gap, allowed, len(v), told  # type: ignore[arg-type]
    ), w  # fmt: skip
