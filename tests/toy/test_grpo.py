"""The GRPO loop: exact gradients, the predicted optimum, and the mistakes that it feels."""

import pytest
import torch

from refimpl.equations import grpo as equations
from refimpl.equations import kl, paths, sde
from refimpl.simulate import diffusion
from refimpl.toy import gaussian_1d
from refimpl.toy import grpo as loop
from refimpl.toy.grpo import digits, line, plane, tasks
from refimpl.toy.networks import MLP

SHORT = loop.Settings(groups=32, group=8, iterations=60, learning_rate=0.08)


def reward(x):
    return x[:, 0]


def end_of(settings):
    model, history, shifts = loop.train(gaussian_1d(), reward, settings)
    with torch.no_grad():
        model.shift.copy_(loop.averaged(shifts))
    return loop.end_law(model, settings.method, settings.grid).mean, history


def trainer(settings=SHORT, score=lambda x, y: x[:, 0]):
    return loop.Trainer(line.problem(gaussian_1d(), score, settings.grid), settings)


def test_the_kl_away_from_the_reference_is_exact():
    made = trainer(SHORT.but(beta=1.0))
    with torch.no_grad():
        made.policy.shift.fill_(0.3)
    g = diffusion.flow_grpo(0.7, sde.next_level)
    exact = sum(kl.flow_grpo(0.3, 0.0, g(s), s.t, s.h) for s in SHORT.grid.steps)
    assert made.iterate().kl == pytest.approx(exact, rel=1e-12)


def test_the_loop_reaches_the_predicted_optimum_and_starts_every_iteration_at_ratio_one():
    reached, history = end_of(SHORT)
    wanted = loop.predicted(gaussian_1d(), 1.0, SHORT).mean
    assert reached == pytest.approx(wanted, abs=0.06)  # spread over seeds 0.012, five times that
    assert {h.ratio_gap for h in history} == {0.0}
    assert history[-1].kl > 0


@pytest.mark.parametrize(
    "mistake",
    ["the KL doubled", "the advantage's sign", "the KL without h", "KL forgotten"],
)
def test_a_mistake_in_the_loop_leads_elsewhere(mistake, monkeypatch):
    settings = SHORT.but(iterations=40)
    wanted = loop.predicted(gaussian_1d(), 1.0, settings).mean
    of_means, advantage = kl.of_means, equations.advantage
    if mistake == "the KL doubled":
        monkeypatch.setattr(kl, "of_means", lambda m, r, s: 2 * of_means(m, r, s))
    elif mistake == "the KL without h":
        monkeypatch.setattr(kl, "of_means", lambda m, r, s: of_means(m, r, s) / 10)
    elif mistake == "the advantage's sign":
        monkeypatch.setattr(equations, "advantage", lambda r, **k: -advantage(r, **k))
    else:
        monkeypatch.setattr(equations, "objective", lambda s, k, b: s)
    reached, _ = end_of(settings)
    assert abs(reached - wanted) > 0.06


def test_without_kl_the_reward_runs_away():
    free, _ = end_of(SHORT.but(beta=0.0, iterations=25))
    held, _ = end_of(SHORT.but(beta=4.0, iterations=25))
    assert free > 1.5 + 4 * (held - 1.5)


def test_equal_rewards_move_nothing_and_are_counted():
    settings = SHORT.but(iterations=2)
    ones = lambda x: torch.ones(len(x)).double()  # noqa: E731
    model, history, _ = loop.train(gaussian_1d(), ones, settings)
    assert torch.equal(model.shift, torch.zeros(10, dtype=torch.float64))
    assert history[0].zero_groups == 1


def test_a_seed_fixes_the_run():
    short = SHORT.but(iterations=3)
    runs = [loop.train(gaussian_1d(), reward, short)[0].shift for _ in range(2)]
    assert torch.equal(*runs)


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"group": 1}, "no baseline"),
        ({"iterations": 0}, "iterations must be at least 1, got 0"),
        ({"noise": 0.0}, "noise must be positive"),
        ({"beta": -1.0}, "beta must be zero or positive, got -1.0"),
        ({"learning_rate": float("nan")}, "learning_rate"),
        ({"minibatches": 5}, "64 groups do not fall into minibatches=5"),
        ({"max_norm": 0.0}, "max_norm must be positive"),
        ({"average": 1.0}, r"average is a decay in \(0, 1\), got 1.0"),
        ({"signal": -1}, "signal=-1"),
        ({"groups": 1, "signal": 1}, "two halves of the groups"),
        ({"bad_rewards": "keep"}, "'refuse' or 'drop', got 'keep'"),
        ({"lerning_rate": 1.0}, "did you mean 'learning_rate'"),
        ({"bta": 1.0}, "did you mean 'beta'"),
        ({"metod": None}, "did you mean 'method'"),
    ],
)
def test_settings_are_checked_at_birth(values, word):
    with pytest.raises(ValueError, match=word):
        loop.Settings().but(**values)


