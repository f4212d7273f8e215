"""The ratio of two log-probabilities: what it is made of, its mean, and the share that is clipped.

    r = exp(log p − log p_old)        E_old[r] = 1        |r − 1| > ε

What no formula gives may be the ratio of other rows, or of several.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import torch
from torch import Tensor

from ...equations import policy
from ...evidence.mistakes import mistakes
from ...evidence.rounding import ROUNDINGS
from ..reading import precision
from ..reading.manifest import Manifest
from . import elsewhere, readings
from .finding import UNLISTED, Finding
from .rearranged import Change, common
from .relearnt import weights_of
from .updates import Part


def of_ratio(parts: Sequence[Part], names: set[str], manifest: Manifest) -> Iterator[Finding]:
    """On the ratio, and on what was declared of it."""
    ratio = torch.cat([p.of["ratio"] for p in parts])
    known = {"log_prob", "log_prob_old"} <= names
    own = Finding("ratio", "not checked", detail="it takes log_prob and log_prob_old")
    if known:
        own = _of_log_probs(parts, manifest)
    yield own
    if manifest.on_policy:
        levels = torch.cat([p.of["t"] for p in parts]) if "t" in names else None
        yield _before_update(ratio, levels, manifest)
    mean = _mean(ratio, known=known)
    if "differs" == own.verdict == mean.verdict:
        mean = Finding(mean.subject, "not checked", "", rows=mean.rows, detail=_FOLLOWS)
    yield mean
    if manifest.clip is not None and parts[0].dims > 0:
        yield _clipped(ratio, manifest, 1 if _OF_SUMS in own.formula else parts[0].dims)


_FOLLOWS = "it takes a ratio of densities, and the ratio differs"


def _before_update(ratio: Tensor, levels: Tensor | None, manifest: Manifest) -> Finding:
    """The ratio of a policy to itself; if it is not 1, the causes in order of their usual size.

    Args:
        ratio: (n,).
        levels: t as recorded, (n,), where it was: the floor is then told step by step.
    """
    gap = float((ratio - 1).abs().max())
    subject = REPLAYED
    if gap <= 1e-6:
        return Finding(subject, "consistent", "policy.ratio", gap, 1e-6, len(ratio))
    told = f"replay is not exact{LISTED}"
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

CAUSES = {
    "velocity": "another velocity (guidance, prompt or weights)",
    "time": "another model time",
    "latents": "latents stored in bfloat16 after they were scored",
    "network": "the rounding of the network itself (bfloat16, other kernels in rollout and "
    "training)",
}
"""Why a replay is not exact, the largest first."""

REPLAYED = "ratio before the first update"
"""The subject of a policy's ratio to itself."""

MEAN_OF_RATIO = "mean of the ratio"
"""The subject of its mean over what the old policy drew."""

LISTED = f"; causes, the largest first: {', '.join(CAUSES.values())}"


def _mean(ratio: Tensor, *, known: bool) -> Finding:
    """The mean of the ratio against 1; `known` says whether it is one of recorded densities."""
    n, mean, subject = len(ratio), float(ratio.mean()), MEAN_OF_RATIO
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


_OF_SUMS = "of sums, where averages were recorded"
_LOG = "The log-ratio is taken for the ratio: it is 0 where that is 1. Remedy: exp(new − old)"

_ROUNDED_FIRST = (
    "What is left of a difference of log-probabilities is their rounding. Remedy: subtract in "
    "float32, and exp"
)

_HELD = (
    "It was stored after its clip: how far the policies are apart is lost. Remedy: store "
    "exp(new − old)"
)

_CENTRED = (
    "The mean of the rows' log-ratios is taken off them: what all have learnt alike is lost. "
    "Remedy: exp(new − old)"
)


