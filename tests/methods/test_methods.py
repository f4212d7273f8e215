"""Methods: every choice is the equation that it names, and choices that clash are refused."""

import dataclasses
import math

import pytest
import torch

from refimpl.equations import (
    Gaussian,
    Step,
    gaussian,
    grpo,
    kernels,
    kl,
    paths,
    policy,
    sde,
    weights,
)
from refimpl.methods import (
    PRESETS,
    Affine,
    Method,
    advantages,
    affine,
    between,
    kernel,
    levers,
    log_prob,
    plan,
    preset,
    stds,
    terms,
    weighed,
)
from refimpl.simulate import grids

GRID = grids.sd35_once_shifted(10)
STEP = Step(0.75, 0.625)


def draw(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def test_each_kernel_is_the_equation_that_it_names():
    x, v = draw(3, 2, 4), draw(3, 2, 4, seed=1)
    line, ends = paths.linear(0.625), (x - 0.75 * v, x + 0.25 * v)
    g = sde.flow_grpo_g(0.75, 0.7, 0.75)
    kept = kernels.kept_flow_grpo(STEP, 0.7)
    std = kernels.cps_std(0.625, 0.8)
    for method, want in (
        (Method(noise=0.7), sde.transition(paths.linear(0.75), x, v, g, STEP)),
        (Method(kernel="constant", noise=0.3), sde.transition(paths.linear(0.75), x, v, 0.3, STEP)),
        (Method(kernel="cps", noise=0.8), kernels.preserving(line, *ends, std)),
        (Method(kernel="exact", noise=0.7), kernels.frozen_data(*ends, 0.625, kept)),
        (
            Method(kernel="exact_constant", noise=0.7),
            kernels.frozen_data(*ends, 0.625, kernels.kept_constant(STEP, 0.7)),
        ),
    ):
        got = kernel(method, x, v, STEP)
        assert torch.allclose(got.mean, want.mean, atol=1e-14)
        assert got.std == pytest.approx(want.std, rel=1e-14)


def test_a_silent_step_is_the_flow():
    x, v = draw(2, 3), draw(2, 3, seed=1)
    for name, method in PRESETS.items():
        silent = kernel(method, x, v, STEP, noisy=False)
        assert silent.std == 0, name
        assert torch.allclose(silent.mean, x - 0.125 * v), name


def test_boundaries_differ_at_the_start_alone():
    first, later = GRID.steps[0], GRID.steps[3]
    at = [Method(boundary=b) for b in ("next_level", "clamp")]
    assert [float(kernel(m, 0.0, 0.0, first).std) for m in at] == pytest.approx(
        [0.7, 7 * (1 / 28) ** 0.5], rel=1e-12
    )
    assert len({float(kernel(m, 0.0, 0.0, later).std) for m in at}) == 1
    with pytest.raises(ValueError, match="singular at t = 1"):
        kernel(Method(boundary="refuse"), 0.0, 0.0, first)


def test_stds_of_flow_grpo_are_the_published_ones():
    want = [0.7, 0.7384, 0.5317, 0.4415, 0.3877, 0.35, 0.3195, 0.2905, 0.2562, 0.2021]
    assert stds(Method(), GRID) == pytest.approx(want, abs=5e-5)


def test_levers_are_the_slopes_of_the_mean():
    g = [sde.flow_grpo_g(s.t, 0.7, sde.next_level(s)) for s in GRID.steps]
    want = [weights.lever(g_i, s.t, s.h) for g_i, s in zip(g, GRID.steps, strict=True)]
    assert levers(Method(), GRID) == pytest.approx(want, rel=1e-12)


KERNELS = (Method(), Method(kernel="constant", noise=0.3), Method(kernel="cps", noise=0.8),
           Method(kernel="exact"), Method(kernel="exact_constant", noise=0.3))  # fmt: skip


@pytest.mark.parametrize("method", KERNELS, ids=lambda method: method.kernel)
@pytest.mark.parametrize("noisy", [True, False])
def test_three_numbers_are_all_of_a_kernel(method, noisy):
    x, v, x_s = draw(3, 5), draw(3, 5, seed=1), draw(3, 5, seed=2)
    for step, three in zip(GRID.steps, affine(method, GRID, noisy=noisy), strict=True):
        want, got, push = kernel(method, x, v, step, noisy=noisy), three.law(x, v), three.push(v)
        assert torch.allclose(got.mean, want.mean, rtol=0, atol=1e-14)
        assert got.std == want.std == push.std
        assert torch.allclose(three.rest(x, x_s) - push.mean, x_s - want.mean, rtol=0, atol=1e-14)
        assert torch.allclose(three.drawn(x, x_s, v), x_s - want.mean, rtol=0, atol=1e-14)


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("steps", [(4,), (2, 3, 3, 7)], ids=["one step", "many"])
def test_two_products_a_sample_say_what_the_laws_say(name, steps):
    """Values and gradients, in every preset: `between` and `weighed` against `terms`."""
    method, three = PRESETS[name].but(limit=0.5), affine(PRESETS[name], GRID)
    steps = steps * (4 // len(steps))
    x, v_old, advantage = draw(4, 2, 3), draw(4, 2, 3, seed=1), draw(4, seed=2)
    weight = torch.tensor([1.0, 2.0, 0.5, 1.5], dtype=torch.float64)
    columns = [torch.tensor([getattr(three[k], name) for k in steps], dtype=torch.float64)
               for name in ("of_x", "of_v", "std")]  # fmt: skip
    law = Affine(*(column.reshape(4, 1, 1) for column in columns))
    old = law.law(x, v_old)
    x_s = old.sample(draw(4, 2, 3, seed=3))
    found = []
    for products in (True, False):
        v = (v_old + 0.01 * draw(4, 2, 3, seed=4)).requires_grad_()
        if products:
            seen = three[steps[0]] if len(set(steps)) == 1 else law
            compared = between(method, seen, v - v_old, seen.drawn(x, x_s, v_old))
            got = weighed(method, compared, advantage, weight=weight)
            assert compared.kl.shape == (4,)
        else:
            plain = method.but(beta=0.0)
            got = terms(plain, law.law(x, v), old, x_s, advantage, weight=weight)
        (slope,) = torch.autograd.grad(got.objective.sum(), v)
        found.append((got.ratio, got.objective.detach(), got.stopped, slope))
    for one, other in zip(*found, strict=True):
        assert torch.allclose(one.double(), other.double(), rtol=1e-10, atol=1e-12)
    assert (found[0][0] - 1).abs().max() > 1e-4


def test_batched_levels_score_like_single_ones():
    x, v = draw(3, 2, 4), draw(3, 2, 4, seed=1)
    for name in ("flow_grpo", "dance_grpo", "flow_cps"):
        method = preset(name)
        t = torch.tensor([1.0, 0.75, 0.5], dtype=torch.float64).reshape(3, 1, 1)
        s = torch.tensor([0.9, 0.625, 0.25], dtype=torch.float64).reshape(3, 1, 1)
        batch = kernel(method, x, v, Step(t, s))
        for i in range(3):
            one = kernel(method, x[i : i + 1], v[i : i + 1], Step(float(t[i]), float(s[i])))
            assert torch.allclose(batch.mean[i], one.mean[0], atol=1e-15), name
            assert float(batch.std[i]) == pytest.approx(float(one.std), rel=1e-15), name


@pytest.mark.parametrize("name", PRESETS)
def test_an_unchanged_policy_has_ratio_one_and_the_policy_gradient(name):
    method = PRESETS[name]
    x, v = draw(4, 2, 3), draw(4, 2, 3, seed=1).requires_grad_()
    law = kernel(method, x, v, STEP)
    old = Gaussian(law.mean.detach(), law.std)
    x_s, advantage = old.sample(draw(4, 2, 3, seed=2)), draw(4, seed=3)
    got = terms(
        method, law, old, x_s, advantage, reference=old, step=STEP, velocities=(v, v.detach())
    )
    assert torch.equal(got.ratio, torch.ones(4, dtype=torch.float64))
    assert torch.equal(got.kl, torch.zeros(4, dtype=torch.float64))
    assert not got.stopped.any()
    (slope,) = torch.autograd.grad(got.objective.sum(), v)
    fresh = kernel(method, x, v, STEP)
    scored = log_prob(method, fresh, x_s)
    scale = fresh.std if method.ratio == "guard" else 1.0
    (want,) = torch.autograd.grad((scale * advantage * scored).sum(), v)
    assert torch.allclose(slope, want, rtol=1e-9, atol=1e-14)


def _pair(method, shift, advantage):
    x, v = draw(2, 3), draw(2, 3, seed=1)
    old = kernel(method, x, v, STEP)
    moved = (v + shift).requires_grad_()
    new = kernel(method, x, moved, STEP)
    x_s = old.sample(-torch.ones(2, 3, dtype=torch.float64))
    got = terms(method, new, old, x_s, torch.full((2,), advantage, dtype=torch.float64),
                reference=old, step=STEP, velocities=(moved, v))  # fmt: skip
    return got, new, old, x_s, moved


@pytest.mark.parametrize("advantage", [1.0, -1.0])
@pytest.mark.parametrize("shift", [0.5, -0.5])
@pytest.mark.parametrize("trust", ["clip", "divergence"])
def test_trust_stops_exactly_the_outward_updates(trust, shift, advantage):
    got, *_, moved = _pair(Method(trust=trust, limit=1e-3), shift, advantage)
    outward = (got.ratio - 1) * advantage > 0
    assert torch.equal(got.stopped, outward)
    (slope,) = torch.autograd.grad(got.objective.sum(), moved)
    assert torch.equal((slope == 0).all(dim=1), outward)


def test_penalties_are_the_equations_that_they_name():
    for name in ("steps", "without_h", "velocity", "k1", "k2", "k3"):
        got, new, old, x_s, moved = _pair(Method(kl=name, beta=1.0), 0.1, 1.0)
        log_ratio = policy.total(old.log_prob(x_s)) - policy.total(new.log_prob(x_s))
        g = sde.flow_grpo_g(0.75, 0.7, 0.75)
        want = {
            "steps": policy.total(kl.of_means(new.mean, old.mean, new.std)),
            "without_h": policy.total(kl.without_h(new.mean, old.mean, g)),
            "velocity": policy.total(0.01 + 0 * moved),
            "k1": kl.k1(log_ratio),
            "k2": kl.k2(log_ratio),
            "k3": kl.k3(log_ratio),
        }[name]
        assert torch.allclose(got.kl, want, rtol=1e-9), name
        surrogate = grpo.surrogate(got.ratio, torch.ones(2, dtype=torch.float64), 0.2)
        assert torch.allclose(got.objective, surrogate - want, rtol=1e-9), name


def test_reductions_and_guard():
    average = Method(reduction="average", trust="none")
    total = average.but(reduction="total")
    a, t = (_pair(m, 0.1, 1.0)[0].ratio for m in (average, total))
    assert torch.allclose(a**3, t, rtol=1e-12)
    got, new, old, x_s, _ = _pair(average.but(ratio="guard"), 0.1, 1.0)
    eps = (x_s - old.mean) / old.std
    assert torch.allclose(got.ratio.log(), policy.average((new.mean - old.mean) * eps), rtol=1e-9)


def test_weights_scale_the_surrogate_and_not_the_penalty():
    method = Method(kl="steps", beta=1.0, trust="none")
    x, v = draw(2, 3), draw(2, 3, seed=1)
    old, new = kernel(method, x, v, STEP), kernel(method, x, v + 0.1, STEP)
    x_s, one = old.sample(draw(2, 3, seed=2)), torch.ones(2, dtype=torch.float64)
    plain, double = (terms(method, new, old, x_s, one, weight=w, reference=old) for w in (1.0, 2.0))
    assert torch.allclose(double.objective + double.kl, 2 * (plain.objective + plain.kl))


def test_advantages_follow_the_preset():
    rewards = draw(3, 4)
    field = preset("flow_grpo")
    want = grpo.bounded(grpo.advantage(rewards, std="batch", ddof=0, eps=1e-4), 5.0)
    assert torch.equal(advantages(field, rewards), want)
    tight = field.but(advantage_bound=0.1)
    assert float(advantages(tight, rewards).abs().max()) == 0.1


def test_plans():
    assert plan(Method(), GRID).trained == tuple(range(9))
    assert plan(Method(skip_last=False), GRID).trained == tuple(range(10))
    first = plan(Method(window="first", size=3), GRID)
    assert first.trained == (0, 1, 2)
    assert first.noisy == (True,) * 3 + (False,) * 7
    fixed = plan(Method(window="fixed", start=3, size=3), GRID)
    assert fixed.trained == (3, 4, 5)
    assert fixed.noisy == (False,) * 3 + (True,) * 3 + (False,) * 4
    assert plan(Method(window="fixed", size=3), GRID) == first
    sliding = Method(window="sliding", size=4, every=5)
    starts = [plan(sliding, GRID, iteration=i).trained[0] for i in range(0, 40, 5)]
    assert starts == [0, 1, 2, 3, 4, 5, 0, 1]
    drawn = [plan(Method(window="random", size=2), GRID, i, seed=3).trained for i in range(200)]
    assert {w[0] for w in drawn} == set(range(8))
    assert all(w == (w[0], w[0] + 1) for w in drawn)
    assert drawn == [
        plan(Method(window="random", size=2), GRID, i, seed=3).trained for i in range(200)
    ]


@pytest.mark.parametrize(
    ("between", "starts"),
    [
        ({"end": 5}, range(4)),
        ({"start": 2, "end": 6}, range(2, 5)),
        ({"start": 2, "end": 4}, [2]),
        ({"start": 7}, [7]),
        ({"start": 7, "end": 10}, [7]),  # the last step is left out
        ({"start": 7, "end": 10, "skip_last": False}, [7, 8]),
        ({"start": 8}, [8]),
    ],
)
def test_a_window_is_drawn_among_the_steps_that_are_named(between, starts):
    method = Method(window="random", size=2).but(**between)
    drawn = {plan(method, GRID, i).noisy.index(True) for i in range(100)}
    assert drawn == set(starts)


def test_the_exact_kernels_forget_the_noise_on_the_way_to_the_data():
    for name in ("exact", "exact_constant"):
        last = kernel(Method(kernel=name), 0.5, -0.25, Step(0.25, 0.0))
        assert (last.mean, last.std) == (0.5 + 0.25 * 0.25, 0)
        assert plan(Method(kernel=name, skip_last=False), GRID).noisy[-1] is False


def test_the_exact_kernels_take_levels_as_tensors_the_last_among_them():
    x, v = draw(3, 2), draw(3, 2, seed=1)
    t = torch.tensor([[0.75], [0.5], [0.25]], dtype=torch.float64)
    for name in ("exact", "exact_constant"):
        method = Method(kernel=name)
        whole = kernel(method, x, v, Step(t, t - 0.25))
        for i in range(3):
            at = float(t[i])
            one = kernel(method, x[i], v[i], Step(at, at - 0.25))
            assert torch.allclose(whole.mean[i], one.mean, rtol=0, atol=1e-15)
            assert float(whole.std[i]) == pytest.approx(float(one.std), abs=1e-15)


def test_with_little_noise_both_exact_kernels_are_the_flow():
    x, v = draw(2, 3), draw(2, 3, seed=1)
    for name in ("exact", "exact_constant"):
        little = kernel(Method(kernel=name, noise=1e-4), x, v, STEP)
        assert little.std < 1e-4
        assert torch.allclose(little.mean, x - 0.125 * v, atol=1e-7)


def test_precise_is_the_exact_kernel_with_every_steps_gradient_alike():
    """arXiv:2605.23522 by its code: η = 1.5, GRPO-Guard's ratio, divided by the sensitivity."""
    method = PRESETS["precise"]
    assert (method.kernel, method.noise, method.ratio, method.limit) == (
        "exact", 1.5, "guard", 4e-6,
    )  # fmt: skip
    made, far = plan(method, GRID), levers(method, GRID)
    assert [w * far[i] for i, w in zip(made.trained, made.weights, strict=True)] == pytest.approx(
        [1.0] * len(made.trained)
    )


def test_steps_without_noise_are_never_trained():
    cps = plan(Method(kernel="cps", noise=0.8, skip_last=False), GRID)
    assert cps.noisy[-1] is False
    assert cps.trained == tuple(range(9))


def test_weights_of_steps():
    assert plan(Method(weight="guard"), GRID).weights[8] == pytest.approx(1 / GRID.steps[8].h)
    temp = plan(Method(weight="tempflow"), GRID).weights
    assert sum(temp) / 9 == pytest.approx(1)
    level = plan(Method(weight="levelled"), GRID)
    spread, sensitivity = stds(Method(), GRID), levers(Method(), GRID)
    assert level.weights == pytest.approx([spread[i] / sensitivity[i] for i in range(9)], rel=1e-12)


def test_the_levelled_weight_makes_gradients_of_one_size():
    method = Method(weight="levelled", skip_last=False)
    made, x = plan(method, GRID), draw(1, 5)
    noise = draw(1, 5, seed=4)
    for i, w in zip(made.trained, made.weights, strict=True):
        v = draw(1, 5, seed=1).requires_grad_()
        law = kernel(method, x, v, GRID.steps[i])
        x_s = gaussian.sample(law.mean.detach(), law.std, noise)
        (slope,) = torch.autograd.grad(w * log_prob(method, law, x_s).sum(), v)
        assert torch.allclose(slope, -noise, rtol=1e-9)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kernel": "flow_grp"}, "did you mean 'flow_grpo'"),
        ({"nois": 1.0}, "did you mean 'noise'"),
        ({"noise": 0.0}, "noise must be positive"),
        ({"kernel": "cps", "noise": 1.2}, "at most 1"),
        ({"ratio": "guard"}, "reduction='average'"),
        ({"kl": "none", "beta": 0.1}, "choose one"),
        ({"kernel": "exact", "kl": "without_h"}, "use 'steps'"),
        ({"ddof": 2}, "ddof must be 0 or 1"),
        ({"limit": float("nan")}, "limit must be a finite number, got nan"),
        ({"advantage_bound": 0.0}, "advantage_bound must be positive"),
        ({"clamp_at": 1.0}, "clamp_at must lie"),
        ({"size": 0}, "size must be at least 1"),
        ({"start": 2}, "start=2 says where window='fixed' begins"),
        ({"start": -1, "window": "fixed"}, "0 or later"),
        ({"start": 1, "window": "sliding"}, "window is 'sliding'"),
        ({"end": 5}, "end=5 ends the steps that window='random' draws from; window is 'all'"),
        ({"end": 4, "start": 2, "window": "random"}, "3 steps does not fit between start=2 and"),
    ],
)
def test_bad_choices_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        Method().but(**changes)