def test_settings_know_which_are_the_methods():
    changed = SHORT.but(beta=3.0, iterations=7, kernel="exact")
    assert (changed.method.beta, changed.iterations, changed.method.kernel) == (3.0, 7, "exact")
    assert changed.config["beta"] == 3.0
    assert changed.config["iterations"] == 7
    assert changed.but(method=SHORT.method) == SHORT.but(iterations=7)


@pytest.mark.parametrize(
    ("bad", "error", "word"),
    [
        (lambda x: x, ValueError, "one number per sample"),
        (lambda x: x[:3, 0], ValueError, r"one number per sample, \(256,\), got \(3,\)"),
        (lambda x: x[:, 0] * float("nan"), ValueError, "reward must be finite, got nan"),
        (lambda x: x[:, 0] / 0, ValueError, "256 such in all: mend the reward"),
        (lambda x: x[:, 0].tolist(), TypeError, "returns a tensor, got list"),
        (lambda x: {}["key"], loop.RewardError, "raised KeyError on 256 samples"),
    ],
)
def test_a_reward_of_the_wrong_kind_is_refused(bad, error, word):
    with pytest.raises(error, match=word):
        loop.train(gaussian_1d(), bad, SHORT)


def test_groups_with_bad_rewards_are_left_out_and_counted():
    """Advantages of the others are what they are without the bad groups."""
    settings = SHORT.but(bad_rewards="drop", advantage_std="batch", eps=0.0)

    def spoilt(x, y):
        scores = x[:, 0].clone()
        scores[3], scores[20] = float("nan"), float("inf")  # groups 0 and 2 of eight
        return scores

    found, clean = trainer(settings, spoilt).iterate(), trainer(settings).iterate()
    assert found.dropped_groups == 2
    assert not bool(found.judged.usable[[0, 2]].any())
    assert torch.equal(found.advantages[[0, 2]], torch.zeros(2, 8, dtype=torch.float64))
    rest = [i for i in range(32) if i not in (0, 2)]
    wanted = equations.advantage(clean.judged.rewards[rest], std="batch", ddof=0, eps=0.0)
    assert torch.equal(found.advantages[rest], wanted)
    (reading,) = (r for r in found.readings if r.name == "dropped_groups")
    assert not reading.holds


def test_when_every_group_is_dropped_nothing_moves():
    settings = SHORT.but(bad_rewards="drop", beta=0.0)
    made = trainer(settings, lambda x, y: x[:, 0] * float("nan"))
    measured = made.iterate()
    assert measured.dropped_groups == 32
    assert torch.equal(made.policy.shift, torch.zeros(10, dtype=torch.float64))


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"advantage_std": "group"}, "advantage_std='none'"),
        ({"window": "first"}, "window='all'"),
        ({"skip_last": True}, "skip_last=False"),
        ({"weight": "tempflow"}, "weight='equal'"),
        ({"reduction": "average"}, "reduction='total'"),
        ({"kl": "k3"}, "kl='steps'"),
    ],
)
def test_a_prediction_needs_the_settings_it_was_made_for(change, word):
    with pytest.raises(ValueError, match=word):
        loop.predicted(gaussian_1d(), 1.0, loop.Settings().but(**change))


def test_a_group_has_one_prompt():
    made = plane.three().problem(torch.Generator().manual_seed(0), width=8, depth=1)
    settings = loop.Settings(groups=6, group=4, iterations=1)
    labels = loop.Trainer(made, settings).iterate().rollout.labels.reshape(6, 4)
    assert bool((labels == labels[:, :1]).all())
    assert len(labels.unique()) == 3  # and groups differ


