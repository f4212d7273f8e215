"""Every number of a method reaches its formula, at values other than the defaults."""

import pytest
import torch

from refimpl.equations import Gaussian, Step, conversions, kernels, paths, sde, weights
from refimpl.equations.policy import log_ratio_of_means
from refimpl.methods import Method, kernel, levers, log_prob, plan, stds, terms
from refimpl.methods.loss import reduced
from refimpl.methods.steps import diffusion
from refimpl.simulate import grids, laws
from refimpl.toy import field, gaussian

GRID = grids.uniform(10)


@pytest.mark.parametrize("level", [0.8, 0.95, 0.999])
def test_the_level_that_is_clamped_at_is_the_one_that_is_set(level):
    method = Method(noise=0.5, boundary="clamp", clamp_at=level)
    g = diffusion(method, Step(1.0, 0.9))
    assert g == pytest.approx(0.5 * (1.0 / (1 - level)) ** 0.5)
    assert g == sde.flow_grpo_g(1.0, 0.5, level)


@pytest.mark.parametrize(
    ("stride", "starts"), [(1, [0, 1, 2, 3]), (2, [0, 2, 4, 0]), (3, [0, 3, 0, 3])]
)
def test_a_sliding_window_moves_by_its_stride(stride, starts):
    method = Method(window="sliding", size=4, every=5, stride=stride)
    assert [plan(method, GRID, iteration=i).trained[0] for i in (0, 5, 10, 15)] == starts


def test_weights_are_those_of_the_steps_that_are_trained():
    """In a window that does not begin at the first step the stds are other ones."""
    window = {"window": "fixed", "start": 3, "size": 4}
    spread, far = torch.tensor(stds(Method(), GRID)), torch.tensor(levers(Method(), GRID))
    inside = slice(3, 7)
    assert plan(Method(weight="tempflow", **window), GRID).weights == pytest.approx(
        weights.tempflow(spread[inside]).tolist()
    )
    assert plan(Method(weight="levelled", **window), GRID).weights == pytest.approx(
        weights.levelled(spread[inside], far[inside]).tolist()
    )
    assert plan(Method(weight="guard_lever", **window), GRID).weights == pytest.approx(
        weights.guard_lever(far[inside]).tolist()
    )
    shifted = grids.sd35_once_shifted(10)
    assert plan(Method(weight="guard", **window), shifted).weights == pytest.approx(
        [1 / shifted.steps[i].h for i in range(3, 7)]
    )


def judged(limit, moved):
    """Who is stopped when the mean moves by so many stds, away from where x_s pulls the policy."""
    x_s = torch.zeros(1, 4, dtype=torch.float64)
    method = Method(trust="divergence", limit=limit, reduction="total")
    new, old = Gaussian(x_s + moved, 1.0), Gaussian(x_s, 1.0)
    return terms(method, new, old, x_s, torch.tensor([-1.0]))


def test_the_divergence_is_masked_above_its_limit_and_not_at_twice_it():
    """The KL is 4 m²/2, and the advantage pulls further away."""
    for limit in (0.02, 0.5):
        inside, outside = (judged(limit, (share * limit / 2) ** 0.5) for share in (0.9, 1.1))
        assert not bool(inside.stopped)
        assert bool(outside.stopped)


@pytest.mark.parametrize("reduction", ["total", "average"])
def test_what_there_is_one_of_a_sample_is_float64(reduction):
    method, x = Method(reduction=reduction), torch.full((2, 8), 0.1, dtype=torch.float32)
    assert reduced(method, x).dtype == torch.float64
    law = Gaussian(x, torch.tensor(0.5))
    assert log_prob(method, law, x + 0.1).dtype == torch.float64
    made = terms(method, law, law, x, torch.ones(2))
    assert {made.objective.dtype, made.ratio.dtype, made.kl.dtype} == {torch.float64}


def test_the_ratio_of_a_step_is_the_one_of_its_means():
    x = torch.linspace(-1, 1, 8, dtype=torch.float64).reshape(2, 4)
    new, old = Gaussian(x + 0.1, 0.5), Gaussian(x, 0.5)
    made = terms(Method(trust="none"), new, old, x + 0.2, torch.ones(2))
    log_ratio = log_ratio_of_means(x + 0.2, new.mean, old.mean, 0.5).sum(1)
    torch.testing.assert_close(made.ratio, log_ratio.exp())


def test_the_matched_kernel_draws_what_gaussian_data_of_its_std_leave_open():
    step, x, v = Step(0.75, 0.5), 0.4, -0.9
    method = Method(kernel="matched", noise=0.6, data_std=0.5)
    c = paths.linear(step.t)
    data, noise = conversions.data_from_velocity(c, x, v), conversions.noise_from_velocity(c, x, v)
    left = 0.5**2 * 0.75**2 / (0.25**2 * 0.5**2 + 0.75**2)  # Var[data | x_t]
    wanted = kernels.moment_matched(data, noise, kernels.cps_std(0.5, 0.6), left, step)
    found = kernel(method, x, v, step)
    assert (found.mean, found.std) == (wanted.mean, pytest.approx(wanted.std, rel=1e-14))
    measured = kernel(method, x, v, step, variance=0.01)
    assert measured.std < found.std
    assert measured.mean == found.mean


def test_without_spread_the_matched_kernel_is_cps():
    step = Step(0.75, 0.5)
    matched = kernel(Method(kernel="matched", noise=0.6), 0.4, -0.9, step)
    cps = kernel(Method(kernel="cps", noise=0.6), 0.4, -0.9, step)
    assert (matched.mean, matched.std) == (cps.mean, cps.std)


def test_a_chain_of_matched_steps_keeps_gaussian_data_exactly():
    one = torch.ones(1, dtype=torch.float64)
    law, method = gaussian([1.5], [0.5]), Method(kernel="matched", noise=0.4, data_std=0.5)
    v = field(law)
    made = [
        lambda x, step=step: kernel(method, x, v(x, step.t), step)
        for step in grids.sd35_once_shifted(6).steps
    ]
    end = laws.gaussian_law(made, 0 * one, one)
    assert float(end.mean[-1]) == pytest.approx(1.5, rel=1e-12)
    assert float(end.std[-1]) == pytest.approx(0.5, rel=1e-12)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Method(kernel="cps", noise=0.5, data_std=0.5), "belongs to kernel='matched'"),
        (lambda: Method(kernel="matched", noise=0.5, data_std=-1.0), "zero or positive"),
        (lambda: Method(kernel="matched", noise=1.5), "η of CPS and at most 1, got 1.5"),
        (
            lambda: kernel(Method(), 0.4, -0.9, Step(0.75, 0.5), variance=0.1),
            "variance is what kernel='matched' draws; kernel is 'flow_grpo'",
        ),
    ],
)
def test_a_spread_without_its_kernel_is_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()
