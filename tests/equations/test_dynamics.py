"""Facts about closed-form dynamics: flows compose, noise forgets, Euler takes all its steps."""

import math

import pytest
from hypothesis import given
from strategies import of

from refimpl.equations import dynamics
from refimpl.equations.arguments import Length, State
from refimpl.equations.dynamics import Time

numbers = of(State, upto=2)
rates = of(Length, upto=2)
times = of(Time, upto=2)


@pytest.mark.covers("dynamics.linear_flow")
@given(numbers, numbers, times, times)
def test_a_flow_composes(x, theta, t, s):
    there = dynamics.linear_flow(dynamics.linear_flow(x, theta, t), theta, s)
    # three exponentials of arguments up to 8
    assert there == pytest.approx(dynamics.linear_flow(x, theta, t + s), rel=40 * 2.0**-53)
    assert dynamics.linear_flow(x, theta, 0.0) == x


@pytest.mark.covers("dynamics.root_flow")
def test_two_solutions_leave_from_one_point():
    early, late = (dynamics.root_flow(1.0, delay) for delay in (0.0, 0.5))
    assert (early, late) == (0.25, 0.0625)
    assert dynamics.root_flow(0.25, 0.5) == 0
    # both satisfy dx/dt = √x: (t − delay)/2
    for delay in (0.0, 0.5):
        assert math.sqrt(dynamics.root_flow(1.0, delay)) == (1.0 - delay) / 2


@pytest.mark.covers("dynamics.picard_bound")
def test_picard_s_bounds_are_the_terms_of_an_exponential():
    bound, terms = 1.0, [1.0]
    for n in range(1, 20):
        bound = dynamics.picard_bound(bound, 2.0, 0.75, n)
        terms.append(bound)
    assert sum(terms) == pytest.approx(math.exp(1.5), rel=1e-14)
    with pytest.raises(ValueError, match=r"^Picard iterations are counted from 1, got n=0$"):
        dynamics.picard_bound(1.0, 2.0, 0.75, 0)


@pytest.mark.covers("dynamics.brownian")
def test_brownian_variances_add_up():
    assert dynamics.brownian(1.5, 0.25).mean == 1.5
    assert dynamics.brownian(1.5, 0.25).std == 0.5


@pytest.mark.covers("dynamics.ornstein_uhlenbeck", "dynamics.stationary")
@given(numbers, rates, rates, times, times)
def test_two_transitions_are_one_and_the_law_at_rest_stays(x, theta, sigma, t, s):
    first = dynamics.ornstein_uhlenbeck(x, theta, sigma, t)
    second = dynamics.ornstein_uhlenbeck(first.mean, theta, sigma, s)
    whole = dynamics.ornstein_uhlenbeck(x, theta, sigma, t + s)
    variance = second.std**2 + (math.exp(-theta * s) * first.std) ** 2
    # 1 − e^(−2θt) is rounded at the size of 1, θ is at least 1/16
    assert variance == pytest.approx(whole.std**2, rel=1e-13, abs=1e-13)
    assert second.mean == pytest.approx(whole.mean, rel=1e-14, abs=1e-300)
    rest = dynamics.stationary(theta, sigma)
    moved = dynamics.ornstein_uhlenbeck(rest.mean, theta, sigma, t)
    assert moved.mean == rest.mean == 0
    variance = moved.std**2 + (math.exp(-theta * t) * rest.std) ** 2
    assert variance == pytest.approx(rest.std**2, rel=1e-13)


@pytest.mark.covers("dynamics.euler_on_linear", "dynamics.linear_flow")
def test_euler_s_error_is_of_first_order_with_its_constant():
    exact = dynamics.linear_flow(1.0, 1.0, 1.0)
    for n in (1000, 2000):
        error = dynamics.euler_on_linear(1.0, 1.0, 1.0, n) - exact
        assert error * n == pytest.approx(-exact / 2, rel=2 / n)  # −θ²t²/2 e^(−θt), next term 1/n
    assert dynamics.euler_on_linear(3.0, 0.5, 1.0, 1) == 1.5
