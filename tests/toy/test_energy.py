"""Energies on a line: the normaliser, the steps, and what each training is worth."""

import pytest
import torch
from torch import nn

from refimpl.equations import langevin
from refimpl.toy import energy, gaussian
from refimpl.toy.training import Plan


class Parabola(nn.Module):
    """f = θ x²/2."""

    def __init__(self, theta):
        super().__init__()
        self.theta = nn.Parameter(torch.tensor(theta, dtype=torch.float64))

    def forward(self, x):
        return self.theta * x[:, 0] ** 2 / 2


def test_a_parabola_is_a_gaussian_and_its_divergence_is_known():
    law = gaussian([0.0], [0.8])
    assert energy.divergence(Parabola(1 / 0.64), law) == pytest.approx(0, abs=1e-12)
    apart = energy.divergence(Parabola(1.0), law)
    assert apart == pytest.approx(0.64 / 2 - 0.5 - torch.tensor(0.8).log().item(), rel=1e-6)


def test_steps_are_langevins_own_down_the_energy():
    x = torch.linspace(-2, 2, 5, dtype=torch.float64)[:, None]
    found = energy.moved(Parabola(0.5), x, 2, 0.1, torch.Generator().manual_seed(0))
    again = torch.Generator().manual_seed(0)
    for _ in range(2):
        drawn = torch.randn(x.shape, generator=again, dtype=x.dtype)
        x = langevin.step(x, -0.5 * x, 0.1).sample(drawn)
    assert torch.allclose(found, x, rtol=1e-14)


def test_the_exact_likelihood_learns_more_than_one_step_of_cd():
    config = energy.Config(Plan(150, rate=5e-3))
    generator = torch.Generator().manual_seed(0)
    one, exact = (
        energy.divergence(energy.learn(config, k, generator), config.law) for k in (1, None)
    )
    untrained = energy.divergence(energy.Energy().double(), config.law)
    assert exact < one < untrained
    assert exact < untrained / 4