_OF_LOGS: dict[str, tuple[str, Callable[[Tensor, Tensor], Tensor]]] = {
    "quotient of logs": ("log p/log p_old stands for exp(log p − log p_old)", lambda n, o: n / o),
    "quotient of logs, inverted": (
        "log p_old/log p stands for exp(log p − log p_old)", lambda n, o: o / n
    ),
    "exponential of a quotient of logs": (
        "exp(log p/log p_old) stands for exp(log p − log p_old)", lambda n, o: torch.exp(n / o)
    ),
    "one exponential of two": (
        "exp(log p)/log p_old stands for exp(log p)/exp(log p_old)", lambda n, o: torch.exp(n) / o
    ),
    "log of a quotient of logs": (
        "log(log p/log p_old) stands for the ratio", lambda n, o: torch.log(n / o)
    ),
    "relative change of the log": (
        "(log p − log p_old)/|log p_old| stands for the ratio",
        lambda n, o: policy.log_ratio(n, o) / o.abs(),
    ),
    "difference of densities": (
        "exp(log p) − exp(log p_old) stands for their quotient",
        lambda n, o: torch.exp(n) - torch.exp(o),
    ),
    "density of the new policy alone": ("exp(log p) stands for it", lambda n, o: torch.exp(n)),
}  # fmt: skip
"""Slips in how two logarithms make a ratio, and what each is."""


def _slips(parts: Sequence[Part]) -> list[tuple[str, str, Callable[..., Tensor], int]]:
    """Those that the rows can show: their numbers are not one, to rounding."""
    told = []
    for name, (why, rule) in _OF_LOGS.items() if _rows(parts) >= _FEWEST else ():
        each = [(rule(p.of["log_prob"], p.of["log_prob_old"]), p) for p in parts]
        made = torch.cat([x for x, _ in each])
        slack = torch.cat([
            _slack(rule, x, p.of["log_prob"], p.of["log_prob_old"], p) for x, p in each
        ])  # fmt: skip
        if float((made - made.median()).abs().median()) > _TOLD * float(slack.median()):
            remedy = f"{why}. Remedy: exp(log p − log p_old)"
            told.append((f"policy.ratio: {name}", remedy, rule, 0))
    return told


_TOLD = 4.0


def _centred_ratio(new: Tensor, old: Tensor) -> Tensor:
    return policy.ratio(new - policy.log_ratio(new, old).mean(), old)


_Slip = tuple[str, str, Callable[..., Tensor], int]
"""What a ratio may be: its name, what is wrong with it, the rule, and the power of D before it."""


def _of_rounded() -> Iterator[_Slip]:
    """Log-probabilities in half precision, before they are subtracted or all the way."""

    def first(new: Tensor, old: Tensor, kind: torch.dtype) -> Tensor:
        return policy.ratio(new.to(kind).double(), old.to(kind).double())

    def throughout(new: Tensor, old: Tensor, kind: torch.dtype) -> Tensor:
        return policy.ratio(new.to(kind), old.to(kind)).double()

    for kind, u in precision.ROUNDOFF.items():
        for rule in (first, throughout) if u >= precision.HALF else ():
            name = f"policy.ratio: log-probabilities rounded to {precision.NAMES[u]} first"
            yield name, _ROUNDED_FIRST, partial(rule, kind=kind), 0


def _of_held(clip: float) -> Iterator[_Slip]:
    """The ratio between the ends of its clip."""
    if clip:

        def held(new: Tensor, old: Tensor) -> Tensor:
            return policy.ratio(new, old).clamp(1 - clip, 1 + clip)

        yield f"policy.ratio: held to 1 ± {clip:g}", _HELD, held, 0