def test_what_is_missing_is_named():
    with pytest.raises(ValueError, match="did you mean 'tempflow'"):
        preset("tempflo")
    with pytest.raises(ValueError, match="does not fit T=10"):
        plan(Method(window="first", size=11), GRID)
    with pytest.raises(ValueError, match="3 steps from step 8 does not fit T=10"):
        plan(Method(window="fixed", start=8), GRID)
    with pytest.raises(ValueError, match="end=11 lies beyond the last of T=10 steps"):
        plan(Method(window="random", end=11), GRID)
    with pytest.raises(ValueError, match="no step is left to train"):
        plan(Method(window="first", size=1), grids.uniform(1))
    x = draw(2, 3)
    law = kernel(Method(), x, x, STEP)
    one = torch.ones(2, dtype=torch.float64)
    with pytest.raises(ValueError, match="needs reference"):
        terms(Method(beta=1.0), law, law, x, one)
    with pytest.raises(ValueError, match="needs velocities"):
        terms(Method(beta=1.0, kl="velocity"), law, law, x, one)
    with pytest.raises(ValueError, match="needs the step"):
        terms(preset("flow_grpo"), law, law, x, one, reference=law)


def test_presets_are_all_valid_and_distinct():
    seen = {tuple(dataclasses.asdict(m).items()) for m in PRESETS.values()}
    assert len(seen) == len(PRESETS)


