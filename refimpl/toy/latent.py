"""Sampling in a latent space: encode, learn the flow of the codes, sample codes, decode.

    z = (E(x) − m)/s          flow matching on z          x = D(m + s z)

The autoencoder is trained first and then left alone. Codes are shifted and scaled to mean zero and
unit variance, because the path's noise has unit variance. What the decoder cannot show no flow can
generate: the reconstruction error is the floor of what follows.
"""

from dataclasses import dataclass, field

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from ..equations.ode import heun
from ..simulate.grids import uniform
from ..simulate.ode import solve
from .batches import Batch, from_table
from .losses import flow_matching
from .networks import MLP, build, classifier_free_field
from .training import Plan, train


class Autoencoder(nn.Module):
    """Flattened pictures to a few numbers and back; two layers each way.

    Raises:
        ValueError: a size that is not positive.
    """

    def __init__(self, pixels: int, latent: int, width: int = 128) -> None:
        super().__init__()
        if min(pixels, latent, width) < 1:
            raise ValueError(f"sizes must be positive, got {pixels}, {latent}, {width}")
        self.encoder = nn.Sequential(nn.Linear(pixels, width), nn.SiLU(), nn.Linear(width, latent))
        self.decoder = nn.Sequential(nn.Linear(latent, width), nn.SiLU(), nn.Linear(width, pixels))

    def forward(self, x: Float[Tensor, "B pixels"]) -> Float[Tensor, "B pixels"]:
        """D(E(x))."""
        answer: Tensor = self.decoder(self.encoder(x))
        return answer


def reconstruction(network: nn.Module, batch: Batch, generator: torch.Generator) -> Tensor:
    """‖D(E(x)) − x‖², averaged over the batch."""
    return ((network(batch.data) - batch.data) ** 2).sum(dim=1).mean()


@dataclass(frozen=True)
class Config:
    """Sizes and plans.

    Attributes:
        latent: numbers in a code.
        width: of the flow's network.
        w: the guidance scale.
        n: samples per label.
    """

    latent: int = 12
    autoencoder: Plan = field(default_factory=lambda: Plan(3000))
    flow: Plan = field(default_factory=lambda: Plan(4000))
    batch: int = 256
    width: int = 192
    eta: float = 0.2
    w: float = 1.5
    n: int = 50
    steps: int = 25


@dataclass(frozen=True)
class Result:
    """Pictures decoded from sampled codes.

    Attributes:
        unexplained: reconstruction error of held-out pictures as a share of their variance.
        samples: shape (labels · n, pixels), n of label 0 first.
        labels: what each was asked to show.
    """

    unexplained: float
    samples: Float[Tensor, "N pixels"] = field(repr=False)
    labels: Int[Tensor, " N"] = field(repr=False)


def run(
    data: Float[Tensor, "N pixels"],
    label: Int[Tensor, " N"],
    held_out: Float[Tensor, "M pixels"],
    config: Config,
    *,
    generator: torch.Generator,
) -> Result:
    """Train the autoencoder, then the flow of its codes; sample every label and decode.

    Raises:
        ValueError: data that are not finite, or labels that do not fit.
    """
    coder = build(lambda: Autoencoder(data.shape[1], config.latent), generator)
    draw = from_table(data, label, n=config.batch)
    train(coder, reconstruction, draw, config.autoencoder, generator=generator)
    with torch.no_grad():
        code = coder.encoder(data)
        mean, std = code.mean(dim=0), code.std(dim=0)
        left = ((coder(held_out) - held_out) ** 2).sum() / ((held_out - data.mean(0)) ** 2).sum()
    labels = int(label.max()) + 1
    network = build(lambda: MLP(config.latent, width=config.width, labels=labels), generator)
    draw = from_table((code - mean) / std, label, n=config.batch)
    train(network, flow_matching(eta=config.eta), draw, config.flow, generator=generator)
    asked = torch.arange(labels).repeat_interleave(config.n)
    noise = torch.randn(len(asked), config.latent, generator=generator)
    guided = classifier_free_field(network, asked, config.w)
    z = solve(heun, guided, noise, uniform(config.steps))
    with torch.no_grad():
        samples = coder.decoder(mean + std * z)
    return Result(float(left), samples, asked)
