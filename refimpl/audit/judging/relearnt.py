"""A loss that no formula gives of its row's numbers: it may be right for others.

    another sample's advantage    a step's mean KL    |A| for A    a weight for every step

One column is changed at a time, and the article's loss asked again.
"""

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from ...equations import Step, grpo
from .rearranged import common, shape_of
from .updates import Part

Fits = Callable[[Sequence[Part]], bool]
Weight = Callable[[dict[str, Tensor]], Tensor]

_NAMED = {"advantages": "A", "kl": "the KL", "ratio": "the ratio"}


def told(parts: Sequence[Part], fits: Fits, beta: float | None, clip: float | None) -> str:
    """What it is right for, in words; "" where none of this fits.

    Args:
        fits: whether the loss is the article's of these rows.
        beta, clip: where they are known.
    """
    for words, changed in _changed(parts, beta):
        if fits(changed):
            return words
    for words, scale in _scales(parts):
        if not all(bool((torch.isfinite(w) & (w > 0)).all()) for w in scale):
            continue
        if fits([p.but(loss=p.of["loss"] / w) for p, w in zip(parts, scale, strict=True)]):
            return f"it is {words} times the right one"
        pull = beta if "kl" in parts[0].of else 0.0
        if pull and fits([_weighted(p, w, pull) for p, w in zip(parts, scale, strict=True)]):
            return f"the policy's term in it is {words} times the right one"
    return _reinforce(parts, beta) or _held(parts, beta, clip) or _dealt(parts, beta)


def _dealt(parts: Sequence[Part], beta: float | None) -> str:
    """The advantages of the same rows, or of each step's, in another order."""
    if beta is None and "kl" in parts[0].of:
        return ""
    for p in parts:
        moved = float((p.of["ratio"] - 1).abs().max())
        laid = shape_of(p.order, p.n)
        wide = laid[0][2] if laid is not None and laid[1] else p.n
        if moved > _STILL or p.n < 8:
            return ""

        def near(used: Tensor, meant: Tensor, moved: float = moved) -> Tensor:
            return (used - meant).abs() <= 2 * moved * meant.abs() + _CLOSE

        used, meant = _factor(p, beta or 0.0), p.of["advantages"]
        own = float(near(used, meant).double().mean())
        if own > _OWN or not any(
            bool(near(*(x.reshape(-1, w).sort(dim=1).values for x in (used, meant))).all())  # type: ignore[arg-type]
            for w in (wide, p.n)
        ):
            return ""
    return "the advantages in it are those of other samples: their order is another"


_OWN = 0.7
"""Where more rows than this have their own advantage, the order is not what is wrong."""

_STILL = 0.02
"""Ratios this near 1 leave an advantage to be read off a loss."""


def _weighted(p: Part, w: Tensor, beta: float) -> Part:
    """The rows with the weight taken off the policy's term."""
    pull = beta * p.of["kl"]
    return p.but(loss=(p.of["loss"] - pull) / w + pull)


def _reinforce(parts: Sequence[Part], beta: float | None) -> str:
    """log p for the ratio: the gradient of the first update, and no clip."""
    known = "log_prob" in parts[0].of and (beta is not None or "kl" not in parts[0].of)
    for p in parts if known else ():
        pull = (beta or 0.0) * p.of.get("kl", 0 * p.of["loss"])
        push = p.of["advantages"] * p.of["log_prob"]
        size = float((push.abs() + pull).max())
        if bool(((pull - push - p.of["loss"]).abs() > _CLOSE * size).any()):
            return ""
    return "log p stands for the ratio, as in REINFORCE, and nothing is clipped" if known else ""


_CLOSE = 1e-5
"""Numbers this near one another, of order 1 or of the largest, are the same."""


def _changed(parts: Sequence[Part], beta: float | None) -> Iterator[tuple[str, list[Part]]]:
    for name, called in _NAMED.items():
        for words, own in common(parts) if name in parts[0].of else ():
            made = [p.but(**{name: f(p.of[name])}) for p, f in zip(parts, own, strict=True)]
            yield f"{called} in it {words}", made
    rules: dict[str, Callable[[Tensor], Tensor]] = {
        "|A| stands for A": torch.abs, "the sign of A stands for A": torch.sign,
        "the advantages do not enter: 1 stands for A": torch.ones_like,
        "the ratio does not enter: 1 stands for it": torch.ones_like,
    }  # fmt: skip
    for words, rule in rules.items():
        name = "ratio" if words.startswith("the ratio") else "advantages"
        yield words, [p.but(**{name: rule(p.of[name])}) for p in parts]
    most = _largest(parts, beta)
    if most:
        yield f"the advantages in it are held between −{most:g} and {most:g}", [
            p.but(advantages=grpo.bounded(p.of["advantages"], most)) for p in parts]  # fmt: skip