def _of_log_probs(parts: Sequence[Part], manifest: Manifest) -> Finding:
    rules: list[_Slip] = [("policy.ratio", "", policy.ratio, 0)]
    rules += [
        (m.title, f"{m.what} Remedy: {m.remedy}", m.wrong, 0) for m in mistakes("policy.ratio")
    ]
    rules += [
        ("policy.ratio: log-ratio for ratio", _LOG, policy.log_ratio, 0),
        (f"policy.ratio {_OF_SUMS}", "", policy.ratio, 1),
        ("policy.ratio of averages, where sums were recorded", "", policy.ratio, -1),
    ]
    if len(parts) == 1:
        rules += [("policy.ratio: log-ratios centred", _CENTRED, _centred_ratio, 0)]
    rules += [*_of_rounded(), *_of_held(manifest.clip or 0.0), *_slips(parts)]
    for i, (name, why, rule, power) in enumerate(rules):
        worst, allowed, fits = 0.0, 0.0, True
        for p in parts:
            scale = float(p.dims) ** power
            new, old = p.of["log_prob"] * scale, p.of["log_prob_old"] * scale
            made = rule(new, old)
            plain = policy.ratio(new, old)  # what was rounded on the way jumps, and has no slope
            smooth = "rounded to" not in name
            slack = _slack(rule if smooth else policy.ratio, made if smooth else plain, new, old, p)
            gap = (made - p.of["ratio"]).abs()
            fits &= bool((gap <= slack).all())
            if len(gap):
                at = int((gap / slack).argmax())
                if float(gap[at]) >= worst:
                    worst, allowed = float(gap[at]), float(slack[at])
        if fits and i == 0 and (coarse := _coarse(parts, manifest)):
            return Finding("ratio", "differs", name, worst, allowed, _rows(parts), coarse)
        if fits and "rounded to" in name and (ones := _ones(parts)):
            too = f"; or {name.removeprefix('policy.ratio: ').removesuffix(' first')}"
            return Finding("ratio", "differs", detail=f"{UNLISTED}: {ones}{too}")
        if fits:
            why = why or _TWICE.get((power, manifest.log_prob), "")
            verdict = "differs" if why else "consistent" if i == 0 else "convention"
            told = f"a mistake with a name. {why}" if why else ""
            return Finding("ratio", verdict, name, worst, allowed, _rows(parts), told)  # type: ignore[arg-type]
    told = _ones(parts) or _of_other_rows(parts) or _rounded(parts) or _remade(parts)
    told = told or _read(parts[0])
    told = told or _elsewhere(parts)
    return Finding("ratio", "differs", detail=UNLISTED + (f": {told}" if told else ""))


_TWICE: dict[tuple[int, str | None], str] = {
    (-1, "mean"): "The log-probabilities are averages already, and their difference is divided by "
                  "the number of coordinates once more. Remedy: exp(log p − log p_old)",
    (1, "sum"): "The log-probabilities are sums already, and their difference is multiplied by the "
                "number of coordinates once more. Remedy: exp(log p − log p_old)",
}  # fmt: skip
"""What a count too many is, where the reduction was declared."""


def _coarse(parts: Sequence[Part], manifest: Manifest) -> str:
    """The sentence on a right ratio of log-probabilities that were rounded more than a clip is
    wide."""
    for name in ("log_prob", "log_prob_old") if manifest.clip else ():
        x = torch.cat([p.of[name] for p in parts]).float()
        u = precision.effective(x)
        step = 2 * u * float(x.abs().median())
        if u >= precision.HALF and step > float(manifest.clip or 0.0):
            return (
                f"{name} has {precision.NAMES[u]} values, {step:.2g} apart, and the ratio is made "
                f"of them: rounding alone crosses the clip, {manifest.clip:g}. Remedy: keep "
                "log-probabilities in float32"
            )
    return ""


def _rows(parts: Sequence[Part]) -> int:
    """Rows of all."""
    return sum(p.n for p in parts)


def _read(p: Part) -> str:
    """What the kit's diagnosis says."""
    given = {n: p.of[n][:, None] for n in ("log_prob", "log_prob_old")}
    u = max(p.roundoff[n] for n in ("ratio", *given))
    return readings.read("ratio", *readings.cases_of(given, p.of["ratio"][:, None]), u)


