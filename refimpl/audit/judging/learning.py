"""What training made of log-probabilities: the ratio, its mean, the clipped loss.

    r = exp(log p − log p_old)       loss = −min(r A, clip(r, 1 − ε, 1 + ε) A) + β KL

Clip and weight are declared, or found as those under which the loss fits.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from ...equations import grpo, policy
from ...evidence.mistakes import mistakes
from ...evidence.rounding import ROUNDINGS
from ..reading import precision
from ..reading.layout import Table
from ..reading.manifest import Manifest
from ..reading.probe import width
from . import readings
from .finding import UNLISTED, Finding, Verdict

_NAMES = ("ratio", "log_prob", "log_prob_old", "kl", "loss", "advantages", "batch", "t")
_CLIPS = (1e-5, 1e-4, 2e-4, 1e-3, 5e-3, 1e-2, 0.1, 0.2)
_ROWS = 2**18


@dataclass(frozen=True)
class Part:
    """Rows' numbers in float64, (n,) by name, and their roundoff."""

    of: dict[str, Tensor]
    roundoff: dict[str, float]
    dims: int


def audit_learning(tables: Sequence[Table], manifest: Manifest) -> Iterator[Finding]:
    """On ratio and loss."""
    parts = [p for table in tables for p in _parts(table)]
    if not parts:
        return
    names = set(parts[0].of)
    if "ratio" in names:
        yield from _ratio(parts, names, manifest)
    if "loss" in names:
        yield _loss(parts, names, manifest)


def _parts(table: Table) -> Iterator[Part]:
    columns = {n: c for n, c in table.columns.items() if n in _NAMES and c.width == 1}
    if not {"ratio", "loss"} & set(columns):
        return
    for a in range(0, table.n, _ROWS):
        raw = {n: c.read(a, min(a + _ROWS, table.n))[:, 0].clone() for n, c in columns.items()}
        finite = torch.ones(len(next(iter(raw.values()))), dtype=torch.bool)
        for x in raw.values():
            finite &= torch.isfinite(x)
        yield Part(
            {n: x[finite].double() for n, x in raw.items()},
            {n: precision.logged(x) for n, x in raw.items()},
            width(table),
        )


def _ratio(parts: Sequence[Part], names: set[str], manifest: Manifest) -> Iterator[Finding]:
    ratio = torch.cat([p.of["ratio"] for p in parts])
    if {"log_prob", "log_prob_old"} <= names:
        yield _of_log_probs(parts)
    else:
        yield Finding("ratio", "not checked", detail="it takes log_prob and log_prob_old")
    if manifest.on_policy:
        levels = torch.cat([p.of["t"] for p in parts]) if "t" in names else None
        yield _before_update(ratio, levels, manifest)
    yield _mean(ratio, known={"log_prob", "log_prob_old"} <= names)
    if manifest.clip is not None and parts[0].dims > 0:
        yield _clipped(ratio, manifest, parts[0].dims)


def _before_update(ratio: Tensor, levels: Tensor | None, manifest: Manifest) -> Finding:
    """The ratio of a policy to itself; if it is not 1, the causes in order of their usual size.

    Args:
        ratio: (n,).
        levels: t as recorded, (n,), where it was: the floor is then told step by step.
    """
    gap = float((ratio - 1).abs().max())
    subject = "ratio before the first update"
    if gap <= 1e-6:
        return Finding(subject, "consistent", "policy.ratio", gap, 1e-6, len(ratio))
    told = f"replay is not exact; causes, the largest first: {CAUSES}"
    if manifest.clip:
        middle = float((ratio - 1).abs().median())
        told += (
            f". The median gap is {middle:.2g}, {middle / manifest.clip:.2g} times the clip "
            f"{manifest.clip:g}: below that noise floor a clip cuts at random"
            if middle > manifest.clip / 4 else f". The median gap is {middle:.2g}"
        )  # fmt: skip
    if levels is not None:
        told += _by_step(ratio, levels, manifest.clip)
    return Finding(subject, "differs", "policy.ratio", gap, 1e-6, len(ratio), told)


