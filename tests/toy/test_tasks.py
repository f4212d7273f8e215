"""The toy's three tasks: what each is made of, what it measures, and with which samples.

Sampling and learning are listened to: numbers follow from the samples that were asked for, and the
samples from the run's seed.
"""

import re
from types import SimpleNamespace

import pytest
import torch
from torch.nn.utils import parameters_to_vector

from refimpl.runs import pictures
from refimpl.statistics import budget
from refimpl.toy import gaussian_1d
from refimpl.toy.grpo import Trainer, digits, line, plane, tasks
from refimpl.toy.training import Plan

SEED = 7


def settings(task, **changes):
    return tasks.quick(tasks.SETTINGS[task]).but(seed=SEED, **changes)


def moved(made, of):
    """A trainer whose average and policy are two, neither the reference."""
    trainer = Trainer(made.problem, of)
    assert trainer.average is not trainer.policy
    for network, by in ((trainer.average, 0.25), (trainer.policy, 1.0)):
        with torch.no_grad():
            for parameter in network.parameters():
                parameter += by
    return trainer


@pytest.fixture
def sampled(monkeypatch):
    """What was asked for in the place of sampling; `ends` gives the samples."""
    seen = SimpleNamespace(calls=[], ends=None)

    def samples(network, labels, method, grid, n, generator, d=2, dtype=torch.float64):
        seen.calls.append((network, labels, method, grid.T, n, generator.initial_seed(), d, dtype))
        y = torch.arange(labels).repeat_interleave(n)
        return seen.ends(y, grid.T).to(dtype), y

    monkeypatch.setattr(plane, "samples", samples)
    return seen


def seed_of(name):
    return budget.seed_of(name, SEED)


# ---------------------------------------------------------------------------- the line

SLOPE = 0.7


def test_the_line_asks_for_its_slope_and_starts_at_its_law():
    of = settings("gaussian", T=3)
    made = tasks.gaussian(of, SLOPE).problem
    x = torch.tensor([[2.0], [-1.0]], dtype=torch.float64)
    assert made.reward(x, torch.zeros(2)).tolist() == pytest.approx([1.4, -0.7])
    assert (made.d, made.dtype, made.labels) == (1, torch.float64, 1)
    assert made.policy.shift.shape == (3,)
    assert torch.equal(made.reference.means, gaussian_1d().means)


def test_the_line_is_measured_exactly_at_the_average():
    of = settings("gaussian")
    made = tasks.gaussian(of, SLOPE)
    trainer = moved(made, of)
    end = line.end_law(trainer.average, of.method, of.grid)
    assert made.measure(trainer) == {"end_mean": end.mean, "end_std": end.std}
    others = (trainer.reference, trainer.policy)
    assert end.mean not in [line.end_law(x, of.method, of.grid).mean for x in others]
    assert made.draw(trainer) == {}


def test_the_line_concludes_with_exact_and_sampled_ends_for_each_number_of_steps(sampled):
    of = settings("gaussian")
    made = tasks.gaussian(of, SLOPE)
    trainer = moved(made, of)
    sampled.ends = lambda y, T: torch.arange(len(y))[:, None] * 1.0 + T
    ends = line.cost(trainer.average, of.method, (5, 10, 20, 40, 80))
    wanted = line.predicted(gaussian_1d(), SLOPE, of)
    assert made.conclude(trainer) == {
        **made.measure(trainer),
        "end_mean_predicted": wanted.mean,
        "end_std_predicted": wanted.std,
        "end_mean_before": line.end_law(trainer.reference, of.method, of.grid).mean,
        **{f"end_mean_at_T{T}": end.mean for T, end in ends.items()},
        **{f"end_std_at_T{T}": end.std for T, end in ends.items()},
        **{f"end_mean_sampled_at_T{T}": 9_999.5 + T for T in ends},
    }
    seed = seed_of("grpo.line.evaluation")
    assert sampled.calls == [
        (trainer.average, 1, of.method, T, 20_000, seed, 1, torch.float64)
        for T in (5, 10, 20, 40, 80)
    ]


def test_the_line_is_compared_with_its_optimum_and_with_its_beginning():
    of = settings("gaussian")
    made = tasks.gaussian(of, SLOPE)
    wanted = line.predicted(gaussian_1d(), SLOPE, of)
    before = line.end_law(made.problem.reference, of.method, of.grid).mean
    assert made.known == {
        "reward": {"optimum": SLOPE * wanted.mean, "before": SLOPE * before},
        "end_mean": {"optimum": wanted.mean, "before": before},
        "end_std": {"optimum": wanted.std},
    }
    assert wanted.mean > before + 0.01


# ---------------------------------------------------------------------------- the plane

N = 4