def _slack(
    rule: Callable[..., Tensor], made: Tensor, new: Tensor, old: Tensor, p: Part
) -> Tensor:  # fmt: skip
    """What the rounding of two log-probabilities, and of their ratio, makes of the ratio."""
    u, by = max(p.roundoff["log_prob"], p.roundoff["log_prob_old"]), 1 + _NUDGE
    moved = (rule(new * by, old) - made).abs() + (rule(new, old * by) - made).abs()
    return ROUNDINGS * (u * moved / _NUDGE + (u + p.roundoff["ratio"]) * made.abs()) + 1e-300


_NUDGE = 2.0**-24


def _of_other_rows(parts: Sequence[Part]) -> str:
    """Whether it is that of log-probabilities of other rows, or of several."""
    together = "is the mean over rows, one number for all of them", [_together(p) for p in parts]
    tried: list[tuple[str, Sequence[Change | None], list[str]]] = [(*together, ["it"])]
    tried += [(words, own, [*_MADE]) for words, own in common(parts)]
    for words, own, made in [*tried, (*together, [*_MADE])]:
        for what in made:
            if all(_changed(_MADE[what], f, p) for f, p in zip(own, parts, strict=True)):
                return f"{what} {words}"
    return ""


_MADE: dict[str, Callable[[Change, Tensor, Tensor], Tensor]] = {
    "log p − log p_old in it": lambda f, new, old: policy.ratio(f(new), f(old)),
    "log p_old in it": lambda f, new, old: policy.ratio(new, f(old)),
    "log p in it": lambda f, new, old: policy.ratio(f(new), old),
    "it": lambda f, new, old: f(policy.ratio(new, old)),
}  # fmt: skip
"""Where in a ratio other rows may stand."""


def _together(p: Part) -> Change | None:
    """The mean over the rows that hold one ratio, where they are many."""
    ids, index, size = torch.unique(p.of["ratio"], return_inverse=True, return_counts=True)
    if not 1 < len(ids) <= p.n // 2:
        return None
    return lambda x: (torch.zeros(len(ids), dtype=x.dtype).index_add_(0, index, x) / size)[index]


def _changed(rule: Callable[..., Tensor], change: Change | None, p: Part) -> bool:
    """Whether a rule with a change of rows gives the ratio, and would not give 1 everywhere."""
    if change is None or p.n < _FEWEST:
        return False
    new, old = p.of["log_prob"], p.of["log_prob_old"]
    made = rule(change, new, old)
    u = max(p.roundoff["log_prob"], p.roundoff["log_prob_old"])
    own = u * (new.abs() + old.abs())
    slack = ROUNDINGS * ((change(own) + own + u + p.roundoff["ratio"]) * made.abs())
    telling = float((made - 1).abs().median()) > 4 * float(slack.median())
    return telling and bool(((made - p.of["ratio"]).abs() <= slack).all())


_FEWEST = 8


def _remade(parts: Sequence[Part]) -> str:
    """Whether it is made of the rows' own log-ratios with a weight of the step, or numbers of all
    rows."""
    rules: dict[str, Log] = {
        "it is divided by its mean over the rows": lambda p, d: d - d.exp().mean().log(),
        "its log-ratios are less their mean over the step's": lambda p, d: d - _of_step(p, d)[0],
    }
    for ddof in (0, 1):
        rules |= {
            f"its log-ratios are standardised over the rows (ddof {ddof})":
                lambda p, d, k=ddof: (d - d.mean()) / d.std(correction=k),
            f"its log-ratios are standardised over the step's rows (ddof {ddof})":
                lambda p, d, k=ddof: (d - _of_step(p, d)[0]) / _of_step(p, d, k)[1],
        }  # fmt: skip
    for name, weight in weights_of(parts[0]).items():
        rules[f"its log-ratio is multiplied by {name}"] = lambda p, d, f=weight: f(p.of) * d
    for words, rule in rules.items():
        if all(p.n >= _FEWEST and _follows(rule, p) for p in parts):
            return words
    return ""


