"""The clipped loss of every row, or of a batch; clip and weight are declared, or found.

    loss = −min(r A, clip(r, 1 − ε, 1 + ε) A) + β KL

What neither gives may be the loss of other numbers: `relearnt`.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from ...equations import grpo
from ...evidence.mistakes import mistakes
from ...evidence.rounding import ROUNDINGS
from ..reading.manifest import Manifest
from . import composed, pairs, readings, relearnt
from .finding import UNLISTED, Finding, Verdict
from .updates import Part

_CLIPS = (1e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 0.05, 0.1, 0.2, 0.3)
"""That are tried where none was declared."""


def of_loss(parts: Sequence[Part], names: set[str], manifest: Manifest) -> Finding:
    """On the loss."""
    if not {"ratio", "advantages"} <= names:
        return Finding("loss", "not checked", detail="it takes ratio and advantages")
    if any(bool((p.of["ratio"] < 0).any()) for p in parts):
        return Finding("loss", "not checked", detail="a ratio of densities is never negative")
    fitting = _fitting(parts, names, manifest)
    if fitting is not None:
        return fitting
    declared = [k for k in ("beta", "clip") if k in manifest.declared]
    told_apart = len(torch.unique(torch.cat([p.of["loss"] for p in parts]))) > _FEW
    every = [[k] for k in declared] + ([declared] if len(declared) > 1 else [])
    for keys in every if told_apart else ():
        other = _fitting(parts, names, replace(manifest, **dict[str, Any](dict.fromkeys(keys))))
        if other is not None and not other.formula.count(":"):
            told = ", ".join(f"{k} = {manifest.declared[k]:g}" for k in keys)
            told = f"declared {told}, and the numbers have {other.detail}"
            if keys == ["beta"] and (words := _composed(parts, manifest)[1]):
                told += f": {words}"
            return replace(other, verdict="differs", detail=told)
    if (ends := _ends(parts, names, manifest)) is not None:
        return ends
    beta = manifest.beta if "kl" in names else 0.0
    clips = [manifest.clip] if manifest.clip is not None else list(_CLIPS)

    def fits(changed: Sequence[Part]) -> bool:
        return any(_right(changed, clip, manifest) for clip in clips)

    words = relearnt.told(parts, fits, beta, manifest.clip)
    words = "; or ".join(x for x in (words, _outer(parts, manifest, clips)) if x)
    many, composed_of = (0, "") if words else _composed(parts, manifest)
    words = words or (composed_of if many == 1 else "")
    words = f": {words}" if words else _read_loss(parts[0], manifest)
    words = words or (f": {composed_of}" if composed_of else "")
    if not words and "kl" not in names and manifest.beta != 0:
        told = "it takes kl, if the loss has one; declare beta = 0 where it has none"
        return Finding("loss", "not checked", detail=told)
    return Finding("loss", "differs", detail=UNLISTED + words)


def _outer(parts: Sequence[Part], manifest: Manifest, clips: Sequence[float]) -> str:
    """Whether every ratio meets every advantage in it, in words."""

    def fits(p: Part, surrogate: Callable[..., Tensor], clip: float) -> bool:
        beta = _beta(p, surrogate, grpo.objective, clip, -1, manifest)
        if _loss_gap([p], surrogate, grpo.objective, clip, beta, -1) is None:
            return False
        term = surrogate(p.of["ratio"], p.of["advantages"], clip)
        u = max(p.roundoff[n] for n in ("loss", "ratio", "advantages"))
        size = float(p.of["advantages"].abs().max() * p.of["ratio"].abs().max())
        return float(term.abs().max()) > _SHOWN * ROUNDINGS * u * size

    if len(torch.unique(torch.cat([p.of["loss"] for p in parts]))) <= _FEW:
        return ""
    held, open_ended = "min(r_i A_j, clip(r_i) A_j)", ("r_i A_j, never clipped", _NEVER, None)
    for pair, clip, high in (*((held, c, manifest.clip_high) for c in clips), open_ended):
        if words := pairs.told(parts, pair, high, lambda p, f, c=clip: fits(p, f, c)):  # type: ignore[misc]
            return words
    return ""


_NEVER = 1e9
"""A clip that no ratio reaches."""

_SHOWN = 4.0
"""So many times what rounding allows, a term has to be to be told from none."""


def _composed(parts: Sequence[Part], manifest: Manifest) -> tuple[int, str]:
    """The loss as the article's with a few parts exchanged: how many, and in words."""
    weights = relearnt.weights_of(parts[0])
    clips = [manifest.clip] if manifest.clip is not None else [None, *_CLIPS]
    own = manifest.clip is not None
    told = (composed.told(parts, clip, manifest.beta, weights, known=own) for clip in clips)
    return next((one for one in told if one[1]), (0, ""))


