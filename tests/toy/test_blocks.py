"""A flow of coupling blocks: a density of mass one, an inverse, and what training is worth."""

import pytest
import torch

from refimpl.toy import blocks
from refimpl.toy.networks import build
from refimpl.toy.training import Plan


def stirred(d=2):
    """A flow with random weights."""
    generator = torch.Generator().manual_seed(0)
    flow = build(lambda: blocks.Flow(d, 4, 16), generator).double()
    with torch.no_grad():
        for p in flow.parameters():
            p.add_(torch.randn(p.shape, generator=generator, dtype=p.dtype), alpha=0.3)
    return flow


def test_the_density_has_mass_one():
    z = torch.linspace(-14, 14, 561, dtype=torch.float64)
    x = torch.stack(torch.meshgrid(z, z, indexing="ij"), dim=-1).reshape(-1, 2)
    with torch.no_grad():
        mass = stirred().log_density(x).exp().sum() * (z[1] - z[0]) ** 2
    assert float(mass) == pytest.approx(1, abs=1e-3)  # nodes 0.05 apart


def test_the_log_density_is_that_of_the_jacobian():
    flow = stirred(3)
    x = torch.tensor([0.3, -0.8, 1.1], dtype=torch.float64)

    def through(x):
        y = x[None]
        for block in flow.blocks:
            y, _ = block(y)
        return y[0]

    jacobian = torch.autograd.functional.jacobian(through, x)
    noise = torch.distributions.Normal(0.0, 1.0).log_prob(through(x)).sum()
    found = flow.log_density(x[None])[0].detach()
    assert float(found) == pytest.approx(
        float((noise + jacobian.det().abs().log()).detach()), rel=1e-12
    )


def test_data_come_back_from_the_noise():
    assert blocks._round_trip(stirred(5), torch.linspace(-2, 2, 15).double().reshape(3, 5)) < 1e-12


def test_training_closes_most_of_the_gap():
    config = blocks.Config(Plan(250, rate=5e-3), blocks=6, held_out=1000)
    found = blocks.run(config, generator=torch.Generator().manual_seed(0))
    assert found.gap < found.untrained / 4
    assert found.round_trip < 1e-9