@pytest.fixture
def distances(monkeypatch):
    """What was compared, in the place of a distance: the k-th comparison is called k."""
    seen = []

    def distance(x, y, laws, generator):
        seen.append((x, y, [law.mean.tolist() for law in laws], generator))
        return float(len(seen))

    monkeypatch.setattr(plane, "distance", distance)
    return seen


def means(laws):
    return [law.mean.tolist() for law in laws]


def spread(y, T):
    """A sample for each label, and for each T."""
    return torch.stack([y + torch.linspace(0, 1, len(y)), 0 * y + T], dim=1).double()


REFERENCE = means(plane.three().law.given)


def test_the_planes_network_follows_from_the_runs_seed():
    made = plane.three().problem(budget.generator("grpo.plane.network", SEED))
    found = tasks.mixture(settings("mixture"), N).problem
    assert torch.equal(*(parameters_to_vector(p.policy.parameters()) for p in (made, found)))


def test_the_plane_is_measured_on_samples_of_the_average(sampled, distances):
    of = settings("mixture", beta=0.5)
    made = tasks.mixture(of, N)
    trainer = moved(made, of)
    sampled.ends = spread
    y = torch.arange(3).repeat_interleave(N)
    assert made.measure(trainer) == {
        "sampled_reward": float(plane.three().reward(spread(y, 40), y).mean()),
        "distance_to_reference": 1.0,
        "distance_to_optimum": 2.0,
    }
    seed = seed_of("grpo.plane.evaluation")
    assert sampled.calls == [(trainer.average, 3, of.method, 40, N, seed, 2, torch.float64)]
    for x, labels, _, generator in distances:
        assert torch.equal(x, spread(y, 40))
        assert torch.equal(labels, y)
        assert generator.initial_seed() == seed_of("grpo.plane.laws")
    assert [laws for _, _, laws, _ in distances] == [REFERENCE, means(plane.three().optimum(0.5))]


def test_the_plane_concludes_with_twice_the_samples_for_each_number_of_steps(sampled, distances):
    of = settings("mixture", beta=0.5)
    made = tasks.mixture(of, N)
    trainer = moved(made, of)
    sampled.ends = spread
    y = torch.arange(3).repeat_interleave(2 * N)
    found = made.conclude(trainer)
    problem = plane.three()
    best = problem.optimum(0.5)
    wanted = {
        "reward_before": problem.mean_reward(problem.law.given),
        "reward_of_the_optimum": problem.mean_reward(best),
        "distance_to_optimum_before": 1.0,
    }
    for k, T in enumerate((5, 10, 20, 40)):
        wanted |= {
            f"sampled_reward_at_T{T}": float(problem.reward(spread(y, T), y).mean()),
            f"distance_to_reference_at_T{T}": 2.0 + 2 * k,
            f"distance_to_optimum_at_T{T}": 3.0 + 2 * k,
        }
    assert found == wanted
    assert [(T, n) for _, _, _, T, n, *_ in sampled.calls] == [(T, 8) for T in (5, 10, 20, 40)]
    x, labels, laws, generator = distances[0]  # of the reference itself
    again = budget.generator("grpo.plane.laws", SEED)
    assert torch.equal(x, torch.cat([law.sample(2 * N, again) for law in problem.law.given]))
    assert torch.equal(labels, y)
    assert laws == means(best)
    assert torch.equal(generator.get_state(), again.get_state())  # goes on where the samples ended


def test_a_plane_without_a_kl_has_no_optimum(sampled, distances):
    of = settings("mixture", beta=0.0)
    made = tasks.mixture(of, N)
    trainer = moved(made, of)
    sampled.ends = spread
    problem = plane.three()
    before = problem.mean_reward(problem.law.given)
    assert made.known == {"sampled_reward": {"before": before}}
    assert made.measure(trainer).keys() == {"sampled_reward", "distance_to_reference"}
    found = made.conclude(trainer)
    assert found["reward_before"] == before
    assert not any("optimum" in name for name in found)
    assert made.draw(trainer).keys() == {"tuned_and_reference"}


def test_the_plane_is_compared_with_its_optimum_and_with_its_beginning():
    problem = plane.three()
    assert tasks.mixture(settings("mixture", beta=0.5), N).known == {
        "sampled_reward": {
            "before": problem.mean_reward(problem.law.given),
            "optimum": problem.mean_reward(problem.optimum(0.5)),
        }
    }


