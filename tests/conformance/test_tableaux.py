"""The rules' tables: where each asks, and of which order it is, which together say which it is.

A rule of two or three stages that has full order is settled by its nodes.
"""

import math

import pytest

from refimpl.conformance.formulas.tableaux import OTHER_RULES, rule, told

NODES = {
    "Euler's rule": (0,),
    "Heun's rule": (0, 1),
    "the midpoint rule": (0, 1 / 2),
    "Ralston's rule": (0, 2 / 3),
    "Heun's rule of order 3": (0, 1 / 3, 2 / 3),
    "Kutta's rule of order 3": (0, 1 / 2, 1),
    "Ralston's rule of order 3": (0, 1 / 2, 3 / 4),
    "the strongly stable rule of order 3": (0, 1, 1 / 2),
    "the classical rule of order 4": (0, 1 / 2, 1 / 2, 1),
    "Kutta's 3/8 rule": (0, 1 / 3, 2 / 3, 1),
}
"""Hairer, Nørsett and Wanner, Solving ODEs I, II.1; Ralston 1962; Shu and Osher 1988."""

START, X = 1.0, 0.8


def field(x, t):
    """dx/dt = x² cos t, of which 1/x + sin t is constant."""
    return x**2 * math.cos(t)


def step(name, h, v=field):
    return rule(name).run({"x": X, "t": START, "h": h, "field": v})["x_s"]


def test_no_rule_is_left_out():
    assert set(NODES) == set(OTHER_RULES)


@pytest.mark.parametrize("name", NODES)
def test_a_rule_asks_at_its_nodes(name):
    asked = []
    step(name, 0.5, lambda x, t: asked.append(t) or field(x, t))
    assert asked == pytest.approx([START - 0.5 * c for c in NODES[name]])


def test_a_weight_of_nought_is_not_written():
    assert rule("the midpoint rule").lines[-1].source == "x - h * (1 * k2)"


@pytest.mark.parametrize("name", NODES)
def test_a_rule_has_the_order_of_its_stages(name):
    """One step's error falls by 2^(p + 1) where the step is halved."""
    order = len(NODES[name])

    def error(h):
        end = 1 / (1 / X + math.sin(START) - math.sin(START - h))
        return abs(step(name, h) - end)

    seen = math.log2(error(0.04) / error(0.02))
    assert seen == pytest.approx(order + 1, abs=0.15)


def test_a_rule_of_two_slopes_is_told_as_one_writes_it():
    assert told((0.5, 2 / 3, -1.25, 3)) == (
        "x − h (−1.25 k1 + 3 k2) with k2 = field(x − 0.5 h k1, t − 0.666667 h)"
    )
    assert told((-0.5, -1e-7, 2, -1)) == (
        "x − h (2 k1 − k2) with k2 = field(x + 0.5 h k1, t + 1e−07 h)"
    )
    assert told((1, 0, 1, 1)) == "x − h (k1 + k2) with k2 = field(x − h k1, t)"
    assert told((0, 1, 0, -1)) == "x − h (−k2) with k2 = field(x, t − h)"
