"""The law of a whole sampler, read off from outside: every chain here is affine.

    x_end = k x_start + Σ c_i ε_i + b          mean = k m₀ + b,   variance = k² V₀ + Σ c_i²

On Gaussian data the exact field is affine, so a sampler whose steps are linear in the field is
affine in its start and in every noise that it draws. One run tells all coefficients: coordinate 0
starts at 0 and is given no noise, coordinate 1 starts at 1, coordinate i + 2 is given the i-th
noise alone. A further coordinate mixes them, and must be the sum of its parts. No sample is drawn,
and the law at the end is exact to the sampler's own rounding.
"""

import contextlib
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import torch

from ...conformance.checks.register import Differs

Field: TypeAlias = Callable[[Any, Any], Any]
"""field(x, t): what the network would answer."""

Run: TypeAlias = Callable[[Any, int, "Noises"], Any]
"""run(start, steps, noises) → the state at the end; `noises` stands where the library draws."""

MIX = 0.75
"""What the mixed coordinate is given of the start and, with alternating signs, of every noise."""


class Noises:
    """The noises that a run draws, one after the other, each a unit vector in a new coordinate.

    Args:
        most: how many noises may be drawn.
        square: the state as (D, D) in place of (1, D): a batch as wide as a sample, where a number
            per sample and a number per coordinate are easily mistaken for each other.
    """

    def __init__(self, most: int, *, square: bool = False) -> None:
        self.most = most
        self.drawn = 0
        needed = most + 3  # offset, start, every noise, their mixture
        side = math.isqrt(needed - 1) + 1
        self.shape = (side, side) if square else (1, needed)

    def start(self) -> torch.Tensor:
        """The start."""
        return self._placed({1: 1.0, -1: MIX})

    def _placed(self, values: dict[int, float]) -> torch.Tensor:
        x = torch.zeros(math.prod(self.shape), dtype=torch.float64)
        for at, value in values.items():
            x[at] = value
        return x.reshape(self.shape)

    def like(self, x: Any) -> torch.Tensor:
        """The next noise, in the shape and dtype of x.

        Raises:
            Differs: more noises are drawn than a sampler has use for.
        """
        if self.drawn == self.most:
            raise Differs(f"more than {self.most} noises are drawn")
        noise = self._placed({self.drawn + 2: 1.0, -1: MIX * (-1) ** self.drawn})
        self.drawn += 1
        return noise.reshape(tuple(x.shape)).to(x.dtype)


@dataclass(frozen=True)
class Chain:
    """An affine sampler.

    Attributes:
        scale: k, what is left of the start.
        noises: c_i of every noise that was drawn.
        offset: b.
    """

    scale: float
    noises: np.ndarray
    offset: float

    def law(self, mean: float, std: float) -> "Law":
        """The law at the end for a start with this mean and standard deviation."""
        variance = (self.scale * std) ** 2 + float((self.noises**2).sum())
        return Law(self.scale * mean + self.offset, variance**0.5)

    def same(self, other: "Chain", within: float) -> bool:
        """Whether another chain is this one, noise by noise."""
        if len(self.noises) != len(other.noises):
            return False
        a, b = ([c.scale, c.offset, *c.noises] for c in (self, other))
        return bool(np.abs(np.subtract(a, b)).max() <= within * max(1.0, np.abs(a).max()))


@dataclass(frozen=True)
class Law:
    """A Gaussian law."""

    mean: float
    std: float

    def gap(self, other: "Law") -> float:
        """How far from another law, in units of that law's standard deviation."""
        return max(abs(self.mean - other.mean), abs(self.std - other.std)) / other.std

    def __str__(self) -> str:
        return f"N({self.mean:.4g}, {self.std:.4g}²)"


def read(
    run: Run, steps: int, *, most: int | None = None, linear: float = 1e-3, square: bool = False
) -> Chain:
    """The chain of a sampler over so many steps.

    Args:
        run: the sampler.
        steps: T.
        most: how many noises it may draw.
        linear: how far the mixed coordinate may be from the sum of its parts, of the largest
            coefficient: float32 over a few hundred steps stays far below.
        square: see `Noises`.

    Raises:
        Differs: an end that is not finite, or not affine in start and noises.
    """
    noises = Noises(4 * steps + 8 if most is None else most, square=square)
    end = torch.as_tensor(run(noises.start(), steps, noises)).detach().double().reshape(-1).numpy()
    if not np.isfinite(end).all():
        raise Differs("its end holds NaN or infinity")
    offset = float(end[0])
    scale = float(end[1]) - offset
    each = end[2 : 2 + noises.drawn] - offset
    signs = MIX * (-1.0) ** np.arange(noises.drawn)
    told, sum_of_parts = float(end[-1]), offset + MIX * scale + float((signs * each).sum())
    size = max(1.0, abs(offset), abs(scale), float(np.abs(each).max(initial=0.0)))
    if abs(told - sum_of_parts) > linear * size:
        raise Differs(
            f"it is not affine: a mixed start and noise end at {told:.6g}, their parts add up to "
            f"{sum_of_parts:.6g}"
        )
    return Chain(scale, each, offset)


@contextlib.contextmanager
def drawing(noises: Noises) -> Iterator[None]:
    """With these noises wherever torch would draw normal numbers."""
    before = torch.randn, torch.randn_like

    def randn(*size: Any, **kwargs: Any) -> Any:
        shape = size[0] if len(size) == 1 and not isinstance(size[0], int) else size
        dtype = kwargs.get("dtype") or torch.get_default_dtype()
        return noises.like(torch.empty(tuple(shape), dtype=dtype))

    setattr(torch, "randn", randn)  # noqa: B010
    setattr(torch, "randn_like", lambda like, **kwargs: noises.like(like))  # noqa: B010
    try:
        yield
    finally:
        torch.randn, torch.randn_like = before
