"""Steps of the flow dx/dt = v(x, t), from noise level t down to s = t − h.

    Euler: x − h v      Heun, midpoint: two velocities, order 2      RK4: four, order 4

`field(x, t)` is any velocity: a closed form, a network, a guided combination. Order n means that
one step agrees with the flow's Taylor series up to hⁿ; on dx/dt = λx it is exactly that series.
"""

from collections.abc import Callable
from typing import TypeAlias

from .arguments import State, VelocityField
from .domain import fields
from .elementary import Num
from .registry import equation
from .sde import Step

Field: TypeAlias = Callable[[Num, Num], Num]
"""A velocity: field(x, t), shaped like x."""


@equation(
    "ode.euler",
    rows=("DYN-4", "GRPO-6"),
    also=(
        ("course", "Algorithm 1"),
        ("course_zh", "Algorithm 1"),
    ),
    remark="with n steps",
)
def euler(field: VelocityField, x: State, step: Step) -> Num:
    """x_s = x_t − h v(x_t, t)."""
    v = field(x, step.t)
    fields(x=x, v=v)
    return x - step.h * v


@equation(
    "ode.heun",
    rows=("DYN-5", "DYN-10"),
    also=(
        ("karras2022", "Algorithm 1"),
        ("course", "Section 2.1"),
    ),
)
def heun(field: VelocityField, x: State, step: Step) -> Num:
    """x_s = x_t − h/2 (v(x_t, t) + v(x_t − h v(x_t, t), s)): the mean of the slopes at both ends."""
    first = field(x, step.t)
    fields(x=x, v=first)
    second = field(x - step.h * first, step.s)
    return x - step.h * (first + second) / 2


@equation(
    "ode.midpoint",
    rows=("DYN-5", "DYN-10"),
    also=(("hairer1993", "Section II.1"),),
)
def midpoint(field: VelocityField, x: State, step: Step) -> Num:
    """x_s = x_t − h v(x_t − h/2 v(x_t, t), t − h/2): the slope half-way, for the whole step."""
    first = field(x, step.t)
    fields(x=x, v=first)
    return x - step.h * field(x - step.h * first / 2, step.s + step.h / 2)


@equation(
    "ode.rk4",
    rows=("DYN-5",),
    also=(
        ("kutta1901", ""),
        ("hairer1993", "Section II.1"),
    ),
)
def rk4(field: VelocityField, x: State, step: Step) -> Num:
    """x_s = x_t − h/6 (k₁ + 2k₂ + 2k₃ + k₄): the classical Runge–Kutta method."""
    h, middle = step.h, step.s + step.h / 2
    k1 = field(x, step.t)
    fields(x=x, v=k1)
    k2 = field(x - h * k1 / 2, middle)
    k3 = field(x - h * k2 / 2, middle)
    k4 = field(x - h * k3, step.s)
    return x - h * (k1 + 2 * k2 + 2 * k3 + k4) / 6
