"""Facts about DDPM: steps compose into the marginal, and Bayes gives them back."""

import math

import pytest
from hypothesis import given
from strategies import of

from refimpl.equations import ddpm
from refimpl.equations.arguments import State
from refimpl.equations.ddpm import Beta

numbers = of(State, upto=2)
shares = of(Beta)


@pytest.mark.covers("ddpm.forward", "ddpm.marginal")
@given(numbers, shares, shares)
def test_a_step_after_the_marginal_is_the_next_marginal(data, alpha_bar, beta):
    before = ddpm.marginal(data, alpha_bar)
    step = ddpm.forward(before.mean, beta)
    after = ddpm.marginal(data, (1 - beta) * alpha_bar)
    variance = step.std**2 + (1 - beta) * before.std**2
    assert step.mean == pytest.approx(after.mean, rel=1e-14)
    assert variance == pytest.approx(after.std**2, rel=1e-14)


@pytest.mark.covers("ddpm.posterior", "ddpm.forward", "ddpm.marginal")
@given(numbers, numbers, shares, shares)
def test_joint_densities_agree_both_ways(x, data, beta, alpha_bar_prev):
    y = 0.25  # any x_{t−1}
    posterior = ddpm.posterior(x, data, beta, alpha_bar_prev)
    forwards = ddpm.marginal(data, alpha_bar_prev).log_prob(y) + ddpm.forward(y, beta).log_prob(x)
    backwards = ddpm.marginal(data, (1 - beta) * alpha_bar_prev).log_prob(x) + posterior.log_prob(y)
    size = 1 + (x**2 + data**2) / min(beta, 1 - alpha_bar_prev) ** 2
    assert forwards == pytest.approx(backwards, abs=100 * 2.0**-53 * size)


@pytest.mark.covers("ddpm.reverse_variance", "ddpm.posterior")
@given(shares, shares)
def test_the_two_standard_choices_are_the_two_extreme_data_laws(beta, alpha_bar_prev):
    point = ddpm.reverse_variance(beta, alpha_bar_prev, 0.0)
    assert point == pytest.approx(
        ddpm.posterior(0.0, 0.0, beta, alpha_bar_prev).std ** 2, rel=1e-14
    )
    assert ddpm.reverse_variance(beta, alpha_bar_prev, 1.0) == pytest.approx(beta, rel=1e-14)
    between = ddpm.reverse_variance(beta, alpha_bar_prev, 0.5)
    assert point < between < beta


@pytest.mark.parametrize("share", [0.0, 1.0, -0.5, 1.5])
def test_shares_lie_strictly_between_0_and_1(share):
    for call in (
        lambda: ddpm.forward(1.0, share),
        lambda: ddpm.marginal(1.0, share),
        lambda: ddpm.posterior(1.0, 1.0, share, 0.5),
        lambda: ddpm.posterior(1.0, 1.0, 0.5, share),
        lambda: ddpm.reverse_variance(share, 0.5, 1.0),
        lambda: ddpm.reverse_variance(0.5, share, 1.0),
    ):
        with pytest.raises(ValueError, match="must be positive"):
            call()


@pytest.mark.covers("ddpm.forward")
def test_one_step_by_hand():
    p = ddpm.forward(2.0, 0.75)
    assert (p.mean, p.std) == (1.0, math.sqrt(0.75))
