"""The parts that the toy loop is put together from, each by hand: policies, the line, the plane."""

import pytest
import torch
from torch import nn

from refimpl.simulate import grids
from refimpl.toy import gaussian_1d
from refimpl.toy.grpo import EXACT, Corrected, ExactField, Settings, Shifted, exact, line, plane
from refimpl.toy.grpo.exact import Affine, Linear
from refimpl.toy.mixture import Mixture


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def rows(*values):
    return torch.tensor(values, dtype=torch.float64)


def test_every_label_of_the_plane_has_its_own_reward():
    made = plane.Plane(plane.three().law, rows([1, 0], [0, 2], [-1, 3]))
    x, y = rows([4, 5], [4, 5], [4, 5], [1, 0]), torch.tensor([0, 1, 2, 2])
    assert made.reward(x, y).tolist() == [4, 10, 11, -1]


def test_a_mean_reward_counts_every_label_alike():
    made = plane.three()
    means = rows([1, 0], [0, 1], [2, 2])
    laws = tuple(Mixture(rows(1), m[None], torch.ones_like(m)[None]) for m in means)
    by_hand = plane.Plane(made.law, rows([3, 0], [0, 6], [1, 2]))
    assert by_hand.mean_reward(laws) == pytest.approx((3 + 6 + 6) / 3)
    with pytest.raises(ValueError, match="argument 2 is shorter"):
        by_hand.mean_reward(laws[:2])
    with pytest.raises(ValueError, match="argument 2 is shorter"):
        plane.Plane(made.law, made.slopes[:2]).optimum(1.0)


def test_every_label_is_asked_for_its_rarer_mode():
    """One further along the line through both is worth one more."""
    made = plane.three()
    for label, law in enumerate(made.law.given):
        y, (common, rare) = torch.tensor([label, label]), law.weights.argsort(descending=True)
        ends = law.means[[int(common), int(rare)]]
        worth = made.reward(ends, y)
        assert float(worth[1] - worth[0]) == pytest.approx(float((ends[1] - ends[0]).norm()))


def size(problem):
    return [tuple(p.shape) for p in problem.policy.parameters()]


def test_the_network_of_the_plane_is_as_large_as_is_asked_and_follows_from_its_generator():
    made = plane.three()
    small, deep = (made.problem(generator(), width=8, depth=d) for d in (1, 2))
    wide = made.problem(generator(), width=16, depth=1)
    assert len(size(small)) < len(size(deep))
    assert size(small) != size(wide)
    assert size(made.problem(generator())) == size(made.problem(generator(), width=64, depth=2))
    before = torch.get_rng_state()
    again, other = (made.problem(generator(seed), width=8, depth=1) for seed in (0, 1))
    assert torch.equal(torch.get_rng_state(), before)
    found = [nn.utils.parameters_to_vector(p.policy.parameters()) for p in (small, again, other)]
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


def test_the_distance_is_the_mean_over_labels_of_each_to_its_own_law():
    """Of points from points it is twice the way: 3 and 5 here, and 0."""
    at = rows([0, 0], [10, 0], [0, 10])
    laws = tuple(Mixture(rows(1), m[None], torch.zeros_like(m)[None]) for m in at)
    y = torch.arange(3).repeat_interleave(4)
    x = at[y] + rows([3, 0], [0, 5], [0, 0])[y]
    assert plane.distance(x, y, laws, generator()) == pytest.approx(2 * (3 + 5 + 0) / 3)


def test_a_distance_draws_from_its_generator_alone():
    laws, before = plane.three().law.given, torch.get_rng_state()
    x, y = torch.zeros(12, 2, dtype=torch.float64), torch.arange(3).repeat_interleave(4)
    found = [plane.distance(x, y, laws, generator(seed)) for seed in (0, 0, 1)]
    assert found[0] == found[1] != found[2]
    assert torch.equal(torch.get_rng_state(), before)


class Said(nn.Module):
    """x + 10 t + 100 y."""

    def forward(self, x, t, y):
        return x + (10 * t + 100 * y)[:, None]


def test_what_is_learnt_is_added_to_what_is_known_by_label_and_level():
    reference = ExactField((gaussian_1d(), gaussian_1d()))
    x, t, y = rows([0.5], [1.5]), rows(0.25, 0.75), torch.tensor([0, 1])
    found = Corrected(reference, Said())(x, t, y)
    torch.testing.assert_close(found - reference(x, t, y), rows([3], [109]))


@pytest.mark.parametrize("T", [1, 10, 28])
def test_every_step_has_its_own_shift_and_slope_to_its_very_level_and_between(T):
    grid, reference = grids.uniform(T), ExactField((gaussian_1d(),))
    shifted, affine = Shifted(reference, grid), Affine(gaussian_1d(), grid)
    numbers = torch.arange(1, T + 1, dtype=torch.float64)
    with torch.no_grad():
        for values, factor in ((shifted.shift, 1), (affine.b, 10), (affine.c, 100)):
            values.copy_(factor * numbers)
    x, y = torch.full((T, 1), 0.5, dtype=torch.float64), torch.zeros(T, dtype=torch.int64)
    levels = torch.tensor(grid.levels, dtype=torch.float64)
    for t in (levels[:-1], (levels[:-1] + levels[1:]) / 2):
        known = reference(x, t, y)
        torch.testing.assert_close(shifted(x, t, y) - known, numbers[:, None])
        torch.testing.assert_close(affine(x, t, y) - known, (10 + 100 * 0.5) * numbers[:, None])


@pytest.mark.parametrize("group", [2, 16])
def test_the_line_leads_where_the_best_policy_for_the_centred_reward_does(group):
    """Backwards through the chain in the place of the closed form."""
    settings = Settings(EXACT.but(beta=0.8), group=group, T=5)
    with torch.no_grad():
        reference = exact.chain(Affine(gaussian_1d(), settings.grid), EXACT, settings.grid)
        best = exact.best(reference, Linear(0.7 * (group - 1) / group), 0.8)
        mean, variance = best.moments()
    found = line.predicted(gaussian_1d(), 0.7, settings)
    assert found.mean == pytest.approx(float(mean[-1]), rel=1e-12)
    assert found.std == pytest.approx(float(variance[-1]) ** 0.5, rel=1e-12)


def test_what_a_policy_costs_is_told_for_each_number_of_steps():
    """Golden variances of N(1.5, 0.25) without noise and with a = 0.7 at ten steps."""
    found = line.cost(ExactField((gaussian_1d(),)), EXACT.but(noise=0.7), (10, 40))
    assert [*found] == [10, 40]
    assert found[10].std ** 2 == pytest.approx(0.2300, abs=5e-5)
    assert found[10].mean == pytest.approx(found[40].mean) == pytest.approx(1.5)
    assert abs(found[40].std - 0.5) < abs(found[10].std - 0.5) / 3


def test_training_tells_each_iteration_as_it_is_done():
    told, settings = [], Settings(groups=4, group=2, iterations=3, T=4)
    _, history, shifts = line.train(
        gaussian_1d(), lambda x: x[:, 0], settings, lambda i, measured: told.append((i, measured))
    )
    assert told == [*enumerate(history)]
    assert len(shifts) == 3


@pytest.mark.parametrize(("count", "mean"), [(1, 0), (4, 2.5), (5, 3), (6, 4)])
def test_the_second_half_of_the_iterates_is_averaged(count, mean):
    shifts = [torch.full((2,), float(i)) for i in range(count)]
    assert line.averaged(shifts).tolist() == [mean, mean]