_FEW = 4
"""So few different losses are given by a weight or a clip of their own, whatever they are."""


def _right(parts: Sequence[Part], clip: float, manifest: Manifest) -> bool:
    """Whether the loss is the article's, of these columns."""
    surrogate = grpo.surrogate
    if manifest.clip_high is not None:
        surrogate = _two_ended(surrogate, manifest.clip_high)
    beta = _beta(parts[0], surrogate, grpo.objective, clip, -1, manifest)
    return _loss_gap(parts, surrogate, grpo.objective, clip, beta, -1) is not None


def _ends(parts: Sequence[Part], names: set[str], manifest: Manifest) -> Finding | None:
    """A clip whose ends lie at different distances from 1, read off the rows beyond them."""
    p = parts[0]
    inside = (p.of["ratio"] - 1).abs() < _INSIDE
    some = replace(p, of={n: x[inside] for n, x in p.of.items()})
    if int(inside.sum()) < 8:
        return None
    beta = _beta(some, grpo.surrogate, grpo.objective, 1.0, -1, manifest)
    kl = p.of.get("kl", 0 * p.of["loss"])
    held = (beta * kl - p.of["loss"]) / p.of["advantages"]  # the ratio, held between the ends
    used = torch.isfinite(held)
    held, up, ratio = held[used], p.of["advantages"][used] > 0, p.of["ratio"][used]
    if not bool(up.any()) or bool(up.all()):
        return None
    inside = (
        _BEYOND * held[up].max() >= ratio[up].max() or held[~up].min() <= ratio[~up].min() * _BEYOND
    )
    if bool(inside):  # no ratio is beyond one of the ends: there is none
        return None
    low, high = (float(f"{x:.4g}") for x in (1 - float(held[~up].min()), float(held[up].max()) - 1))
    if not (0 < low < 1 and high > 0):
        return None
    low, high = _as_declared(low, manifest.clip), _as_declared(high, manifest.clip_high)
    guess = replace(manifest, clip=low, clip_high=high, beta=beta if "kl" in names else None)
    found = _fitting(parts, names, guess)
    if found is None or ":" in found.formula:
        return None
    said = [(k, manifest.declared[k]) for k in ("clip", "clip_high") if k in manifest.declared]
    declared = f"declared {', '.join(f'{k} = {x:g}' for k, x in said)}, and " if said else ""
    told = (
        f"{declared}ratios are clipped between 1 − {low:g} and 1 + {high:g}; if that is meant, "
        f"declare clip = {low:g} and clip_high = {high:g}"
    )
    verdict: Verdict = "differs" if declared else "convention"
    return replace(found, verdict=verdict, detail=told)


def _as_declared(seen: float, declared: float | None) -> float:
    """An end as it was declared, if that is what the numbers show to their rounding."""
    return declared if declared and abs(seen / declared - 1) < 0.01 else seen


_BEYOND = 1 + 1e-6
"""What lies less beyond an end is rounding."""

_INSIDE = 0.05
"""A ratio this near 1 is hardly ever clipped where ratios far from it are met."""


def _two_ended(surrogate: Callable[..., Tensor], high: float) -> Callable[..., Tensor]:
    """A surrogate whose upper end is its own: it alone matters where the advantage is positive."""
    return lambda r, a, clip: torch.where(a >= 0, surrogate(r, a, high), surrogate(r, a, clip))