@pytest.mark.covers("policy.total", "policy.average", "gaussian.log_prob")
@pytest.mark.parametrize("reduction", ["total", "average"])
@pytest.mark.parametrize("shape", [(), (3, 1, 1), (3, 4, 5)])
def test_a_sample_is_scored_as_all_of_its_coordinates_are(reduction, shape):
    draw = torch.Generator().manual_seed(0)
    mean, x_s = torch.randn(2, 3, 4, 5, generator=draw, dtype=torch.float64)
    mean.requires_grad_(True)
    law = Gaussian(mean, torch.rand(shape, generator=draw, dtype=torch.float64) + 0.5)
    reduce = policy.total if reduction == "total" else policy.average
    got, want = log_prob(Method(reduction=reduction), law, x_s), reduce(law.log_prob(x_s))
    torch.testing.assert_close(got, want, rtol=1e-14, atol=0)
    slopes = [torch.autograd.grad(each.sum(), mean, retain_graph=True) for each in (got, want)]
    torch.testing.assert_close(*slopes, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 4, 5)])
@pytest.mark.parametrize("kind", ["a number", "a tensor", "one a sample"])
def test_a_sample_scored_in_one_pass_is_rounded_as_its_residuals_are_and_no_more(kind, shape):
    """Of float32 coordinates that lie on their mean the score is known to float64."""
    one = {"a tensor": (), "one a sample": (2,) + (1,) * (len(shape) - 1)}
    std = 0.3 if kind == "a number" else torch.full(one[kind], 0.3)
    x_s = torch.ones(shape)
    want = -math.log(std if kind == "a number" else std.max().item()) - math.log(2 * math.pi) / 2
    got = log_prob(Method(reduction="average"), Gaussian(x_s, std), x_s)
    assert got.tolist() == pytest.approx([want, want], rel=1e-14)


def test_scoring_refuses_what_a_density_refuses():
    x_s = torch.zeros(2, 3)
    with pytest.raises(ValueError, match="a step without noise has no density"):
        log_prob(Method(), Gaussian(x_s, 0.0), x_s)
    with pytest.raises(ValueError, match="must be finite"):
        log_prob(Method(), Gaussian(x_s, 1.0), x_s + torch.nan)


def test_a_step_changes_nothing_that_it_is_given():
    law = affine(Method(), grids.from_levels([0.75, 0.5, 0.0]))[0]
    x, v, noise = torch.randn(3, 2, 4, generator=torch.Generator().manual_seed(0))
    before = [one.clone() for one in (x, v, noise)]
    x_s = law.law(x, v).sample(noise)
    law.drawn(x, x_s, v)
    assert all(torch.equal(one, was) for one, was in zip((x, v, noise), before, strict=True))
