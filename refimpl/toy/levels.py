"""What law and weight of the levels change, and what not: exact, on Gaussian data.

    a free network      right at every level; law and weight set the noise of its gradient alone
    c x at all levels   too small to be right: its optimum moves with law times weight

Data is N(0, std²). At the minimiser what is left of the loss is Var(v | x_t), known in closed form,
so no number here is sampled.
"""

from dataclasses import dataclass

from ..equations import coupling, paths
from ..equations.levels import importance
from ..simulate.levels import Law, Weight, expectation


@dataclass(frozen=True)
class Noise:
    """The noise of one sample's gradient in a shift of the velocity common to all levels.

    Attributes:
        variance: E[(w ε)²]/E[w]²: the variance of one Newton step made from one sample.
        least: the smallest value that any law of levels can give it at the same product.
    """

    variance: float
    least: float

    @property
    def wasted(self) -> float:
        """How many times more samples are needed than with the best law."""
        return self.variance / self.least


def left_over(t: float, std: float) -> float:
    """Var(v | x_t) on the linear path: what no network can predict."""
    return float(coupling.correlated_velocity_variance(t, std, 0.0))


def noise(drawn: Law, weigh: Weight, std: float = 0.5) -> Noise:
    """The gradient's noise where levels are drawn from a law and weighed.

    Raises:
        ValueError: std ≤ 0.
    """
    total = expectation(drawn, weigh)
    variance = expectation(drawn, lambda t: weigh(t) ** 2 * left_over(t, std))
    root = expectation(drawn, lambda t: weigh(t) * left_over(t, std) ** 0.5)
    return Noise(variance / total**2, root**2 / total**2)


def instead(drawn: Law, wanted: Law, weigh: Weight) -> Weight:
    """The weight with which levels of one law train what another law with its weight does."""
    return lambda t: float(importance(weigh(t), wanted.slope(t), drawn.slope(t)))


def common_slope(drawn: Law, weigh: Weight, std: float = 0.5) -> float:
    """The best c of a network c x that does not know its level: E[w v x]/E[w x²].

    Raises:
        ValueError: std ≤ 0.
    """

    def moments(t: float) -> tuple[float, float]:
        c = paths.linear(t)
        # data has variance std², noise 1, and they are independent
        square = c.alpha**2 * std**2 + c.sigma**2
        return c.d_alpha * c.alpha * std**2 + c.d_sigma * c.sigma, square

    above = expectation(drawn, lambda t: weigh(t) * moments(t)[0])
    return above / expectation(drawn, lambda t: weigh(t) * moments(t)[1])
