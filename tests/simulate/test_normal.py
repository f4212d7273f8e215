"""Gaussians with a full covariance: fields, laws of chains, distances, by matrices and by hand."""

import math

import pytest
import scipy.linalg
import torch

from refimpl.equations import Gaussian, correlated, paths, sde
from refimpl.simulate import diffusion, grids, laws, normal
from refimpl.simulate import sde as chains
from refimpl.simulate.normal import Normal
from refimpl.toy import field, gaussian

P = Normal(
    torch.tensor([1.0, -0.5], dtype=torch.float64),
    torch.tensor([[1.5, 0.6], [0.6, 0.8]], dtype=torch.float64),
)
Q = Normal(
    torch.tensor([0.6, -0.2], dtype=torch.float64),
    torch.tensor([[0.7, -0.2], [-0.2, 1.1]], dtype=torch.float64),
)
G = diffusion.flow_grpo(0.7, sde.next_level)


def wide(d=4):
    """A Gaussian of d dimensions without a symmetry."""
    root = torch.randn(d, d, generator=torch.Generator().manual_seed(d), dtype=torch.float64)
    mean = torch.arange(d, dtype=torch.float64) - 1
    return Normal(mean, root @ root.T + 0.1 * torch.eye(d, dtype=torch.float64))


def three(law):
    c = law.covariance.tolist()
    return c[0][0], c[0][1], c[1][1]


def test_matrices_do_not_commute_in_these_tests():
    bracket = P.covariance @ Q.covariance - Q.covariance @ P.covariance
    assert float(bracket.abs().max()) > 0.1


@pytest.mark.parametrize("t", [0.0, 0.3, 1.0])
def test_the_velocity_is_the_two_dimensional_formula(t):
    x = torch.tensor([[0.3, 0.9], [-1.0, 2.0]], dtype=torch.float64)
    got = P.velocity(paths.linear(t), x)
    (mx, my), (xx, xy, yy) = P.mean.tolist(), three(P)
    for row, want in zip(x.tolist(), got.tolist(), strict=True):
        first = correlated.velocity(*row, mx, my, xx, xy, yy, t)
        second = correlated.velocity(*row[::-1], my, mx, yy, xy, xx, t)
        assert want == pytest.approx([first, second], rel=1e-13, abs=1e-14)


