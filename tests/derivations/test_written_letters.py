"""Letters and operators of the written language, expanded into coordinates."""

import sympy as sp

from derivations.engine.decide import Verdict
from derivations.engine.written import SPACES, Writing, atoms_at, pairs, scalar, settle, vector


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