def test_the_plane_draws_its_samples_beside_those_of_both_laws_in_one_order(sampled):
    of = settings("mixture", beta=0.5)
    made = tasks.mixture(of, N)
    trainer = moved(made, of)
    sampled.ends = spread
    drawn = made.draw(trainer)
    seed = seed_of("grpo.plane.evaluation")
    assert sampled.calls == [(trainer.average, 3, of.method, 40, N, seed, 2, torch.float64)]
    again, problem = budget.generator("grpo.plane.picture", SEED), plane.three()
    order = torch.randperm(3 * N, generator=again)
    laws = {"reference": problem.law.given, "optimum": problem.optimum(0.5)}
    assert drawn.keys() == {f"tuned_and_{name}" for name in laws}
    for name, given in laws.items():
        picture = drawn[f"tuned_and_{name}"]
        beside = torch.cat([law.sample(N, again) for law in given])
        assert picture.labels == ("tuned", name)
        tuned = spread(torch.arange(3).repeat_interleave(N), 40)
        assert picture.clouds[0].tolist() == tuned[order].tolist()
        assert picture.clouds[1].tolist() == beside[order].tolist()


# ---------------------------------------------------------------------------- digits

SMALL = digits.Pretraining(Plan(4, average=0.9, every=1), 8, 4, 1)


@pytest.fixture(scope="module")
def data():
    return digits.split(SEED)


def darkest_nine(x, y):
    """A reward that asks for the label too."""
    return x.mean(dim=1) + y / 10


@pytest.fixture
def split(monkeypatch, data):
    """The pictures, split once for all tests, by the run's seed; and a reward of our own."""
    asked = []
    monkeypatch.setitem(digits.REWARDS, "nines", lambda given: given is data and darkest_nine)
    monkeypatch.setattr(digits, "split", lambda seed: asked.append(seed) or data)
    return asked


def of_digits(tmp_path, reward="ink", of=None, say=lambda share, text: None):
    of = of or settings("digits")
    return tasks.pictures_of_digits(of, reward, SMALL, tmp_path / "reference.pt", say)


def test_the_reference_of_digits_is_learnt_once_and_told(tmp_path, split, data):
    told = []
    made = of_digits(tmp_path, say=lambda share, text: told.append((share, text)))
    assert split == [SEED]
    assert [share for share, _ in told] == [0.25, 0.5, 0.75, 1.0]
    trained = []
    wanted = digits.reference(
        data, SMALL, SEED, on_progress=lambda step, steps, loss: trained.append(loss)
    )
    assert [text for _, text in told] == [
        f"learning the reference: loss {loss:.3g}" for loss in trained
    ]
    again = of_digits(tmp_path, say=lambda share, text: told.append((share, text)))
    assert len(told) == 4  # taken from the file
    for problem in (made.problem, again.problem):
        for network in (problem.reference, problem.policy):
            found = parameters_to_vector(network.parameters())
            assert torch.equal(found, parameters_to_vector(wanted.parameters()))


def test_a_reward_of_digits_that_does_not_exist_is_named_before_anything_is_learnt(tmp_path, split):
    said = "no reward 'beauty'; there are ink, symmetry, holes, label, nines"
    with pytest.raises(ValueError, match=f"^{said}$"):
        of_digits(tmp_path, "beauty")
    assert split == []


def real(data):
    """As many real pictures of a label as are asked for, each darker the more steps there are."""

    def ends(y, T):
        rows = [int((data.held_out_label == label).nonzero()[0]) for label in range(10)]
        found = data.held_out[rows].flatten(1)[y].clone()
        found[::3] = found[0]  # a third of them shows a nought
        return found * (1 - 1 / T)

    return ends


def test_digits_are_rewarded_and_read_on_samples_of_the_average(tmp_path, split, data, sampled):
    of = settings("digits")
    made = of_digits(tmp_path, "nines")
    trainer = moved(made, of)
    sampled.ends = real(data)
    read = digits.judge(data)
    y = torch.arange(10).repeat_interleave(20)
    x = real(data)(y, 40)
    found = made.measure(trainer)
    assert found == {
        "sampled_reward": float(darkest_nine(x, y).mean()),
        "read_as_asked": read(x, y),
    }
    assert 0.5 < found["read_as_asked"] < 0.9
    seed = seed_of("grpo.digits.evaluation")
    assert sampled.calls == [(trainer.average, 10, of.method, 40, 20, seed, 64, torch.float32)]
    assert made.problem.reward is darkest_nine
    wanted = float(darkest_nine(data.train.flatten(1), data.train_label).mean())
    assert made.known == {"sampled_reward": {"real digits": wanted}}