def _by_step(ratio: Tensor, levels: Tensor, clip: float | None) -> str:
    """The median gap of every step, where there are a few: a clip that is safe at one may cut at
    random at another, since a ratio's error grows as the step's std falls."""
    steps = torch.unique(levels)
    if not 1 < len(steps) <= _STEPS:
        return ""
    floors = [float((ratio[levels == t] - 1).abs().median()) for t in steps]
    rows = sorted(zip(steps.tolist(), floors, strict=True), reverse=True)
    told = ". By step: " + ", ".join(f"t = {t:.4g}: {floor:.1g}" for t, floor in rows)
    below = [f"{t:.4g}" for t, floor in rows if clip and floor > clip / 4]
    return told + (f"; the clip is below the floor at t = {', '.join(below)}" if below else "")


_STEPS = 64
"""So many steps at most are told one by one."""

CAUSES = (
    "another velocity (guidance, prompt or weights), another model time, latents stored in "
    "bfloat16 after they were scored, the rounding of the network itself (bfloat16, other kernels "
    "in rollout and training)"
)


def _mean(ratio: Tensor, *, known: bool) -> Finding:
    """The mean of the ratio against 1; `known` says whether it is one of recorded densities."""
    n, mean, subject = len(ratio), float(ratio.mean()), "mean of the ratio"
    error = float(ratio.std() / n**0.5) if n > 1 else float("nan")
    told = f"E_old[ratio] = {mean:.8g} ± {error:.2g}, it is 1 for a density's ratio"
    if not abs(mean - 1) > 6 * error + 1e-6:
        return Finding(subject, "consistent", "", rows=n, detail=told)
    spread = float(torch.log(ratio.clamp_min(1e-300)).std()) if n > 1 else 0.0
    if spread > 1:
        told += f"; log ratios spread by {spread:.2g}, too far for a mean of {n} to show it"
        return Finding(subject, "not checked", "", rows=n, detail=told)
    if not known:
        told += "; to say more takes log_prob and log_prob_old"
        return Finding(subject, "not checked", "", rows=n, detail=told)
    told += (
        ". Averaged log-probabilities give a little less than 1, by c (1 − c) d²/2 with c = 1/D; "
        "more is a ratio of other samples, or of another policy than the one that sampled"
    )
    return Finding(subject, "differs", "policy.ratio", abs(mean - 1), 6 * error, n, told)


def _clipped(ratio: Tensor, manifest: Manifest, dims: int) -> Finding:
    """The share outside the clip, and the ratio in nats of the whole sample."""
    clip = float(manifest.clip or 0.0)
    outside = float(((ratio - 1).abs() > clip).double().mean())
    told = f"{outside:.1%} of ratios outside 1 ± {clip:g}"
    if manifest.log_prob == "mean" and dims > 1:
        nats = float(torch.log(ratio.clamp_min(1e-300)).abs().median()) * dims
        told += (
            f"; averaged over {dims} coordinates, the clip is {clip * dims:.3g} nats of the "
            f"sample's log-ratio, whose median is {nats:.3g}"
        )
    if outside > 0.5:
        told += (
            "; more than half: most gradients are cut, and an update this large is no small step"
        )
    return Finding("clip", "convention", "", rows=len(ratio), detail=told)


_CENTRED = (
    "The mean of the rows' log-ratios is taken off them: what all have learnt alike is lost. "
    "Remedy: exp(new − old)"
)


def _centred_ratio(new: Tensor, old: Tensor) -> Tensor:
    return policy.ratio(new - policy.log_ratio(new, old).mean(), old)


