"""How a family's network is asked for a velocity: the one thing in which families differ.

    call(network, x, t, text, dtype) → v        latents (n, C, H, W) in, velocities like them out

Latents are float32 and unpacked here, whatever the network wants: patches of 2 × 2 in rows, a clock
of its own, positions, embedded guidance. The level t is on the house clock.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import torch
from jaxtyping import Float
from torch import Tensor

from ...equations import conventions
from .text import Text


class Call(Protocol):
    """A family's way of calling its network."""

    def __call__(
        self, network: Any, x: Tensor, t: Tensor, text: Text, dtype: torch.dtype
    ) -> Tensor:
        """v at (x_t, t), float32, shaped like x."""
        ...


def sd3(network: Any, x: Tensor, t: Tensor, text: Text, dtype: torch.dtype) -> Tensor:
    """SD3 and SD3.5: latents as they are, a time of 1000 t, pooled text beside the tokens'."""
    (v,) = network(
        hidden_states=x.to(dtype),
        encoder_hidden_states=text.embeddings.to(dtype),
        pooled_projections=text.pooled.to(dtype),
        timestep=conventions.network_time(t),
        return_dict=False,
    )
    return v.float()


@dataclass(frozen=True)
class Flux:
    """FLUX.1: packed latents with positions, and in its "dev" a guidance that is embedded.

    Attributes:
        guidance: what "dev" is told; None for a network without that embedding ("schnell").
    """

    guidance: float | None = 3.5

    def __call__(
        self, network: Any, x: Tensor, t: Tensor, text: Text, dtype: torch.dtype
    ) -> Tensor:
        """v at (x_t, t)."""
        rows, columns = x.shape[2] // 2, x.shape[3] // 2
        grid = torch.cartesian_prod(torch.arange(rows), torch.arange(columns))
        places = torch.cat([torch.zeros(len(grid), 1, dtype=grid.dtype), grid], dim=1)
        told = None
        if self.guidance is not None:
            told = torch.full((len(x),), self.guidance, dtype=torch.float32, device=x.device)
        (v,) = network(
            hidden_states=packed(x).to(dtype),
            encoder_hidden_states=text.embeddings.to(dtype),
            pooled_projections=text.pooled.to(dtype),
            timestep=t,
            guidance=told,
            img_ids=places.to(x.device, dtype),
            txt_ids=torch.zeros(text.embeddings.shape[1], 3, device=x.device, dtype=dtype),
            return_dict=False,
        )
        return unpacked(v.float(), rows, columns)


def qwen_image(network: Any, x: Tensor, t: Tensor, text: Text, dtype: torch.dtype) -> Tensor:
    """Qwen-Image: packed latents, their shape told, text with a mask and nothing pooled.

    Its pipeline's guidance also restores the conditional velocity's norm; a policy with guidance
    1 has none, and no other is offered.
    """
    rows, columns = x.shape[2] // 2, x.shape[3] // 2
    (v,) = network(
        hidden_states=packed(x).to(dtype),
        encoder_hidden_states=text.embeddings.to(dtype),
        encoder_hidden_states_mask=text.mask,
        timestep=t,
        img_shapes=[[(1, rows, columns)]] * len(x),
        return_dict=False,
    )
    return unpacked(v.float(), rows, columns)


def packed(x: Float[Tensor, "n C H W"]) -> Float[Tensor, "n hw 4C"]:
    """Patches of 2 × 2 as rows, as FLUX.1 and Qwen-Image take latents."""
    n, C, H, W = x.shape
    patches = x.reshape(n, C, H // 2, 2, W // 2, 2).permute(0, 2, 4, 1, 3, 5)
    return patches.reshape(n, (H // 2) * (W // 2), 4 * C)


def unpacked(rows: Float[Tensor, "n hw 4C"], height: int, width: int) -> Float[Tensor, "n C H W"]:
    """The inverse of `packed`."""
    n, _, C = rows.shape
    patches = rows.reshape(n, height, width, C // 4, 2, 2).permute(0, 3, 1, 4, 2, 5)
    return patches.reshape(n, C // 4, 2 * height, 2 * width)
