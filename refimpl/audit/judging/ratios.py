"""The ratio of two log-probabilities: what it is made of, its mean, and the share that is clipped.

r = exp(log p − log p_old)        E_old[r] = 1        |r − 1| > ε
"""

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from ...equations import policy
from ...evidence.mistakes import mistakes
from ...evidence.rounding import ROUNDINGS
from ..reading.manifest import Manifest
from . import readings
from .finding import UNLISTED, Finding
from .updates import Part


def of_ratio(parts: Sequence[Part], names: set[str], manifest: Manifest) -> Iterator[Finding]:
    """On the ratio, and on what was declared of it."""
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
