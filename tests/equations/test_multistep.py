"""Facts about steps that remember: names of one step, exactness on polynomials in λ, and orders."""

import math

import numpy as np
import pytest
from scipy.integrate import quad

from refimpl.equations import kernels, multistep, ode, paths, schedules
from refimpl.equations.sde import Step

T, S = 0.7, 0.45
STEP = Step(T, S)
H = multistep.reach(STEP)


def exact(x, data, step=STEP):
    """The flow through x with data a function of y = λ − λ_t, by quadrature."""
    reach = multistep.reach(step)
    integral = quad(lambda y: math.exp(y - reach) * data(y), 0, reach, epsabs=1e-14)[0]
    return step.s / step.t * x + (1 - step.s) * integral


@pytest.mark.covers("multistep.reach")
def test_lengths_are_differences_of_lambda_and_add_up():
    assert pytest.approx(schedules.log_snr(S) - schedules.log_snr(T), rel=1e-14) == H
    parts = multistep.reach(Step(0.7, 0.6)) + multistep.reach(Step(0.6, 0.45))
    assert parts == pytest.approx(H, rel=1e-14)
    for step in (Step(1.0, 0.5), Step(0.5, 0.0)):
        with pytest.raises(ValueError, match="must be positive"):
            multistep.reach(step)


@pytest.mark.covers("multistep.first")
def test_euler_ddim_and_the_first_order_are_one_step():
    x, data = 0.3, -1.2
    v = (x - data) / T
    noise = (x - (1 - T) * data) / T
    one = multistep.first(x, data, STEP)
    assert one == pytest.approx(ode.euler(lambda x, t: v, x, STEP), rel=1e-14)
    assert one == pytest.approx(
        kernels.preserving(paths.linear(S), data, noise, 0.0).mean, rel=1e-14
    )
    assert one == pytest.approx(exact(x, lambda y: data), rel=1e-13)


@pytest.mark.covers("multistep.first", "multistep.dpmpp_2m", "multistep.unic_1")
def test_the_last_step_to_clean_data_is_the_data_seen():
    step = Step(0.2, 0.0)
    assert multistep.first(0.3, -1.2, step) == -1.2
    assert multistep.dpmpp_2m(0.3, -1.2, -1.2, 1.0, step) == -1.2
    assert multistep.unic_1(0.3, -1.0, -2.0, step) == -1.5


@pytest.mark.covers("multistep.dpmpp_2m")
@pytest.mark.parametrize("ratio", [0.5, 1.0, 1.7])
def test_two_data_leave_out_a_known_multiple_of_the_cubed_length(ratio):
    """D(y) = 2 − y + 3 y²: (1 − t)(D′/12 + (2 + 3r) D″/12) H³, and the rest one order smaller."""

    def data(y):
        return 2 - y + 3 * y**2

    for reach, close in ((0.04, 0.05), (0.01, 0.015)):
        s = 1 / (1 + math.exp(schedules.log_snr(T) + reach))
        step = Step(T, s)
        got = multistep.dpmpp_2m(0.4, data(0.0), data(-ratio * reach), ratio, step)
        left = exact(0.4, data, step) - got
        leading = (1 - T) * (-1 / 12 + (2 + 3 * ratio) / 12 * 6) * reach**3
        assert left == pytest.approx(leading, rel=close)


@pytest.mark.covers("multistep.unic_2")
@pytest.mark.parametrize("ratio", [0.5, 1.0, 1.7])
def test_the_corrector_is_exact_for_parabolas_and_misses_a_cube_by_a_known_amount(ratio):
    def step(data):
        return multistep.unic_2(0.4, data(0.0), data(-ratio * H), data(H), ratio, H, STEP)

    def parabola(y):
        return 2 - y + 3 * y**2

    assert step(parabola) == pytest.approx(exact(0.4, parabola), rel=1e-12)

    reach = 0.01
    small = Step(T, 1 / (1 + math.exp(schedules.log_snr(T) + reach)))
    got = multistep.unic_2(
        0.0, 0.0, (-ratio * reach) ** 3, reach**3, ratio, multistep.reach(small), small
    )
    left = exact(0.0, lambda y: y**3, small) - got
    # D‴ = 6; the next term is H smaller
    assert left == pytest.approx(-(1 - T) * (1 + 2 * ratio) / 72 * 6 * reach**4, rel=0.02)


@pytest.mark.covers("multistep.unic_1")
def test_the_first_corrector_misses_a_line_by_a_twelfth():
    reach = 0.01
    step = Step(T, 1 / (1 + math.exp(schedules.log_snr(T) + reach)))
    left = exact(0.4, lambda y: 2 - y, step) - multistep.unic_1(0.4, 2.0, 2 - reach, step)
    assert left == pytest.approx(-(1 - T) / 12 * reach**3, rel=0.01)


@pytest.mark.covers("multistep.unic_2")
def test_its_weights_solve_the_two_equations_of_unipc():
    """[1, 1; r_k, 1] ρ = b with r_k = −r and b as in diffusers' multistep_uni_c_bh_update."""
    r, hh = 1.3, -H
    phi = math.expm1(hh) / hh - 1
    b, B = [], math.expm1(hh)
    for i, factorial in ((1, 1), (2, 2)):
        b.append(phi * factorial / B)
        phi = phi / hh - 1 / (factorial * (i + 1))
    rho = np.linalg.solve(np.array([[1, 1], [-r, 1]]), np.array(b))
    data, before, after = 0.5, 0.1, 0.9
    want = S / T * 0.3 - (1 - S) * B * (
        data + rho[0] * (before - data) / -r + rho[1] * (after - data)
    )
    got = multistep.unic_2(0.3, data, before, after, r, H, STEP)
    assert got == pytest.approx(want, rel=1e-12)
