"""Flows and diffusions with closed forms: where every solver and every test begins.

    dx/dt = −θx            x_0 e^{−θt}                                    the linear flow
    dw                     w_t − w_s ~ N(0, t − s)                        Brownian motion
    dx = −θx dt + σ dw     N(x_0 e^{−θt}, σ²(1 − e^{−2θt})/(2θ))          Ornstein–Uhlenbeck

Here t is the process's own time and rises; nothing in this module knows data from noise.
"""

from typing import Annotated, TypeAlias

from .arguments import SAMPLE, Argument, Length, Sigma, State
from .domain import COUNT, ITERATION, LEVEL, NONNEGATIVE, POSITIVE, REAL
from .elementary import Num, exp, expm1, maximum, sqrt
from .gaussian import Gaussian
from .registry import equation

Time: TypeAlias = Annotated[
    Num,
    Argument(
        "t", "the time that has passed", NONNEGATIVE, SAMPLE, usual=LEVEL, between=("0.5", "1")
    ),
]
Theta: TypeAlias = Annotated[
    Num, Argument(r"\theta", "the rate of return to 0", REAL, SAMPLE, usual=POSITIVE)
]
Delay: TypeAlias = Annotated[
    Num,
    Argument("c", "how long the solution stays at 0", NONNEGATIVE, SAMPLE, between=("0", "0.5")),
]
Previous: TypeAlias = Annotated[Num, Argument(r"\|x_n-x_{n-1}\|", "the bound before", NONNEGATIVE)]
Lipschitz: TypeAlias = Annotated[Num, Argument("L", "the Lipschitz constant", NONNEGATIVE, SAMPLE)]
Iteration: TypeAlias = Annotated[int, Argument("n", "the index of the iterate", ITERATION, "alone")]
Walk: TypeAlias = Annotated[Num, Argument("w", "the state of the Brownian motion")]
Steps: TypeAlias = Annotated[Num, Argument("n", "the number of steps", COUNT, SAMPLE)]


@equation(
    "dynamics.linear_flow",
    rows=("DYN-1", "DYN-3"),
    also=(
        ("course", "Example 4"),
        ("course_zh", "2.1.3"),
    ),
)
def linear_flow(x: State, theta: Theta, t: Time) -> Num:
    """ψ_t(x) = e^{−θt} x: the flow of dx/dt = −θx.

    Raises:
        ValueError: t < 0, NaN, or shapes that do not agree.
    """
    return exp(-theta * t) * x


@equation(
    "dynamics.root_flow", rows=("DYN-2",), also=(("course_zh", "2.1.2"),), remark="Peano's example"
)
def root_flow(t: Time, delay: Delay) -> Num:
    """x(t) = max(t − delay, 0)²/4: for *every* delay ≥ 0 a solution of dx/dt = √|x| from x(0) = 0.

    The field is continuous, but its slope at 0 is infinite: it is not Lipschitz, and uniqueness
    fails.

    Raises:
        ValueError: t < 0, delay < 0, NaN, or shapes that do not agree.
    """
    return maximum(t - delay, 0) ** 2 / 4


@equation(
    "dynamics.picard_bound",
    rows=("DYN-2",),
    also=(
        ("hairer1993", ""),
        ("course", "Theorem 3"),
    ),
    remark="Picard–Lindelöf",
)
def picard_bound(previous: Previous, lipschitz: Lipschitz, t: Time, n: Iteration) -> Num:
    """‖x_{n+1} − x_n‖ ≤ (L t/n) · the bound before: Picard's iterates converge faster than geometrically.

    Args:
        previous: the bound on ‖x_n − x_{n−1}‖ at time t, proportional to t^{n−1}.
        lipschitz: the field's Lipschitz constant L.
        n: the iteration, n ≥ 1.

    Raises:
        ValueError: n < 1, a negative value, or NaN.
    """
    if n < 1:
        raise ValueError(f"Picard iterations are counted from 1, got n={n!r}")
    return previous * lipschitz * t / n


@equation(
    "dynamics.brownian",
    rows=("DYN-6",),
    also=(
        ("course", "Section 2.2"),
        ("course_zh", "2.2.1"),
    ),
)
def brownian(w: Walk, h: Length) -> Gaussian:
    """w_{t+h} | w_t ~ N(w_t, h): a Brownian increment, independent of the past.

    Raises:
        ValueError: h ≤ 0, NaN, or shapes that do not agree.
    """
    return Gaussian(mean=w, std=sqrt(h))


@equation(
    "dynamics.ornstein_uhlenbeck",
    rows=("DYN-8",),
    also=(
        ("course", "Example 6"),
        ("course_zh", "2.2.4"),
        ("uhlenbeck1930", ""),
    ),
)
def ornstein_uhlenbeck(
    x: State, theta: Annotated[Theta, POSITIVE], sigma: Annotated[Sigma, NONNEGATIVE], t: Time
) -> Gaussian:
    """N(e^{−θt} x, σ² (1 − e^{−2θt})/(2θ)): the exact transition of dx = −θx dt + σ dw.

    Raises:
        ValueError: θ ≤ 0, t < 0, σ < 0, NaN, or shapes that do not agree.
    """
    return Gaussian(
        mean=linear_flow(x, theta, t),
        std=sigma * sqrt(-expm1(-2 * theta * t) / (2 * theta)),
    )


@equation(
    "dynamics.stationary",
    rows=("DYN-8", "LD-1"),
    also=(
        ("course", "Figure 3"),
        ("course_zh", "2.2.4"),
    ),
)
def stationary(theta: Annotated[Theta, POSITIVE], sigma: Annotated[Sigma, NONNEGATIVE]) -> Gaussian:
    """N(0, σ²/(2θ)): what dx = −θx dt + σ dw forgets its start for.

    Raises:
        ValueError: θ ≤ 0, σ < 0, NaN, or shapes that do not agree.
    """
    return Gaussian(mean=0 * theta, std=sigma / sqrt(2 * theta))


@equation(
    "dynamics.euler_on_linear",
    rows=("DYN-4",),
    also=(
        ("course", "Algorithm 1"),
        ("course_zh", "Algorithm 1"),
    ),
    remark="with n steps",
)
def euler_on_linear(x: State, theta: Theta, t: Time, steps: Steps) -> Num:
    """(1 − θt/n)ⁿ x: what n steps of Euler's method make of dx/dt = −θx.

    !!! warning "n steps, not n − 1"
        The notes' loop runs for i = 1, …, n − 1 with h = 1/n and so stops at 1 − 1/n, one step
        short.

    Raises:
        ValueError: fewer than one step, t < 0, NaN, or shapes that do not agree.
    """
    return (1 - theta * t / steps) ** steps * x
