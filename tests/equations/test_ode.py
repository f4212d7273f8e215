"""Facts about ODE steps: exactness on polynomials, and the order each method claims."""

import math

import pytest

from refimpl.equations import ode
from refimpl.equations.sde import Step

METHODS = {
    "euler": (ode.euler, 1),
    "heun": (ode.heun, 2),
    "midpoint": (ode.midpoint, 2),
    "rk4": (ode.rk4, 4),
}


@pytest.mark.covers("ode.euler", "ode.heun", "ode.midpoint", "ode.rk4")
@pytest.mark.parametrize("name", METHODS)
def test_the_global_error_falls_at_the_claimed_order_with_the_known_constant(name):
    method, order = METHODS[name]

    def end(T):
        x = 1.0
        for i in range(T):
            x = method(lambda x, t: -x, x, Step(1 - i / T, 1 - (i + 1) / T))
        return x

    errors = {T: abs(end(T) - math.e) for T in (32, 64)}
    slope = math.log2(errors[32] / errors[64])
    # the next term of the expansion is 1/T: a tenth at most
    assert slope == pytest.approx(order, abs=0.1)
    # dx/dt = −x backwards is growth; one step misses h^{n+1}/(n+1)! and there are T of them
    leading = math.e / math.factorial(order + 1)
    assert errors[64] * 64**order == pytest.approx(leading, rel=0.05)


@pytest.mark.covers("ode.heun", "ode.midpoint", "ode.rk4", "ode.euler")
@pytest.mark.parametrize(
    ("name", "degree"), [("euler", 0), ("heun", 1), ("midpoint", 1), ("rk4", 3)]
)
def test_a_field_of_time_alone_is_integrated_as_by_its_quadrature(name, degree):
    method, _ = METHODS[name]
    t, s = 1.0, 0.25
    got = method(lambda x, t: t**degree, 2.0, Step(t, s))
    n = degree + 1
    assert got == pytest.approx(2.0 - (t**n - s**n) / n, rel=1e-15)
    worse = method(lambda x, t: t ** (degree + 1), 2.0, Step(t, s))
    assert worse != pytest.approx(2.0 - (t ** (n + 1) - s ** (n + 1)) / (n + 1), abs=1e-4)


@pytest.mark.covers("ode.euler")
def test_the_field_is_asked_at_the_start_of_the_step():
    seen = []

    def field(x, t):
        seen.append((x, t))
        return 2.0

    assert ode.euler(field, 1.0, Step(0.75, 0.5)) == 0.5
    assert seen == [(1.0, 0.75)]


@pytest.mark.covers("ode.midpoint", "ode.heun")
def test_the_midpoint_rule_misses_half_of_what_heuns_rule_misses_with_the_other_sign():
    h = 0.25
    exact = 2.0 - (1 - (1 - h) ** 3) / 3  # v = t², so v″ = 2
    middle = ode.midpoint(lambda x, t: t**2, 2.0, Step(1.0, 1 - h)) - exact
    ends = ode.heun(lambda x, t: t**2, 2.0, Step(1.0, 1 - h)) - exact
    assert middle == pytest.approx(h**3 / 24 * 2, rel=1e-12)
    assert ends == pytest.approx(-(h**3) / 12 * 2, rel=1e-12)


@pytest.mark.covers("ode.heun", "ode.midpoint", "ode.rk4")
def test_the_stages_are_where_the_papers_put_them():
    for method, want in (
        (ode.heun, [(1.0, 1.0), (0.0, 0.5)]),
        (ode.midpoint, [(1.0, 1.0), (0.5, 0.75)]),
        (ode.rk4, [(1.0, 1.0), (0.5, 0.75), (0.5, 0.75), (0.0, 0.5)]),
    ):
        seen = []
        method(lambda x, t, seen=seen: seen.append((x, t)) or 2.0, 1.0, Step(1.0, 0.5))
        assert seen == want


@pytest.mark.parametrize("name", METHODS)
def test_a_field_of_another_shape_is_refused(name):
    import torch

    method, _ = METHODS[name]
    x = torch.ones(2, 3, 2)
    with pytest.raises(ValueError, match=r"x has shape .* and v has"):
        method(lambda x, t: torch.ones(2), x, Step(1.0, 0.5))
    levels = Step(torch.tensor([1.0, 0.5]), torch.tensor([0.5, 0.25]))
    with pytest.raises(ValueError, match=r"x has shape .* and t has"):
        method(lambda x, t: x, x, levels)  # (B,) would meet the last axis
    with pytest.raises(ValueError, match="x must be finite, got nan"):
        method(lambda x, t: x, torch.tensor([float("nan")]), Step(1.0, 0.5))