def _read_loss(p: Part, manifest: Manifest) -> str:
    """What the kit's diagnosis says of a loss whose clip, and weight, were declared."""
    if manifest.clip is None or ("kl" in p.of and manifest.beta is None):
        return ""
    kl, beta = p.of.get("kl"), manifest.beta or 0.0
    given = {"ratio": p.of["ratio"][:, None], "advantage": p.of["advantages"][:, None]}
    u = max(p.roundoff[n] for n in ("loss", "ratio", "advantages"))
    loss, free = p.of["loss"][:, None], {"clip": manifest.clip}
    tried = [("loss without a KL", given, loss if kl is None else loss - beta * kl[:, None], free)]
    if kl is not None:
        tried = [("loss", given | {"kl": kl[:, None]}, loss, free | {"beta": beta}), *tried]
    for split in (True, False):  # of a whole batch, what its rows have in common shows
        for subject, numbers, got, more in tried:
            cases, told = readings.cases_of(numbers, got, split=split)
            cases = [{**i, **more} for i in cases]
            if words := readings.read(subject, cases, told, u, {"sign": "loss"}):
                return f": {words}"
    return ""


def _fitting(parts: Sequence[Part], names: set[str], manifest: Manifest) -> Finding | None:
    """The verdict by the first of the formulas that gives the loss."""
    surrogates = [("grpo.surrogate", "", grpo.surrogate)] + [
        (m.title, f"{m.what} Remedy: {_OF_A_LOSS.get(m.name, m.remedy)}", m.wrong)
        for m in mistakes("grpo.surrogate")
    ]
    if (high := manifest.clip_high) is not None:
        surrogates = [(name, why, _two_ended(rule, high)) for name, why, rule in surrogates]
    turned = ("grpo.objective: the policy's term of the wrong sign",
              "The clipped term is added to the loss. Remedy: −min(r A, clip(r) A) + β KL",
              lambda u, kl, beta: grpo.objective(-u, kl, beta))  # fmt: skip
    objectives = [("", "", grpo.objective), *([turned] if "kl" in names else [])] + [
        (m.title, f"{m.what} Remedy: {m.remedy}", m.wrong)
        for m in mistakes("grpo.objective") if "kl" in names
    ]  # fmt: skip
    clips = [manifest.clip] if manifest.clip is not None else list(_CLIPS)
    signs = [(-1, "", ""), (1, "the objective itself", "Minimised, it lowers what was good")]
    for (outer, o_why, objective), (sign, s_name, s_why) in (
        (o, s) for s in signs for o in objectives
    ):
        for name, why, surrogate in surrogates:
            for clip in clips:
                beta = _beta(parts[0], surrogate, objective, clip, sign, manifest)
                gap = _loss_gap(parts, surrogate, objective, clip, beta, sign)
                if gap is not None:
                    reasons = [x for x in (why, o_why, s_why) if x]
                    label = ", ".join(x for x in (name, outer, s_name) if x)
                    return _loss_told(parts, label, reasons, clip, beta, gap, manifest)
    return None


_OF_A_LOSS = {
    "max for min": "min of r A and clip(r) A, which is max of the losses −r A and −clip(r) A",
}
"""Remedies where what was recorded is a loss, and its line may be written of either sign."""


def _row(p: Part, surrogate: Callable[..., Tensor], objective: Callable[..., Tensor], clip: float,
         beta: float) -> Tensor:  # fmt: skip
    kl = p.of.get("kl", torch.zeros_like(p.of["ratio"]))
    return objective(surrogate(p.of["ratio"], p.of["advantages"], clip), kl, beta)


def _averaged(p: Part, rows: Tensor) -> Tensor:
    """The mean of each batch, repeated for its rows."""
    ids, index, size = p.batches
    sums = torch.zeros(len(ids), dtype=rows.dtype).index_add_(0, index, rows)
    return (sums / size)[index]


