"""Methods at the edges of what they accept: limits, defaults, words of refusals, values of zero."""

import pytest
import torch

from refimpl.equations import Gaussian, Step
from refimpl.methods import Affine, Method, between, plan, preset, terms, weighed
from refimpl.methods.loss import Between, penalty
from refimpl.methods.steps import diffusion
from refimpl.simulate import grids

GRID = grids.uniform(10)
ZERO = torch.zeros(2, 3, dtype=torch.float64)
SOME = torch.tensor([0.3, -2.0], dtype=torch.float64)


def starts(method, grid=GRID, count=12):
    return [plan(method, grid, iteration=i).trained[0] for i in range(count)]


def test_equal_weights_are_one():
    assert plan(Method(), GRID).weights == (1.0,) * 9


def test_a_sliding_window_visits_every_place_where_it_fits():
    """Without the last step it has one place less; as wide as the grid it has one place."""
    slide = Method(window="sliding", size=4, every=1)
    assert starts(slide) == [0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5]
    assert starts(slide.but(skip_last=False)) == [0, 1, 2, 3, 4, 5, 6, 0, 1, 2, 3, 4]
    for skip_last in (True, False):
        whole = slide.but(size=10, skip_last=skip_last)
        assert starts(whole, count=3) == [0, 0, 0]
        assert plan(whole, GRID).trained == tuple(range(9 if skip_last else 10))
    assert {*starts(slide.but(window="random", skip_last=False), count=300)} == set(range(7))


def test_a_plan_without_iteration_and_seed_is_the_first_of_seed_zero():
    slide, drawn = (Method(window=w, size=1, every=1) for w in ("sliding", "random"))
    assert plan(slide, GRID) == plan(slide, GRID, 0)
    long = grids.uniform(1000)
    assert plan(drawn, long) == plan(drawn, long, 0, 0)
    first, second = ([plan(drawn, GRID, i, seed).trained for i in range(20)] for seed in (0, 1))
    assert first != second


def test_a_window_that_does_not_fit_says_from_where():
    with pytest.raises(ValueError, match=r"^a window of 11 steps does not fit T=10: reduce size$"):
        plan(Method(window="first", size=11), GRID)


def test_without_a_trust_region_the_surrogate_is_the_product_and_nothing_is_stopped():
    none = Method(trust="none")
    made = weighed(none, Between(SOME, 0 * SOME, 1.0), SOME)
    torch.testing.assert_close(made.objective, SOME.exp() * SOME)
    assert made.stopped.dtype == torch.bool
    assert not made.stopped.any()
    assert torch.equal(made.kl, 0 * SOME)


@pytest.mark.parametrize("trust", ["clip", "none", "divergence"])
def test_a_ratio_that_underflows_is_zero_and_no_nan(trust):
    far = torch.full((2,), -1e4, dtype=torch.float64)
    made = weighed(Method(trust=trust), Between(far, 0 * far, 1.0), SOME.abs())
    assert torch.equal(made.objective, 0 * far)
    assert torch.equal(made.kl, 0 * far)
    assert not made.stopped.isnan().any()


def test_a_step_that_did_not_move_has_no_kl_and_ratio_one():
    guard = Method(reduction="average", ratio="guard")
    law = Gaussian(ZERO, 0.5)
    same = terms(guard, law, law, ZERO, SOME)
    torch.testing.assert_close(same.ratio, torch.ones(2, dtype=torch.float64))
    still = between(guard, Affine(1.0, -0.1, 0.5), ZERO, ZERO + 1)
    assert torch.equal(still.kl, torch.zeros(2, dtype=torch.float64))
    assert torch.equal(still.log_ratio, torch.zeros(2, dtype=torch.float64))


def test_a_weight_that_is_not_given_is_one():
    law = Gaussian(ZERO, 0.5)
    torch.testing.assert_close(terms(Method(), law, law, ZERO, SOME).objective, SOME)
    torch.testing.assert_close(
        weighed(Method(), Between(0 * SOME, SOME, 1.0), SOME).objective, SOME
    )


def test_a_penalty_on_velocities_needs_them_though_a_reference_is_there():
    law = Gaussian(ZERO, 0.5)
    with pytest.raises(ValueError, match=r"^beta=0.5 with kl='velocity' needs velocities$"):
        penalty(Method(kl="velocity", beta=0.5), law, ZERO, reference=law)
    assert penalty(Method(kl="velocity"), law, ZERO, reference=law) is None
    with pytest.raises(ValueError, match=r"^kl='without_h' divides by g and needs the step$"):
        penalty(Method(kl="without_h"), law, ZERO, reference=law)


def test_limits_themselves_are_accepted():
    assert Method(kernel="cps", noise=1.0).noise == 1.0
    assert Method(kernel="constant", kl="without_h").kl == "without_h"
    assert (Method(limit=0.0).limit, Method(beta=0.0).beta, Method(eps=0.0).eps) == (0, 0, 0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"clamp_at": 0.0}, r"clamp_at must lie in \(0, 1\), got 0.0"),
        ({"limit": -1.0}, "limit must be zero or positive, got -1.0"),
        ({"beta": -0.5}, "beta must be zero or positive, got -0.5"),
        ({"eps": -1e-8}, "eps must be zero or positive, got -1e-08"),
        ({"noise": -1.0}, "noise must be positive, got -1.0: without noise a step has no "
            "likelihood, and nothing can be trained"),
        ({"ratio": "guard"}, "ratio='guard' is defined on averaged log-probabilities: "
            "set reduction='average', got 'total'"),
        ({"trust": "zzz"}, "trust must be one of 'clip', 'divergence', 'none', got 'zzz'"),
        ({"trust": "clp"}, "trust must be one of 'clip', 'divergence', 'none', got 'clp'; "
            r"did you mean 'clip'\?"),
    ],
)  # fmt: skip
def test_refusals_are_whole_sentences(changes, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        Method(**changes)


def test_unknown_names_say_what_they_are_no_name_of():
    with pytest.raises(
        ValueError, match=r"^a setting of a method must be one of 'kernel', 'noise'"
    ):
        Method().but(zzz=1)
    with pytest.raises(ValueError, match=r"^a preset must be one of 'paper', 'flow_grpo', "):
        preset("zzz")
    with pytest.raises(ValueError, match=r"^kernel='cps' has no g$"):
        diffusion(Method(kernel="cps", noise=0.5), Step(0.5, 0.4))
