"""Letters and operators of the written language, expanded into coordinates."""

import sympy as sp

from derivations.engine.algebra.decide import Verdict
from derivations.engine.written import (
    SPACES,
    Writing,
    atoms_at,
    function,
    pairs,
    point,
    scalar,
    settle,
    vector,
)


def _verdict(chain):
    (pair,) = pairs(chain)
    return settle(*pair, chain.dimensions).verdict


def test_the_second_derivative_along_a_vector_sums_over_both_indices():
    w = Writing(p=scalar("p"), a=vector())
    found = w("hess(p, a)").at(SPACES[2])
    x, y = SPACES[2].x
    p = sp.Function("p", real=True)(x, y, sp.Symbol("t", positive=True))
    a, b = sp.symbols("a_1 a_2", real=True)
    want = a**2 * p.diff(x, 2) + 2 * a * b * p.diff(x, y) + b**2 * p.diff(y, 2)
    assert sp.expand(found - want) == 0
    assert w("hess(p, a)").tex == r"\langle a,\ \nabla^2 p\,a\rangle"
    assert _verdict(w.chain("hess(p, a)", ("norm2(a) * lap(p)", "wrong but in one dimension"))) is (
        Verdict.REFUTED
    )


def test_atoms_lie_at_constant_vectors():
    w = Writing(z=atoms_at("z"), xi=vector())
    (first, *_), _ = w("z").at(SPACES[2])
    assert first == sp.Symbol("z_1_1", real=True)
    assert _verdict(w.chain("sum(dt(dot(xi, z)))", ("0", "constant"))) is Verdict.PROVED


def test_a_step_is_handed_the_velocity_itself():
    w = Writing(v=function(), x=point())
    step = w("ode.euler(v, x, Step(t, t - h))")
    assert r"x - h v(x, t)" in step.tex
    assert _verdict(w.chain(step, ("x - h*v(x, t)", "Euler"))) is Verdict.PROVED
    assert _verdict(w.chain(step, ("x - h*v(x, t - h)", "too late"))) is Verdict.REFUTED
    assert _verdict(w.chain(step, ("x - h*v(x - h*v(x, t), t)", "too far"))) is Verdict.REFUTED


def test_a_velocity_with_a_formula_is_that_formula():
    w = Writing(x=point(), u=function(lambda x, t: t * x))
    assert w("ode.euler(u, x, Step(t, t - h))").tex.count("t x") == 1
    moved = w.chain(
        "ode.heun(u, x, Step(t, t - h))", ("x - h/2*(t + (t - h)*(1 - h*t))*x", "put in")
    )
    assert _verdict(moved) is Verdict.PROVED


def test_a_velocity_of_time_alone_has_no_gradient():
    w = Writing(still=function(time_alone=True))
    assert w("still(t - h)").tex == "still(t - h)"
    assert _verdict(w.chain("d(still(t), x)", ("0", "no x in it"))) is Verdict.PROVED


def test_the_derivative_along_a_vector():
    w = Writing(f=scalar(), u=vector())
    assert _verdict(w.chain("along(u, f)", ("dot(u, grad(f))", "the same"))) is Verdict.PROVED
    assert w("along(u, u)").tex == r"(u\cdot\nabla)\,u"


def test_an_exponent_stands_beside_a_brace_and_not_on_top_of_it():
    power = Writing()("paths.linear(t).d_sigma**2").tex
    assert power == r"\left(\underbrace{1}_{\texttt{paths.linear.d\_sigma}}\right)^{2}"