def _largest(parts: Sequence[Part], beta: float | None) -> float:
    """The largest advantage that rows with a ratio near 1 can have had; 0 where it is theirs."""
    if beta is None and "kl" in parts[0].of:
        return 0.0
    sizes = [_factor(p, beta or 0.0).abs() for p in parts]
    near = [x[(p.of["ratio"] - 1).abs() < _NEAR] for p, x in zip(parts, sizes, strict=True)]
    seen = torch.cat(near)
    if len(seen) < 8:
        return 0.0
    most = float(f"{float(seen.quantile(0.9)):.3g}")
    largest = max(float(p.of["advantages"].abs().max()) for p in parts)
    return most if 0 < most < largest else 0.0


_NEAR = 0.1
"""A ratio this near 1 is hardly ever clipped, or clipped near 1."""


def _factor(p: Part, beta: float) -> Tensor:
    """What the loss multiplies the ratio by, where nothing is clipped."""
    return (beta * p.of.get("kl", 0 * p.of["loss"]) - p.of["loss"]) / p.of["ratio"]


def _scales(parts: Sequence[Part]) -> Iterator[tuple[str, list[Tensor]]]:
    """Weights of a step, and numbers that a mean may be off by."""
    p = parts[0]
    laid = shape_of(p.order, p.n)
    if laid is not None:
        (_, steps, samples), _ = laid
        for words, c in (
            (f"1/{steps}, the steps,", 1 / steps), (f"{steps}, the steps,", float(steps)),
            (f"1/{samples}, the samples,", 1 / samples),
            (f"{samples}/{samples - 1}, the samples over one less,", samples / max(1, samples - 1)),
        ):  # fmt: skip
            if c != 1:
                yield words, [c + 0 * q.of["loss"] for q in parts]
    n = len(p.of["loss"])
    yield f"{n}/{n - 1}, the rows over one less,", [n / (n - 1) + 0 * q.of["loss"] for q in parts]
    for words, rule in weights_of(p).items():
        weights = [rule(q.of) for q in parts]
        yield words, weights
        yield f"{words}, over its mean,", [w / w.mean() for w in weights]


def weights_of(p: Part) -> dict[str, Weight]:
    """Weights of a step that the rows tell, by name."""
    if not {"t", "s"} <= set(p.of):
        return {}
    of_std = ("std", "1/std")
    return {n: f for n, f in _WEIGHTS.items() if not n.startswith(of_std) or "std" in p.of}


def _h(of: dict[str, Tensor]) -> Tensor:
    """The length of each row's step; NaN where its levels are none."""
    high, low = torch.maximum(of["t"], of["s"]), torch.minimum(of["t"], of["s"])
    known = high > low  # not of NaN
    h = Step(torch.where(known, high, 1.0), torch.where(known, low, 0.0)).h
    return torch.where(known, h, torch.nan)


_WEIGHTS: dict[str, Weight] = {
    "h": _h, "√h": lambda of: _h(of) ** 0.5, "1/h": lambda of: 1 / _h(of),
    "1/√h": lambda of: _h(of) ** -0.5, "t": lambda of: of["t"], "1 − t": lambda of: 1 - of["t"],
    "std": lambda of: of["std"], "std²": lambda of: of["std"] ** 2,
    "1/std": lambda of: 1 / of["std"], "1/std²": lambda of: of["std"] ** -2,
}  # fmt: skip


def _held(parts: Sequence[Part], beta: float | None, clip: float | None) -> str:
    """A ratio that is held at one number where the advantage is negative: a dual clip."""
    if clip is None or (beta is None and "kl" in parts[0].of):
        return ""
    for p in parts:
        meant = -grpo.objective(
            grpo.surrogate(p.of["ratio"], p.of["advantages"], clip),
            p.of.get("kl", 0 * p.of["loss"]), beta or 0.0,
        )  # fmt: skip
        off = (meant - p.of["loss"]).abs() > 1e-4 * (meant.abs() + p.of["loss"].abs())
        held = (_factor(p, beta or 0.0) * p.of["ratio"] / p.of["advantages"])[off]
        if not len(held) or not bool((p.of["advantages"][off] < 0).all()):
            return ""
        c = float(held.median())
        if c > 1 + clip and bool(((held - c).abs() < 1e-4 * c).all()):
            return (
                f"where A is negative the ratio is held at {c:.4g}, in {int(off.sum())} rows: a "
                "dual clip, which the article does not have"
            )
    return ""
