"""What a recorded number may have been made by: equations, their variants, named mistakes.

    mean: sde.transition, CPS, renoising, Euler, each mistake       a formula reads a step's numbers

A formula here is an equation or a named mistake with its arguments named; nothing is computed
that is not imported. Latents enter linearly, or through the norm of a difference.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import torch
from torch import Tensor

from ...equations import Gaussian, Step, conversions, gaussian, kernels, paths, sde
from ...evidence.mistake import Mistake
from ...evidence.mistakes import mistakes

Standing = Literal["article", "convention", "mistake"]
Numbers: TypeAlias = Mapping[str, Tensor]
"""The numbers of some rows by name, (n, 1) or (n, D), on the house clock, in float64."""


@dataclass(frozen=True)
class Formula:
    """One way to compute a recorded quantity.

    Attributes:
        name: an equation's id, or `id: mistake`.
        standing: of the article, a known convention, or a mistake.
        value: of the rows' numbers.
        declared: the manifest entries that announce it.
        declarable: whether they announce all that it does, where it is a mistake: a declared mean
            says nothing of what is averaged.
        what, remedy: what is wrong and what to do, for mistakes.
        by_std: of a mean that is right for its g: only how g leads to the std is wrong.
    """

    name: str
    standing: Standing
    value: Callable[[Numbers], Tensor]
    declared: Mapping[str, str] = field(default_factory=dict)
    what: str = ""
    remedy: str = ""
    declarable: bool = False
    by_std: bool = False


def of_mistake(m: Mistake, value: Callable[[Numbers], Tensor], *, by_std: bool = False) -> Formula:
    """A named mistake as a formula."""
    return Formula(m.title, "mistake", value, what=m.what, remedy=m.remedy, by_std=by_std)


def _step(p: Numbers) -> Step:
    return Step(p["t"], p["s"])


def _ends(p: Numbers) -> tuple[Tensor, Tensor]:
    c = paths.linear(p["t"])
    return (
        conversions.data_from_velocity(c, p["x_t"], p["v"]),
        conversions.noise_from_velocity(c, p["x_t"], p["v"]),
    )


_ROUNDED = 1 + 2.0**-20
"""A std above its level by less than this is the level, rounded: nothing of the noise is kept."""


def _preserving(rule: Callable[..., Gaussian]) -> Callable[[Numbers], Tensor]:
    def mean(p: Numbers) -> Tensor:
        s, std = p["s"], p["std"]
        fresh = (std > s) & (std <= _ROUNDED * s)
        return rule(paths.linear(s), *_ends(p), torch.where(fresh, s, std)).mean

    return mean


def _transition(rule: Callable[..., Gaussian], sign: int = 1) -> Callable[[Numbers], Tensor]:
    return lambda p: rule(paths.linear(p["t"]), p["x_t"], sign * p["v"], p["g"], _step(p)).mean


_ONLY_STD = ("√h missing", "h for √h", "noise × 1.01")
"""Mistakes that leave the mean alone: g is then what gives the recorded std by them."""


_ONLY_DRAWN = "variance for std"
"""The mistake in CPS that leaves the mean alone, where the std is what was recorded."""


def _by_std(rule: Callable[..., Gaussian]) -> Callable[[Numbers], Tensor]:
    def mean(p: Numbers) -> Tensor:
        zero, c = 0 * p["h"], paths.linear(p["t"])
        unit = rule(c, zero, zero, zero + 1, _step(p)).std
        return sde.transition(c, p["x_t"], p["v"], p["std"] / unit, _step(p)).mean

    return mean


MEANS: tuple[Formula, ...] = (
    Formula(
        "sde.transition", "article", _transition(sde.transition), {"sampler": "sde.transition"}
    ),
    Formula(
        "renoising, paths.interpolate of the predicted data and fresh noise", "convention",
        lambda p: paths.interpolate(paths.linear(p["s"]), _ends(p)[0], 0 * p["x_t"]),
        {"sampler": "renoising"},
    ),
    Formula(
        "kernels.preserving", "convention", _preserving(kernels.preserving),
        {"sampler": "kernels.preserving"},
    ),
    *(
        of_mistake(m, _by_std(m.wrong), by_std=True) if m.name in _ONLY_STD
        else of_mistake(m, _transition(m.wrong)) for m in mistakes("sde.transition")
    ),
    Formula(
        "sde.transition: velocity of the other clock", "mistake", _transition(sde.transition, -1),
        what="v points towards data where the levels fall towards data.",
        remedy="negate v, or declare time = 'data' where t rises towards data",
    ),
    *(
        of_mistake(m, _preserving(m.wrong)) for m in mistakes("kernels.preserving")
        if m.name != _ONLY_DRAWN
    ),
)  # fmt: skip
"""Of the mean of a step, linear in x_t and v."""

DRAWS: tuple[Formula, ...] = (
    Formula(
        "gaussian.sample", "article", lambda p: gaussian.sample(p["mean"], p["std"], p["noise"])
    ),
    Formula(
        "no noise: x_s is the mean", "convention", lambda p: p["mean"] + 0 * p["noise"]
    ),
    Formula(
        "gaussian.sample: g for std", "mistake",
        lambda p: gaussian.sample(p["mean"], p["g"], p["noise"]),
        what="The noise is multiplied by g, the coefficient of the SDE, and not by g √h.",
        remedy="std = g √h",
    ),
    *(
        of_mistake(m, lambda p, m=m: m.wrong(p["mean"], p["std"], p["noise"]))  # type: ignore[misc]
        for m in mistakes("gaussian.sample")
    ),
)  # fmt: skip
"""Of x_s, linear in the mean and the noise."""


def _std_of(rule: Callable[..., Gaussian], p: Numbers) -> Tensor:
    zero = 0 * p["h"]
    return rule(paths.linear(p["t"]), zero, zero, p["g"], _step(p)).std


STDS: tuple[Formula, ...] = (
    Formula(
        "sde.euler_maruyama", "article",
        lambda p: sde.euler_maruyama(0 * p["h"], 0 * p["h"], p["g"], p["h"]).std,
    ),
    *(
        of_mistake(m, lambda p, m=m: m.wrong(0 * p["h"], 0 * p["h"], p["g"], p["h"]).std)  # type: ignore[misc]
        for m in mistakes("sde.euler_maruyama")
    ),
    *(
        of_mistake(m, lambda p, m=m: _std_of(m.wrong, p))  # type: ignore[misc]
        for m in mistakes("sde.transition")
        if m.name in _ONLY_STD
    ),
)  # fmt: skip
"""Of the std of a step, from g and h."""


def _densities() -> dict[str, tuple[Standing, Callable[..., Tensor], Mistake | None]]:
    def bare(x: Tensor, mean: Tensor, std: Tensor) -> Tensor:
        return gaussian.log_prob(x, mean, std) - gaussian.log_prob(mean, mean, std)

    def flat(x: Tensor, mean: Tensor, std: Tensor) -> Tensor:
        return gaussian.log_prob(mean, mean, std) + 0 * x

    def multiplied(x: Tensor, mean: Tensor, std: Tensor) -> Tensor:
        return gaussian.log_prob(std**2 * x, std**2 * mean, std)

    return {
        "gaussian.log_prob": ("article", gaussian.log_prob, None),
        "gaussian.log_prob: times the variance": ("mistake", multiplied, None),
        "gaussian.log_prob: no normaliser": ("mistake", bare, None),
        "gaussian.log_prob: no square": ("mistake", flat, None),
        **{m.title: ("mistake", m.wrong, m) for m in mistakes("gaussian.log_prob")},
    }


REDUCTIONS: dict[str, tuple[str, Callable[[Tensor, Numbers], Tensor]]] = {
    "policy.total": ("sum", lambda each, p: each * p["D"]),
    "policy.average": ("mean", lambda each, p: each),
}
"""Over coordinates that are all alike: the manifest's word, and what becomes of one value."""


