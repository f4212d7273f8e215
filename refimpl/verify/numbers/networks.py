"""Networks and codes: what they are said to be."""

import numpy as np
import torch

from ...toy import latent
from ...toy.batches import Batch
from ...toy.networks import DiT, UNet, build
from ..check import Evidence, check


@check("numbers", covers=(), rows=("ARCH-1", "ARCH-2"))
def image_networks_are_what_they_say(seed: int) -> Evidence:
    """U-Net and DiT: zero at birth, deaf to neighbours, and told apart by time and label."""
    figures = {}
    for name, make in (
        ("U-Net", lambda: UNet(labels=10)),
        ("DiT", lambda: DiT(size=8, labels=10)),
    ):
        g = torch.Generator().manual_seed(seed)
        network = build(make, g)
        x, t = torch.randn(4, 1, 8, 8, generator=g), torch.tensor([0.2, 0.4, 0.6, 0.8])
        y = torch.tensor([1, 2, 3, 10])
        if network(x, t, y).detach().abs().max().item() != 0:
            raise AssertionError(f"{name} should answer exactly 0 before it has learnt anything")
        with torch.no_grad():
            for p in network.parameters():
                p.add_(0.05 * torch.randn(p.shape, generator=g))
        network = network.double()
        x, t = x.double(), t.double()
        with torch.no_grad():
            whole = network(x, t, y)
            alone = torch.cat([network(x[i : i + 1], t[i : i + 1], y[i : i + 1]) for i in range(4)])
            told = [network(x, t.flip(0), y), network(x, t, y.flip(0)), network(x, t, None)]
        gap = float((whole - alone).abs().max() / whole.abs().max())
        if not gap < 1e-12:  # float64 sums of a few hundred terms, in another order
            raise AssertionError(
                f"{name}: a sample's answer moves by {gap:.2g} with its neighbours"
            )
        if any(float((other - whole).abs().max()) < 1e-6 for other in told):
            raise AssertionError(f"{name} does not listen to its time or its label")
        figures[f"{name}: neighbours' influence"] = gap
        figures[f"{name}: parameters"] = float(sum(p.numel() for p in network.parameters()))
    return Evidence("zero at birth, no influence of neighbours, time and label heard", figures)


@check("numbers", covers=(), rows=("ARCH-3",))
def a_code_is_a_sample_s_own(seed: int) -> Evidence:
    """Encoder and decoder: the stated sizes, no influence of neighbours, an exact loss."""
    g = torch.Generator().manual_seed(seed)
    network = build(lambda: latent.Autoencoder(9, 2), g).double()
    x = torch.randn(6, 9, generator=g, dtype=torch.float64)
    with torch.no_grad():
        code, whole = network.encoder(x), network(x)
        alone = torch.cat([network(row[None]) for row in x])
        loss = float(latent.reconstruction(network, Batch(x), g))
    gap = max(
        float((whole - alone).abs().max()),
        float((whole - network.decoder(code)).detach().abs().max()),
        abs(loss - float(np.square(whole.numpy() - x.numpy()).sum() / 6)),
    )
    if code.shape != (6, 2) or not gap < 1e-12:  # float64 sums of a hundred terms
        raise AssertionError(f"codes of shape {tuple(code.shape)}, gap {gap:.2g}")
    return Evidence(f"nine numbers to two and back, largest gap {gap:.1e}", {"gap": gap})