def _of_log_probs(parts: Sequence[Part]) -> Finding:
    rules: list[tuple[str, str, Callable[..., Tensor], int]] = [
        ("policy.ratio", "", policy.ratio, 0)
    ]
    rules += [
        (m.title, f"{m.what} Remedy: {m.remedy}", m.wrong, 0) for m in mistakes("policy.ratio")
    ]
    rules += [
        ("policy.ratio of sums, where averages were recorded", "", policy.ratio, 1),
        ("policy.ratio of averages, where sums were recorded", "", policy.ratio, -1),
    ]
    if len(parts) == 1:
        rules += [("policy.ratio: log-ratios centred", _CENTRED, _centred_ratio, 0)]
    for i, (name, why, rule, power) in enumerate(rules):
        worst, allowed, fits = 0.0, 0.0, True
        for p in parts:
            scale = float(p.dims) ** power
            new, old = p.of["log_prob"] * scale, p.of["log_prob_old"] * scale
            made = rule(new, old)
            u = max(p.roundoff["log_prob"], p.roundoff["log_prob_old"])
            slack = (
                made.abs() * (u * (new.abs() + old.abs() + 1)) + p.roundoff["ratio"] * made.abs()
            )
            slack = ROUNDINGS * slack + 1e-300
            gap = (made - p.of["ratio"]).abs()
            fits &= bool((gap <= slack).all())
            if len(gap):
                at = int((gap / slack).argmax())
                if float(gap[at]) >= worst:
                    worst, allowed = float(gap[at]), float(slack[at])
        if fits:
            verdict = "differs" if why else "consistent" if i == 0 else "convention"
            rows = sum(len(p.of["ratio"]) for p in parts)
            told = f"a mistake with a name. {why}" if why else ""
            return Finding("ratio", verdict, name, worst, allowed, rows, told)  # type: ignore[arg-type]
    p = parts[0]
    given = {n: p.of[n][:, None] for n in ("log_prob", "log_prob_old")}
    u = max(p.roundoff[n] for n in ("ratio", *given))
    told = readings.read("ratio", *readings.cases_of(given, p.of["ratio"][:, None]), u)
    return Finding("ratio", "differs", detail=UNLISTED + (f": {told}" if told else ""))


def _loss(parts: Sequence[Part], names: set[str], manifest: Manifest) -> Finding:
    if not {"ratio", "advantages"} <= names:
        return Finding("loss", "not checked", detail="it takes ratio and advantages")
    if any(bool((p.of["ratio"] < 0).any()) for p in parts):
        return Finding("loss", "not checked", detail="a ratio of densities is never negative")
    fitting = _fitting(parts, names, manifest)
    if fitting is not None:
        return fitting
    for key in ("beta", "clip"):
        if key in manifest.declared:
            other = _fitting(parts, names, replace(manifest, **dict[str, Any]({key: None})))
            if other is not None and not other.formula.count(":"):
                told = f"declared {key} = {manifest.declared[key]:g}, and the numbers have "
                return replace(other, verdict="differs", detail=told + other.detail)
    if manifest.clip_high is None and (ends := _ends(parts, names, manifest)) is not None:
        return ends
    return Finding("loss", "differs", detail=UNLISTED + _read_loss(parts[0], manifest))


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
    held, up = held[torch.isfinite(held)], p.of["advantages"][torch.isfinite(held)] > 0
    if not bool(up.any()) or bool(up.all()):
        return None
    low, high = (float(f"{x:.4g}") for x in (1 - float(held[~up].min()), float(held[up].max()) - 1))
    if not (0 < low < 1 and high > 0):
        return None
    guess = replace(manifest, clip=low, clip_high=high, beta=beta if "kl" in names else None)
    found = _fitting(parts, names, guess)
    if found is None or ":" in found.formula:
        return None
    declared = f"declared clip = {manifest.clip:g}, and " if manifest.clip is not None else ""
    told = (
        f"{declared}ratios are clipped between {1 - low:.4g} and {1 + high:.4g}; if that is meant, "
        f"declare clip = {low:g} and clip_high = {high:g}"
    )
    verdict: Verdict = "differs" if declared else "convention"
    return replace(found, verdict=verdict, detail=told)


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
        (m.title, f"{m.what} Remedy: {m.remedy}", m.wrong) for m in mistakes("grpo.surrogate")
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


def _row(p: Part, surrogate: Callable[..., Tensor], objective: Callable[..., Tensor], clip: float,
         beta: float) -> Tensor:  # fmt: skip
    kl = p.of.get("kl", torch.zeros_like(p.of["ratio"]))
    return objective(surrogate(p.of["ratio"], p.of["advantages"], clip), kl, beta)


def _averaged(p: Part, rows: Tensor) -> Tensor:
    """The mean of each batch, repeated for its rows, where the loss is one number a batch."""
    key = p.of.get("batch", torch.zeros_like(rows))
    ids, index = torch.unique(key, return_inverse=True)
    sums = torch.zeros(len(ids), dtype=rows.dtype).index_add_(0, index, rows)
    return (sums / torch.bincount(index).double())[index]


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
    if reasons:
        told += f"; a mistake with a name. {' '.join(reasons)}"
        return Finding("loss", "differs", label, *gap, len(ratio), told)
    asked = manifest.clip is not None or not clipped
    return Finding("loss", "consistent" if asked else "convention", label, *gap, len(ratio), told)
