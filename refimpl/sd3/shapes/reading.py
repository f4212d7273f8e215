"""What a picture shows: every object in it, by matching 5 × 5 templates, and what is left over.

    colour      a channel counts as on from ½ up; red, green, blue and yellow are on-off codes
    object      a 5 × 5 window whose colour mask differs from a template in at most one pixel
    left over   pixels that are on and belong to no object found

No template fits where another does (they differ in four pixels or more), so that nothing is counted
twice.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import conv2d

from .captions import COLOURS, SHAPES
from .drawing import OBJECT, RGB, SIDE, templates

WRONG = 1
"""Pixels of a window that may differ from the template."""


@dataclass(frozen=True)
class Reading:
    """What B pictures show; objects by `Thing.number`.

    Attributes:
        found: where the upper left corner of each object's window is.
        left_over: pixels that no object explains.
    """

    found: Bool[Tensor, "B things 12 12"]
    left_over: Int[Tensor, " B"]

    @property
    def counts(self) -> Int[Tensor, "B things"]:
        """How many of each object."""
        return self.found.sum(dim=(2, 3))

    @property
    def row(self) -> Float[Tensor, "B things"]:
        """The mean centre of each object downwards, in pixels; NaN where there is none."""
        return self._centre(self.found.sum(dim=3))

    @property
    def column(self) -> Float[Tensor, "B things"]:
        """The mean centre of each object to the right, in pixels; NaN where there is none."""
        return self._centre(self.found.sum(dim=2))

    def _centre(self, along: Int[Tensor, "B things 12"]) -> Float[Tensor, "B things"]:
        place = torch.arange(along.shape[2]) + OBJECT // 2
        return (along * place).sum(dim=2) / self.counts


def read(images: Float[Tensor, "B 3 16 16"]) -> Reading:
    """Find all objects.

    Raises:
        ValueError: pictures of another size.
    """
    if images.shape[1:] != (3, SIDE, SIDE):
        raise ValueError(
            f"pictures of shapes are [B, 3, {SIDE}, {SIDE}], got {tuple(images.shape)}"
        )
    images = images.to("cpu", torch.float32)
    shown = images >= 0.5
    masks = (shown[:, None] == (RGB > 0)[:, :, None, None]).all(dim=2).float()
    found = _matches(masks)
    left_over = shown.any(dim=1) & ~((masks > 0) & _covered(found)).any(dim=1)
    return Reading(found.flatten(1, 2), left_over.sum(dim=(1, 2)))


def _matches(masks: Float[Tensor, "B colours 16 16"]) -> Bool[Tensor, "B colours shapes 12 12"]:
    """Where a window differs from a template in at most one pixel."""
    kernels = templates()
    rows = masks.reshape(-1, 1, SIDE, SIDE)
    # pixels that differ: those of the template that are off, and those outside it that are on
    differ = conv2d(rows, (1 - 2 * kernels)[:, None]) + kernels.sum(dim=(1, 2))[:, None, None]
    size = SIDE - OBJECT + 1
    return (differ < WRONG + 0.5).reshape(-1, len(COLOURS), len(SHAPES), size, size)


def _covered(found: Bool[Tensor, "B colours shapes 12 12"]) -> Bool[Tensor, "B colours 16 16"]:
    """The pixels of the templates that were found."""
    size = SIDE - OBJECT + 1
    rows = found.reshape(-1, len(SHAPES), size, size).float()
    stamps = templates().flip(1, 2)[None]  # a convolution looks back from each pixel
    pixels = conv2d(rows, stamps, padding=OBJECT - 1)
    return pixels.reshape(-1, len(COLOURS), SIDE, SIDE) > 0.5