def test_digits_conclude_with_what_the_reward_was_before_and_is_after(
    tmp_path, split, data, sampled
):
    of = settings("digits", T=6)
    made = of_digits(tmp_path, "nines", of)
    trainer = moved(made, of)
    sampled.ends = real(data)
    score, read = darkest_nine, digits.judge(data)
    y = torch.arange(10).repeat_interleave(50)
    after, before = (real(data)(y, T) for T in (6, 40))
    assert made.conclude(trainer) == {
        "reward": "nines",
        "reward_of_real_digits": float(score(data.train.flatten(1), data.train_label).mean()),
        "reward_before": float(score(before, y).mean()),
        "read_as_asked_before": read(before, y),
        "sampled_reward_at_T6": float(score(after, y).mean()),
        "read_as_asked_at_T6": read(after, y),
        "sampled_reward_at_T40": float(score(before, y).mean()),
        "read_as_asked_at_T40": read(before, y),
    }
    asked = [(network, T, n) for network, _, _, T, n, *_ in sampled.calls]
    reference, average = trainer.reference, trainer.average
    assert asked == [(reference, 40, 50), (average, 6, 50), (average, 40, 50)]


def test_digits_are_drawn_before_and_after_a_row_each(tmp_path, split, data, sampled):
    made = of_digits(tmp_path)
    trainer = moved(made, settings("digits"))
    sampled.ends = real(data)
    drawn = made.draw(trainer)
    assert [*drawn] == ["before", "tuned"]
    asked = [(network, T, n) for network, _, _, T, n, *_ in sampled.calls]
    assert asked == [(trainer.reference, 40, 12), (trainer.average, 40, 12)]
    y = torch.arange(10).repeat_interleave(12)
    wanted = pictures.sheet(real(data)(y, 40).reshape(10, 12, 8, 8), [str(k) for k in range(10)])
    for picture in drawn.values():
        assert picture.rows == wanted.rows
        assert picture.page.tolist() == wanted.page.tolist()


# ---------------------------------------------------------------------------- by name


def test_a_task_is_made_as_large_as_its_run(monkeypatch, tmp_path):
    asked = []
    for name in ("gaussian", "mixture", "pictures_of_digits"):
        monkeypatch.setattr(tasks, name, lambda *given, name=name: asked.append((name, *given)))
    say = lambda share, text: None  # noqa: E731
    options = {"gaussian": {"slope": 2}, "mixture": {}, "digits": {"reward": "holes"}}
    of = {name: settings(name) for name in options}
    for short in (True, False):
        for name, values in options.items():
            tasks.make(name, of[name], values, tmp_path, short, say)
    file = tmp_path / "checkpoints/reference.pt"
    little = digits.Pretraining(Plan(10, average=0.9), 16, 16, 1)
    assert asked == [
        ("gaussian", of["gaussian"], 2.0),
        ("mixture", of["mixture"], 50),
        ("pictures_of_digits", of["digits"], "holes", little, file, say),
        ("gaussian", of["gaussian"], 2.0),
        ("mixture", of["mixture"], 1000),
        ("pictures_of_digits", of["digits"], "holes", digits.Pretraining(), file, say),
    ]
    assert isinstance(asked[0][2], float)


@pytest.mark.parametrize(
    ("task", "groups", "iterations"), [("gaussian", 2, 3), ("mixture", 4, 3), ("digits", 4, 3)]
)
def test_a_short_run_is_cut_short_and_nothing_else(task, groups, iterations):
    whole = tasks.SETTINGS[task]
    found, _ = tasks.configured(task, {}, True)
    assert found == whole.but(groups=groups, group=4, iterations=iterations, T=4, signal=1)
    assert tasks.configured(task, {}, False)[0] == whole
    assert tasks.quick(whole.but(iterations=2)).iterations == 2


def test_changes_go_to_the_loop_the_method_or_the_task():
    changes = {"iterations": 5, "beta": 2.0, "slope": 3.0, "T": 7}
    found, options = tasks.configured("gaussian", changes, True)
    assert found == settings("gaussian").but(seed=0, iterations=5, beta=2.0, T=7)
    assert options == {"slope": 3.0}
    assert tasks.configured("gaussian", {}, False)[1] == {"slope": 1.0}
    assert tasks.configured("digits", {}, False)[1] == {"reward": "ink"}
    assert tasks.OPTIONS["gaussian"] == {"slope": 1.0}  # a change is of one run


@pytest.mark.parametrize(
    ("task", "changes", "said"),
    [
        ("nope", {}, "no task 'nope'; there are gaussian, mixture, digits"),
        ("mixture", {"slope": 1.0}, "no setting 'slope' (see Settings and Method)"),
        ("gaussian", {"reward": "ink"}, "no setting 'reward'"),
        ("gaussian", {"iterations": 0}, "iterations must be at least 1, got 0"),
    ],
)
def test_a_task_or_setting_that_does_not_exist_is_named(task, changes, said):
    with pytest.raises(ValueError, match=f"^{re.escape(said)}"):
        tasks.configured(task, changes, False)
