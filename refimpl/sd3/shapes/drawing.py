"""Pictures of captions: 16 × 16 pixels, black ground, one object in a quadrant.

    quadrants   0 1        object 5 × 5, at 0 to 2 pixels from the quadrant's upper left corner,
                2 3        so that two objects never touch

Everything a caption leaves open (quadrants, jitter) is drawn evenly; there is nothing else in a
picture than what its caption names.
"""

from collections.abc import Sequence
from itertools import permutations

import torch
from jaxtyping import Float
from torch import Tensor

from .captions import COLOURS, SHAPES, Caption

SIDE, OBJECT, QUADRANT, JITTER = 16, 5, 8, 2

RGB = torch.tensor([[1.0, 0, 0], [0, 1.0, 0], [0, 0, 1.0], [1.0, 1.0, 0]])
"""The colours, in the order of COLOURS: shape (4, 3)."""


def templates() -> Float[Tensor, "shapes 5 5"]:
    """The three shapes as masks: a full square, a diamond of 13 pixels, a cross of 9."""
    offset = torch.arange(OBJECT) - OBJECT // 2
    down, across = offset[:, None].abs(), offset[None, :].abs()
    square = torch.ones(OBJECT, OBJECT)
    circle = (down + across <= OBJECT // 2).float()
    cross = ((down == 0) | (across == 0)).float()
    return torch.stack([square, circle, cross])


def draw(captions: Sequence[Caption], generator: torch.Generator) -> Float[Tensor, "B 3 16 16"]:
    """One picture of each caption, in [0, 1]."""
    places = [_arrangements(caption) for caption in captions]
    chosen = torch.rand(len(captions), generator=generator).tolist()
    jitter = torch.randint(JITTER + 1, (len(captions), 4, 2), generator=generator).tolist()
    images, masks = torch.zeros(len(captions), 3, SIDE, SIDE), templates()
    for image, caption, options, share, shifts in zip(
        images, captions, places, chosen, jitter, strict=True
    ):
        quadrants = options[int(share * len(options))]
        for thing, quadrant, (down, across) in zip(caption.things, quadrants, shifts, strict=False):
            top, left = QUADRANT * (quadrant // 2) + down, QUADRANT * (quadrant % 2) + across
            mask = masks[SHAPES.index(thing.shape)]
            colour = RGB[COLOURS.index(thing.colour)]
            image[:, top : top + OBJECT, left : left + OBJECT] = colour[:, None, None] * mask
    return images


def _arrangements(caption: Caption) -> tuple[tuple[int, ...], ...]:
    """Every way to put the caption's objects into different quadrants."""
    every = permutations(range(4), len(caption.things))
    if caption.category == "left of":
        return tuple(q for q in every if q[0] % 2 < q[1] % 2)
    if caption.category == "above":
        return tuple(q for q in every if q[0] // 2 < q[1] // 2)
    return tuple(every)
