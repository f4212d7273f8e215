"""The toy loop's parts: what is replayed is what was drawn, and a state is all of it."""

import copy
import math
import operator
from dataclasses import replace

import pytest
import torch

from refimpl.equations import kl, sde
from refimpl.methods import levers, plan, stds
from refimpl.toy import gaussian_1d
from refimpl.toy.grpo import EXACT, judge, line, loop, plane, watching
from refimpl.toy.grpo.rollouts import roll
from refimpl.toy.grpo.settings import Settings
from refimpl.toy.networks import MLP

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


def test_the_reference_is_never_trained_and_without_a_decay_the_average_is_the_policy():
    network = MLP(1, width=8, depth=1, labels=1).double()
    problem = replace(line.problem(LAW, lambda x, y: x[:, 0], BASE.grid), reference=network)
    assert all(parameter.requires_grad for parameter in network.parameters())
    made = loop.Trainer(problem, BASE)
    assert not any(parameter.requires_grad for parameter in made.reference.parameters())
    assert made.average is made.policy


def test_a_window_that_is_drawn_anew_follows_from_iteration_and_seed():
    settings = {"window": "random", "size": 1, "T": 28}
    for seed in (0, 7):
        made = trainer(**settings, seed=seed)
        found = [made.iterate().rollout.plan.trained for _ in range(3)]
        s = made.settings
        assert found == [plan(s.method, s.grid, i, seed).trained for i in range(3)]
        assert len({*found}) > 1


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {"minibatches": 4},
            "minibatches hold whole groups, the same number each: "
            "6 groups do not fall into minibatches=4",
        ),
        ({"average": 0.0}, r"average is a decay in \(0, 1\), got 0.0"),
        ({"zzz": 1}, r"no setting 'zzz' \(see Settings and Method\)"),
        ({"minibatch": 1}, r"no setting 'minibatch'; did you mean 'minibatches'\? \(see .*\)"),
        ({"grid": None}, r"no setting 'grid'; .*"),
    ],
)
def test_settings_that_are_none_are_told_in_whole_sentences(changes, told):
    with pytest.raises(ValueError, match=f"^{told}$"):
        BASE.but(**changes)


def test_some_of_the_trajectories_are_their_rows_of_everything():
    _, run = rolled()
    index = torch.tensor([5, 0, 17])
    some = run.rows(index)
    assert torch.equal(some.labels, run.labels[index])
    for name in ("states", "means", "velocities", "noise"):
        assert torch.equal(getattr(some, name), getattr(run, name)[:, index]), name


