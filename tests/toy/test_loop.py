"""The toy loop's parts: what is replayed is what was drawn, and a state is all of it."""

import copy
import operator

import pytest
import torch

from refimpl.methods import plan, stds
from refimpl.toy import gaussian_1d
from refimpl.toy.grpo import EXACT, line, loop, watching
from refimpl.toy.grpo.rollouts import roll
from refimpl.toy.grpo.settings import Settings

LAW = gaussian_1d()
BASE = Settings(EXACT.but(advantage_std="group"), groups=6, group=4, T=5, learning_rate=0.05)


def trainer(**changes):
    settings = BASE.but(**changes)
    return loop.Trainer(line.problem(LAW, lambda x, y: x[:, 0], settings.grid), settings)


WINDOW = {"window": "fixed", "start": 2, "size": 2}


def rolled(**changes):
    made = trainer(**changes)
    return made, made.roll(torch.zeros(24, dtype=torch.int64))


def test_only_the_steps_of_the_window_draw_noise():
    made, run = rolled(**WINDOW)
    noisy = (False, False, True, True, False)
    assert run.plan.noisy == noisy
    assert tuple(std > 0 for std in run.stds) == noisy
    for i, drew in enumerate(noisy):
        moved = (run.states[i + 1] - run.means[i]).abs().max()
        assert (float(moved) > 0) == drew
    assert made.problem.d == 1


def test_steps_carry_the_stds_and_weights_of_the_window():
    """Not of the first steps, and not all one."""
    made, run = rolled(**WINDOW, weight="tempflow")
    steps, settings = run.steps(), made.settings
    spread = stds(settings.method, settings.grid)
    planned = plan(settings.method, settings.grid)
    assert planned.trained == (2, 3)
    assert steps.by_step(steps.old.std[:, 0])[:, 0].tolist() == pytest.approx(list(spread[2:4]))
    assert steps.by_step(steps.weight)[:, 0].tolist() == pytest.approx(list(planned.weights))
    assert len({*planned.weights}) == 2
    levels = [settings.grid.steps[i] for i in (2, 3)]
    assert steps.by_step(steps.step.t[:, 0])[:, 0].tolist() == pytest.approx([s.t for s in levels])
    assert steps.by_step(steps.step.s[:, 0])[:, 0].tolist() == pytest.approx([s.s for s in levels])


def test_one_of_the_steps_is_its_rows_and_no_others():
    made, run = rolled(**WINDOW, weight="tempflow")
    whole = run.steps()
    for k in range(2):
        one = whole.only(k)
        assert one.K == 1
        for name in ("x", "x_s", "labels", "weight", "step.t", "step.s", "old.mean", "old.std"):
            read = operator.attrgetter(name)
            assert torch.equal(read(one).flatten(), whole.by_step(read(whole))[k]), name
        assert torch.equal(
            one.law(made.settings.method, one.velocity(made.policy)).std, one.old.std
        )


def test_a_weight_scales_its_steps_objective():
    made, run = rolled(**WINDOW, weight="tempflow", beta=0.0)
    advantages = torch.linspace(-1, 1, 24, dtype=torch.float64)
    weighted = made.terms(run.steps(), advantages)[1].objective.reshape(2, -1)
    plain = trainer(**WINDOW, beta=0.0)
    plain.policy.load_state_dict(made.policy.state_dict())
    flat = plain.terms(run.steps(), advantages)[1].objective.reshape(2, -1)
    torch.testing.assert_close(weighted, flat)  # the weight travels with the rollout
    bare = torch.stack([advantages, advantages])  # ratio one
    torch.testing.assert_close(weighted, torch.tensor(run.plan.weights)[:, None].double() * bare)


