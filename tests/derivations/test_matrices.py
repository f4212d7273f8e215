"""Matrices of the written language: printed as matrices, decided in coordinates."""

import numpy as np
import pytest
import sympy as sp

from derivations.engine import Verdict
from derivations.engine.written import (
    SPACES,
    Writing,
    field,
    fields,
    matrix,
    number,
    pairs,
    scalars,
    settle,
    vector,
)


def _verdict(first: str, line: str) -> Verdict:
    w = Writing(A=matrix(), B=matrix(), u=field(), a=vector(), b=vector())
    chain = w.chain(first, (line, "to be decided"), dimensions=(1, 2, 3))
    [(before, after)] = pairs(chain)
    return settle(before, after, chain.dimensions).verdict


@pytest.mark.parametrize(
    ("first", "line"),
    [
        ("det(matmul(A, B))", "det(A) * det(B)"),
        ("tr(matmul(A, B))", "tr(matmul(B, A))"),
        ("transpose(matmul(A, B))", "matmul(transpose(B), transpose(A))"),
        ("dot(a, matmul(A, b))", "dot(matmul(transpose(A), a), b)"),
        ("tr(jac(u))", "div(u)"),
        ("det(identity())", "1"),
        ("abs(det(A))**2", "det(A)**2"),
    ],
)
def test_what_holds_for_matrices_is_proved(first, line):
    assert _verdict(first, line) is Verdict.PROVED


@pytest.mark.parametrize(
    ("first", "line"),
    [
        ("matmul(A, B)", "matmul(B, A)"),
        ("det(A + B)", "det(A) + det(B)"),
        ("dot(a, matmul(A, b))", "dot(matmul(A, a), b)"),
        ("tr(matmul(A, B))", "tr(A) * tr(B)"),
    ],
)
def test_what_does_not_hold_for_matrices_is_not_proved(first, line):
    assert _verdict(first, line) is not Verdict.PROVED


def test_a_jacobian_has_one_row_for_each_coordinate_of_the_field():
    w = Writing(u=field())
    rows = w("jac(u)").at(SPACES[2])
    assert [len(row) for row in rows] == [2, 2]
    x_1, x_2 = SPACES[2].x
    assert rows[0][1] == sp.diff(w("u").at(SPACES[2])[0], x_2)
    assert rows[1][0] == sp.diff(w("u").at(SPACES[2])[1], x_1)


def test_entries_hand_a_vector_over_as_one_array():
    w = Writing(a=vector())
    made = w("entries(a)").at(SPACES[3])
    assert isinstance(made, np.ndarray)
    assert list(made) == w("a").at(SPACES[3])
    assert w("sum(entries(a))").tex == r"\sum_{i} a_i"


def test_stacked_vectors_are_rows_and_print_with_both_indices():
    w = Writing(v=fields("v_{t}", n=2, index="t"))
    made = w("stacked(v)")
    assert made.at(SPACES[3]).shape == (2, 3)
    assert made.tex == "v_{t,i}"
    assert made.indices == ("t", "i")
    assert made.at(SPACES[3])[1, 2] == w("v").at(SPACES[3])[2][1]


def test_a_coordinate_of_something_longer_stands_behind_brackets():
    w = Writing(a=vector(), b=vector())
    assert w("comp(a + b)").tex == "(a + b)_i"


def test_scalars_run_over_their_own_index():
    w = Writing(f=scalars(n=2, index="k"))
    assert w("sum(f)").tex.startswith(r"\sum_{k}")
    assert w("f").at(SPACES[1]).shape == (2,)


def test_a_log_density_prints_the_law_or_the_letter_it_goes_by():
    w = Writing(m=number())
    w.let("q", "N(m, std**2)")
    assert w("log_density(x, N(m, std**2))").tex.startswith(r"\log \mathcal N\left(x;\ ")
    assert w("log_density(x, q)").tex == r"\log q\left(x\right)"
