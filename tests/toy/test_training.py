"""Training: losses at the right answer, resuming bit by bit, checkpoints that survive."""

import math
import os
import pickle

import pytest
import torch
from torch import nn

from refimpl import toy
from refimpl.equations import paths
from refimpl.runs import checkpoint
from refimpl.toy import losses
from refimpl.toy.batches import Batch, from_law, from_table
from refimpl.toy.measures import energy_distance, field_error, kolmogorov, mode_weights
from refimpl.toy.networks import MLP, as_field, build
from refimpl.toy.scores import NoiseScore, blow_up
from refimpl.toy.training import Plan, train

SIX = 6.0  # standard errors: a two-sided false-alarm rate of 2e-9 per comparison


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


class Exact(nn.Module):
    """A closed form in the place of a network, at one level."""

    def __init__(self, answer):
        super().__init__()
        self.answer = answer

    def forward(self, x, t, y=None):
        return self.answer(x)


def repeated(loss, network, law, times=40, n=500):
    """Mean and standard error of a loss over independent batches."""
    g, draw = generator(3), from_law(law, n, torch.float64)
    values = torch.tensor([float(loss(network, draw(g), g).detach()) for _ in range(times)])
    return float(values.mean()), float(values.std()) / math.sqrt(times)


@pytest.mark.covers("objectives.flow_matching", "objectives.gap")
@pytest.mark.parametrize("path", [paths.linear, paths.cosine])
def test_flow_matching_at_the_exact_field_is_the_unexplained_variance(path):
    law, t = toy.rotated_2d(), 0.375  # a level that float32 holds exactly
    c, levels = path(t), losses.among(torch.tensor([t]))
    exact = Exact(lambda x: law.velocity(c, x))
    found, error = repeated(losses.flow_matching(path, levels=levels), exact, law)
    # E|target|² − E|v|², with E|target|² = σ̇² d + α̇² E|data|² for independent ends
    x = law.at(c).sample(100_000, generator(4))
    explained = (law.velocity(c, x) ** 2).sum(dim=1)
    size = float(law.covariance.trace() + (law.mean**2).sum())
    total = 2 * c.d_sigma**2 + c.d_alpha**2 * size
    wanted = total - float(explained.mean())
    both = math.hypot(error, float(explained.std()) / math.sqrt(len(x)))
    assert abs(found - wanted) < SIX * both


@pytest.mark.covers("objectives.denoising", "objectives.implicit")
def test_three_score_objectives_take_their_known_values_at_the_exact_score():
    """E‖s + ε/σ‖² = d/σ² − E‖s‖², σ² times that, and E[tr ∂s + ½‖s‖²] = −½E‖s‖²."""
    law, t = toy.mixture_2d(), 0.25  # a level that float32 holds exactly
    levels, noised = losses.among(torch.tensor([t])), toy.mixture_2d().at(paths.linear(t))
    x = noised.sample(100_000, generator(4))
    squares = (noised.score(x) ** 2).sum(dim=1)
    size, spread = float(squares.mean()), float(squares.std()) / math.sqrt(len(x))
    exact = Exact(noised.score)
    for loss, wanted, slope in (
        (losses.denoising(levels=levels, weighted=False), 2 / t**2 - size, 1),
        (losses.denoising(levels=levels, weighted=True), 2 - t**2 * size, t**2),
        (losses.implicit(levels=levels), -size / 2, 0.5),
    ):
        found, error = repeated(loss, exact, law)
        assert abs(found - wanted) < SIX * math.hypot(error, slope * spread)


@pytest.mark.covers("objectives.denoising", "objectives.weighted_denoising")
def test_the_plain_denoising_loss_blows_up_like_one_over_sigma_squared():
    found = blow_up(toy.mixture_2d(), generator=generator(), levels=(0.02, 0.01))
    for plain, weighted, sigma in zip(found.plain, found.weighted, found.sigma, strict=True):
        assert plain * sigma**2 == pytest.approx(weighted, rel=1e-12)  # an identity
        # d − σ² E‖s‖² is within 2 % of d = 2 here, and 4000 chi-squares are within 6 · 2.3 %
        assert weighted == pytest.approx(2, rel=0.16)
    # the same bound for each of the two in the ratio, whose limit is 4
    assert found.plain_gradient[1] / found.plain_gradient[0] == pytest.approx(4, rel=0.3)
    assert found.weighted_gradient[1] / found.weighted_gradient[0] == pytest.approx(1, rel=0.3)