def _beta(
    p: Part, surrogate: Callable[..., Tensor], objective: Callable[..., Tensor], clip: float,
    sign: int, manifest: Manifest,
) -> float:  # fmt: skip
    if "kl" not in p.of:
        return 0.0
    if manifest.beta is not None:
        return manifest.beta
    none, one = (_row(p, surrogate, objective, clip, b) for b in (0.0, 1.0))
    for way in (lambda p, x: x, _averaged):
        left = sign * p.of["loss"] - way(p, none)
        right = way(p, one) - way(p, none)
        large = right.abs() >= 0.5 * right.abs().max()
        if float(right.abs().max()) > 0:
            beta = float((left[large] / right[large]).median())
            slack = 1e-4 * left.abs().max() + ROUNDINGS * p.roundoff["loss"] * p.of["loss"].abs()
            for digits in range(1, 7) if beta >= 0 else ():
                rounded = float(f"{beta:.{digits}g}")
                if bool(((left - rounded * right).abs() <= slack).all()):
                    return rounded
    return 0.0


def _loss_gap(
    parts: Sequence[Part], surrogate: Callable[..., Tensor], objective: Callable[..., Tensor],
    clip: float, beta: float, sign: int,
) -> tuple[float, float] | None:  # fmt: skip
    for way in (lambda p, x: x, _averaged):
        worst, most = (0.0, 0.0), 0.0
        for p in parts:
            made = sign * way(p, _row(p, surrogate, objective, clip, beta))
            u = max(p.roundoff[n] for n in ("loss", "ratio", "advantages"))
            size = p.of["advantages"].abs().max() * p.of["ratio"].abs().max() + p.of["loss"].abs()
            if "kl" in p.of:
                size = size + beta * p.of["kl"].abs().max()
            slack = ROUNDINGS * u * size
            gap = (made - p.of["loss"]).abs()
            if len(gap):
                at = int((gap / slack.clamp_min(1e-300)).argmax())
                most = max(most, float(gap[at] / slack[at].clamp_min(1e-300)))
                worst = max(worst, (float(gap[at]), float(slack[at])))
        if most <= 1:
            return worst
    return None


def _loss_told(
    parts: Sequence[Part], label: str, reasons: list[str], clip: float, beta: float,
    gap: tuple[float, float], manifest: Manifest,
) -> Finding:  # fmt: skip
    ratio = torch.cat([p.of["ratio"] for p in parts])
    clipped = float(((ratio - 1).abs() > clip).double().mean())
    told = f"clip {clip:g}, {clipped:.1%} of ratios outside" if clipped else ("no ratio is clipped")
    if "kl" in parts[0].of:
        told += f", β = {beta:.4g}"
    if _UNCLIPPED in label:
        told, reasons = f"{told}. {_wider(parts, manifest)}", reasons[1:]
    if reasons:
        told += f"; a mistake with a name. {' '.join(reasons)}"
    if reasons or _UNCLIPPED in label:
        return Finding("loss", "differs", label, *gap, len(ratio), told)
    asked = manifest.clip is not None or not clipped
    return Finding("loss", "consistent" if asked else "convention", label, *gap, len(ratio), told)


_UNCLIPPED = "grpo.surrogate: never clipped"


def _wider(parts: Sequence[Part], manifest: Manifest) -> str:
    """What the rows show of a clip that holds none of them: none, or one beyond them all."""
    ratio, a = (torch.cat([p.of[n] for p in parts]) for n in ("ratio", "advantages"))
    above, below = (ratio - 1)[a > 0], (1 - ratio)[a < 0]
    high, low = (max(0.0, float(x.max())) if len(x) else 0.0 for x in (above, below))
    ends = f"one wider than {max(high, low):.3g}"
    if manifest.clip_high is not None:
        ends = f"one whose ends lie beyond 1 − {low:.3g} and 1 + {high:.3g}"
    own = "a " if manifest.clip is None else "the declared "
    return (
        f"No ratio is held by {own}clip: there is none, or {ends}, the furthest that a ratio lies "
        "from 1 where a clip counts. Nothing holds the step there. Remedy: min of clipped and "
        "unclipped, at the clip that is meant"
    )