def test_a_restored_run_goes_on_to_the_bit():
    """Policy, average, optimiser and the generator: each of them is read again."""
    first = trainer(average=0.9, minibatches=2)
    first.iterate()
    state = copy.deepcopy(first.state())
    wanted = [first.iterate().reward for _ in range(2)]
    second = trainer(average=0.9, minibatches=2, seed=5)  # another generator, to be replaced
    second.restore(state)
    assert second.done == 1
    assert [second.iterate().reward for _ in range(2)] == wanted
    for name in ("policy", "average"):
        for a, b in zip(
            getattr(first, name).parameters(), getattr(second, name).parameters(), strict=True
        ):
            assert torch.equal(a, b)


@pytest.mark.parametrize(("groups", "half"), [(6, 3), (7, 3), (2, 1)])
def test_the_signal_compares_two_halves_of_one_size_that_share_nothing(monkeypatch, groups, half):
    seen = []

    def listen(objective, halves, parameters):
        seen.extend(halves)
        return ()

    monkeypatch.setattr(watching, "signal", listen)
    made = trainer(groups=groups, signal=1)
    made.iterate()
    (one, a), (other, b) = seen
    assert len(a) == len(b) == 4 * half
    ends = torch.cat([one.ends, other.ends])
    assert len(torch.unique(ends)) == len(ends) == 8 * half


def test_the_signal_is_1_where_the_halves_agree_and_minus_1_where_they_are_opposed():
    """Without a KL a gradient at the policy that sampled is linear in the advantages."""
    made, run = rolled(**WINDOW, beta=0.0)
    made.policy.register_parameter("unused", torch.nn.Parameter(torch.zeros(3).double()))
    advantages = torch.linspace(-1, 1, 24, dtype=torch.float64)
    for sign in (1, -1):
        found = watching.signal(
            lambda steps, a: made.terms(steps, a)[1].objective,
            [(run, advantages), (run, sign * advantages)],
            list(made.policy.parameters()),
        )
        assert found == pytest.approx((sign, sign))


def test_a_signal_is_read_as_often_as_it_is_asked_for():
    made = trainer(signal=3)
    assert [bool(made.iterate().signal) for _ in range(7)] == [k % 3 == 0 for k in range(7)]


def test_an_iteration_tells_its_first_update_and_what_was_clipped_in_its_last_epoch():
    made, updates = trainer(minibatches=3, epochs=2, learning_rate=0.3), []
    climb = made.climb

    def listened(*given):
        updates.append(climb(*given))
        return updates[-1]

    made.climb = listened
    found, first = made.iterate(), updates[0]
    assert len(updates) == 6
    assert (found.objective, found.norm, found.kl) == (first.objective, first.norm, first.kl)
    assert found.ratio_gap == float((first.ratio - 1).abs().max())
    assert found.reward == pytest.approx(float(found.rollout.ends.mean()))
    shares = [update.clipped for update in updates]
    assert found.clipped == pytest.approx(sum(shares[3:]) / 3)
    assert found.clipped > sum(shares[:3]) / 3 > 0
    (reading,) = (r for r in found.readings if r.name == "clipped")
    assert reading.value == found.clipped


def test_an_average_follows_by_its_decay():
    made = trainer(average=0.75)
    before = copy.deepcopy(made.policy.state_dict())
    made.iterate()
    for name, now in made.policy.state_dict().items():
        torch.testing.assert_close(
            made.average.state_dict()[name], 0.75 * before[name] + 0.25 * now
        )


def test_rollouts_take_their_noise_from_the_generator_they_are_given():
    made = trainer()
    start, labels = torch.zeros(4, 1, dtype=torch.float64), torch.zeros(4, dtype=torch.int64)
    settings = made.settings
    planned = plan(settings.method, settings.grid)
    ends = [
        roll(made.policy, start, labels, settings.method, planned, settings.grid,
             torch.Generator().manual_seed(seed)).ends
        for seed in (1, 1, 2)
    ]  # fmt: skip
    assert torch.equal(ends[0], ends[1])
    assert not torch.equal(ends[0], ends[2])