def test_the_exact_field_of_many_levels_is_the_mixtures_own():
    laws = plane.three().law.given
    g = torch.Generator().manual_seed(1)
    x = 3 * torch.randn(60, 2, generator=g, dtype=torch.float64)
    t = torch.tensor([1.0, 0.8, 0.3, 0.02]).double().repeat(15)
    y = torch.arange(3).repeat_interleave(20)
    found = loop.ExactField(laws)(x, t, y)
    for label in range(3):
        for level in t.unique():
            rows = (y == label) & (t == level)
            exact = laws[label].velocity(paths.linear(float(level)), x[rows])
            torch.testing.assert_close(found[rows], exact, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("make", [lambda: trainer(SHORT), lambda: trainer(SHORT.but(T=4))])
def test_replay_is_bitwise_in_float64(make):
    made = make()
    rollout = made.roll(torch.zeros(256, dtype=torch.int64))
    steps = rollout.steps()
    with torch.no_grad():
        law = steps.law(made.settings.method, steps.velocity(made.policy))
    assert torch.equal(law.mean, steps.old.mean)
    assert torch.equal(law.std, steps.old.std)


def test_replay_in_float32_keeps_its_stated_bound():
    network = MLP(64, width=32, depth=1, labels=10)
    settings = loop.Settings(groups=8, group=4, iterations=1, minibatches=2)
    made = digits.problem(network, digits.ink)
    assert made.dtype == torch.float32
    measured = loop.Trainer(made, settings).iterate()
    (gap,) = (r for r in measured.readings if r.name == "ratio_gap")
    assert gap.high == 1e3 * 2**-23 * 8
    assert gap.holds
    assert measured.rollout.states.dtype == torch.float32


def test_rewards_of_digits_by_hand():
    ring = -torch.ones(8, 8)
    ring[2:5, 2:5] = 1
    ring[3, 3] = -1  # one hole
    two = ring.clone()
    two[4:7, 2:5] = 1
    two[5, 3] = -1
    open_ = ring.clone()
    open_[3, 2] = -1  # the hole reaches the rim
    x = torch.stack([ring, two, open_, torch.ones(8, 8)]).flatten(1)
    y = torch.zeros(4, dtype=torch.int64)
    assert digits.holes(x, y).tolist() == [1, 2, 0, 0]
    assert digits.ink(x, y)[3] == 1
    assert digits.ink(x, y)[0] == pytest.approx((2 * 8 - 64) / 64)
    assert digits.symmetry(x, y)[3] == 0
    assert digits.symmetry(x, y)[0] == pytest.approx(-2 * 8 / 64)  # eight pixels differ by 2


@pytest.mark.parametrize("task", ["mixture", "digits"])
def test_a_short_run_of_every_task_measures_what_it_says(task, tmp_path):
    settings, options = tasks.configured(task, {"iterations": 1}, True)
    (tmp_path / "checkpoints").mkdir()
    made = tasks.make(task, settings, options, tmp_path, True, lambda share, text: None)
    run = loop.Trainer(made.problem, settings)
    measured = run.iterate()
    assert all(reading.holds for reading in measured.readings)
    assert {reading.name for reading in measured.readings} >= {"kl_start", "ratio_gap"}
    came = made.conclude(run)
    assert all(torch.isfinite(torch.tensor(v)) for v in came.values() if isinstance(v, float))
    assert all(picture.svg().startswith("<svg") for picture in made.draw(run).values())


def test_a_task_and_a_reward_that_do_not_exist_are_named(tmp_path):
    with pytest.raises(ValueError, match="no task 'nope'; there are gaussian"):
        tasks.configured("nope", {}, False)
    settings, options = tasks.configured("digits", {"reward": "beauty"}, True)
    with pytest.raises(ValueError, match="no reward 'beauty'; there are ink"):
        tasks.make("digits", settings, options, tmp_path, True, lambda share, text: None)


@pytest.mark.slow
def test_in_the_plane_the_loop_leads_to_the_tilted_law():
    """Nine tenths of the reward there is to gain, and a thirtieth of the distance is left."""
    settings = tasks.SETTINGS["mixture"]
    made = tasks.mixture(settings, 1000)
    run = loop.Trainer(made.problem, settings)
    for _ in range(settings.iterations):
        measured = run.iterate()
        assert all(reading.holds for reading in measured.readings)
    came = made.conclude(run)
    G, plane_problem = settings.group, plane.three()
    top = plane_problem.mean_reward(
        plane_problem.optimum(settings.method.beta * G / (G - 1))
    )  # the baseline's factor
    assert came["sampled_reward_at_T40"] - came["reward_before"] > 0.9 * (
        top - came["reward_before"]
    )
    assert came["distance_to_optimum_at_T40"] < came["distance_to_optimum_before"] / 30