@pytest.mark.parametrize("path", [paths.linear, paths.cosine])
def test_data_and_noise_are_the_ends_of_x_and_the_score_is_the_gradient(path):
    law, c = wide(), path(0.4)
    x = torch.randn(5, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    torch.testing.assert_close(c.alpha * law.data(c, x) + c.sigma * law.noise(c, x), x)
    at = law.at(c)
    y = x.clone().requires_grad_()
    log = torch.distributions.MultivariateNormal(at.mean, at.covariance).log_prob(y).sum()
    torch.testing.assert_close(at.score(x), torch.autograd.grad(log, y)[0])


def test_on_a_diagonal_everything_is_the_law_coordinate_by_coordinate():
    mean, std = [1.5, -2.0], [0.5, 0.1]
    law = Normal(torch.tensor(mean).double(), torch.diag(torch.tensor(std).double() ** 2))
    grid = grids.uniform(10)
    one = laws.gaussian_law(
        chains.denoising(field(gaussian(mean, std)), grid, diffusion=G),
        torch.zeros(2).double(),
        torch.ones(2).double(),
    )
    kernels = chains.denoising(normal.field(law), grid, diffusion=G)
    for i, two in enumerate(normal.pushed(kernels, normal.standard(2))):
        torch.testing.assert_close(two.mean, one.mean[i])
        torch.testing.assert_close(two.covariance, torch.diag(one.variance[i]))


def test_a_chain_commutes_with_turning_the_data():
    """Isotropic noise: the chain on turned data is the turned chain."""
    grid, c, s = grids.sd35_once_shifted(8), math.cos(0.7), math.sin(0.7)
    turn = torch.tensor([[c, -s], [s, c]], dtype=torch.float64)
    turned = Normal(turn @ P.mean, turn @ P.covariance @ turn.T)
    ends = [
        normal.pushed(chains.denoising(normal.field(d), grid, diffusion=G), normal.standard(2))[-1]
        for d in (P, turned)
    ]
    torch.testing.assert_close(ends[1].mean, turn @ ends[0].mean)
    torch.testing.assert_close(ends[1].covariance, turn @ ends[0].covariance @ turn.T)


def test_kernel_by_kernel_and_as_one_map_give_one_law_without_common_axes():
    grid, start = grids.uniform(6), Q
    kernels = chains.denoising(normal.field(P), grid, diffusion=G)

    def sampler(x, noise):
        return chains.run(kernels, x, noise=noise).states[-1]

    one, two = normal.pushed(kernels, start)[-1], normal.law(sampler, start, draws=6)
    torch.testing.assert_close(one.mean, two.mean, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(one.covariance, two.covariance, rtol=1e-12, atol=1e-12)


def test_kl_and_distance_are_the_two_dimensional_formulas_and_torchs():
    gap = (P.mean - Q.mean).tolist()
    assert normal.kl(P, Q) == pytest.approx(correlated.kl(*gap, *three(P), *three(Q)), rel=1e-12)
    square = correlated.wasserstein(*gap, *three(P), *three(Q))
    assert normal.wasserstein(P, Q) ** 2 == pytest.approx(square, rel=1e-12)
    p, q = wide(), Normal(torch.zeros(4).double(), torch.eye(4).double() * 2)
    of = torch.distributions.MultivariateNormal
    want = torch.distributions.kl_divergence(of(p.mean, p.covariance), of(q.mean, q.covariance))
    assert normal.kl(p, q) == pytest.approx(float(want), rel=1e-12)
    root = scipy.linalg.sqrtm(p.covariance.numpy())
    shared = scipy.linalg.sqrtm(root @ q.covariance.numpy() @ root).trace()
    traces = float(p.covariance.trace() + q.covariance.trace()) - 2 * float(shared)
    square = float(((p.mean - q.mean) ** 2).sum()) + traces
    assert normal.wasserstein(p, q) ** 2 == pytest.approx(square, rel=1e-9)


def test_the_distance_is_symmetric_vanishes_and_reaches_points():
    assert normal.wasserstein(P, Q) == pytest.approx(normal.wasserstein(Q, P), rel=1e-12)
    assert normal.wasserstein(P, P) < 1e-7  # a root of a rounding
    point = Normal(P.mean, torch.zeros(2, 2).double())
    assert normal.wasserstein(P, point) == pytest.approx(
        float(P.covariance.trace()) ** 0.5, rel=1e-12
    )
    with pytest.raises(ValueError, match="q has no density"):
        normal.kl(P, point)


def test_samples_have_mean_and_covariance():
    n = 40_000
    law = wide()
    x = law.sample(n, torch.Generator().manual_seed(5))
    stds = law.covariance.diagonal().sqrt()
    assert ((x.mean(0) - law.mean).abs() < 5 * stds / n**0.5).all()
    off = (x.T.cov() - law.covariance).abs()
    assert (off < 5 * torch.outer(stds, stds) * (2 / n) ** 0.5).all()


def test_what_is_not_affine_or_no_covariance_is_refused():
    with pytest.raises(ValueError, match=r"the sampler is not affine \(it bends by"):
        normal.law(lambda x, noise: x**2, normal.standard(2))
    with pytest.raises(ValueError, match="the sampler is not affine"):
        normal.law(lambda x, noise: x + noise[0] * x, normal.standard(2), draws=1)
    with pytest.raises(ValueError, match="kernel 0 is not affine"):
        normal.pushed([lambda x: sde.euler_maruyama(x, x**2, 0.1, 0.5)], normal.standard(2))
    one = torch.eye(2, dtype=torch.float64)
    with pytest.raises(ValueError, match=r"covariance must be .* with d = 3, got shape \(2, 2\)"):
        Normal(torch.zeros(3).double(), one)
    with pytest.raises(ValueError, match="a covariance is symmetric"):
        Normal(torch.zeros(2).double(), torch.tensor([[1.0, 0.5], [0.0, 1.0]]).double())
    with pytest.raises(ValueError, match="no negative eigenvalue"):
        Normal(torch.zeros(2).double(), torch.tensor([[1.0, 2.0], [2.0, 1.0]]).double())
    for distance in (normal.kl, normal.wasserstein):
        with pytest.raises(ValueError, match="one dimension, got d = 2 and d = 4"):
            distance(P, wide())


def test_a_law_without_a_density_is_named_and_one_dimension_is_enough():
    thin = Normal(P.mean, torch.tensor([[1.0, 1.0], [1.0, 1.0]]).double())
    with pytest.raises(ValueError, match="^p has no density: its covariance is singular$"):
        normal.kl(thin, P)
    with pytest.raises(ValueError, match="^q has no density"):
        normal.kl(P, thin)
    one, two = (Normal(torch.tensor([m]).double(), torch.tensor([[v]]).double())
                for m, v in ((1.0, 4.0), (0.0, 1.0)))  # fmt: skip
    assert normal.kl(one, two) == pytest.approx((4 + 1 - 1 - math.log(4)) / 2, rel=1e-13)
    assert normal.wasserstein(one, two) == pytest.approx(2**0.5, rel=1e-12)


def test_a_law_is_read_off_at_two_points_and_one_for_every_slope():
    seen = []

    def sampler(x, noise):
        seen.append((tuple(x.shape), tuple(noise.shape)))
        return x + noise.sum(0)

    for draws, kept in ((0, 1.0), (3, 4.0)):
        found = normal.law(sampler, normal.standard(2), *([draws] if draws else []))
        n = 2 + (1 + draws) * 2
        assert seen[-1] == ((n, 2), (draws, n, 2))
        torch.testing.assert_close(found.covariance, kept * torch.eye(2).double())


def test_samples_come_from_the_generator():
    one, two, other = (P.sample(4, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(one, two)
    assert not torch.equal(one, other)


def test_a_kernel_with_a_std_for_each_coordinate_is_not_taken_for_a_round_one():
    def kernel(x):
        return Gaussian(x, torch.tensor([0.1, 0.2]).double())

    with pytest.raises((ValueError, RuntimeError)):
        normal.pushed([kernel], normal.standard(2))


@pytest.mark.parametrize(
    ("mean", "covariance", "words"),
    [
        ((2, 2), (2, 2), r"mean must be a tensor \(d,\) of float64 numbers, got shape \(2, 2\)"),
        ((), (1, 1), r"mean must be a tensor \(d,\) of float64 numbers, got shape \(\)"),
        ((3,), (2, 2), r"covariance must be a tensor \(d, d\) .* with d = 3, got shape \(2, 2\)"),
        ((2,), (2,), r"covariance must be a tensor \(d, d\) .* with d = 2, got shape \(2,\)"),
    ],
)
def test_a_mean_is_one_row_and_its_covariance_is_square(mean, covariance, words):
    with pytest.raises(ValueError, match=f"^{words}$"):
        Normal(torch.zeros(mean).double(), torch.ones(covariance).double())


def test_how_far_a_map_bends_is_told_in_its_own_size():
    start = normal.standard(2)
    normal.law(lambda x, noise: 1e7 * x + 1e-4 * x**2, start)  # 3e-11 of its slope
    with pytest.raises(ValueError) as error:  # noqa: PT011  (the whole message is compared)
        normal.law(lambda x, noise: 2.5e-10 * x**2, start)
    assert str(error.value) == (
        "the sampler is not affine (it bends by 1.5e-09): its law is no Gaussian; in one "
        "dimension there is simulate.laws.density_law"
    )


def test_a_sample_is_the_mean_plus_the_root_times_the_noise():
    e = torch.randn(3, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    got = P.sample(3, torch.Generator().manual_seed(1))
    torch.testing.assert_close(got, P.mean + e @ normal.root(P.covariance))
    root = normal.root(P.covariance)
    torch.testing.assert_close(root @ root, P.covariance)
    torch.testing.assert_close(root, root.T)
