"""Mixtures at one place and time, where marginal velocity and score are sums over components.

    p = Σ w p(x | z)        v = E[v(x | z) | x]        score = E[score(x | z) | x]

Everything is production code running on mpmath numbers, and every derivative is mpmath's, at 30
digits. Three components in one dimension and in two (no symmetry, no product), on the linear,
cosine and VP path.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import mpmath as mp
import numpy as np

from ..equations import Coefficients, conversions, density, paths
from .check import Evidence
from .identities import Disagreement

Path = Callable[[Any], Coefficients]
Field = Callable[[list[Any]], list[Any]]

_CENTRES = {1: [["-1.5"], ["0.25"], ["2"]], 2: [["-1.5", "0.5"], ["0.25", "-2"], ["2", "1.25"]]}


def vp(t: Any) -> Coefficients:
    """The VP path with the usual 0.1 and 20."""
    return paths.vp(t, mp.mpf("0.1"), mp.mpf(20))


@dataclass(frozen=True)
class Mixture:
    """Point masses z with weights w, carried along a path.

    Attributes:
        path: the path's coefficients at a level.
        centres: z, shape (K, d).
        prior: w, shape (K,), adding up to 1.
    """

    path: Path
    centres: np.ndarray
    prior: np.ndarray

    def likelihood(self, x: list[Any], t: Any) -> np.ndarray:
        """p_t(x | z) for every z: coordinates are independent, so log-densities add up."""
        kernels = [paths.conditional(self.path(t), z) for z in self.centres]
        return np.array([mp.exp(sum(kernel.log_prob(np.array(x)))) for kernel in kernels])

    def density(self, x: list[Any], t: Any) -> Any:
        """p_t(x)."""
        return density.marginal(self.prior, self.likelihood(x, t))

    def velocity(self, x: list[Any], t: Any) -> list[Any]:
        """The posterior mean of the conditional velocities."""
        c = self.path(t)
        return self._mean(
            x, t, [paths.conditional_velocity(c, z, np.array(x)) for z in self.centres]
        )

    def score(self, x: list[Any], t: Any) -> list[Any]:
        """The posterior mean of the conditional scores."""
        c = self.path(t)
        return self._mean(
            x, t, [conversions.score_from_data(c, np.array(x), z) for z in self.centres]
        )

    def _mean(self, x: list[Any], t: Any, values: list[np.ndarray]) -> list[Any]:
        posterior = density.posterior(self.prior, self.likelihood(x, t))
        return [density.conditional_mean(posterior, column) for column in np.array(values).T]


@dataclass(frozen=True)
class Scene:
    """A mixture seen at one place and level.

    Attributes:
        name: path and dimension.
        mixture: what is there.
        x: the place, a list of d numbers.
        t: the level.
    """

    name: str
    mixture: Mixture
    x: list[Any]
    t: Any

    @property
    def coordinates(self) -> range:
        """The indices of the coordinates."""
        return range(len(self.x))

    def density(self, x: list[Any]) -> Any:
        """p_t at another place."""
        return self.mixture.density(x, self.t)

    def velocity(self, x: list[Any]) -> list[Any]:
        """v_t at another place."""
        return self.mixture.velocity(x, self.t)

    def score(self, x: list[Any]) -> list[Any]:
        """∇log p_t at another place, by the posterior mean."""
        return self.mixture.score(x, self.t)

    def rate(self) -> Any:
        """∂_t p here, differentiated."""
        return mp.diff(lambda t: self.mixture.density(self.x, t), self.t)

    def along(self, f: Callable[[list[Any]], Any], i: int, order: int = 1) -> Any:
        """The derivative of f along coordinate i, here."""
        before, after = self.x[:i], self.x[i + 1 :]
        return mp.diff(lambda y: f([*before, y, *after]), self.x[i], order)

    def divergence_parts(self, field: Field) -> list[Any]:
        """∂_i f_i for each coordinate."""
        return [self.along(lambda y, i=i: field(y)[i], i) for i in self.coordinates]  # type: ignore[misc]


def mixture(
    dimensions: int, path: Path, prior: tuple[str, ...] = ("0.25", "0.625", "0.125")
) -> Mixture:
    """Three fixed point masses in one or two dimensions."""
    centres = np.array([[mp.mpf(c) for c in row] for row in _CENTRES[dimensions]])
    return Mixture(path, centres, np.array([mp.mpf(w) for w in prior]))


def scenes() -> Iterator[Scene]:
    """Three places on three paths."""
    for x in (["0.375"], ["-2"], ["0.5", "-0.75"]):
        for name, path, t in (
            ("linear", paths.linear, "0.625"),
            ("cosine", paths.cosine, "0.625"),
            ("vp", vp, "0.25"),
        ):
            place = [mp.mpf(coordinate) for coordinate in x]
            yield Scene(f"{name}, {len(x)}-D", mixture(len(x), path), place, mp.mpf(t))


DIGITS = 30
"""Digits that the mixtures are computed with."""

BOUND = 1e-20
"""The relative gap that 30 digits allow after their cancellations."""


def close(fact: str, left: Any, right: Any, gaps: dict[str, float]) -> None:
    """Note the relative gap of two sides, and raise where it is larger than `BOUND`."""
    gap = float(abs(left - right) / (abs(left) + abs(right)))
    gaps[fact] = max(gap, gaps.get(fact, 0.0))
    if not gap <= BOUND:
        raise Disagreement(f"{fact}: relative gap {gap:.3g}, {BOUND:g} allowed")


def compared(gaps: dict[str, float]) -> Evidence:
    """The gaps as evidence."""
    summary = f"{len(gaps)} comparisons, largest relative gap {max(gaps.values()):.1e}"
    return Evidence(f"{summary} (bound {BOUND:g})", gaps)
