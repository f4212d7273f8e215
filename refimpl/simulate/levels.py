"""Laws of training levels, whole: density, quantile, sampler, mass above a level, shifted or not.

    law("logit-normal(0, 1)").shifted(3.0).above(0.875)     →   0.1978
    trained(law("uniform"), weight("cosmap"))               the density of what the loss is made of

A law is one rising curve from a share p to the level below which that share lies; everything else
follows. Closed forms are `equations.levels`; what has none (the mode law's mass, the beta law) is
left to root-finding and to scipy.
"""

import difflib
import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist
from typing import TypeAlias, TypeVar

import numpy as np
from scipy import integrate, optimize, special

from ..equations import levels, schedules
from ..equations.domain import level, positive
from ..typed import held

Weight: TypeAlias = Callable[[float], float]
"""The weight of the loss at a level."""

NORMAL = NormalDist()
T = TypeVar("T")


@dataclass(frozen=True)
class Law:
    """A law of levels.

    Attributes:
        name: as `law` reads it, with its shift.
        at: the level below which a share p lies, 0 < p < 1.
        below: the share below a level.
        slope: the density at a level inside (0, 1).
    """

    name: str
    at: Callable[[float], float]
    below: Callable[[float], float]
    slope: Callable[[float], float]

    @held
    def quantile(self, p: float) -> float:
        """The level below which a share p of the draws lies.

        Raises:
            ValueError: p outside (0, 1).
        """
        if not 0 < p < 1:
            raise ValueError(f"p is a share inside (0, 1), got {p!r}")
        return self.at(p)

    @held
    def density(self, t: float) -> float:
        """The density at a level inside (0, 1).

        Raises:
            ValueError: t outside (0, 1).
        """
        if not 0 < t < 1:
            raise ValueError(f"a density is asked for inside (0, 1), got t = {t!r}")
        return self.slope(t)

    @held
    def above(self, t: float) -> float:
        """The share of draws above a level: what an expert of high levels is trained on.

        Raises:
            ValueError: t outside [0, 1].
        """
        level(t=t)
        return 1.0 - t if t in (0.0, 1.0) else 1 - self.below(t)

    @held
    def sample(self, n: int, generator: np.random.Generator) -> np.ndarray:
        """n independent draws: quantiles of uniform shares."""
        return np.array([self.at(float(p)) for p in np.maximum(generator.random(n), LEAST)])

    @held
    def shifted(self, by: float) -> "Law":
        """The law of the levels after a shift by k.

        Raises:
            ValueError: k ≤ 0 or NaN.
        """
        positive(by=by)

        def back(t: float) -> float:
            return float(schedules.shift(t, 1 / by))

        return Law(
            f"{self.name} shifted by {by:g}",
            at=lambda p: float(schedules.shift(self.at(p), by)),
            below=lambda t: self.below(back(t)),
            slope=lambda t: float(levels.shifted_density(self.slope(back(t)), t, by)),
        )

    def turned(self) -> "Law":
        """The law of 1 − t: what a list of falling timesteps makes of an index drawn from this."""
        return Law(
            f"{self.name} on the other clock",
            at=lambda p: 1 - self.at(1 - p),
            below=lambda t: 1 - self.below(1 - t),
            slope=lambda t: self.slope(1 - t),
        )


LEAST = 2.0**-54
"""For a share of 0, whose quantile need not be finite; generators never give a share of 1."""


# ---------------------------------------------------------------- the laws


def uniform() -> Law:
    """Every level alike."""
    return Law("uniform", at=lambda p: p, below=lambda t: t, slope=lambda t: 1.0)


@held
def logit_normal(location: float = 0.0, scale: float = 1.0) -> Law:
    """log t/(1 − t) ~ N(m, s²); m = log k is the shift by k of m = 0.

    Raises:
        ValueError: s ≤ 0 or NaN.
    """
    positive(scale=scale)
    return Law(
        f"logit-normal({location:g}, {scale:g})",
        at=lambda p: float(levels.logit_normal(NORMAL.inv_cdf(p), location, scale)),
        below=lambda t: NORMAL.cdf(float(levels.logit_normal_eps(t, location, scale))),
        slope=lambda t: float(levels.logit_normal_density(t, location, scale)),
    )


@held
def mode(scale: float = 1.29) -> Law:
    """SD3's mode law; 1.29 is its usual constant.

    Raises:
        ValueError: a outside [−1, 2/(π − 2)].
    """
    levels.mode(0.5, scale)  # refuses the scale

    def origin(t: float) -> float:
        """The u of a level."""
        return float(optimize.brentq(lambda u: float(levels.mode(u, scale)) - t, 0, 1, xtol=1e-15))

    return Law(
        f"mode({scale:g})",
        at=lambda p: float(levels.mode(1 - p, scale)),
        below=lambda t: 1 - origin(t),
        slope=lambda t: float(levels.mode_density(origin(t), scale)),
    )


def cosmap() -> Law:
    """The law whose odds are a tangent."""
    return Law(
        "cosmap",
        at=lambda p: float(levels.cosmap(p)),
        below=lambda t: 2 * math.atan2(t, 1 - t) / math.pi,
        slope=lambda t: float(levels.cosmap_density(t)),
    )


