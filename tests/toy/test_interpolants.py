"""A path between mixtures: exact fields against differences, and both heads against them."""

import pytest
import torch

from refimpl.equations import conversions, ode, paths
from refimpl.simulate import grids
from refimpl.simulate.ode import solve
from refimpl.toy import gaussian, interpolants
from refimpl.toy.interpolants import Interpolant
from refimpl.toy.training import Plan
from refimpl.verify.statistics.interpolants import STEPS

LAW = interpolants.example()
X = torch.linspace(-2, 2.5, 10, dtype=torch.float64)[:, None]


def test_density_and_velocity_obey_the_continuity_equation():
    t, d = 0.6, 1e-5

    def p(t, x):
        return LAW.at(paths.linear(t)).log_density(x).exp()

    def flux(x):
        return p(t, x) * LAW.velocity(paths.linear(t), x)[:, 0]

    rate = (p(t + d, X) - p(t - d, X)) / (2 * d)
    divergence = (flux(X + d) - flux(X - d)) / (2 * d)
    assert torch.allclose(rate, -divergence, atol=1e-8)


def test_both_ends_are_the_laws_that_were_given():
    for t, law in ((0.0, LAW.data), (1.0, LAW.start)):
        made = LAW.at(paths.linear(t))
        assert torch.allclose(made.cdf(X[:, 0]), law.cdf(X[:, 0]), atol=1e-14)


def test_the_flow_carries_each_quantile_of_the_start_to_the_same_one_of_the_data():
    x = torch.linspace(-3.5, 2.6, 1001, dtype=torch.float64)[:, None]

    def v(x, t):
        return LAW.velocity(paths.linear(t), x)

    ends = solve(ode.rk4, v, x, grids.uniform(STEPS))
    off = (LAW.data.cdf(ends) - LAW.start.cdf(x)).abs().max()
    assert off < 1e-6  # as the check says of its own steps


def test_a_gaussian_start_gives_the_paths_own_velocity_and_score():
    data = interpolants.example().start
    plain = Interpolant(data, gaussian([0.0], [1.0]))
    c = paths.linear(0.4)
    assert torch.allclose(plain.velocity(c, X), data.velocity(c, X), rtol=1e-11)
    made = conversions.score_from_velocity(c, X, plain.velocity(c, X))
    assert torch.allclose(plain.score(c, X), made, rtol=1e-9)


def test_two_coordinates_go_one_by_one_where_each_law_is_one_gaussian():
    law = Interpolant(gaussian([1.0, -1.0], [0.5, 0.2]), gaussian([0.0, 2.0], [0.3, 0.7]))
    c, x = paths.linear(0.3), torch.tensor([[0.4, 0.1]], dtype=torch.float64)
    for k in range(2):
        part = Interpolant(
            gaussian([float(law.data.means[0, k])], [float(law.data.stds[0, k])]),
            gaussian([float(law.start.means[0, k])], [float(law.start.stds[0, k])]),
        )
        alone = part.velocity(c, x[:, k : k + 1])[0, 0]
        assert float(law.velocity(c, x)[0, k]) == pytest.approx(float(alone), rel=1e-12)


def test_two_heads_learn_both_fields_and_the_velocity_alone_gives_no_score():
    config = interpolants.Config(Plan(400, rate=5e-3), held_out=1000)
    found = interpolants.run(config, generator=torch.Generator().manual_seed(0))
    assert found.velocity < 0.25
    assert found.score < 0.4 * found.size
    assert found.from_velocity > 0.8 * found.size


def test_ends_of_different_dimension_are_refused():
    with pytest.raises(ValueError, match="got d=1 and d=2"):
        Interpolant(gaussian([0.0], [1.0]), gaussian([0.0, 0.0], [1.0, 1.0]))
