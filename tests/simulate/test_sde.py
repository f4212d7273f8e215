"""Chains: what is rolled out is what is scored and replayed."""

import dataclasses
import math

import pytest
import torch

from refimpl.equations import paths, sde
from refimpl.simulate import diffusion, grids, replay, rollout
from refimpl.simulate import sde as chains
from refimpl.toy import field, mixture_1d

G = diffusion.flow_grpo(0.7, sde.next_level)


def latents(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def v(x, t):
    return torch.sin(x) * (1 + t) + x.flip(-1) / 2


def roll(grid=None, **changes):
    x = latents(2, 3, 4, 5)
    grid = grid or grids.sd35_as_shipped(10)
    given = {"diffusion": G, "noise": latents(grid.T, *x.shape, seed=1)} | changes
    return rollout(v, x, grid, **given)


def test_a_step_is_the_articles_update_written_out():
    done = roll(grids.from_levels((0.8, 0.5)))
    x, h, t = done.states[0], 0.3, 0.8
    g = 0.7 * math.sqrt(0.8 / 0.2)
    u = v(x, t)
    mean = x - h * (u + g**2 / (2 * t) * (x + (1 - t) * u))
    torch.testing.assert_close(done.states[1], mean + g * math.sqrt(h) * done.noise[0])
    assert done.stds[0] == pytest.approx(g * math.sqrt(h))


def test_replay_is_bitwise():
    done = roll()
    for i, kernel in enumerate(replay(done, v)):
        assert torch.equal(kernel.log_prob(done.states[i + 1]), done.log_prob(i))


def test_replay_carries_gradients_and_rollouts_do_not():
    w = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
    scaled = lambda x, t: w * v(x, t)  # noqa: E731
    x, grid = latents(2, 3, 4), grids.uniform(4)
    done = rollout(scaled, x, grid, diffusion=G, generator=torch.Generator().manual_seed(2))
    assert not done.states.requires_grad
    kernel = replay(done, scaled)[1]
    kernel.log_prob(done.states[2]).sum().backward()
    # d log p/d v = −h c (x_s − mean)/std², c = 1 + g²(1 − t)/(2t)
    step, std = grid.steps[1], done.stds[1]
    g = G(step)
    c = 1 + g**2 * (1 - step.t) / (2 * step.t)
    slope = -step.h * c * (done.states[2] - done.means[1]) / std**2
    torch.testing.assert_close(w.grad, (slope * v(done.states[1], step.t)).sum())


def test_a_rollout_that_lacks_a_state_is_not_replayed():
    done = roll()
    with pytest.raises(ValueError, match="argument 2 is shorter"):
        replay(dataclasses.replace(done, states=done.states[:-1]), v)


def test_a_generator_and_its_noise_give_the_same_rollout():
    x, grid = latents(2, 3, 4), grids.uniform(5)
    drawn = rollout(v, x, grid, diffusion=G, generator=torch.Generator().manual_seed(7))
    given = rollout(v, x, grid, diffusion=G, noise=drawn.noise)
    assert torch.equal(drawn.states, given.states)


def test_the_global_generator_is_left_alone():
    before = torch.get_rng_state()
    rollout(v, latents(2, 3), grids.uniform(3), diffusion=G, generator=torch.Generator())
    assert torch.equal(torch.get_rng_state(), before)


def test_a_last_step_to_clean_data_has_a_log_probability():
    done = roll()
    assert done.grid.levels[-1] == 0
    assert torch.isfinite(done.log_prob(9)).all()


def test_a_deterministic_step_has_no_log_probability():
    done = roll(diffusion=diffusion.window(G, high=0.9, low=0.5))
    noisy = [i for i, step in enumerate(done.grid.steps) if 0.5 < step.t <= 0.9]
    assert [i for i, std in enumerate(done.stds) if std > 0] == noisy
    assert torch.isfinite(done.log_prob(noisy[0])).all()
    with pytest.raises(ValueError, match="a step without noise has no density"):
        done.log_prob(0)


def test_windows_leave_the_other_steps_noise_where_it_was():
    whole, part = roll(), roll(diffusion=diffusion.window(G, high=1.0, low=0.0))
    assert torch.equal(whole.states, part.states)


def test_noising_reads_the_grid_upwards():
    seen = []

    def f(x, t):
        seen.append(t)
        return x

    kernels = chains.noising(f, grids.from_levels((0.9, 0.5, 0.2)), g=lambda t: 0.5)
    done = chains.run(kernels, latents(2, 3, 4), noise=torch.zeros(2, 2, 3, 4, dtype=torch.float64))
    assert seen == [0.2, 0.5]
    torch.testing.assert_close(done.states[-1], done.states[0] * 1.3 * 1.4)
    assert done.stds == pytest.approx((0.5 * math.sqrt(0.3), 0.5 * math.sqrt(0.4)))


def test_reversal_of_the_marginal_preserving_sde_is_the_denoising_chain():
    """f − g²∇log p with f = v + ½g²∇log p is v − ½g²∇log p: (16), (19) and (21) of the paper."""
    p, grid = mixture_1d(), grids.uniform(5, 0.9, 0.2)
    score = lambda x, t: p.at(paths.linear(t)).score(x)  # noqa: E731
    g = lambda t: 0.4 + t  # noqa: E731
    f = chains.marginal_preserving(field(p), score, g=g)
    x = latents(3, 2, 1)
    one = chains.reversal(f, score, grid, g=g)
    two = chains.denoising(field(p), grid, diffusion=diffusion.of_level(g))
    for a, b in zip(one, two, strict=True):
        torch.testing.assert_close(a(x).mean, b(x).mean, rtol=1e-12, atol=1e-12)
        assert a(x).std == b(x).std


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: roll(noise=None), "^give the noise, or a generator to draw it from: exactly one"),
        (lambda: roll(generator=torch.Generator()), "exactly one of the two"),
        (lambda: roll(noise=latents(10, 2, 3, 4)), r"noise must be .* = \(10, 2, 3, 4, 5\)"),
        (lambda: roll(diffusion=diffusion.flow_grpo(0.7, sde.refuse)), "singular at t = 1"),
        (lambda: diffusion.flow_grpo(-0.1, sde.refuse), "a must be zero or positive, got -0.1"),
        (lambda: diffusion.constant(math.nan), "g must be a finite number, got nan"),
        (lambda: diffusion.window(G, high=0.2, low=0.5), "0 <= low < high <= 1"),
        (
            lambda: rollout(
                lambda x, t: x * math.nan, latents(2, 3), grids.uniform(2), diffusion=G,
                generator=torch.Generator(),
            ),
            "v must be finite",
        ),
        (
            lambda: rollout(
                lambda x, t: x[:, 0], latents(2, 3), grids.uniform(2), diffusion=G,
                generator=torch.Generator(),
            ),
            r"shape \(2, 3\) and v has \(2,\)",
        ),
    ],
)  # fmt: skip
def test_bad_input_is_refused_with_its_value(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_noising_takes_drift_and_diffusion_where_the_step_begins():
    """t rises from s to t, so both are read at s, the lower end."""
    grid = grids.from_levels((0.8, 0.5))
    (kernel,) = chains.noising(lambda x, t: t * x, grid, g=lambda t: 1 + t)
    x = latents(3, 2)
    law = kernel(x)
    torch.testing.assert_close(law.mean, x + 0.3 * 0.5 * x)
    assert float(law.std) == pytest.approx(1.5 * math.sqrt(0.3))
