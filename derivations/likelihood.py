"""Likelihood: volumes, from one map to infinitely many small ones."""

import numpy as np
import sympy as sp

from refimpl.equations import density, likelihood
from refimpl.equations.likelihood import Block, Determinant, LogDensity, VelocityDivergence

from .engine import Display, Equality, Lines, Production, derivation
from .engine.moments import expectation
from .engine.symbols import of, symbol, t, x

log_p = of(LogDensity, "log_p")
det = of(Determinant, "det")
delta = symbol("delta", r"\delta", low="0.01", high="0.2", positive=True)
u = of(Block, "u")
div = of(VelocityDivergence, "div")


@derivation("likelihood.change_of_variables", rows=("NF-1",), assumes=("φ smooth and invertible",))
def change_of_variables(production: Production) -> Lines:
    """The density of y = φ(x): mass is kept, so density falls where the map stretches."""
    yield Display(r"\log p_1(y)", production(log_p, det))
    p = sp.Function("p", positive=True)(x)
    slope = symbol("d_phi", r"\varphi'", low="0.2", high=2, positive=True)
    for sign, name in ((1, "rising"), (-1, "falling")):
        pushed = sp.exp(production(sp.log(p), sign * slope))
        yield Equality(f"p_1(y)|dy| = p_0(x)|dx| for a {name} map", pushed * slope, p)
    there = production(log_p, det)
    yield Equality("the inverse map undoes it: both forms agree", production(there, 1 / det), log_p)
    a, b, c, d = sp.symbols("a b c d", positive=True)
    matrix = sp.Matrix([[1 + a, b], [c, 1 + a + b * c + d]])
    twice = production(production(log_p, matrix.det()), det)
    yield Equality(
        "maps compose, determinants multiply (2-D)", twice, production(log_p, matrix.det() * det)
    )


@derivation("likelihood.residual_step", rows=("NF-2",))
def residual_step(production: Production) -> Lines:
    """A residual block is one Euler step; its log-determinant tends to the divergence."""
    yield Display(r"\varphi(x)", production(x, u, delta))
    yield Equality("the difference quotient is u", (production(x, u, delta) - x) / delta, u)
    for d in (1, 2, 3):
        xs = sp.symbols(f"x_1:{d + 1}", real=True)
        field = [sp.Function(f"u_{i}", real=True)(*xs) for i in range(d)]
        jacobian = sp.Matrix(
            [
                [sp.diff(production(y, f, delta), z) for z in xs]
                for y, f in zip(xs, field, strict=True)
            ]
        )
        rate = sp.diff(jacobian.det(), delta).subs(delta, 0)
        trace = sum(sp.diff(f, y) for y, f in zip(xs, field, strict=True))
        yield Equality(f"d/dδ det at δ = 0 is the divergence, {d}-D", rate, trace)


@derivation(
    "likelihood.instantaneous",
    rows=("NF-3",),
    assumes=("p > 0, smooth, obeys the continuity equation",),
)
def instantaneous(production: Production) -> Lines:
    """Along a trajectory the log-density changes by minus the divergence."""
    yield Display(r"\tfrac{\mathrm d}{\mathrm dt}\log p_t(x_t)", production(div))
    for d in (1, 2, 3):
        xs = sp.symbols(f"x_1:{d + 1}", real=True)
        p = sp.Function("p", positive=True)(*xs, t)
        field = [sp.Function(f"v_{i}", real=True)(*xs, t) for i in range(d)]
        moved = sum(
            density.continuity(p, sp.diff(p, y), f, sp.diff(f, y))
            for y, f in zip(xs, field, strict=True)
        )
        along = (moved + sum(f * sp.diff(p, y) for y, f in zip(xs, field, strict=True))) / p
        trace = sum(sp.diff(f, y) for y, f in zip(xs, field, strict=True))
        yield Equality(f"∂_t log p + v·∇log p = −∇·v, {d}-D", along, production(trace))
    block = likelihood.change_of_variables(log_p, 1 + delta * div)
    yield Equality(
        "the limit of residual blocks", sp.diff(block, delta).subs(delta, 0), production(div)
    )


@derivation(
    "likelihood.hutchinson",
    rows=("NF-3",),
    assumes=("ε has independent standard normal coordinates",),
)
def hutchinson(production: Production) -> Lines:
    """One random vector estimates a trace without bias; its variance is 2‖J‖² if J = Jᵀ."""
    for d in (2, 3):
        e = sp.symbols(f"e_1:{d + 1}", real=True)
        j = sp.Matrix(d, d, sp.symbols(f"J_1:{d * d + 1}", real=True))
        estimate = production(
            np.array(e, dtype=object), np.array(list(j * sp.Matrix(e)), dtype=object)
        )
        if d == 2:
            yield Display(r"\varepsilon^{\top}J\varepsilon", estimate)
        yield Equality(f"unbiased in {d}-D", _mean(estimate, e), j.trace())
    e = sp.symbols("e_1:3", real=True)
    a, b, c = sp.symbols("a b c", real=True)
    estimate = production(
        np.array(e, dtype=object),
        np.array([a * e[0] + b * e[1], b * e[0] + c * e[1]], dtype=object),
    )
    spread = _mean(sp.expand(estimate**2), e) - (a + c) ** 2
    yield Equality("its variance for a symmetric J", spread, 2 * (a**2 + 2 * b**2 + c**2))


def _mean(expression: sp.Expr, noises: tuple[sp.Symbol, ...]) -> sp.Expr:
    for e in noises:
        expression = expectation(expression, e)
    return expression
