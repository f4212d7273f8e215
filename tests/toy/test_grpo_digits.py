"""Digits: rewards by hand, a reader and a judge that learn from pictures no flow has seen."""

from types import SimpleNamespace

import pytest
import torch
from torch.nn.utils import parameters_to_vector

from refimpl.statistics import budget
from refimpl.toy.digits import Digits
from refimpl.toy.grpo import digits
from refimpl.toy.networks import MLP, build
from refimpl.toy.training import Plan


@pytest.fixture(scope="module")
def data():
    return digits.split(0)


def rows(*pictures):
    return torch.stack(pictures).flatten(1)


ANY = torch.zeros(1, dtype=torch.int64)
WHITE = -torch.ones(8, 8)


def test_ink_is_the_mean_darkness_of_each_picture():
    half = WHITE.clone()
    half[:4] = 0.5
    assert digits.ink(rows(WHITE, half, -WHITE), ANY).tolist() == [-1, -0.25, 1]


def test_symmetry_is_that_of_left_and_right():
    """Of eight by eight pixels, those that differ from their mirror image count twice."""
    left, top, dot = WHITE.clone(), WHITE.clone(), WHITE.clone()
    left[:, :4] = 1
    top[:4] = 1
    dot[2, 0] = 0
    assert digits.symmetry(rows(left, top, dot), ANY).tolist() == [-2, 0, -2 / 64]


def ring(open_at=()):
    """Black round a white pixel in the corner of the picture's middle."""
    picture = WHITE.clone()
    picture[2:5, 2:5] = 1
    for at in ((3, 3), *open_at):
        picture[at] = -1
    return picture


def test_a_hole_is_white_that_no_edge_joins_to_the_rim():
    assert digits.holes(rows(ring()), ANY).tolist() == [1]
    for gap in ((2, 3), (4, 3), (3, 2), (3, 4)):
        assert digits.holes(rows(ring([gap])), ANY).tolist() == [0]
    assert digits.holes(rows(ring([(2, 2)])), ANY).tolist() == [1]  # a corner joins nothing


@pytest.mark.parametrize("at", [(0, 4), (7, 4), (4, 0), (4, 7)])
def test_white_at_any_side_is_no_hole(at):
    """Black but for one pixel of the rim, and for one inside."""
    picture = -WHITE
    picture[at] = -1
    assert digits.holes(rows(picture), ANY).tolist() == [0]
    picture[2, 2] = -1
    assert digits.holes(rows(picture, WHITE), ANY).tolist() == [1, 0]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_grey_is_no_hole_and_a_count_has_the_precision_of_its_pictures(dtype):
    grey, pale = ring(), ring()
    grey[3, 3], pale[3, 3] = 0.0, -0.01
    found = digits.holes(rows(grey, pale).to(dtype), ANY)
    assert found.tolist() == [0, 1]
    assert found.dtype == dtype


def few(n=24):
    """Noughts and ones to judge with, black in another half each; another world to learn from."""
    x = torch.randn(n, 1, 8, 8, generator=torch.Generator().manual_seed(0)) / 4
    y = torch.arange(n) % 2
    x[y == 0, :, :4] += 0.25
    x[y == 1, :, 4:] += 0.25
    return Digits(-x, y, x, y)


def test_a_reader_is_the_logistic_regression_of_its_penalty():
    """½‖w‖² − C Σ log p(y | x) is flat at the answer: w = C Σ (y − p) x, and Σ (y − p) = 0."""
    made = few()
    reward, x = digits.reader(made), made.held_out.flatten(1).double()
    both = [reward(x, torch.full((len(x),), label)) for label in (0, 1)]
    torch.testing.assert_close(both[0].exp() + both[1].exp(), torch.ones(len(x)).double())
    away = made.held_out_label - both[1].exp()
    unit = torch.cat([torch.zeros(1, 64), torch.eye(64)]).double()
    zero, one = (reward(unit, torch.full((65,), label)) for label in (0, 1))
    logit = one - zero
    assert float(away.sum()) == pytest.approx(0, abs=1e-3)  # the solver stops at 1e-4 of a slope
    torch.testing.assert_close(logit[1:] - logit[0], 0.05 * away @ x, atol=1e-4, rtol=1e-3)


def test_a_reader_gives_each_picture_the_logarithm_for_its_own_label(data):
    reward, x = digits.reader(data), data.train[:40].flatten(1)
    table = torch.stack([reward(x, torch.full((40,), label)) for label in range(10)], dim=1)
    assert table.dtype == x.dtype == torch.float32
    torch.testing.assert_close(table.exp().sum(dim=1), torch.ones(40))
    assert torch.equal(
        reward(x, data.train_label[:40]), table.gather(1, data.train_label[:40, None])[:, 0]
    )
    assert float((table.argmax(dim=1) == data.train_label[:40]).double().mean()) > 0.8


