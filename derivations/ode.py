"""ODE steps: on dx/dt = λx the Taylor polynomial, on dx/dt = v(t) a quadrature rule."""

import sympy as sp

from refimpl.equations import Step

from .engine import Display, Equality, Lines, Production, derivation
from .engine.symbols import h, s, x

rate = sp.Symbol("lambda", real=True)
STEP = Step(s + h, s)


def _orders(production: Production, order: int) -> Lines:
    """x e^{−λh} up to h^order and nothing beyond; exact on polynomials in t below that degree."""
    got = production(lambda y, time: rate * y, x, STEP)
    yield Display(r"x_s\;\text{for}\;\dot x=\lambda x", got)
    want = sum((-rate * h) ** k / sp.factorial(k) for k in range(order + 1)) * x
    yield Equality(f"the exponential series up to order {order}", got, want)
    for degree in range(order):
        moved = production(lambda y, time, degree=degree: time**degree, x, STEP)
        exact = x - ((s + h) ** (degree + 1) - s ** (degree + 1)) / (degree + 1)
        yield Equality(f"exact for the velocity t^{degree}", moved, exact)


@derivation("ode.euler", rows=("DYN-4",))
def euler(production: Production) -> Lines:
    """Euler's method: order 1, with leading error ½ h² d²x/dt²."""
    yield from _orders(production, 1)
    got = production(lambda y, time: rate * y, x, STEP)
    error = sp.series(sp.exp(-rate * h) * x - got, h, 0, 3).removeO()
    yield Equality("the leading error of one step", error, rate**2 * h**2 / 2 * x)


@derivation("ode.heun", rows=("DYN-5",))
def heun(production: Production) -> Lines:
    """Heun's method: order 2; the trapezoidal rule when v depends on t alone."""
    yield from _orders(production, 2)


@derivation("ode.rk4", rows=("DYN-5",))
def rk4(production: Production) -> Lines:
    """The classical Runge–Kutta method: order 4; Simpson's rule when v depends on t alone."""
    yield from _orders(production, 4)
