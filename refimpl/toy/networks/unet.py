"""A small U-Net for 8 × 8 or 16 × 16 pictures, told the noise level and the label.

    size ──▷ size/2 ──▷ size/4          convolve, keep a copy, halve
      ╰─────────╰─ copies ─╮
    size ◁── size/2 ◁── size/4          double, append the copy, convolve

Every block is told (t, y) by a scale and a shift per channel. Groups are normalised within one
picture, never across the batch. With channels (32, 64) and 10 labels: 0.27 million
parameters.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import interpolate, silu

from .condition import Condition

GROUPS = 8


class Block(nn.Module):
    """x + conv(silu(scale · norm(conv(silu(norm(x)))) + shift)): a block that is told e."""

    def __init__(self, before: int, after: int, width: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.GroupNorm(GROUPS, before), nn.GroupNorm(GROUPS, after)
        self.conv1 = nn.Conv2d(before, after, 3, padding=1)
        self.conv2 = nn.Conv2d(after, after, 3, padding=1)
        self.told = nn.Linear(width, 2 * after)
        self.skip = nn.Conv2d(before, after, 1) if before != after else nn.Identity()

    def forward(self, x: Tensor, e: Tensor) -> Tensor:
        """Shape (B, before, H, W) to (B, after, H, W); e is (B, width)."""
        scale, shift = self.told(silu(e))[:, :, None, None].chunk(2, dim=1)
        h = self.norm2(self.conv1(silu(self.norm1(x))))
        answer: Tensor = self.skip(x) + self.conv2(silu(h * (1 + scale) + shift))
        return answer


class UNet(nn.Module):
    """(x, t, y) ↦ a picture shaped like x.

    Attributes:
        channels: of the hidden maps, one entry per resolution, each a multiple of 8.
        image: channels of x.

    Raises:
        ValueError: no resolution at all, or channels that 8 does not divide.
    """

    def __init__(
        self,
        *,
        image: int = 1,
        channels: Sequence[int] = (32, 64),
        labels: int = 0,
        width: int = 64,
    ) -> None:
        super().__init__()
        if not channels or any(c < GROUPS or c % GROUPS for c in channels):
            raise ValueError(f"channels must be multiples of {GROUPS}, got {tuple(channels)}")
        self.image, self.halvings = image, len(channels) - 1
        self.condition = Condition(width, labels)
        self.first = nn.Conv2d(image, channels[0], 3, padding=1)
        self.down, self.shrink = nn.ModuleList(), nn.ModuleList()
        self.up, self.grow = nn.ModuleList(), nn.ModuleList()
        for fine, coarse in pairwise(channels):
            self.down.append(Block(fine, fine, width))
            self.shrink.append(nn.Conv2d(fine, coarse, 3, stride=2, padding=1))
            self.grow.insert(0, nn.Conv2d(coarse, fine, 3, padding=1))
            self.up.insert(0, Block(2 * fine, fine, width))
        self.bottom = nn.ModuleList(Block(channels[-1], channels[-1], width) for _ in range(2))
        self.norm = nn.GroupNorm(GROUPS, channels[0])
        self.last = nn.Conv2d(channels[0], image, 3, padding=1)
        for p in self.last.parameters():
            nn.init.zeros_(p)

    def forward(
        self,
        x: Float[Tensor, "B C H W"],
        t: Float[Tensor, " B"],
        y: Int[Tensor, " B"] | None = None,
    ) -> Float[Tensor, "B C H W"]:
        """The answer at x, at noise level t, under label y (None: the null label).

        Raises:
            ValueError: shapes that do not fit, a size that cannot be halved often enough, or a
                label out of range.
        """
        if x.ndim != 4 or x.shape[1] != self.image or t.shape != x.shape[:1]:
            raise ValueError(
                f"this network takes x (B, {self.image}, H, W) and t (B,), got {tuple(x.shape)} "
                f"and {tuple(t.shape)}"
            )
        if any(size % 2**self.halvings for size in x.shape[2:]):
            raise ValueError(
                f"height and width are halved {self.halvings} times, got {tuple(x.shape[2:])}"
            )
        e = self.condition(t, y)
        h, copies = self.first(x), []
        for block, shrink in zip(self.down, self.shrink, strict=True):
            copies.append(block(h, e))
            h = shrink(copies[-1])
        for block in self.bottom:
            h = block(h, e)
        for grow, block in zip(self.grow, self.up, strict=True):
            h = grow(interpolate(h, scale_factor=2.0))
            h = block(torch.cat([h, copies.pop()], dim=1), e)
        answer: Tensor = self.last(silu(self.norm(h)))
        return answer