@pytest.mark.parametrize("minibatches", [1, 2, 3])
def test_minibatches_are_whole_groups_each_with_its_advantages(minibatches):
    made, run = rolled(minibatches=minibatches)
    advantages = torch.arange(24, dtype=torch.float64).reshape(6, 4)  # by row of the rollout
    orders = []
    for _ in range(4):
        parts = list(made.minibatches(run, advantages))
        assert [len(a) for _, a in parts] == [24 // minibatches] * minibatches
        for part, a in parts:
            assert torch.equal(part.ends, run.ends[a.long()])
        orders.append(torch.cat([a for _, a in parts]))
        groups = orders[-1].reshape(6, 4)
        assert torch.equal(groups, groups[:, :1] + torch.arange(4))
        assert torch.equal(groups[:, 0].sort().values, advantages[:, 0])
    drawn_anew = len({tuple(order.tolist()) for order in orders}) > 1
    assert drawn_anew == (minibatches > 1)
    assert drawn_anew or torch.equal(orders[0], advantages.flatten())


@pytest.mark.parametrize("max_norm", [None, 1e-3])
def test_an_update_goes_up_the_sum_over_steps_of_the_mean_sample(max_norm):
    made, run = rolled(max_norm=max_norm, beta=0.5, learning_rate=1e-3)
    advantages = torch.linspace(-1, 2, 24, dtype=torch.float64)
    wanted = made.terms(run.steps(), advantages)[1].objective.sum() / 24
    (slope,) = torch.autograd.grad(wanted, made.policy.shift)
    before = made.policy.shift.detach().clone()
    update = made.climb(run, advantages)
    assert update.objective == pytest.approx(float(wanted.detach()), rel=1e-12)
    assert update.norm == pytest.approx(float(slope.norm()), rel=1e-12)
    assert torch.equal((made.policy.shift.detach() - before).sign(), slope.sign())
    used = float(made.policy.shift.grad.norm())
    assert used == pytest.approx(max_norm or update.norm, rel=1e-3)


def test_a_gradient_that_is_not_finite_is_told_with_what_helps():
    made = trainer()
    made.policy.shift.register_hook(lambda slope: slope * math.inf)
    told = (
        r"^the gradient of iteration 0 is (nan|inf): lower the learning rate \(0.05\), "
        "or look at the rewards$"
    )
    with pytest.raises(FloatingPointError, match=told):
        made.iterate()


@pytest.mark.parametrize("name", ["velocity", "without_h"])
def test_a_penalty_that_needs_velocities_or_levels_is_told_them(name):
    made = trainer(kl=name)
    with torch.no_grad():
        made.policy.shift.fill_(0.3)
    method, steps = made.settings.method, made.settings.grid.steps
    apart = [0.3 * far for far in levers(method, made.settings.grid)]
    each = {
        "velocity": [kl.velocity(0.3, 0.0) for _ in steps],
        "without_h": [
            kl.without_h(far, 0.0, sde.flow_grpo_g(step.t, 0.7, sde.next_level(step)))
            for far, step in zip(apart, steps, strict=True)
        ],
    }
    assert made.iterate().kl == pytest.approx(sum(each[name]), rel=1e-12)


def test_a_reward_in_whole_numbers_is_taken_in_the_precision_of_the_samples():
    ends, labels = torch.zeros(4, 1, dtype=torch.float64), torch.zeros(4, dtype=torch.int64)
    judged = judge(lambda x, y: torch.arange(len(x)), ends, labels, 2, "refuse")
    assert judged.rewards.dtype == torch.float64
    assert judged.rewards.tolist() == [[0, 1], [2, 3]]


def test_a_reward_that_is_refused_is_told_by_its_first_sample():
    ends, labels = torch.zeros(4, 1, dtype=torch.float64), torch.arange(4) + 5
    bad = torch.tensor([1.0, math.nan, 2.0, math.inf])
    with pytest.raises(ValueError) as refused:  # noqa: PT011  (the whole message is compared)
        judge(lambda x, y: bad, ends, labels, 2, "refuse")
    assert str(refused.value) == (
        "reward must be finite, got nan for sample 1 (label 6), 2 such in all: mend the reward, or "
        "set bad_rewards=drop to leave such groups out and count them"
    )


def listened(made):
    """Its updates, as they come."""
    climb, updates = made.climb, []

    def heard(*given):
        updates.append(climb(*given))
        return updates[-1]

    made.climb = heard
    return updates


def test_an_iteration_tells_its_first_update_and_what_was_clipped_in_its_last_epoch():
    made = trainer(minibatches=3, epochs=2, learning_rate=0.3)
    updates = listened(made)
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


def readings(measured):
    return {reading.name: reading for reading in measured.readings}


def test_the_kl_is_asked_to_be_0_before_the_first_update_of_a_run_and_never_again():
    made = trainer()
    assert ["kl_start" in readings(made.iterate()) for _ in range(3)] == [True, False, False]
    away = trainer()
    with torch.no_grad():
        away.policy.shift.fill_(0.3)
    found = away.iterate()
    assert readings(found)["kl_start"].value == found.kl > 0
    assert not readings(found)["kl_start"].holds


def test_the_mean_ratio_is_that_of_the_minibatches_that_no_update_has_seen():
    """Those after the first of the first epoch; each r − 1 has mean 0, so that squares add up."""
    made = trainer(minibatches=3, epochs=2, learning_rate=0.3)
    updates = listened(made)
    found = readings(made.iterate())["mean_ratio"]
    away = torch.cat([update.ratio.flatten() for update in updates[1:3]]) - 1
    assert found.value == pytest.approx(float(away.sum() / (away**2).sum().sqrt()))
    assert abs(found.value) > 0.1
    assert "mean_ratio" not in readings(trainer().iterate())  # one minibatch
    assert "mean_ratio" not in readings(trainer(minibatches=3, reduction="average").iterate())


def test_a_gradient_must_have_a_length_where_advantages_differ():
    assert readings(trainer().iterate())["gradient_norm"].low > 0
    settings = BASE.but(beta=0.0)
    equal = line.problem(LAW, lambda x, y: torch.ones(len(x)).double(), settings.grid)
    silent = readings(loop.Trainer(equal, settings).iterate())
    assert (silent["gradient_norm"].low, silent["gradient_norm"].value) == (0, 0)
    assert silent["gradient_norm"].holds
    assert not silent["zero_groups"].holds


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"eps": 0.0, "ddof": 0}, 1.0),
        ({"eps": 0.0, "ddof": 1}, 0.75**0.5),
        ({"eps": 0.1}, None),
        ({"eps": 0.0, "advantage_bound": 1.0}, None),
        ({"eps": 0.0, "advantage_std": "batch"}, None),
        ({"eps": 0.0, "advantage_std": "none"}, None),
    ],
)
def test_the_advantages_spread_is_asked_for_where_the_divisor_fixes_it(changes, expected):
    found = readings(trainer(**changes).iterate())["advantage_std"]
    if expected is None:
        assert (found.low, found.high) == (-math.inf, math.inf)
    else:
        assert (found.low, found.high) == pytest.approx((expected, expected), abs=1e-10)
        assert found.value == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("reduction", "coordinates"), [("total", 2), ("average", 1)])
def test_ratios_may_be_off_by_the_rounding_of_what_was_added_up(reduction, coordinates):
    problem = plane.three().problem(torch.Generator().manual_seed(0), width=8, depth=1)
    made = loop.Trainer(problem, BASE.but(reduction=reduction))
    found = readings(made.iterate())
    room = 1e3 * 2**-52
    assert found["ratio_gap"].high == pytest.approx(room * coordinates**0.5, rel=1e-12, abs=0)
    assert found["kl_start"].high == pytest.approx(room * 2**0.5, rel=1e-12, abs=0)


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
