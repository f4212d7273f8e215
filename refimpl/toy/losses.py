"""Losses of a batch: draw levels and noise, walk the path, compare with the target.

    x_t = α_t data + σ_t noise,   ‖network(x_t, t, y) − target‖²   averaged over the batch

Every builder returns loss(network, batch, generator). The formulas are `equations.objectives`';
here expectations are drawn and coordinates added up.
"""

from collections.abc import Callable
from typing import TypeAlias

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from ..equations import expand_like, objectives, paths
from ..equations.paths import Coefficients
from .batches import Batch
from .networks import Condition
from .training import Loss

Path: TypeAlias = Callable[[Tensor], Coefficients]
Levels: TypeAlias = Callable[[int, torch.Generator], Tensor]
"""levels(n, generator): one noise level per row, shape (n,)."""
Coupling: TypeAlias = Callable[[Tensor, Tensor], Tensor]
"""coupling(data, noise): the same noise, its rows reordered to match the data."""


def uniform(low: float = 0.0, high: float = 1.0) -> Levels:
    """t uniform in [low, high).

    Raises:
        ValueError: not 0 ≤ low < high ≤ 1.
    """
    if not 0 <= low < high <= 1:
        raise ValueError(f"levels need 0 <= low < high <= 1, got low={low!r}, high={high!r}")

    def draw(n: int, generator: torch.Generator) -> Tensor:
        return low + (high - low) * torch.rand(n, generator=generator)

    return draw


def among(levels: Float[Tensor, " L"]) -> Levels:
    """One of finitely many levels, each equally often.

    Raises:
        ValueError: none given, or one outside [0, 1].
    """
    if levels.ndim != 1 or not len(levels) or not bool(((levels >= 0) & (levels <= 1)).all()):
        raise ValueError(f"levels must be numbers in [0, 1], got {levels}")

    def draw(n: int, generator: torch.Generator) -> Tensor:
        return levels[torch.randint(len(levels), (n,), generator=generator)].float()

    return draw


def independent(data: Tensor, noise: Tensor) -> Tensor:
    """Noise as it was drawn: nothing is matched."""
    return noise


def drop_labels(
    label: Int[Tensor, " B"], null: int, eta: float, generator: torch.Generator
) -> Int[Tensor, " B"]:
    """y ← ∅ with probability η, row by row: what classifier-free guidance is trained with.

    Raises:
        ValueError: η outside [0, 1].
    """
    _probability(eta)
    return torch.where(torch.rand(len(label), generator=generator) < eta, null, label)


def flow_matching(
    path: Path = paths.linear,
    *,
    levels: Levels | None = None,
    coupling: Coupling = independent,
    eta: float = 0.0,
) -> Loss:
    """‖v_θ(x_t, t, y) − ẋ_t‖²: conditional flow matching on any path; CondOT on the linear one.

    Args:
        coupling: which noise meets which data.
        eta: how often a label is replaced by ∅; labelled batches only.

    Raises:
        ValueError: η outside [0, 1].
    """
    levels = levels or uniform()
    _probability(eta)

    def loss(network: nn.Module, batch: Batch, generator: torch.Generator) -> Tensor:
        c, t, noise = _walk(path, levels, batch.data, generator)
        noise = coupling(batch.data, noise)
        x = paths.interpolate(c, batch.data, noise)
        label = _told(network, batch, eta, generator)
        target = paths.velocity(c, batch.data, noise)
        return _whole(objectives.flow_matching(network(x, t, label), target))

    return loss


def denoising(path: Path = paths.linear, *, levels: Levels, weighted: bool) -> Loss:
    """‖s_θ + ε/σ‖², or with σ² in front (`weighted`), which keeps its size at every level.

    Args:
        levels: away from σ = 0 unless weighted, where the target is infinite.
    """

    def loss(network: nn.Module, batch: Batch, generator: torch.Generator) -> Tensor:
        c, t, noise = _walk(path, levels, batch.data, generator)
        s = network(paths.interpolate(c, batch.data, noise), t, batch.label)
        form = objectives.weighted_denoising if weighted else objectives.denoising
        return _whole(form(s, noise, c.sigma))

    return loss


def implicit(path: Path = paths.linear, *, levels: Levels) -> Loss:
    """tr ∂s_θ + ½‖s_θ‖² at x_t ~ p_t, the trace exact: one backward pass per coordinate."""

    def loss(network: nn.Module, batch: Batch, generator: torch.Generator) -> Tensor:
        c, t, noise = _walk(path, levels, batch.data, generator)
        x = paths.interpolate(c, batch.data, noise).requires_grad_()
        s = network(x, t, batch.label)
        return _whole(objectives.implicit(s, diagonal(s, x)))

    return loss


def diagonal(s: Float[Tensor, "B d"], x: Float[Tensor, "B d"]) -> Float[Tensor, "B d"]:
    """∂s_i/∂x_i for each coordinate, differentiable once more."""
    columns = [
        torch.autograd.grad(s[:, i].sum(), x, create_graph=True)[0][:, i] for i in range(x.shape[1])
    ]
    return torch.stack(columns, dim=1)


def _walk(
    path: Path, levels: Levels, data: Tensor, generator: torch.Generator
) -> tuple[Coefficients, Tensor, Tensor]:
    """The path's coefficients at fresh levels, the levels t, and noise shaped like the data."""
    t = levels(len(data), generator).to(data.dtype)
    noise = torch.randn(data.shape, generator=generator, dtype=data.dtype)
    return path(expand_like(t, data)), t, noise


def _told(
    network: nn.Module, batch: Batch, eta: float, generator: torch.Generator
) -> Tensor | None:
    if batch.label is None or eta == 0:
        return batch.label
    condition = getattr(network, "condition", None)
    if not isinstance(condition, Condition):
        raise ValueError(
            "labels can be dropped for a network that knows a null label; "
            f"{type(network).__name__} has no `condition`: give eta = 0"
        )
    return drop_labels(batch.label, condition.null, eta, generator)


def _probability(eta: float) -> None:
    if not 0 <= eta <= 1:
        raise ValueError(f"eta is a probability, got {eta!r}")


def _whole(elementwise: Tensor) -> Tensor:
    """Added up over coordinates, averaged over the batch."""
    return elementwise.flatten(1).sum(dim=1).mean()
