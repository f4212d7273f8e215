"""A step in pieces is the step: same numbers, same slopes, same refusals."""

import pytest
import torch

from refimpl import methods
from refimpl.methods import Method, pieces
from refimpl.simulate import grids

GRID = grids.sd35_once_shifted(10)


def batch(seed=0):
    draw = torch.Generator().manual_seed(seed)
    return torch.randn(4, 5, 3, 4, generator=draw, dtype=torch.float64)


@pytest.fixture(params=[1, 24, 2**16], ids=["a sample", "two samples", "all"])
def _coordinates(request, monkeypatch):
    """However many samples a piece has; twelve coordinates a sample."""
    monkeypatch.setattr(pieces, "COORDINATES", request.param)


@pytest.mark.usefixtures("_coordinates")
@pytest.mark.parametrize("name", ["flow_grpo", "cps"])
@pytest.mark.parametrize("reduction", ["total", "average"])
def test_a_step_in_pieces_is_the_step(name, reduction):
    method = Method(kernel=name, noise=0.7, reduction=reduction)
    x, v, noise, _ = batch()
    law = methods.affine(method, GRID)[2]
    whole = law.law(x, v)
    want = whole.sample(noise)
    got, scored = methods.draw(method, law, x, v, noise)
    torch.testing.assert_close(got, want, rtol=1e-15, atol=1e-15)
    torch.testing.assert_close(scored, methods.log_prob(method, whole, want), rtol=1e-14, atol=0)
    assert got is noise  # x_s lies where the noise lay


@pytest.mark.usefixtures("_coordinates")
def test_a_replay_of_what_was_drawn_is_its_score_bit_for_bit():
    method = Method(noise=0.7)
    x, v, noise, _ = batch()
    law = methods.affine(method, GRID)[2]
    x_s, scored = methods.draw(method, law, x, v, noise)
    assert torch.equal(methods.replay(method, law, x, v, x_s), scored)


@pytest.mark.usefixtures("_coordinates")
def test_a_replay_has_the_slope_of_the_whole_batch():
    method = Method(noise=0.7)
    x, v, x_s, w = batch()
    v.requires_grad_(True)
    law, w = methods.affine(method, GRID)[2], w[:, 0, 0]
    slopes = [
        torch.autograd.grad((w * each).sum(), v)[0]
        for each in (
            methods.replay(method, law, x, v, x_s),
            methods.log_prob(method, law.law(x, v), x_s),
        )
    ]
    torch.testing.assert_close(*slopes, rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize(
    ("coordinates", "sizes"), [(1, [1] * 5), (24, [2, 2, 1]), (59, [4, 1]), (60, [5])]
)
def test_a_piece_is_as_many_samples_as_fit(coordinates, sizes, monkeypatch):
    seen, method = [], Method(noise=0.7)

    def listen(method, law, x_s):
        seen.append(len(x_s))
        return methods.log_prob(method, law, x_s)

    monkeypatch.setattr(pieces, "COORDINATES", coordinates)
    monkeypatch.setattr(pieces, "log_prob", listen)
    x, v, noise, _ = batch()
    law = methods.affine(method, GRID)[2]
    x_s, _ = methods.draw(method, law, x, v, noise)
    assert seen == sizes
    methods.replay(method, law, x, v, x_s)
    assert seen == 2 * sizes


def test_of_no_samples_there_are_no_scores():
    method, law = Method(noise=0.7), methods.affine(Method(noise=0.7), GRID)[2]
    x, v, noise, _ = batch()[:, :0]
    x_s, scored = methods.draw(method, law, x, v, noise)
    assert x_s.shape == x.shape
    assert scored.shape == methods.replay(method, law, x, v, x_s).shape == (0,)


@pytest.mark.usefixtures("_coordinates")
def test_levels_of_their_own_are_taken_all_at_once():
    method = Method(noise=0.7)
    x, v, x_s, _ = batch()
    laws = methods.affine(method, GRID)
    rows = [
        torch.tensor([getattr(laws[i], name) for i in (1, 2, 3, 4, 5)]).double().view(5, 1, 1)
        for name in ("of_x", "of_v", "std")
    ]
    mixed = methods.replay(method, methods.Affine(*rows), x, v, x_s)
    alone = [
        methods.replay(method, laws[i + 1], *(a[i : i + 1] for a in (x, v, x_s))) for i in range(5)
    ]
    torch.testing.assert_close(mixed, torch.cat(alone), rtol=1e-6, atol=0)  # float32 numbers


def test_a_step_refuses_what_does_not_fit():
    method = Method(noise=0.7)
    x, v, noise, _ = batch()
    law = methods.affine(method, GRID)[2]
    with pytest.raises(ValueError, match="x, v and the next state must have one shape"):
        methods.draw(method, law, x, v[:4], noise)
    with pytest.raises(ValueError, match="a step without noise has no density"):
        methods.draw(method, methods.affine(method, GRID, noisy=False)[2], x, v, noise)
    with pytest.raises(ValueError, match="must be finite"):
        methods.replay(method, law, x, v, noise + torch.nan)