def test_flow_matching_learns_the_exact_field():
    """400 steps leave 2 % on this law; 10 % is what a wrong path or sign cannot reach."""
    law, g = toy.rotated_2d(), generator()
    network = build(lambda: MLP(2, width=64), g)
    plan = Plan(400, rate=5e-3)
    trained = train(network, losses.flow_matching(), from_law(law, 256), plan, generator=g)
    error = field_error(as_field(trained.network), toy.field(law), law, generator=g)
    assert error.overall < 0.1
    zero = field_error(lambda x, t: 0 * x, toy.field(law), law, generator=g)
    assert zero.overall == 1.0


@pytest.mark.slow
@pytest.mark.parametrize("way", ["denoising", "weighted", "implicit"])
def test_each_objective_learns_the_exact_score(way):
    law, g, t = toy.rotated_2d(), generator(), 0.25
    levels = losses.among(torch.tensor([t]))
    loss, make = {
        "denoising": (losses.denoising(levels=levels, weighted=False), lambda: MLP(2)),
        "weighted": (
            losses.denoising(levels=levels, weighted=True),
            lambda: NoiseScore(MLP(2), paths.linear),
        ),
        "implicit": (losses.implicit(levels=levels), lambda: MLP(2)),
    }[way]
    network = train(build(make, g), loss, from_law(law, 256), Plan(600), generator=g).network
    exact = lambda x, t: law.at(paths.linear(t)).score(x)  # noqa: E731
    error = field_error(as_field(network), exact, law, generator=g, levels=(t,))
    assert error.overall < 0.1  # about 0.03 is reached


def a_run(file=None, resume=False, stop=None, plan=None):
    """A short training, stopped by its own progress if asked."""
    g = generator(5)
    network = build(lambda: MLP(2, width=16, depth=1), g)

    def on_progress(step, steps, loss):
        if step == stop:
            raise KeyboardInterrupt

    plan = plan or Plan(30, average=0.9, every=10)
    loss, draw = losses.flow_matching(), from_law(toy.mixture_2d(), 32)
    return train(
        network,
        loss,
        draw,
        plan,
        generator=g,
        file=file,
        resume=resume,
        on_progress=on_progress,
    )


def bits(network):
    return torch.cat([p.detach().flatten() for p in network.parameters()])


@pytest.mark.parametrize("stop", [10, 20, 30])
def test_a_resumed_run_ends_with_the_same_bits(tmp_path, stop):
    whole, file = a_run(), tmp_path / "run.pt"
    with pytest.raises(KeyboardInterrupt):
        a_run(file, stop=stop)
    again = a_run(file, resume=True)
    assert again.losses == whole.losses
    assert torch.equal(bits(again.network), bits(whole.network))
    assert torch.equal(bits(again.averaged), bits(whole.averaged))
    assert not torch.equal(bits(whole.averaged), bits(whole.network))


