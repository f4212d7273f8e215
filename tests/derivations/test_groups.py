"""Groups, steps and atoms in written lines: several indices, functions of a parameter, arrays."""

import sympy as sp

from derivations.engine.algebra.decide import Verdict
from derivations.engine.algebra.symbols import symbol
from derivations.engine.written import SPACES, Writing, alike, indexed, number, pairs, settle

SPACE = SPACES[1]
symbol("parameter", r"\theta", real=True)


def _verdicts(chain):
    return [settle(before, line, chain.dimensions).verdict for before, line in pairs(chain)]


def test_sums_over_steps_and_members_are_taken_from_the_outermost_axis():
    w = Writing(r=indexed("r_{t,i}", n=(2, 3), index="t i"), A=indexed("A_i", n=(1, 3)))
    inner = w("sum(A*r)")
    assert inner.tex == r"\sum_{t} A_i r_{t,i}"
    assert inner.indices == ("i",)
    A, r = w("A").at(SPACE)[0], w("r").at(SPACE)
    assert w("sum(A**2*sum(r))").at(SPACE) == sum(A[k] ** 2 * (r[0, k] + r[1, k]) for k in range(3))


def test_a_wrong_sum_over_two_indices_is_refuted():
    w = Writing(r=indexed("r_{t,i}", n=(2, 3), index="t i"), A=indexed("A_i", n=(1, 3)))
    true = w.chain("sum(A*sum(r))", ("sum(sum(A*r))", "A does not depend on t"))
    false = w.chain("sum(A*sum(r))", ("sum(A)*sum(sum(r))", "A leaves the sum"))
    assert _verdicts(true) == [Verdict.PROVED]
    assert _verdicts(false) == [Verdict.REFUTED]


def test_letters_may_be_functions_of_a_parameter_and_members_may_be_equal():
    w = Writing(ell=indexed("l_i", of="parameter"), K=number(of="parameter"), R=alike("R"))
    assert w("d(K, parameter)").at(SPACE) == sp.Derivative(
        w("K").at(SPACE), w("parameter").at(SPACE)
    )
    assert len({entry.func for entry in w("ell").at(SPACE)}) == 3
    assert len(set(w("R").at(SPACE))) == 1


def test_products_run_over_an_index_as_sums_do():
    w = Writing(p=indexed("p_i", positive=True))
    chain = w.chain("log(prod(p))", ("sum(log(p))", "the logarithm of a product"))
    assert w("prod(p)").tex == r"\prod_{i} p_i"
    assert w("log(prod(p))").at(SPACE) == sp.log(sp.prod(w("p").at(SPACE)))
    assert len(pairs(chain)) == 1


def test_deviations_name_their_divisor():
    w = Writing(R=indexed("R_i"))
    assert w("std(R)").tex == r"\operatorname{std}_{i} R_i"
    assert w("std(R, 1)").tex == r"\operatorname{std}^{(n-1)}_{i} R_i"
    chain = w.chain("3*std(R)**2", ("2*std(R, 1)**2", "both are the sum of squares"))
    assert _verdicts(chain) == [Verdict.PROVED]


def test_code_of_numbers_acts_on_each_entry_and_code_of_arrays_takes_them_whole():
    w = Writing(r=indexed("r_i"), q=indexed("q_i"))
    each = w("policy.ratio(r, q)").at(SPACE)
    assert list(each) == [
        sp.exp(a - b) for a, b in zip(w("r").at(SPACE), w("q").at(SPACE), strict=True)
    ]
    whole = w("grpo.advantage(groups(r), std='none', ddof=0, eps=0)")
    assert r"\mathrm{std} = \text{none}" in whole.tex
    assert whole.at(SPACE).shape == (1, 3)


def test_the_power_of_what_code_returned_stands_beside_its_bracket():
    square = Writing()("kernels.preserving(C, data, noise, x).std**2")
    assert square.tex == r"\left(\underbrace{x}_{\texttt{kernels.preserving.std}}\right)^{2}"


def test_a_letter_with_an_exponent_is_bracketed_before_it_gets_another():
    w = Writing(y=number(r"v^{\star}"))
    assert w("y**2").tex == r"(v^{\star})^{2}"
    assert w("2*y").tex == r"2v^{\star}"