@held
def beta(a: float, b: float) -> Law:
    """Beta(a, b) of the noise level; a law of data-time has a and b exchanged.

    Raises:
        ValueError: a or b ≤ 0, or NaN.
    """
    positive(a=a, b=b)
    normaliser = float(special.beta(a, b))
    return Law(
        f"beta({a:g}, {b:g})",
        at=lambda p: float(special.betaincinv(a, b, p)),
        below=lambda t: float(special.betainc(a, b, t)),
        slope=lambda t: float(levels.beta_density(t, a, b, normaliser)),
    )


LAWS: dict[str, Callable[..., Law]] = {
    "uniform": uniform,
    "logit-normal": logit_normal,
    "mode": mode,
    "cosmap": cosmap,
    "beta": beta,
}
"""The laws by name."""


# ---------------------------------------------------------------- weights, and what is trained


def none() -> Weight:
    """Every level alike."""
    return lambda t: 1.0


@held
def min_snr(gamma: float = 5.0) -> Weight:
    """min-SNR on a velocity's loss; 5 is its usual γ."""
    positive(gamma=gamma)
    return lambda t: float(levels.min_snr(t, gamma))


WEIGHTS: dict[str, Callable[..., Weight]] = {
    "none": none,
    "sigma-sqrt": lambda: lambda t: float(levels.sigma_sqrt(t)),
    "min-snr": min_snr,
    "bell": lambda: lambda t: float(levels.bell(t)),
    "cosmap": lambda: lambda t: float(levels.cosmap_density(t)),
}
"""The loss weights by name."""


@held
def law(text: str) -> Law:
    """The law that is written: "uniform", "logit-normal(0, 1)", "mode(1.29)", "beta(1.5, 1)".

    Raises:
        ValueError: no such law, or arguments that it does not take.
    """
    return _called(text, LAWS, "law")


@held
def weight(text: str) -> Weight:
    """The weight that is written: "none", "cosmap", "min-snr(5)", "bell", "sigma-sqrt".

    Raises:
        ValueError: no such weight, or arguments that it does not take.
    """
    return _called(text, WEIGHTS, "weight")


def _called(text: str, known: dict[str, Callable[..., T]], what: str) -> T:
    name, bracket, rest = text.strip().partition("(")
    name = name.strip().replace("_", "-").lower()
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        hint = f"; did you mean {near[0]}?" if near else f"; there are {', '.join(known)}"
        raise ValueError(f"no {what} is called {name!r}{hint}")
    refused = f"{text!r} is no {what}: write numbers in brackets, such as mode(1.29)"
    try:
        numbers = [float(word) for word in rest.removesuffix(")").split(",") if word.strip()]
        closed = not bracket or rest.endswith(")")
    except ValueError:
        closed = False
    if not closed:
        raise ValueError(refused)
    try:
        return known[name](*numbers)
    except TypeError:
        raise ValueError(refused) from None


@held
def trained(drawn: Law, weigh: Weight) -> Law:
    """Density times weight, normalised: the law under which an unweighted loss trains the same.

    Raises:
        ValueError: a weight whose mean is not finite under the law, as t^−2 has near data.
    """
    total = expectation(drawn, weigh)
    least = expectation(drawn, weigh, far=FAR - 1)
    if not abs(total - least) < 1e-6 * abs(total):
        raise ValueError(
            f"this weight has no finite mean under {drawn.name}: what happens at one end outweighs "
            "the rest"
        )

    def below(t: float) -> float:
        p = drawn.below(t)
        most = NORMAL.inv_cdf(p) if 0 < p < 1 else math.copysign(FAR, p - 0.5)
        return expectation(drawn, weigh, most=most) / total

    def at(p: float) -> float:
        if p <= below(EDGE) or p >= below(1 - EDGE):
            return EDGE if p < 0.5 else 1 - EDGE
        return float(optimize.brentq(lambda t: below(t) - p, EDGE, 1 - EDGE))

    return Law(
        f"{drawn.name}, weighed",
        at=at,
        below=below,
        slope=lambda t: drawn.slope(t) * weigh(t) / total,
    )


FAR, EDGE = 8.0, 1e-12
"""Standard deviations beyond which 6e-16 of a law lies; how near to 0 and 1 levels are sought."""


@held
def expectation(
    drawn: Law, f: Callable[[float], float], *, far: float = FAR, most: float = FAR
) -> float:
    """E f(t), by quadrature over z with p = Φ(z), which no density makes singular.

    Args:
        drawn: the law of t.
        f: of a level.
        far: how far the lower end of z is.
        most: the upper end of z, for the part of the mean that lies below a level.
    """

    def inside(z: float) -> float:
        return NORMAL.pdf(z) * f(drawn.at(NORMAL.cdf(z)))  # inside (0, 1) up to FAR

    high = min(most, far)
    if high <= -far:
        return 0.0
    cuts = [z for z in (-4.0, -2.0, 0.0, 2.0, 4.0) if -far < z < high]
    pieces = zip([-far, *cuts], [*cuts, high], strict=True)
    found = (integrate.quad(inside, *piece, limit=200, full_output=1)[0] for piece in pieces)
    return float(sum(found))