Log = Callable[..., Tensor]
"""Of rows and their log-ratios, the logarithm of what was recorded as the ratio."""


def _follows(rule: Log, p: Part) -> bool:
    """Whether a ratio's logarithm is this, and is no rounding."""
    new, old = p.of["log_prob"], p.of["log_prob_old"]
    d, u = policy.log_ratio(new, old), max(p.roundoff["log_prob"], p.roundoff["log_prob_old"])
    made = rule(p, d)
    error = (u * (new.abs() + old.abs())).amax()
    steep = (made.abs() / d.abs().clamp_min(1e-300)).nanmedian()
    slack = ROUNDINGS * (steep * error + u + p.roundoff["ratio"])
    apart = (made - p.of["ratio"].clamp_min(1e-300).log()).abs()
    return bool((apart <= slack).all()) and float(made.abs().median()) > 4 * float(slack)


def _of_step(p: Part, d: Tensor, ddof: int = 0) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation over the rows of a step, (n,) each."""
    order = p.order if p.order is not None else 0 * d
    _, index, size = torch.unique(order, return_inverse=True, return_counts=True)
    zero = torch.zeros(len(size), dtype=d.dtype)
    mean = (zero.index_add(0, index, d) / size)[index]
    squares = zero.index_add(0, index, (d - mean) ** 2) / (size - ddof)
    return mean, squares.sqrt()[index]


def _elsewhere(parts: Sequence[Part]) -> str:
    """Whether a log-probability in it is the one recorded in another row."""
    p = parts[0]
    if len(parts) > 1 or not _FEWEST <= p.n <= _WINDOW:
        return ""
    log, new, old = p.of["ratio"].clamp_min(1e-300).log(), p.of["log_prob"], p.of["log_prob_old"]
    u = max(p.roundoff[n] for n in ("log_prob", "log_prob_old", "ratio"))
    allowed = ROUNDINGS * u * (new.abs() + old.abs() + 1)
    for name, found, wanted in (("log p_old", new - log, old), ("log p", old + log, new)):
        at = elsewhere.places(found[:, None], wanted[:, None], allowed)
        if at is not None:
            return f"{name} in it is that of {elsewhere.told(at, 0)}"
    return ""


_WINDOW = 2**11
"""Rows that may be held against each other."""


def _ones(parts: Sequence[Part]) -> str:
    """What a ratio may be that is 1 in every row, where its log-probabilities differ."""
    ratio = torch.cat([p.of["ratio"] for p in parts])
    if not bool((ratio == 1).all()):
        return ""
    log = torch.cat([policy.log_ratio(p.of["log_prob"], p.of["log_prob_old"]) for p in parts])
    rounded = _rounded(parts)
    return (
        f"it is 1 in every row, though log p − log p_old is up to {float(log.abs().max()):.2g}: "
        "log p itself, detached, stands for log p_old, and no ratio is ever clipped. Remedy: the "
        "log-probability that the sampler recorded" + (f"; or {rounded}" if rounded else "")
    )


def _rounded(parts: Sequence[Part]) -> str:
    """Whether it is right, and was rounded to half precision: next to 1 that has few numbers."""
    ratio = torch.cat([p.of["ratio"] for p in parts])
    made = torch.cat([policy.ratio(p.of["log_prob"], p.of["log_prob_old"]) for p in parts])
    for dtype in (torch.bfloat16, torch.float16):
        u = precision.ROUNDOFF[dtype]
        member = bool((ratio.to(dtype).double() == ratio).all())
        if member and bool(((made - ratio).abs() <= u * made.abs()).all()):
            return (
                f"it was rounded to {precision.NAMES[u]}, whose numbers next to 1 are {1 - u:.5g} "
                f"and {1 + 2 * u:.5g}: smaller updates are lost, and so is their gradient. Remedy: "
                "take log-probabilities and their ratio in float32"
            )
    return ""