_LEFT_OUT = {
    "gaussian.log_prob: no normaliser": (
        "log std and ½ log 2π are left out.", "subtract log std + ½ log 2π"
    ),
    "gaussian.log_prob: times the variance": (
        "The square is multiplied by std²/2, as x²/2*std**2 does, and not divided by 2 std².",
        "put 2 std² in brackets",
    ),
    "gaussian.log_prob: no square": (
        "(x_s − mean)²/(2 std²) is left out: all draws have one density.", "subtract the square"
    ),
}  # fmt: skip


def log_probs(
    std: Callable[[Numbers], Tensor] = lambda p: p["std"], x: str = "distance"
) -> tuple[Formula, ...]:
    """Of a row's log-probability, from `distance`, the root mean square of x_s − mean.

    Args:
        std: what stands for the standard deviation.
        x: the number that stands for the distance.
    """
    made = []
    for name, (standing, density, m) in _densities().items():
        for reduction, (key, reduce) in REDUCTIONS.items():
            dropped = name == "gaussian.log_prob: no normaliser"
            bare = name == "gaussian.log_prob: bare square"
            what, remedy = (m.what, m.remedy) if m else _LEFT_OUT.get(name, ("", ""))
            constants = "dropped" if dropped else "bare square" if bare else "kept"
            made.append(
                Formula(
                    f"{reduction} of {name}",
                    "convention" if standing == "article" and key == "mean" else standing,
                    lambda p, d=density, r=reduce: r(d(p[x], 0 * p[x], std(p)), p),  # type: ignore[misc]
                    {"log_prob": key, "constants": constants},
                    what,
                    remedy
                    + (", or declare constants = 'bare square', Flow-CPS's choice" if bare else ""),
                    declarable=dropped or bare,
                )
            )
    return tuple(made)