def test_training_leaves_the_global_generator_alone():
    before = torch.random.get_rng_state()
    a_run()
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize("dies_in", ["fsync", "replace"])
def test_a_write_that_dies_leaves_the_checkpoint_of_before(tmp_path, monkeypatch, dies_in):
    file = tmp_path / "run.pt"
    checkpoint.save(file, {"step": 1})

    def die(*args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(os, dies_in, die)
        with pytest.raises(KeyboardInterrupt):
            checkpoint.save(file, {"step": 2})
    assert checkpoint.load(file) == {"step": 1}
    assert [entry.name for entry in tmp_path.iterdir()] == ["run.pt"]


def test_a_damaged_checkpoint_is_refused_and_nothing_in_it_is_run(tmp_path):
    file = tmp_path / "run.pt"
    checkpoint.save(file, {"weights": torch.ones(100)})
    good = file.read_bytes()
    flipped = bytearray(good)
    flipped[-50] ^= 1
    for bad in (bytes(flipped), good[:-1]):
        file.write_bytes(bad)
        with pytest.raises(ValueError, match="is damaged"):
            checkpoint.load(file)
    file.write_bytes(b"something else")
    with pytest.raises(ValueError, match="not a refimpl checkpoint"):
        checkpoint.load(file)
    with pytest.raises(FileNotFoundError):
        checkpoint.load(tmp_path / "absent.pt")


class Trap:
    """Unpickling it would print; a checkpoint must not."""

    def __reduce__(self):
        return (print, ("code was run",))


def test_a_checkpoint_holds_values_and_no_code(tmp_path, capsys):
    checkpoint.save(tmp_path / "run.pt", {"trap": Trap()})
    with pytest.raises(ValueError, match="cannot be read"):
        checkpoint.load(tmp_path / "run.pt")
    assert "code was run" not in capsys.readouterr().out
    assert pickle.loads(pickle.dumps(Trap())) is None  # the trap itself works
    assert "code was run" in capsys.readouterr().out


def test_a_checkpoint_of_another_run_is_refused(tmp_path):
    file = tmp_path / "run.pt"
    a_run(file)
    with pytest.raises(ValueError, match="use the same plan"):
        a_run(file, resume=True, plan=Plan(31, average=0.9))
    with pytest.raises(ValueError, match="belongs to another network"):
        train(
            MLP(2, width=8),
            losses.flow_matching(),
            from_law(toy.mixture_2d(), 4),
            Plan(30, average=0.9, every=10),
            generator=generator(),
            file=file,
            resume=True,
        )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Plan(-3), "steps are counted from 1, got steps=-3"),
        (lambda: Plan(1, rate=0.0), "rate must be positive"),
        (lambda: Plan(1, average=1.0), r"must lie in \(0, 1\)"),
        (lambda: Batch(torch.tensor([[1.0, math.nan]])), "data must be finite, got 1 entries"),
        (lambda: Batch(torch.zeros(2, 2), torch.tensor([1])), "one label per row"),
        (lambda: from_table(torch.zeros(0, 2), n=4), "at least one row"),
        (lambda: from_table(torch.zeros(3, 2), n=0), "at least one row, got n=0"),
        (lambda: losses.uniform(0.5, 0.5), "low < high"),
        (lambda: losses.among(torch.tensor([1.5])), r"numbers in \[0, 1\]"),
        (lambda: losses.drop_labels(torch.tensor([1]), 3, 1.5, generator()), "probability"),
        (lambda: energy_distance(torch.zeros(1, 2), torch.zeros(3, 2)), "two samples"),
    ],
)
def test_bad_input_is_refused_with_its_value(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_loss_that_is_not_finite_stops_the_run():
    bad = lambda network, batch, generator: network.first.weight.sum() * math.inf  # noqa: E731
    with pytest.raises(FloatingPointError, match="loss of step 0"):
        train(MLP(2), bad, from_law(toy.mixture_2d(), 4), Plan(3), generator=generator())


def test_labels_are_dropped_at_the_stated_rate():
    y, n = torch.zeros(100_000, dtype=torch.int64), 100_000
    dropped = losses.drop_labels(y, 3, 0.2, generator())
    assert set(dropped.tolist()) == {0, 3}
    share = float((dropped == 3).double().mean())
    assert abs(share - 0.2) < SIX * math.sqrt(0.2 * 0.8 / n)
    assert torch.equal(losses.drop_labels(y, 3, 0.0, generator()), y)
    assert bool((losses.drop_labels(y, 3, 1.0, generator()) == 3).all())


def test_energy_distance_is_a_shift_between_point_masses_and_fair_on_average():
    """Between two points at distance r it is 2r; between samples of one law its mean is 0."""
    a, b = torch.zeros(50, 2), torch.zeros(50, 2)
    b[:, 0] = 3.0
    assert energy_distance(a, b) == pytest.approx(6.0)
    law, g = toy.mixture_2d(), generator()
    values = torch.tensor(
        [energy_distance(law.sample(200, g), law.sample(200, g)) for _ in range(100)]
    )
    assert abs(float(values.mean())) < SIX * float(values.std()) / 10


def test_measures_agree_with_a_law_on_its_own_samples():
    law, n = toy.mixture_1d(), 20_000
    x = law.sample(n, generator())
    assert kolmogorov(x[:, 0], law) < math.sqrt(math.log(2 / 1e-9) / (2 * n))  # DKW, α = 1e-9
    apart = toy.mixture([0.3, 0.7], [[-9.0], [9.0]], [[1.0], [1.0]])
    shares = mode_weights(apart.sample(n, generator()), apart)
    assert abs(shares[0] - 0.3) < SIX * math.sqrt(0.21 / n)


def test_labels_are_not_dropped_for_a_network_without_a_null_label():
    loss = losses.flow_matching(eta=0.5)
    batch = Batch(torch.zeros(3, 2), torch.zeros(3, dtype=torch.int64))
    with pytest.raises(ValueError, match="NoiseScore has no `condition`"):
        loss(NoiseScore(MLP(2, labels=2), paths.linear), batch, generator())
    with pytest.raises(ValueError, match="eta is a probability, got 2"):
        losses.flow_matching(eta=2.0)
