"""Orders and constants: what they accept, and the bugs that an order alone lets pass."""

import math

import pytest
import torch

from refimpl.equations import ode
from refimpl.simulate import grids
from refimpl.simulate.ode import solve
from refimpl.statistics.orders import OrderFailure, order

LADDER = [0.1, 0.05, 0.025]


def test_a_power_law_is_read_off_exactly():
    found = order(LADDER, [3 * h**2 for h in LADDER], expected=2, constant=3)
    assert found.order == pytest.approx(2)
    assert found.constant == pytest.approx(3)


def test_the_next_term_is_extrapolated_away():
    found = order(LADDER, [h + 0.3 * h**2 for h in LADDER], expected=1, constant=1)
    assert abs(found.constant - 1) < abs(LADDER[-1] * 0.3)


def test_a_dropped_last_step_keeps_the_order_and_loses_the_constant():
    one = torch.ones(1, dtype=torch.float64)
    errors = []
    for T in (40, 80, 160):
        short = grids.from_levels(grids.uniform(T).levels[:-1])
        errors.append(float(solve(ode.euler, lambda x, t: x, one, short)) - math.exp(-1))
    h = [1 / T for T in (40, 80, 160)]
    order(h, errors, expected=1)
    with pytest.raises(OrderFailure, match="order 1 holds, but its constant"):
        order(h, errors, expected=1, constant=-math.exp(-1) / 2)


@pytest.mark.parametrize(
    ("errors", "message"),
    [
        ([1e-1, 1e-2, 1e-3], "order 3.3"),
        ([1e-1, -1e-2, 1e-3], "one sign"),
        ([1e-1, math.nan, 1e-3], "finite"),
        ([0.0, 0.0, 0.0], "one sign"),
    ],
)
def test_other_orders_are_rejected(errors, message):
    with pytest.raises(OrderFailure, match=message):
        order(LADDER, errors, expected=1)


@pytest.mark.parametrize("h", [[0.1, 0.05], [0.1, 0.04, 0.02]])
def test_a_ladder_is_wanted(h):
    with pytest.raises(ValueError, match="step size"):
        order(h, h, expected=1)
