"""A mixture's closed forms against automatic differentiation, quadrature and each other."""

import math

import pytest
import torch
from scipy import integrate

from refimpl import toy
from refimpl.equations import conversions, paths
from refimpl.toy import Mixture, Product

LEVELS = [(paths.linear, 0.3), (paths.linear, 0.9), (paths.cosine, 0.4)]
PROBLEMS = list(toy.examples())


def tensor(*rows):
    return torch.tensor(rows, dtype=torch.float64)


def points(d, n=7):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(d), dtype=torch.float64)


@pytest.mark.parametrize("name", PROBLEMS)
@pytest.mark.parametrize(("path", "t"), LEVELS)
def test_score_is_the_gradient_of_log_density(name, path, t):
    p = toy.examples()[name].at(path(t))
    x = points(p.d).requires_grad_()
    (gradient,) = torch.autograd.grad(p.log_density(x).sum(), x)
    torch.testing.assert_close(p.score(x.detach()), gradient, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", PROBLEMS)
@pytest.mark.parametrize(("path", "t"), LEVELS)
def test_velocity_data_noise_and_score_are_views_of_one_mean(name, path, t):
    p, c = toy.examples()[name], path(t)
    x = points(p.d)
    v = p.velocity(c, x)
    for found, exact in (
        (conversions.data_from_velocity(c, x, v), p.posterior_data(c, x)),
        (conversions.noise_from_velocity(c, x, v), p.posterior_noise(c, x)),
        (conversions.score_from_velocity(c, x, v), p.at(c).score(x)),
        (conversions.data_from_score(c, x, p.at(c).score(x)), p.posterior_data(c, x)),
    ):
        # a few hundred roundings, magnified by 1/(α σ) at these levels
        torch.testing.assert_close(found, exact, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", PROBLEMS)
@pytest.mark.parametrize(("path", "t"), LEVELS)
def test_density_moves_by_the_continuity_equation(name, path, t):
    """∂_t log p = −∇·v − v·∇log p, with ∂_t by central differences."""
    p, e = toy.examples()[name], 1e-5
    x = points(p.d)
    rate = (p.at(path(t + e)).log_density(x) - p.at(path(t - e)).log_density(x)) / (2 * e)
    jacobian = torch.func.vmap(torch.func.jacrev(lambda y: p.velocity(path(t), y)))(x)
    divergence = jacobian.diagonal(dim1=1, dim2=2).sum(dim=1)
    flow = -divergence - (p.velocity(path(t), x) * p.at(path(t)).score(x)).sum(dim=1)
    # differences: e²/6 times a third derivative of order 1e3, and rounding 1e-16/e
    torch.testing.assert_close(rate, flow, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("t", [0.0, 0.3, 1.0])
def test_moments_and_mass_agree_with_quadrature(t):
    p = toy.mixture_1d().at(paths.linear(t))

    def moment(k):
        density = lambda u: float(p.log_density(tensor([u])).exp())  # noqa: E731
        return integrate.quad(lambda u: u**k * density(u), -9, 9, points=[-1, 0, 1], epsabs=1e-11)[
            0
        ]

    assert moment(0) == pytest.approx(1, abs=1e-9)
    assert moment(1) == pytest.approx(float(p.mean), abs=1e-9)
    assert moment(2) - moment(1) ** 2 == pytest.approx(float(p.covariance), abs=1e-8)


def test_cdf_is_the_integral_of_the_density():
    p = toy.mixture_1d()
    x = torch.linspace(-3, 3, 13, dtype=torch.float64).requires_grad_()
    (slope,) = torch.autograd.grad(p.cdf(x).sum(), x)
    torch.testing.assert_close(
        slope, p.log_density(x.detach()[:, None]).exp(), rtol=1e-12, atol=1e-14
    )


def test_the_ends_of_the_path_are_data_and_noise():
    p = toy.mixture_2d()
    assert torch.equal(p.at(paths.linear(0.0)).means, p.means)
    noise = p.at(paths.linear(1.0))
    assert torch.equal(noise.means, 0 * p.means)
    assert torch.equal(noise.stds, torch.ones_like(p.stds))


def test_velocity_at_the_ends_is_finite_and_known():
    p, x = toy.mixture_2d(), points(2)
    # t = 1: x is pure noise and says nothing of the data
    torch.testing.assert_close(p.velocity(paths.linear(1.0), x), x - p.mean)
    # t = 0: x is the data, and the noise is unknown: E[noise] = 0
    torch.testing.assert_close(p.velocity(paths.linear(0.0), x), -x)


def test_a_point_mass_has_noised_laws():
    p = toy.gaussian([2.0], [0.0])
    x = tensor([0.4], [3.0])
    c = paths.linear(0.25)
    torch.testing.assert_close(p.posterior_data(c, x), torch.full_like(x, 2.0))
    torch.testing.assert_close(p.velocity(c, x), (x - 2.0) / 0.25)


def test_far_points_do_not_underflow():
    p = toy.mixture_1d().at(paths.linear(0.1))
    x = tensor([60.0], [-60.0])
    assert torch.isfinite(p.log_density(x)).all()
    # far out the nearest tail rules: component of mean 0.9·2, std² = 0.81·0.25 + 0.01
    assert float(p.score(x)[0]) == pytest.approx(-(60 - 1.8) / (0.81 * 0.25 + 0.01), rel=1e-9)


def test_batches_of_any_shape_keep_their_shape():
    p, c = toy.mixture_2d(), paths.linear(0.4)
    x = points(2, 24).reshape(2, 3, 4, 2)
    assert p.velocity(c, x).shape == x.shape
    torch.testing.assert_close(p.velocity(c, x).reshape(-1, 2), p.velocity(c, x.reshape(-1, 2)))
    assert p.at(c).log_density(x).shape == (2, 3, 4)


def test_given_randomness_gives_the_sample():
    p = toy.mixture([0.25, 0.75], [[-1.0, 0.0], [2.0, 5.0]], [[0.5, 1.0], [2.0, 0.1]])
    x = p.place(
        torch.tensor([0.2, 0.25, 0.999], dtype=torch.float64),
        tensor([1, 1], [1, 1], [0, 0]).double(),
    )
    torch.testing.assert_close(x, tensor([-0.5, 1.0], [4.0, 5.1], [2.0, 5.0]))


def test_sampling_leaves_the_global_generator_alone():
    before = torch.get_rng_state()
    first = toy.rotated_8d().sample(10, torch.Generator().manual_seed(3))
    again = toy.rotated_8d().sample(10, torch.Generator().manual_seed(3))
    assert torch.equal(first, again)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_product_is_the_mixture_it_multiplies_out_to():
    left, right = toy.mixture_1d(), toy.mixture([0.6, 0.4], [[-1.0], [1.5]], [[0.3], [0.4]])
    product = Product((left, right), torch.eye(2, dtype=torch.float64))
    both = Mixture(
        (left.weights[:, None] * right.weights).flatten(),
        torch.cartesian_prod(left.means[:, 0], right.means[:, 0]),
        torch.cartesian_prod(left.stds[:, 0], right.stds[:, 0]),
    )
    x, c, w = points(2), paths.cosine(0.3), points(2, 3)
    torch.testing.assert_close(product.velocity(c, x), both.velocity(c, x), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(product.at(c).log_density(x), both.at(c).log_density(x))
    torch.testing.assert_close(product.covariance, both.covariance)
    torch.testing.assert_close(product.characteristic(w), both.characteristic(w))


def test_a_rotation_without_zeros_mixes_every_coordinate():
    q = toy.rotated_8d()
    assert float(q.rotation.abs().min()) > 1e-3
    assert float(torch.linalg.det(q.rotation)) == pytest.approx(1)


def test_the_mean_is_curved_on_the_cosine_path():
    p = toy.gaussian_1d()
    start, middle, end = (float(p.at(paths.cosine(t)).mean) for t in (0.0, 0.5, 1.0))
    assert middle - (start + end) / 2 == pytest.approx(1.5 * (math.sqrt(0.5) - 0.5))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: toy.mixture([0.5, 0.6], [[0.0], [1.0]], [[1.0], [1.0]]), "add up to 1"),
        (lambda: toy.mixture([1.0], [[0.0]], [[-1.0]]), "must not be negative"),
        (lambda: toy.mixture([1.0], [[math.nan]], [[1.0]]), "means must be finite"),
        (lambda: toy.mixture([1.0], [[0.0, 1.0]], [[1.0]]), r"got \(1,\), \(1, 2\), \(1, 1\)"),
        (lambda: toy.mixture_2d().score(points(3)), r"d = 2: x must be \(..., 2\), got \(7, 3\)"),
        (lambda: toy.mixture_2d().cdf(points(2)), "a CDF needs d = 1, got d = 2"),
        (lambda: toy.mixture_1d().at(paths.linear(tensor([0.1], [0.2]))), "one law at one level"),
        (lambda: toy.rotated_2d().velocity(paths.linear(0.5), points(3)), "d = 2, got x"),
        (lambda: Product((toy.mixture_1d(),), tensor([2.0])), "must be orthogonal"),
        (lambda: Product((toy.mixture_2d(),), tensor([1.0])), "one dimension"),
        (lambda: Product((toy.mixture_1d(),), torch.eye(2).double()), r"need a rotation \(1, 1\)"),
        (lambda: toy.mixture_1d().place(torch.rand(3).double(), points(1)), "noise must be"),
        (lambda: toy.mixture_1d().score(tensor([math.nan])), "finite"),
    ],
)
def test_bad_input_is_refused_with_its_value(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_low_precision_is_refused():
    with pytest.raises(TypeError, match="must be float64"):
        Mixture(torch.ones(1), torch.zeros(1, 1), torch.ones(1, 1))


@pytest.mark.parametrize("asked", ["velocity", "posterior_data", "score", "log_density"])
def test_a_sample_that_is_no_number_is_refused_by_name(asked):
    p, c = toy.mixture_2d(), paths.linear(0.5)
    function = getattr(p, asked)
    known = (c,) if asked in ("velocity", "posterior_data") else ()
    with pytest.raises(ValueError, match="x must be finite, got nan"):
        function(*known, tensor([0.0, math.nan]))