def test_a_judge_reads_pictures_that_it_never_saw_and_says_how_many_are_as_asked(data):
    read, x, y = digits.judge(data), data.train.flatten(1), data.train_label
    assert read(x, y) > 0.97
    assert read(x, (y + 1) % 10) < 0.03
    half = torch.cat([y[:500], (y[500:1000] + 1) % 10])
    assert read(x[:1000], half) == pytest.approx(0.5, abs=0.02)
    assert read(9 * x, y) == read(x.sign(), y)  # darker than black is black
    assert isinstance(read(x[:1], y[:1]), float)


def test_a_judge_draws_the_line_of_its_kernel_and_its_bound():
    """One grey picture between two of another label, with k = exp(−γ d²) their likeness.

    Its weight would exceed C, so it is C; the others have C/2 each and lie on their margin, −1.
    """
    C, gamma, at = 10.0, 0.02, 0.25 / 0.02  # d² of neighbours: k⁴ is e⁻¹
    grey = torch.zeros(1, 1, 8, 8)
    away = torch.full_like(grey, (at / 64) ** 0.5)
    x, y = torch.cat([away, grey, -away]), torch.tensor([0, 1, 0])

    def likeness(picture, other):
        return float((-gamma * ((picture - other) ** 2).sum()).exp())

    def rises(picture):
        outer = likeness(picture, away) + likeness(picture, -away)
        return C * likeness(picture, grey) - C / 2 * outer

    read = digits.judge(Digits(-x, y, x, y))
    shades = [(rises(s * away) - rises(away) - 1, s * away) for s in torch.linspace(0, 1, 101)]
    clear = [(side, shade) for side, shade in shades if abs(side) > 0.01]  # solved to 1e-3
    assert len(clear) > 95
    assert clear[0][0] > 0 > clear[-1][0]
    for side, shade in clear:
        assert read(shade.flatten(1), torch.tensor([1])) == (side > 0)


def test_rewards_are_made_of_the_pictures_by_name(data):
    for name in ("ink", "symmetry", "holes"):
        assert digits.REWARDS[name](data) is getattr(digits, name)
    assert digits.REWARDS["label"] is digits.reader
    assert len(digits.REWARDS) == 4


def test_pictures_are_split_by_the_seed_six_tenths_to_learn_from(data):
    assert (len(data.train), len(data.held_out)) == (1078, 719)
    again = digits.load(0.6, budget.generator("grpo.digits.split", 0))
    assert torch.equal(data.train, again.train)
    assert not torch.equal(digits.split(1).train, data.train)


def test_the_reference_is_learnt_as_it_is_told(monkeypatch, data, tmp_path):
    asked = []

    def train(*given, **more):
        asked.append((given, more))
        return SimpleNamespace(averaged="averaged")

    monkeypatch.setattr(digits, "train", train)
    say = lambda step, steps, loss: None  # noqa: E731
    plan = Plan(3, average=0.5)
    made = digits.reference(data, digits.Pretraining(plan, 5, 12, 2), 4, tmp_path / "file", say)
    assert made == "averaged"
    (((network, loss, draw, used), more),) = asked
    assert used is plan
    generator = more.pop("generator")
    assert more == {"file": tmp_path / "file", "resume": True, "on_progress": say}

    fresh = budget.generator("grpo.digits.reference", 4)
    wanted = build(lambda: MLP(64, width=12, depth=2, labels=10), fresh)
    assert torch.equal(*(parameters_to_vector(x.parameters()) for x in (network, wanted)))
    assert torch.equal(generator.get_state(), fresh.get_state())

    batch = draw(generator)
    assert len(batch.data) == 5
    for picture, label in zip(batch.data, batch.label, strict=True):
        (at,) = (data.train.flatten(1) == picture).all(dim=1).nonzero()[:1, 0]
        assert data.train_label[at] == label
    still = torch.nn.Module()
    still.forward = lambda x, t, y: torch.zeros_like(x)
    assert float(loss(still, batch, generator)) > 0


def test_a_problem_tunes_a_copy(data):
    network = MLP(64, width=4, depth=1, labels=10)
    made = digits.problem(network, digits.ink)
    assert (made.d, made.dtype, made.labels) == (64, torch.float32, 10)
    assert made.reward is digits.ink
    assert made.reference is network
    assert made.policy is not network
    assert torch.equal(*(parameters_to_vector(x.parameters()) for x in (network, made.policy)))
    shared = {id(p) for p in network.parameters()} & {id(p) for p in made.policy.parameters()}
    assert not shared


@pytest.mark.parametrize("shown", [None, 3])
def test_a_sheet_has_the_first_pictures_of_every_label_in_its_row(shown):
    y = torch.arange(90) % 10
    x = (10 * y + torch.arange(90) // 10)[:, None] + torch.linspace(0, 0.5, 64)
    found = digits.sheets(x, y) if shown is None else digits.sheets(x, y, shown)
    assert found.shape == (10, shown or 8, 8, 8)
    for label in range(10):
        for k in range(shown or 8):
            wanted = 10 * label + k + torch.linspace(0, 0.5, 64)
            assert torch.equal(found[label, k], wanted.reshape(8, 8))
