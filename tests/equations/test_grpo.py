"""Facts about GRPO: groups, equal rewards, the clip in every branch, the sign of the KL."""

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from refimpl.equations import grpo

rows = st.lists(st.lists(st.integers(-32, 32).map(lambda k: k / 8), min_size=4, max_size=4),
                min_size=2, max_size=3)  # fmt: skip


@pytest.mark.covers("grpo.advantage")
@given(rows, st.sampled_from([0, 1]))
def test_advantages_have_mean_zero_and_unit_std_in_their_group(values, ddof):
    rewards = np.array(values)
    a = grpo.advantage(rewards, std="group", ddof=ddof, eps=0.0)
    for row, advantages in zip(rewards, a, strict=True):
        assert abs(advantages.sum()) < 1e-13  # four numbers below 2, rounded at the reward's size
        if len(set(row)) == 1:
            assert advantages.tolist() == [0.0] * 4
        else:
            assert advantages.std(ddof=ddof) == pytest.approx(1, rel=1e-13)
            assert (np.argsort(row, kind="stable") == np.argsort(advantages, kind="stable")).all()


@pytest.mark.covers("grpo.advantage")
@given(rows, st.integers(-8, 8), st.integers(1, 8))
def test_group_advantages_ignore_the_scale_and_origin_of_rewards(values, shift, scale):
    rewards = np.array(values)
    for std in ("group", "batch"):
        assume(len(np.unique(rewards)) > 1)
        a = grpo.advantage(rewards, std=std, ddof=0, eps=0.0)
        b = grpo.advantage(rewards * scale + shift, std=std, ddof=0, eps=0.0)
        assert np.allclose(a, b, rtol=1e-12, atol=1e-12)


@pytest.mark.covers("grpo.advantage")
def test_advantages_by_hand():
    rewards = np.array([[1.0, 3.0], [2.0, 6.0]])
    options = {"eps": 0.0}
    assert grpo.advantage(rewards, std="group", ddof=0, **options).tolist() == [[-1, 1], [-1, 1]]
    assert grpo.advantage(rewards, std="none", ddof=0, **options).tolist() == [[-1, 1], [-2, 2]]
    # deviations from 3: −2, 0, −1, 3, whose squares add up to 14
    batch = grpo.advantage(rewards, std="batch", ddof=0, **options)
    assert np.allclose(
        batch, [[-1 / 3.5**0.5, 1 / 3.5**0.5], [-2 / 3.5**0.5, 2 / 3.5**0.5]], rtol=1e-15
    )
    one = grpo.advantage(rewards, std="batch", ddof=1, **options)
    assert np.allclose(one, batch * (3 / 4) ** 0.5, rtol=1e-15)
    group = grpo.advantage(rewards, std="group", ddof=1, **options)
    assert np.allclose(group, [[-(0.5**0.5), 0.5**0.5]] * 2, rtol=1e-15)


@pytest.mark.covers("grpo.advantage")
def test_eps_is_added_to_the_std_and_not_in_none():
    rewards = np.array([[1.0, 3.0]])
    assert grpo.advantage(rewards, std="group", ddof=0, eps=1.0).tolist() == [[-0.5, 0.5]]
    assert grpo.advantage(rewards, std="none", ddof=0, eps=1.0).tolist() == [[-1, 1]]


@pytest.mark.covers("grpo.advantage")
@pytest.mark.parametrize("convert", [np.array, torch.tensor])
@pytest.mark.parametrize("std", ["group", "batch", "none"])
@pytest.mark.parametrize("value", [0.1, 0.0, -3.7])
def test_a_group_of_equal_rewards_gives_exact_zeros(convert, std, value):
    rewards = convert([[value] * 3, [value] * 3])
    a = grpo.advantage(rewards, std=std, ddof=1, eps=0.0)
    assert a.tolist() == [[0.0] * 3] * 2


@pytest.mark.covers("grpo.advantage")
def test_one_equal_group_does_not_silence_its_neighbour():
    a = grpo.advantage(np.array([[0.1, 0.1], [1.0, 3.0]]), std="group", ddof=0, eps=0.0)
    assert a.tolist() == [[0, 0], [-1, 1]]


@pytest.mark.covers("grpo.advantage")
@pytest.mark.parametrize(
    ("rewards", "options", "words"),
    [
        (np.ones((3, 1)), {}, r"G >= 2 \(a group of one has no baseline\), got shape \(3, 1\)"),
        (np.ones(3), {}, r"\(prompts, G\)"),
        (np.ones((2, 2, 2)), {}, r"got shape \(2, 2, 2\)"),
        (np.ones((2, 2)), {"std": "rows"}, "std='rows', ddof=0"),
        (np.ones((2, 2)), {"ddof": 2}, "std='group', ddof=2"),
    ],
)
def test_a_group_needs_company_and_options_are_spelled_out(rewards, options, words):
    with pytest.raises(ValueError, match=words):
        grpo.advantage(rewards, **({"std": "group", "ddof": 0, "eps": 0.0} | options))


@pytest.mark.covers("grpo.bounded")
@pytest.mark.parametrize("kind", [float, torch.tensor, np.array])
def test_bounds_hold_on_both_sides_and_leave_the_rest(kind):
    for advantage, want in ((-7.0, -5.0), (-5.0, -5.0), (4.5, 4.5), (5.5, 5.0)):
        assert float(grpo.bounded(kind(advantage), 5.0)) == want
    with pytest.raises(ValueError, match="limit must be positive"):
        grpo.bounded(kind(1.0), 0.0)


@pytest.mark.covers("grpo.surrogate")
@pytest.mark.parametrize(
    ("ratio", "advantage", "want"),
    [
        (0.5, 2.0, 1.0), (0.5, -2.0, -1.5), (1.0, 2.0, 2.0), (1.0, -2.0, -2.0),
        (1.5, 2.0, 2.5), (1.5, -2.0, -3.0), (1.25, 2.0, 2.5), (0.75, -2.0, -1.5), (7.0, 0.0, 0.0),
    ],
)  # fmt: skip
def test_the_surrogate_in_every_branch(ratio, advantage, want):
    assert grpo.surrogate(ratio, advantage, 0.25) == want
    tensors = (torch.tensor([x], dtype=torch.float64) for x in (ratio, advantage, 0.25))
    assert grpo.surrogate(*tensors).item() == want


@pytest.mark.covers("grpo.surrogate")
@pytest.mark.parametrize(
    ("ratio", "advantage", "want"),
    [(0.5, 2.0, 2.0), (0.5, -2.0, 0.0), (1.0, 2.0, 2.0), (1.5, 2.0, 0.0), (1.5, -2.0, -2.0)],
)
def test_the_gradient_vanishes_just_where_the_clip_binds(ratio, advantage, want):
    r = torch.tensor(ratio, requires_grad=True)
    grpo.surrogate(r, torch.tensor(advantage), 0.25).backward()
    assert r.grad == want


@pytest.mark.covers("grpo.objective")
def test_the_kl_is_paid_for():
    assert grpo.objective(surrogate=2.0, kl=3.0, beta=0.5) == 0.5
    assert grpo.objective(surrogate=2.0, kl=3.0, beta=0.0) == 2.0


@pytest.mark.covers("grpo.leave_one_out")
def test_leaving_oneself_out_is_the_difference_from_the_others_mean():
    found = grpo.leave_one_out(np.array([[1.0, 2.0, 6.0], [0.5, 0.5, 0.5]]))
    assert found.tolist() == [[-3.0, -1.5, 4.5], [0.0, 0.0, 0.0]]
