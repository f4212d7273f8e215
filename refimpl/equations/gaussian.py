"""The Gaussian with independent coordinates, the one distribution that everything here uses.

    x = mean + std · ε,  ε ~ N(0, I)          log N(x; mean, std²) = −(x − mean)²/(2 std²) − log
    std − ½ log 2π

Values are per coordinate: an array in, an array out. How coordinates are added up is a choice
that others got wrong often enough to have a name of its own, in `policy`.
"""

from dataclasses import dataclass
from typing import Annotated

from .arguments import Mean, Noise, State, Std, structure
from .domain import NONNEGATIVE
from .elementary import Num, add_scaled, log, pi
from .registry import equation


@structure(prefixed=True)
@dataclass(frozen=True)
class Gaussian:
    """N(mean, std² I): what a step returns, what sampling draws from and what GRPO scores.

    Attributes:
        mean: any shape.
        std: the standard deviation, shaped to meet `mean`; never a variance.
    """

    mean: Annotated[Mean, "the mean of {law}"]
    std: Annotated[Std, NONNEGATIVE, "the standard deviation of {law}"]

    def sample(self, noise: Num) -> Num:
        """mean + std · noise, for noise ~ N(0, I) that the caller drew."""
        return sample(self.mean, self.std, noise)

    def log_prob(self, x: Num) -> Num:
        """log N(x; mean, std²), per coordinate."""
        return log_prob(x, self.mean, self.std)


@equation("gaussian.sample", rows=("GRPO-6", "PATH-1"), paper="Eq. 9", article="Eq. 2")
def sample(mean: Mean, std: Annotated[Std, NONNEGATIVE], noise: Noise) -> Num:
    """x = mean + std · ε, with ε ~ N(0, I) drawn by the caller.

    Raises:
        ValueError: std < 0, NaN, or shapes that do not agree.
    """
    return add_scaled(mean, std, noise)


@equation("gaussian.log_prob", rows=("GRPO-5",), paper="below Eq. 9", article="below Eq. 2")
def log_prob(x: State, mean: Mean, std: Std) -> Num:
    """log N(x; mean, std²) = −(x − mean)²/(2 std²) − log std − ½ log 2π, per coordinate.

    Raises:
        ValueError: std ≤ 0 (a step without noise has no density), NaN, or shapes that do not agree.
    """
    return -((x - mean) ** 2) / (2 * std**2) - log(std) - log(2 * pi(std)) / 2


@equation("gaussian.score", rows=("SC-1",), paper="Eq. 23", article="Section 7.1")
def score(x: State, mean: Mean, std: Std) -> Num:
    """∇ₓ log N(x; mean, std²) = −(x − mean)/std².

    Raises:
        ValueError: std ≤ 0, NaN, or shapes that do not agree.
    """
    return -(x - mean) / std**2
